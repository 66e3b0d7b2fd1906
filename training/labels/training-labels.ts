/**
 * The labels of a training set: a Parquet or CSV file with one row per label, which has a time and says whose it is, by
 * the service's join keys or by the request that was answered. This file reads only keys and times, into a table of
 * their own; training-output.ts copies the other columns from file to file.
 *
 * Every row is checked: a key whose type changed on the way (a spreadsheet's
 * 1.0, a CSV's 007) would silently join nothing, or the wrong entity.
 */
import { duckTypeOf } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import { trainingError } from '../errors.ts';
import { inputCast, keyCast, timeCast } from './label-casts.ts';
import type { LabelCast, LabelInput, LabelKey } from './label-casts.ts';
import { numberOf, unreadable } from './label-file.ts';
import type { LabelFile } from './label-file.ts';
import { lineOfLabel } from './labels-csv.ts';
import { unreadableColumn } from './unreadable-column.ts';

/**
 * Table with one row per label: rid, its row number from 0 in the file's order; t, its time in microseconds; key_0,
 * key_1, ..., its keys; input_0, input_1, ..., its inputs, in their types.
 */
export const LABEL_KEYS = 'label_keys';

/** What the labels must have, and may not have. */
export interface LabelNeeds {
  readonly keys: readonly LabelKey[];
  readonly inputs?: readonly LabelInput[];
  /** The column that holds their times. */
  readonly timeColumn: string;
  /** The service whose training set it is, for messages. */
  readonly service: string;
  /** Names of the columns that the training set gets besides. */
  readonly added: readonly string[];
}

export interface Labels extends LabelFile {
  /** SQL of each column that the join uses, by the column's number: a time in microseconds, or a key in its type. */
  readonly cast: ReadonlyMap<number, { readonly sql: string; readonly isTime: boolean }>;
  readonly rows: number;
  /** Earliest and latest time of the labels that have all keys and a time; null: there is no such label. */
  readonly firstUs: number | null;
  readonly lastUs: number | null;
  /** Rows without a time, and rows with a null key: the training set has them with no feature values. */
  readonly rowsWithoutTime: number;
  readonly rowsWithNullKey: number;
}

/**
 * Reads the labels' keys and times into LABEL_KEYS.
 * @throws TRAIN_LABELS when a column or a value is not what is needed
 */
export async function readLabels(duck: DuckDb, labels: LabelFile, needs: LabelNeeds): Promise<Labels> {
  const { keys, inputs = [], timeColumn } = needs;
  checkNames(labels, needs);
  const casts = [
    timeCast(labels, timeColumn),
    ...keys.flatMap((key, i) => keyCast(labels, key, i) ?? []),
    ...inputs.flatMap((input, i) => (input.column === null ? [] : [inputCast(labels, input, i)])),
  ];
  const absent = [
    ...keys.flatMap(({ name, type }, i) =>
      numberOf(labels, name) === -1 ? [`NULL::${duckKeyType(type)} AS key_${i}`] : [],
    ),
    ...inputs.flatMap(({ type, column }, i) =>
      column === null ? [`NULL::${duckTypeOf(type)} AS input_${i}`] : [],
    ),
  ];
  try {
    await duck.run(keysTableSql(labels, casts, absent));
  } catch (error) {
    const columns = casts.map(({ column }) => column);
    throw (await unreadableColumn(duck, labels, columns)) ?? unreadable(labels.file, error);
  }
  const needed = keys.flatMap(({ isOptional }, i) => (isOptional === true ? [] : [`key_${i} IS NULL`]));
  const nullKey = needed.join(' OR ') || 'false';
  const [counts] = await duck.rows(
    `SELECT count(*) AS rows, count(*) FILTER (t IS NULL) AS no_time, count(*) FILTER (${nullKey}) AS no_key,
      min(t) FILTER (NOT (${nullKey})) AS first, max(t) FILTER (NOT (${nullKey})) AS last,
      min(rid) FILTER (wrong IS NOT NULL) AS wrong, arg_min(wrong, rid) AS cast FROM ${LABEL_KEYS}`,
  );
  if (counts!['wrong'] !== null)
    throw await wrongValue(duck, labels, Number(counts!['wrong']), casts[Number(counts!['cast'])]!);
  const timeOrNull = (name: string): number | null => (counts![name] === null ? null : Number(counts![name]));
  return {
    ...labels,
    cast: new Map(
      casts
        .filter(({ isInput }) => isInput !== true)
        .map(({ column, as, sql }) => [column, { sql, isTime: as === 't' }]),
    ),
    rows: Number(counts!['rows']),
    firstUs: timeOrNull('first'),
    lastUs: timeOrNull('last'),
    rowsWithoutTime: Number(counts!['no_time']),
    rowsWithNullKey: Number(counts!['no_key']),
  };
}

/**
 * A header with a single column is probably that of a file that uses another separator than commas.
 *
 * @returns the end of a message that says so; '' when nothing suggests it
 */
function separatorHint([only, ...others]: readonly string[]): string {
  const sign = [';', '\t', '|'].find((one) => others.length === 0 && only?.includes(one) === true);
  if (sign === undefined) return '';
  const name = { ';': 'semicolons', '\t': 'tabs', '|': 'bars' }[sign];
  return `. Fields of CSV stand between commas; here they seem to stand between ${name}`;
}

/** Names are compared without case, as every engine that reads the training set does. */
function checkNames(labels: LabelFile, { keys, timeColumn, service, added }: LabelNeeds): void {
  const { file, columns } = labels;
  const mistake = (text: string, field: string): Error =>
    trainingError('TRAIN_LABELS', `${file} ${text}`, { file, field });
  const seen = new Map<string, string>();
  for (const name of columns) {
    const other = seen.get(name.toLowerCase());
    if (other === name) throw mistake(`has two columns ${name}`, name);
    if (other !== undefined)
      throw mistake(`has columns ${other} and ${name}, which differ in nothing but case`, name);
    seen.set(name.toLowerCase(), name);
  }
  const needed = [
    ...keys.filter(({ isOptional }) => isOptional !== true).map(({ name }) => name),
    timeColumn,
  ];
  const missing = needed.filter((name) => !seen.has(name.toLowerCase()));
  if (missing.length > 0) {
    throw mistake(
      `lacks ${missing.join(' and ')}; the service ${service} needs ${needed.join(', ')}, ` +
        `the file has ${columns.join(', ')}${separatorHint(columns)}`,
      missing[0]!,
    );
  }
  refuseTaken(labels, added);
}

/** @throws TRAIN_LABELS where the labels have a column of a name that the training set gets besides */
export function refuseTaken({ file, columns }: LabelFile, added: readonly string[]): void {
  const seen = new Map(columns.map((name) => [name.toLowerCase(), name]));
  const field = added.map((name) => seen.get(name.toLowerCase())).find((name) => name !== undefined);
  if (field === undefined) return;
  const what = `already has a column ${field}, which is what the feature's column would be called`;
  throw trainingError('TRAIN_LABELS', `${file} ${what}`, { file, field });
}

/** In the table, `wrong` is the number of the first cast that turns a value into NULL; NULL: no cast does. */
function keysTableSql(
  { from, rid, refs }: LabelFile,
  casts: readonly LabelCast[],
  absent: readonly string[],
): string {
  const wrong = casts
    .map(({ column, as, isNeeded }, i) =>
      isNeeded === true ? `WHEN ${as} IS NULL THEN ${i}` : `WHEN ${as} IS NULL AND own_${column} THEN ${i}`,
    )
    .join(' ');
  const columns = casts.map(({ sql, as }) => `${sql} AS ${as}`);
  const own = [...new Set(casts.map(({ column }) => column))];
  return (
    `CREATE OR REPLACE TABLE ${LABEL_KEYS} AS SELECT rid, ${[...casts.map(({ as }) => as), ...absent].join(', ')}, ` +
    `CASE ${wrong} END AS wrong FROM (SELECT ${rid} AS rid, ${columns.join(', ')}, ` +
    `${own.map((column) => `${refs[column]!} IS NOT NULL AS own_${column}`).join(', ')} FROM ${from})`
  );
}

async function wrongValue(duck: DuckDb, labels: LabelFile, rid: number, cast: LabelCast): Promise<Error> {
  const { file, columns } = labels;
  const [row] = await duck.rows(
    `SELECT value FROM (SELECT ${labels.rid} AS rid, CAST(${labels.refs[cast.column]!} AS VARCHAR) AS value ` +
      `FROM ${labels.from}) WHERE rid = ${rid}`,
  );
  const line = labels.format === 'csv' ? lineOfLabel(file, rid) : null;
  const place = `row ${rid + 1}`;
  const where = line === null ? place : `line ${line}, column ${cast.column + 1}, ${place}`;
  if (row!['value'] === null) {
    const what = `${columns[cast.column]!} should be ${cast.what}, got null, and this input is not optional`;
    throw trainingError('TRAIN_LABELS', `${file}, ${where}: ${what}`, { file, field: columns[cast.column]! });
  }
  const value = String(row!['value']);
  const hint = /^(?:\+|-?0)\d/.test(value) ? ': whole numbers have no leading zeros and no +' : '';
  return trainingError(
    'TRAIN_LABELS',
    `${file}, ${where}: ${columns[cast.column]!} should be ${cast.what}, got ${value}${hint}`,
    { file, field: columns[cast.column]!, ...(line === null ? {} : { line }) },
  );
}
