/**
 * Goes over the bytes of a served request and notes where its parts stand, without building any of them: the archive
 * decodes millions of rows from there, straight into columns. One walk is used again and again; what it noted holds
 * until the next record.
 *
 * It reads only what `contentOf` has found to be a record, so nothing is checked twice.
 */
import { FieldCursor } from './field-cursor.ts';

const SERVED = 0x42;
const VECTOR = 0x52;

/** Where a piece begins and ends in the record's bytes. */
export interface Span {
  from: number;
  to: number;
}

/** One view's row; -1: the field is not there. */
export class WalkedRow {
  status = 0;
  source = 0;
  reason = 0;
  /** Where the 8 bytes of each time begin. */
  fetchedAt = -1;
  watermarkAt = -1;
  /** The stored bytes. */
  from = -1;
  to = -1;
  /** Where the 32 bytes of each HMAC begin. */
  readonly hmacs: number[] = [];

  clear(): void {
    this.status = 0;
    this.source = 0;
    this.reason = 0;
    this.fetchedAt = -1;
    this.watermarkAt = -1;
    this.from = -1;
    this.to = -1;
    this.hmacs.length = 0;
  }
}

export class RecordWalk extends FieldCursor {
  readonly pod: Span = { from: 0, to: 0 };
  /** Where the 8 bytes of the epoch begin; -1: it has none. */
  epochAt = -1;
  sequence = 0;
  readonly requestId: Span = { from: 0, to: 0 };
  /**
   * All that the requests of a service on a surface have in common: what stands between the time and the vectors. from
   * is -1 where the fields stand in another order than the encoder's, and other fields lie between.
   */
  readonly head: Span = { from: 0, to: 0 };
  /** Of one request in 1,000; from is -1 where there is none. */
  readonly answer: Span = { from: -1, to: -1 };
  servedUs = 0;
  /** How many vectors there are. */
  vectors = 0;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Of the vector that `vector` went over: its keys' bytes, and which of them are null. */
  readonly keys: Span[] = [];
  readonly nullKeys: number[] = [];
  readonly rows: WalkedRow[] = [];
  /** Its on-demand inputs and outputs, MessagePack arrays; from is -1 where there are none. */
  readonly inputs: Span = { from: -1, to: -1 };
  readonly outputs: Span = { from: -1, to: -1 };
  /** For each on-demand view its status. */
  readonly statuses: number[] = [];
  /** Where the 32 bytes of each HMAC of an input, of an output begin. */
  readonly inputHmacs: number[] = [];
  readonly outputHmacs: number[] = [];

  /** The bytes that it goes over. */
  get record(): Buffer {
    return this.buffer;
  }

  get bytesView(): DataView {
    return this.view;
  }

  /** @param payload  a served record, checked by `contentOf` */
  request(payload: Buffer): void {
    this.goTo(payload, 0);
    const end = payload.length;
    this.pod.to = this.pod.from;
    this.epochAt = -1;
    this.sequence = 0;
    let [from, to] = [end, end];
    while (this.at < end) {
      const tag = this.varint(end);
      if (tag === SERVED) {
        to = this.message(end);
        from = this.at;
        this.at = to;
      } else if (tag === 0x12) this.#span(this.pod, end);
      else if (tag === 0x19) this.epochAt = this.#over(8);
      else if (tag === 0x20) this.sequence = this.varint(end);
      else this.unknown(tag, 0, end);
    }
    this.at = from;
    this.#served(to);
  }

  /** @returns the epoch, 16 hex digits */
  epoch(): string {
    if (this.epochAt === -1) return '0'.repeat(16);
    return this.view.getBigUint64(this.epochAt, true).toString(16).padStart(16, '0');
  }

  #served(to: number): void {
    const { requestId, head, answer } = this;
    this.vectors = 0;
    this.servedUs = 0;
    requestId.to = requestId.from;
    answer.from = -1;
    head.from = head.to = this.at;
    // The encoder writes id and time, the head, the vectors, the answer; what is not there may be left out.
    let step = 0;
    let inOrder = true;
    while (this.at < to) {
      const tag = this.varint(to);
      const next = tag === 0x0a || tag === 0x11 ? 0 : tag === VECTOR ? 2 : tag === 0x5a ? 3 : 1;
      inOrder &&= next >= step;
      step = next;
      if (tag === 0x0a) this.#span(requestId, to);
      else if (tag === 0x11) this.servedUs = this.#time();
      else if (tag === VECTOR) this.#noteVector(to);
      else if (tag === 0x5a) this.#span(answer, to);
      else this.unknown(tag, 0, to);
      if (next === 0) head.from = head.to = this.at;
      else if (next === 1) head.to = this.at;
    }
    if (!inOrder) head.from = -1;
  }

  #noteVector(to: number): void {
    const end = this.message(to);
    this.#starts[this.vectors] = this.at;
    this.#ends[this.vectors] = end;
    this.vectors += 1;
    this.at = end;
  }

  /** Goes over one vector of the request: `keys` and all after them are its own afterwards. */
  vector(index: number): void {
    const to = this.#ends[index]!;
    this.at = this.#starts[index]!;
    this.nullKeys.length = 0;
    this.#clearComputed();
    let [keys, rows] = [0, 0];
    while (this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x1a) this.#row((this.rows[rows++] ??= new WalkedRow()), this.message(to));
      else if (tag === 0x0a) this.#span((this.keys[keys++] ??= { from: 0, to: 0 }), to);
      else if (tag === 0x12) {
        const end = this.message(to);
        while (this.at < end) this.nullKeys.push(this.varint(end));
      } else if (tag === 0x10) this.nullKeys.push(this.varint(to));
      else this.#computedField(tag, to);
    }
  }

  #clearComputed(): void {
    this.inputs.from = this.outputs.from = -1;
    this.statuses.length = this.inputHmacs.length = this.outputHmacs.length = 0;
  }

  /** What on-demand views took and gave. */
  #computedField(tag: number, to: number): void {
    if (tag === 0x22) this.#span(this.inputs, to);
    else if (tag === 0x2a) this.#span(this.outputs, to);
    else if (tag === 0x32) {
      const end = this.message(to);
      while (this.at < end) this.statuses.push(this.varint(end));
    } else if (tag === 0x30) this.statuses.push(this.varint(to));
    else if (tag === 0x3a || tag === 0x42) {
      this.varint(to);
      (tag === 0x3a ? this.inputHmacs : this.outputHmacs).push(this.#over(32));
    } else this.unknown(tag, 0, to);
  }

  #row(row: WalkedRow, to: number): void {
    row.clear();
    while (this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x08) row.status = this.varint(to);
      else if (tag === 0x10) row.source = this.varint(to);
      else if (tag === 0x19) row.fetchedAt = this.#over(8);
      else if (tag === 0x21) row.watermarkAt = this.#over(8);
      else if (tag === 0x2a) {
        row.to = this.message(to);
        row.from = this.at;
        this.at = row.to;
      } else if (tag === 0x32) {
        this.varint(to);
        row.hmacs.push(this.#over(32));
      } else if (tag === 0x38) row.reason = this.varint(to);
      else this.unknown(tag, 0, to);
    }
  }

  /** @returns where the bytes begin that it steps over */
  #over(bytes: number): number {
    const { at } = this;
    this.at += bytes;
    return at;
  }

  #span(span: Span, to: number): void {
    span.to = this.message(to);
    span.from = this.at;
    this.at = span.to;
  }

  #time(): number {
    const at = this.#over(8);
    return this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }
}
