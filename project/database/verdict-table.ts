/**
 * The monitor's verdicts in the registry, for the catalogue: judged days, features and views by day, incidents, and
 * what was served on the newest day of each feature.
 *
 * A day that is judged again replaces what was written of it. Days and incidents are kept for good; what is counted of
 * features and views for `KEPT_DAYS`.
 */
import { sql } from 'kysely';
import type { Kysely, SelectQueryBuilder, Selectable, Transaction } from 'kysely';
import { DAY_US, dayOf, parseTimestamp } from '../../contract/std/timestamp.ts';
import type {
  DayRecord,
  DaySums,
  FeatureRecord,
  IncidentRecord,
  SketchRecord,
  VerdictRecord,
  ViewRecord,
} from '../../contract/verdict-record.ts';

interface JudgedFeature {
  date: string;
  service: string;
  name: string;
  view: string;
  feature: string;
  level: string;
  provisional: number;
  rows: number;
  answered: number;
  nulls: number;
  unavailable: number;
  unjudged: number;
  present: number;
  exact: number;
  within_promise: number;
  beyond_promise: number;
  low: number | null;
  high: number | null;
  causes: string;
  drift: number | null;
  drift_level: string | null;
}

export interface VerdictTables {
  judged_day: { date: string; service: string; record: string };
  judged_feature: JudgedFeature;
  judged_view: {
    date: string;
    service: string;
    role: string;
    view: string;
    freshness_us: number;
    age_us: number | null;
    hours: number;
    hours_beyond: number;
    vectors: number;
    unavailable: number;
  };
  incident: { id: string; date: string; service: string; view: string; harm: number; record: string };
  served_sketch: {
    service: string;
    name: string;
    view: string;
    feature: string;
    date: string;
    record: string;
  };
}

/** Which rows are asked for; dates are both included. */
interface DayFilter {
  readonly service?: string;
  readonly view?: string;
  /** Of one of these. */
  readonly views?: readonly string[];
  readonly feature?: string;
  readonly features?: readonly string[];
  readonly from?: string;
  readonly to?: string;
}

interface IncidentFilter extends DayFilter {
  readonly most: number;
}

const KEPT_DAYS = 400;
/** Parameters of one statement are bounded: 21 a row. */
const ROWS_AT_ONCE = 500;

export class VerdictTable {
  readonly #db: Kysely<VerdictTables>;

  constructor(db: Kysely<VerdictTables>) {
    this.#db = db;
  }

  /** Replaces all that is kept of the day and service, in one transaction. */
  async record(verdict: VerdictRecord): Promise<void> {
    const { date, service } = verdict.day;
    const oldest = dayOf(Number(parseTimestamp(date)) - KEPT_DAYS * DAY_US);
    await this.#db.transaction().execute(async (db) => {
      for (const table of ['judged_day', 'judged_feature', 'judged_view', 'incident'] as const)
        await db.deleteFrom(table).where('date', '=', date).where('service', '=', service).execute();
      for (const table of ['judged_feature', 'judged_view'] as const)
        await db.deleteFrom(table).where('service', '=', service).where('date', '<', oldest).execute();
      const { day, features, views, incidents } = verdict;
      await db
        .insertInto('judged_day')
        .values({ date, service, record: JSON.stringify(day) })
        .execute();
      await insertParts(features.map(featureRow), (rows) => db.insertInto('judged_feature').values(rows));
      const viewRows = views.map(({ freshnessUs, ageUs, hoursBeyond, ...rest }) => {
        return { ...rest, freshness_us: freshnessUs, age_us: ageUs, hours_beyond: hoursBeyond };
      });
      await insertParts(viewRows, (rows) => db.insertInto('judged_view').values(rows));
      const found = incidents.map((one) => {
        const { id, view, harm } = one;
        return { id, date, service, view, harm, record: JSON.stringify(one) };
      });
      await insertParts(found, (rows) => db.insertInto('incident').values(rows));
      await replaceSketches(db, verdict);
    });
  }

  /** @returns judged days, the newest first, then by service */
  async days({ service, from, to }: DayFilter): Promise<DayRecord[]> {
    let query = this.#db.selectFrom('judged_day').select('record').orderBy('date', 'desc').orderBy('service');
    if (service !== undefined) query = query.where('service', '=', service);
    if (from !== undefined) query = query.where('date', '>=', from);
    if (to !== undefined) query = query.where('date', '<=', to);
    return (await query.execute()).map(({ record }) => JSON.parse(record) as DayRecord);
  }

  /** @returns the newest date that was judged; null: none was */
  async newestDate(): Promise<string | null> {
    const newest = this.#db.selectFrom('judged_day').select(({ fn }) => fn.max('date').as('date'));
    return (await newest.executeTakeFirst())?.date ?? null;
  }

  /** @returns by date, then by service */
  async features(filter: DayFilter): Promise<FeatureRecord[]> {
    const query = filtered(this.#db.selectFrom('judged_feature'), filter)
      .selectAll()
      .orderBy('date')
      .orderBy('service');
    return (await query.execute()).map(featureRecord);
  }

  /** @returns the same added up by day, over whatever is asked for: one record a date, in their order */
  async sums(filter: DayFilter): Promise<DaySums[]> {
    return (await this.#summed(filter, 'date')).map(({ sums }) => sums);
  }

  /** @returns the same added up by the feature's name, over all days that are asked for */
  async sumsOfFeatures(filter: DayFilter): Promise<Map<string, DaySums>> {
    return new Map((await this.#summed(filter, 'feature')).map(({ of, sums }) => [of, sums]));
  }

  async #summed(
    filter: DayFilter,
    by: 'date' | 'feature',
  ): Promise<{ readonly of: string; readonly sums: DaySums }[]> {
    const { sum, min, max } = this.#db.fn;
    const rank = sql<number>`max(CASE level WHEN 'alarm' THEN 3 WHEN 'alert' THEN 2 WHEN 'too-few' THEN 1 ELSE 0 END)`;
    const summed = filtered(this.#db.selectFrom('judged_feature'), filter).select([
      `${by} as of`,
      max('date').as('date'),
      max('provisional').as('provisional'),
      rank.as('rank'),
      min('low').as('low'),
      max('high').as('high'),
      sum<number>('rows').as('rows'),
      sum<number>('answered').as('answered'),
      sum<number>('nulls').as('nulls'),
      sum<number>('present').as('present'),
      sum<number>('exact').as('exact'),
      sum<number>('within_promise').as('within_promise'),
      sum<number>('beyond_promise').as('beyond_promise'),
    ]);
    const rows = await summed.groupBy(by).orderBy(by).execute();
    return rows.map(({ of, ...row }) => ({ of, sums: sumsOf(row) }));
  }

  /** @returns the causes of every record that has one */
  async causes(filter: DayFilter): Promise<FeatureRecord['causes'][]> {
    const found = filtered(this.#db.selectFrom('judged_feature'), filter).select('causes');
    const rows = await found.where('causes', '<>', '{}').execute();
    return rows.map(({ causes }) => JSON.parse(causes) as FeatureRecord['causes']);
  }

  /** @returns how old a view's data was as it was served, by date, over the services: the greatest of each */
  async ages({ view, from }: { readonly view: string; readonly from: string }): Promise<AgeDay[]> {
    const { max } = this.#db.fn;
    const found = this.#db
      .selectFrom('judged_view')
      .select(['date', max('age_us').as('age'), max('hours').as('hours'), max('hours_beyond').as('beyond')])
      .where('view', '=', view)
      .where('date', '>=', from);
    const rows = await found.groupBy('date').orderBy('date').execute();
    return rows.map(({ date, age, hours, beyond }) => ({ date, ageUs: age, hours, hoursBeyond: beyond }));
  }

  /** @returns the records of a view's roles, by date and service */
  async views({ view, from }: { readonly view: string; readonly from: string }): Promise<ViewRecord[]> {
    const found = this.#db.selectFrom('judged_view').selectAll().where('view', '=', view);
    const rows = await found.where('date', '>=', from).orderBy('date').orderBy('service').execute();
    return rows.map(({ freshness_us, age_us, hours_beyond, ...rest }) => {
      return { ...rest, freshnessUs: freshness_us, ageUs: age_us, hoursBeyond: hours_beyond };
    });
  }

  /** @returns the newest day first, in a day the greatest harm first */
  async incidents(filter: IncidentFilter): Promise<IncidentRecord[]> {
    let query = this.#db.selectFrom('incident').select('record').orderBy('date', 'desc');
    query = query.orderBy('harm', 'desc').orderBy('id');
    if (filter.view !== undefined) query = query.where('view', '=', filter.view);
    if (filter.service !== undefined) query = query.where('service', '=', filter.service);
    if (filter.from !== undefined) query = query.where('date', '>=', filter.from);
    if (filter.to !== undefined) query = query.where('date', '<=', filter.to);
    const rows = await query.limit(filter.most).execute();
    return rows.map(({ record }) => JSON.parse(record) as IncidentRecord);
  }

  /** @returns null: there is none of that id */
  async incident(id: string): Promise<IncidentRecord | null> {
    const found = this.#db.selectFrom('incident').select('record').where('id', '=', id);
    const row = await found.executeTakeFirst();
    return row === undefined ? null : (JSON.parse(row.record) as IncidentRecord);
  }

  /** @returns what was served of a feature, by service, each on its newest day */
  async sketches(view: string, feature: string): Promise<SketchRecord[]> {
    const found = this.#db.selectFrom('served_sketch').select('record').where('view', '=', view);
    const rows = await found.where('feature', '=', feature).orderBy('service').execute();
    return rows.map(({ record }) => JSON.parse(record) as SketchRecord);
  }
}

/** In the order of their weight in `sums`. */
const LEVELS: readonly FeatureRecord['level'][] = ['ok', 'too-few', 'alert', 'alarm'];

/** A day of a view: how old its data was at most when it was served; null: not known. */
export interface AgeDay {
  readonly date: string;
  readonly ageUs: number | null;
  /** Hours with vectors, and those in which the data was older than promised. */
  readonly hours: number;
  readonly hoursBeyond: number;
}

type FeatureQuery = SelectQueryBuilder<VerdictTables, 'judged_feature', object>;

function filtered(query: FeatureQuery, filter: DayFilter): FeatureQuery {
  const { service, view, views, feature, features, from, to } = filter;
  let narrowed = query;
  if (service !== undefined) narrowed = narrowed.where('service', '=', service);
  if (view !== undefined) narrowed = narrowed.where('view', '=', view);
  if (views !== undefined) narrowed = narrowed.where('view', 'in', views);
  if (feature !== undefined) narrowed = narrowed.where('feature', '=', feature);
  if (features !== undefined) narrowed = narrowed.where('feature', 'in', features);
  if (from !== undefined) narrowed = narrowed.where('date', '>=', from);
  if (to !== undefined) narrowed = narrowed.where('date', '<=', to);
  return narrowed;
}

interface SummedRow {
  readonly date: string;
  readonly provisional: number;
  readonly rank: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly rows: number;
  readonly answered: number;
  readonly nulls: number;
  readonly present: number;
  readonly exact: number;
  readonly within_promise: number;
  readonly beyond_promise: number;
}

/** PostgreSQL gives sums of bigint as text. */
function sumsOf({ date, provisional, rank, low, high, ...counts }: SummedRow): DaySums {
  return {
    date,
    provisional: provisional === 1,
    level: LEVELS[Number(rank)]!,
    interval: low === null || high === null ? null : [low, high],
    rows: Number(counts.rows),
    answered: Number(counts.answered),
    nulls: Number(counts.nulls),
    present: Number(counts.present),
    exact: Number(counts.exact),
    withinPromise: Number(counts.within_promise),
    beyondPromise: Number(counts.beyond_promise),
  };
}

async function insertParts<Row>(
  rows: readonly Row[],
  insert: (part: Row[]) => { execute(): Promise<unknown> },
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
    await insert(rows.slice(at, at + ROWS_AT_ONCE)).execute();
}

/** Those of an older day do not replace those of a newer one. */
async function replaceSketches(
  db: Transaction<VerdictTables>,
  { sketches }: Pick<VerdictRecord, 'sketches'>,
): Promise<void> {
  const rows = sketches.map((one) => {
    const { service, name, view, feature, date } = one;
    return { service, name, view, feature, date, record: JSON.stringify(one) };
  });
  await insertParts(rows, (part) =>
    db
      .insertInto('served_sketch')
      .values(part)
      .onConflict((conflict) =>
        conflict
          .columns(['service', 'name'])
          .doUpdateSet((eb) => ({
            view: eb.ref('excluded.view'),
            feature: eb.ref('excluded.feature'),
            date: eb.ref('excluded.date'),
            record: eb.ref('excluded.record'),
          }))
          .where(sql.ref('served_sketch.date'), '<=', sql.ref('excluded.date')),
      ),
  );
}

function featureRow(one: FeatureRecord): JudgedFeature {
  const { date, service, name, view, feature, level, rows, answered, nulls, unavailable, unjudged } = one;
  const { present, exact, withinPromise, beyondPromise, interval, drift } = one;
  const counted = { rows, answered, nulls, unavailable, unjudged, present, exact };
  return {
    date,
    service,
    name,
    view,
    feature,
    level,
    ...counted,
    provisional: one.provisional ? 1 : 0,
    within_promise: withinPromise,
    beyond_promise: beyondPromise,
    low: interval?.[0] ?? null,
    high: interval?.[1] ?? null,
    causes: JSON.stringify(one.causes),
    drift: drift?.distance ?? null,
    drift_level: drift?.level ?? null,
  };
}

function featureRecord(row: Selectable<JudgedFeature>): FeatureRecord {
  const { within_promise, beyond_promise, low, high, causes, drift, drift_level, provisional, ...rest } = row;
  return {
    ...rest,
    level: row.level as FeatureRecord['level'],
    provisional: provisional === 1,
    withinPromise: within_promise,
    beyondPromise: beyond_promise,
    interval: low === null || high === null ? null : [low, high],
    causes: causes === '{}' ? {} : (JSON.parse(causes) as FeatureRecord['causes']),
    drift: drift === null ? null : { distance: drift, level: drift_level ?? '' },
  };
}
