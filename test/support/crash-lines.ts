// Lines in use, recounted by the carrier's own clock: how many calls were on at once, from the ring to the end.
import type { Db } from '../../src/db/schema.ts';
import type { World } from './crash-world.ts';

interface Stretch {
  campaignId: number;
  from: number;
  to: number;
}

const stretches = async ({ db, rings }: World): Promise<Stretch[]> => {
  const calls = new Map((await db.selectFrom('calls').select(['id', 'campaign_id']).execute()).map((row) => [row.id, row.campaign_id]));
  const ends = await endsOf(db);
  return rings().map(({ callId, at }) => ({
    campaignId: calls.get(Number(callId)) ?? 0,
    from: new Date(at).getTime(),
    to: ends.get(Number(callId)) ?? Number.POSITIVE_INFINITY,
  }));
};

const endsOf = async (db: Db): Promise<Map<number, number>> => {
  const events = await db.selectFrom('carrier_events').select(['call_id', 'at', 'body']).execute();
  return new Map(events.filter(({ body }) => body.type === 'ended').map(({ call_id, at }) => [call_id, at.getTime()]));
};

// What ends and what begins in the same millisecond were not on at once.
const mostOf = (all: readonly Stretch[]): number => {
  const steps = all.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  steps.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of steps) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
};

/** The most calls that were on at once: in all, and in each campaign. */
export const mostAtOnce = async (world: World): Promise<{ all: number; byCampaign: Map<number, number> }> => {
  const all = await stretches(world);
  const byCampaign = Map.groupBy(all, ({ campaignId }) => campaignId);
  return { all: mostOf(all), byCampaign: new Map([...byCampaign].map(([id, own]) => [id, mostOf(own)])) };
};
