/** The extensions of DuckDB that the clients' Python environment has, in the layout in which DuckDB looks for them. */
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { scratchFolder } from '../scratch.ts';
import type { PythonEnvironment } from '../processes/python-environment.ts';

/** @returns a folder for `duckdb.extensions` */
export async function duckdbExtensions(python: PythonEnvironment): Promise<string> {
  const duck = await DuckDb.open();
  const [row] = await duck.rows('SELECT version() AS version, platform FROM pragma_platform()');
  duck.close();
  const [version, platform] = [row!['version'] as string, row!['platform'] as string];
  const folder = scratchFolder();
  const into = join(folder, version, platform);
  mkdirSync(into, { recursive: true });
  const libraries = join(python.program('python'), '../../lib');
  const packages = join(libraries, readdirSync(libraries)[0]!, 'site-packages');
  for (const name of readdirSync(packages).filter((one) => one.startsWith('duckdb_extension_'))) {
    const file = `${name.slice('duckdb_extension_'.length)}.duckdb_extension`;
    const from = join(packages, name, 'extensions', version, file);
    if (existsSync(from)) symlinkSync(from, join(into, file));
  }
  return folder;
}
