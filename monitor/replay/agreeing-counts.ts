/**
 * What is counted of a role's agreeing rows (row-split.ts), by the state of each value. A state is the same on both
 * sides, so one count says all.
 */
import { DUCKDB } from '../../project/engine/duckdb/duck-dialect.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlDialect } from '../../project/engine/sql-dialect.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { State } from '../causes/value-state.ts';
import type { Counting } from './marked-values.ts';
import { AGREES_MISSING, AGREES_OUTSIDE_TTL, AGREES_PRESENT, OPEN, SPLIT } from './row-split.ts';
import type { BundleReading } from './row-split.ts';
import { IN_FORCE, LAID_ROWS } from './rows-in-force.ts';

/** Values by their state, on the served side as on the replayed one. */
export type AgreeingStates = ReadonlyMap<State, number>;

interface CountedFeature extends Pick<Feature, 'type'> {
  /** Of a hashed value it is not known whether it is empty; nothing is counted of those that are withheld. */
  readonly counted: Counting;
}

interface Agreeing {
  /** How many rows were given out and agree. */
  readonly given: number;
  readonly states: readonly AgreeingStates[];
  /** Of how many rows of the history a vector that agrees with them has a value. */
  readonly rows: readonly number[];
}

/** How many split rows there are of each kind: agrees, reading | vectors. */
export const SPLIT_COUNTS = 'replay_split_counts';

/** @returns a SELECT of SPLIT_COUNTS */
export function splitCountsSql(): string {
  return `SELECT agrees, reading, count(*) AS vectors FROM ${SPLIT} GROUP BY agrees, reading`;
}

/** @returns a SELECT of the rows that vectors agree with: `n`, how many do, and how many of these were tensors */
export function agreedRowsSql({ unsigned }: Pick<SqlDialect, 'unsigned'>): string {
  return `SELECT n, CAST(count(*) AS ${unsigned(32)}) AS vectors,
      CAST(count(*) FILTER (WHERE is_tensor) AS ${unsigned(32)}) AS tensors
    FROM ${SPLIT} WHERE agrees = ${AGREES_PRESENT} GROUP BY n`;
}

/**
 * Puts the rows that vectors agree with, with their counts, in the place of the laid ones, so that values stand in
 * memory once, and no count needs a join.
 */
export async function layAgreeing(duck: DuckDb): Promise<void> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE replay_counted AS ${agreedRowsSql(DUCKDB)};
    CREATE OR REPLACE TEMP TABLE ${IN_FORCE} AS SELECT h.rowid AS n, h.* EXCLUDE (present),
      c.vectors, c.tensors
      FROM ${LAID_ROWS} h JOIN replay_counted c ON c.n = h.rowid;
    DROP TABLE replay_counted; DROP TABLE ${LAID_ROWS};
    CREATE OR REPLACE TEMP TABLE ${SPLIT_COUNTS} AS ${splitCountsSql()}`);
}

/** @returns what is counted of all rows, and of each feature, once the rows that vectors agree with are there */
export async function countAgreeing(duck: DuckDb, features: readonly CountedFeature[]): Promise<Agreeing> {
  const rowsOf = (agrees: number): string => `coalesce(sum(vectors) FILTER (agrees = ${agrees}), 0)::DOUBLE`;
  const [absent] = await duck.rows(`SELECT ${rowsOf(AGREES_MISSING)} AS missing,
    ${rowsOf(AGREES_OUTSIDE_TTL)} AS outside FROM ${SPLIT_COUNTS}`);
  const sums = features.flatMap(({ type, counted }, i) => {
    const value = `v${i}`;
    const isNaN = type.kind === 'float32' || type.kind === 'float64' ? `isnan(${value})` : 'false';
    const isZero = isNumeric(type)
      ? `${value} = 0`
      : type.kind === 'timestamp'
        ? `epoch_us(${value}) = 0`
        : 'false';
    const isEmpty = counted === 'hashed' ? 'false' : emptySql(type, value);
    const states = [`${value} IS NULL`, isNaN, isZero, isEmpty].map(
      (is, s) => `coalesce(sum(vectors) FILTER (${is}), 0)::DOUBLE AS c${i}_${s}`,
    );
    return [...states, `count(${value})::DOUBLE AS r${i}`];
  });
  const all = 'coalesce(sum(vectors), 0)::DOUBLE AS n';
  const [counts] = await duck.rows(`SELECT ${[all, ...sums].join(', ')} FROM ${IN_FORCE}`);
  const present = counts!['n'] as number;
  const states = features.map(({ counted: how }, i) => {
    if (how === 'withheld') return new Map<State, number>();
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
  const rows = features.map(({ counted }, i) => (counted === 'withheld' ? 0 : (counts![`r${i}`] as number)));
  return { given: present, states, rows };
}

/**
 * @param readings  by the number that split rows have
 * @param taken     how many features the service takes
 * @returns         for each of them, how many values of agreeing rows are withheld, by the reason
 */
export async function countWithheld(
  duck: DuckDb,
  readings: readonly BundleReading[],
  taken: number,
): Promise<ReadonlyMap<string, number>[]> {
  const found = Array.from({ length: taken }, () => new Map<string, number>());
  if (readings.every(({ withheld }) => withheld.every((why) => why === null))) return found;
  const rows =
    await duck.rows(`SELECT reading::DOUBLE AS reading, sum(vectors)::DOUBLE AS n FROM ${SPLIT_COUNTS}
    WHERE agrees <> ${OPEN} GROUP BY 1 ORDER BY 1`);
  for (const row of rows) {
    for (const [i, why] of readings[row['reading'] as number]!.withheld.entries()) {
      if (why !== null) found[i]!.set(why, (found[i]!.get(why) ?? 0) + (row['n'] as number));
    }
  }
  return found;
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
