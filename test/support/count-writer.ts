// A process that changes leads until it is killed: for what a kill in the middle must not break. Prints a line when it has begun.
//   node count-writer.ts <database url> <account> <campaign> <other campaign>
import { sql } from 'kysely';
import { openDatabase } from '../../src/db/open.ts';

const [url = '', account, campaign, other] = process.argv.slice(2);
const { db } = await openDatabase({ kind: 'server', url });
const now = new Date();

// Several statements in a transaction, several transactions at once: a kill finds them at every stage.
const write = async (worker: number): Promise<never> => {
  for (let round = 0; ; round += 1) {
    await db.transaction().execute(async (trx) => {
      await sql`
        insert into leads (account_id, campaign_id, phone_number, variables, status, duplicate_allowed, created_at, updated_at)
        select ${account}::bigint, ${campaign}::bigint, '+1202555' || lpad((n % 10000)::text, 4, '0'), '{}', 'created', true, ${now}, ${now}
        from generate_series(1, 40) n`.execute(trx);
      // Its own share of the ids, so that the writers do not wait for each other in a ring.
      await sql`
        update leads set status = (array['completed', 'created', 'rescheduled'])[1 + ${round}::integer % 3], campaign_id = ${other}::bigint
        where id in (select id from leads where id % 3 = ${worker}::integer order by id desc limit 25)`.execute(trx);
      await sql`delete from leads where id in (select id from leads where id % 3 = ${worker}::integer order by id limit 7)`.execute(trx);
    });
    if (round === 3) console.log('writing');
  }
};

await Promise.all([0, 1, 2].map(write));
