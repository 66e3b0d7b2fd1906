/** The file of a training set: where it may lie, and how it gets its place only when it is whole. */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CodedError } from '../contract/std/coded-error.ts';
import { makeFolder } from '../contract/std/files/folder.ts';
import { schemeOf } from '../contract/std/files/local-path.ts';
import { duckTypeOf } from '../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../project/engine/duckdb/file-sql.ts';
import { formatSourceType } from '../project/engine/duckdb/sources/source-type.ts';
import { trainingError } from './errors.ts';
import { requireUnchanged, sha256Of } from './labels/labels-hash.ts';
import { tableFormat } from './labels/label-file.ts';
import type { TableFormat } from './labels/label-file.ts';
import type { SetFeatures } from './set-features.ts';
import { writeTrainingSet } from './training-output.ts';
import type { TrainingFile } from './training-output.ts';

/** Before anything is read: an --out that is the labels' own file, by whatever name or link, would replace them. */
export function refusePlace(out: string, labels: string): void {
  const scheme = schemeOf(out);
  if (scheme !== null) {
    const message = `--out ${out} lies in ${scheme}, where no training set is written: give a path on this machine`;
    throw trainingError('TRAIN_PLACE', message, { field: 'out' });
  }
  const [at, from] = [fileIdentity(out), fileIdentity(labels)];
  if (at === null || at !== from) return;
  throw trainingError('TRAIN_PLACE', `--out ${out} is the file of the labels, ${labels}`, {
    field: 'out',
    file: resolve(out),
  });
}

/** @returns the same text for all names and links of one file; null where there is none */
function fileIdentity(file: string): string | null {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return null;
  }
}

/** A column of the file, with the type that DuckDB reads it as. */
export interface SetColumn {
  readonly name: string;
  readonly type: string;
}

/** A training set that is written and has not got its name yet. */
interface WrittenSet {
  /** Of its bytes, in hex. */
  readonly sha256: string;
  readonly columns: readonly SetColumn[];
  /** Gives it its name, in place of what had it. @throws TRAIN_OUT */
  place(): void;
  /** Removes it unless it has its name. */
  discard(): void;
}

/**
 * @param scratch  a folder for files that are needed meanwhile
 * @throws         TRAIN_OUT, and TRAIN_LABELS when the labels have changed meanwhile; nothing is left then
 */
export async function writeAside(
  duck: DuckDb,
  set: SetFeatures,
  { file, scratch, zone }: Pick<TrainingFile, 'file' | 'scratch' | 'zone'>,
): Promise<WrittenSet> {
  const { labels, features, behind } = set;
  const aside = `${file}.${process.pid}.tmp`;
  const discard = (): void => {
    if (existsSync(aside)) rmSync(aside);
  };
  try {
    makeFolder(dirname(file));
    const to = { file: aside, format: tableFormat(file), scratch, zone };
    const all = { ...features, columns: [...features.columns, ...behind] };
    await writeTrainingSet(duck, labels, all, to);
    await requireUnchanged(labels.file, labels.sha256);
    const sha256 = await sha256Of(aside);
    const columns = await columnsOf(duck, set, aside, to.format);
    return { sha256, columns, discard, place: () => rename(aside, file) };
  } catch (error) {
    discard();
    if (error instanceof CodedError) throw error;
    // It may be the labels that could not be read.
    await requireUnchanged(labels.file, labels.sha256);
    throw notWritten(file, error);
  }
}

/** In CSV labels are text, but for what was read as a time. */
async function columnsOf(
  duck: DuckDb,
  { labels, features, behind }: SetFeatures,
  file: string,
  format: TableFormat,
): Promise<SetColumn[]> {
  if (format === 'parquet') {
    const rows = await duck.rows(`DESCRIBE SELECT * FROM read_parquet(${quotePath(file)})`);
    return rows.map((row) => ({ name: row['column_name'] as string, type: row['column_type'] as string }));
  }
  const own = labels.columns.map((name, i) => {
    const isTime = labels.cast.get(i)?.isTime === true;
    return { name, type: isTime ? 'TIMESTAMP' : formatSourceType(labels.types[i]!) };
  });
  const added = [...features.columns, ...behind].map(({ name, type }) => ({ name, type: duckTypeOf(type) }));
  return [...own, ...added];
}

function rename(aside: string, file: string): void {
  try {
    renameSync(aside, file);
  } catch (error) {
    throw notWritten(file, error);
  }
}

/** @throws TRAIN_OUT */
export function notWritten(file: string, error: unknown): Error {
  const why = (error as Error).message.split('\n')[0];
  return trainingError('TRAIN_OUT', `${file} cannot be written: ${why}`, { file }, error);
}
