// Proof 5: the tests of this folder see what they are for. Each mutation breaks one thing that the promise rests on, in a copy of
// the program, and the test that is named has to go red; without a mutation it is green.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, inject, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Mutation {
  name: string;
  /** File, what stands there, and what is to stand there instead. */
  edits: [file: string, from: string, to: string][];
  /** The test that has to see it, and what it has to say. */
  test: string;
  says: string;
}

const NO_KEY: Mutation['edits'][number] = [
  'migrations/0002_dialer.sql',
  'create unique index calls_attempt_once on',
  'create index calls_attempt_once on',
];

const CRASHES = 'test/crash/crash-points.test.ts';
const WORST = 'at the worst instant';

const MUTATIONS: Mutation[] = [
  {
    name: 'the unique key of attempts is dropped',
    edits: [NO_KEY],
    test: 'refuses a second attempt',
    says: 'promise resolved',
  },
  {
    name: 'a claim uses an attempt number again, and no key stands in its way',
    edits: [NO_KEY, ['src/dialer/claim.store.ts', 'attempt_no: lead.last_attempt_no + 1', 'attempt_no: Math.max(1, lead.last_attempt_no)']],
    test: 'an answer is lost',
    says: 'attempt_number_twice',
  },
  {
    name: 'a request that timed out is sent again',
    edits: [
      [
        'src/dialer/place-calls.ts',
        'return { callId, result: await carrier.place(place, abort.signal) };',
        `const result = await carrier.place(place, abort.signal);
    return { callId, result: result.kind === 'unknown' ? await carrier.place(place, AbortSignal.timeout(placeTimeoutMs)) : result };`,
      ],
    ],
    test: 'an answer is lost',
    says: 'rang_twice',
  },
  {
    name: 'what a dead dialer was sending is dialed again',
    edits: [
      [
        'src/dialer/recover.store.ts',
        "update calls set state = 'unknown', lease_until",
        "update calls set state = 'reserved', worker = '', lease_until",
      ],
      [
        'src/dialer/recover.store.ts',
        `lease_until = \${clock(now)}, updated_at`,
        `lease_until = \${leaseEnd(clock, now, 60_000)}, updated_at`,
      ],
    ],
    test: 'killed while it calls',
    says: 'rang_twice',
  },
  {
    name: 'a call is sent without asking whether it still stands',
    edits: [
      [
        'src/dialer/send.store.ts',
        `and state = 'reserved' and worker = \${worker} and lease_until > \${clock(now)}`,
        `and \${worker}::text is not null`,
      ],
    ],
    test: 'held up until',
    says: 'rang_after_given_back',
  },
];

const copyOf = (edits: Mutation['edits']): string => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-mutation-'));
  for (const part of ['bin', 'src', 'migrations', 'package.json', 'openapi.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  for (const [file, from, to] of edits) {
    const before = readFileSync(join(folder, file), 'utf8');
    const after = before.replace(from, () => to);
    if (after === before) throw new Error(`${file} no longer holds: ${from}`);
    writeFileSync(join(folder, file), after);
  }
  return folder;
};

// What one run has compiled the next one need not: all of them start a dozen processes.
const cache = mkdtempSync(join(tmpdir(), 'outdial-mutation-cache-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

// The tests as they are, alone, against the copy; on the PostgreSQL that is there.
const runAgainst = async (folder: string, name: string): Promise<{ code: number | null; output: string }> => {
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--configLoader', 'native', '--project', 'crash', CRASHES, '-t', name];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: tmpdir(),
      CRASH_ROOT: folder,
      NODE_COMPILE_CACHE: cache,
      TEST_DATABASE_URL: inject('prepared')?.serverUrl ?? '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const [code] = await once(child, 'close');
  return { code: code as number | null, output };
};

const tryOut = async (edits: Mutation['edits'], name: string): Promise<{ code: number | null; output: string }> => {
  const folder = copyOf(edits);
  try {
    return await runAgainst(folder, name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

describe.concurrent('a copy of the program', () => {
  // That the copying breaks nothing; the others have passed on the original.
  test('as it is passes', async () => {
    const { code, output } = await tryOut([], `${WORST}.*killed while it calls`);
    expect(output).toContain('1 passed, 0 failed');
    expect(code).toBe(0);
  });

  test.each(MUTATIONS)('is found out: $name', async ({ edits, test: name, says }) => {
    const { code, output } = await tryOut(edits, `${WORST}.*${name}`);
    expect(output).toContain(says);
    expect(code).toBe(1);
  });
});
