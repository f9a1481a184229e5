// Imports as jobs: who runs them, what another goes on with, dry runs, reports and samples.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, startApp, type TestApp } from '../../test/support/app.ts';
import { closeLater } from '../../test/support/closing.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { createImporter, type Importer } from '../importer.ts';
import { planColumns } from './column-mapping.ts';
import { beatImport, claimImport, finishImport, releaseImport, saveBatch } from './import-runs.store.ts';
import { createImport } from './imports.store.ts';
import { readLeadRow } from './lead-csv.ts';
import { LostImportError } from './run-import.ts';

const PATH = '/api/user/leads/import';
let t: TestApp;
let campaign: number;

beforeAll(async () => {
  t = await startApp();
});

beforeEach(async () => {
  const variables = JSON.stringify({ customerName: '', '=risky': '' });
  const assistant = await insertAssistant(t.db, t.mine.account.id, t.clock(), { variables });
  const { body } = await t.api.post('/api/user/campaign', { name: 'Renewals', assistant_id: assistant.id });
  campaign = body.data.id;
});

const send = async (text: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Answer> => {
  const form = new FormData();
  form.set('campaign_id', String(campaign));
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([text]), 'contacts.csv');
  const response = new Response(form);
  const payload = Buffer.from(await response.arrayBuffer());
  const type = response.headers.get('content-type') ?? '';
  return t.api.request({ method: 'POST', url: PATH, payload, headers: { 'content-type': type, ...headers } });
};

const numberOf = (index: number): string => `+1202${5_550_000 + index}`;
const fileOf = (rows: number): string => `phone\n${Array.from({ length: rows }, (_, i) => numberOf(i)).join('\n')}\n`;
const read = async (id: number) => (await t.api.get(`${PATH}/${id}`)).body;
const totalOf = async (): Promise<number> => (await t.api.get(`/api/user/leads?campaign_id=${campaign}`)).body.total;
const pause = (ms = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An import that nobody runs yet, with its file in place. */
const spool = async (text: string, { dryRun = false } = {}): Promise<number> => {
  const name = randomUUID();
  mkdirSync(t.importFolder, { recursive: true });
  writeFileSync(join(t.importFolder, name), text);
  const header = text.slice(0, text.indexOf('\n')).split(',');
  const course = { kind: 'utf-8', header, plan: planColumns(header, new Map()), country: null, allow_duplicate: false };
  const job = { accountId: t.mine.account.id, campaignId: campaign, spool: name, bytes: Buffer.byteLength(text), course, dryRun };
  return (await createImport(t.db, job, t.clock())).id;
};

const startImporter = (): Importer => {
  const onError = (error: unknown) => {
    throw error;
  };

  const importer = createImporter({ db: t.db, clock: t.clock, folder: t.importFolder, onError });
  closeLater(() => importer.stop());
  return importer;
};

/** Runs an import, and stops its runner while it saves the second batch. */
const runHalf = async (id: number): Promise<void> => {
  let asked = 0;
  let stopped: Promise<void> | undefined;
  const importer: Importer = createImporter({
    db: t.db,
    folder: t.importFolder,
    onError: () => {},
    // Asked when it claims, and for each batch.
    clock: () => {
      asked += 1;
      if (asked === 3) stopped = importer.stop();
      return t.clock();
    },
  });
  await importer.run(id);
  await stopped;
};

describe('the background', () => {
  test('whoever does not wait gets a running import, and reads its end later', async () => {
    const { status, body, headers } = await send(fileOf(1500), {}, { prefer: 'respond-async' });
    expect([status, body.status]).toEqual([201, 'running']);
    const path = new URL(String(headers.location)).pathname;
    while ((await t.api.get(path)).body.status === 'running') await pause();
    expect((await t.api.get(path)).body).toMatchObject({ status: 'completed', counts: { imported: 1500 }, progress: { percent: 100 } });
    expect(await totalOf()).toBe(1500);
  });

  test.each(['wait=30', 'handling=lenient, wait=30'])('Prefer: %s waits for the end', async (prefer) => {
    expect((await send(fileOf(600), {}, { prefer })).body).toMatchObject({ status: 'completed', counts: { imported: 600 } });
  });

  test('the progress of an import that runs', async () => {
    const id = await spool(fileOf(100));
    expect(await read(id)).toMatchObject({ status: 'running', progress: { percent: 0, rows_per_second: null, seconds_left: null } });
    const set = { bytes_read: 40, bytes_total: 100, rows_per_second: 2.4, counts: JSON.stringify({ rows: 6 }) };
    await t.db.updateTable('imports').set(set).where('id', '=', id).execute();
    expect((await read(id)).progress).toEqual({ percent: 40, rows_per_second: 2, seconds_left: 4 });
  });
});

describe('going on', () => {
  test('another runner goes on behind the last batch: no row is lost, none is doubled', async () => {
    const id = await spool(fileOf(3300));
    await runHalf(id);
    const half = await read(id);
    expect([half.status, half.counts.rows]).toEqual(['running', 2000]);
    await startImporter().run(id);
    expect(await read(id)).toMatchObject({ status: 'completed', counts: { rows: 3300, imported: 3300, duplicates: 0 } });
    expect(await totalOf()).toBe(3300);
  });

  test('a runner that shows life keeps its import; a silent one loses it, and adds nothing any more', async () => {
    const id = await spool(fileOf(3));
    const [dead, next] = [randomUUID(), randomUUID()];
    expect(await claimImport(t.db, id, dead, t.clock())).toMatchObject({ runner: dead });
    t.clock.advance(15_000);
    expect(await claimImport(t.db, id, next, t.clock())).toBeUndefined();
    t.clock.advance(1);
    expect(await claimImport(t.db, id, next, t.clock())).toMatchObject({ runner: next });
    const job = { id, accountId: t.mine.account.id, campaignId: campaign, allowDuplicate: false, runner: dead };
    const row = readLeadRow({ line: 2, cells: [numberOf(0)] }, planColumns(['phone'], new Map()), undefined);
    const progress = { bytesRead: 1, rowsPerSecond: null };
    await expect(saveBatch(t.db, job, [row], progress, t.clock())).rejects.toThrow(LostImportError);
    await finishImport(t.db, job, { status: 'completed' }, t.clock());
    await releaseImport(t.db, id, dead);
    expect([await totalOf(), (await read(id)).status]).toEqual([0, 'running']);
    await saveBatch(t.db, { ...job, runner: next }, [row], progress, t.clock());
    expect(await totalOf()).toBe(1);
  });

  test('two that look at once: one of them runs it', async () => {
    const id = await spool(fileOf(700));
    await Promise.all([startImporter().run(id), startImporter().run(id), startImporter().run(id)]);
    expect(await read(id)).toMatchObject({ status: 'completed', counts: { rows: 700, imported: 700, duplicates: 0 } });
  });

  test('a watcher finds what nobody runs, leaves alone whose file is elsewhere, and clears away what nobody needs', async () => {
    const id = await spool(fileOf(5));
    const elsewhere = await spool(fileOf(5));
    await t.db.updateTable('imports').set({ spool: randomUUID() }).where('id', '=', elsewhere).execute();
    const [old, young] = [join(t.importFolder, randomUUID()), join(t.importFolder, randomUUID())] as const;
    for (const [path, hours] of [
      [old, 25],
      [young, 1],
    ] as const) {
      writeFileSync(path, 'x');
      const at = new Date(t.clock().getTime() - hours * 3_600_000);
      utimesSync(path, at, at);
    }
    startImporter().watch();
    while ((await read(id)).status === 'running' || existsSync(old)) await pause();
    expect([(await read(id)).status, (await read(elsewhere)).status, existsSync(young)]).toEqual(['completed', 'running', true]);
  });

  test('a batch that was chosen to end a deadlock is saved once more, and once', async () => {
    await sql`create sequence deadlocks`.execute(t.db);
    await sql`create function deadlock() returns trigger language plpgsql as $$ begin
      if nextval('deadlocks') in (1, 3) then raise exception 'deadlock detected' using errcode = '40P01'; end if;
      return null; end $$`.execute(t.db);
    await sql`create trigger deadlock before insert on leads for each statement execute function deadlock()`.execute(t.db);
    const { body } = await send(fileOf(700));
    await sql`drop trigger deadlock on leads`.execute(t.db);
    expect(body).toMatchObject({ status: 'completed', counts: { rows: 700, imported: 700, duplicates: 0 } });
    expect(await totalOf()).toBe(700);
  });

  test('a file that has vanished ends its import with a reason', async () => {
    const id = await spool(fileOf(5));
    await t.db.updateTable('imports').set({ spool: randomUUID() }).where('id', '=', id).execute();
    await startImporter().run(id);
    expect(await read(id)).toMatchObject({ status: 'failed', errors: [{ line: 0, kind: 'interrupted' }] });
  });

  test('a file is gone when its import has ended', async () => {
    const before = readdirSync(t.importFolder).length;
    const id = await spool(fileOf(5));
    expect(readdirSync(t.importFolder).length).toBe(before + 1);
    await startImporter().run(id);
    expect(readdirSync(t.importFolder).length).toBe(before);
  });
});

describe('a dry run', () => {
  test('says what would be, and adds nothing', async () => {
    await send('phone\n+12025550101\n');
    const blocked = { account_id: t.mine.account.id, phone_number: '+12025550103', reason: null, created_at: t.clock() };
    await t.db.insertInto('dnc_numbers').values(blocked).execute();
    const text = 'phone\n+12025550101\n+12025550102\n+12025550102\n+12025550103\nx\n';
    const { body } = await send(text, { dry_run: 'true' });
    expect([body.status, body.dry_run]).toEqual(['completed', true]);
    expect(body.counts).toEqual({ rows: 5, imported: 2, duplicates: 2, blacklisted: 1, failed: 1, warnings: 0 });
    expect(await totalOf()).toBe(1);
    const real = await send(text);
    expect([real.body.dry_run, real.body.counts]).toEqual([false, body.counts]);
    expect(await totalOf()).toBe(3);
    await t.db.deleteFrom('dnc_numbers').execute();
  });

  test('whoever takes it over begins anew', async () => {
    const id = await spool(`${fileOf(3200)}x\n`, { dryRun: true });
    await runHalf(id);
    await startImporter().run(id);
    expect(await read(id)).toMatchObject({ status: 'completed', counts: { rows: 3201, imported: 3200, duplicates: 0, failed: 1 } });
    expect(await totalOf()).toBe(0);
  });
});

describe('the report', () => {
  const report = (id: number) => t.api.get(`${PATH}/${id}/report`);

  test('has every row that was not added, as it stood, with its reason, and can be imported when corrected', async () => {
    const { body } = await send('Telefon;Name;Notiz\nx;=1+1;\'-a\n+12025550101;Ana;\n+12025550101;Ana again;\n\ny;"Ma;\nria";\n');
    expect(body.counts).toMatchObject({ imported: 1, duplicates: 1, failed: 2 });
    const answer = await report(body.id);
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="import-${body.id}-errors.csv"`);
    const lines = answer.raw.split('\r\n');
    expect(lines[0]).toBe('\ufeffTelefon,Name,Notiz,error');
    expect(lines[1]).toMatch(/^x,'=1\+1,'-a,"""x"" is /);
    expect(lines[2]).toMatch(/^\+12025550101,Ana again,,.*in the campaign already/);
    expect(lines[3]).toMatch(/^y,"Ma;\nria",,/);
    const corrected = answer.raw.replace('\nx,', '\n+12025550102,').replace('\ny,', '\n+12025550103,');
    const second = await send(corrected);
    expect(second.body.counts).toMatchObject({ rows: 3, imported: 2, duplicates: 1, failed: 0 });
    const { data } = (await t.api.get(`/api/user/leads?campaign_id=${campaign}`)).body;
    const variables = data.map((lead: { variables: unknown }) => lead.variables);
    expect(variables).toContainEqual({ name: '=1+1', notiz: '-a' });
    expect(variables.flatMap((one: object) => Object.keys(one))).not.toContain('error');
    // The report of a report has one column of reasons.
    expect((await report(second.body.id)).raw.split('\r\n')[0]).toBe('\ufeffTelefon,Name,Notiz,error');
  });

  test('is whole beyond a thousand rows, and survives a row too wide and text that no database keeps', async () => {
    const bad = Array.from({ length: 2100 }, (_, i) => `x${i}`).join('\n');
    const { body } = await send(`phone,a\n${bad}\n+12025550101,a,b,c\n+12025550102,a\0b\n`);
    expect(body.counts).toMatchObject({ rows: 2102, failed: 2102 });
    const lines = (await report(body.id)).raw.trim().split('\r\n');
    expect(lines.length).toBe(2103);
    expect(lines[2101]).toMatch(/^\+12025550101,a,b,c,/);
    expect(lines[2102]).toContain('a\ufffdb');
  });

  test('of another account there is none', async () => {
    const { body } = await send('phone\nx\n');
    expect((await t.other.get(`${PATH}/${body.id}/report`)).status).toBe(404);
    expect((await report(2 ** 40)).status).toBe(404);
  });
});

describe('the sample', () => {
  const sample = (query = '') => t.api.get(`/api/user/campaigns/${campaign}/import-sample${query}`);

  test("has the assistant's variables and is a file that can be imported", async () => {
    const { raw, headers } = await sample('?contacts=2');
    expect(headers['content-disposition']).toBe(`attachment; filename="campaign-${campaign}-sample.csv"`);
    expect(raw.split('\r\n')[0]).toBe(
      "\ufeffphone_number,customerName,'=risky,secondary_phone_1,secondary_1_customerName,secondary_1_=risky," +
        'secondary_phone_2,secondary_2_customerName,secondary_2_=risky',
    );
    expect((await send(raw)).body).toMatchObject({ status: 'completed', counts: { rows: 1, imported: 1, warnings: 0 } });
  });

  test('no contacts, too many, and campaigns of others', async () => {
    expect((await sample('?contacts=0')).raw.split('\r\n')[0]).toBe("\ufeffphone_number,customerName,'=risky");
    expect((await sample('?contacts=11')).status).toBe(422);
    expect((await t.other.get(`/api/user/campaigns/${campaign}/import-sample`)).status).toBe(404);
  });
});

test('an import that somebody holds keeps no other waiting', async () => {
  // What is shown of an import whose runner is silent is not what is stored.
  const stored = async (ids: number[]) => {
    const rows = await t.db.selectFrom('imports').select(['id', 'status']).where('id', 'in', ids).execute();
    return ids.map((id) => rows.find((row) => row.id === id)?.status);
  };
  const now = t.clock();
  const [held, waiting] = [await spool(fileOf(3)), await spool(fileOf(5))];
  const dead = { spool: null, heartbeat_at: new Date(now.getTime() - 3_600_000) };
  const [heldDead, lost] = [await spool(fileOf(1)), await spool(fileOf(1))];
  await t.db.updateTable('imports').set(dead).where('id', 'in', [heldDead, lost]).execute();
  const forgotten = await t.db.startTransaction().execute();
  await sql`select from imports where id = any(${[held, heldDead]}::bigint[]) for update`.execute(forgotten);
  try {
    const importer = startImporter();
    importer.watch();
    await expect.poll(async () => (await read(waiting)).status, { timeout: 10_000 }).toBe('completed');
    // None of these waits.
    expect(await claimImport(t.db, held, randomUUID(), t.clock())).toBeUndefined();
    await beatImport(t.db, held, randomUUID(), t.clock());
    await importer.stop();
    expect(await stored([lost, heldDead, held])).toEqual(['failed', 'running', 'running']);
  } finally {
    await forgotten.rollback().execute();
  }
  const importer = startImporter();
  importer.watch();
  await expect.poll(() => stored([held, heldDead]), { timeout: 10_000 }).toEqual(['completed', 'failed']);
  await importer.stop();
});
