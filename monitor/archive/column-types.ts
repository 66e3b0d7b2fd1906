/**
 * Which columns of which types the files of an archive folder have, so that a reader may take all of them at once:
 *
 *   churn/v3.0/_columns-1c2f….json     {name: type} of files that were written here; one such file a set of columns
 *
 * A set goes to the newest n where no column of its name has another type, else to the next n. These files are written
 * before the first data file that has the columns; several processes may do so at once.
 */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, basename } from 'node:path';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { xxHash64 } from '../../contract/wire/online/xxhash.ts';
import type { ArchiveColumn } from './archive-shape.ts';

const COLUMNS = /^_columns-[0-9a-f]+\.json$/;

/**
 * Finds the place of files with these columns, and keeps it for them.
 *
 * @param folder  of a service's version or a view's, without its n
 * @returns       the folder with its n, relative to `served` as `folder` is
 */
export function placeOf(served: string, folder: string, columns: readonly ArchiveColumn[]): string {
  const text = `${canonicalJson(Object.fromEntries(columns))}\n`;
  const file = `_columns-${xxHash64(text).toString(16)}.json`;
  const taken = versionsOf(served, folder);
  const next = (taken.at(-1) ?? -1) + 1;
  for (const n of [...taken.toReversed(), next, next + 1, next + 2]) {
    const place = `${folder}.${n}`;
    if (conflicts(join(served, place), columns, file)) continue;
    makeFolder(join(served, place), 0o700);
    writeDurably(join(served, place, file), text);
    // Another process may have written its columns here meanwhile: of two that conflict at most one stays.
    if (!conflicts(join(served, place), columns, file)) return place;
    rmSync(join(served, place, file));
  }
  throw new Error(
    `no folder takes the columns of ${folder}: other processes change its columns all the time`,
  );
}

/** @returns the n that there are, ascending */
function versionsOf(served: string, folder: string): number[] {
  const name = `${basename(folder)}.`;
  return namesIn(join(served, dirname(folder)))
    .filter((one) => one.startsWith(name) && /^\d+$/.test(one.slice(name.length)))
    .map((one) => Number(one.slice(name.length)))
    .toSorted((a, b) => a - b);
}

/** Whether a set of columns here has one of these with another type, or another case of its name. */
function conflicts(place: string, columns: readonly ArchiveColumn[], own: string): boolean {
  const wanted = new Map(columns.map(([name, type]) => [name.toLowerCase(), `${name} ${type}`]));
  return namesIn(place)
    .filter((file) => COLUMNS.test(file) && file !== own)
    .some((file) =>
      Object.entries(JSON.parse(readFileSync(join(place, file), 'utf8')) as Record<string, string>).some(
        ([name, type]) => (wanted.get(name.toLowerCase()) ?? `${name} ${type}`) !== `${name} ${type}`,
      ),
    );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
