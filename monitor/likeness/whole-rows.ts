/**
 * Whether unexplained rows are whole rows of other entities, of whatever time: a row of another entity at the served
 * times is no unexplained one (causes/fidelity.ts). Features that are wrong in other rows than others ask for those;
 * one scan of a history answers all of them.
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

/** bunch, kind, vid, made | f0 ... the values of the features that any kind compares */
const SUSPECTS = 'likeness_rows';

/** Rows of one question that can be compared by the same features. */
interface Bunch {
  /** Which question. */
  readonly at: number;
  readonly rows: readonly UnexplainedRow[];
  /** The numbers of these features. */
  readonly compared: readonly number[];
}

/**
 * @param questions  each of rows of one view
 * @returns          an answer each; null where too few rows can be compared, or by fewer than two values
 */
export async function wholeRows(
  duck: DuckDb,
  view: FeatureView,
  replay: ViewReplay,
  questions: readonly (readonly UnexplainedRow[])[],
): Promise<(LooksLike | null)[]> {
  const bunches = questions.flatMap((rows, at) => bunchOf(rows, at) ?? []);
  const answers = questions.map((): LooksLike | null => null);
  if (bunches.length === 0) return answers;
  const kinds = [...new Map(bunches.map(({ compared }) => [compared.join(' '), compared])).values()];
  const kindOf = (bunch: Bunch): number => kinds.findIndex((kind) => kind.join() === bunch.compared.join());
  await laySuspects(duck, view, bunches, kindOf);
  const print = (kind: readonly number[], column: (feature: number) => string): string =>
    printSql(kind.map((i) => ({ type: view.features[i]!.type, sql: column(i) })));
  const own = kinds.map((kind, n) => `WHEN ${n} THEN ${print(kind, (i) => `l.f${i}`)}`);
  const theirs = kinds.map((kind) => print(kind, (i) => `h.${quoteName(view.features[i]!.name)}`));
  const keys = replay.keys.map(({ row }, i) => `h.${quoteName(row)} AS k${i}`);
  const isOther = replay.keys.map((_, i) => `h.k${i} IS DISTINCT FROM s.k${i}`);
  const others = replay.histories.map(
    (
      sql,
    ) => `SELECT s.bunch, s.made, s.print FROM (SELECT ${keys.join(', ')}, unnest(range(${kinds.length})) AS kind,
        unnest([${theirs.join(', ')}]) AS print FROM (${sql}) h) h
      JOIN s ON s.kind = h.kind AND s.print = h.print WHERE ${isOther.join(' OR ')}`,
  );
  // Alike rows count once.
  const rows =
    await duck.rows(`WITH s AS MATERIALIZED (SELECT b.*, l.bunch, l.kind, l.made, CASE l.kind ${own.join(' ')} END AS print
      FROM ${SUSPECTS} l JOIN replay_base b USING (vid)),
    found AS (SELECT DISTINCT bunch, made, print, true AS is_found FROM (${others.join(' UNION ALL ')}))
    SELECT bunch, count(DISTINCT print) FILTER (NOT made)::DOUBLE AS rows, count(DISTINCT print) FILTER (made)::DOUBLE AS made,
      count(DISTINCT print) FILTER (NOT made AND is_found)::DOUBLE AS fitting,
      count(DISTINCT print) FILTER (made AND is_found)::DOUBLE AS chance
    FROM s LEFT JOIN found USING (bunch, made, print) GROUP BY bunch`);
  for (const row of rows) {
    const { bunch, rows: count, made, fitting, chance } = row as Record<string, number>;
    if (count! < LEAST_ROWS) continue;
    const shares = { share: fitting! / count!, shuffled: chance! / made! };
    answers[bunches[bunch!]!.at] = { shape: 'another entity’s whole row', rows: count!, ...shares };
  }
  return answers;
}

/** @returns the rows of a question that have the same features as most; null: too few rows, or too few features */
function bunchOf(all: readonly UnexplainedRow[], at: number): Bunch | null {
  // Rows that lack other values have another print.
  const kinds = Map.groupBy(all, ({ served }) => comparedOf(served).join(' '));
  const [rows] = [...kinds.values()].toSorted((a, b) => b.length - a.length);
  const compared = comparedOf(rows?.[0]?.served ?? []);
  return rows === undefined || rows.length < LEAST_ROWS || compared.length < 2
    ? null
    : { at, rows, compared };
}

async function laySuspects(
  duck: DuckDb,
  view: FeatureView,
  bunches: readonly Bunch[],
  kindOf: (bunch: Bunch) => number,
): Promise<void> {
  const features = [...new Set(bunches.flatMap(({ compared }) => compared))];
  const columns = features.map((i) => `f${i} ${duckTypeOf(view.features[i]!.type)}`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SUSPECTS}
    (bunch INTEGER, kind INTEGER, vid BIGINT, made BOOLEAN, ${columns.join(', ')})`);
  for (const [number, bunch] of bunches.entries()) {
    const { rows, compared } = bunch;
    const valuesOf = (place: number, made: boolean) =>
      features.map((i) => {
        const nth = compared.indexOf(i);
        if (nth === -1) return null;
        const from = rows[made ? (place + nth + 1) % rows.length : place]!;
        return valueToDuck(view.features[i]!.type, from.served[i]!);
      });
    const laid = rows.flatMap(({ vid }, place) =>
      [false, true].map((made) => [number, kindOf(bunch), BigInt(vid), made, ...valuesOf(place, made)]),
    );
    await duck.append(SUSPECTS, laid);
  }
}

function comparedOf(served: UnexplainedRow['served']): number[] {
  return served.flatMap((value, i) => (value === undefined || value === UNKNOWN_VALUE ? [] : [i]));
}
