/**
 * The files of a stream's archive: those that its log names, and no others. Columns are the fields of the definition,
 * whatever folders the files lie in; a field that a file lacks came later, and is null in it.
 */
import { resolve } from 'node:path';
import { registryError } from '../../../../contract/errors.ts';
import type { Source } from '../../../../contract/model.ts';
import { ARCHIVE_COLUMNS } from '../../../../contract/stream-source.ts';
import type { StreamSource } from '../../../../contract/stream-source.ts';
import type { S3Settings } from '../../../settings/s3-settings.ts';
import type { Folder } from '../../../storage/folder.ts';
import { localFolder } from '../../../storage/local-folder.ts';
import { openFolder } from '../../../storage/open-folder.ts';
import { openHistoryStorage } from '../object-storage.ts';
import { isObject } from '../../../../contract/std/files/local-path.ts';
import { readTable } from '../../../delta/delta-log.ts';
import type { DuckDb } from '../duckdb.ts';
import { duckTypeOf } from '../duckdb.ts';
import { parseSourceType } from './source-type.ts';
import { groupsOf, readSourceFiles } from './source-files.ts';
import type { FileColumn, FileGroup, SourceFiles } from './source-files.ts';

/** @throws REG_SOURCE when there is nothing to read, or one of the files is no readable Parquet */
export async function readSource(duck: DuckDb, folder: string, source: Source): Promise<SourceFiles> {
  const { path, stream } = source;
  if (stream === undefined) return await readSourceFiles(duck, folder, source);
  const table = archiveFolder(folder, source, duck.s3);
  await openHistoryStorage(duck, table);
  const state = await readTable(table);
  const files = [...(state?.files.keys() ?? [])].map((file) => table.fileOf(decodeURI(file)));
  if (files.length === 0) {
    const message = `the archive ${path} of stream ${source.name} holds no message yet (looked in ${table.path})`;
    throw registryError('REG_SOURCE', message, {
      field: 'archive',
      help: 'Run `plumb stream`: it reads the messages and keeps them there.',
    });
  }
  const groups = await groupsOf(duck, files, false);
  return { path, groups: groups.map((group) => withFields(group, stream)), table: null };
}

/** A column that is no field any more says nothing. */
function withFields(group: FileGroup, { fields }: StreamSource): FileGroup {
  const columns = new Map<string, readonly FileColumn[]>();
  for (const { name, type } of fields) {
    const lower = name.toLowerCase();
    const duckType = duckTypeOf(type);
    const none: FileColumn = { name, type: parseSourceType(duckType), sql: `NULL::${duckType}` };
    columns.set(lower, group.columns.get(lower) ?? [none]);
  }
  for (const name of Object.values(ARCHIVE_COLUMNS)) {
    const found = group.columns.get(name);
    if (found !== undefined) columns.set(name, found);
  }
  return { ...group, columns };
}

/**
 * @param folder  the project's
 * @param s3      null: this command reads nothing there
 * @returns       the folder of a stream's archive
 * @throws        REG_SOURCE where it lies in object storage, and nobody said how that is reached
 */
export function archiveFolder(
  folder: string,
  { path, name }: Pick<Source, 'path' | 'name'>,
  s3: S3Settings | null,
): Folder {
  if (!isObject(path)) return localFolder(resolve(folder, path));
  if (s3 !== null) return openFolder(path, s3);
  const message = `the archive ${path} of stream ${name} lies in object storage, which this command does not read yet`;
  throw registryError('REG_SOURCE', message, { field: 'archive' });
}

/** What an entry of an archive says of its partition, as far as batch reads it. */
interface ArchiveMark {
  /** How far the partition has come in event time: the newest event, or the newest append time if that is less. */
  readonly seenUs: number;
}

/** @returns how far all partitions of an archive have come; null: nothing says it */
export async function archiveSeenUs(table: Folder): Promise<number | null> {
  const commits = [...((await readTable(table))?.commits.values() ?? [])];
  const known = commits
    .map(({ commit }) => (commit as Partial<ArchiveMark>).seenUs)
    .filter((us) => us !== undefined);
  return known.length === 0 ? null : Math.min(...known);
}
