/**
 * How paths stand in SQL. DuckDB takes the path of a file to read as a pattern: `l[1].parquet` reads l1.parquet where
 * there is one. A path to write to it takes as it is.
 *
 *   *  ?  [    each in a class of its own                        l*   ->  l[*]
 *   \          beside one of these: the class of all that is none, for DuckDB takes it for a separator there
 *
 * All paths become absolute, so that none begins with `~` or like a URL; `s3://bucket/x` is an object.
 * `test/tidy.test.ts` sees to it that statements name files by these functions alone.
 */
import { resolve } from 'node:path';
import { isObject } from '../../../contract/std/files/local-path.ts';
import { quoteText } from './duckdb.ts';

const WILD = /[*?[]/;
/** The only byte of UTF-8 that it takes is the backslash. */
const BACKSLASH = '[!]-\x7f\x01-[\u00c0-\u{10ffff}]';

function literal(path: string): string {
  const absolute = isObject(path) ? path : resolve(path);
  if (!WILD.test(absolute)) return absolute;
  return absolute.replaceAll(/[*?[\\]/g, (sign) => (sign === '\\' ? BACKSLASH : `[${sign}]`));
}

/** @returns the literal of one file to read, whatever its name holds */
export function quotePath(file: string): string {
  return quoteText(literal(file));
}

/** @returns the list of files to read */
export function quotePaths(files: readonly string[]): string {
  return `[${files.map(quotePath).join(', ')}]`;
}

/** @returns the literal of the files in a folder that match a pattern */
export function quoteFilesIn(folder: string, pattern: string): string {
  return quoteText(`${literal(folder).replace(/\/+$/, '')}/${pattern}`);
}

/** @returns the literal of a file or folder that COPY writes to */
export function quoteTarget(path: string): string {
  return quoteText(resolve(path));
}
