/**
 * What a Delta table is at one of its entries: the fold of all entries up to it. Pure.
 *
 *   files     the rows that count are exactly theirs
 *   removed   out of the table, but on disk until they are vacuumed; `retired` ones stay for good
 *   commits   the newest commit of each subject, as its `commitInfo.plumbline` says it
 *
 * A state has a text, so that a reader begins at the newest one that was kept instead of at the first entry.
 */
import type { AddAction, DeltaAction, MetaDataAction } from './delta-action.ts';

/** A file that an entry added. */
export interface TableFile extends AddAction {
  /** The entry that added it. */
  readonly version: number;
}

export interface RemovedFile extends TableFile {
  readonly removedMs: number;
  /** The entry that removed it. */
  readonly removedVersion: number;
  readonly retired: boolean;
}

/** What the tables of plumb say in `commitInfo.plumbline`. */
export interface TableCommit {
  /** Names the attempt: a writer that does not know whether its entry is there looks for it. */
  readonly nonce: string;
  /** Whose commit it is: the newest of each subject is kept at hand. */
  readonly of: string;
}

interface KnownCommit {
  readonly version: number;
  readonly commit: TableCommit;
}

export interface TableState {
  /** Of the newest entry that is in it. */
  readonly version: number;
  readonly metaData: MetaDataAction;
  readonly files: ReadonlyMap<string, TableFile>;
  readonly removed: ReadonlyMap<string, RemovedFile>;
  readonly commits: ReadonlyMap<string, KnownCommit>;
  /** How far named writers have come. */
  readonly txns: ReadonlyMap<string, number>;
}

/** The tag of a removed file whose rows the table's columns can no longer say. */
export const RETIRED = 'retired';

/** A state that grows by one entry after the other. */
export class TableFold {
  #version = -1;
  #metaData: MetaDataAction | null = null;
  readonly #files: Map<string, TableFile>;
  readonly #removed: Map<string, RemovedFile>;
  readonly #commits: Map<string, KnownCommit>;
  readonly #txns: Map<string, number>;

  constructor(from: TableState | null) {
    this.#version = from?.version ?? -1;
    this.#metaData = from?.metaData ?? null;
    this.#files = new Map(from?.files);
    this.#removed = new Map(from?.removed);
    this.#commits = new Map(from?.commits);
    this.#txns = new Map(from?.txns);
  }

  /** The number of the entry that comes next. */
  get next(): number {
    return this.#version + 1;
  }

  add(actions: readonly DeltaAction[]): void {
    const version = this.next;
    // Within one entry a file may go and another of its name come: removals first.
    for (const action of actions) if ('remove' in action) this.#remove(action.remove);
    for (const action of actions) {
      if ('add' in action) {
        this.#files.set(action.add.path, { ...action.add, version });
        this.#removed.delete(action.add.path);
      } else if ('metaData' in action) {
        this.#metaData = action.metaData;
      } else if ('txn' in action) {
        this.#txns.set(action.txn.appId, action.txn.version);
      } else if ('commitInfo' in action && action.commitInfo.plumbline !== undefined) {
        const commit = action.commitInfo.plumbline as TableCommit;
        this.#commits.set(commit.of, { version, commit });
      }
    }
    this.#version = version;
  }

  #remove({ path, deletionTimestamp, tags = {} }: Extract<DeltaAction, { remove: unknown }>['remove']): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    const retired = tags[RETIRED] === 'true';
    this.#removed.set(path, { ...file, removedMs: deletionTimestamp, removedVersion: this.next, retired });
  }

  /** @returns null before the entry that makes the table */
  state(): TableState | null {
    if (this.#metaData === null) return null;
    return {
      version: this.#version,
      metaData: this.#metaData,
      files: this.#files,
      removed: this.#removed,
      commits: this.#commits,
      txns: this.#txns,
    };
  }
}

/** @param isKept  which removed files it tells of; the names of the others are never used again */
export function stateText(state: TableState, isKept: (file: RemovedFile) => boolean): string {
  const { version, metaData, files, removed, commits, txns } = state;
  return JSON.stringify({
    version,
    metaData,
    files: [...files.values()],
    removed: [...removed.values()].filter(isKept),
    commits: [...commits.values()],
    txns: [...txns],
  });
}

/** @returns null where the text is no whole state */
export function parseState(text: string): TableState | null {
  try {
    const read = JSON.parse(text) as {
      version: number;
      metaData: MetaDataAction;
      files: TableFile[];
      removed: RemovedFile[];
      commits: KnownCommit[];
      txns: [string, number][];
    };
    return {
      version: read.version,
      metaData: read.metaData,
      files: new Map(read.files.map((file) => [file.path, file])),
      removed: new Map(read.removed.map((file) => [file.path, file])),
      commits: new Map(read.commits.map((known) => [known.commit.of, known])),
      txns: new Map(read.txns),
    };
  } catch {
    return null;
  }
}
