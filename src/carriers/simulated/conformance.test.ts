// The simulated carrier against the suite: on virtual time, on real timers, and over HTTP.
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { carrierConformance } from '../../../test/carrier-conformance.ts';
import { SIMULATED_NUMBERS } from '../../../test/carrier-conformance-rig.ts';
import { realTime } from '../../scheduler.ts';
import { createVirtualTime } from '../../virtual-time.ts';
import { serveCarrier } from './carrier-server.ts';
import { createRemoteSimulatedCarrier } from './remote.ts';
import { createSimulatedCarrier } from './simulated-carrier.ts';

carrierConformance('the simulated carrier on virtual time', SIMULATED_NUMBERS, async () => {
  const time = createVirtualTime(new Date('2026-03-02T09:00:00Z'));
  return {
    carrier: createSimulatedCarrier({ scheduler: time }),
    now: time.now,
    until: async (holds) => {
      for (;;) {
        await new Promise(setImmediate);
        if (holds()) return;
        const next = time.next();
        if (next === undefined) throw new Error('nothing is left that could happen');
        await time.advanceTo(next);
      }
    },
  };
});

const clock = () => new Date();

const untilIn = (ms: number) => async (holds: () => boolean) => {
  for (const start = Date.now(); !holds(); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() - start > ms) throw new Error('it does not happen');
};

carrierConformance('the simulated carrier on real timers', SIMULATED_NUMBERS, async () => ({
  carrier: createSimulatedCarrier({ scheduler: realTime(clock), speed: 20 }),
  now: clock,
  until: untilIn(10_000),
}));

carrierConformance('the simulated carrier over HTTP', SIMULATED_NUMBERS, async () => {
  const scheduler = realTime(clock);
  const server = await serveCarrier(createSimulatedCarrier({ scheduler, speed: 20 }), scheduler, pino({ level: 'silent' }));
  onTestFinished(server.close);
  return { carrier: createRemoteSimulatedCarrier(server.url), now: clock, until: untilIn(10_000) };
});
