/**
 * The objects that a source's path in object storage names, by the rules of source-listing.ts: one object, all Parquet
 * below a prefix, or those that match a pattern. There are neither links nor empty folders.
 */
import type { DuckDb } from '../duckdb.ts';
import { quoteFilesIn } from '../file-sql.ts';
import { isHidden, isWild, namePattern } from './source-listing.ts';

/** @returns `s3://bucket/key`, sorted; empty when there is none */
export async function listSourceObjects(duck: DuckDb, path: string): Promise<string[]> {
  const { prefix, pattern, isData } = objectPattern(path);
  const below = await objectsIn(duck, prefix, '**');
  const named = below.filter((object) => {
    const names = object.slice(prefix.length + 1).split('/');
    return isData(names.at(-1)!) && matchesParts(names, pattern);
  });
  const at = path.lastIndexOf('/');
  const isOne = below.length === 0 && prefix === path && at > 's3://'.length;
  // Without a wildcard DuckDB does not look whether there is such an object; `?` is none to it in a URL.
  const like = isOne ? await objectsIn(duck, path.slice(0, at), `${path.slice(at + 1)}*`) : [];
  return [...named, ...like.filter((object) => object === path)];
}

interface ObjectPattern {
  /** What has no wildcard: a bucket, or a path in it. */
  readonly prefix: string;
  /** What the names of folders and of the object behind it must match. */
  readonly pattern: readonly string[];
  /** Whether an object of such a name is data. */
  readonly isData: (name: string) => boolean;
}

function objectPattern(path: string): ObjectPattern {
  const [, bucket, key] = /^(s3:\/\/[^/]+)(.*)$/s.exec(path)!;
  const parts = key!.split('/').filter((part) => part !== '');
  const wild = parts.findIndex(isWild);
  const prefix = [bucket!, ...(wild === -1 ? parts : parts.slice(0, wild))].join('/');
  return wild === -1
    ? { prefix, pattern: ['**', '*'], isData: (name) => /\.parquet$/i.test(name) }
    : { prefix, pattern: parts.slice(wild), isData: () => true };
}

async function objectsIn(duck: DuckDb, folder: string, pattern: string): Promise<string[]> {
  const rows = await duck.rows(`SELECT file FROM glob(${quoteFilesIn(folder, pattern)}) ORDER BY file`);
  return rows.map((row) => row['file'] as string);
}

/** Whether the names of folders and of an object, in their order, match the parts of a pattern. */
export function matchesParts(names: readonly string[], parts: readonly string[]): boolean {
  const [part, ...others] = parts;
  if (part === undefined) return names.length === 0;
  if (part === '**') {
    // Any number of folders, none too; at the end any object below.
    if (matchesParts(names, others.length === 0 ? ['*'] : others)) return true;
    return names.length > 1 && !isHidden(names[0]!) && matchesParts(names.slice(1), parts);
  }
  const [name, ...deeper] = names;
  if (name === undefined) return false;
  if (!isWild(part)) return name === part && matchesParts(deeper, others);
  if (isHidden(name) && !/^[_.]/.test(part)) return false;
  return namePattern(part).test(name) && matchesParts(deeper, others);
}
