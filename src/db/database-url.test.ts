import { describe, expect, test } from 'vitest';
import { readDatabaseUrl } from './database-url.ts';

const hosts = (url: string) => readDatabaseUrl(url).hosts.map(({ host, port }) => `${host ?? '-'} ${port ?? '-'}`);

test.each([
  ['postgres://u:p@one/db', ['one -']],
  ['postgresql://one:5433/db', ['one 5433']],
  ['postgres://u:p@one:5432,two:5433,three/db', ['one 5432', 'two 5433', 'three -']],
  ['postgres://u:p@[::1]:5432,[2001:db8::2],10.0.0.3:1/db', ['::1 5432', '2001:db8::2 -', '10.0.0.3 1']],
  ['postgres://u:p%40x,y@one,two/db', ['one -', 'two -']],
  ['postgres://u@%2Fvar%2Frun%2Fpostgresql,two/db', ['/var/run/postgresql -', 'two -']],
  ['postgres:///db?host=/var/run/postgresql', ['/var/run/postgresql -']],
  ['postgres://u:p@/db?host=/tmp&port=5433', ['/tmp 5433']],
  ['postgres://u:p@/db?host=one,two&port=5432,5433', ['one 5432', 'two 5433']],
  ['postgres://u:p@/db?host=one,two&port=5444', ['one 5444', 'two 5444']],
  ['postgres://u:p@ignored:1/db?host=::1', ['::1 1']],
  ['postgres:///db', ['- -']],
  ['postgres://u:p@/db', ['- -']],
  ['postgres://one,two', ['one -', 'two -']],
])('the hosts of %s', (url, expected) => {
  expect(hosts(url)).toEqual(expected);
});

test('which of them, and how long each is waited for', () => {
  const of = (query: string) => {
    const { target, hostTimeoutMs } = readDatabaseUrl(`postgres://one,two/db${query}`);
    return [target, hostTimeoutMs];
  };
  expect(of('')).toEqual(['any', 3000]);
  expect(of('?target_session_attrs=read-write&connect_timeout=5')).toEqual(['read-write', 5000]);
  expect(of('?target_session_attrs=primary&connect_timeout=0')).toEqual(['primary', 3000]);
});

test('with one host it is a URL of the driver', () => {
  const url = readDatabaseUrl('postgres://u:p%40x@one:5432,[::1]/db?sslmode=disable&target_session_attrs=primary&connect_timeout=2');
  expect(url.hosts.map(url.withHost)).toEqual([
    'postgres://u:p%40x@localhost/db?sslmode=disable&host=one&port=5432',
    'postgres://u:p%40x@localhost/db?sslmode=disable&host=%3A%3A1',
  ]);
  const socket = readDatabaseUrl('postgres://%2Ftmp,two');
  expect(socket.hosts.map(socket.withHost)).toEqual(['postgres://localhost/?host=%2Ftmp', 'postgres://localhost/?host=two']);
});

describe('is refused, without a word of what it says', () => {
  test.each([
    ['mysql://me:hunter2@db', 'begins with'],
    ['db', 'begins with'],
    ['', 'begins with'],
    ['postgres://me:hunter2@one two/db', 'begins with'],
    ['postgres://me:hunter2@one:99999/db', 'ports'],
    ['postgres://me:hunter2@one:x,two/db', 'ports'],
    ['postgres://me:hunter2@::1/db', 'brackets'],
    ['postgres://me:hunter2@[one],two/db', 'brackets'],
    ['postgres://me:hunter2@/db?host=a,b,c&port=1,2', 'as many ports'],
    ['postgres://me:hunter2@a,b/db?target_session_attrs=standby', 'target_session_attrs'],
    ['postgres://me:hunter2@a,b/db?connect_timeout=soon', 'connect_timeout'],
  ])('%s', (url, word) => {
    const message = (): string => {
      try {
        readDatabaseUrl(url);
      } catch (error) {
        return String(error);
      }
      return 'taken';
    };
    expect(message()).toContain(word);
    expect(message()).not.toContain('hunter2');
  });
});
