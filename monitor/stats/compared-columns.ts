/**
 * Finds the columns of two Parquet files that can be compared, and how each is compared.
 *
 *   ordered     numbers, times, days and times of day: by their order and by their distances
 *   categories  texts, truth values, bytes, ids, and whatever else has a text: by how often each comes
 *   lengths     lists and arrays: their lengths as ordered, each whole list as a category
 */
import { existsSync } from 'node:fs';
import { requireRegularFile } from '../../contract/std/files/regular-file.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../project/engine/duckdb/file-sql.ts';
import { misreadType, parquetColumns } from '../../project/engine/duckdb/sources/parquet-columns.ts';
import { monitorError } from '../errors.ts';

/** The paths of the two files. */
export interface Files {
  readonly a: string;
  readonly b: string;
}

/** A count in each file. */
export interface Sides {
  readonly a: number;
  readonly b: number;
}

type Comparison = 'ordered' | 'categories' | 'lengths';

export interface ComparedColumn {
  readonly name: string;
  /** The type's name in DuckDB; `INTEGER / BIGINT` when the files differ. */
  readonly type: string;
  readonly as: Comparison;
  /** The unit of the column's distances: seconds for times; null: the unit of the values. */
  readonly unit: 's' | null;
  /** Whether it has times of day, which are of no date. */
  readonly isTimeOfDay: boolean;
  /** Whether the column may hold whole numbers above 2^53, which a double cannot all hold exactly. */
  readonly isWide: boolean;
}

interface SharedColumns {
  readonly compared: readonly ComparedColumn[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** Columns in both files whose kinds cannot be compared, or whose values DuckDB reads wrong. */
  readonly notCompared: readonly { readonly name: string; readonly reason: string }[];
}

const NUMBERS = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))$/;
const WIDE = /^(U?BIGINT|HUGEINT)$/;
const TIMES = /^(DATE|TIMESTAMP.*)$/;
const TIME_OF_DAY = 'TIME';
const LISTS = /\]$/;

/** @throws MON_STATS_FILE when a file does not exist or is not Parquet */
export async function sharedColumns(duck: DuckDb, a: string, b: string): Promise<SharedColumns> {
  const [inA, inB] = [await columnTypes(duck, a), await columnTypes(duck, b)];
  const compared: ComparedColumn[] = [];
  const notCompared: { name: string; reason: string }[] = [];
  for (const [name, { type: aType, misread }] of inA) {
    const other = inB.get(name);
    if (other === undefined) continue;
    const bType = other.type;
    const unread = misread ?? other.misread;
    if (unread !== null) {
      notCompared.push({
        name,
        reason: `it holds ${unread}, of which no more than 38 digits are read right`,
      });
      continue;
    }
    const as = kindOf(aType);
    if (as === kindOf(bType)) {
      const type = aType === bType ? aType : `${aType} / ${bType}`;
      const isTimeOfDay = as === 'times of day';
      const isTime = as === 'times' || isTimeOfDay;
      compared.push({
        name,
        type,
        as: isTime ? 'ordered' : as,
        unit: isTime ? 's' : null,
        isTimeOfDay,
        isWide: WIDE.test(aType) || WIDE.test(bType),
      });
    } else notCompared.push({ name, reason: `it is ${aType} in a and ${bType} in b` });
  }
  return {
    compared,
    onlyInA: [...inA.keys()].filter((name) => !inB.has(name)),
    onlyInB: [...inB.keys()].filter((name) => !inA.has(name)),
    notCompared,
  };
}

function kindOf(type: string): Comparison | 'times' | 'times of day' {
  if (LISTS.test(type)) return 'lengths';
  if (TIMES.test(type)) return 'times';
  if (type === TIME_OF_DAY) return 'times of day';
  return NUMBERS.test(type) ? 'ordered' : 'categories';
}

interface ColumnType {
  /** The type's name in DuckDB. */
  readonly type: string;
  /** What DuckDB would read wrong in the column; null: nothing. */
  readonly misread: string | null;
}

async function columnTypes(duck: DuckDb, file: string): Promise<Map<string, ColumnType>> {
  if (!existsSync(file)) throw monitorError('MON_STATS_FILE', `there is no file ${file}`);
  try {
    requireRegularFile(file);
    const columns = await parquetColumns(duck, file);
    return new Map(
      columns.map(({ readAs, duckType, type }) => [readAs, { type: duckType, misread: misreadType(type) }]),
    );
  } catch (error) {
    const why = (error as Error).message;
    throw monitorError('MON_STATS_FILE', `${file} is no Parquet file that can be read: ${why}`, {}, error);
  }
}

/** @returns what follows FROM to read the file */
export function fileSql(file: string): string {
  return `read_parquet(${quotePath(file)}, hive_partitioning = false)`;
}

/** @returns SQL of a column's values in the form that is compared */
export function valueSql({ name, as, unit, isTimeOfDay }: ComparedColumn): string {
  if (as === 'lengths') return `len(${quoteName(name)})`;
  // Days and times become whole microseconds since 1970, times of day since midnight.
  if (isTimeOfDay) return `epoch_us(DATE '1970-01-01' + ${quoteName(name)})`;
  return unit === 's' ? `epoch_us(${quoteName(name)}::TIMESTAMP)` : quoteName(name);
}
