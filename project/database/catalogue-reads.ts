/** What only the catalogue asks of the registry's tables: the newest of each, and lists a page at a time. */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { RunRecord } from '../../contract/run-record.ts';
import { lastAchieved, wholeRuns } from '../../contract/run-set.ts';
import type { TrainingManifest } from '../../contract/training-manifest.ts';

/** The columns that are read here. */
export interface CatalogueTables {
  applied_bundle: { sequence: number; applied_us: number; author: string; reason: string; changes: string };
  training_set: { sequence: number; name: string; service: string; manifest: string };
  run: { run_id: string; view: string; started_us: number; state: string; record: string };
}

/** An apply with the changes that it made, as canonical JSON. */
interface NamedApply {
  readonly sequence: number;
  readonly appliedUs: number;
  readonly author: string;
  readonly reason: string;
  readonly changes: string;
}

interface NewestRuns {
  readonly view?: string;
  readonly most: number;
}

/** A SELECT of more parts is refused by SQLite. */
const PARTS_AT_ONCE = 400;
/** Applies are looked through back to here. */
const MOST_APPLIES = 200;

export class CatalogueReads {
  readonly #db: Kysely<CatalogueTables>;

  constructor(db: Kysely<CatalogueTables>) {
    this.#db = db;
  }

  /** @returns the number of the apply in force; null: nothing was ever applied */
  async lastSequence(): Promise<number | null> {
    const newest = this.#db
      .selectFrom('applied_bundle')
      .select(({ fn }) => fn.max('sequence').as('sequence'));
    return (await newest.executeTakeFirst())?.sequence ?? null;
  }

  /** @returns applies whose changes name a definition, the newest first; others may be among them */
  async appliesThatName(name: string): Promise<NamedApply[]> {
    const columns = ['sequence', 'applied_us', 'author', 'reason', 'changes'] as const;
    const named = this.#db
      .selectFrom('applied_bundle')
      .select(columns)
      .where('changes', 'like', `%"name":${JSON.stringify(name)}%`);
    const rows = await named.orderBy('sequence', 'desc').limit(MOST_APPLIES).execute();
    return rows.map(({ applied_us, ...rest }) => ({ ...rest, appliedUs: applied_us }));
  }

  /** @returns by view the run, or stream, that says up to when it is complete; a view without one is not there */
  async lastAchieved(views: readonly string[]): Promise<Map<string, RunRecord>> {
    const found = new Map<string, RunRecord>();
    for (let at = 0; at < views.length; at += PARTS_AT_ONCE) {
      const part = views.slice(at, at + PARTS_AT_ONCE);
      for (const run of await this.#candidates(part)) {
        const before = found.get(run.view);
        const isLater = before === undefined || run.startedUs > before.startedUs;
        if (isLater && lastAchieved([run]) !== null) found.set(run.view, run);
      }
    }
    for (const [view, { shard }] of found) {
      if (shard === undefined) continue;
      // One part is no run: the whole set counts, or what was complete before it.
      const whole = lastAchieved(
        await this.newestRuns({ view, most: MOST_APPLIES }).then((all) => all.toReversed()),
      );
      if (whole === null) found.delete(view);
      else found.set(view, whole);
    }
    return found;
  }

  /** @returns of each view its newest complete run, and its newest one under way, which may be a stream */
  async #candidates(views: readonly string[]): Promise<RunRecord[]> {
    if (views.length === 0) return [];
    const names = sql.join(
      views.map((view) => sql`SELECT cast(${view} AS text) AS view`),
      sql` UNION ALL `,
    );
    const newest = (
      state: string,
    ) => sql`(SELECT record FROM run WHERE run.view = named.view AND state = ${state}
      ORDER BY started_us DESC, run_id DESC LIMIT 1)`;
    const { rows } = await sql<{ complete: string | null; running: string | null }>`
      SELECT ${newest('complete')} AS complete, ${newest('running')} AS running FROM (${names}) AS named`.execute(
      this.#db,
    );
    return rows
      .flatMap(({ complete, running }) => [complete ?? [], running ?? []].flat())
      .map((record) => JSON.parse(record) as RunRecord);
  }

  /** @returns the newest first, those that share a view's rows as one */
  async newestRuns({ view, most }: NewestRuns): Promise<RunRecord[]> {
    let query = this.#db.selectFrom('run').select('record').orderBy('started_us', 'desc');
    if (view !== undefined) query = query.where('view', '=', view);
    const rows = await query.orderBy('run_id', 'desc').limit(most).execute();
    return wholeRuns(rows.map(({ record }) => JSON.parse(record) as RunRecord));
  }

  /** @returns null: there is none of that id */
  async run(runId: string): Promise<RunRecord | null> {
    const found = this.#db.selectFrom('run').select('record').where('run_id', '=', runId);
    const row = await found.executeTakeFirst();
    return row === undefined ? null : (JSON.parse(row.record) as RunRecord);
  }

  /** @returns the newest training set of any of the services; null: there is none */
  async newestTrainingSet(services: readonly string[]): Promise<TrainingManifest | null> {
    if (services.length === 0) return null;
    const newest = this.#db.selectFrom('training_set').select('manifest').where('service', 'in', services);
    const row = await newest.orderBy('sequence', 'desc').limit(1).executeTakeFirst();
    return row === undefined ? null : (JSON.parse(row.manifest) as TrainingManifest);
  }

  /** @returns names of sets, the newest first, each once, at most so many */
  async trainingSetNames(most: number): Promise<{ name: string; service: string }[]> {
    const grouped = this.#db
      .selectFrom('training_set')
      .select(['name', 'service', ({ fn }) => fn.max('sequence').as('newest')])
      .groupBy(['name', 'service']);
    const rows = await grouped.orderBy('newest', 'desc').limit(most).execute();
    return rows.map(({ name, service }) => ({ name, service }));
  }
}
