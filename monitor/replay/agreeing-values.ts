/**
 * The values of a role's agreeing rows (row-split.ts), as the models received them: what the pairs of one feature tell,
 * counted in DuckDB. Both sides have the same.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import { NO_PAIRS } from '../tally/agreeing-pairs.ts';
import type { AgreeingPairs } from '../tally/agreeing-pairs.ts';
import { AGREEING } from './agreeing-counts.ts';
import { countTexts } from './counted-texts.ts';
import { IN_FORCE } from './rows-in-force.ts';

/** The distinct values of one feature with the number of their vectors. */
const COUNTED = 'replay_counted';

/**
 * @param at     the index of the feature among those of the role
 * @param texts  of which each has to be counted, whatever others there are
 */
export async function agreeingPairs(
  duck: DuckDb,
  at: number,
  { type }: Pick<Feature, 'type'>,
  texts: ReadonlySet<string>,
): Promise<AgreeingPairs> {
  const value = `h.v${at}`;
  const rows = `${AGREEING} a JOIN ${IN_FORCE} h USING (n) WHERE ${value} IS NOT NULL`;
  const sum = async (of: string): Promise<number> => {
    const [row] = await duck.rows(`SELECT coalesce(sum(${of}), 0)::DOUBLE AS n FROM ${rows}`);
    return row!['n'] as number;
  };
  if (isNumeric(type)) return await numbersOf(duck, value, rows);
  switch (type.kind) {
    case 'string':
    case 'bool': {
      const counts = `SELECT ${value}::VARCHAR AS x, sum(a.vectors)::DOUBLE AS c FROM ${rows} GROUP BY 1`;
      return { ...NO_PAIRS, categories: await countTexts(duck, counts, texts) };
    }
    case 'list':
      return { ...NO_PAIRS, pairs: await sum('a.vectors'), items: await sum(`a.vectors * len(${value})`) };
    case 'embedding': {
      const isDirected = `list_aggregate(list_transform(${value}, lambda x: x <> 0), 'bool_or')`;
      const directed = await sum(`CASE WHEN ${isDirected} THEN a.vectors END`);
      return { ...NO_PAIRS, pairs: await sum('a.vectors'), directed };
    }
    default:
      return { ...NO_PAIRS, pairs: await sum('a.vectors') };
  }
}

async function numbersOf(duck: DuckDb, value: string, rows: string): Promise<AgreeingPairs> {
  // A tensor of float32 rounds what the other surfaces give as it is; past its range it has infinity.
  const beyond = `CASE WHEN ${value} > 0 THEN 'inf'::DOUBLE ELSE '-inf'::DOUBLE END`;
  const rounded = `coalesce(TRY_CAST(${value} AS FLOAT)::DOUBLE, ${beyond})`;
  const parts = [
    `SELECT ${value}::DOUBLE + 0 AS x, a.vectors - a.tensors AS c FROM ${rows} AND a.vectors > a.tensors`,
    `SELECT ${rounded} + 0 AS x, a.tensors AS c FROM ${rows} AND a.tensors > 0`,
  ];
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${COUNTED} AS
    SELECT x, sum(c)::DOUBLE AS c FROM (${parts.join(' UNION ALL ')}) GROUP BY x`);
  const [size] = await duck.rows(`SELECT (count(*) FILTER (isfinite(x)))::DOUBLE AS n,
    coalesce(sum(c) FILTER (isnan(x)), 0)::DOUBLE AS nan, coalesce(sum(c) FILTER (isinf(x)), 0)::DOUBLE AS infinite
    FROM ${COUNTED}`);
  const values = new Float64Array(size!['n'] as number);
  const counts = new Float64Array(values.length);
  let filled = 0;
  for await (const [x, c] of duck.numbers(`SELECT x, c FROM ${COUNTED} WHERE isfinite(x) ORDER BY x`)) {
    values.set(x!, filled);
    counts.set(c!, filled);
    filled += x!.length;
  }
  const nan = size!['nan'] as number;
  return { ...NO_PAIRS, numbers: { values, counts }, nan, infinite: size!['infinite'] as number };
}
