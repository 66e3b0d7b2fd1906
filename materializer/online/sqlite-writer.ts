/**
 * The online store in one SQLite file: what a laptop and the demo run on. The tables are `SQLITE_ONLINE_SCHEMA`; the
 * sidecar reads them while this writes (WAL).
 *
 * Expiry is counted from the written time of the row, so that a rehearsal's clock rules here as everywhere; what has
 * expired is swept out when markers are written. Called by materialize.ts through the port.
 */
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { rowSchemaToJson } from '../../contract/definitions/definition-json.ts';
import type { RowSchema } from '../../contract/model.ts';
import type { OnlineSettings } from '../../project/settings/settings.ts';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { fieldOf, SQLITE_ONLINE_SCHEMA } from '../../contract/wire/online/online-layout.ts';
import { parseWatermark } from '../../contract/wire/online/watermark.ts';
import { HEADER_BYTES, readHeader } from '../../contract/wire/online/row-header.ts';
import { materializerError } from '../errors.ts';
import { guardOutcome, isWrite, noWrites } from './guard-outcome.ts';
import type { Outcome, WriteCounts } from './guard-outcome.ts';
import type { MarkerState, OnlineRow, OnlineWriter, WriteOptions } from './online-writer.ts';

const BUSY_TIMEOUT_MS = 5_000;

export function openSqliteWriter(online: OnlineSettings): OnlineWriter {
  try {
    makePrivateFile(online.url);
    const database = new DatabaseSync(online.url, { timeout: BUSY_TIMEOUT_MS });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    database.exec(SQLITE_ONLINE_SCHEMA);
    return new SqliteWriter(database, online.url);
  } catch (error) {
    throw failure(online.url, error);
  }
}

class SqliteWriter implements OnlineWriter {
  readonly evictions = null;
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #fields = new Map<string, number>();
  readonly #read: StatementSync;
  readonly #put: StatementSync;
  readonly #countRows: StatementSync;
  readonly #otherRow: StatementSync;
  readonly #readExpiry: StatementSync;
  readonly #putExpiry: StatementSync;
  readonly #neverExpires: StatementSync;
  #lastWrittenMs = 0;

  constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
    this.#read = database.prepare('SELECT row FROM entity_row WHERE key = ? AND field = ?');
    this.#put = database.prepare('INSERT OR REPLACE INTO entity_row (key, field, row) VALUES (?, ?, ?)');
    this.#countRows = database.prepare('SELECT 1 FROM entity_row WHERE key = ? LIMIT 1');
    this.#otherRow = database.prepare(
      `SELECT 1 FROM entity_row WHERE key = ? AND field <> ? AND length(row) > ${HEADER_BYTES} LIMIT 1`,
    );
    this.#readExpiry = database.prepare('SELECT expires_ms FROM entity_expiry WHERE key = ?');
    this.#putExpiry = database.prepare(
      'INSERT OR REPLACE INTO entity_expiry (key, expires_ms) VALUES (?, ?)',
    );
    this.#neverExpires = database.prepare('DELETE FROM entity_expiry WHERE key = ?');
  }

  async publishSchemas(schemas: readonly RowSchema[]): Promise<void> {
    const put = this.#database.prepare(
      'INSERT OR REPLACE INTO row_schema (definition_id, schema) VALUES (?, ?)',
    );
    this.#inTransaction(() => {
      for (const schema of schemas) put.run(schema.definitionId, canonicalJson(rowSchemaToJson(schema)));
    });
  }

  async write(rows: readonly OnlineRow[], options: WriteOptions): Promise<WriteCounts> {
    const counts = noWrites();
    this.#inTransaction(() => {
      for (const row of rows) counts[this.#writeOne(row, options)] += 1;
    });
    return counts;
  }

  #writeOne(row: OnlineRow, options: WriteOptions): Outcome {
    const field = this.#fieldOf(row.view);
    const stored = (this.#read.get(row.key, field) as { row: Uint8Array } | undefined)?.row;
    const outcome =
      stored === undefined || options.replace
        ? 'written'
        : guardOutcome(Buffer.from(stored.buffer, stored.byteOffset, stored.length), row.row, row.superseded);
    if (outcome === 'superseded') return outcome;
    if (row.expiresInMs === null) this.#neverExpires.run(row.key);
    if (row.expiresInMs !== null && outcome !== 'older') this.#raiseExpiry(row, row.expiresInMs);
    if (!isWrite(outcome)) return outcome;
    this.#lastWrittenMs = Math.max(this.#lastWrittenMs, readHeader(row.row)!.writtenMs);
    this.#put.run(row.key, field, row.row);
    return outcome;
  }

  /**
   * Never lowers an expiry; a key without one keeps none, unless all its rows are tombstones. To be called before the
   * row is put.
   */
  #raiseExpiry({ key, view, row }: OnlineRow, expiresInMs: number): void {
    const expiresMs = readHeader(row)!.writtenMs + expiresInMs;
    const held = this.#readExpiry.get(key) as { expires_ms: number } | undefined;
    const others =
      row.length === HEADER_BYTES ? this.#otherRow.get(key, this.#fieldOf(view)) : this.#countRows.get(key);
    if (held === undefined ? others === undefined : held.expires_ms < expiresMs)
      this.#putExpiry.run(key, expiresMs);
  }

  #fieldOf(view: string): number {
    let field = this.#fields.get(view);
    if (field === undefined) {
      field = fieldOf(view).readUInt32BE(0);
      this.#fields.set(view, field);
    }
    return field;
  }

  blocked(): null {
    return null;
  }

  isBlocked(): boolean {
    return false;
  }

  largestRow(): number {
    return 0;
  }

  markerGroupOf(): number {
    return 0;
  }

  async readRows(view: string, keys: readonly string[]): Promise<(Buffer | null)[]> {
    const field = this.#fieldOf(view);
    return keys.map((key) => {
      const row = (this.#read.get(key, field) as { row: Uint8Array } | undefined)?.row;
      return row === undefined ? null : Buffer.from(row.buffer, row.byteOffset, row.length);
    });
  }

  async readMarkers(view: string): Promise<MarkerState> {
    const row = this.#database
      .prepare('SELECT CAST(watermark_us AS TEXT) AS text FROM marker WHERE view = ?')
      .get(view);
    const text = (row as { text: string } | undefined)?.text;
    return { watermarksUs: [text === undefined ? null : parseWatermark(text)] };
  }

  async readPublished(view: string): Promise<(string | null)[]> {
    const row = this.#database.prepare('SELECT text FROM published WHERE view = ?').get(view);
    return [(row as { text: string } | undefined)?.text ?? null];
  }

  async writePublished(view: string, text: string): Promise<void> {
    const put = this.#database.prepare('INSERT OR REPLACE INTO published (view, text) VALUES (?, ?)');
    this.#inTransaction(() => put.run(view, text));
  }

  async writeMarkers(view: string, watermarkUs: number): Promise<void> {
    this.#inTransaction(() => {
      this.#database
        .prepare('INSERT OR REPLACE INTO marker (view, watermark_us) VALUES (?, ?)')
        .run(view, watermarkUs);
      for (const statement of [
        'DELETE FROM entity_row WHERE key IN (SELECT key FROM entity_expiry WHERE expires_ms < ?)',
        'DELETE FROM entity_expiry WHERE expires_ms < ?',
      ])
        this.#database.prepare(statement).run(this.#lastWrittenMs);
    });
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #inTransaction(work: () => void): void {
    try {
      // IMMEDIATE: the guard reads before it writes, and a lock taken late would fail at once instead of waiting.
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.#database.exec('COMMIT');
      } catch (error) {
        this.#database.exec('ROLLBACK');
        throw error;
      }
    } catch (error) {
      throw failure(this.#file, error);
    }
  }
}

function failure(file: string, error: unknown): Error {
  const { message } = error as Error;
  return materializerError(
    'MAT_ONLINE',
    `cannot write the online store ${file}: ${message}`,
    { file },
    error,
  );
}
