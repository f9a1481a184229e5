// The simulated carrier as a process: `node carrier-process.ts --port 0 --log FILE --seed N --speed N`. Prints its URL as a
// line of JSON and runs until SIGTERM, whatever becomes of those who call it.
import { parseArgs } from 'node:util';
import { systemClock } from '../../clock.ts';
import { createLogger } from '../../logger.ts';
import { realTime } from '../../scheduler.ts';
import { serveCarrier } from './carrier-server.ts';
import { fileRingLog, memoryRingLog } from './ring-log.ts';
import { createSimulatedCarrier } from './simulated-carrier.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    log: { type: 'string' },
    seed: { type: 'string', default: '1' },
    speed: { type: 'string', default: '1' },
  },
});

const numberOf = (name: string, value: string): number => {
  const number = Number(value);
  if (number >= 0) return number;
  process.stderr.write(`--${name} must be a number, 0 or more.\n`);
  process.exit(2);
};

const scheduler = realTime(systemClock);
const carrier = createSimulatedCarrier({
  scheduler,
  seed: numberOf('seed', values.seed),
  speed: numberOf('speed', values.speed),
  ringLog: values.log === undefined ? memoryRingLog() : fileRingLog(values.log),
});
const server = await serveCarrier(carrier, scheduler, createLogger('warn'), numberOf('port', values.port));
process.once('SIGTERM', () => void server.close());
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
