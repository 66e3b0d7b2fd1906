/**
 * Splits the served rows of one role over a day, in SQL: those that agree with the history in every way, which are only
 * counted, and those that are open, which the judge looks at one by one.
 *
 *   a row agrees as  present      the row that was served is the one that training sees and that an honest store had,
 *                                 and each value of it is the same, bit for bit, also what the service does not take
 *                    missing      no row was served, and the entity had none that was visible
 *                    outside TTL  it was served as too old, and training sees the same row, too old
 *
 * So an agreeing row is an exact match whatever its surface and its fallbacks are, its fidelity is true and it has no
 * cause. What SQL cannot tell is open: ties, tombstones, marked features, rows of another definition, and whether an
 * answer that was logged says what the row does.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Feature, FeatureView } from '../../contract/model.ts';
import { MISSING, OUTSIDE_TTL, PRESENT } from '../../contract/status.ts';
import { TENSOR_SURFACES } from '../../contract/wire/log/served-record.ts';
import { FIRST_ROWS, IN_FORCE } from './rows-in-force.ts';
import { sameValueSql } from './same-value-sql.ts';

/**
 * One row a served row: vid | is_tensor: whether it was answered as one of float32 | agrees: one of these codes | n:
 * the row in force that it agrees with, else null.
 */
export const SPLIT = 'replay_split';
export const OPEN = 0;
export const AGREES_PRESENT = 1;
export const AGREES_MISSING = 2;
export const AGREES_OUTSIDE_TTL = 3;

/** Whether it was answered as a tensor of float32, by the bundle that answered. */
function isTensorSql({ float32 }: Pick<SplitRole, 'float32'>): string {
  if (float32.length === 0) return 'false AS is_tensor';
  return `(surface IN (${TENSOR_SURFACES.join(', ')}) AND bundle IN (${float32.map(quoteText).join(', ')})) AS is_tensor`;
}

/** How vectors of one bundle are read; those of a bundle that is not listed are open. */
export interface BundleReading extends Pick<
  FeatureView,
  'kind' | 'delayUs' | 'ttlUs' | 'hopUs' | 'definitionId'
> {
  readonly bundle: string;
  /** What the rows in force that it is replayed over bear as `definition`. */
  readonly rowsOf: number;
  /** Time up to which an aggregated view's history is complete; null: nowhere. */
  readonly completeUs: number | null;
  /** The places of the features that its rows have, and whose values the log holds. */
  readonly compared: readonly number[];
}

interface SplitRole {
  /** SELECT of the role's rows (served-files.ts). */
  readonly rows: string;
  /** The columns of `rows` that give the join keys, in the order of the entity's. */
  readonly keys: readonly string[];
  readonly features: readonly Pick<Feature, 'type'>[];
  readonly hasCreatedTimes: boolean;
  readonly readings: readonly BundleReading[];
  /** The bundles by which the service answers tensors of float32. */
  readonly float32: readonly string[];
  /** Table of the vectors (`vid`) that are open whatever their rows are. */
  readonly asked: string;
}

export async function splitRows(duck: DuckDb, role: SplitRole): Promise<void> {
  const selects = role.readings.flatMap((reading) => [storedSql(role, reading), absentSql(role, reading)]);
  const known = role.readings.map(({ bundle }) => quoteText(bundle)).join(', ');
  const others = known === '' ? '' : ` WHERE bundle NOT IN (${known})`;
  const open = `SELECT vid, ${isTensorSql(role)}, ${OPEN}::UTINYINT AS agrees, NULL::BIGINT AS n FROM (${role.rows})${others}`;
  const isAsked = `vid IN (SELECT vid FROM ${role.asked})`;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SPLIT} AS SELECT vid, is_tensor,
      CASE WHEN ${isAsked} THEN ${OPEN}::UTINYINT ELSE agrees END AS agrees, CASE WHEN NOT ${isAsked} THEN n END AS n
    FROM (${[...selects, open].join(' UNION ALL ')})`);
}

/** Rows that were stored online. */
function storedSql(role: SplitRole, reading: BundleReading): string {
  const { ttlUs, definitionId, compared } = reading;
  const t = seenUs(reading);
  const inForce = `h.n IS NOT NULL AND ${t} >= h.event_us AND (h.next_us IS NULL OR ${t} < h.next_us)`;
  const had = role.hasCreatedTimes ? ' AND h.created_us <= s.served_us' : '';
  const fresh = ttlUs === null ? '' : ` AND h.event_us >= s.served_us - ${ttlUs}`;
  const stale = ttlUs === null ? 'false' : `h.event_us < s.served_us - ${ttlUs}`;
  const same = compared.map((i) => sameValueSql(role.features[i]!.type, `s.s${i}`, `h.v${i}`));
  const agrees = `CASE
      WHEN ${unjudgedSql(reading)} THEN ${OPEN}
      WHEN s.status = ${PRESENT} AND s.definition_id = ${definitionId} AND s.is_decoded AND ${inForce}${had}${fresh}
        AND ${same.join(' AND ')} THEN ${AGREES_PRESENT}
      WHEN s.status = ${OUTSIDE_TTL} AND ${inForce}${had} AND ${stale} THEN ${AGREES_OUTSIDE_TTL}
      ELSE ${OPEN} END::UTINYINT`;
  return `SELECT vid, is_tensor, agrees, CASE WHEN agrees = ${AGREES_PRESENT} THEN n END AS n FROM (
    SELECT s.vid, ${isTensorSql(role)}, ${agrees} AS agrees, h.n FROM (${role.rows}) s
    LEFT JOIN ${IN_FORCE} h ON ${sameEntity(role, reading, 'h')} AND h.event_us = s.event_us
      AND h.created_us IS NOT DISTINCT FROM s.created_us
    WHERE s.bundle = ${quoteText(reading.bundle)} AND s.event_us IS NOT NULL)`;
}

/** The others. They have a join of their own: one with a condition on the left side alone takes no hash table. */
function absentSql(role: SplitRole, reading: BundleReading): string {
  return `SELECT s.vid, ${isTensorSql(role)}, CASE WHEN NOT ${unjudgedSql(reading)} AND s.status = ${MISSING}
        AND (f.first_us IS NULL OR ${seenUs(reading)} < f.first_us) THEN ${AGREES_MISSING} ELSE ${OPEN} END::UTINYINT AS agrees,
      NULL::BIGINT AS n
    FROM (${role.rows}) s LEFT JOIN ${FIRST_ROWS} f ON ${sameEntity(role, reading, 'f')}
    WHERE s.bundle = ${quoteText(reading.bundle)} AND s.event_us IS NULL`;
}

function sameEntity({ keys }: SplitRole, { rowsOf }: BundleReading, table: string): string {
  const same = keys.map((key, i) => `${table}.k${i} = s.${key}`);
  return [`${table}.definition = ${rowsOf}`, ...same].join(' AND ');
}

/** Rows with an event time up to this are visible to the vector. */
function seenUs({ delayUs }: BundleReading): string {
  return `(s.served_us - ${delayUs})`;
}

/** The edge that was due lies past what the history can say yet. */
function unjudgedSql(reading: BundleReading): string {
  const { kind, hopUs, completeUs } = reading;
  if (kind === 'stored') return 'false';
  return completeUs === null ? 'true' : `((${seenUs(reading)} // ${hopUs}) * ${hopUs} > ${completeUs})`;
}
