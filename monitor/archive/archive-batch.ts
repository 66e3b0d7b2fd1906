/**
 * Served records on their way into the archive: each is walked where it stands, its vectors become rows of a table, and
 * all tables are written as one file an hour.
 *
 * A record whose columns cannot be (two of one name, which no sidecar of ours logs) is left out, and `add` says so.
 */
import { join } from 'node:path';
import { CHUNK_ROWS } from '../../project/engine/duckdb/column.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { KnownBytes } from '../../contract/wire/log/known-bytes.ts';
import type { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { visibleText } from '../../contract/std/visible-text.ts';
import { ArchiveTable } from './archive-table.ts';
import type { Origin } from './archive-table.ts';
import { columnsOf, shapesOf, signatureOf } from './archive-shape.ts';
import type { ArchiveColumn, RecordHead } from './archive-shape.ts';
import { hourFolder, hourOf } from '../../project/archive/archive-layout.ts';
import type { SchemaBook } from './schema-book.ts';
import { VectorWriter } from './vector-writer.ts';

const HOUR_US = 3_600_000_000;
/** About what a head costs in memory: whoever writes to the log can make up as many as he likes. */
const HEAD_BYTES = 8_192;

/** A file of the archive that is to be written, its name without what tells batches apart. */
interface ArchiveFile {
  /** Relative to the folder of served values: `churn/v3.0/date=2026-11-21/hour=10`. */
  readonly folder: string;
  /** `2026-11-21T10` */
  readonly hour: string;
  /** Two shapes of a batch may share a folder: 0, 1, ... */
  readonly part: number;
  readonly vectors: number;
  /** Writes it where it is told to. */
  readonly write: (file: string) => Promise<void>;
}

/** Of a column: what a name may be, with what the archive puts before and behind it. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,400}$/;
const SHOWN = 40;

interface BatchParts {
  readonly book: SchemaBook;
  /** Finds the folder of a shape's files, which has its columns. */
  readonly placeOf: (folder: string, columns: readonly ArchiveColumn[]) => Promise<string>;
  readonly warn: (line: string) => void;
}

/** Who writes the vectors of records with one head. */
interface HeadWriters {
  readonly writers: readonly VectorWriter[];
  /** Whether there is one for each of its shapes. */
  readonly isWhole: boolean;
}

export class ArchiveBatch {
  readonly #duck: DuckDb;
  readonly #parts: BatchParts;
  readonly #tables = new Map<string, ArchiveTable>();
  readonly #columns = new Map<ArchiveTable, readonly ArchiveColumn[]>();
  readonly #heads = new Map<string, HeadWriters>();
  readonly #lastHead = new KnownBytes();
  #lastWriters: HeadWriters = { writers: [], isWhole: true };
  /** Rows, and about what they take in memory. */
  vectors = 0;
  bytes = 0;

  private constructor(duck: DuckDb, parts: BatchParts) {
    this.#duck = duck;
    this.#parts = parts;
  }

  static async open(parts: BatchParts): Promise<ArchiveBatch> {
    return new ArchiveBatch(await DuckDb.open(), parts);
  }

  /**
   * Adds the vectors of a record.
   *
   * @param walk  over the whole record
   * @returns     false when the columns of some of them cannot be
   */
  add(walk: RecordWalk, origin: Origin): boolean {
    // Which views its vectors have, only a vector tells.
    if (walk.vectors === 0) return true;
    const { writers, isWhole } = this.#writersOf(walk);
    const { sequence, servedUs } = walk;
    this.bytes += walk.record.length;
    for (let v = 0; v < walk.vectors; v++) {
      walk.vector(v);
      for (let w = 0; w < writers.length; w++) {
        const { table } = writers[w]!;
        writers[w]!.write(walk, { row: v, sequence, origin });
        this.vectors += 1;
        this.bytes += table.rowBytes;
        table.endRow(servedUs);
      }
    }
    return isWhole;
  }

  #writersOf(walk: RecordWalk): HeadWriters {
    const { from, to } = walk.head;
    if (from === -1) return this.#writersBy(JSON.stringify(headOf(walk.record)), walk);
    if (this.#lastHead.length === to - from && this.#lastHead.isAt(walk.bytesView, from, to))
      return this.#lastWriters;
    this.#lastWriters = this.#writersBy(walk.record.toString('latin1', from, to), walk);
    this.#lastHead.keep(walk.record, from, to);
    return this.#lastWriters;
  }

  #writersBy(name: string, walk: RecordWalk): HeadWriters {
    let writers = this.#heads.get(name);
    if (writers === undefined) {
      writers = this.#newWriters(walk.record);
      this.bytes += HEAD_BYTES;
      this.#heads.set(name, writers);
    }
    return writers;
  }

  #newWriters(bytes: Buffer): HeadWriters {
    const served = headOf(bytes);
    const { book, warn } = this.#parts;
    const bundle = book.bundle(served.bundle);
    const definitionIds = new Map(
      served.views.flatMap(({ view }) => {
        const id = bundle?.views.get(view)?.definitionId;
        return id === undefined ? [] : [[view, id] as const];
      }),
    );
    const head: RecordHead = { ...served, definitionIds };
    const shapes = shapesOf(head, bundle);
    const writers = shapes.flatMap((shape) => {
      const columns = columnsOf(shape);
      const fault = faultOf(columns);
      if (fault !== null) {
        warn(`vectors of ${shape.folder} are left out of the archive: ${fault}`);
        return [];
      }
      const signature = signatureOf(shape);
      let table = this.#tables.get(signature);
      if (table === undefined) {
        table = new ArchiveTable(this.#duck, `t${this.#tables.size}`, shape);
        this.#tables.set(signature, table);
        this.#columns.set(table, columns);
        // Room for a chunk is taken at once, and hostile records may name many services.
        this.bytes += table.rowBytes * CHUNK_ROWS;
      }
      return [new VectorWriter(table, { shape, head, bundle, book })];
    });
    return { writers, isWhole: writers.length === shapes.length };
  }

  /** The files to write, in an order that is the same for the same records. */
  async files(): Promise<ArchiveFile[]> {
    const parts = new Map<string, number>();
    const files: ArchiveFile[] = [];
    for (const table of this.#tables.values()) {
      const place = await this.#parts.placeOf(table.shape.folder, this.#columns.get(table)!);
      for (const [number, vectors] of table.hours) {
        const hour = hourOf(number * HOUR_US);
        const folder = join(place, hourFolder(hour));
        const part = parts.get(folder) ?? 0;
        parts.set(folder, part + 1);
        files.push({ folder, hour, part, vectors, write: (file) => table.write(number, file) });
      }
    }
    return files;
  }

  close(): void {
    this.#duck.close();
  }
}

/** What no sidecar of ours logs: names that are none, or that columns cannot share. */
function faultOf(columns: readonly ArchiveColumn[]): string | null {
  const names = new Set<string>();
  for (const [name] of columns) {
    if (!NAME.test(name)) return `${visibleText(name.slice(0, SHOWN))} can be no column's name`;
    if (names.has(name.toLowerCase())) return `two of their columns are called ${name}`;
    names.add(name.toLowerCase());
  }
  return null;
}

/** @returns what a record has in common with others of its service, decoded */
function headOf(bytes: Buffer): Omit<RecordHead, 'definitionIds'> {
  const decoded = decodeRecord(bytes);
  if (decoded.kind !== 'served') throw new TypeError(`a ${decoded.kind} has no vectors`);
  const { surface, service, serviceVersion, bundle, keyNames, keyPolicies, hmacKeyId } = decoded.record;
  const { inputNames, inputPolicies, onDemand, vectors } = decoded.record;
  const views = (vectors[0]?.rows ?? []).map(({ role, view, masked }) => ({ role, view, masked }));
  return {
    surface,
    service,
    serviceVersion,
    bundle,
    keyNames,
    keyPolicies,
    hmacKeyId,
    inputNames,
    inputPolicies,
    onDemand,
    views,
  };
}
