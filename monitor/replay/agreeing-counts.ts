/**
 * What is counted of a role's agreeing rows (row-split.ts), by the state of each value. A state is the same on both
 * sides, so one count says all.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { State } from '../causes/value-state.ts';
import { AGREES_MISSING, AGREES_OUTSIDE_TTL, AGREES_PRESENT, SPLIT } from './row-split.ts';
import { IN_FORCE } from './rows-in-force.ts';

/** Values by their state, on the served side as on the replayed one. */
export type AgreeingStates = ReadonlyMap<State, number>;

/** One row a row in force that vectors agree with: n, how many they are, how many of them were tensors of float32. */
export const AGREEING = 'replay_agreeing';

/** @returns how many rows were given out and agree, and for each feature its counts; makes the table of those rows */
export async function countAgreeing(
  duck: DuckDb,
  features: readonly Pick<Feature, 'type'>[],
): Promise<{ readonly given: number; readonly states: AgreeingStates[] }> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${AGREEING} AS
    SELECT n, count(*) AS vectors, count(*) FILTER (is_tensor) AS tensors FROM ${SPLIT} WHERE agrees = ${AGREES_PRESENT} GROUP BY n`);
  const [absent] = await duck.rows(`SELECT (count(*) FILTER (agrees = ${AGREES_MISSING}))::DOUBLE AS missing,
    (count(*) FILTER (agrees = ${AGREES_OUTSIDE_TTL}))::DOUBLE AS outside FROM ${SPLIT}`);
  const sums = features.flatMap(({ type }, i) => {
    const value = `h.v${i}`;
    const isNaN = type.kind === 'float32' || type.kind === 'float64' ? `isnan(${value})` : 'false';
    const isZero = isNumeric(type)
      ? `${value} = 0`
      : type.kind === 'timestamp'
        ? `epoch_us(${value}) = 0`
        : 'false';
    return [`${value} IS NULL`, isNaN, isZero, emptySql(type, value)].map(
      (is, s) => `coalesce(sum(a.vectors) FILTER (${is}), 0)::DOUBLE AS c${i}_${s}`,
    );
  });
  const all = 'coalesce(sum(a.vectors), 0)::DOUBLE AS n';
  const [counts] = await duck.rows(
    `SELECT ${[all, ...sums].join(', ')} FROM ${AGREEING} a JOIN ${IN_FORCE} h USING (n)`,
  );
  const present = counts!['n'] as number;
  const states = features.map((_, i) => {
    const [nulls, nans, zeros, empty] = [0, 1, 2, 3].map((s) => counts![`c${i}_${s}`] as number);
    const counted: [State, number][] = [
      ['missing', absent!['missing'] as number],
      ['outside TTL', absent!['outside'] as number],
      ['null', nulls!],
      ['NaN', nans!],
      ['zero', zeros!],
      ['empty', empty!],
      ['value', present - nulls! - nans! - zeros! - empty!],
    ];
    return new Map(counted.filter(([, count]) => count > 0));
  });
  return { given: present, states };
}

function emptySql({ kind }: Feature['type'], value: string): string {
  switch (kind) {
    case 'string':
      return `${value} = ''`;
    case 'bytes':
      return `octet_length(${value}) = 0`;
    case 'list':
      return `len(${value}) = 0`;
    case 'map':
      return `cardinality(${value}) = 0`;
    default:
      return 'false';
  }
}
