/**
 * The rows of a view's history that were in force at some time of a day: no later row of the entity was visible yet.
 * A vector that was served such a row, before the next one became visible, was served what training sees.
 *
 *   laid rows   | definition | k0 ... the keys | event_us, created_us | next_us: event time of the entity's next row
 *               | present: how many features have a value that is counted | v0 ... the values
 *   in force    | the same without `present`, and n, of the rows that vectors agree with | vectors, tensors: how many
 *               | do, and how many of these were answered as tensors of float32 (agreeing-counts.ts)
 *   first rows  | definition | k0 ... | first_us: event time of the entity's first row
 *               | from_us: of its newest one that every vector could see; null: there is none
 *
 * Keys and times of the history are read twice, so that of a long one only the rows are sorted that can be in force;
 * then the values of these. That serves the whole day, in place of a search for each vector. Rows that share their
 * times with another one of the entity, and tombstones, are not among them: the as-of join decides there.
 */
import { DUCKDB } from '../../project/engine/duckdb/duck-dialect.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlDialect } from '../../project/engine/sql-dialect.ts';
import type { Feature, JoinKey } from '../../contract/model.ts';

export const LAID_ROWS = 'replay_laid_rows';
export const IN_FORCE = 'replay_in_force';
export const FIRST_ROWS = 'replay_first_rows';
const SPANS = 'replay_spans';

export interface DayOfHistory {
  /** SELECT as `openHistory` gives it. */
  readonly sql: string;
  readonly nanos: boolean;
  /** Whether it has `deleted`. */
  readonly tombstones: boolean;
  /** What tells its rows from those of another definition of the view. */
  readonly definition: number;
  readonly keys: readonly JoinKey[];
  readonly features: readonly Pick<Feature, 'name'>[];
  /** The places of those that the service takes, and whose values are counted. */
  readonly counted: readonly number[];
  /** Table of the served entities, with their keys as k0, k1, ... */
  readonly entities: string;
  /** Served times less the delay, of the first and the last vector. */
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Makes the tables of laid and of first rows, or adds to them.
 *
 * @throws DuckDB's error when the history cannot be read
 */
export async function layRowsInForce(duck: DuckDb, day: DayOfHistory, isFirst: boolean): Promise<void> {
  const into = (table: string, sql: string): string =>
    isFirst ? `CREATE OR REPLACE TEMP TABLE ${table} AS ${sql}` : `INSERT INTO ${table} ${sql}`;
  await duck.run(into(FIRST_ROWS, firstRowsSql(DUCKDB, day)));
  const [first] = await duck.rows(
    `SELECT min(from_us)::DOUBLE AS us FROM ${FIRST_ROWS} WHERE definition = ${day.definition}`,
  );
  // No row before it can be in force: of a history that lies by time most files are passed over.
  const sinceUs = (first!['us'] as number | null) ?? day.fromUs;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SPANS} AS ${spansSql(DUCKDB, day, sinceUs)}`);
  await duck.run(into(LAID_ROWS, laidRowsSql(DUCKDB, day, { spans: SPANS, sinceUs })));
  await duck.run(`DROP TABLE ${SPANS}`);
}

function keysOf({ keys }: DayOfHistory): string {
  return keys.map((_, i) => `k${i}`).join(', ');
}

/** Keys and times of the rows that some vector could see. */
function timesSql(dialect: SqlDialect, day: DayOfHistory, sinceUs: number | null): string {
  const { sql, tombstones, keys, toUs } = day;
  const { quoteName, epochUs } = dialect;
  const named = keys.map(({ name }, i) => `r.${quoteName(name)} AS k${i}`).join(', ');
  const deleted = tombstones ? 'coalesce(r.deleted, false)' : 'false';
  const there = keys.map(({ name }) => `r.${quoteName(name)} IS NOT NULL`);
  return `SELECT ${named}, ${epochUs('r.event_time')} AS event_us, ${epochUs('r.created_time')} AS created_us, ${deleted} AS deleted
    FROM (${sql}) r WHERE ${[...there, ...within(dialect, sinceUs, toUs)].join(' AND ')}`;
}

/** Conditions on the bare time reach the statistics of the files. */
function within({ timeOf }: SqlDialect, sinceUs: number | null, toUs: number): string[] {
  const since = sinceUs === null ? [] : [`r.event_time >= ${timeOf(sinceUs)}`];
  return [...since, `r.event_time <= ${timeOf(toUs)}`];
}

/** @returns a SELECT of the first rows */
export function firstRowsSql(dialect: SqlDialect, day: DayOfHistory): string {
  const keys = keysOf(day);
  return `SELECT CAST(${day.definition} AS ${dialect.unsigned(32)}) AS definition, ${keys}, min(event_us) AS first_us,
      max(event_us) FILTER (WHERE event_us <= ${day.fromUs}) AS from_us
    FROM (${timesSql(dialect, day, null)}) SEMI JOIN ${day.entities} USING (${keys}) GROUP BY ${keys}`;
}

/**
 * One row a row that can be in force: until when it is, and whether it shares its times with another one.
 *
 * @param sinceUs  no row before it can be in force; null: it is not known
 * @returns        a SELECT, once the first rows are there
 */
export function spansSql(dialect: SqlDialect, day: DayOfHistory, sinceUs: number | null): string {
  const keys = keysOf(day);
  const tied = `lag(event_us) OVER w = event_us${day.nanos ? '' : ' AND lag(created_us) OVER w IS NOT DISTINCT FROM created_us'}`;
  return `SELECT ${keys}, event_us, created_us, deleted, lead(event_us) OVER w AS next_us, coalesce(${tied}, false) AS is_tied
    FROM (SELECT t.* FROM (${timesSql(dialect, day, sinceUs)}) t JOIN ${FIRST_ROWS} f USING (${keys})
      WHERE f.definition = ${day.definition} AND (f.from_us IS NULL OR t.event_us >= f.from_us))
    WINDOW w AS (PARTITION BY ${keys} ORDER BY event_us ASC, created_us ASC NULLS FIRST)`;
}

/** @param from  the FROM item of the spans @returns a SELECT of the laid rows */
export function laidRowsSql(
  dialect: SqlDialect,
  day: DayOfHistory,
  { spans, sinceUs }: { readonly spans: string; readonly sinceUs: number | null },
): string {
  const { definition, features, counted } = day;
  const { quoteName, epochUs, unsigned } = dialect;
  const present = counted.map((i) => `CAST(r.${quoteName(features[i]!.name)} IS NOT NULL AS INTEGER)`);
  const columns = [
    `CAST(${definition} AS ${unsigned(32)}) AS definition`,
    ...day.keys.map((_, i) => `s.k${i}`),
    's.event_us, s.created_us, s.next_us',
    `CAST(${['0', ...present].join(' + ')} AS ${unsigned(16)}) AS present`,
    ...features.map(({ name }, i) => `r.${quoteName(name)} AS v${i}`),
  ];
  const same = day.keys.map(({ name }, i) => `r.${quoteName(name)} = s.k${i}`);
  return `SELECT ${columns.join(', ')}
    FROM (${day.sql}) r JOIN ${spans} s ON ${same.join(' AND ')}
      AND ${epochUs('r.event_time')} = s.event_us AND ${epochUs('r.created_time')} IS NOT DISTINCT FROM s.created_us
    WHERE ${within(dialect, sinceUs, day.toUs).join(' AND ')} AND NOT s.is_tied AND NOT s.deleted
      AND (s.next_us IS NULL OR (s.next_us > s.event_us AND s.next_us > ${day.fromUs}))`;
}
