// A DATABASE_URL with several hosts, on two real servers: a primary and its standby.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectionTo } from '../../src/db/hosts.ts';
import { type OpenedDatabase, openDatabase } from '../../src/db/open.ts';
import { closeLater } from '../support/closing.ts';
import { type PostgresServer, runOnServer, startPostgres } from '../support/postgres-server.ts';
import { type Standby, startStandby } from '../support/standby.ts';

let primary: PostgresServer;
let standby: Standby;

describe.skipIf(process.platform !== 'linux')('a primary and its standby', () => {
  beforeAll(async () => {
    primary = await startPostgres('');
    standby = await startStandby(primary.url);
  });
  afterAll(async () => {
    await standby?.kill();
    await primary?.stop();
  });

  const placeOf = (url: string): string => new URL(url).host;
  const across = (places: readonly string[], query = ''): string => {
    const { username, password, pathname } = new URL(primary.url);
    return `postgres://${username}:${password}@${places.join(',')}${pathname}${query}`;
  };

  /** The port of the server that a new connection finds. */
  const portOf = async (url: string): Promise<number> => {
    const pool = new pg.Pool({ ...connectionTo(url), max: 1 });
    try {
      const { rows } = await pool.query<{ port: number }>("select current_setting('port')::int as port");
      return rows[0]?.port ?? 0;
    } finally {
      await pool.end();
    }
  };
  const primaryPort = () => Number(new URL(primary.url).port);
  const standbyPort = () => Number(new URL(standby.url).port);

  test('one that is down, or says nothing, is passed over', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    closeLater(() => mute.close());
    const silent = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
    expect(await portOf(across(['127.0.0.1:1', placeOf(primary.url)]))).toBe(primaryPort());
    expect(await portOf(across([silent, placeOf(primary.url)], '?connect_timeout=1'))).toBe(primaryPort());
  });

  test('a standby is passed over where writes are wanted, and only there', async () => {
    const both = [placeOf(standby.url), placeOf(primary.url)];
    expect(await portOf(across(both))).toBe(standbyPort());
    expect(await portOf(across(both, '?target_session_attrs=any'))).toBe(standbyPort());
    expect(await portOf(across(both, '?target_session_attrs=read-write'))).toBe(primaryPort());
    expect(await portOf(across(both, '?target_session_attrs=primary'))).toBe(primaryPort());
  });

  test('when none can be used, one sentence says why, without the password', async () => {
    const url = across(['127.0.0.1:1', placeOf(standby.url)], '?target_session_attrs=read-write');
    const failure = await portOf(url).catch((error: Error) => error.message);
    expect(failure).toBe(`No database server can be used: 127.0.0.1:1 (ECONNREFUSED), ${placeOf(standby.url)} (a standby).`);
    expect(failure).not.toContain(new URL(primary.url).password);
    const one = await portOf(across(['127.0.0.1:1'])).catch((error: Error) => error.message);
    expect(one).toContain('ECONNREFUSED');
  });

  describe('a pool that is at work', () => {
    let opened: OpenedDatabase;
    const lost: Error[] = [];
    const write = (note: string) => sql`insert into failover_notes (note) values (${note})`.execute(opened.db);
    /** As many connections as the pool has are in use at once, so that all of them are known to work. */
    const writeOnAll = () =>
      Promise.all(
        Array.from({ length: 5 }, () =>
          sql`with w as (insert into failover_notes (note)
      values ('many') returning 1) select pg_sleep(0.1) from w`.execute(opened.db),
        ),
      );
    const onServer = async (url: string): Promise<number> => {
      const [result] = await runOnServer(url, "select count(*)::int as n from pg_stat_activity where application_name = 'hosts-test'");
      return result?.rows[0]?.n ?? 0;
    };

    const notesOn = async (url: string): Promise<number> => {
      const [result] = await runOnServer(url, "select count(*)::int as n from failover_notes where note = 'many'");
      return result?.rows[0]?.n ?? 0;
    };

    beforeAll(async () => {
      const query = '?target_session_attrs=read-write&application_name=hosts-test';
      const url = across([placeOf(primary.url), placeOf(standby.url)], query);
      opened = await openDatabase({ kind: 'server', url, maxConnections: 5, onIdleError: (error) => lost.push(error) });
      await sql`create table failover_notes (note text)`.execute(opened.db);
    });
    afterAll(() => opened?.close());

    test('finds the new primary when the old one takes no writes any more, and keeps no connection to it', async () => {
      await writeOnAll();
      expect(await onServer(primary.url)).toBe(5);
      await runOnServer(primary.url, 'alter system set default_transaction_read_only = on', 'select pg_reload_conf()');
      await vi.waitFor(() => expect(write('refused')).rejects.toMatchObject({ code: expect.any(String) }), { timeout: 10_000 });
      // It does not wait for its standby, so we do.
      await vi.waitFor(async () => expect(await notesOn(standby.url)).toBe(5), { timeout: 15_000 });
      await standby.promote();
      await vi.waitFor(() => write('after the switch'), { timeout: 15_000, interval: 100 });
      await writeOnAll();
      await vi.waitFor(async () => expect([await onServer(primary.url), await onServer(standby.url)]).toEqual([0, 5]), { timeout: 10_000 });
      expect(lost.length).toBeGreaterThan(0);
      expect(await notesOn(standby.url)).toBe(10);
    });

    test('finds the other when its server dies', async () => {
      await runOnServer(
        primary.url,
        'set default_transaction_read_only = off',
        'alter system reset default_transaction_read_only',
        'select pg_reload_conf()',
      );
      await writeOnAll();
      await standby.kill();
      const died = performance.now();
      await vi.waitFor(() => write('after the death'), { timeout: 20_000, interval: 100 });
      await writeOnAll();
      expect(performance.now() - died).toBeLessThan(15_000);
      expect(await onServer(primary.url)).toBe(5);
    });
  });
});
