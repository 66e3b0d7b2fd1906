/**
 * The labels of a training set: a Parquet or CSV file with the service's join keys and `event_timestamp`, one row a
 * label, read into a DuckDB table whose rows keep the file's order.
 *
 * Join keys and times are cast here, on purpose and with a check of every row: a key that changed its type on the way
 * (a spreadsheet's 1.0, a CSV's 007) would join nothing, or the wrong entity, without a word.
 */
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { duckKeyType } from '../registry/history.ts';
import { quoteName, quoteText } from '../registry/duckdb.ts';
import type { DuckDb } from '../registry/duckdb.ts';
import type { FeatureService, JoinKey } from '../registry/model.ts';
import { materializerError } from './errors.ts';

export const LABEL_TIME = 'event_timestamp';

/** Table names: the file as it is, and its keys and times as the join takes them. */
export const LABELS = 'labels';
export const LABEL_KEYS = 'label_keys';

/** Column of LABELS: the row's place in the file, from 1. No file has a column of this name. */
export const LABEL_RID = 'plumb~rid';

export interface Labels {
  readonly rows: number;
  /** The file's columns, in its order. */
  readonly columns: readonly string[];
  /** Rows without a time, or with a null join key: they come out with no feature values. */
  readonly rowsWithoutTime: number;
  readonly rowsWithNullKey: number;
}

export type TableFormat = 'parquet' | 'csv';

/** @throws MAT_TRAIN_FORMAT unless the file's name ends in .parquet or .csv */
export function tableFormat(file: string): TableFormat {
  const extension = extname(file).toLowerCase();
  if (extension === '.parquet' || extension === '.csv') return extension.slice(1) as TableFormat;
  throw materializerError('MAT_TRAIN_FORMAT', `${file} should end in .parquet or .csv`, { file });
}

/** The column that the label's key of a given number has in LABEL_KEYS. */
export function labelKeyColumn(service: FeatureService, requestKey: string): string {
  return `key_${service.requestKeys.findIndex((key) => key.name === requestKey)}`;
}

/**
 * Reads the labels into LABELS, and into LABEL_KEYS (rid, t in microseconds, key_0, ...), `rid` being LABELS' row number.
 *
 * @param keepText  leaves a CSV's columns as the text they are, so that they can be written back unchanged; else
 *                  their types are found, but for keys and time, which get the service's
 * @throws MAT_TRAIN_LABELS when the file, a column or a type is not what the service needs
 */
export async function readLabels(
  duck: DuckDb,
  file: string,
  service: FeatureService,
  keepText: boolean,
): Promise<Labels> {
  const format = tableFormat(file);
  if (!existsSync(file)) throw materializerError('MAT_TRAIN_LABELS', `${file} does not exist`, { file });
  try {
    await duck.run(`SET preserve_insertion_order = true;
      CREATE OR REPLACE TABLE ${LABELS} AS
      SELECT row_number() OVER () AS ${quoteName(LABEL_RID)}, *
      FROM ${await fileSql(duck, file, format, service, keepText)}`);
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    throw materializerError('MAT_TRAIN_LABELS', `${file} cannot be read: ${why}`, { file }, error);
  }
  const columns = await describe(duck, LABELS);
  columns.delete(LABEL_RID);
  const needed = [...service.requestKeys.map((key) => key.name), LABEL_TIME];
  const missing = needed.filter((name) => !columns.has(name));
  if (missing.length > 0) {
    throw materializerError(
      'MAT_TRAIN_LABELS',
      `${file} lacks ${missing.join(' and ')}; the service ${service.name} needs ${needed.join(', ')}, ` +
        `the file has ${[...columns.keys()].join(', ')}`,
      { file, field: missing[0]! },
    );
  }
  const taken = service.features.find((feature) => columns.has(feature.fullName));
  if (taken !== undefined) {
    throw materializerError(
      'MAT_TRAIN_LABELS',
      `${file} already has a column ${taken.fullName}, which is what the feature's column would be called`,
      { file, field: taken.fullName },
    );
  }
  await castKeys(duck, file, service, columns);
  return await countLabels(duck, service, [...columns.keys()]);
}

/** Types of a CSV are found from a sample; a key read as a number would lose its zeros, a time its zone. */
async function fileSql(
  duck: DuckDb,
  file: string,
  format: TableFormat,
  service: FeatureService,
  keepText: boolean,
): Promise<string> {
  if (format === 'parquet') return `read_parquet(${quoteText(file)})`;
  const asText = `read_csv(${quoteText(file)}, header = true, all_varchar = true)`;
  if (keepText) return asText;
  const present = await describe(duck, asText);
  const text = [...service.requestKeys.map((key) => key.name), LABEL_TIME].filter((name) =>
    present.has(name),
  );
  const types = text.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ');
  return `read_csv(${quoteText(file)}, header = true, types = {${types}})`;
}

/** @returns the columns' types by name, in order */
async function describe(duck: DuckDb, from: string): Promise<Map<string, string>> {
  const rows = await duck.rows(`DESCRIBE SELECT * FROM ${from}`);
  return new Map(rows.map((row) => [String(row['column_name']), String(row['column_type'])]));
}

async function castKeys(
  duck: DuckDb,
  file: string,
  service: FeatureService,
  columns: ReadonlyMap<string, string>,
): Promise<void> {
  const casts = [
    { name: LABEL_TIME, as: 't', what: 'a time', sql: timeSql(file, columns.get(LABEL_TIME)!) },
    ...service.requestKeys.map((key, i) => ({
      name: key.name,
      as: `key_${i}`,
      what: key.type,
      sql: keySql(file, key, columns.get(key.name)!),
    })),
  ];
  await duck.run(
    `CREATE OR REPLACE TABLE ${LABEL_KEYS} AS SELECT ${quoteName(LABEL_RID)} AS rid, ` +
      `${casts.map((cast) => `${cast.sql} AS ${cast.as}`).join(', ')} FROM ${LABELS}`,
  );
  for (const cast of casts) {
    const [bad] = await duck.rows(
      `SELECT k.rid AS row, CAST(l.${quoteName(cast.name)} AS VARCHAR) AS value ` +
        `FROM ${LABELS} l JOIN ${LABEL_KEYS} k ON l.${quoteName(LABEL_RID)} = k.rid ` +
        `WHERE k.${cast.as} IS NULL AND l.${quoteName(cast.name)} IS NOT NULL ORDER BY k.rid LIMIT 1`,
    );
    if (bad === undefined) continue;
    throw materializerError(
      'MAT_TRAIN_LABELS',
      `${file}, row ${String(bad['row'])}: ${cast.name} should be ${cast.what}, got ${String(bad['value'])}`,
      { file, field: cast.name },
    );
  }
}

/** NULL where the value is no time; without a zone it is UTC. */
function timeSql(file: string, type: string): string {
  const column = quoteName(LABEL_TIME);
  if (type.startsWith('TIMESTAMP') || type === 'DATE') return `epoch_us(${column})`;
  if (type === 'VARCHAR') return `epoch_us(TRY_CAST(${column} AS TIMESTAMPTZ))`;
  throw materializerError(
    'MAT_TRAIN_LABELS',
    `${file}: ${LABEL_TIME} should be a timestamp, a date or RFC 3339 text, got ${type}`,
    { file, field: LABEL_TIME },
  );
}

/** NULL where the value is not exactly one of the key's type. */
function keySql(file: string, key: JoinKey, type: string): string {
  const column = quoteName(key.name);
  const target = duckKeyType(key.type);
  if (type === 'VARCHAR') {
    if (key.type === 'string') return column;
    return `CASE WHEN regexp_full_match(${column}, '-?[0-9]+') THEN TRY_CAST(${column} AS ${target}) END`;
  }
  if (key.type !== 'string' && /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) {
    return `TRY_CAST(${column} AS ${target})`;
  }
  if (key.type !== 'string' && (type === 'DOUBLE' || type === 'FLOAT')) {
    // Up to 2^53 a whole double is one integer; a column of integers with gaps often comes as doubles.
    const whole = `${column} = trunc(${column}) AND abs(${column}) <= ${type === 'FLOAT' ? 2 ** 24 : 2 ** 53}`;
    return `CASE WHEN ${whole} THEN TRY_CAST(${column} AS ${target}) END`;
  }
  throw materializerError('MAT_TRAIN_LABELS', `${file}: ${key.name} should be ${key.type}, got ${type}`, {
    file,
    field: key.name,
  });
}

async function countLabels(duck: DuckDb, service: FeatureService, columns: string[]): Promise<Labels> {
  const nullKey = service.requestKeys.map((_, i) => `key_${i} IS NULL`).join(' OR ') || 'false';
  const [counts] = await duck.rows(
    `SELECT count(*) AS rows, count(*) FILTER (t IS NULL) AS no_time, count(*) FILTER (${nullKey}) AS no_key ` +
      `FROM ${LABEL_KEYS}`,
  );
  return {
    rows: Number(counts!['rows']),
    columns,
    rowsWithoutTime: Number(counts!['no_time']),
    rowsWithNullKey: Number(counts!['no_key']),
  };
}
