/**
 * The registry's tables: every bundle that was applied, what each apply changed, every materialization run, the
 * manifest of every training set, and the monitor's verdicts.
 * SQLite for one machine, PostgreSQL for several; one Kysely schema serves both.
 *
 * Only this folder imports Kysely and the databases' own clients for the registry. Rows that are written are never
 * changed, but for a run record, which is replaced once when its run ends, verdicts, which a later one on the
 * day replaces, and the leases.
 */
import { randomUUID } from 'node:crypto';
import { Kysely, sql } from 'kysely';
import { CodedError } from '../../contract/std/coded-error.ts';
import { registryError } from '../../contract/errors.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { Via } from '../access/caller.ts';
import { AccessTable } from './access-table.ts';
import type { AccessTables, AuditEntry } from './access-table.ts';
import { LeaseTable } from './lease-table.ts';
import type { LeaseTables } from './lease-table.ts';
import { CatalogueReads } from './catalogue-reads.ts';
import type { CatalogueTables } from './catalogue-reads.ts';
import { VerdictTable } from './verdict-table.ts';
import type { VerdictTables } from './verdict-table.ts';
import { StreamPartitionTable } from './stream-partition-table.ts';
import type { StreamPartitionTables } from './stream-partition-table.ts';
import { RolloutTable } from './rollout-table.ts';
import type { RolloutTables } from './rollout-table.ts';
import { migrate } from './migrations.ts';
import type { RegistryConnection } from './registry-connection.ts';
import { connectionTo } from './connect-registry.ts';
import { wholeRuns } from '../../contract/run-set.ts';
import type { TrainedEntry, TrainingManifest } from '../../contract/training-manifest.ts';
import type { ServiceVersion } from '../../contract/definitions/service-version.ts';
import type { StoreUrl } from '../settings/settings.ts';
import type { Allowed, RemovedConsumer } from '../../contract/refusal.ts';

export { IN_MEMORY } from './sqlite-connection.ts';

/** One apply: the bundle it published and the changes it made, as canonical JSON. */
interface AppliedBundle {
  readonly sequence: number;
  readonly hash: string;
  readonly appliedUs: number;
  /** Who applied it, and why; empty: nobody said. */
  readonly author: string;
  readonly reason: string;
  readonly bundle: string;
  readonly changes: string;
}

/** An apply as it is recorded: what it takes away, allows and names, in one transaction with its bundle. */
interface NewApply extends AppliedBundle {
  /** How its author is known; absent: by the login. */
  readonly via?: Via;
  /** A share of the pods takes it first; absent: all take it. */
  readonly staged?: { readonly share: number; readonly salt: string };
  /** The number of the staged apply that it takes back. */
  readonly takesBack?: number;
  readonly removed: readonly RemovedConsumer[];
  readonly allowed: readonly Allowed[];
  readonly services: readonly ServiceVersion[];
}

/** An apply without its bundle. */
export type KeptApply = Omit<AppliedBundle, 'bundle'>;

/** A refusal that an apply took, and when. */
export interface KeptAllowance extends Allowed {
  readonly sequence: number;
  readonly appliedUs: number;
}

interface Tables extends LeaseTables, StreamPartitionTables, VerdictTables, RolloutTables {
  removed_consumer: { sequence: number; service: string; model: string; owner: string; removed_us: number };
  allowance: { sequence: number; name: string; reason: string; services: string };
  service_version: { service: string; version: number; content: string };
  applied_bundle: {
    sequence: number;
    hash: string;
    applied_us: number;
    author: string;
    reason: string;
    bundle: string;
    changes: string;
  };
  training_set: { sequence: number; name: string; service: string; made_us: number; manifest: string };
  registry: { one: number; id: string };
  run: { run_id: string; view: string; started_us: number; state: string; to_us: number; record: string };
}

type RunFilter = { readonly view?: string; readonly sinceUs?: number };

/** Which training sets are asked for, and how many at most. */
interface TrainingSetFilter {
  readonly name?: string;
  readonly service?: string;
  readonly madeBeforeUs?: number;
  readonly most: number;
}

/** A manifest may be large: they are read so many at a time. */
const MANIFESTS_AT_ONCE = 200;
/** Of two that add a row at once one may have to count again. */
const COUNT_AGAIN = 20;

export class RegistryDatabase {
  /** Who may do what, and who did. */
  readonly access: AccessTable;
  readonly leases: LeaseTable;
  readonly streamPartitions: StreamPartitionTable;
  /** What the catalogue asks beside it. */
  readonly reads: CatalogueReads;
  /** What the monitor found. */
  readonly verdicts: VerdictTable;
  readonly rollouts: RolloutTable;
  readonly #db: Kysely<Tables>;

  readonly #connection: RegistryConnection;

  private constructor(db: Kysely<Tables>, connection: RegistryConnection) {
    this.#db = db;
    this.#connection = connection;
    this.access = new AccessTable(db as unknown as Kysely<AccessTables>, connection);
    this.leases = new LeaseTable(db as unknown as Kysely<LeaseTables>);
    this.reads = new CatalogueReads(db as unknown as Kysely<CatalogueTables>);
    this.verdicts = new VerdictTable(db as unknown as Kysely<VerdictTables>);
    this.rollouts = new RolloutTable(db as unknown as Kysely<RolloutTables>);
    this.streamPartitions = new StreamPartitionTable(db as unknown as Kysely<StreamPartitionTables>);
  }

  /**
   * Opens the database and makes its tables where they are missing.
   * @throws REG_STORE where it cannot be opened or reached, or was made by a later version
   */
  static async open(url: StoreUrl): Promise<RegistryDatabase> {
    let db: Kysely<Tables> | null = null;
    try {
      const connection = await connectionTo(url);
      db = new Kysely<Tables>({ dialect: connection.dialect });
      await migrate(db, connection);
      return new RegistryDatabase(db, connection);
    } catch (error) {
      await db?.destroy();
      if (error instanceof CodedError) throw error;
      const message = `cannot open the registry ${withoutPassword(url.url)}: ${(error as Error).message}`;
      throw registryError('REG_STORE', message, { field: 'registry' }, error);
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

  /** @returns what tells this registry from every other: it stays with the file */
  async id(): Promise<string> {
    const row = { one: 1, id: randomUUID() };
    const first = this.#db.insertInto('registry').values(row);
    await first.onConflict((conflict) => conflict.doNothing()).execute();
    return (await this.#db.selectFrom('registry').select('id').executeTakeFirstOrThrow()).id;
  }

  /** @returns the bundle in force, or null when nothing was ever applied */
  async lastApplied(): Promise<AppliedBundle | null> {
    const newest = this.#db.selectFrom('applied_bundle').selectAll().orderBy('sequence', 'desc').limit(1);
    const row = await newest.executeTakeFirst();
    return row === undefined ? null : appliedBundle(row);
  }

  /** @returns null when there is no apply of that number */
  async applied(sequence: number): Promise<AppliedBundle | null> {
    const found = this.#db.selectFrom('applied_bundle').selectAll().where('sequence', '=', sequence);
    const row = await found.executeTakeFirst();
    return row === undefined ? null : appliedBundle(row);
  }

  /** @returns every apply, the first first */
  async applies(): Promise<KeptApply[]> {
    const columns = ['sequence', 'hash', 'applied_us', 'author', 'reason', 'changes'] as const;
    const rows = await this.#db.selectFrom('applied_bundle').select(columns).orderBy('sequence').execute();
    return rows.map(({ applied_us, ...apply }) => ({ ...apply, appliedUs: applied_us }));
  }

  /**
   * @throws REG_STORE when another apply came between reading and writing: `sequence` is taken; REG_ROLLOUT when one is
   *         staged that this one does not take back, or the one that it takes back is staged no more
   */
  async recordApplied(apply: NewApply): Promise<void> {
    const { sequence, hash, appliedUs, author, bundle, changes } = apply;
    try {
      await this.#db.transaction().execute(async (db) => {
        const row = { sequence, hash, applied_us: appliedUs, author, reason: apply.reason, bundle, changes };
        await db.insertInto('applied_bundle').values(row).execute();
        await endRollout(db, apply);
        const audit = new AccessTable(db as unknown as Kysely<AccessTables>, this.#connection);
        const { via = 'login' } = apply;
        const detail = `apply ${sequence}, bundle ${hash}`;
        await audit.note({ atUs: appliedUs, who: author, via, what: 'apply', detail });
        if (apply.staged !== undefined) {
          const { share, salt } = apply.staged;
          await new RolloutTable(db as unknown as Kysely<RolloutTables>).begin(sequence, share, salt);
        }
        for (const { service, model, owner, removedUs } of apply.removed) {
          const gone = { sequence, service, model, owner, removed_us: removedUs };
          await db.insertInto('removed_consumer').values(gone).execute();
        }
        for (const { name, reason, services } of apply.allowed) {
          const kept = { sequence, name, reason, services: JSON.stringify(services) };
          await db.insertInto('allowance').values(kept).execute();
        }
        for (const version of apply.services) {
          await db
            .insertInto('service_version')
            .values(version)
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
      });
    } catch (error) {
      if (!this.#connection.isTaken(error)) throw error;
      const message = `another apply came first: ${(error as Error).message}`;
      throw registryError('REG_STORE', message, { help: 'Run `plumb plan` and apply again.' }, error);
    }
  }

  /** What is staged becomes what is in force. @returns false where that apply is staged no more */
  async promote(sequence: number, entry: AuditEntry): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const rollouts = new RolloutTable(db as unknown as Kysely<RolloutTables>);
      if (!(await rollouts.change(sequence, { state: 'promoted' }))) return false;
      await new AccessTable(db as unknown as Kysely<AccessTables>, this.#connection).note(entry);
      return true;
    });
  }

  /** @returns consumers that applies have removed after a time, in the order that they went */
  async removedConsumers(afterUs: number): Promise<RemovedConsumer[]> {
    const removed = this.#db.selectFrom('removed_consumer').selectAll().where('removed_us', '>', afterUs);
    const rows = await removed.orderBy('sequence').execute();
    return rows.map(({ service, model, owner, removed_us }) => {
      return { service, model, owner, removedUs: removed_us };
    });
  }

  /** @returns every version of every service that was ever applied */
  async serviceVersions(): Promise<ServiceVersion[]> {
    return this.#db.selectFrom('service_version').selectAll().orderBy('version').execute();
  }

  /** @returns what applies have taken although it was refused, oldest first */
  async allowances(): Promise<KeptAllowance[]> {
    const rows = await this.#db
      .selectFrom('allowance as a')
      .innerJoin('applied_bundle as b', 'b.sequence', 'a.sequence')
      .select(['a.sequence', 'a.name', 'a.reason', 'a.services', 'b.applied_us'])
      .orderBy('a.sequence')
      .orderBy('a.name')
      .execute();
    return rows.map(({ sequence, name, reason, services, applied_us }) => {
      const served = JSON.parse(services) as Allowed['services'];
      return { sequence, name, reason, services: served, appliedUs: applied_us };
    });
  }

  async startRun(run: RunRecord): Promise<void> {
    await this.#db.insertInto('run').values(runRow(run)).execute();
  }

  async finishRun(run: RunRecord): Promise<void> {
    await this.#db.updateTable('run').set(runRow(run)).where('run_id', '=', run.runId).execute();
  }

  /** @returns runs in order of their start, those that share a view's rows as one */
  async runs(filter: RunFilter = {}): Promise<RunRecord[]> {
    return wholeRuns(await this.runParts(filter));
  }

  /** @returns the same, each run that writes a part of a view's rows for itself */
  async runParts(filter: RunFilter): Promise<RunRecord[]> {
    let query = this.#db.selectFrom('run').select('record').orderBy('started_us').orderBy('run_id');
    if (filter.view !== undefined) query = query.where('view', '=', filter.view);
    if (filter.sinceUs !== undefined) query = query.where('started_us', '>=', filter.sinceUs);
    return (await query.execute()).map(({ record }) => JSON.parse(record) as RunRecord);
  }

  /** Keeps a manifest for good; sets of one name stand beside each other. */
  async recordTrainingSet(manifest: TrainingManifest): Promise<void> {
    const { name, service, madeUs } = manifest;
    const sequence = sql<number>`(SELECT coalesce(max(sequence), 0) + 1 FROM training_set)`;
    const row = { sequence, name, service, made_us: madeUs, manifest: JSON.stringify(manifest) };
    for (let times = 1; ; times++) {
      try {
        await this.#db.insertInto('training_set').values(row).execute();
        return;
      } catch (error) {
        if (!this.#connection.isTaken(error) || times === COUNT_AGAIN) throw error;
      }
    }
  }

  /** @returns manifests, the newest first */
  async trainingSets(filter: TrainingSetFilter): Promise<TrainingManifest[]> {
    let query = this.#db.selectFrom('training_set').select('manifest').orderBy('sequence', 'desc');
    if (filter.name !== undefined) query = query.where('name', '=', filter.name);
    if (filter.service !== undefined) query = query.where('service', '=', filter.service);
    if (filter.madeBeforeUs !== undefined) query = query.where('made_us', '<', filter.madeBeforeUs);
    const rows = await query.limit(filter.most).execute();
    return rows.map(({ manifest }) => JSON.parse(manifest) as TrainingManifest);
  }

  /** @returns the entries of a view's history that training sets were made at */
  async trainedEntries(view: string): Promise<TrainedEntry[]> {
    const named = `%"view":${JSON.stringify(view)}%`;
    const sets = this.#db.selectFrom('training_set').where('manifest', 'like', named).orderBy('sequence');
    const entries = new Map<string, TrainedEntry>();
    for (let last = 0; ;) {
      const next = sets
        .select(['sequence', 'manifest'])
        .where('sequence', '>', last)
        .limit(MANIFESTS_AT_ONCE);
      const rows = await next.execute();
      for (const { manifest } of rows) {
        const { views } = JSON.parse(manifest) as TrainingManifest;
        for (const { view: trained, commit, entry } of views)
          if (trained === view && commit !== null) entries.set(`${commit} ${entry}`, { commit, entry });
      }
      if (rows.length < MANIFESTS_AT_ONCE) break;
      last = rows.at(-1)!.sequence;
    }
    return [...entries.values()];
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

function runRow(run: RunRecord): Tables['run'] {
  return {
    run_id: run.runId,
    view: run.view,
    // Where its set began: a set is found whole, or not at all.
    started_us: run.shard?.startedUs ?? run.startedUs,
    state: run.state,
    to_us: run.toUs,
    record: JSON.stringify(run),
  };
}

/** Within the transaction of an apply: nobody ends, or begins, one meanwhile. */
async function endRollout(db: Kysely<Tables>, { takesBack }: NewApply): Promise<void> {
  const rollouts = new RolloutTable(db as unknown as Kysely<RolloutTables>);
  const underWay = await rollouts.underWay();
  const isEnded =
    takesBack === undefined ? underWay === null : await rollouts.change(takesBack, { state: 'taken back' });
  if (isEnded) return;
  const message =
    underWay === null ? `apply ${takesBack} is staged no more` : `apply ${underWay.sequence} is staged`;
  throw registryError('REG_ROLLOUT', message);
}

function appliedBundle(row: Tables['applied_bundle']): AppliedBundle {
  return {
    sequence: row.sequence,
    hash: row.hash,
    appliedUs: row.applied_us,
    author: row.author,
    reason: row.reason,
    bundle: row.bundle,
    changes: row.changes,
  };
}
