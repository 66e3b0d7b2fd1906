/**
 * The files of a stream's archive: those that its log names, and no others. Columns are the fields of the definition,
 * whatever folders the files lie in; a field that a file lacks came later, and is null in it.
 */
import { join, resolve } from 'node:path';
import { registryError } from '../../../../contract/errors.ts';
import type { Source } from '../../../../contract/model.ts';
import { ARCHIVE_COLUMNS } from '../../../../contract/stream-source.ts';
import type { StreamSource } from '../../../../contract/stream-source.ts';
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
  const table = resolve(folder, path);
  const files = [...(readTable(table)?.files.keys() ?? [])].map((file) => join(table, decodeURI(file)));
  if (files.length === 0) {
    const message = `the archive ${path} of stream ${source.name} holds no message yet (looked in ${table})`;
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
  for (const name of Object.values(ARCHIVE_COLUMNS)) columns.set(name, group.columns.get(name) ?? []);
  return { ...group, columns };
}

/** What an entry of an archive says of its partition, as far as batch reads it. */
interface ArchiveMark {
  /** How far the partition has come in event time: the newest event, or the newest append time if that is less. */
  readonly seenUs: number;
}

/** @returns how far all partitions of an archive have come; null: nothing says it */
export function archiveSeenUs(folder: string, { path }: Pick<Source, 'path'>): number | null {
  const commits = [...(readTable(resolve(folder, path))?.commits.values() ?? [])];
  const known = commits
    .map(({ commit }) => (commit as Partial<ArchiveMark>).seenUs)
    .filter((us) => us !== undefined);
  return known.length === 0 ? null : Math.min(...known);
}
