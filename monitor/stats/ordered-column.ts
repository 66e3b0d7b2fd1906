/** Compares an ordered column of two files: Kolmogorov-Smirnov, Wasserstein, quantiles, and shares of bins. */
import { DAY_US, formatTimestamp } from '../../contract/std/timestamp.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { EMPTY_BIN_SHARE, jensenShannonDistance, populationStability } from '../statistics/binned-shares.ts';
import { ksProbability } from '../statistics/ks-probability.ts';
import { QUANTILE_SHARES, SortedWalk } from '../statistics/sorted-walk.ts';
import type { RankedValue } from '../statistics/sorted-walk.ts';
import { fileSql, valueSql } from './compared-columns.ts';
import type { ComparedColumn, Files, Sides } from './compared-columns.ts';

/** A number; as text if it may be above 2^53, or if it is a time (RFC 3339) or a time of day (09:30:00.000000). */
type OrderedValue = number | string;

export interface OrderedDifference {
  readonly ks: {
    readonly d: number;
    readonly p: number;
    readonly method: 'exact' | 'asymptotic';
    /** The smallest value at which the gap is reached. */
    readonly location: OrderedValue;
    /** 1: a has more small values; 0 when d is 0. */
    readonly sign: -1 | 0 | 1;
  };
  readonly psi: {
    readonly value: number;
    /** The largest value of each bin except the last: the deciles of a. */
    readonly edges: readonly OrderedValue[];
    /** The share that replaces that of an empty bin. */
    readonly fill: number;
  };
  readonly jensenShannon: {
    readonly distance: number;
    readonly base: 2;
    readonly edges: readonly OrderedValue[];
  };
  /** In the column's own unit; for times in seconds. */
  readonly wasserstein: number;
  /** Values that occur in the column (type 1), at the given shares. */
  readonly quantiles: {
    readonly shares: readonly number[];
    readonly a: readonly OrderedValue[];
    readonly b: readonly OrderedValue[];
  };
}

/**
 * Compares an ordered column.
 *
 * @param finite  how many rows of each side have a finite value
 * @returns       null when a side has none
 */
export async function compareOrdered(
  duck: DuckDb,
  files: Files,
  column: ComparedColumn,
  finite: Sides,
): Promise<OrderedDifference | null> {
  if (finite.a === 0 || finite.b === 0) return null;
  const walk = new SortedWalk(finite.a, finite.b);
  const distinct = distinctSql(files, column);
  // Wide numbers are compared by their distance from the smallest one, which a double holds more exactly.
  const number = column.isWide ? 'v::HUGEINT - (min(v) OVER ())::HUGEINT' : 'v';
  const steps = `SELECT (${number})::DOUBLE, a::DOUBLE, b::DOUBLE FROM (${distinct}) ORDER BY v`;
  for await (const [values, aCounts, bCounts] of duck.numbers(steps)) {
    for (let i = 0; i < values!.length; i++) walk.step(values![i]!, aCounts![i]!, bCounts![i]!);
  }
  const { ks, bins, quantiles } = walk;
  const places = [ks.location, ...quantiles.a, ...quantiles.b, ...bins.edges];
  const texts = column.isWide ? await textsOf(duck, distinct, places) : null;
  const shown = ({ value, index }: RankedValue): OrderedValue => {
    if (texts !== null) return texts.get(index)!;
    if (column.unit === null) return value + 0;
    return column.isTimeOfDay ? timeOfDayText(value) : formatTimestamp(value);
  };
  const edges = bins.edges.map(shown);
  return {
    ks: { d: ks.d, ...ksProbability(ks.d, finite.a, finite.b), location: shown(ks.location), sign: ks.sign },
    psi: { value: populationStability(bins.a, bins.b), edges, fill: EMPTY_BIN_SHARE },
    jensenShannon: { distance: jensenShannonDistance(bins.a, bins.b), base: 2, edges },
    wasserstein: column.unit === 's' ? walk.wasserstein / 1e6 : walk.wasserstein,
    quantiles: { shares: QUANTILE_SHARES, a: quantiles.a.map(shown), b: quantiles.b.map(shown) },
  };
}

/** @param us  since midnight; the end of a day is a time of its own */
function timeOfDayText(us: number): string {
  return us === DAY_US ? '24:00:00.000000' : formatTimestamp(us).slice(11, -1);
}

/** SQL of each distinct finite value `v`, with its number of rows in `a` and in `b`. */
function distinctSql({ a, b }: Files, column: ComparedColumn): string {
  // The filter is in the outer query: in the inner WHERE, `v` could be a column of the file that has this name.
  const side = (file: string, inA: number): string =>
    `SELECT * FROM (SELECT ${valueSql(column)} AS v, ${inA} AS in_a FROM ${fileSql(file)}) WHERE isfinite(v::DOUBLE)`;
  return (
    `SELECT v, count(*) FILTER (in_a = 1) AS a, count(*) FILTER (in_a = 0) AS b ` +
    `FROM (${side(a, 1)} UNION ALL ${side(b, 0)}) GROUP BY v`
  );
}

/** @returns the values at the given places as text */
async function textsOf(
  duck: DuckDb,
  distinct: string,
  places: readonly RankedValue[],
): Promise<Map<number, string>> {
  const indexes = [...new Set(places.map(({ index }) => index))].join(', ');
  const rows = await duck.rows(
    `SELECT place::DOUBLE AS place, v::VARCHAR AS v FROM (SELECT v, row_number() OVER (ORDER BY v) - 1 AS place ` +
      `FROM (${distinct})) WHERE place IN (${indexes})`,
  );
  return new Map(rows.map((row) => [row['place'] as number, row['v'] as string]));
}
