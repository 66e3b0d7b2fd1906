/**
 * Whether unexplained rows are whole rows of other entities, of whatever time: a row of another entity at the served
 * times is no unexplained one (causes/fidelity.ts).
 *
 * Beside them stand rows that nobody was served, made of the values of several: what such a row is found by is chance.
 */
import type { FeatureView } from '../../contract/model.ts';
import { duckTypeOf, quoteName, valueToDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';
import { printSql } from '../as-served/row-print.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { LEAST_ROWS } from './likeness.ts';
import type { LooksLike } from './likeness.ts';
import type { UnexplainedRow } from './unexplained-rows.ts';

const SUSPECTS = 'likeness_rows';

/** @returns null where too few rows can be compared, or by fewer than two values */
export async function wholeRows(
  duck: DuckDb,
  view: FeatureView,
  replay: ViewReplay,
  all: readonly UnexplainedRow[],
): Promise<LooksLike | null> {
  // Rows that lack other values have another print: most have the same.
  const kinds = Map.groupBy(all, ({ served }) => comparedOf(served).join(' '));
  const [rows] = [...kinds.values()].toSorted((a, b) => b.length - a.length);
  const compared = comparedOf(rows?.[0]?.served ?? []);
  if (rows === undefined || rows.length < LEAST_ROWS || compared.length < 2) return null;
  const columns = compared.map((i) => `f${i} ${duckTypeOf(view.features[i]!.type)}`);
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${SUSPECTS} (vid BIGINT, made BOOLEAN, ${columns.join(', ')})`,
  );
  const valuesOf = (place: number, made: boolean) =>
    compared.map((i, nth) => {
      const from = rows[made ? (place + nth + 1) % rows.length : place]!;
      return valueToDuck(view.features[i]!.type, from.served[i]!);
    });
  const laid = rows.flatMap(({ vid }, place) =>
    [false, true].map((made) => [BigInt(vid), made, ...valuesOf(place, made)]),
  );
  await duck.append(SUSPECTS, laid);
  const print = (column: (feature: number) => string): string =>
    printSql(compared.map((i) => ({ type: view.features[i]!.type, sql: column(i) })));
  const others = replay.histories.map(
    (sql) => `SELECT s.print, s.made, s.vid FROM (${sql}) h JOIN s
      ON s.print = ${print((i) => `h.${quoteName(view.features[i]!.name)}`)}
      WHERE ${replay.keys.map(({ row }, i) => `h.${quoteName(row)} IS DISTINCT FROM s.k${i}`).join(' OR ')}`,
  );
  // Alike rows count once.
  const [counts] =
    await duck.rows(`WITH s AS MATERIALIZED (SELECT b.*, l.made, ${print((i) => `l.f${i}`)} AS print
      FROM ${SUSPECTS} l JOIN replay_base b USING (vid)),
    found AS (SELECT DISTINCT made, print FROM (${others.join(' UNION ALL ')}))
    SELECT count(DISTINCT print) FILTER (NOT made)::DOUBLE AS rows,
      count(DISTINCT print) FILTER (made)::DOUBLE AS made,
      (SELECT count(*) FROM found WHERE NOT made)::DOUBLE AS fitting,
      (SELECT count(*) FROM found WHERE made)::DOUBLE AS fitting_made FROM s`);
  const { rows: count, made, fitting, fitting_made: chance } = counts as Record<string, number>;
  if (count! < LEAST_ROWS) return null;
  return {
    shape: 'another entity’s whole row',
    rows: count!,
    share: fitting! / count!,
    shuffled: chance! / made!,
  };
}

function comparedOf(served: UnexplainedRow['served']): number[] {
  return served.flatMap((value, i) => (value === undefined || value === UNKNOWN_VALUE ? [] : [i]));
}
