/**
 * How far apart the values of a feature are that the day's vectors should have got: what a difference is measured by
 * where there is no training set (incidents/harm.ts). The row of a thousand vectors counts a thousand times. Asked once
 * the open rows are replayed.
 */
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Feature } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { AGREES_PRESENT, SPLIT } from './row-split.ts';
import { IN_FORCE } from './rows-in-force.ts';

/** Vectors past twice this number are sampled by their hashes: quartiles of so many are off by some hundredths. */
const SAMPLE = 20_000;

/**
 * @param features  what the service takes, in the order of the rows in force
 * @param isLaid    whether rows of the history are laid out with which vectors agree
 * @returns         by feature the distance of the quartiles, of times in microseconds; null: there is none
 */
export async function replayedSpreads(
  duck: DuckDb,
  features: readonly Pick<Feature, 'name' | 'type'>[],
  isLaid: boolean,
): Promise<(number | null)[]> {
  if (!features.some(({ type }) => isMeasured(type))) return features.map(() => null);
  const [count] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${SPLIT}`);
  const every = Math.max(1, Math.floor((count!['n'] as number) / SAMPLE));
  const isSampled = (vid: string): string => (every === 1 ? 'true' : `hash(${vid}) % ${every} = 0`);
  const values = (column: (name: string, place: number) => string): string =>
    features.map(({ name, type }, i) => `${numberSql(type, column(name, i))} AS v${i}`).join(', ');
  const open = `SELECT ${values((name) => `h.${quoteName(name)}`)} FROM replay_trained t
    JOIN replay_history h ON h.rowid = t.trained_row WHERE ${isSampled('t.rid')}`;
  const agreeing = `SELECT ${values((_, i) => `h.v${i}`)} FROM ${SPLIT} s JOIN ${IN_FORCE} h ON h.n = s.n
    WHERE s.agrees = ${AGREES_PRESENT} AND ${isSampled('s.vid')}`;
  const quartiles = features.map(
    (_, i) => `quantile_cont(v${i}, [0.25, 0.75]) FILTER (isfinite(v${i})) AS q${i}`,
  );
  const distances = features.map((_, i) => `q${i}[2] - q${i}[1] AS s${i}`);
  const [row] = await duck.rows(`SELECT ${distances.join(', ')} FROM (SELECT ${quartiles.join(', ')}
    FROM (${[open, ...(isLaid ? [agreeing] : [])].join(' UNION ALL ')}))`);
  return features.map((_, i) => {
    const spread = row![`s${i}`] as number | null;
    return spread !== null && spread > 0 ? spread : null;
  });
}

/** Whether a difference of two values is a number. */
export function isMeasured(type: ValueType): boolean {
  return isNumeric(type) || type.kind === 'timestamp';
}

function numberSql(type: ValueType, column: string): string {
  if (!isMeasured(type)) return 'NULL::DOUBLE';
  return `CAST(${type.kind === 'timestamp' ? `epoch_us(${column})` : column} AS DOUBLE)`;
}
