/**
 * Answers the day's vectors of a view under one setting, and compares each with what training sees of it.
 *
 *   rows known ---online from---> whatif_online  --ASOF fetched---> row served  --+
 *        `------------event + delay------------------ASOF served--> row trained --+--> groups --values--> counts
 *
 * A row is online from when it is the newest that runs have brought; the intervals of an entity's rows are disjoint, so
 * that one ASOF join finds the newest. Rows that differ are compared by the values that the service takes, once a pair
 * of rows. A mismatch is within the promise by the rules of causes/promise.ts: a simulated row is always true, so that
 * its cause is one of time, unless the row that it misses was written anew or is none.
 */
import type { Feature, FeatureView } from '../../contract/model.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { sameValueSql } from '../../project/engine/duckdb/same-value-sql.ts';
import { ASKED, READINGS } from './asked-rows.ts';
import { FETCHES } from './cached-fetches.ts';
import { ROWS, VALUES } from './known-rows.ts';
import { onlineFromSql, withWatermarkSql } from './simulated-runs.ts';
import type { Schedule } from './simulated-runs.ts';
import type { RoleCounts } from './setting.ts';

/** What is simulated. */
export interface Simulated {
  /** Index of the cache time among those of `layFetches`. */
  readonly cache: number;
  readonly schedule: Schedule;
  /** undefined: those of each vector's own bundle. */
  readonly delayUs?: number;
  readonly ttlUs?: number;
  /** A table that keeps what each vector is answered; undefined: nothing is kept. */
  readonly keptAs?: string;
}

export interface ComparedFeature {
  readonly feature: Feature;
  /** Numbers of the readings whose vectors do not have it to compare. */
  readonly lackedBy: readonly number[];
}

const ONLINE = 'whatif_online';
const TRAINABLE = 'whatif_trainable';
const ANSWERS = 'whatif_answers';
const MISSED = 'whatif_missed';
const GROUPS = 'whatif_groups';

/** Before all times. DuckDB 1.5 joins a NULL time of a large left side with some row. */
const NO_TIME = '-9223372036854775807';

type SimulatedView = Pick<FeatureView, 'kind' | 'hopUs' | 'outOfOrderUs' | 'features'>;

/**
 * @param roles  of each role the features that are compared
 * @returns      what was counted of each role
 */
export async function simulate(
  duck: DuckDb,
  view: SimulatedView,
  roles: readonly (readonly ComparedFeature[])[],
  simulated: Simulated,
): Promise<RoleCounts[]> {
  await layOnline(duck, simulated.schedule);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${ANSWERS} AS ${answersSql(view, simulated)}`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${MISSED} AS ${missedSql(view)}`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${GROUPS} AS
    SELECT role, reading, sn, tn, coalesce(m.is_within, false) AS is_within, count(*) AS vectors
    FROM ${ANSWERS} a LEFT JOIN ${MISSED} m USING (place) WHERE sn IS NOT NULL OR tn IS NOT NULL GROUP BY ALL`);
  const { keptAs } = simulated;
  if (keptAs !== undefined) {
    await duck.run(`CREATE OR REPLACE TEMP TABLE ${keptAs} AS
      SELECT role, vid, sn, tn, coalesce(m.is_within, false) AS is_within FROM ${ANSWERS} a LEFT JOIN ${MISSED} m USING (place)`);
  }
  const ages = await agesByRole(duck, ANSWERS);
  const counts: RoleCounts[] = [];
  for (const [role, features] of roles.entries()) {
    const [row] = await duck.rows(countsSql(view, role, features));
    const count = (name: string): number => row![name] as number;
    const values = { present: count('present'), exact: count('exact'), withinPromise: count('within') };
    counts.push({ ...values, ...(ages.get(role) ?? NO_AGES) });
  }
  await duck.run([ONLINE, ANSWERS, MISSED, GROUPS].map((table) => `DROP TABLE ${table}`).join('; '));
  return counts;
}

const NO_AGES = { ageP50Us: null, ageP99Us: null };
type Ages = Pick<RoleCounts, 'ageP50Us' | 'ageP99Us'>;

/** @param table  with `role`, `served_us`, `watermark_us` of each vector that counts */
async function agesByRole(duck: DuckDb, table: string): Promise<Map<number, Ages>> {
  const rows =
    await duck.rows(`SELECT role, quantile_disc(served_us - watermark_us, [0.5, 0.99])::DOUBLE[] AS ages
    FROM ${table} WHERE watermark_us IS NOT NULL GROUP BY role`);
  return new Map(
    rows.map((row) => {
      const { items } = row['ages'] as unknown as { readonly items: readonly number[] };
      return [row['role'] as number, { ageP50Us: items[0]!, ageP99Us: items[1]! }];
    }),
  );
}

/** @returns by role the ages as they were logged */
export async function loggedAges(duck: DuckDb): Promise<Map<number, Ages>> {
  return await agesByRole(duck, `(SELECT * FROM ${ASKED} WHERE is_counted)`);
}

/** Makes what does not depend on a setting. */
export async function layTrainable(duck: DuckDb): Promise<void> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${TRAINABLE} AS
    SELECT definition, e, event_us, max(n) AS n, max(n) FILTER (deleted) AS gone_n FROM ${ROWS} GROUP BY definition, e, event_us`);
}

async function layOnline(duck: DuckDb, schedule: Schedule): Promise<void> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${ONLINE} AS SELECT definition, e, n, online_us
    FROM (SELECT *, min(online_us) OVER (PARTITION BY definition, e ORDER BY n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS until_us
      FROM (SELECT definition, e, n, ${onlineFromSql(schedule)} AS online_us FROM ${ROWS}))
    WHERE online_us IS NOT NULL AND (until_us IS NULL OR online_us < until_us)`);
}

/**
 * place | role, vid, reading | definition, e | served_us, delay_us, ttl_us, freshness_us | watermark_us
 * found, trained: n of the rows that were there | sn, tn: of those whose values count
 * is_withheld: the served row is too old
 */
function answersSql(view: SimulatedView, { cache, schedule, delayUs, ttlUs }: Simulated): string {
  const isStored = view.kind === 'stored';
  const judged = isStored
    ? ''
    : 'AND complete_us IS NOT NULL AND ((served_us - delay_us) // hop_us) * hop_us <= complete_us';
  const read = `SELECT reading, definition, ${delayUs ?? 'delay_us'} AS delay_us, ${ttlUs ?? 'ttl_us'} AS ttl_us, hop_us,
    freshness_us, complete_us FROM ${READINGS}`;
  const asked = `(SELECT a.place, a.role, a.vid, a.reading, a.e, a.served_us, r.* EXCLUDE (reading), f.x${cache} AS x
    FROM ${ASKED} a JOIN (${read}) r USING (reading) JOIN ${FETCHES} f USING (place) WHERE a.is_counted ${judged})`;
  const isTooOld = isStored
    ? 's.event_us < a.served_us - a.ttl_us'
    : 'a.watermark_us < a.served_us - 2 * a.freshness_us';
  return `SELECT a.*,
      coalesce(NOT s.deleted AND ${isTooOld}, false) AS is_withheld,
      CASE WHEN NOT s.deleted AND NOT is_withheld THEN a.found END AS sn,
      CASE WHEN NOT t.deleted AND coalesce(t.event_us >= a.served_us - a.ttl_us, true) THEN a.trained END AS tn
    FROM (SELECT a.*, o.n AS found, t.n AS trained FROM (${withWatermarkSql(view, schedule, asked)}) a
      ASOF LEFT JOIN ${ONLINE} o ON a.definition = o.definition AND a.e = o.e AND a.x >= o.online_us
      ASOF LEFT JOIN ${TRAINABLE} t ON a.definition = t.definition AND a.e = t.e AND a.served_us - a.delay_us >= t.event_us) a
    LEFT JOIN ${ROWS} s ON s.n = a.found LEFT JOIN ${ROWS} t ON t.n = a.trained`;
}

/** Of each vector whose rows differ: whether the oldest row that it missed (causes/missed-row.ts) keeps the promise. */
function missedSql({ kind }: SimulatedView): string {
  const isStored = kind === 'stored';
  // A row without a created time says nothing about its place among the rows of its event.
  const own = 'CASE WHEN s.created_us IS NULL THEN same.n ELSE s.n END';
  // Who is answered with a tombstone missed nothing before it, also where training does not see it yet.
  const first = `CASE WHEN s.n IS NOT NULL AND NOT s.deleted THEN ${own} + 1 ELSE greatest(s.n + 1, gone.gone_n + 1, f.n) END`;
  const agedFrom = isStored
    ? 'CASE WHEN m.created_us IS NULL OR m.created_us > a.served_us THEN m.event_us ELSE greatest(m.event_us, m.created_us) END'
    : 'm.event_us';
  const isRewritten = isStored
    ? 'm.created_us > a.served_us AND coalesce(m.event_us = s.event_us, false)'
    : 'm.created_us > a.served_us AND m.is_backfill AND m.event_us <= a.watermark_us';
  return `SELECT a.place, m.event_us + a.delay_us <= a.served_us AND NOT coalesce(${isRewritten}, false)
      AND a.served_us - ${agedFrom} < a.freshness_us ${isStored ? '' : 'AND NOT a.is_withheld'} AS is_within
    FROM (SELECT a.*, greatest(${first}, past.n + 1) AS first_n
      FROM (SELECT * FROM ${ANSWERS} WHERE sn IS DISTINCT FROM tn) a
      LEFT JOIN ${ROWS} s ON s.n = a.found
      LEFT JOIN ${TRAINABLE} same ON same.definition = a.definition AND same.e = a.e AND same.event_us = s.event_us
      ASOF LEFT JOIN (SELECT * FROM ${TRAINABLE} WHERE gone_n IS NOT NULL) gone
        ON gone.definition = a.definition AND gone.e = a.e AND a.served_us - a.delay_us >= gone.event_us
      ASOF LEFT JOIN ${TRAINABLE} past
        ON past.definition = a.definition AND past.e = a.e AND coalesce(a.served_us - a.ttl_us, ${NO_TIME}) > past.event_us
      LEFT JOIN (SELECT definition, e, min(n) AS n FROM ${ROWS} GROUP BY definition, e) f
        ON f.definition = a.definition AND f.e = a.e) a
    LEFT JOIN ${ROWS} s ON s.n = a.found
    JOIN ${ROWS} m ON m.n = a.first_n AND m.definition = a.definition AND m.e = a.e`;
}

function countsSql(
  { features: all }: SimulatedView,
  role: number,
  features: readonly ComparedFeature[],
): string {
  const present = ['0'];
  const exact = ['0'];
  for (const { feature, lackedBy } of features) {
    const { name, type, missing } = feature;
    const column = `v${all.findIndex((one) => one.name === name)}`;
    const received = (side: string): string =>
      `CASE WHEN ${side}.n IS NULL THEN ${sqlLiteral(type, missing)} ELSE ${side}.${column} END`;
    const isCompared = lackedBy.length === 0 ? 'true' : `g.reading NOT IN (${lackedBy.join(', ')})`;
    const isPresent = `${isCompared} AND (s.${column} IS NOT NULL OR t.${column} IS NOT NULL)`;
    present.push(`(${isPresent})::INTEGER`);
    const isSame = `g.sn IS NOT DISTINCT FROM g.tn OR ${sameValueSql(type, received('s'), received('t'))}`;
    exact.push(`((${isPresent}) AND (${isSame}))::INTEGER`);
  }
  const sum = (of: string, as: string): string => `coalesce(sum(${of}), 0)::DOUBLE AS ${as}`;
  return `SELECT ${sum('vectors * present', 'present')}, ${sum('vectors * exact', 'exact')},
      ${sum('CASE WHEN is_within THEN vectors * (present - exact) END', 'within')}
    FROM (SELECT g.vectors, g.is_within, ${present.join(' + ')} AS present, ${exact.join(' + ')} AS exact
      FROM ${GROUPS} g LEFT JOIN ${VALUES} s ON s.n = g.sn LEFT JOIN ${VALUES} t ON t.n = g.tn WHERE g.role = ${role})`;
}
