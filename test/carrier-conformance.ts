// What every carrier must do, whoever is behind it. A carrier's own test file makes a rig and calls `carrierConformance`.
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Carrier, CarrierEvent, CarrierEventBody, PlaceCall } from '../src/carriers/carrier.ts';

/** Numbers that make a carrier, or what stands in for its far side, do something certain. Without a number: not tested. */
export interface RigNumbers {
  /** A human picks up, talks for a moment and hangs up. */
  answered: string;
  busy?: string;
  noAnswer?: string;
  declined?: string;
  invalid?: string;
  /** Certainly refused, as whatever else would be asked for now. */
  rejected?: string;
  /** Certainly refused, this number alone, whatever is done about the carrier. */
  numberRefused?: Partial<PlaceCall> & Pick<PlaceCall, 'to'>;
  /** It rings, but the answer to the request is lost. */
  replyLost?: string;
  /** The request is never answered. */
  hangs?: string;
  /** Rings until it is told to stop. */
  ringsOn: string;
  /** Is answered, and talks until it is told to stop. */
  talksOn: string;
}

/** A carrier that is ready to be started, and the means to test it. */
export interface Rig {
  carrier: Carrier;
  numbers: RigNumbers;
  now(): Date;
  /** Lets time pass until something holds; fails when it never does. */
  until(holds: () => boolean): Promise<void>;
}

type Ended = Extract<CarrierEventBody, { type: 'ended' }>;

const CALLER = '+12025550100';
let calls = 0;

const start = async (makeRig: () => Promise<Rig>, fails: (event: CarrierEvent) => boolean = () => false) => {
  const rig = await makeRig();
  const events: CarrierEvent[] = [];
  const emit = async (event: CarrierEvent): Promise<void> => {
    if (fails(event)) throw new Error('not stored');
    events.push(event);
  };
  const { carrier } = rig;
  await carrier.start({ emit, now: rig.now, log: pino({ level: 'silent' }) });
  let stopped = false;
  const stop = async (drainMs: number): Promise<void> => {
    stopped = false;
    const stopping = carrier.stop({ drainMs }).then(() => {
      stopped = true;
    });
    await rig.until(() => stopped);
    await stopping;
  };
  onTestFinished(() => (stopped ? undefined : stop(0)));

  const request = (to: string, more: Partial<PlaceCall> = {}): PlaceCall => {
    calls += 1;
    return {
      callId: String(calls),
      to,
      from: CALLER,
      ringTimeoutMs: 30_000,
      maxDurationMs: 600_000,
      amd: 'detect',
      record: false,
      ...more,
    };
  };
  const place = async (call: PlaceCall): Promise<string> => {
    const result = await carrier.place(call, new AbortController().signal);
    if (result.kind !== 'accepted') throw new Error(`${call.to} was not accepted: ${result.kind}`);
    return result.carrierCallId;
  };
  // An event may be told more than once; what has the same key is the same.
  const distinct = () => [...new Map(events.map((event) => [event.dedupeKey, event])).values()];
  const bodies = (carrierCallId: string) => distinct().flatMap((event) => (event.carrierCallId === carrierCallId ? [event.body] : []));
  const has = (carrierCallId: string, type: CarrierEventBody['type']) => bodies(carrierCallId).some((body) => body.type === type);
  const end = async (carrierCallId: string): Promise<Ended> => {
    await rig.until(() => has(carrierCallId, 'ended'));
    const ends = events.flatMap(({ carrierCallId: id, body }) => (id === carrierCallId && body.type === 'ended' ? [body] : []));
    const [ended] = ends;
    if (ended === undefined) throw new Error('no end');
    // Told twice at most, and never differently.
    for (const other of ends) expect(other).toEqual(ended);
    expect(bodies(carrierCallId).filter(({ type }) => type === 'ended')).toHaveLength(1);
    return ended;
  };
  return { ...rig, events, request, place, end, has, stop };
};

/** Runs the suite. `makeRig` makes a new carrier for each test and has it cleaned up. */
export const carrierConformance = (name: string, numbers: RigNumbers, makeRig: () => Promise<Omit<Rig, 'numbers'>>): void => {
  const begin = (fails?: (event: CarrierEvent) => boolean) => start(async () => ({ ...(await makeRig()), numbers }), fails);

  describe(`${name} keeps the contract`, () => {
    test('an answered call: ringing, answered, ended, in that order of time, each about the call', async () => {
      const { request, place, end, events, carrier } = await begin();
      expect((await carrier.health()).ok).toBe(true);
      expect(carrier.capabilities.sharedRecord).toEqual(expect.any(Boolean));
      const call = request(numbers.answered);
      const id = await place(call);
      expect(await end(id)).toMatchObject({ outcome: 'completed', by: 'callee', talkMs: expect.any(Number) });
      const about = events.filter(({ carrierCallId }) => carrierCallId === id);
      for (const { callId } of about) expect(callId ?? call.callId).toBe(call.callId);
      const when = (type: string) => about.find(({ body }) => body.type === type)?.at.getTime() ?? Number.NaN;
      expect(when('ringing')).toBeLessThanOrEqual(when('answered'));
      expect(when('answered')).toBeLessThanOrEqual(when('ended'));
    });

    const unanswered = (number: string | undefined, outcome: Ended['outcome']) =>
      test.skipIf(number === undefined)(`a call that ends as ${outcome} ends so once, and nobody has talked`, async () => {
        const { request, place, end, has } = await begin();
        const id = await place(request(number ?? ''));
        expect(await end(id)).toMatchObject({ outcome, talkMs: 0 });
        expect(has(id, 'answered')).toBe(false);
      });
    unanswered(numbers.busy, 'busy');
    unanswered(numbers.noAnswer, 'no-answer');
    unanswered(numbers.declined, 'declined');
    unanswered(numbers.invalid, 'invalid-number');

    test('a call that nobody answers stops ringing when its time is over', async () => {
      const { request, place, end } = await begin();
      const id = await place(request(numbers.ringsOn, { ringTimeoutMs: 400 }));
      expect(await end(id)).toMatchObject({ outcome: 'no-answer', talkMs: 0 });
    });

    test('a call that is answered is over when its longest duration is', async () => {
      const { request, place, end } = await begin();
      const id = await place(request(numbers.talksOn, { maxDurationMs: 400 }));
      expect(await end(id)).toMatchObject({ outcome: 'completed', by: 'us' });
    });

    test.skipIf(numbers.rejected === undefined)('a rejection is certain: the carrier knows of no such call', async () => {
      const { request, carrier, events, now } = await begin();
      const call = request(numbers.rejected ?? '');
      const result = await carrier.place(call, new AbortController().signal);
      expect(result).toMatchObject({ kind: 'rejected', scope: 'carrier', code: expect.any(String), message: expect.any(String) });
      expect(await carrier.lookup({ callId: call.callId, to: call.to, since: now() })).toBe('gone');
      expect(events).toEqual([]);
    });

    test.skipIf(numbers.numberRefused === undefined)(
      'a refusal of one number is certain, says so, and keeps no other number out',
      async () => {
        const { request, place, carrier, events, now } = await begin();
        const { to = '', ...more } = numbers.numberRefused ?? {};
        const call = request(to, more);
        const result = await carrier.place(call, new AbortController().signal);
        expect(result).toMatchObject({ kind: 'rejected', scope: 'number', code: expect.any(String), message: expect.any(String) });
        expect(result).not.toHaveProperty('retryAfterMs');
        expect(await carrier.lookup({ callId: call.callId, to: call.to, since: now() })).toBe('gone');
        expect(events).toEqual([]);
        await place(request(numbers.answered));
      },
    );

    test.skipIf(numbers.replyLost === undefined)('a call whose reply is lost is unknown, and can be asked for by our id', async () => {
      const { request, carrier, events, until, now } = await begin();
      const call = request(numbers.replyLost ?? '');
      const since = now();
      expect(await carrier.place(call, new AbortController().signal)).toMatchObject({ kind: 'unknown', error: expect.anything() });
      const ended = () => events.find(({ callId, body }) => callId === call.callId && body.type === 'ended');
      await until(() => ended() !== undefined);
      expect(await carrier.lookup({ callId: call.callId, to: call.to, since })).toEqual(ended());
    });

    test.skipIf(numbers.hangs === undefined)('an aborted request is answered at once, as unknown', async () => {
      const { request, carrier } = await begin();
      const aborter = new AbortController();
      const placing = carrier.place(request(numbers.hangs ?? ''), aborter.signal);
      const patience = new Promise((resolve) => setTimeout(resolve, 50, 'still waiting'));
      expect(await Promise.race([placing, patience])).toBe('still waiting');
      aborter.abort();
      expect(await placing).toMatchObject({ kind: 'unknown' });
    });

    test('a request that is aborted before it is sent is certainly not sent', async () => {
      const { request, carrier, now } = await begin();
      const call = request(numbers.answered);
      expect(await carrier.place(call, AbortSignal.abort())).toMatchObject({ kind: 'rejected', scope: 'carrier' });
      expect(await carrier.lookup({ callId: call.callId, to: call.to, since: now() })).toBe('gone');
    });

    test('dedupe keys: what shares one is the same event', async () => {
      const { request, place, end, events } = await begin();
      const ids = await Promise.all([1, 2, 3].map(() => place(request(numbers.answered))));
      await Promise.all(ids.map(end));
      expect(new Set(ids).size).toBe(3);
      const byKey = new Map(events.map((event) => [event.dedupeKey, event]));
      for (const event of events) expect(event).toEqual(byKey.get(event.dedupeKey));
      for (const id of ids) {
        const types = [...byKey.values()].flatMap(({ carrierCallId, body }) => (carrierCallId === id ? [body.type] : []));
        expect(types).toEqual(expect.arrayContaining(['ringing', 'answered', 'ended']));
      }
    });

    test('an event that could not be stored is told again, under the same key', async () => {
      const refused: string[] = [];
      const { request, place, end, events } = await begin(({ dedupeKey, body }) => {
        if (body.type !== 'ended' || refused.includes(dedupeKey)) return false;
        refused.push(dedupeKey);
        return true;
      });
      await end(await place(request(numbers.answered)));
      expect(refused).toHaveLength(1);
      expect(events.map(({ dedupeKey }) => dedupeKey)).toContain(refused[0]);
    });

    test('lookup: live while it goes on, and afterwards the very event of its end', async () => {
      const { request, place, end, events, carrier, now } = await begin();
      const call = request(numbers.talksOn);
      const since = now();
      const id = await place(call);
      const [byTheirs, byOurs] = [{ carrierCallId: id }, { callId: call.callId, to: call.to, since }];
      expect(await carrier.lookup(byTheirs)).toBe('live');
      expect(await carrier.lookup(byOurs)).toBe('live');
      await carrier.hangup(id, 'test');
      await end(id);
      const ended = events.find(({ carrierCallId, body }) => carrierCallId === id && body.type === 'ended');
      expect(await carrier.lookup(byTheirs)).toEqual(ended);
      expect(await carrier.lookup(byOurs)).toEqual(ended);
    });

    test('of a call that it never had it says so, and hangs nothing up', async () => {
      const { carrier, now } = await begin();
      expect(await carrier.lookup({ carrierCallId: 'nobody' })).toBe('gone');
      expect(await carrier.lookup({ callId: 'nobody', to: numbers.answered, since: now() })).toBe('gone');
      await carrier.hangup('nobody', 'test');
    });

    test('hanging up before the answer cancels; once more changes nothing', async () => {
      const { request, place, end, has, until, carrier } = await begin();
      const id = await place(request(numbers.ringsOn, { ringTimeoutMs: 600_000 }));
      await until(() => has(id, 'ringing'));
      await Promise.all([carrier.hangup(id, 'test'), carrier.hangup(id, 'test')]);
      expect(await end(id)).toMatchObject({ outcome: 'canceled', by: 'us', talkMs: 0 });
      const before = await carrier.lookup({ carrierCallId: id });
      await carrier.hangup(id, 'once more');
      // Long enough for a second end to come out.
      await end(await place(request(numbers.answered)));
      expect(await end(id)).toMatchObject({ outcome: 'canceled' });
      expect(await carrier.lookup({ carrierCallId: id })).toEqual(before);
    });

    test('hanging up after the answer completes the call, by us', async () => {
      const { request, place, end, has, until, carrier } = await begin();
      const id = await place(request(numbers.talksOn));
      await until(() => has(id, 'answered'));
      await carrier.hangup(id, 'test');
      expect(await end(id)).toMatchObject({ outcome: 'completed', by: 'us' });
    });

    test('a stop lets calls come to their end, and takes no more', async () => {
      const { request, place, has, end, stop, carrier } = await begin();
      const id = await place(request(numbers.answered));
      await stop(60_000);
      expect(has(id, 'ended')).toBe(true);
      expect(await end(id)).toMatchObject({ outcome: 'completed', by: 'callee' });
      expect(await carrier.place(request(numbers.answered), new AbortController().signal)).toMatchObject({
        kind: 'rejected',
        scope: 'carrier',
      });
    });

    test('a stop waits no longer than it was told to', async () => {
      const { request, place, stop, now } = await begin();
      await place(request(numbers.talksOn));
      const before = now().getTime();
      await stop(100);
      expect(now().getTime() - before).toBeLessThan(20_000);
    });
  });
};
