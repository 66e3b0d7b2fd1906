/**
 * The log of a Delta table in a folder, on this machine or in object storage: how it is read, and how an entry comes
 * to it.
 *
 *   {table}/_delta_log/00000000000000000007.json   entry 7: made whole where nothing of its name is there
 *   {table}/_delta_log/_plumb/7.{hash}.json        what the table is at entry 7, for a quick start of this reader; made
 *                                                  of the entries, and read only where the entry of that hash stands
 *
 * Of two writers of one number one has it (project/storage/), and the other reads what came and goes on at the next.
 * So an entry is there whole or not at all, and no reader ever sees it change.
 *
 * A reader that has begun keeps to the newest entry that it saw first. What writers do meanwhile changes nothing of it.
 *
 * A log may be put back from an older copy. Other entries then come under numbers that were taken before, so that what
 * is made of a log names the hash of the entry it ends at, not the number alone.
 */
import { createHash } from 'node:crypto';
import { registryError } from '../../contract/errors.ts';
import type { Folder } from '../storage/folder.ts';
import { entryText, parseEntry } from './delta-action.ts';
import type { DeltaAction } from './delta-action.ts';
import { parseState, stateText, TableFold } from './table-state.ts';
import type { RemovedFile, TableState } from './table-state.ts';

/** A state is kept, and a checkpoint made, at every so-many-th entry. */
export const CHECKPOINT_ENTRIES = 100;
/** A reader that began with an older state holds it in memory: the newest few are enough on disk. */
const STATES_KEPT = 3;
/** Removed files that are gone by then are forgotten by the states that are kept. */
const REMOVED_KEPT_MS = 30 * 86_400_000;

export function logFolder(table: Folder): Folder {
  return table.below('_delta_log');
}

function entryName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

/** @returns the entry's path, for messages */
export function entryFile(table: Folder, version: number): string {
  return logFolder(table).fileOf(entryName(version));
}

function stateFolder(table: Folder): Folder {
  return logFolder(table).below('_plumb');
}

/**
 * @param upTo  the last entry to count; null: the newest
 * @returns     null where there is no table (by that entry)
 * @throws      REG_STORE when an entry is missing, damaged or written for other readers, or none makes a table
 */
export async function readTable(table: Folder, upTo: number | null = null): Promise<TableState | null> {
  const last = upTo ?? Infinity;
  const fold = new TableFold(await keptState(table, last));
  for (let actions; fold.next <= last && (actions = await readEntry(table, fold.next)) !== null;)
    fold.add(actions);
  if (fold.next <= last) await refuseGap(table, fold.next);
  const state = fold.state();
  if (state !== null || fold.next === 0) return state;
  const file = entryFile(table, 0);
  throw registryError('REG_STORE', `${file} makes no table: no entry has metaData`, { file });
}

/** Entries follow each other without a gap: to end before a missing one would be to read a table of the past. */
async function refuseGap(table: Folder, missing: number): Promise<void> {
  const later = (await entryNumbers(table)).filter((number) => number > missing);
  // Another writer may have come in between: it fills the number before it takes the next.
  if (later.length === 0 || (await readEntry(table, missing)) !== null) return;
  throw registryError('REG_STORE', `${entryFile(table, missing)} is missing, while later entries are there`, {
    file: entryFile(table, missing),
    help: 'Put the entry back from a copy: without it nobody can tell which files of the table count.',
  });
}

async function entryNumbers(table: Folder): Promise<number[]> {
  const names = await logFolder(table).names();
  return names.filter((name) => /^\d{20}\.json$/.test(name)).map(versionOf);
}

/** @returns the state with the entries that came after it */
export async function readOn(table: Folder, state: TableState): Promise<TableState> {
  const fold = new TableFold(state);
  for (let actions; (actions = await readEntry(table, fold.next)) !== null;) fold.add(actions);
  return fold.state()!;
}

/** The entries of the log from its beginning, in order. @throws REG_STORE when one is damaged */
export async function* entriesOf(table: Folder): AsyncGenerator<DeltaAction[]> {
  for (let version = 0, actions; (actions = await readEntry(table, version)) !== null; version += 1)
    yield actions;
}

/** @returns null where there is no such entry yet */
async function readEntry(table: Folder, version: number): Promise<DeltaAction[] | null> {
  const text = await logFolder(table).read(entryName(version));
  return text === null ? null : parseEntry(text, entryFile(table, version));
}

/** @returns what tells an entry from every other that may come under its number; null: there is no such entry */
export async function entryHash(table: Folder, version: number): Promise<string | null> {
  const text = await logFolder(table).read(entryName(version));
  return text === null ? null : createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Makes an entry visible, whole, under its number.
 *
 * @returns false where another writer has that number: nothing has changed then
 * @throws  the folder's error; the entry is not there, unless its name alone could not be made durable, or object
 *          storage gave no answer any more
 */
export async function writeEntry(
  table: Folder,
  version: number,
  actions: readonly DeltaAction[],
): Promise<boolean> {
  return await logFolder(table).create(entryName(version), entryText(actions));
}

/** Keeps the state, so that readers begin at it, and forgets older ones. */
export async function keepState(table: Folder, state: TableState, nowMs: number): Promise<void> {
  const folder = stateFolder(table);
  const name = `${state.version}.${await entryHash(table, state.version)}.json`;
  const gone = await goneFiles(table, state, nowMs);
  await folder.write(
    name,
    stateText(state, ({ path }) => !gone.has(path)),
  );
  // Those of this number on that are others are of a log that was put back since.
  const older = (await keptStates(table)).filter((other) => versionOf(other) < state.version);
  const kept = new Set([name, ...older.slice(0, STATES_KEPT - 1)]);
  for (const other of await folder.names()) if (!kept.has(other)) await folder.remove(other);
}

/** A file that is still there was removed, and is not one that no entry knows: a training set may be made of it. */
async function goneFiles(table: Folder, { removed }: TableState, nowMs: number): Promise<Set<string>> {
  const isOld = ({ removedMs, retired }: RemovedFile): boolean =>
    !retired && removedMs < nowMs - REMOVED_KEPT_MS;
  const gone = new Set<string>();
  for (const file of removed.values())
    if (isOld(file) && !(await table.has(decodeURI(file.path)))) gone.add(file.path);
  return gone;
}

/** A state counts only where its own entry stands: otherwise it tells of another table. */
async function keptState(table: Folder, upTo: number): Promise<TableState | null> {
  for (const name of await keptStates(table)) {
    const version = versionOf(name);
    if (version > upTo || (await entryHash(table, version)) !== name.split('.')[1]) continue;
    const text = await readState(table, name);
    const state = text === null ? null : parseState(text);
    if (state?.version === version) return state;
  }
  return null;
}

/** One that cannot be read is none: the entries say the same. */
async function readState(table: Folder, name: string): Promise<string | null> {
  try {
    return await stateFolder(table).read(name);
  } catch {
    return null;
  }
}

/** @returns the names of their files, the newest first */
async function keptStates(table: Folder): Promise<string[]> {
  const names = await stateFolder(table).names();
  return names
    .filter((name) => /^\d+\.[0-9a-f]{16}\.json$/.test(name))
    .toSorted((a, b) => versionOf(b) - versionOf(a));
}

function versionOf(name: string): number {
  return Number.parseInt(name, 10);
}
