/**
 * The embedded store: one SQLite file that the materializer writes and this program only reads. Reads are
 * synchronous and take some 10 us a row. A file that was missing or replaced is opened as soon as it is there.
 */
import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { requireRegularFile } from '../../contract/std/files/regular-file.ts';
import { rowSchemaFromText } from '../../contract/definitions/definition-json.ts';
import type { RowSchema } from '../../contract/model.ts';
import { parseWatermark } from '../../contract/wire/online/watermark.ts';
import { sidecarError } from '../errors.ts';
import { MARKER_IDLE_MS, noMarker } from './markers.ts';
import { MARKER_RENEWAL_MS } from './store-reader.ts';
import { StoreHealth } from './store-health.ts';
import type { StoreState } from './store-health.ts';
import type { StoreAsk, StoreReader } from './store-reader.ts';

/** The materializer holds the file for the length of one transaction; WAL readers hardly ever meet that. */
const BUSY_MS = 100;

interface OpenFile {
  readonly database: DatabaseSync;
  readonly inode: number;
  readonly rows: StatementSync;
  readonly markers: StatementSync;
  readonly schema: StatementSync;
}

interface FoundRows {
  readonly rows: readonly (string | null)[];
  readonly watermarks: readonly (number | null)[];
}

export class SqliteReader implements StoreReader {
  readonly kind = 'sqlite';
  readonly #file: string;
  readonly #onTrouble: (error: Error) => void;
  readonly #health = new StoreHealth();
  #open: OpenFile | null = null;
  #checkedMs = 0;
  /** As of the last read, and when that was. */
  #marks: ReadonlyMap<string, number> = new Map();
  #marksMs = 0;

  constructor(file: string, onTrouble: (error: Error) => void = () => {}) {
    this.#file = file;
    this.#onTrouble = onTrouble;
  }

  /** A file that is not there yet is an empty store, as a Redis without rows is. */
  async start(): Promise<void> {
    if (!existsSync(this.#file)) return this.#health.answered();
    try {
      this.#opened();
    } catch {
      // The state and each read report it.
    }
  }

  state(): StoreState {
    return this.#health.state(this.#open !== null);
  }

  nodeOf(): string {
    return 'sqlite';
  }

  watermarks(): ReadonlyMap<string, number> {
    return performance.now() - this.#marksMs > MARKER_IDLE_MS ? new Map() : this.#marks;
  }

  /** Calls back before it returns. */
  read(asks: readonly StoreAsk[], nowUs: number): void {
    for (const ask of asks) {
      let found: FoundRows;
      try {
        found = this.#rowsOf(ask, nowUs);
      } catch (error) {
        ask.onFailure(error as Error);
        continue;
      }
      ask.onRows(found.rows, found.watermarks);
    }
  }

  async loadSchema(definitionId: number): Promise<RowSchema | null> {
    const found = this.#opened().schema.get(definitionId) as { schema: string } | undefined;
    return found === undefined ? null : rowSchemaFromText(found.schema);
  }

  async close(): Promise<void> {
    this.#open?.database.close();
    this.#open = null;
  }

  #rowsOf(ask: StoreAsk, nowUs: number): FoundRows {
    const file = this.#opened();
    try {
      const marks = new Map<string, number>();
      for (const { view, text } of file.markers.all() as { view: string; text: string }[]) {
        const watermarkUs = parseWatermark(text);
        if (watermarkUs === null) this.#onTrouble(noMarker(view, text));
        else marks.set(view, watermarkUs);
      }
      this.#marks = marks;
      this.#marksMs = performance.now();
      const nowMs = Math.floor(nowUs / 1_000);
      const found = file.rows.all(ask.key, nowMs) as { field: number; row: Uint8Array }[];
      return {
        rows: ask.views.map((view) => {
          const row = found.find(({ field }) => field === view.fieldNumber)?.row;
          return row === undefined
            ? null
            : Buffer.from(row.buffer, row.byteOffset, row.length).toString('latin1');
        }),
        watermarks: ask.views.map((view) => marks.get(view.id) ?? null),
      };
    } catch (error) {
      // The file may have been replaced by another: the next read opens it anew.
      this.#closeFile();
      throw this.#cannotRead(error as Error);
    }
  }

  #opened(): OpenFile {
    const nowMs = performance.now();
    if (this.#open !== null && nowMs - this.#checkedMs < MARKER_RENEWAL_MS) return this.#open;
    this.#checkedMs = nowMs;
    try {
      const inode = statSync(this.#file).ino;
      if (this.#open?.inode === inode) return this.#open;
      this.#closeFile();
      requireRegularFile(this.#file);
      this.#open = openFile(this.#file, inode);
      this.#health.answered();
      return this.#open;
    } catch (error) {
      this.#closeFile();
      throw this.#cannotRead(error as Error);
    }
  }

  #closeFile(): void {
    this.#open?.database.close();
    this.#open = null;
  }

  #cannotRead(error: Error): Error {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = absent
      ? `there is no online store ${this.#file} yet`
      : `cannot read the online store ${this.#file}: ${error.message}`;
    return this.#health.failed(sidecarError('SRV_STORE', message, {}, error));
  }
}

function openFile(file: string, inode: number): OpenFile {
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  try {
    return {
      database,
      inode,
      rows: database.prepare(
        `SELECT field, row FROM entity_row WHERE key = ?1
         AND NOT EXISTS (SELECT 1 FROM entity_expiry WHERE key = ?1 AND expires_ms <= ?2)`,
      ),
      markers: database.prepare('SELECT view, CAST(watermark_us AS TEXT) AS text FROM marker'),
      schema: database.prepare('SELECT schema FROM row_schema WHERE definition_id = ?'),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
