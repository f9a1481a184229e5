import type { LookupAddress } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { ForbiddenDestination, guardedLookup, isPublicAddress, refuseLiteral } from './destination.ts';

describe('an address', () => {
  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '169.253.255.255',
    '192.167.255.255',
    '223.255.255.255',
    '2001:4860:4860::8888',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700:4700::1111%eth0',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('a host that is an address', () => {
  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://127.1/',
    'http://0/',
    'http://127.0.0.1./',
    'http://１２７.0.0.1/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://169.254.169.254/latest/meta-data/',
  ])('%s is refused', (url) => {
    expect(() => refuseLiteral(new URL(url), isPublicAddress)).toThrow(ForbiddenDestination);
  });

  test.each(['http://8.8.8.8/', 'http://[2606:4700:4700::1111]/', 'http://localhost/', 'https://example.test/'])('%s is not', (url) => {
    expect(() => refuseLiteral(new URL(url), isPublicAddress)).not.toThrow();
  });
});

describe('a name', () => {
  const PRIVATE = { address: '10.0.0.1', family: 4 };
  const PUBLIC = { address: '8.8.8.8', family: 4 };
  const PUBLIC_6 = { address: '2606:4700:4700::1111', family: 6 };

  const look = (found: LookupAddress[] | Error, options: { all?: boolean }, allowPrivate = false) =>
    new Promise((resolve, reject) => {
      const answer = found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
      guardedLookup(() => answer, allowPrivate ? () => true : isPublicAddress)('hook.example.test', options, (error, address, family) => {
        if (error === null) resolve(options.all ? address : [address, family]);
        else reject(error);
      });
    });

  test('gives its public addresses, and only those', async () => {
    expect(await look([PUBLIC, PUBLIC_6], { all: true })).toEqual([PUBLIC, PUBLIC_6]);
    expect(await look([PRIVATE, PUBLIC], { all: true })).toEqual([PUBLIC]);
    expect(await look([PRIVATE, PUBLIC_6], {})).toEqual(['2606:4700:4700::1111', 6]);
  });

  test('is refused when it has none', async () => {
    await expect(look([PRIVATE], { all: true })).rejects.toThrow(ForbiddenDestination);
    await expect(look([], {})).rejects.toThrow(ForbiddenDestination);
  });

  test('gives all of them where private ones are allowed', async () => {
    expect(await look([PRIVATE, PUBLIC], { all: true }, true)).toEqual([PRIVATE, PUBLIC]);
  });

  test('passes on that it could not be resolved', async () => {
    await expect(look(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), {})).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});
