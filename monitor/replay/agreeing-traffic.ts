/**
 * Counts the traffic of a role's agreeing rows (row-split.ts) and the rows of the history that they agree with, for the
 * verdict. A value is present where the row has one; none of them differs.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { ROW_SOURCES } from '../../contract/status.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { SliceBy } from '../verdict/snapshot.ts';
import { AGREEING } from './agreeing-counts.ts';
import { AGREES_PRESENT, OPEN, SPLIT } from './row-split.ts';
import { FIRST_ROWS, IN_FORCE } from './rows-in-force.ts';

export interface AgreeingTraffic {
  readonly slices: readonly { readonly by: SliceBy; readonly value: string; readonly values: number }[];
  readonly hours: readonly {
    readonly hour: number;
    readonly values: number;
    readonly dataAgeUs: number | null;
  }[];
  readonly minutes: readonly { readonly minute: number; readonly vectors: number }[];
}

export const NO_TRAFFIC: AgreeingTraffic = { slices: [], hours: [], minutes: [] };

const TRAFFIC = 'replay_traffic';

/**
 * @param rows  SELECT of the role's rows (served-files.ts), with `keys` as the columns of its own keys
 * @param fromUs  when the day begins
 */
export async function agreeingTraffic(
  duck: DuckDb,
  {
    rows,
    keys,
    features,
    fromUs,
  }: { rows: string; keys: readonly string[]; features: number; fromUs: number },
): Promise<AgreeingTraffic> {
  const present = Array.from({ length: features }, (_, i) => `(r.s${i} IS NOT NULL)::INTEGER`).join(' + ');
  const first = keys.map((_, i) => `k${i}`);
  const on = keys.map((key, i) => `f.k${i} = r.${key}`).join(' AND ');
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${TRAFFIC} AS
    SELECT r.served_us, r.pod, r.bundle, r.service_version, r.surface, r.source,
      r.served_us - r.watermark_us AS age_us, coalesce(f.first_us, ${fromUs}) >= ${fromUs} AS is_new,
      CASE WHEN s.agrees = ${AGREES_PRESENT} THEN ${present} ELSE 0 END AS n
    FROM (${rows}) r JOIN ${SPLIT} s ON s.vid = r.vid AND s.agrees <> ${OPEN}
    LEFT JOIN (SELECT ${first.join(', ')}, min(first_us) AS first_us FROM ${FIRST_ROWS} GROUP BY ALL) f ON ${on}`);
  const hour = '(served_us // 3600000000) % 24';
  const kinds: readonly (readonly [SliceBy, string])[] = [
    ['hour', `lpad((${hour})::VARCHAR, 2, '0')`],
    ['pod', 'pod'],
    ['bundle', 'bundle'],
    ['serviceVersion', 'service_version::VARCHAR'],
    ['surface', 'surface::VARCHAR'],
    ['source', 'source::VARCHAR'],
    ['entityIsNew', `CASE WHEN is_new THEN 'new' ELSE 'known' END`],
  ];
  const slices = kinds.map(
    ([by, value]) =>
      `SELECT '${by}' AS kind, ${value} AS name, sum(n)::DOUBLE AS n FROM ${TRAFFIC} WHERE n > 0 GROUP BY ALL`,
  );
  const hours =
    await duck.rows(`SELECT (${hour})::DOUBLE AS hour, sum(n)::DOUBLE AS n, max(age_us)::DOUBLE AS age
    FROM ${TRAFFIC} GROUP BY 1`);
  const minutes = await duck.rows(`SELECT (served_us // 60000000)::DOUBLE AS minute, count(*)::DOUBLE AS n
    FROM ${TRAFFIC} GROUP BY 1`);
  const named = await duck.rows(slices.join(' UNION ALL '));
  await duck.run(`DROP TABLE ${TRAFFIC}`);
  return {
    slices: named.map((row) => {
      const by = row['kind'] as SliceBy;
      return { by, value: nameOf(by, row['name'] as string), values: row['n'] as number };
    }),
    hours: hours.map((row) => {
      return {
        hour: row['hour'] as number,
        values: row['n'] as number,
        dataAgeUs: row['age'] as number | null,
      };
    }),
    minutes: minutes.map((row) => ({ minute: row['minute'] as number, vectors: row['n'] as number })),
  };
}

/** Surfaces and sources are numbered as in the log. */
function nameOf(by: SliceBy, name: string): string {
  if (by === 'surface') return SURFACES[Number(name)] ?? name;
  return by === 'source' ? (ROW_SOURCES[Number(name)] ?? name) : name;
}

/** @returns for each feature how many rows that vectors agree with have a value of it */
export async function agreeingRowCounts(duck: DuckDb, features: number): Promise<number[]> {
  const counts = Array.from({ length: features }, (_, i) => `count(h.v${i})::DOUBLE AS c${i}`);
  const [row] = await duck.rows(
    `SELECT ${counts.join(', ')} FROM ${AGREEING} a JOIN ${IN_FORCE} h USING (n)`,
  );
  return counts.map((_, i) => row![`c${i}`] as number);
}

/**
 * Asked once the open rows are replayed.
 *
 * @returns by the vid of an open row how many vectors agree with its replayed row
 */
export async function agreedByOpen(
  duck: DuckDb,
  { keys, isStored }: { keys: number; isStored: boolean },
): Promise<Map<number, number>> {
  const on = Array.from({ length: keys }, (_, i) => `h.k${i} = b.k${i}`);
  const definition = isStored ? 'h.definition = 0' : 'h.definition = b.definition';
  const rows = await duck.rows(`SELECT b.vid::DOUBLE AS vid, a.vectors::DOUBLE AS n
    FROM replay_base b JOIN replay_trained t ON t.rid = b.vid
    JOIN ${IN_FORCE} h ON ${[...on, definition].join(' AND ')} AND h.event_us = t.asof_event_us
      AND h.created_us IS NOT DISTINCT FROM t.asof_created_us
    JOIN ${AGREEING} a USING (n)`);
  return new Map(rows.map((row) => [row['vid'] as number, row['n'] as number]));
}

/** @returns by feature the distance of the quartiles of its rows in force, of times in microseconds; null: none */
export async function replayedSpreads(
  duck: DuckDb,
  features: readonly Pick<Feature, 'type'>[],
): Promise<(number | null)[]> {
  const spreads = features.map(({ type }, i) => {
    if (!isNumeric(type) && type.kind !== 'timestamp') return `NULL::DOUBLE AS s${i}`;
    const number = type.kind === 'timestamp' ? `epoch_us(v${i})` : `v${i}`;
    const value = `CAST(${number} AS DOUBLE)`;
    const quartile = (at: number): string => `quantile_cont(${value}, ${at}) FILTER (isfinite(${value}))`;
    return `${quartile(0.75)} - ${quartile(0.25)} AS s${i}`;
  });
  const [row] = await duck.rows(`SELECT ${spreads.join(', ')} FROM ${IN_FORCE}`);
  return features.map((_, i) => {
    const spread = row![`s${i}`] as number | null;
    return spread !== null && spread > 0 ? spread : null;
  });
}
