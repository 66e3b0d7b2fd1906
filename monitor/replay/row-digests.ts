/**
 * The HMACs of what the history's rows hold, by which values are compared that the log has as HMACs alone. Equal HMACs
 * are equal values: the hasher tells apart what differs in one bit.
 *
 *   replay_digests   n: place of a laid row (rows-in-force.ts) | d0 ...: of the features that are compared so; null:
 *                    the value does not fit its type, so that it cannot have been served
 *
 * A value is hashed once, at some 4 us, however many rows have it.
 */
import type { ValueType } from '../../contract/value-type.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { LAID_ROWS } from './rows-in-force.ts';

export const DIGESTS = 'replay_digests';
const BATCH_ROWS = 20_480;

interface DigestedFeature {
  /** Its place among the features of the rows: its column is `v{at}`. */
  readonly at: number;
  readonly type: ValueType;
  /** @returns the HMAC of a value as DuckDB gives it, as hex digits; null: it does not fit the type */
  digestOf(raw: SqlRow[string]): string | null;
}

/** Makes the table, once all rows are laid. */
export async function layDigests(duck: DuckDb, features: readonly DigestedFeature[]): Promise<void> {
  for (const { at, type, digestOf } of features) {
    await duck.run(`CREATE OR REPLACE TEMP TABLE ${valuesOf(at)} AS
      SELECT row_number() OVER () - 1 AS id, * FROM (${valuesSql(at, type)})`);
    await fillDigests(duck, { values: valuesOf(at), digests: digestsOf(at) }, digestOf);
  }
  const joins = features.map(({ at, type }) => {
    const same = identity(type, `h.v${at}`, 'h.').map((key, i) => `x${at}.k${i} IS NOT DISTINCT FROM ${key}`);
    return `JOIN (SELECT c.*, d.digest FROM ${valuesOf(at)} c JOIN ${digestsOf(at)} d USING (id)) x${at}
      ON ${same.join(' AND ')}`;
  });
  const columns = features.map(({ at }) => `from_hex(x${at}.digest) AS d${at}`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${DIGESTS} AS SELECT h.rowid AS n, ${columns.join(', ')}
    FROM ${LAID_ROWS} h ${joins.join(' ')}`);
  for (const { at } of features) await duck.run(`DROP TABLE ${valuesOf(at)}; DROP TABLE ${digestsOf(at)}`);
}

/**
 * Writes the HMAC of each value of a table into another one: `digest`, as hex digits, and `id`.
 *
 * @param tables  `values` has `id`, from 0 without a gap, and `v`
 */
export async function fillDigests(
  duck: DuckDb,
  { values, digests }: { readonly values: string; readonly digests: string },
  digestOf: DigestedFeature['digestOf'],
): Promise<void> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${digests} (digest VARCHAR, id BIGINT)`);
  for (let from = 0; ; from += BATCH_ROWS) {
    const rows = await duck.rows(
      `SELECT id, v FROM ${values} WHERE id >= ${from} AND id < ${from + BATCH_ROWS}`,
    );
    if (rows.length === 0) return;
    await duck.append(
      digests,
      rows.map((row) => [digestOf(row['v']!), row['id']!]),
    );
  }
}

/** @returns a SELECT of each value `v` once, with k0 ... by which a join finds it */
function valuesSql(at: number, type: ValueType): string {
  const keys = identity(type, `v${at}`).map((key, i) => `${key} AS k${i}`);
  const all = `SELECT ${keys.join(', ')}, v${at} AS v FROM ${LAID_ROWS}`;
  // any_value turns -0 within a nested value to 0.
  if (isNested(type)) return all;
  const names = keys.map((_, i) => `k${i}`).join(', ');
  return `SELECT ${names}, any_value(v) AS v FROM (${all}) GROUP BY ${names}`;
}

const valuesOf = (at: number): string => `replay_values_${at}`;
const digestsOf = (at: number): string => `replay_value_digests_${at}`;

/** @returns SQL by which a join finds values that are the same bit for bit; of nested ones each row's is its own */
function identity(type: ValueType, value: string, table = ''): string[] {
  if (isNested(type)) return [`${table}rowid`];
  return type.kind === 'float32' || type.kind === 'float64' ? [value, `signbit(${value})`] : [value];
}

function isNested({ kind }: ValueType): boolean {
  return kind === 'list' || kind === 'embedding' || kind === 'map' || kind === 'struct';
}
