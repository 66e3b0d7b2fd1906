/**
 * Finds files of the archive that cannot be read, and why. A file that was cut, or is none, has no footer, which is
 * cheap to look at. Damage in the middle shows only where all of a file is read.
 */
import { statSync } from 'node:fs';
import { isObject } from '../../contract/std/files/local-path.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { DuckDb } from '../engine/duckdb/duckdb.ts';
import { quotePaths } from '../engine/duckdb/file-sql.ts';

/** By path, why a file cannot be read. */
type Damages = ReadonlyMap<string, string>;

/** @returns those that have no footer. @throws REG_MEMORY: too little memory is no damage */
export async function filesWithoutFooter(duck: DuckDb, files: readonly string[]): Promise<Damages> {
  if (files.length === 0) return new Map();
  const areFine = files.every(isFile) && (await whyFails(duck, footersOf(files))) === null;
  return areFine ? new Map() : await damagesOf(duck, files, footersOf);
}

/** Reads all of each file. @returns those of which some bytes cannot be read. @throws REG_MEMORY */
export async function damagedFiles(duck: DuckDb, files: readonly string[]): Promise<Damages> {
  return await damagesOf(duck, files, contentOf);
}

async function damagesOf(
  duck: DuckDb,
  files: readonly string[],
  readSql: (files: readonly string[]) => string,
): Promise<Damages> {
  const damages = new Map<string, string>();
  for (const file of files) {
    const why = isFile(file) ? await whyFails(duck, readSql([file])) : 'it is no file';
    if (why !== null) damages.set(file, why);
  }
  return damages;
}

function footersOf(files: readonly string[]): string {
  return `SELECT num_rows FROM parquet_file_metadata(${quotePaths(files)})`;
}

function contentOf(files: readonly string[]): string {
  return `SELECT max(hash(COLUMNS(*))) FROM read_parquet(${quotePaths(files)}, hive_partitioning = false)`;
}

/** A folder may stand in the place of a file, on this machine. */
function isFile(path: string): boolean {
  if (isObject(path)) return true;
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** @returns null: it does not fail */
async function whyFails(duck: DuckDb, sql: string): Promise<string | null> {
  try {
    await duck.rows(sql);
    return null;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    return (error as Error).message.split('\n')[0]!;
  }
}
