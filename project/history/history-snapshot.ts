/**
 * The history of an aggregated view as its log says it at one entry: which files count under which definitions, and how
 * far it is complete under each.
 *
 * A file holds the rows of one definition id, which its name ends with, so that all files that are read together have
 * the same columns and types. Rows count under the ids of today's row logic alone (definition-json.ts): a row of
 * another one says something else, whatever its features are called. Those stay where they are.
 */
import type { FeatureView } from '../../contract/model.ts';
import { registryError } from '../../contract/errors.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import type { FileStats } from '../delta/delta-action.ts';
import { logFolder, readTable } from '../delta/delta-log.ts';
import type { TableCommit, TableFile, TableState } from '../delta/table-state.ts';
import type { Folder } from '../storage/folder.ts';
import { historyFolder } from './history-folder.ts';

/** What an entry of a history says in `commitInfo.plumbline`. Its subject is the definition's name. */
export interface HistoryCommit extends TableCommit {
  readonly definitionId: number;
  readonly runId: string;
  /** The history is complete up to here under this definition, for all that this commit and those before it knew. */
  readonly watermarkUs: number;
  /** Of the rows that the commit adds. */
  readonly createdUs: number;
  readonly rows: number;
  /** The entry that the run had read; null: there was no table. */
  readonly read: number | null;
  /** The lease under which it was written; null: none. */
  readonly lease: number | null;
}

/** The subject of entries by which files are joined. */
export const COMPACTION = 'compaction';

/** What such an entry says. */
export type CompactionCommit = TableCommit & Pick<HistoryCommit, 'lease'>;

export interface HistoryMark extends Pick<HistoryCommit, 'watermarkUs' | 'runId' | 'definitionId'> {
  /** The entry that says it. */
  readonly version: number;
}

/** A file of committed rows. */
export interface HistoryFile {
  readonly file: string;
  /** Below the history's folder. */
  readonly path: string;
  /** Of all its event times. */
  readonly day: string;
  readonly definition: string;
  readonly bytes: number;
  readonly rows: number;
  readonly firstEventUs: number;
  readonly lastEventUs: number;
  /** Each of its rows was committed by this entry at the latest. */
  readonly version: number;
}

/** A file whose rows an entry took out of the table. */
interface RemovedHistoryFile extends HistoryFile {
  /** The entry that added it, and when. */
  readonly addedBy: number;
  readonly addedMs: number;
  readonly removedBy: number;
  readonly removedMs: number;
}

/** Tag of a file that compaction has made: the newest entry that brought any of its rows. */
export const ROWS_VERSION = 'rowsVersion';

export class HistorySnapshot {
  readonly folder: Folder;
  readonly state: TableState;

  constructor(folder: Folder, state: TableState) {
    this.folder = folder;
    this.state = state;
  }

  get version(): number {
    return this.state.version;
  }

  /** @returns the files with rows of these definitions, by day, the oldest first, then by name */
  files(definitionIds: readonly number[]): HistoryFile[] {
    const names = new Set(definitionIds.map(definitionName));
    const retired = [...this.state.removed.values()].filter((file) => file.retired);
    const own = this.#sorted([...this.state.files.values(), ...retired]);
    return own.filter(({ definition }) => names.has(definition));
  }

  /** @returns the files with rows of these definitions that entries took out; they may be gone from the disk */
  removed(definitionIds: readonly number[]): RemovedHistoryFile[] {
    const names = new Set(definitionIds.map(definitionName));
    // What another program had written, and the table was restored from since, is nobody's.
    const own = [...this.state.removed.values()].filter((file) => {
      return !file.retired && names.has(definitionOf(file.path) ?? '');
    });
    const all = own.map((file): RemovedHistoryFile => {
      const { version, modificationTime, removedVersion, removedMs } = file;
      const times = { addedBy: version, addedMs: modificationTime, removedBy: removedVersion, removedMs };
      return { ...historyFile(this.folder, file), ...times };
    });
    return byPath(all);
  }

  /** @returns the files that readers of the table see, in the same order */
  active(): HistoryFile[] {
    return this.#sorted([...this.state.files.values()]);
  }

  #sorted(files: readonly TableFile[]): HistoryFile[] {
    return byPath(files.map((file) => historyFile(this.folder, file)));
  }

  /** @returns how far it is complete by the newest commit under one of these definitions; null: none was computed */
  mark(definitionIds: readonly number[]): HistoryMark | null {
    const ids = new Set(definitionIds);
    return this.#newest((commit) => ids.has(commit.definitionId));
  }

  /** @returns the same by the definition that was computed last */
  lastMark(): HistoryMark | null {
    return this.#newest(() => true);
  }

  /** @returns the greatest number of a lease under which anything was committed after an entry; 0: none was */
  newestLease(after: number): number {
    const since = [...this.state.commits.values()].filter(({ version }) => version > after);
    return Math.max(0, ...since.map(({ commit }) => (commit as HistoryCommit).lease ?? 0));
  }

  #newest(counts: (commit: HistoryCommit) => boolean): HistoryMark | null {
    let newest: HistoryMark | null = null;
    for (const { version, commit } of this.state.commits.values()) {
      const own = commit as HistoryCommit;
      if (own.watermarkUs === undefined || !counts(own)) continue;
      if (newest !== null && version < newest.version) continue;
      const { watermarkUs, runId, definitionId } = own;
      newest = { watermarkUs, runId, definitionId, version };
    }
    return newest;
  }
}

function byPath<File extends HistoryFile>(files: readonly File[]): File[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** @returns the definition whose rows a file of ours holds, as its name ends with it */
function definitionOf(path: string): string | undefined {
  return /\.([0-9a-f]{8})\.parquet$/.exec(path)?.[1];
}

/** @throws REG_STORE when the file is none that plumb wrote: it may hold rows of several definitions */
function historyFile(folder: Folder, added: TableFile): HistoryFile {
  const path = decodeURIComponent(added.path);
  const definition = definitionOf(path);
  const stats = added.stats === undefined ? null : (JSON.parse(added.stats) as FileStats);
  const [first, last] = [stats?.minValues, stats?.maxValues].map((values) => values?.['event_time']);
  if (definition === undefined || first === undefined || last === undefined) {
    const file = folder.fileOf(path);
    const message = `${file} is no file of a history: its name ends with no definition, or its event times are not known`;
    const help = 'Another program has written into the table. Restore it to the entry before.';
    throw registryError('REG_STORE', message, { file, help });
  }
  return {
    file: folder.fileOf(path),
    path,
    day: first.slice(0, 10),
    definition,
    bytes: added.size,
    rows: stats!.numRecords,
    firstEventUs: timeOf(first),
    lastEventUs: timeOf(last),
    version: Number(added.tags?.[ROWS_VERSION] ?? added.version),
  };
}

function timeOf(text: string): number {
  return Date.parse(text) * 1_000;
}

/**
 * @param upTo  the last entry to count; null: the newest
 * @returns     null where nothing was computed yet
 * @throws      REG_STORE when the log is damaged, or the folder holds a history without one
 */
export async function readHistory(
  root: Folder,
  view: Pick<FeatureView, 'name' | 'version'>,
  upTo: number | null = null,
): Promise<HistorySnapshot | null> {
  const folder = historyFolder(root, view);
  const state = await readTable(folder, upTo);
  if (state !== null) return new HistorySnapshot(folder, state);
  const names = await folder.names();
  if (names.includes('_delta_log')) return null;
  if (names.includes('_watermark.json')) {
    const message = `${folder.path} holds a history without a log, as earlier versions of plumb wrote it`;
    const help =
      'Move the folder away and compute the view anew from its source: `plumb materialize --full`. ' +
      'Rows get new created times by that: "as available" finds nothing from before.';
    throw registryError('REG_STORE', message, { file: folder.path, help });
  }
  if (names.some((name) => name.startsWith('day='))) {
    const log = logFolder(folder).path;
    const message = `${log} is missing, while ${folder.path} holds rows of a history`;
    const help =
      'Put it back from a copy: without it nobody can tell which files count. To begin anew instead, move the folder away.';
    throw registryError('REG_STORE', message, { file: log, help });
  }
  return null;
}
