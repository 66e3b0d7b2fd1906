/**
 * Which columns of which types the files of an archive folder have, so that a reader may take all of them at once:
 *
 *   churn/v3.0/_columns-1c2f….json     {name: type} of files that were written here; one such file a set of columns
 *
 * A set goes to the newest n where no column of its name has another type, else to the next n. These files are written
 * before the first data file that has the columns; several processes may do so at once.
 */
import { dirname, basename } from 'node:path';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { xxHash64 } from '../../contract/wire/online/xxhash.ts';
import type { ArchiveColumn } from './archive-shape.ts';

const COLUMNS = /^_columns-[0-9a-f]+\.json$/;

/**
 * Finds the place of files with these columns, and keeps it for them.
 *
 * @param folder  of a service's version or a view's, without its n
 * @returns       the folder with its n, relative to `served` as `folder` is
 */
export async function placeOf(
  served: Folder,
  folder: string,
  columns: readonly ArchiveColumn[],
): Promise<string> {
  const text = `${canonicalJson(Object.fromEntries(columns))}\n`;
  const file = `_columns-${xxHash64(text).toString(16)}.json`;
  const taken = await versionsOf(served, folder);
  const next = (taken.at(-1) ?? -1) + 1;
  for (const n of [...taken.toReversed(), next, next + 1, next + 2]) {
    const place = `${folder}.${n}`;
    if (await conflicts(served.below(place), columns, file)) continue;
    await keep(served, `${place}/${file}`, text);
    // Another process may have written its columns here meanwhile: of two that conflict at most one stays.
    if (!(await conflicts(served.below(place), columns, file))) return place;
    await served.remove(`${place}/${file}`);
  }
  throw new Error(
    `no folder takes the columns of ${folder}: other processes change its columns all the time`,
  );
}

/** @returns the n that there are, ascending */
/** Private, on this machine: the folders hold what was served. */
async function keep(served: Folder, name: string, text: string): Promise<void> {
  const file = served.fileOf(name);
  if (isObject(file)) return await served.write(name, text);
  makeFolder(dirname(file), 0o700);
  writeDurably(file, text);
}

async function versionsOf(served: Folder, folder: string): Promise<number[]> {
  const name = `${basename(folder)}.`;
  return (await served.below(dirname(folder)).names())
    .filter((one) => one.startsWith(name) && /^\d+$/.test(one.slice(name.length)))
    .map((one) => Number(one.slice(name.length)))
    .toSorted((a, b) => a - b);
}

/** Whether a set of columns here has one of these with another type, or another case of its name. */
async function conflicts(place: Folder, columns: readonly ArchiveColumn[], own: string): Promise<boolean> {
  const wanted = new Map(columns.map(([name, type]) => [name.toLowerCase(), `${name} ${type}`]));
  const files = (await place.names()).filter((file) => COLUMNS.test(file) && file !== own);
  // One that is gone conflicted with another and was taken back.
  const texts = await Promise.all(files.map(async (file) => (await place.read(file)) ?? '{}'));
  return texts.some((text) =>
    Object.entries(JSON.parse(text) as Record<string, string>).some(
      ([name, type]) => (wanted.get(name.toLowerCase()) ?? `${name} ${type}`) !== `${name} ${type}`,
    ),
  );
}
