/**
 * The columns of a project's sources, each source read once: views are checked against them, aggregates get types from
 * them.
 */
import type { CodedError } from '../../contract/std/coded-error.ts';
import type { Source } from '../../contract/model.ts';
import { DuckDb, duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { Elsewhere } from '../../project/settings/s3-settings.ts';
import { readSourceFiles, unionTypes } from '../../project/engine/duckdb/sources/source-files.ts';
import type { FileColumn, SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import { parseSourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import { filledIn } from '../../contract/definitions/source-variables.ts';
import type { Variables } from '../../contract/definitions/source-variables.ts';

interface ReadColumns {
  /** The columns of each file. */
  readonly files: SourceFiles;
  /** Column -> the DuckDB type that holds its types in all files. */
  readonly union: ReadonlyMap<string, string>;
}

export type SourcePlace = Pick<Source, 'path' | 'table'>;

/** @returns what the columns of a place are known by */
export function columnsName({ path, table }: SourcePlace): string {
  return table === undefined ? path : `${table} ${path}`;
}

/** The columns, or why the source could not be read; `missing`: the file does not exist yet, but may later. */
export type SourceColumns = ReadColumns | { readonly unreadable: string; readonly missing: boolean };

/**
 * @param variables  the values of variables in the paths
 * @param places     as given in definitions, relative to `folder`
 * @param elsewhere  how those are reached that are no files here
 * @returns          the columns by `columnsName`; without places whose variables have a mistake
 */
export async function readSourceColumns(
  folder: string,
  variables: Variables,
  places: Iterable<SourcePlace>,
  elsewhere?: Elsewhere,
): Promise<Map<string, SourceColumns>> {
  const columns = new Map<string, SourceColumns>();
  const duck = await DuckDb.open(elsewhere === undefined ? {} : { elsewhere });
  try {
    for (const place of places) {
      const name = columnsName(place);
      const filled = filledIn(place.path, variables);
      if (typeof filled !== 'string' || columns.has(name)) continue;
      try {
        const files = await readSourceFiles(duck, folder, { ...place, path: filled });
        columns.set(name, { files, union: await unionTypes(duck, files) });
      } catch (error) {
        const { message } = error as CodedError;
        const missing = message.startsWith('no file matches') && !/\{[^}]*,/.test(filled);
        columns.set(name, { unreadable: message, missing });
      }
    }
    return columns;
  } finally {
    duck.close();
  }
}

/** @returns the columns of a stream: its fields, whose types its definition gives; null: no stream */
export function streamColumns({ path, stream }: Source): ReadColumns | null {
  if (stream === undefined) return null;
  const types = stream.fields.map(({ name, type }) => [name, duckTypeOf(type)] as const);
  const columns = types.map(([name, duckType]): [string, FileColumn[]] => {
    return [name.toLowerCase(), [{ name, type: parseSourceType(duckType), sql: quoteName(name) }]];
  });
  const group = { files: [], columns: new Map(columns), excluded: null, faults: [], shown: new Map() };
  return { files: { path, groups: [group], table: null }, union: new Map(types) };
}
