/**
 * The sample of a role (served-sketches.ts) from the tables of its replay, while they are there: an open row has its
 * values, and one that agrees has those of the row in force, bit for bit. So the archive's values are read once.
 */
import type { Feature } from '../../contract/model.ts';
import { PRESENT } from '../../contract/status.ts';
import { duckTypeOf, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { AGREES_PRESENT, OPEN, SPLIT } from '../replay/row-split.ts';
import { IN_FORCE } from '../replay/rows-in-force.ts';
import { CHOSEN } from './chosen-vectors.ts';

/** Rows of one bundle and definition that can be read. */
export interface ReadableRows {
  readonly bundle: string;
  /** The definition that wrote them; null: no row was given out. */
  readonly id: number | null;
  /** @param column  SQL of a value, by the feature's index; @returns SQL of the values: a row may lack some */
  values(column: (feature: number) => string): string[];
}

/** Condition on the columns of a served row. */
export function ofReadable({ bundle, id }: ReadableRows): string {
  const state =
    id === null ? `status <> ${PRESENT}` : `status = ${PRESENT} AND is_decoded AND definition_id = ${id}`;
  return `bundle = ${quoteText(bundle)} AND ${state}`;
}

/** @returns SQL of the values as c0 ... */
export function valuesSql(readable: ReadableRows, column: (feature: number) => string): string {
  return readable
    .values(column)
    .map((value, i) => `${value} AS c${i}`)
    .join(', ');
}

/**
 * @param features   each with its place among those that the service takes from the role
 * @param definedBy  @returns the definition by which rows of a bundle agree
 * @returns          SELECTs of served_us and the values of the chosen vectors
 */
export async function laidSample(
  duck: DuckDb,
  readable: readonly ReadableRows[],
  features: readonly { readonly place: number; readonly feature: Pick<Feature, 'type'> }[],
  definedBy: (bundle: string) => number,
): Promise<string[]> {
  const open = readable.map(
    (rows) => `SELECT o.served_us, ${valuesSql(rows, (i) => `o.s${features[i]!.place}`)}
      FROM ${OPEN_ROWS} o SEMI JOIN (SELECT vid FROM ${CHOSEN}) c ON c.vid = o.origin WHERE ${ofReadable(rows)}`,
  );
  const some = await duck.rows(`SELECT 1 FROM ${SPLIT} WHERE agrees <> ${OPEN} LIMIT 1`);
  // Where no row agrees none may be laid.
  if (some.length === 0) return open;
  const agreeing = readable.flatMap((rows) => {
    const { bundle, id } = rows;
    const from = `FROM ${CHOSEN} c JOIN ${SPLIT} s ON s.vid = c.vid WHERE c.bundle = ${quoteText(bundle)}`;
    const values = valuesSql(rows, (i) => {
      const { place, feature } = features[i]!;
      return `h.v${place}::${duckTypeOf(feature.type)}`;
    });
    if (id === null)
      return `SELECT c.served_us, ${values} ${from} AND s.agrees NOT IN (${OPEN}, ${AGREES_PRESENT})`;
    if (id !== definedBy(bundle)) return [];
    return `SELECT a.served_us, ${values} FROM (SELECT c.served_us, s.n ${from} AND s.agrees = ${AGREES_PRESENT}) a
      JOIN ${IN_FORCE} h ON h.n = a.n`;
  });
  return [...open, ...agreeing];
}
