// The checker's verdict on a world: the carrier's log of rings against the database.
import type { World } from './crash-world.ts';
import { type Act, type Broken, brokenPromises, readRows } from './promise-checker.ts';

/** Several processes, with waits for locks between an instant and what is written with it. */
const TOLERANCE = 500;

/** Every broken promise; none is the answer that is hoped for. */
export const judge = async ({ db, rings }: World, acts: readonly Act[] = []): Promise<Broken[]> =>
  brokenPromises({ rings: rings(), rows: await readRows(db), acts, toleranceMs: TOLERANCE });

/** Whether somebody was called who should not have been: then there is nothing more to wait for. */
export const ringsWrongly = async ({ db, rings }: World): Promise<boolean> => {
  const broken = brokenPromises({ rings: rings(), rows: await readRows(db), final: false, toleranceMs: TOLERANCE });
  return broken.some(({ promise }) => promise === 'D1');
};
