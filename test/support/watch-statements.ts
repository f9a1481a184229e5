// What a piece of code asks of the database, and how the database means to answer: costs without a clock.
import { CompiledQuery, type KyselyPlugin } from 'kysely';
import type { Db } from '../../src/db/schema.ts';

/** A statement that was carried out, and how many rows it gave. */
export interface Statement {
  query: CompiledQuery;
  rows: number;
}

/** A step of a plan. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  /** Of a plan that was run: rows for each time it was run, and what was looked at besides. */
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

/** The same database; what is asked through it is written down. */
export const watchStatements = (db: Db): { watched: Db; statements: Statement[] } => {
  const statements: Statement[] = [];
  const asked = new WeakMap<object, CompiledQuery>();
  const watcher: KyselyPlugin = {
    // Sub-queries pass here as well; only what is carried out has a result.
    transformQuery: ({ node, queryId }) => {
      asked.set(queryId, db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ queryId, result }) => {
      const query = asked.get(queryId);
      if (query !== undefined) statements.push({ query, rows: result.rows.length });
      return result;
    },
  };
  return { watched: db.withPlugin(watcher), statements };
};

const flatten = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

/** All steps of a statement's plan. */
export const planOf = async (db: Db, query: CompiledQuery): Promise<PlanNode[]> => {
  const { rows } = await db.executeQuery<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    CompiledQuery.raw(`explain (format json) ${query.sql}`, [...query.parameters]),
  );
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
  if (plan === undefined) throw new Error('The database gave no plan.');
  return flatten(plan);
};

const toLiteral = (value: unknown): string => {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return toLiteral(`{${value.join(',')}}`);
  const text = value instanceof Date ? value.toISOString() : String(value);
  return `'${text.replaceAll("'", "''")}'`;
};

/**
 * All steps of a statement's plan, with what each of them has read when it was run: `custom` as it is planned for these values, `generic`
 * as the server plans a prepared statement once and for all.
 */
export const planAsRun = (db: Db, query: CompiledQuery, mode: 'custom' | 'generic'): Promise<PlanNode[]> =>
  db.connection().execute(async (connection) => {
    const run = async (text: string) =>
      (await connection.executeQuery<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(CompiledQuery.raw(text))).rows;
    await run(`set plan_cache_mode = force_${mode}_plan`);
    await run(`prepare watched as ${query.sql}`);
    try {
      const rows = await run(`explain (analyze, timing off, format json) execute watched (${query.parameters.map(toLiteral).join(', ')})`);
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
      if (plan === undefined) throw new Error('The database gave no plan.');
      return flatten(plan);
    } finally {
      await run('deallocate watched');
      await run('reset plan_cache_mode');
    }
  });
