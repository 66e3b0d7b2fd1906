/**
 * The registry's tables as they came to be. A migration is never changed once it is released: what is to be different
 * comes as another one behind it. Each runs in a transaction, and one process at a time runs them.
 */
import { sql } from 'kysely';
import type { CreateTableBuilder, Kysely } from 'kysely';
import { registryError } from '../../contract/errors.ts';
import type { RegistryConnection } from './registry-connection.ts';

/** Tables of any state, as migrations see them. */
type AnyTables = Kysely<unknown>;

/** The n-th brings the tables to version n + 1. */
const MIGRATIONS: readonly ((db: AnyTables) => Promise<void>)[] = [
  firstTables,
  whoAndWhy,
  verdicts,
  rollouts,
  access,
];

/** The version of the tables that this program makes. */
export const REGISTRY_TABLES = MIGRATIONS.length;

/**
 * Brings the tables to the version of this program.
 * @throws REG_STORE where they are of a later one
 */
export async function migrate<T>(tables: Kysely<T>, connection: RegistryConnection): Promise<void> {
  const db = tables as unknown as AnyTables;
  for (;;) {
    const version = await versionOf(db, connection);
    if (version > REGISTRY_TABLES) throw tooNew(version);
    if (version === REGISTRY_TABLES) return;
    await db.connection().execute((alone) => migrateOnce(alone, connection));
  }
}

async function migrateOnce(db: AnyTables, { beginAlone }: RegistryConnection): Promise<void> {
  for (const statement of beginAlone) await sql.raw(statement).execute(db);
  try {
    await sql`CREATE TABLE IF NOT EXISTS migration (version integer PRIMARY KEY)`.execute(db);
    // Another process may have been first.
    const next = MIGRATIONS[await newestVersion(db)];
    if (next !== undefined) {
      await next(db);
      await sql`INSERT INTO migration (version) SELECT coalesce(max(version), 0) + 1 FROM migration`.execute(
        db,
      );
    }
    await sql`COMMIT`.execute(db);
  } catch (error) {
    await sql`ROLLBACK`.execute(db).catch(() => {});
    throw error;
  }
}

/** @returns 0 where no table was ever made */
async function versionOf(db: AnyTables, connection: RegistryConnection): Promise<number> {
  try {
    return await newestVersion(db);
  } catch (error) {
    if (connection.isMissingTable(error)) return 0;
    throw error;
  }
}

async function newestVersion(db: AnyTables): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    SELECT coalesce(max(version), 0) AS version FROM migration`.execute(db);
  return rows[0]!.version;
}

function tooNew(version: number): Error {
  const message = `the registry's tables are of version ${version}, and this plumb knows versions up to ${REGISTRY_TABLES}`;
  return registryError('REG_STORE', message, {
    field: 'registry',
    help: 'Run the newer plumb that made them.',
  });
}

/** Tables of before there were migrations stay as they are. */
async function firstTables(db: AnyTables): Promise<void> {
  await tablesOfApplies(db);
  await tablesOfRuns(db);
  await tablesOfStreams(db);
}

async function tablesOfApplies(db: AnyTables): Promise<void> {
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
    .createTable('removed_consumer')
    .ifNotExists()
    .addColumn('sequence', 'integer', (c) => c.notNull())
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('owner', 'text', (c) => c.notNull())
    .addColumn('removed_us', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('allowance')
    .ifNotExists()
    .addColumn('sequence', 'integer', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('services', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('service_version')
    .ifNotExists()
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('content', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('service_version_key', ['service', 'version'])
    .execute();
}

async function tablesOfRuns(db: AnyTables): Promise<void> {
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
  await db.schema
    .createTable('training_set')
    .ifNotExists()
    .addColumn('sequence', 'integer', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('made_us', 'bigint', (c) => c.notNull())
    .addColumn('manifest', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('registry')
    .ifNotExists()
    .addColumn('one', 'integer', (c) => c.primaryKey())
    .addColumn('id', 'text', (c) => c.notNull())
    .execute();
}

async function tablesOfStreams(db: AnyTables): Promise<void> {
  await db.schema
    .createTable('lease')
    .ifNotExists()
    .addColumn('view', 'text', (c) => c.primaryKey())
    .addColumn('holder', 'text', (c) => c.notNull())
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('until_ms', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('stream_view')
    .ifNotExists()
    .addColumn('view', 'text', (c) => c.primaryKey())
    .addColumn('horizon_us', 'bigint', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('stream_partition')
    .ifNotExists()
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('partition', 'integer', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('stream_partition_key', ['view', 'partition'])
    .execute();
}

async function rollouts(db: AnyTables): Promise<void> {
  await db.schema
    .createTable('rollout')
    .addColumn('sequence', 'integer', (c) => c.primaryKey())
    .addColumn('share', 'double precision', (c) => c.notNull())
    .addColumn('salt', 'text', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .execute();
}

/** Who may do what, and who did. */
async function access(db: AnyTables): Promise<void> {
  await db.schema
    .createTable('access_token')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('teams', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .addColumn('created_us', 'bigint', (c) => c.notNull())
    .addColumn('used_us', 'bigint')
    .addColumn('revoked_us', 'bigint')
    .execute();
  let audit: CreateTableBuilder<string, string> = db.schema
    .createTable('audit')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('at_us', 'bigint', (c) => c.notNull());
  for (const column of ['who', 'via', 'what', 'detail'])
    audit = audit.addColumn(column, 'text', (c) => c.notNull());
  await audit.execute();
  await sql`CREATE INDEX audit_by_time ON audit (at_us)`.execute(db);
}

/** Applies of before say neither. */
async function whoAndWhy(db: AnyTables): Promise<void> {
  for (const column of ['author', 'reason']) {
    const wider = db.schema.alterTable('applied_bundle');
    await wider.addColumn(column, 'text', (c) => c.notNull().defaultTo('')).execute();
  }
}

/** What the monitor found: of days, features and views, incidents, and what was served last. */
async function verdicts(db: AnyTables): Promise<void> {
  await db.schema
    .createTable('judged_day')
    .addColumn('date', 'text', (c) => c.notNull())
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('judged_day_key', ['date', 'service'])
    .execute();
  await judgedFeatures(db);
  await db.schema
    .createTable('judged_view')
    .addColumn('date', 'text', (c) => c.notNull())
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('freshness_us', 'bigint', (c) => c.notNull())
    .addColumn('age_us', 'bigint')
    .addColumn('hours', 'integer', (c) => c.notNull())
    .addColumn('hours_beyond', 'integer', (c) => c.notNull())
    .addColumn('vectors', 'bigint', (c) => c.notNull())
    .addColumn('unavailable', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('judged_view_key', ['service', 'date', 'role'])
    .execute();
  await db.schema
    .createTable('incident')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('date', 'text', (c) => c.notNull())
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('harm', 'double precision', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('served_sketch')
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('feature', 'text', (c) => c.notNull())
    .addColumn('date', 'text', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('served_sketch_key', ['service', 'name'])
    .execute();
  await sql`CREATE INDEX judged_feature_by_view ON judged_feature (view, feature, date)`.execute(db);
  await sql`CREATE INDEX judged_feature_by_day ON judged_feature (view, date)`.execute(db);
  await sql`CREATE INDEX judged_view_by_view ON judged_view (view, date)`.execute(db);
  await sql`CREATE INDEX judged_day_by_service ON judged_day (service, date)`.execute(db);
  await sql`CREATE INDEX incident_by_date ON incident (date)`.execute(db);
  await sql`CREATE INDEX incident_by_view ON incident (view, date)`.execute(db);
  await sql`CREATE INDEX served_sketch_by_view ON served_sketch (view, feature)`.execute(db);
}

async function judgedFeatures(db: AnyTables): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema.createTable('judged_feature');
  for (const column of ['date', 'service', 'name', 'view', 'feature', 'level', 'causes'])
    table = table.addColumn(column, 'text', (c) => c.notNull());
  const counts = ['rows', 'answered', 'nulls', 'unavailable', 'unjudged', 'present', 'exact'];
  for (const column of [...counts, 'within_promise', 'beyond_promise'])
    table = table.addColumn(column, 'bigint', (c) => c.notNull());
  for (const column of ['low', 'high', 'drift']) table = table.addColumn(column, 'double precision');
  await table
    .addColumn('provisional', 'integer', (c) => c.notNull())
    .addColumn('drift_level', 'text')
    .addPrimaryKeyConstraint('judged_feature_key', ['service', 'date', 'name'])
    .execute();
}
