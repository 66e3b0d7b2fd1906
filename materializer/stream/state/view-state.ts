/**
 * What a view's stream knows of one partition, in a file of SQLite. Two transactions write it: a step's, rows and up to
 * which offset and edge they were made; a commit's, tiles and ids and up to which offset those count. A process that
 * dies at any point finds both whole: it takes the messages between the two offsets again and makes no rows of them.
 *
 *   progress   up to where tiles and rows count
 *   tile       (edge, entity) -> the bytes of a tile; in the order of edges, so that what is due is one range
 *   event      the ids of counted events, so that one that comes twice is known
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
import { RowBatch } from './row-batch.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tile (
  edge INTEGER NOT NULL, entity TEXT NOT NULL, tile BLOB NOT NULL, PRIMARY KEY (edge, entity)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tile_of_entity ON tile (entity, edge);
CREATE TABLE IF NOT EXISTS event (
  entity TEXT NOT NULL, event_us INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (entity, event_us, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS row_batch (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
`;
const FORGET = `
DROP TABLE IF EXISTS progress; DROP TABLE IF EXISTS tile; DROP TABLE IF EXISTS event; DROP TABLE IF EXISTS history_row;
`;

/** Of the schema. What another build has left is forgotten: it is made again of the archive. */
const VERSION = 1;

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
}

interface StateFile {
  readonly file: string;
  /** Tells who opens it from all others. */
  readonly owner: string;
}

export class ViewState {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #owner: string;
  readonly #putTile: StatementSync;
  readonly #tilesOf: StatementSync;
  readonly #entitiesIn: StatementSync;
  readonly #putEvent: StatementSync;
  readonly #hasEvent: StatementSync;
  readonly #putRows: StatementSync;

  private constructor(database: DatabaseSync, { file, owner }: StateFile) {
    this.#database = database;
    this.#file = file;
    this.#owner = owner;
    this.#putTile = database.prepare('INSERT OR REPLACE INTO tile (edge, entity, tile) VALUES (?, ?, ?)');
    this.#tilesOf = database.prepare('SELECT edge, tile FROM tile WHERE entity = ? ORDER BY edge');
    this.#entitiesIn = database.prepare('SELECT DISTINCT entity FROM tile WHERE edge > ? AND edge <= ?');
    this.#putEvent = database.prepare('INSERT OR IGNORE INTO event (entity, event_us, id) VALUES (?, ?, ?)');
    this.#hasEvent = database.prepare('SELECT 1 FROM event WHERE entity = ? AND event_us = ? AND id = ?');
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
      database.exec(`${SCHEMA}PRAGMA user_version = ${VERSION}`);
      database.prepare('INSERT OR REPLACE INTO owner (one, name) VALUES (1, ?)').run(of.owner);
      return new ViewState(database, of);
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
    this.#database.exec('DELETE FROM progress; DELETE FROM tile; DELETE FROM event; DELETE FROM row_batch');
  }

  setProgress(progress: Progress): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO progress (one, json) VALUES (1, ?)')
      .run(JSON.stringify(progress));
  }

  putTile(edge: number, entity: string, tile: Uint8Array): void {
    this.#putTile.run(edge, entity, tile);
  }

  hasTiles(): boolean {
    return this.#database.prepare('SELECT 1 FROM tile LIMIT 1').get() !== undefined;
  }

  /** @returns the tiles of an entity in the order of their edges */
  tilesOf(entity: string): { readonly edge: number; readonly tile: Buffer }[] {
    const rows = this.#tilesOf.all(entity) as unknown as { edge: number; tile: Uint8Array }[];
    return rows.map(({ edge, tile }) => ({ edge, tile: bufferOf(tile) }));
  }

  /** @returns the entities that have a tile after one edge, up to and including another */
  entitiesIn(after: number, upTo: number): string[] {
    return (this.#entitiesIn.all(after, upTo) as { entity: string }[]).map(({ entity }) => entity);
  }

  /** Forgets tiles and events that nothing can ask for any more. */
  prune(beforeEdge: number, beforeUs: number): void {
    this.#database.prepare('DELETE FROM tile WHERE edge < ?').run(beforeEdge);
    this.#database.prepare('DELETE FROM event WHERE event_us < ?').run(beforeUs);
  }

  putEvent(entity: string, eventUs: number, id: string): void {
    this.#putEvent.run(entity, eventUs, id);
  }

  hasEvent(entity: string, eventUs: number, id: string): boolean {
    return this.#hasEvent.get(entity, eventUs, id) !== undefined;
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
