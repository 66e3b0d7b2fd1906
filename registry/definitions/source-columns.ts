/**
 * The columns of a project's sources, each source read once: views are checked against them, aggregates get types from
 * them.
 */
import type { CodedError } from '../../contract/std/coded-error.ts';
import type { Source } from '../../contract/model.ts';
import { DuckDb, duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
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

/** The columns, or why the source could not be read; `missing`: the file does not exist yet, but may later. */
export type SourceColumns = ReadColumns | { readonly unreadable: string; readonly missing: boolean };

/**
 * @param variables  the values of variables in the paths
 * @param paths      as given in definitions, relative to `folder`
 * @returns          the columns by path as given; without paths whose variables have a mistake
 */
export async function readSourceColumns(
  folder: string,
  variables: Variables,
  paths: Iterable<string>,
): Promise<Map<string, SourceColumns>> {
  const columns = new Map<string, SourceColumns>();
  const duck = await DuckDb.open();
  try {
    for (const path of new Set(paths)) {
      const filled = filledIn(path, variables);
      if (typeof filled !== 'string') continue;
      try {
        const files = await readSourceFiles(duck, folder, filled);
        columns.set(path, { files, union: await unionTypes(duck, files) });
      } catch (error) {
        const { message } = error as CodedError;
        const missing = message.startsWith('no file matches') && !/\{[^}]*,/.test(filled);
        columns.set(path, { unreadable: message, missing });
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
  return { files: { path, groups: [group] }, union: new Map(types) };
}
