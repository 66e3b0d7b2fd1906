/**
 * The frames of a spool that is still being written, in order, from a cursor on: raw, as they are shipped.
 *
 *   segment 1  | 1 2 3 |   segment 2  | 4 5 6 ...         the writer is here, or dead
 *                ^cursor                     ^end: null for now
 *
 * Frames are shipped one by one, so the parts of a large record stay parts. A batch holds frames of one epoch only,
 * since those share one key. The tail moves on to the next segment only once it has read this one to its end after it
 * saw a later one: by then nobody writes this one any more. Damaged bytes are passed over; readers see the gap in the
 * sequence numbers.
 * Called by shipper.ts.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { SegmentReader } from '../../contract/wire/log/segment-reader.ts';
import type { SpoolPosition } from '../../contract/wire/log/spool-cursor.ts';
import { listSegments } from '../../contract/wire/log/spool-segment.ts';
import type { SegmentName } from '../../contract/wire/log/spool-segment.ts';
import type { KeyedRecord } from './log-producer.ts';

/** What Kafka adds to a record's key and value, rounded up. */
const RECORD_OVERHEAD_BYTES = 40;

/** One frame, copied out of the spool. */
export interface SpooledRecord extends KeyedRecord {
  /** 16 hex digits. */
  readonly epoch: string;
  readonly sequence: number;
  readonly segment: string;
  readonly offset: number;
  readonly nextOffset: number;
}

export class SpoolTail {
  readonly #folder: string;
  readonly #reader = new SegmentReader();
  /** The end of what was read, or where to begin. */
  #position: SpoolPosition | null;
  #segment: SegmentName | null = null;
  #key = Buffer.alloc(0);
  /** Whether the reader stands on a frame that did not fit into the last batch. */
  #held = false;
  readonly #pods = new Map<string, string>();
  /** Bytes that were passed over because they are no frames. */
  damagedBytes = 0;

  constructor(folder: string, from: SpoolPosition | null) {
    this.#folder = folder;
    this.#position = from;
  }

  /**
   * @param maxBytes  of keys and values with what Kafka adds; a single larger record is a batch of its own
   * @returns         the next frames of one epoch, or null when there are none yet
   * @throws          the file system's error when the folder or a segment cannot be read
   */
  read(maxBytes: number): SpooledRecord[] | null {
    const batch: SpooledRecord[] = [];
    try {
      this.#fill(batch, maxBytes);
    } catch (error) {
      // What was read so far is returned now; if the error lasts, the next call meets it.
      this.close();
      if (batch.length === 0) throw error;
    }
    return batch.length > 0 ? batch : null;
  }

  #fill(batch: SpooledRecord[], maxBytes: number): void {
    let bytes = 0;
    for (;;) {
      if (this.#segment === null && !this.#openNext(batch)) return;
      const reader = this.#reader;
      while (this.#held || reader.next()) {
        const size = reader.to - reader.from + this.#key.length + RECORD_OVERHEAD_BYTES;
        this.#held = batch.length > 0 && bytes + size > maxBytes;
        if (this.#held) return;
        batch.push(this.#take());
        bytes += size;
      }
      if (!this.#atEnd()) return;
    }
  }

  #take(): SpooledRecord {
    const { buffer, from, to, sequence, offset, nextOffset, skippedBytes } = this.#reader;
    this.damagedBytes += skippedBytes;
    const { file, epoch } = this.#segment!;
    if (this.#key.length === 0) this.#key = this.#keyOf(epoch, buffer.subarray(from, to));
    this.#position = { segment: file, offset: nextOffset, sequence };
    const value = Buffer.from(buffer.subarray(from, to));
    return { key: this.#key, value, epoch, sequence, segment: file, offset, nextOffset };
  }

  /** Opens the first segment that is not passed yet. @returns false when there is none, or it is another epoch's */
  #openNext(batch: readonly SpooledRecord[]): boolean {
    const position = this.#position;
    const next = listSegments(this.#folder).find(({ file }) => position === null || file >= position.segment);
    if (next === undefined || (batch.length > 0 && batch[0]!.epoch !== next.epoch)) return false;
    const offset = position !== null && next.file === position.segment ? position.offset : 0;
    if (position?.segment !== next.file) this.#position = { segment: next.file, offset: 0, sequence: 0 };
    this.#reader.open(join(this.#folder, next.file), next, offset);
    this.#segment = next;
    this.#key = this.#keyOf(next.epoch, null);
    return true;
  }

  /**
   * Where the end of a segment was read. @returns whether to go on at once: more was written meanwhile, or a later
   * segment has begun
   */
  #atEnd(): boolean {
    const { file } = this.#segment!;
    const reader = this.#reader;
    if (reader.fault !== null) throw reader.fault;
    const later = listSegments(this.#folder).find((name) => name.file > file);
    const readTo = Math.max(this.#position!.offset, reader.header?.bytes ?? 0);
    // Its header may have been under way when it was opened.
    if (reader.header === null) reader.open(join(this.#folder, file), this.#segment!, this.#position!.offset);
    else reader.resume(readTo);
    if (reader.next()) {
      this.#held = true;
      return true;
    }
    const left = reader.skippedBytes;
    if (later === undefined) {
      // What is left may be the beginning of a frame: it is read again from here.
      reader.resume(readTo);
      return false;
    }
    this.damagedBytes += left;
    this.#position = { segment: later.file, offset: 0, sequence: 0 };
    this.#segment = null;
    return true;
  }

  /** @returns `{pod}/{epoch}`; empty while no header has told the pod and there is no record to ask */
  #keyOf(epoch: string, payload: Buffer | null): Buffer<ArrayBuffer> {
    let pod = this.#reader.header?.pod ?? this.#pods.get(epoch);
    if (pod === undefined && payload !== null) pod = podOf(payload);
    if (pod === undefined) return Buffer.alloc(0);
    this.#pods.set(epoch, pod);
    return Buffer.from(`${pod}/${epoch}`);
  }

  /** @returns the bytes of segments behind `from`, or all */
  bytesBehind(from: SpoolPosition | null): number {
    let bytes = 0;
    for (const { file } of listSegments(this.#folder)) {
      if (from !== null && file < from.segment) continue;
      const size = statSync(join(this.#folder, file), { throwIfNoEntry: false })?.size ?? 0;
      bytes += from !== null && file === from.segment ? Math.max(0, size - from.offset) : size;
    }
    return bytes;
  }

  close(): void {
    this.#reader.close();
    this.#segment = null;
    this.#held = false;
  }
}

function podOf(payload: Buffer): string {
  try {
    const record = decodeRecord(payload);
    return record.kind === 'served' ? record.record.pod : record.origin.pod;
  } catch {
    return '';
  }
}
