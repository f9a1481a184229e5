// One life of a dialer, with wires in between, ended by SIGKILL at a crash point.
import { once } from 'node:events';
import { type CrashPoint, createNamer } from './crash-statements.ts';
import { type Handling, startCarrierWire, startPostgresWire, type Watch } from './crash-wires.ts';
import type { World } from './crash-world.ts';

/** How a life went. */
export interface Life {
  /** Whether the point was reached; else it was killed when its time was over. */
  reached: boolean;
  /** Writes that no name is known for: the list of crash points has a hole. */
  strangers: string[];
  log: string;
}

/** A dialer that has been started and does not reach its database yet. */
export interface Unborn {
  /** Lets it live; resolves when it has been killed and is gone. */
  live(): Promise<Life>;
  /** Whether it still waits; the program gives up on a database that does not answer for ten seconds. */
  waits(): boolean;
  discard(): Promise<void>;
}

/** Longer than any wait of a dialer in haste, with what a busy machine adds. */
const LONGEST_LIFE = 40_000;

/** Starts a dialer that will be killed at the point. `env`: settings that are not the world's. */
export const prepareLife = async (world: World, { at, when, nth }: CrashPoint, env: Record<string, string> = {}): Promise<Unborn> => {
  const namer = createNamer();
  let seen = 0;
  let reached = false;
  let kill = () => {};
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const die = (): boolean => {
    reached = true;
    kill();
    return false;
  };
  const handle = (name: string | undefined): Handling | undefined => {
    // From the point on nothing more leaves or arrives; the signal takes a moment.
    if (reached) return { before: () => false };
    if (name !== at) return undefined;
    seen += 1;
    // Some requests are never answered: then it is the next one that is.
    if (seen < nth) return undefined;
    return when === 'before' ? { before: die } : { after: die };
  };
  const onStatement: Watch = (message, connection) => handle(namer.nameOf(message, connection));
  const [database, carrier] = await Promise.all([
    startPostgresWire(world.databaseUrl, onStatement, gate),
    startCarrierWire(world.carrierUrl, (message) => handle(message)),
  ]);
  const dialer = world.serve('dialer', { DATABASE_URL: database.url, SIMULATED_CARRIER_URL: carrier.url, ...env });
  const { child } = dialer;
  const exited = once(child, 'exit');
  kill = () => child.kill('SIGKILL');
  const end = async (): Promise<void> => {
    await exited;
    await Promise.all([database.close(), carrier.close()]);
  };
  return {
    live: async () => {
      open();
      const timer = setTimeout(kill, LONGEST_LIFE);
      await end();
      clearTimeout(timer);
      return { reached, strangers: namer.strangers(), log: dialer.log() };
    },
    waits: () => child.exitCode === null,
    discard: async () => {
      kill();
      await end();
    },
  };
};
