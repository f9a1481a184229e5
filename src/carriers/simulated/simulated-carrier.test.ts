// The simulated carrier on virtual time: its faults, its limits, and that it repeats itself.
import { expect, test } from 'vitest';
import { callOf, FIELDS, pad, request, START, setUp } from '../../../test/carrier-conformance-rig.ts';

test('calls ring and talk for one to three seconds', async () => {
  const { carrier, told, runOut } = await setUp();
  for (let id = 0; id < 200; id += 1) await carrier.place(request(String(id), '+12025550101'), new AbortController().signal);
  await runOut();
  const rang: number[] = told.flatMap(({ at, event }) => (event.body.type === 'answered' ? [at] : []));
  const talked: number[] = told.flatMap(({ event }) => (event.body.type === 'ended' ? [event.body.talkMs] : []));
  for (const all of [rang, talked]) {
    expect(Math.min(...all)).toBeGreaterThanOrEqual(1000);
    expect(Math.min(...all)).toBeLessThan(1200);
    expect(Math.max(...all)).toBeLessThanOrEqual(3000);
    expect(Math.max(...all)).toBeGreaterThan(2800);
  }
});

test('speed shortens everything but what a call says of itself', async () => {
  const run = async (speed: number) => {
    const { carrier, told, runOut } = await setUp({ speed });
    await carrier.place(request('7', '+12025550101'), new AbortController().signal);
    await runOut();
    const ended = told.find(({ event }) => event.body.type === 'ended');
    return { at: ended?.at ?? Number.NaN, talkMs: ended?.event.body.type === 'ended' ? ended.event.body.talkMs : Number.NaN };
  };
  const [plain, fast, atOnce, infinite] = [await run(1), await run(100), await run(0), await run(Number.POSITIVE_INFINITY)];
  expect(fast.at / plain.at).toBeCloseTo(0.01, 2);
  expect(fast.talkMs).toBe(plain.talkMs);
  expect(atOnce).toEqual({ at: 0, talkMs: plain.talkMs });
  expect(infinite).toEqual(atOnce);
});

test('the same seed tells the same events, another one others', async () => {
  const simulation = JSON.stringify({
    mix: { human: 5, machine: 2, busy: 2, no_answer: 2, rejected: 1 },
    goal_rate: 0.5,
    report_rate: 0.8,
    faults: { late: 0.3, twice: 0.3, disordered: 0.3, end_lost: 0.1, reply_lost: 0.1 },
  });
  const run = async (seed: number) => {
    const { carrier, told, runOut } = await setUp({ seed });
    const vars = { post_call_schema: JSON.stringify(FIELDS), goal: 'interested', simulation };
    for (let id = 0; id < 100; id += 1)
      await carrier.place(request(String(id), `+120255501${pad(id)}`, { vars }), new AbortController().signal);
    await runOut();
    return { told, rings: carrier.rings() };
  };
  const one = await run(1);
  expect(await run(1)).toEqual(one);
  expect(await run(2)).not.toEqual(one);
});

test('a call that is placed twice rings twice: nothing here keeps a dialer from it', async () => {
  const { carrier, runOut, types } = await setUp();
  const call = request('7', '+12025550150');
  const placed = [await carrier.place(call, new AbortController().signal), await carrier.place(call, new AbortController().signal)];
  await runOut();
  expect(placed).toEqual([
    { kind: 'accepted', carrierCallId: 'sim-7-1' },
    { kind: 'accepted', carrierCallId: 'sim-7-2' },
  ]);
  expect(carrier.rings()).toEqual([1, 2].map(() => ({ callId: '7', to: '+12025550150', at: START.toISOString() })));
  expect(types()).toEqual(['ended', 'ended']);
  expect(carrier.capabilities.idempotentPlace).toBe(false);
});

test('an event that is not taken is told again until it is', async () => {
  let failures = 3;
  const { carrier, runOut, types, told } = await setUp({}, () => {
    failures -= 1;
    return failures >= 0;
  });
  await carrier.place(request('7', '+12025550150'), new AbortController().signal);
  await runOut();
  expect(types()).toEqual(['ended']);
  expect((told[0]?.at ?? 0) - ((told[0]?.event.at.getTime() ?? 0) - START.getTime())).toBe(3000);
});

test('what cannot be read as a simulation is a certain refusal that says why', async () => {
  const { carrier } = await setUp();
  const place = (simulation: string) => carrier.place(request('7', '+12025550101', { vars: { simulation } }), new AbortController().signal);
  expect(await place('{')).toEqual({ kind: 'rejected', scope: 'number', code: 'bad_simulation', message: 'The simulation is not JSON.' });
  expect(await place('{"mix":{"human":-1}}')).toMatchObject({ kind: 'rejected', message: expect.stringContaining('mix.human') });
  expect(await place('null')).toMatchObject({ kind: 'accepted' });
  expect(await place('')).toMatchObject({ kind: 'accepted' });
});

test('a call without questions reports none, one with a goal alone that goal, one without AMD no machine', async () => {
  const report = async (vars: Record<string, string>) => {
    const body = (await callOf(1, { vars })).bodyOf('report');
    return body?.type === 'report' ? body.extraction : undefined;
  };
  expect(await report({})).toEqual({});
  expect(await report({ goal: 'sold' })).toEqual({ sold: true });
  expect(await report({ goal: 'sold', post_call_schema: '[]' })).toEqual({});
  expect(await report({ post_call_schema: 'nonsense' })).toEqual({});
  expect((await callOf(40, { amd: 'off' })).types).toEqual(['ringing', 'answered', 'ended', 'report']);
  expect((await callOf(40, { amd: 'wait-for-beep' })).bodyOf('amd')).toMatchObject({ result: 'machine', beep: true });
});

test('what is said has its times within the call', async () => {
  const { bodyOf, told } = await callOf(1);
  const when = (type: string) => (told.find(({ event }) => event.body.type === type)?.event.at.getTime() ?? Number.NaN) / 1000;
  const report = bodyOf('report');
  const times = report?.type === 'report' ? report.transcript.map(({ timestamp }) => timestamp) : [];
  expect(times).toHaveLength(3);
  for (const time of times) {
    expect(time).toBeGreaterThanOrEqual(when('answered'));
    expect(time).toBeLessThanOrEqual(when('ended'));
  }
});

test('a stop that is out of patience hangs up what is left, and says so', async () => {
  const { carrier, runOut, told, time } = await setUp();
  await carrier.place(request('1', '+12025550179'), new AbortController().signal);
  await carrier.place(request('2', '+12025550169'), new AbortController().signal);
  const hanging = carrier.place(request('3', '+12025550182'), new AbortController().signal);
  const stopped = carrier.stop({ drainMs: 5000 });
  expect(await hanging).toMatchObject({ kind: 'unknown' });
  await runOut();
  await stopped;
  expect(time.now().getTime() - START.getTime()).toBe(5000);
  const ends = told.flatMap(({ event }) => (event.body.type === 'ended' ? [[event.callId, event.body.outcome, event.body.by]] : []));
  expect(ends).toEqual([
    ['1', 'completed', 'us'],
    ['2', 'canceled', 'us'],
  ]);
  expect(await carrier.health()).toEqual({ ok: false, detail: 'not running' });
});

test.each([
  ['while it rings', 0, 'canceled', 0],
  ['while they talk', 5000, 'completed', expect.any(Number)],
])('a call that is hung up %s has that one end and no other, however often and long one waits', async (_, afterMs, outcome, talkMs) => {
  const { carrier, runOut, told, time } = await setUp();
  await carrier.place(request('1', '+12025550179'), new AbortController().signal);
  await time.advanceTo(new Date(START.getTime() + afterMs));
  for (let again = 0; again < 2; again += 1) await carrier.hangup('sim-1-1', 'enough');
  await runOut();
  await carrier.hangup('sim-1-1', 'once more');
  await runOut();
  const ends = told.flatMap(({ event }) => (event.body.type === 'ended' ? [event] : []));
  expect(ends.map(({ body }) => body)).toEqual([expect.objectContaining({ outcome, by: 'us', reason: 'enough', talkMs })]);
  expect(await carrier.lookup({ carrierCallId: 'sim-1-1' })).toEqual(ends[0]);
});
