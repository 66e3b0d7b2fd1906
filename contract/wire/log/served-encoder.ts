/**
 * Writes the records of `served.proto` as frames, many into one reused buffer. On the sidecar's request path.
 *
 *   buffer  = frame | frame | ...                        all of one event-loop tick; one write takes them to disk
 *   frame   = header (spool-frame.ts) | Record           the header is written last, when the length is known
 *   Record  = version, pod, epoch | sequence | content   the first three are the same bytes in each record
 *
 * Written by hand because a general encoder builds and walks a tree of the message first: 50 features in 3 views cost
 * 1.1 us here with frame and CRC, and 2.5 us in protobufjs without (benchmarks/micro/vector-log-bench.ts). One pass
 * over the request: lengths of rows are known before; those of `Served` and `Vector` always take four bytes and are
 * filled in afterwards. Protocol Buffers allow such padded varints and every reader takes them; protobufjs reads all of
 * it back in the tests.
 */
import { isSampled } from './answer-sample.ts';
import { ReadyBytes, ReadySpans } from './ready-bytes.ts';
import { beginFrame, FRAME_HEADER_BYTES, epochCrc, sealFrame } from './spool-frame.ts';
import type { Heartbeat, ServedRequest, ServedRow, ServedVector } from './served-record.ts';

const RECORD_VERSION = 1;
/** A record above it is split into parts, so that the topic's brokers and the frame take each. */
export const MAX_PART_BYTES = 256 * 1024;
/** A record above it is refused: it is shed, not written. */
export const MAX_RECORD_BYTES = 32 * 2 ** 20;

const FIRST_BYTES = 256 * 1024;
const KEPT_BYTES = 8 * 2 ** 20;
const PADDED = 4;
/** The code of a row's status, as in served.proto. */
const UNAVAILABLE = 4;
const NO_HMACS: readonly Buffer[] = [];

// Tags: field number << 3 | wire type (0 varint, 1 64 bits, 2 bytes).
const SEQUENCE = 0x20;
const SERVED = 0x42;
const HEARTBEAT = 0x4a;
const LAST = 0x52;

export class RecordEncoder {
  readonly #prefix: ReadyBytes;
  readonly #seed: number;
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;
  /** The ready parts of the record being written, as positions in the buffer. */
  readonly #ready = new ReadySpans();

  constructor(pod: string, epoch: bigint) {
    this.#seed = epochCrc(epoch);
    this.#version(pod, epoch);
    this.#prefix = this.#takeBack(0);
  }

  /** The frames appended since `clear`; valid until the next call of any method. */
  frames(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  get bytes(): number {
    return this.#at;
  }

  clear(): void {
    this.#at = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  /** Takes back everything after the first `bytes`. */
  cut(bytes: number): void {
    this.#at = bytes;
  }

  /** @returns false, with nothing appended, when the record is above MAX_RECORD_BYTES */
  appendServed(request: ServedRequest, sequence: number): boolean {
    const frame = this.#begin(sequence);
    const content = this.#openMessage(SERVED);
    this.#requestId(request.requestId);
    const idTo = this.#at;
    this.#fixed64(0x11, request.servedUs);
    const { head, vectors, answer } = request;
    if (head === undefined) this.#head(request);
    else this.#copyReady(head);
    for (let i = 0; i < vectors.length; i++) this.#vector(vectors[i]!);
    const isLogged = request.isSampled !== true || isSampled(this.#buffer, content, idTo);
    if (answer !== null && isLogged) this.#bytes(0x5a, answer);
    if (this.#at - frame > MAX_RECORD_BYTES) {
      this.#at = frame;
      return false;
    }
    this.#closeMessage(content);
    this.#end(frame, sequence);
    return true;
  }

  appendHeartbeat(heartbeat: Heartbeat, sequence: number, last: boolean): void {
    const frame = this.#begin(sequence);
    const content = this.#openMessage(last ? LAST : HEARTBEAT);
    this.#fixed64(0x09, heartbeat.atUs);
    this.#number(0x10, heartbeat.highestSequence);
    this.#number(0x18, heartbeat.served);
    this.#number(0x20, heartbeat.shed);
    for (const range of heartbeat.ranges) {
      const open = this.#openMessage(0x2a);
      this.#number(0x08, range.fromSequence);
      this.#number(0x10, range.toSequence);
      this.#number(0x18, range.reason);
      this.#closeMessage(open);
    }
    this.#text(0x32, heartbeat.bundle);
    this.#text(0x3a, heartbeat.version);
    this.#text(0x42, heartbeat.engine);
    this.#fixed64(0x49, heartbeat.clockOffsetUs);
    this.#closeMessage(content);
    this.#end(frame, sequence);
  }

  #version(pod: string, epoch: bigint): void {
    this.#number(0x08, RECORD_VERSION);
    this.#text(0x12, pod);
    this.#reserve(9);
    this.#buffer[this.#at++] = 0x19;
    this.#at = this.#buffer.writeBigUInt64LE(epoch, this.#at);
  }

  #begin(sequence: number): number {
    const frame = this.#at;
    this.#ready.clear();
    this.#reserve(FRAME_HEADER_BYTES);
    this.#at = frame + FRAME_HEADER_BYTES;
    this.#copyReady(this.#prefix);
    this.#number(SEQUENCE, sequence);
    return frame;
  }

  #end(frame: number, sequence: number): void {
    const payloadBytes = this.#at - frame - FRAME_HEADER_BYTES;
    if (payloadBytes > MAX_PART_BYTES) this.#split(frame, sequence);
    else {
      beginFrame(this.#buffer, frame, payloadBytes, sequence);
      sealFrame(this.#buffer, frame, this.#seed, this.#ready);
    }
  }

  /** Replaces one frame that is too long by one for each part; it copies, since this is rare. */
  #split(frame: number, sequence: number): void {
    const whole = Buffer.from(this.#buffer.subarray(frame + FRAME_HEADER_BYTES, this.#at));
    this.#at = frame;
    const chunkBytes = MAX_PART_BYTES - this.#prefix.length - 64;
    const parts = Math.ceil(whole.length / chunkBytes);
    for (let part = 1; part <= parts; part++) {
      const from = this.#begin(sequence);
      this.#number(0x28, part);
      this.#number(0x30, parts);
      this.#bytes(0x3a, whole.subarray((part - 1) * chunkBytes, part * chunkBytes));
      beginFrame(this.#buffer, from, this.#at - from - FRAME_HEADER_BYTES, sequence);
      sealFrame(this.#buffer, from, this.#seed, null);
    }
  }

  /** Fields 3 to 9, 14 and 15: what every request of a service on a surface has in common. */
  #head(request: ServedRequest): void {
    const { surface, service, serviceVersion, bundle, keyNames, features, vectors } = request;
    this.#number(0x18, surface);
    this.#text(0x22, service);
    this.#number(0x28, serviceVersion);
    this.#text(0x32, bundle);
    for (let i = 0; i < keyNames.length; i++) this.#item(0x3a, keyNames[i]!);
    for (let i = 0; i < features.length; i++) this.#item(0x42, features[i]!);
    const rows = vectors[0]?.rows ?? [];
    for (let i = 0; i < rows.length; i++) this.#view(rows[i]!);
    const { keyPolicies, hmacKeyId } = request;
    if (keyPolicies !== undefined && keyPolicies.length > 0) this.#policies(keyPolicies);
    if (hmacKeyId !== undefined) this.#text(0x7a, hmacKeyId);
  }

  /** @returns a copy of what `head` of such requests may hold */
  headImage(request: ServedRequest): ReadyBytes {
    const from = this.#at;
    this.#head(request);
    return this.#takeBack(from);
  }

  #view(row: ServedRow): void {
    const open = this.#openMessage(0x4a);
    this.#text(0x0a, row.role);
    this.#text(0x12, row.view);
    if (row.masked === true) this.#number(0x18, 1);
    this.#closeMessage(open);
  }

  #policies(policies: readonly number[]): void {
    const open = this.#openMessage(0x72);
    this.#reserve(policies.length);
    for (let i = 0; i < policies.length; i++) this.#varint(policies[i]!);
    this.#closeMessage(open);
  }

  #vector(vector: ServedVector): void {
    const { image } = vector;
    if (image === undefined) this.#wholeVector(vector);
    else this.#copyReady(image);
  }

  #wholeVector(vector: ServedVector): void {
    const open = this.#openMessage(0x52);
    const { keys, rows } = vector;
    let nulls = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (key === null) nulls += 1;
      this.#item(0x0a, key === null ? '' : key);
    }
    if (nulls > 0) this.#nullKeys(keys);
    for (let i = 0; i < rows.length; i++) this.#row(rows[i]!);
    this.#closeMessage(open);
  }

  #nullKeys(keys: readonly (string | null)[]): void {
    const open = this.#openMessage(0x12);
    for (let i = 0; i < keys.length; i++) if (keys[i] === null) this.#varint(i);
    this.#closeMessage(open);
  }

  /** @returns the vector as it stands in a record, a copy */
  vectorImage(vector: ServedVector): ReadyBytes {
    const from = this.#at;
    this.#wholeVector(vector);
    return this.#takeBack(from);
  }

  #takeBack(from: number): ReadyBytes {
    const bytes = Buffer.from(this.#buffer.subarray(from, this.#at));
    this.#at = from;
    return new ReadyBytes(bytes);
  }

  #row(row: ServedRow): void {
    const bytes = row.row;
    const hmacs = row.hmacs ?? NO_HMACS;
    const reason = row.status === UNAVAILABLE ? (row.reason ?? 0) : 0;
    let size = (row.status === 0 ? 0 : 2) + (row.source === 0 ? 0 : 2) + (reason === 0 ? 0 : 2);
    size += (row.fetchedUs === 0 ? 0 : 9) + (row.watermarkUs === 0 ? 0 : 9);
    if (bytes !== null) size += 1 + varintBytes(bytes.length) + bytes.length;
    for (let i = 0; i < hmacs.length; i++) size += 1 + varintBytes(hmacs[i]!.length) + hmacs[i]!.length;
    this.#reserve(size + 6);
    this.#buffer[this.#at++] = 0x1a;
    this.#varint(size);
    this.#number(0x08, row.status);
    this.#number(0x10, row.source);
    this.#fixed64(0x19, row.fetchedUs);
    this.#fixed64(0x21, row.watermarkUs);
    if (bytes !== null) this.#bytes(0x2a, bytes);
    for (let i = 0; i < hmacs.length; i++) this.#bytes(0x32, hmacs[i]!);
    this.#number(0x38, reason);
  }

  /** @returns where the message begins, behind its length */
  #openMessage(tag: number): number {
    this.#reserve(1 + PADDED);
    this.#buffer[this.#at] = tag;
    this.#at += 1 + PADDED;
    return this.#at;
  }

  #closeMessage(start: number): void {
    const length = this.#at - start;
    const b = this.#buffer;
    b[start - 4] = length | 0x80;
    b[start - 3] = (length >>> 7) | 0x80;
    b[start - 2] = (length >>> 14) | 0x80;
    b[start - 1] = length >>> 21;
  }

  /** Separate from other texts: an id is often a concatenated string, which is slow to read character by character. */
  #requestId(id: string): void {
    this.#reserve(id.length * 3 + 6);
    const b = this.#buffer;
    const length = b.write(id, this.#at + 2);
    if (length === 0 || length > 127) return this.#text(0x0a, id);
    b[this.#at] = 0x0a;
    b[this.#at + 1] = length;
    this.#at += 2 + length;
  }

  /** A single string; left out when empty, as proto3 has it. */
  #text(tag: number, text: string): void {
    if (text.length > 0) this.#item(tag, text);
  }

  /**
   * One string of a list, written even when empty. Short ASCII is copied here, which is cheaper than a call into C++.
   */
  #item(tag: number, text: string): void {
    const { length } = text;
    this.#reserve(length * 3 + 6);
    const b = this.#buffer;
    let at = this.#at;
    b[at++] = tag;
    if (length < 48) {
      b[at++] = length;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        b[at + i] = code;
      }
      if (i === length) {
        this.#at = at + length;
        return;
      }
      at -= 1;
    }
    this.#at = at;
    this.#varint(Buffer.byteLength(text));
    this.#at += b.write(text, this.#at);
  }

  #bytes(tag: number, bytes: Buffer | string): void {
    this.#reserve(bytes.length + 6);
    this.#buffer[this.#at++] = tag;
    this.#varint(bytes.length);
    if (typeof bytes === 'string') this.#at += this.#buffer.write(bytes, this.#at, 'latin1');
    else this.#copy(bytes);
  }

  #copy(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #copyReady(part: ReadyBytes): void {
    const { buffer, from, length } = part;
    this.#reserve(length);
    this.#ready.add(this.#at, part);
    buffer.copy(this.#buffer, this.#at, from, from + length);
    this.#at += length;
  }

  /** Left out when 0, as proto3 has it. */
  #number(tag: number, value: number): void {
    if (value === 0) return;
    this.#reserve(9);
    this.#buffer[this.#at++] = tag;
    this.#varint(value);
  }

  /** At most 2^53 - 1, so eight bytes; the caller has reserved them. */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x8000_0000) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#buffer[this.#at++] = (rest & 127) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  /** A whole number from -2^53 to 2^53 - 1; left out when 0. */
  #fixed64(tag: number, value: number): void {
    if (value === 0) return;
    this.#reserve(9);
    const b = this.#buffer;
    const at = this.#at;
    const low = value >>> 0;
    const high = (value - low) / 2 ** 32;
    b[at] = tag;
    b[at + 1] = low;
    b[at + 2] = low >>> 8;
    b[at + 3] = low >>> 16;
    b[at + 4] = low >>> 24;
    b[at + 5] = high;
    b[at + 6] = high >>> 8;
    b[at + 7] = high >>> 16;
    b[at + 8] = high >>> 24;
    this.#at = at + 9;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

function varintBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 5;
}
