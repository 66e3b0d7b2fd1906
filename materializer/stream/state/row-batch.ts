/**
 * The rows of one step of a view's stream, numbered one after the other: in one buffer, which the state keeps as it is.
 *
 *   batch  = record*
 *   record = entity's bytes u32 | row's bytes u32 | entity, UTF-8 | row: header and values, as it stands online
 */
import { readHeader } from '../../../contract/wire/online/row-header.ts';

const HEAD_BYTES = 8;
const FIRST_BYTES = 4_096;
const MAX_UTF8_PER_CODE_UNIT = 3;

export class RowBatch {
  /** The number of its first row. */
  readonly first: number;
  readonly entities: string[] = [];
  /** Of each row its event time. */
  readonly eventUs: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #buffer: Buffer;
  #at = 0;

  constructor(first: number) {
    this.first = first;
    this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** @param bytes  of `bytes()`, which the batch owns from then on */
  static read(first: number, bytes: Buffer): RowBatch {
    const batch = new RowBatch(first);
    batch.#buffer = bytes;
    while (batch.#at < bytes.length) {
      const start = batch.#at + HEAD_BYTES + bytes.readUInt32LE(batch.#at);
      const end = start + bytes.readUInt32LE(batch.#at + 4);
      const entity = bytes.toString('utf8', batch.#at + HEAD_BYTES, start);
      batch.#put(entity, readHeader(bytes.subarray(start, end))!.eventUs, start, end);
    }
    return batch;
  }

  get size(): number {
    return this.entities.length;
  }

  /** The number of its last row. */
  get last(): number {
    return this.first + this.size - 1;
  }

  add(entity: string, eventUs: number, row: Buffer): void {
    const most = HEAD_BYTES + entity.length * MAX_UTF8_PER_CODE_UNIT + row.length;
    if (this.#at + most > this.#buffer.length) this.#grow(most);
    const start = this.#at + HEAD_BYTES + this.#buffer.write(entity, this.#at + HEAD_BYTES);
    this.#buffer.writeUInt32LE(start - this.#at - HEAD_BYTES, this.#at);
    this.#buffer.writeUInt32LE(row.length, this.#at + 4);
    this.#buffer.set(row, start);
    this.#put(entity, eventUs, start, start + row.length);
  }

  #put(entity: string, eventUs: number, start: number, end: number): void {
    this.entities.push(entity);
    this.eventUs.push(eventUs);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#at = end;
  }

  /** @returns the batch's own bytes of a row */
  row(i: number): Buffer {
    return this.#buffer.subarray(this.#starts[i]!, this.#ends[i]!);
  }

  /** All of it, for `read`: the batch's own bytes. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + more));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
