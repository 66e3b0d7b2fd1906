/**
 * What a view's stream knows of one partition, in a file of SQLite. Two transactions write it: a step's, rows and up to
 * which offset and edge they were made; a commit's, tiles and ids and up to which offset those count. A process that
 * dies at any point finds both whole: it takes the messages between the two offsets again and makes no rows of them.
 *
 *   progress   up to where tiles and rows count
 *   tiles      entities, their tiles and the ids of counted events: tile-store.ts
 *   row_batch  rows that no entry of the history has yet, those of a step together; numbered as they were made
 *   owner      who opened it last. One that opened it before, was stopped, and goes on writes nothing more
 *
 * Losing the file costs time, no rows: the archive has every message. Called by ../view-stream.ts.
 */
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import { makePrivateFile } from '../../../contract/std/files/private-file.ts';
import { materializerError } from '../../errors.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { RowBatch } from './row-batch.ts';
import { TILE_SCHEMA, TileStore } from './tile-store.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS row_batch (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
`;
const FORGET = `
DROP TABLE IF EXISTS progress; DROP TABLE IF EXISTS tile; DROP TABLE IF EXISTS event; DROP TABLE IF EXISTS row_batch;
`;

/** Of the schema. What another build has left is forgotten: it is made again of the archive. */
const VERSION = 3;

/** Up to where a state counts. Offsets and edges before these are in it. */
export interface Progress {
  /** Tells the source's messages from those of another of its name. */
  readonly sourceId: string;
  /** Events appended up to and including it counted however late they were. */
  readonly horizonUs: number;
  /** The messages before it are in the tiles. */
  readonly offset: number;
  /** The messages before it have given their rows, up to the edge; it may lie past `offset`. */
  readonly rowOffset: number;
  /** The newest edge whose rows were made, as an index; -1: none yet. */
  readonly edge: number;
  /** Of the last row that was made. */
  readonly rowNumber: number;
  /** The greatest created time that a row was stamped with. */
  readonly createdUs: number;
  /** Tells the rows that one state has made on end from those of another: the history names it with each commit. */
  readonly lineage: number;
  /** Of tiles that are made for a topic: whether it may lack some that are saved here. */
  readonly isUnsent?: boolean;
}

interface StateFile {
  readonly file: string;
  /** Tells who opens it from all others. */
  readonly owner: string;
  readonly plan: TilePlan;
}

export class ViewState {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #owner: string;
  /** What it knows of tiles. */
  readonly tiles: TileStore;
  readonly #putRows: StatementSync;

  private constructor(database: DatabaseSync, { file, owner, plan }: StateFile) {
    this.#database = database;
    this.#file = file;
    this.#owner = owner;
    this.tiles = new TileStore(database, plan);
    this.#putRows = database.prepare('INSERT INTO row_batch (first, last, rows) VALUES (?, ?, ?)');
  }

  /** Takes the state over from whoever had it. */
  static open(of: StateFile): ViewState {
    makeFolder(dirname(of.file));
    try {
      return ViewState.#take(of);
    } catch (error) {
      if (!/locked|busy/i.test((error as Error).message)) throw error;
      // A process that was stopped within a transaction holds it. It keeps what it has open; the archive has the rest.
      for (const end of ['', '-wal', '-shm']) rmSync(`${of.file}${end}`, { force: true });
      return ViewState.#take(of);
    }
  }

  static #take(of: StateFile): ViewState {
    makePrivateFile(of.file);
    const database = new DatabaseSync(of.file, { timeout: 5_000 });
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      const pragma = database.prepare('PRAGMA user_version').get() as { user_version: number };
      if (pragma.user_version !== VERSION) database.exec(FORGET);
      database.exec(`${SCHEMA}${TILE_SCHEMA}PRAGMA user_version = ${VERSION}`);
      database.prepare('INSERT OR REPLACE INTO owner (one, name) VALUES (1, ?)').run(of.owner);
      const state = new ViewState(database, of);
      if (state.tiles.isFull) state.clear();
      return state;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  progress(): Progress | null {
    const row = this.#database.prepare('SELECT json FROM progress').get() as { json: string } | undefined;
    return row === undefined ? null : (JSON.parse(row.json) as Progress);
  }

  /** Forgets all. */
  clear(): void {
    this.tiles.clear();
    this.#database.exec('DELETE FROM progress; DELETE FROM row_batch');
  }

  setProgress(progress: Progress): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO progress (one, json) VALUES (1, ?)')
      .run(JSON.stringify(progress));
  }

  putRows(batch: RowBatch): void {
    this.#putRows.run(batch.first, batch.last, batch.bytes());
  }

  /** @returns the rows that are kept, the older first */
  rows(): RowBatch[] {
    const batches = this.#database.prepare('SELECT first, rows FROM row_batch ORDER BY first').all();
    return (batches as unknown as { first: number; rows: Uint8Array }[]).map(({ first, rows }) =>
      RowBatch.read(first, bufferOf(rows)),
    );
  }

  /** Writes all of it to a new file, as the last transaction has left it. */
  copyTo(file: string): void {
    this.#database.prepare('VACUUM INTO ?').run(file);
  }

  /** Forgets rows that the history has. @param upTo  the last row of a step */
  dropRows(upTo: number): void {
    this.#database.prepare('DELETE FROM row_batch WHERE last <= ?').run(upTo);
  }

  /**
   * Runs `work` as one transaction: all of it is there afterwards, or nothing. Within another it is a part of that.
   * @throws MAT_LEASE when another has opened the state since
   */
  transaction<T>(work: () => T): T {
    if (this.#database.isTransaction) return work();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const { name } = this.#database.prepare('SELECT name FROM owner').get() as { name: string };
      if (name !== this.#owner)
        throw materializerError('MAT_LEASE', `another stream has taken over the state ${this.#file}`);
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
