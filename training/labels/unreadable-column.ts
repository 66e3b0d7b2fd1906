/**
 * Which column of Parquet labels DuckDB cannot read, and what stands there: its own message names neither. Times in
 * milliseconds past what 64 bits of microseconds hold are such values, and found in the statistics of the footer.
 *
 * Called where reading has failed.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { trainingError } from '../errors.ts';
import { readMilliTimes } from '../table-file/parquet-millis.ts';

/** In the year 294247; before 1970 as far. */
const MAX_MS = 2n ** 63n / 1_000n;

/** Labels in Parquet. */
interface ReadFile {
  readonly file: string;
  /** FROM item of its rows. */
  readonly from: string;
  /** Names of its columns, and what stands for each in a SELECT. */
  readonly columns: readonly string[];
  readonly refs: readonly string[];
}

/**
 * @param columns  numbers of those that were read
 * @returns        TRAIN_LABELS that names the column; null: each of them can be read, so that it was something else
 */
export async function unreadableColumn(
  duck: DuckDb,
  { file, from, refs, columns: names }: ReadFile,
  columns: readonly number[],
): Promise<Error | null> {
  for (const column of columns) {
    try {
      await duck.rows(`SELECT bit_xor(hash(${refs[column]!})) FROM ${from}`);
    } catch (error) {
      if (error instanceof CodedError) return null;
      const field = names[column]!;
      const what = impossibleTime(file, column) ?? (error as Error).message.split('\n')[0]!;
      return trainingError(
        'TRAIN_LABELS',
        `${file}: column ${field} cannot be read: ${what}`,
        { file, field },
        error,
      );
    }
  }
  return null;
}

/** @returns a sentence; null: the footer shows none */
function impossibleTime(file: string, column: number): string | null {
  let before = 0;
  for (const { rows, min, max } of readMilliTimes(file, column)) {
    const value = [min, max].find((ms) => ms !== null && (ms > MAX_MS || ms < -MAX_MS));
    if (value !== undefined)
      return `it holds the time ${value} ms after 1970 in rows ${before + 1} to ${before + rows}, and times are read up to the year 294246`;
    before += rows;
  }
  return null;
}
