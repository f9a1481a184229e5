import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, localUrl, processEnvironment, VARIABLES } from './config.ts';

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

test('every default', () => {
  expect(loadConfig({})).toEqual({
    HOST: '127.0.0.1',
    PORT: 3000,
    PUBLIC_URL: undefined,
    TRUST_PROXY: false,
    CORS_ORIGINS: undefined,
    RATE_LIMIT: 50,
    DATABASE_URL: undefined,
    DATA_DIR: './data',
    IMPORT_MAX_MB: 200 * 1_048_576,
    CALLS_PER_SECOND: { campaign: 0, number: 0, carrier: 0 },
    SIMULATION_SPEED: 1,
    SIMULATED_CARRIER_URL: undefined,
    RESERVATION_SECONDS: 30,
    CARRIER_TIMEOUT: 10,
    UNKNOWN_MINUTES: 15,
    REPORT_WAIT: 60,
    WEBHOOK_ALLOW_PRIVATE: false,
    METRICS_PORT: undefined,
    METRICS_HOST: '127.0.0.1',
    LOG_LEVEL: 'info',
    OUTDIAL_API_KEY: undefined,
    OUTDIAL_URL: undefined,
  });
});

test('what is read cannot be changed, and is not asked for again', () => {
  expect(Object.isFrozen(loadConfig({}))).toBe(true);
});

describe('is read', () => {
  test.each<[keyof typeof VARIABLES, string, unknown]>([
    ['CALLS_PER_SECOND', '10/1/50', { campaign: 10, number: 1, carrier: 50 }],
    ['RESERVATION_SECONDS', '0.5', 0.5],
    ['HOST', '0.0.0.0', '0.0.0.0'],
    ['PORT', '0', 0],
    ['PORT', ' 8080 ', 8080],
    ['PORT', '', 3000],
    ['PORT', '65535', 65_535],
    ['METRICS_PORT', '9464', 9464],
    ['PUBLIC_URL', 'https://dialer.example.test/', 'https://dialer.example.test'],
    ['PUBLIC_URL', 'https://example.test/outdial//', 'https://example.test/outdial'],
    ['TRUST_PROXY', 'true', true],
    ['TRUST_PROXY', 'false', false],
    ['TRUST_PROXY', '2', 2],
    ['TRUST_PROXY', '10.0.0.0/8, ::1,loopback', ['10.0.0.0/8', '::1', 'loopback']],
    ['CORS_ORIGINS', '*', '*'],
    ['CORS_ORIGINS', 'https://a.example.test, http://localhost:5173', ['https://a.example.test', 'http://localhost:5173']],
    ['RATE_LIMIT', '0', 0],
    ['RATE_LIMIT', '0.5', 0.5],
    ['DATABASE_URL', 'postgres://u:p@db/outdial', 'postgres://u:p@db/outdial'],
    ['DATABASE_URL', 'postgresql:///outdial?host=/run', 'postgresql:///outdial?host=/run'],
    ['DATA_DIR', '/var/lib/outdial', '/var/lib/outdial'],
    ['IMPORT_MAX_MB', '1.5', 1_572_864],
    ['WEBHOOK_ALLOW_PRIVATE', '1', true],
    ['LOG_LEVEL', 'silent', 'silent'],
    ['OUTDIAL_API_KEY', '7|abcdefghijklmnopqrst', { id: 7, secret: 'abcdefghijklmnopqrst' }],
    ['OUTDIAL_URL', 'http://localhost:3000/', 'http://localhost:3000'],
  ])('%s=%s', (name, text, expected) => {
    expect(loadConfig({ [name]: text })[name]).toEqual(expected);
  });
});

describe('is refused', () => {
  test.each<[keyof typeof VARIABLES, string]>([
    ['PORT', '65536'],
    ['METRICS_PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '3000.5'],
    ['PORT', '0x10'],
    ['PORT', 'http'],
    ['PUBLIC_URL', 'example.test'],
    ['PUBLIC_URL', 'ftp://example.test'],
    ['PUBLIC_URL', 'https://example.test/?x=1'],
    ['PUBLIC_URL', 'https://example.test/#x'],
    ['TRUST_PROXY', 'yes'],
    ['TRUST_PROXY', 'proxy.example.test'],
    ['TRUST_PROXY', '10.0.0.0/99'],
    ['TRUST_PROXY', ','],
    ['CORS_ORIGINS', 'app.example.test'],
    ['CORS_ORIGINS', 'https://app.example.test/'],
    ['CORS_ORIGINS', 'https://app.example.test,*'],
    ['CORS_ORIGINS', ','],
    ['RATE_LIMIT', '-1'],
    ['RATE_LIMIT', '0.01'],
    ['RATE_LIMIT', 'Infinity'],
    ['DATABASE_URL', 'mysql://db/outdial'],
    ['DATABASE_URL', 'db'],
    ['IMPORT_MAX_MB', '0'],
    ['IMPORT_MAX_MB', 'much'],
    ['LOG_LEVEL', 'INFO'],
    ['OUTDIAL_API_KEY', 'abcdefghijklmnopqrst'],
    ['OUTDIAL_API_KEY', '7|short'],
    ['OUTDIAL_URL', 'localhost:3000'],
  ])('%s=%s', (name, text) => {
    const problems = problemsOf({ [name]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} must .*\\.$`));
  });

  test('all mistakes at once, and none of the values', () => {
    const problems = problemsOf({
      PORT: 'x',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://me:hunter2@db',
      OUTDIAL_API_KEY: 'hunter3',
      HOST: 'ok',
    });
    expect(problems.map((problem) => problem.split(' ', 1)[0])).toEqual(['PORT', 'DATABASE_URL', 'LOG_LEVEL', 'OUTDIAL_API_KEY']);
    expect(problems.join()).not.toMatch(/hunter|loud/);
    expect(new ConfigError(problems).message.split('\n')).toHaveLength(4);
  });
});

test('every variable has a meaning, and its default is readable', () => {
  for (const [name, { fallback, meaning, read }] of Object.entries(VARIABLES)) {
    expect(meaning, name).toMatch(/^[A-Z].*\.$/);
    if (fallback !== undefined) expect(() => read(fallback), name).not.toThrow();
  }
});

test('a .env file lies beneath the environment, where what is empty counts as unset', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-env-'));
  try {
    const file = join(folder, '.env');
    const given = () => ({ PORT: '', DATA_DIR: '  ', LOG_LEVEL: 'warn' });
    expect(processEnvironment(given(), file)).toEqual(given());
    writeFileSync(file, 'PORT=4000\nDATA_DIR="/var/lib/outdial" # quoted\nLOG_LEVEL=debug\nHOST=0.0.0.0\nRATE_LIMIT=\n');
    expect(loadConfig(processEnvironment(given(), file))).toMatchObject({
      PORT: 4000,
      DATA_DIR: '/var/lib/outdial',
      LOG_LEVEL: 'warn',
      HOST: '0.0.0.0',
      RATE_LIMIT: 50,
    });
    expect(() => processEnvironment({}, folder)).toThrow('EISDIR');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  ['127.0.0.1', 'http://127.0.0.1:3000'],
  ['0.0.0.0', 'http://127.0.0.1:3000'],
  ['::', 'http://[::1]:3000'],
  ['2001:db8::7', 'http://[2001:db8::7]:3000'],
  ['localhost', 'http://localhost:3000'],
])('a server on %s is reached at %s', (host, url) => {
  expect(localUrl(host, 3000)).toBe(url);
});
