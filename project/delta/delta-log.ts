/**
 * The log of a Delta table in a folder: how it is read, and how an entry comes to it.
 *
 *   {table}/_delta_log/00000000000000000007.json   entry 7: written aside, synced, linked to its name, the folder
 *                                                  synced
 *   {table}/_delta_log/_plumb/7.{hash}.json        what the table is at entry 7, for a quick start of this reader; made
 *                                                  of the entries, and read only where the entry of that hash stands
 *
 * `link` fails where the name is taken: of two writers of one number one has it, and the other reads what came and goes
 * on at the next. So an entry is there whole or not at all, and no reader ever sees it change.
 *
 * A reader that has begun keeps to the newest entry that it saw first. What writers do meanwhile changes nothing of it.
 *
 * A log may be put back from an older copy. Other entries then come under numbers that were taken before, so that what
 * is made of a log names the hash of the entry it ends at, not the number alone.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncFolder, writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { registryError } from '../../contract/errors.ts';
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

/** The calls by which an entry comes to the log, as a record: a test stops between any two of them. */
export interface EntryDisk {
  write(file: string, text: string): void;
  link(from: string, to: string): void;
  remove(file: string): void;
  syncFolder(folder: string): void;
}

export const ENTRY_DISK: EntryDisk = {
  write(file, text) {
    const fd = openSync(file, 'wx', 0o644);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
  link: linkSync,
  remove: (file) => rmSync(file, { force: true }),
  syncFolder,
};

export function logFolder(table: string): string {
  return join(table, '_delta_log');
}

export function entryFile(table: string, version: number): string {
  return join(logFolder(table), `${String(version).padStart(20, '0')}.json`);
}

function stateFolder(table: string): string {
  return join(logFolder(table), '_plumb');
}

/**
 * @param upTo  the last entry to count; null: the newest
 * @returns     null where there is no table (by that entry)
 * @throws      REG_STORE when an entry is missing, damaged or written for other readers, or none makes a table
 */
export function readTable(table: string, upTo: number | null = null): TableState | null {
  const fold = new TableFold(keptState(table, upTo ?? Infinity));
  const last = upTo ?? Infinity;
  for (let actions; fold.next <= last && (actions = readEntry(table, fold.next)) !== null;) fold.add(actions);
  if (fold.next <= last) refuseGap(table, fold.next);
  const state = fold.state();
  if (state !== null || fold.next === 0) return state;
  const file = entryFile(table, 0);
  throw registryError('REG_STORE', `${file} makes no table: no entry has metaData`, { file });
}

/** Entries follow each other without a gap: to end before a missing one would be to read a table of the past. */
function refuseGap(table: string, missing: number): void {
  const later = entryNumbers(table).filter((number) => number > missing);
  // Another writer may have come in between: it fills the number before it takes the next.
  if (later.length === 0 || readEntry(table, missing) !== null) return;
  throw registryError('REG_STORE', `${entryFile(table, missing)} is missing, while later entries are there`, {
    file: entryFile(table, missing),
    help: 'Put the entry back from a copy: without it nobody can tell which files of the table count.',
  });
}

function entryNumbers(table: string): number[] {
  const names = namesIn(logFolder(table)).filter((name) => /^\d{20}\.json$/.test(name));
  return names.map(versionOf);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** @returns the state with the entries that came after it */
export function readOn(table: string, state: TableState): TableState {
  const fold = new TableFold(state);
  for (let actions; (actions = readEntry(table, fold.next)) !== null;) fold.add(actions);
  return fold.state()!;
}

/** The entries of the log from its beginning, in order. @throws REG_STORE when one is damaged */
export function* entriesOf(table: string): Generator<DeltaAction[]> {
  for (let version = 0, actions; (actions = readEntry(table, version)) !== null; version += 1) yield actions;
}

/** @returns null where there is no such entry yet */
function readEntry(table: string, version: number): DeltaAction[] | null {
  const file = entryFile(table, version);
  const text = textOf(file);
  return text === null ? null : parseEntry(text, file);
}

/** @returns what tells an entry from every other that may come under its number; null: there is no such entry */
export function entryHash(table: string, version: number): string | null {
  const text = textOf(entryFile(table, version));
  return text === null ? null : createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** @returns null where there is no such file */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes an entry visible, whole, under its number.
 *
 * @returns false where another writer has that number: nothing has changed then
 * @throws  the file system's error; the entry is not there, unless the folder alone could not be synced
 */
export function writeEntry(
  table: string,
  version: number,
  actions: readonly DeltaAction[],
  disk: EntryDisk = ENTRY_DISK,
): boolean {
  const folder = logFolder(table);
  makeFolder(folder);
  const aside = join(folder, `_aside-${randomBytes(8).toString('hex')}.tmp`);
  const name = entryFile(table, version);
  const text = entryText(actions);
  try {
    disk.write(aside, text);
  } catch (error) {
    disk.remove(aside);
    throw error;
  }
  try {
    disk.link(aside, name);
  } catch (error) {
    // A network's file system may have made the link and lost the answer, whatever it says: what stands there tells.
    if (textOf(name) !== text) {
      disk.remove(aside);
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }
  disk.syncFolder(folder);
  disk.remove(aside);
  return true;
}

/** Keeps the state, so that readers begin at it, and forgets older ones. */
export function keepState(table: string, state: TableState, nowMs: number): void {
  const folder = stateFolder(table);
  // A file that is still there was removed, and is not one that no entry knows: a training set may be made of it.
  const isKept = ({ path, removedMs, retired }: RemovedFile): boolean =>
    retired || removedMs >= nowMs - REMOVED_KEPT_MS || existsSync(join(table, decodeURI(path)));
  const name = `${state.version}.${entryHash(table, state.version)}.json`;
  writeDurably(join(folder, name), stateText(state, isKept), 0o644);
  // Those of this number on that are others are of a log that was put back since.
  const older = keptStates(table).filter((other) => versionOf(other) < state.version);
  const kept = new Set([name, ...older.slice(0, STATES_KEPT - 1)]);
  for (const other of namesIn(folder)) if (!kept.has(other)) rmSync(join(folder, other), { force: true });
}

/** A state counts only where its own entry stands: otherwise it tells of another table. */
function keptState(table: string, upTo: number): TableState | null {
  for (const name of keptStates(table)) {
    const version = versionOf(name);
    if (version > upTo || entryHash(table, version) !== name.split('.')[1]) continue;
    const state = readState(join(stateFolder(table), name));
    if (state?.version === version) return state;
  }
  return null;
}

/** One that cannot be read is none: the entries say the same. */
function readState(file: string): TableState | null {
  try {
    return parseState(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** @returns the names of their files, the newest first */
function keptStates(table: string): string[] {
  const names = namesIn(stateFolder(table)).filter((name) => /^\d+\.[0-9a-f]{16}\.json$/.test(name));
  return names.toSorted((a, b) => versionOf(b) - versionOf(a));
}

function versionOf(name: string): number {
  return Number.parseInt(name, 10);
}
