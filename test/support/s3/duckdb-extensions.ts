/** The extensions of DuckDB that the clients' Python environment has, in the layout in which DuckDB looks for them. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
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

const CACHE = join(import.meta.dirname, '../../../.cache/duckdb-extensions');

/**
 * The same for single extensions, which are fetched once, without the rest of the environment.
 *
 * @returns a folder for `duckdb.extensions`
 * @throws  Error when there is no Python with pip, or it cannot be had
 */
export async function downloadedExtensions(names: readonly string[]): Promise<string> {
  const duck = await DuckDb.open();
  const [row] = await duck.rows('SELECT version() AS version, platform FROM pragma_platform()');
  duck.close();
  const [version, platform] = [row!['version'] as string, row!['platform'] as string];
  const into = join(CACHE, version, platform);
  mkdirSync(into, { recursive: true });
  for (const name of names) {
    const file = `${name}.duckdb_extension`;
    if (existsSync(join(into, file))) continue;
    // Beside its place, which another test may look at meanwhile: it comes there whole.
    const target = mkdtempSync(join(into, 'pip-'));
    const wanted = `duckdb-extension-${name}==${version.slice(1)}`;
    const run = promisify(execFile);
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', target, wanted]);
    renameSync(join(target, `duckdb_extension_${name}`, 'extensions', version, file), join(into, file));
    rmSync(target, { recursive: true });
  }
  return CACHE;
}
