/**
 * The records of one epoch: frames in order, parts joined, and every number accounted for (spool-walk.ts has the
 * drawing). Called by spool-walk.ts.
 */
import { join } from 'node:path';
import { contentOf, originOf } from './record-content.ts';
import type { FrameOrigin, RecordContent } from './record-content.ts';
import type { SegmentChain } from './segment-chain.ts';
import type { SegmentReader } from './segment-reader.ts';
import { decodeRecord } from './served-decoder.ts';
import type { Heartbeat, LogRecord } from './served-record.ts';
import type { SegmentName } from './spool-segment.ts';
import type { GapReason, SpoolItem, WalkedRecord } from './spool-item.ts';

interface Damage {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: GapReason;
}

/** The parts of a record that have come so far. */
interface Join {
  readonly sequence: number;
  readonly parts: number;
  readonly segment: string;
  readonly offset: number;
  readonly chunks: Buffer[];
  bytes: number;
}

/** More than any writer makes; a join never holds more than this. */
const MAX_JOIN_BYTES = 64 * 2 ** 20;

interface EpochWalkParts {
  readonly folder: string;
  readonly epoch: string;
  readonly reader: SegmentReader;
  readonly chain: SegmentChain;
  /** The last number that an earlier walk read; null: this walk begins with the oldest frame that is left. */
  readonly last: number | null;
}

export class EpochWalk {
  readonly #folder: string;
  readonly #epoch: string;
  readonly #reader: SegmentReader;
  readonly #chain: SegmentChain;
  readonly #resumed: boolean;
  /** The highest number seen; null when the walk begins in the middle of the epoch. */
  #last: number | null;
  #damage: Damage[] = [];
  #parts: Join | null = null;
  /** The last record that was given up, so that its later parts are not reported again. */
  #incompleteSequence = 0;
  readonly #record: WalkedRecord;
  /** Of the reader's present frame. */
  readonly #origin: FrameOrigin;

  constructor({ folder, epoch, reader, chain, last }: EpochWalkParts) {
    this.#folder = folder;
    this.#epoch = epoch;
    this.#reader = reader;
    this.#chain = chain;
    this.#resumed = last !== null;
    this.#last = last ?? 0;
    this.#origin = originOf(BigInt(`0x${epoch}`));
    this.#record = {
      kind: 'record',
      epoch,
      content: 'served',
      sequence: 0,
      segment: '',
      offset: 0,
      nextOffset: 0,
      buffer: reader.buffer,
      from: 0,
      to: 0,
    };
  }

  *walk(segments: readonly SegmentName[], offset: number): Generator<SpoolItem> {
    for (let i = 0; i < segments.length; i++) {
      const name = segments[i]!;
      if (!this.#open(name, i === 0 ? offset : 0)) continue;
      this.#link(name, i === 0);
      yield {
        kind: 'segment',
        epoch: this.#epoch,
        segment: name.file,
        pod: this.#reader.header?.pod ?? null,
      };
      yield* this.#frames(name.file);
      const { skippedBytes: bytes, skippedOffset, fault } = this.#reader;
      if (fault !== null) {
        this.#damage.push({
          segment: name.file,
          offset: skippedOffset + bytes,
          bytes: 0,
          reason: 'unreadable',
        });
      }
      if (bytes === 0) continue;
      if (i < segments.length - 1) {
        this.#damage.push({ segment: name.file, offset: skippedOffset, bytes, reason: 'damaged' });
      } else {
        yield { kind: 'torn', epoch: this.#epoch, segment: name.file, offset: skippedOffset, bytes };
      }
    }
    // A record whose last parts were never written is a torn tail too: it was not answered.
    const open = this.#parts;
    if (open !== null && this.#damage.length === 0) yield this.#tornJoin(open);
    else if (open !== null) yield* this.#incomplete(open);
    yield* this.#gaps(null, null, '');
  }

  #tornJoin(parts: Join): SpoolItem {
    return {
      kind: 'torn',
      epoch: this.#epoch,
      segment: parts.segment,
      offset: parts.offset,
      bytes: parts.bytes,
    };
  }

  /** What the segment says of the one before it. */
  #link(name: SegmentName, isFirst: boolean): void {
    const { header } = this.#reader;
    if (isFirst && !this.#resumed && this.#chain.isFrontPassed(name, header)) this.#last = null;
    const loss = this.#chain.lossBefore(header);
    if (loss !== null) this.#damage.push({ ...loss, reason: 'missing' });
  }

  #open(name: SegmentName, offset: number): boolean {
    try {
      this.#reader.open(join(this.#folder, name.file), name, offset);
      return true;
    } catch (error) {
      // Deleted since the folder was listed: all its consumers had passed it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#damage.push({ segment: name.file, offset: 0, bytes: 0, reason: 'unreadable' });
      }
      return false;
    }
  }

  *#frames(segment: string): Generator<SpoolItem> {
    const reader = this.#reader;
    while (reader.next()) {
      const { sequence, skippedBytes } = reader;
      if (skippedBytes > 0) {
        this.#damage.push({ segment, offset: reader.skippedOffset, bytes: skippedBytes, reason: 'damaged' });
      }
      this.#origin.sequence = sequence;
      const content = contentOf(reader.buffer, reader.from, reader.to, this.#origin);
      const jumped = this.#last !== null && sequence > this.#last + 1;
      if (jumped || this.#damage.length > 0) yield* this.#gaps(sequence, content, segment);
      if (this.#last === null || sequence > this.#last) this.#last = sequence;
      if (this.#parts !== null && (content !== 'part' || this.#parts.sequence !== sequence)) {
        yield* this.#incomplete(this.#parts);
      }
      if (content === null) yield this.#unreadable(segment);
      else if (content === 'part') yield* this.#part(segment);
      else yield this.#whole(segment, content);
    }
  }

  #whole(segment: string, content: WalkedRecord['content']): WalkedRecord {
    const record = this.#record;
    const reader = this.#reader;
    record.content = content;
    record.sequence = reader.sequence;
    record.segment = segment;
    record.offset = reader.offset;
    record.nextOffset = reader.nextOffset;
    record.buffer = reader.buffer;
    record.from = reader.from;
    record.to = reader.to;
    return record;
  }

  #unreadable(segment: string): SpoolItem {
    const { offset, nextOffset, sequence } = this.#reader;
    const gap = { segment, offset, bytes: nextOffset - offset, fromSequence: sequence, toSequence: sequence };
    return { kind: 'gap', epoch: this.#epoch, gap: { ...gap, reason: 'unreadable' } };
  }

  *#part(segment: string): Generator<SpoolItem> {
    const record = this.#decode();
    if (record?.kind !== 'part') return yield this.#unreadable(segment);
    const { part, parts } = record.origin;
    const { sequence, offset, nextOffset } = this.#reader;
    if (part === 1 && parts > 1) {
      if (this.#parts !== null) yield* this.#incomplete(this.#parts);
      this.#parts = { sequence, parts, segment, offset, chunks: [], bytes: 0 };
    }
    const open = this.#parts;
    if (open === null || part !== open.chunks.length + 1 || open.bytes > MAX_JOIN_BYTES) {
      return yield* this.#incomplete(
        open ?? { sequence, parts, segment, offset, chunks: [], bytes: nextOffset - offset },
      );
    }
    open.chunks.push(Buffer.from(record.chunk));
    open.bytes += nextOffset - offset;
    if (part < parts) return;
    this.#parts = null;
    const whole = Buffer.concat(open.chunks);
    const content = contentOf(whole, 0, whole.length, this.#origin);
    if (content === null || content === 'part') return yield this.#unreadable(segment);
    const joined = this.#whole(segment, content);
    joined.buffer = whole;
    joined.from = 0;
    joined.to = whole.length;
    yield joined;
  }

  #decode(): LogRecord | null {
    const { buffer, from, to } = this.#reader;
    try {
      return decodeRecord(buffer.subarray(from, to));
    } catch {
      return null;
    }
  }

  /** Drops the parts that came. The record's number is reported once, however many of its parts follow. */
  *#incomplete(parts: Join): Generator<SpoolItem> {
    this.#parts = null;
    if (this.#incompleteSequence === parts.sequence) return;
    this.#incompleteSequence = parts.sequence;
    const { segment, offset, bytes, sequence } = parts;
    const gap = { segment, offset, bytes, fromSequence: sequence, toSequence: sequence };
    yield { kind: 'gap', epoch: this.#epoch, gap: { ...gap, reason: 'incomplete' } };
  }

  /**
   * Reports what is missing before the frame of number `sequence`; null: at the end of the epoch, whatever was damaged.
   * The first damage carries the missing numbers; without damage the frames before are missing as a whole.
   */
  *#gaps(sequence: number | null, content: RecordContent | null, segment: string): Generator<SpoolItem> {
    const missing = sequence === null || this.#last === null ? [] : this.#missingBefore(sequence, content);
    const damages = this.#damage;
    this.#damage = [];
    if (damages.length === 0 && sequence !== null) {
      damages.push({ segment, offset: this.#reader.offset, bytes: 0, reason: 'missing' });
    }
    for (let i = 0; i < damages.length; i++) {
      const damage = damages[i]!;
      const ranges = i === 0 ? missing : [];
      if (ranges.length === 0 && (damage.reason !== 'missing' || damage.bytes > 0))
        yield this.#gap(damage, null, null);
      for (const [from, to] of ranges) yield this.#gap(damage, from, to);
    }
  }

  #gap(damage: Damage, fromSequence: number | null, toSequence: number | null): SpoolItem {
    return { kind: 'gap', epoch: this.#epoch, gap: { ...damage, fromSequence, toSequence } };
  }

  /** The numbers between the last frame and this one that were not shed. */
  #missingBefore(sequence: number, content: RecordContent | null): [number, number][] {
    const from = this.#last! + 1;
    if (from >= sequence) return [];
    const told = content === 'heartbeat' || content === 'last' ? this.#decode() : null;
    const shed = told?.kind === 'heartbeat' || told?.kind === 'last' ? told.heartbeat : null;
    return without(from, sequence - 1, shed?.ranges ?? []);
  }
}

/** @returns the parts of [from, to] that none of `ranges` covers */
function without(from: number, to: number, ranges: Heartbeat['ranges']): [number, number][] {
  const left: [number, number][] = [];
  let at = from;
  for (const range of ranges.toSorted((a, b) => a.fromSequence - b.fromSequence)) {
    if (range.toSequence < at) continue;
    if (range.fromSequence > to) break;
    if (range.fromSequence > at) left.push([at, range.fromSequence - 1]);
    at = range.toSequence + 1;
  }
  if (at <= to) left.push([at, to]);
  return left;
}
