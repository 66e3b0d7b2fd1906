/**
 * The values of a role's agreeing rows (row-split.ts), as the models received them: what the pairs of one feature tell,
 * counted in DuckDB. Both sides have the same.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import { sortDoubles } from '../statistics/radix-sort.ts';
import { NO_PAIRS } from '../tally/agreeing-pairs.ts';
import type { AgreeingPairs } from '../tally/agreeing-pairs.ts';
import { countTexts } from './counted-texts.ts';
import type { Counting } from './marked-values.ts';
import { IN_FORCE } from './rows-in-force.ts';

interface AgreeingFeature extends Pick<Feature, 'type'> {
  /** Nothing is told of the values of a marked feature. */
  readonly counted: Counting;
  /** Of which each has to be counted, whatever others there are. */
  readonly texts: ReadonlySet<string>;
}

/**
 * Yields what each feature of the role has, in their order. The next one is read while the caller works on one, and no
 * more: those of a view need not stand in memory together.
 */
export async function* agreeingPairs(
  duck: DuckDb,
  features: readonly AgreeingFeature[],
): AsyncGenerator<AgreeingPairs> {
  const read = async (at: number): Promise<AgreeingPairs> => {
    const feature = features[at];
    return feature?.counted === 'plain' ? await pairsOf(duck, at, feature) : NO_PAIRS;
  };
  let next = read(0);
  for (let at = 0; at < features.length; at++) {
    const pairs = await next;
    next = read(at + 1);
    // What fails is thrown when it is asked for, and not where the caller has stopped before.
    next.catch(() => {});
    yield pairs;
  }
}

/** @param at  the index of the feature among those of the role */
async function pairsOf(duck: DuckDb, at: number, { type, texts }: AgreeingFeature): Promise<AgreeingPairs> {
  const value = `v${at}`;
  const rows = `${IN_FORCE} WHERE ${value} IS NOT NULL`;
  const sum = async (of: string): Promise<number> => {
    const [row] = await duck.rows(`SELECT coalesce(sum(${of}), 0)::DOUBLE AS n FROM ${rows}`);
    return row!['n'] as number;
  };
  if (isNumeric(type)) return await numbersOf(duck, value, rows);
  switch (type.kind) {
    case 'string':
    case 'bool': {
      const counts = `SELECT ${value}::VARCHAR AS x, sum(vectors)::DOUBLE AS c FROM ${rows} GROUP BY 1`;
      return { ...NO_PAIRS, categories: await countTexts(duck, counts, texts) };
    }
    case 'list':
      return { ...NO_PAIRS, pairs: await sum('vectors'), items: await sum(`vectors * len(${value})`) };
    case 'embedding': {
      const isDirected = `list_aggregate(list_transform(${value}, lambda x: x <> 0), 'bool_or')`;
      const directed = await sum(`CASE WHEN ${isDirected} THEN vectors END`);
      return { ...NO_PAIRS, pairs: await sum('vectors'), directed };
    }
    default:
      return { ...NO_PAIRS, pairs: await sum('vectors') };
  }
}

async function numbersOf(duck: DuckDb, value: string, rows: string): Promise<AgreeingPairs> {
  // A tensor of float32 rounds what the other surfaces give as it is; past its range it has infinity.
  const beyond = `CASE WHEN ${value} > 0 THEN 'inf'::DOUBLE ELSE '-inf'::DOUBLE END`;
  const rounded = `coalesce(TRY_CAST(${value} AS FLOAT)::DOUBLE, ${beyond})`;
  const parts = [
    `SELECT ${value}::DOUBLE + 0 AS x, vectors - tensors AS c FROM ${rows} AND vectors > tensors`,
    `SELECT ${rounded} + 0 AS x, tensors AS c FROM ${rows} AND tensors > 0`,
  ];
  const counted = `SELECT x, c::DOUBLE AS c FROM (${parts.join(' UNION ALL ')})`;
  const [values, counts] = (await duck.doubles(counted)) as [Float64Array, Float64Array];
  // In DuckDB it takes three times as long.
  sortDoubles(values, counts);
  let [distinct, nan, infinite] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    const c = counts[i]!;
    if (Number.isNaN(x)) nan += c;
    else if (!Number.isFinite(x)) infinite += c;
    else if (distinct > 0 && values[distinct - 1] === x) counts[distinct - 1]! += c;
    else {
      values[distinct] = x;
      counts[distinct] = c;
      distinct += 1;
    }
  }
  const numbers = { values: values.subarray(0, distinct), counts: counts.subarray(0, distinct) };
  return { ...NO_PAIRS, numbers, nan, infinite };
}
