// The simulated carrier as a process: the contract over a real boundary, and a client that is killed in the middle of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { CarrierEvent } from '../../src/carriers/carrier.ts';
import { createRemoteSimulatedCarrier } from '../../src/carriers/simulated/remote.ts';
import { readRings } from '../../src/carriers/simulated/ring-log.ts';
import { carrierConformance } from '../carrier-conformance.ts';
import { SIMULATED_NUMBERS } from '../carrier-conformance-rig.ts';
import { temporaryFolder } from './outdial.ts';

const PROGRAM = fileURLToPath(new URL('../../src/carriers/simulated/carrier-process.ts', import.meta.url));
const REMOTE = new URL('../../src/carriers/simulated/remote.ts', import.meta.url).href;

const exited = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};

const startCarrier = async (...args: string[]) => {
  const child = spawn(process.execPath, [PROGRAM, '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited(child);
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const { url } = JSON.parse(line) as { url: string };
  return { child, url };
};

const clock = () => new Date();

carrierConformance('the simulated carrier in a process of its own', SIMULATED_NUMBERS, async () => ({
  carrier: createRemoteSimulatedCarrier((await startCarrier('--speed', '20')).url),
  now: clock,
  until: async (holds) => {
    for (const start = Date.now(); !holds(); await new Promise((resolve) => setTimeout(resolve, 5)))
      if (Date.now() - start > 20_000) throw new Error('it does not happen');
  },
}));

const CLIENT = `
const { createRemoteSimulatedCarrier } = await import(process.argv[1]);
const carrier = createRemoteSimulatedCarrier(process.argv[2]);
await carrier.start({ emit: () => new Promise(() => {}), now: () => new Date(), log: { warn() {} } });
const call = { from: '+12025550100', ringTimeoutMs: 30000, maxDurationMs: 60000, amd: 'detect', record: false };
for (const [callId, to] of [['1', '+12025550181'], ['2', '+12025550150'], ['3', '+12025550183']]) carrier.place({ ...call, callId, to }, new AbortController().signal);
`;

test('it outlives a client that is killed: rings are in the log, events wait for the next', async () => {
  const log = join(temporaryFolder(), 'rings.jsonl');
  const { child, url } = await startCarrier('--log', log, '--seed', '3', '--speed', '0');
  const client = spawn(process.execPath, ['--input-type=module', '-e', CLIENT, REMOTE, url], { stdio: 'inherit' });
  await vi.waitFor(() => expect(readRings(log)).toHaveLength(3), 10_000);
  client.kill('SIGKILL');
  await exited(client);

  const next = createRemoteSimulatedCarrier(url);
  const events: CarrierEvent[] = [];
  await next.start({ emit: async (event) => void events.push(event), now: clock, log: pino({ level: 'silent' }) });
  const ended = () => events.flatMap(({ callId, body }) => (body.type === 'ended' ? [callId] : [])).toSorted();
  await vi.waitFor(() => expect(ended()).toEqual(['1', '2', '3']), 10_000);
  expect(await next.lookup({ callId: '2', to: '+12025550150', since: new Date(0) })).toMatchObject({ body: { outcome: 'busy' } });
  await next.stop({ drainMs: 0 });

  const rings = readRings(log);
  expect(rings.map(({ callId }) => callId).toSorted()).toEqual(['1', '2', '3']);
  expect(await (await fetch(`${url}/rings`)).json()).toEqual(rings);
  child.kill('SIGTERM');
  await exited(child);
  expect(child.exitCode).toBe(0);
});

test('a speed that is none is refused', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--speed', 'fast'], { stdio: 'ignore' });
  await exited(child);
  expect(child.exitCode).toBe(2);
});
