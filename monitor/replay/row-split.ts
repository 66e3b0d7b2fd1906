/**
 * Splits the served rows of one role over a day, in SQL: those that agree with the history in every way, which are only
 * counted, and those that are open, which the judge looks at in groups.
 *
 *   a row agrees as  present      the row that was served is the one that training sees and that an honest store had,
 *                                 and each value of it is the same, bit for bit, also what the service does not take;
 *                                 of one that the log has as an HMAC that is compared (marked-values.ts)
 *                    missing      no row was served, and the entity had none that was visible
 *                    outside TTL  it was served as too old, and training sees the same row, too old
 *
 * So an agreeing row is an exact match whatever its surface and its fallbacks are, its fidelity is true and it has no
 * cause. What SQL cannot tell is open: ties, tombstones, rows of another definition, and whether an answer that was
 * logged says what the row does.
 */
import { DUCKDB } from '../../project/engine/duckdb/duck-dialect.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlDialect } from '../../project/engine/sql-dialect.ts';
import type { Feature, FeatureView } from '../../contract/model.ts';
import { MISSING, OUTSIDE_TTL, PRESENT } from '../../contract/status.ts';
import { TENSOR_SURFACES } from '../../contract/wire/log/served-record.ts';
import { DIGESTS } from './row-digests.ts';
import { FIRST_ROWS, LAID_ROWS } from './rows-in-force.ts';
import type { HashedBy } from './served-files.ts';

/**
 * One row a served row:
 *
 *   vid | is_tensor: whether it was answered as one of float32 | agrees: one of these codes
 *   n             the row in force that it agrees with, else null; present: how many values of that one are counted
 *   reading       the number of its reading, as splitRows gives them; null: it has none, and is open
 *   minute, server, surface, source, age_us, is_new: its traffic, for agreeing-traffic.ts. A server is the hash of pod,
 *                 bundle and service version
 */
export const SPLIT = 'replay_split';
export const OPEN = 0;
export const AGREES_PRESENT = 1;
export const AGREES_MISSING = 2;
export const AGREES_OUTSIDE_TTL = 3;

/** Of columns of the day's vectors. */
export const SERVER = 'hash(pod, bundle, service_version::INTEGER)';

/** Whether it was answered as a tensor of float32, by the bundle that answered. */
function isTensorSql({ quoteText }: SqlDialect, { float32 }: Pick<SplitRole, 'float32'>): string {
  if (float32.length === 0) return 'false AS is_tensor';
  const bundles = float32.map(quoteText).join(', ');
  return `(s.surface IN (${TENSOR_SURFACES.join(', ')}) AND s.bundle IN (${bundles})) AS is_tensor`;
}

/** How vectors of one bundle and secret are read; those of others are open. */
export interface BundleReading
  extends HashedBy, Pick<FeatureView, 'kind' | 'delayUs' | 'ttlUs' | 'hopUs' | 'definitionId'> {
  /** What the rows in force that it is replayed over bear as `definition`. */
  readonly rowsOf: number;
  /** Time up to which an aggregated view's history is complete; null: nowhere. */
  readonly completeUs: number | null;
  /** The places of the features whose values are compared, and of those whose HMACs are. */
  readonly compared: readonly number[];
  readonly digests: readonly number[];
  /** Of each feature that the service takes why its values are withheld; null: they are not. */
  readonly withheld: readonly (string | null)[];
}

export interface SplitRole {
  /** SELECT of the role's rows (served-files.ts). */
  readonly rows: string;
  /** The columns of `rows` that give the join keys, in the order of the entity's. */
  readonly keys: readonly string[];
  readonly features: readonly Pick<Feature, 'type'>[];
  readonly hasCreatedTimes: boolean;
  readonly readings: readonly BundleReading[];
  /** Those that the rows name, with the secrets of their HMACs. */
  readonly kinds: readonly HashedBy[];
  /** The bundles by which the service answers tensors of float32. */
  readonly float32: readonly string[];
  /** When the day begins: an entity without a row before it is new. */
  readonly fromUs: number;
  /** Table of the vectors (`vid`) that are open whatever their rows are. */
  readonly asked: string;
}

/** By which engine rows are split. */
interface SplitBy {
  readonly dialect: SqlDialect;
  /** By the name of a column its SQL, of those that tell which server answered a row `s`. */
  readonly server: Readonly<Record<string, string>>;
  /** SQL of the place of a laid row, as rows of LAID_ROWS have it. */
  readonly laidRow: string;
}

const BY_DUCKDB: SplitBy = { dialect: DUCKDB, server: { server: SERVER }, laidRow: 'rowid' };
/** The others of SPLIT, in their order. */
const OF_SPLIT = ['vid', 'is_tensor', 'minute', 'surface', 'source', 'age_us', 'is_new', 'reading'];

/** What comes of a split, beside its tables. */
export interface SplitRows {
  /** By the number that rows have: those that read alike have one. */
  readonly readings: readonly BundleReading[];
  /** A SELECT of the role's rows, the open ones at least. */
  readonly open: string;
}

/** @returns the readings by the number that rows have: those that read alike have one */
export async function splitRows(duck: DuckDb, role: SplitRole): Promise<readonly BundleReading[]> {
  const alike = readAlike(role.readings);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SPLIT} AS ${splitSql(BY_DUCKDB, role)}`);
  return alike.map((own) => own[0]!);
}

/** @returns the readings of the bundles and secrets that read alike; SPLIT has their number */
export function readAlike(readings: readonly BundleReading[]): (readonly BundleReading[])[] {
  const nameless = { bundle: null, hmacKey: null };
  return [...Map.groupBy(readings, (reading) => JSON.stringify({ ...reading, ...nameless })).values()];
}

/** @returns a SELECT of the rows of SPLIT */
export function splitSql(by: SplitBy, role: SplitRole): string {
  const { unsigned } = by.dialect;
  const selects = readAlike(role.readings).map((own, number) => readSql(by, role, { readings: own, number }));
  const others = role.kinds.filter((kind) => role.readings.every((reading) => !isOfKind(reading, kind)));
  if (others.length > 0) {
    const nothing = `CAST(${OPEN} AS ${unsigned(8)}) AS agrees, CAST(NULL AS BIGINT) AS n, CAST(NULL AS ${unsigned(16)}) AS present,
      CAST(NULL AS BOOLEAN) AS is_new, CAST(NULL AS ${unsigned(16)}) AS reading`;
    selects.push(`SELECT ${servedColumns(by, role)}, ${nothing} FROM (${role.rows}) s
      WHERE ${ofKindsSql(by.dialect, others, role.kinds)}`);
  }
  const open = `CASE WHEN a.vid IS NOT NULL THEN CAST(${OPEN} AS ${unsigned(8)}) ELSE x.agrees END`;
  const ofPresent = ['n', 'present'].map(
    (name) => `CASE WHEN agrees = ${AGREES_PRESENT} THEN ${name} END AS ${name}`,
  );
  const columns = [...OF_SPLIT, ...Object.keys(by.server)];
  return `SELECT ${[...columns, 'agrees', ...ofPresent].join(', ')} FROM
    (SELECT ${columns.map((name) => `x.${name}`).join(', ')}, x.n, x.present, ${open} AS agrees
      FROM (${selects.join(' UNION ALL ')}) x LEFT JOIN (SELECT DISTINCT vid FROM ${role.asked}) a ON a.vid = x.vid)`;
}

function isOfKind(a: HashedBy, b: HashedBy): boolean {
  return a.bundle === b.bundle && a.hmacKey === b.hmacKey;
}

/**
 * @param kinds  some of
 * @param all    what there is: where a bundle has one secret, that need not be asked
 * @returns      SQL of a condition on a row `s`
 */
function ofKindsSql({ quoteText }: SqlDialect, kinds: readonly HashedBy[], all: readonly HashedBy[]): string {
  const isWhole = ({ bundle }: HashedBy): boolean =>
    all.every((one) => one.bundle !== bundle || kinds.some((kind) => isOfKind(kind, one)));
  const whole = [...new Set(kinds.filter(isWhole).map(({ bundle }) => quoteText(bundle)))];
  const some = kinds
    .filter((kind) => !isWhole(kind))
    .map(({ bundle, hmacKey }) => `(s.bundle = ${quoteText(bundle)} AND s.hmac_key = ${quoteText(hmacKey)})`);
  const conditions = whole.length === 0 ? some : [`s.bundle IN (${whole.join(', ')})`, ...some];
  return `(${conditions.join(' OR ')})`;
}

/** What the split takes over of a served row. */
function servedColumns({ dialect, server }: SplitBy, role: SplitRole): string {
  const minute = `CAST(${dialect.quotient('s.served_us', 60_000_000)} AS INTEGER) AS minute`;
  const answered = Object.entries(server).map(([name, sql]) => `${sql} AS ${name}`);
  return `s.vid, ${isTensorSql(dialect, role)}, ${minute}, ${answered.join(', ')}, s.surface, s.source,
    s.served_us - s.watermark_us AS age_us`;
}

/** Readings of bundles and secrets that are read alike, and the number of it. */
interface ReadAlike {
  readonly readings: readonly BundleReading[];
  readonly number: number;
}

/** The rows of bundles and secrets that are read alike. */
function readSql(by: SplitBy, role: SplitRole, { readings, number }: ReadAlike): string {
  const reading = readings[0]!;
  const { dialect, laidRow } = by;
  const laid =
    reading.digests.length === 0
      ? `(SELECT l.*, l.${laidRow} AS laid_row FROM ${LAID_ROWS} l)`
      : `(SELECT l.*, m.*, m.n AS laid_row FROM ${LAID_ROWS} l JOIN ${DIGESTS} m ON m.n = l.${laidRow})`;
  // Whether an entity is new is asked of all of its history, whatever definition wrote it.
  const isOne = new Set(role.readings.map(({ rowsOf }) => rowsOf)).size === 1;
  const keys = role.keys.map((_, i) => `k${i}`).join(', ');
  const all = `LEFT JOIN (SELECT ${keys}, min(first_us) AS first_us FROM ${FIRST_ROWS} GROUP BY ${keys}) e
      ON ${sameKeys(role, 'e')}`;
  const first = isOne ? 'f.first_us' : 'e.first_us';
  return `SELECT ${servedColumns(by, role)}, ${agreesSql(dialect, role, reading)} AS agrees, h.laid_row AS n, h.present,
      coalesce(${first}, ${role.fromUs}) >= ${role.fromUs} AS is_new, CAST(${number} AS ${dialect.unsigned(16)}) AS reading
    FROM (${role.rows}) s LEFT JOIN ${laid} h ON ${sameEntity(role, reading, 'h')} AND h.event_us = s.event_us
      AND h.created_us IS NOT DISTINCT FROM s.created_us
    LEFT JOIN ${FIRST_ROWS} f ON ${sameEntity(role, reading, 'f')}${isOne ? '' : ` ${all}`}
    WHERE ${ofKindsSql(dialect, readings, role.kinds)}`;
}

function agreesSql(dialect: SqlDialect, role: SplitRole, reading: BundleReading): string {
  const { ttlUs, definitionId, compared, digests } = reading;
  const t = seenUs(reading);
  const inForce = `h.laid_row IS NOT NULL AND ${t} >= h.event_us AND (h.next_us IS NULL OR ${t} < h.next_us)`;
  const had = role.hasCreatedTimes ? ' AND h.created_us <= s.served_us' : '';
  const fresh = ttlUs === null ? '' : ` AND h.event_us >= s.served_us - ${ttlUs}`;
  const stale = ttlUs === null ? 'false' : `h.event_us < s.served_us - ${ttlUs}`;
  // Where nothing is in the log the times tell alone which row it was.
  const same = [
    ...compared.map((i) => dialect.sameValue(role.features[i]!.type, `s.s${i}`, `h.v${i}`)),
    ...digests.map((i) => `s.h${i} = h.d${i}`),
  ].map((condition) => ` AND ${condition}`);
  return `CAST(CASE
      WHEN ${unjudgedSql(dialect, reading)} THEN ${OPEN}
      WHEN s.event_us IS NULL THEN
        CASE WHEN s.status = ${MISSING} AND (f.first_us IS NULL OR ${t} < f.first_us) THEN ${AGREES_MISSING} ELSE ${OPEN} END
      WHEN s.status = ${PRESENT} AND s.definition_id = ${definitionId} AND s.is_decoded AND ${inForce}${had}${fresh}
       ${same.join('')} THEN ${AGREES_PRESENT}
      WHEN s.status = ${OUTSIDE_TTL} AND ${inForce}${had} AND ${stale} THEN ${AGREES_OUTSIDE_TTL}
      ELSE ${OPEN} END AS ${dialect.unsigned(8)})`;
}

function sameKeys({ keys }: SplitRole, table: string): string {
  return keys.map((key, i) => `${table}.k${i} = s.${key}`).join(' AND ');
}

function sameEntity(role: SplitRole, { rowsOf }: BundleReading, table: string): string {
  return `${table}.definition = ${rowsOf} AND ${sameKeys(role, table)}`;
}

/** Rows with an event time up to this are visible to the vector. */
function seenUs({ delayUs }: BundleReading): string {
  return `(s.served_us - ${delayUs})`;
}

/** The edge that was due lies past what the history can say yet. */
function unjudgedSql({ quotient }: SqlDialect, reading: BundleReading): string {
  const { kind, hopUs, completeUs } = reading;
  if (kind === 'stored') return 'false';
  if (completeUs === null) return 'true';
  return kind === 'snapshot' ? 'false' : `(${quotient(seenUs(reading), hopUs)} * ${hopUs} > ${completeUs})`;
}
