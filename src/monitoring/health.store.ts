// What the checks ask the database. Each is one short statement that an index answers.
import { sql } from 'kysely';
import { knownMigrations } from '../db/migrate.ts';
import type { Db } from '../db/schema.ts';

/** Comes true when the database answers. */
export const pingDatabase = async (db: Db): Promise<void> => {
  await sql`select 1`.execute(db);
};

/** The schema beside what this version knows: migrations that it lacks, and those of a newer version. */
export interface SchemaState {
  applied: number;
  missing: string[];
  newer: string[];
}

/** Compares the migrations of the database with those of this version. */
export const compareSchema = async (db: Db): Promise<SchemaState> => {
  const { rows } = await sql<{ name: string }>`select name from schema_migrations`.execute(db);
  const applied = rows.map(({ name }) => name);
  const known = knownMigrations();
  return {
    applied: applied.length,
    missing: known.filter((name) => !applied.includes(name)),
    newer: applied.filter((name) => !known.includes(name)),
  };
};

/** The webhooks that wait. */
export interface WebhookState {
  /** Since when the oldest one is due that nobody is at; undefined: none is. */
  dueSince: Date | undefined;
  /** When the last attempt on any began; undefined: none ever did. */
  attemptedAt: Date | undefined;
}

/** Reads how far the delivery of webhooks lags behind. */
export const readWebhookState = async (db: Db, now: Date): Promise<WebhookState> => {
  const { rows } = await sql<{ due: Date | null; attempted: Date | null }>`
    select (
      select next_attempt_at from webhook_messages
      where state = 'pending' and next_attempt_at <= ${now}::timestamptz and (lease_until is null or lease_until <= ${now}::timestamptz)
      order by next_attempt_at limit 1
    ) as due, (select at from webhook_deliveries order by id desc limit 1) as attempted`.execute(db);
  return { dueSince: rows[0]?.due ?? undefined, attemptedAt: rows[0]?.attempted ?? undefined };
};

/** Until when a carrier is left alone; undefined: it is not. */
export const readPause = async (db: Db, carrier: string, now: Date): Promise<Date | undefined> => {
  const row = await db
    .selectFrom('carrier_pauses')
    .select('paused_until')
    .where('carrier', '=', carrier)
    .where('paused_until', '>', now)
    .executeTakeFirst();
  return row?.paused_until;
};
