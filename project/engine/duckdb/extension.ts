/**
 * The extensions of DuckDB that read tables of other makers. They belong to one version of the engine, are some 100 MB,
 * and are fetched by nobody here: they lie in a folder, or the error says which file is missing, and where from.
 */
import { registryError } from '../../../contract/errors.ts';
import type { DuckDb } from './duckdb.ts';

type Extension = 'delta' | 'iceberg' | 'httpfs';

/** What an extension stands on, and itself, in the order of loading. */
const PARTS: Readonly<Record<Extension, readonly string[]>> = {
  delta: ['delta'],
  iceberg: ['avro', 'iceberg'],
  httpfs: ['httpfs'],
};

/**
 * @param need  what it is needed for: `the source lake/orders is a Delta table`
 * @throws      REG_EXTENSION when it is not there, or does not load
 */
export async function loadExtension(duck: DuckDb, extension: Extension, need: string): Promise<void> {
  for (const part of PARTS[extension]) {
    try {
      // A second time costs nothing.
      await duck.run(`LOAD ${part}`);
    } catch (error) {
      throw await notThere(duck, part, need, error as Error);
    }
  }
}

async function notThere(duck: DuckDb, part: string, need: string, cause: Error): Promise<Error> {
  const [row] = await duck.rows(
    "SELECT version() AS version, (SELECT platform FROM pragma_platform()) AS platform, current_setting('extension_directory') AS folder",
  );
  const [version, platform] = [row!['version'] as string, row!['platform'] as string];
  const given = row!['folder'] as string;
  const folder = given === '' ? '~/.duckdb/extensions' : given;
  const file = `${folder}/${version}/${platform}/${part}.duckdb_extension`;
  const message = `${need}, which DuckDB's extension ${part} reads, and that did not load: ${cause.message.split('\n', 1)[0]!}`;
  const help =
    `Put ${file} there, of exactly that version of DuckDB: \`INSTALL ${part}\` in the duckdb program does, and the package ` +
    `duckdb-extension-${part}==${version.slice(1)} of PyPI holds it. duckdb.extensions names another folder.`;
  return registryError('REG_EXTENSION', message, { file, help }, cause);
}
