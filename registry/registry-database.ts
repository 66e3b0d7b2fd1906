/**
 * The registry's tables: every bundle that was applied, what each apply changed, and every materialization run.
 * SQLite for one machine; the same Kysely schema serves PostgreSQL.
 *
 * Only this file imports Kysely and node:sqlite for the registry. Rows that are written are never changed, but for
 * a run record, which is replaced once when its run ends.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { Kysely, SqliteDialect, sql } from 'kysely';
import type { SqliteDatabase } from 'kysely';
import { registryError } from './errors.ts';
import type { RunRecord } from './run-record.ts';
import type { StoreUrl } from './settings.ts';

/** One apply: the bundle it published and the changes it made, as canonical JSON. */
export interface AppliedBundle {
  readonly sequence: number;
  readonly hash: string;
  readonly appliedUs: number;
  readonly bundle: string;
  readonly changes: string;
}

interface Tables {
  applied_bundle: { sequence: number; hash: string; applied_us: number; bundle: string; changes: string };
  run: { run_id: string; view: string; started_us: number; state: string; to_us: number; record: string };
}

const BUSY_TIMEOUT_MS = 5_000;

export class RegistryDatabase {
  readonly #db: Kysely<Tables>;

  private constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Opens the database and makes its tables where they are missing. */
  static async open(url: StoreUrl): Promise<RegistryDatabase> {
    if (url.kind !== 'sqlite') {
      throw registryError('REG_STORE', `the registry on ${url.kind} is not built yet; use sqlite:FILE`, {
        field: 'registry',
      });
    }
    try {
      mkdirSync(dirname(url.url), { recursive: true });
      const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqlite(url.url) }) });
      await createTables(db);
      return new RegistryDatabase(db);
    } catch (error) {
      throw registryError(
        'REG_STORE',
        `cannot open the registry ${url.url}: ${(error as Error).message}`,
        {},
        error,
      );
    }
  }

  async close(): Promise<void> {
    await this.#db.destroy();
  }

  /** Opens the database for one piece of work and closes it whatever comes of that. */
  static async using<T>(url: StoreUrl, work: (database: RegistryDatabase) => Promise<T>): Promise<T> {
    const database = await RegistryDatabase.open(url);
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  }

  /** @returns the bundle in force, or null when nothing was ever applied */
  async lastApplied(): Promise<AppliedBundle | null> {
    const row = await this.#db
      .selectFrom('applied_bundle')
      .selectAll()
      .orderBy('sequence', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? null : appliedBundle(row);
  }

  /** Every apply, oldest first. */
  async appliedBundles(): Promise<AppliedBundle[]> {
    const rows = await this.#db.selectFrom('applied_bundle').selectAll().orderBy('sequence').execute();
    return rows.map(appliedBundle);
  }

  /** @throws REG_STORE when another apply came between reading and writing: `sequence` is taken */
  async recordApplied(applied: AppliedBundle): Promise<void> {
    const { sequence, hash, appliedUs, bundle, changes } = applied;
    try {
      await this.#db
        .insertInto('applied_bundle')
        .values({ sequence, hash, applied_us: appliedUs, bundle, changes })
        .execute();
    } catch (error) {
      throw registryError(
        'REG_STORE',
        `another apply came first: ${(error as Error).message}`,
        { help: 'Run `plumb plan` and apply again.' },
        error,
      );
    }
  }

  async startRun(run: RunRecord): Promise<void> {
    await this.#db.insertInto('run').values(runRow(run)).execute();
  }

  async finishRun(run: RunRecord): Promise<void> {
    await this.#db.updateTable('run').set(runRow(run)).where('run_id', '=', run.runId).execute();
  }

  /** @returns runs in order of their start */
  async runs(filter: { readonly view?: string; readonly sinceUs?: number } = {}): Promise<RunRecord[]> {
    let query = this.#db.selectFrom('run').select('record').orderBy('started_us').orderBy('run_id');
    if (filter.view !== undefined) query = query.where('view', '=', filter.view);
    if (filter.sinceUs !== undefined) query = query.where('started_us', '>=', filter.sinceUs);
    return (await query.execute()).map(({ record }) => JSON.parse(record) as RunRecord);
  }

  /** @returns the cut-off of the view's last complete run, from which the next one goes on; null: none yet */
  async bookmark(view: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom('run')
      .select(({ fn }) => fn.max('to_us').as('to_us'))
      .where('view', '=', view)
      .where('state', '=', 'complete')
      .executeTakeFirst();
    return row?.to_us ?? null;
  }
}

async function createTables(db: Kysely<Tables>): Promise<void> {
  await db.schema
    .createTable('applied_bundle')
    .ifNotExists()
    .addColumn('sequence', 'integer', (c) => c.primaryKey())
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('applied_us', 'bigint', (c) => c.notNull())
    .addColumn('bundle', 'text', (c) => c.notNull())
    .addColumn('changes', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('run')
    .ifNotExists()
    .addColumn('run_id', 'text', (c) => c.primaryKey())
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('started_us', 'bigint', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('to_us', 'bigint', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .execute();
  await sql`CREATE INDEX IF NOT EXISTS run_by_view ON run (view, started_us)`.execute(db);
}

function runRow(run: RunRecord): Tables['run'] {
  return {
    run_id: run.runId,
    view: run.view,
    started_us: run.startedUs,
    state: run.state,
    to_us: run.toUs,
    record: JSON.stringify(run),
  };
}

function appliedBundle(row: Tables['applied_bundle']): AppliedBundle {
  return {
    sequence: row.sequence,
    hash: row.hash,
    appliedUs: row.applied_us,
    bundle: row.bundle,
    changes: row.changes,
  };
}

/** Kysely's SQLite dialect is written for better-sqlite3, which needs a compiler or a download; Node has SQLite. */
function nodeSqlite(file: string): SqliteDatabase {
  // The timeout comes first: to turn on WAL takes a lock too, which another command may hold as it opens or closes.
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  return {
    close: () => database.close(),
    prepare: (text) => {
      const statement: StatementSync = database.prepare(text);
      return {
        reader: /^\s*(select|with|pragma)/i.test(text),
        all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
      };
    },
  };
}
