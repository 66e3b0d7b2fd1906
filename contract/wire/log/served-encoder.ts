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
import { FieldWriter, varintBytes } from './field-writer.ts';
import { ReadyBytes, ReadySpans } from './ready-bytes.ts';
import { beginFrame, FRAME_HEADER_BYTES, epochCrc, sealFrame } from './spool-frame.ts';
import type {
  ByteRange,
  Heartbeat,
  ServedOnDemand,
  ServedRequest,
  ServedRow,
  ServedVector,
} from './served-record.ts';

const RECORD_VERSION = 1;
/** A record above it is split into parts, so that the topic's brokers and the frame take each. */
export const MAX_PART_BYTES = 256 * 1024;
/** A record above it is refused: it is shed, not written. */
export const MAX_RECORD_BYTES = 32 * 2 ** 20;

const FIRST_BYTES = 256 * 1024;
const KEPT_BYTES = 8 * 2 ** 20;
/** The code of a row's status, as in served.proto. */
const UNAVAILABLE = 4;
const NO_HMACS: readonly Buffer[] = [];

// Tags: field number << 3 | wire type (0 varint, 1 64 bits, 2 bytes).
const SEQUENCE = 0x20;
const SERVED = 0x42;
const HEARTBEAT = 0x4a;
const LAST = 0x52;
const INPUT_POLICIES = 0x82;
const ON_DEMAND = 0x8a;

export class RecordEncoder extends FieldWriter {
  readonly #prefix: ReadyBytes;
  readonly #seed: number;
  /** The ready parts of the record being written, as positions in the buffer. */
  readonly #ready = new ReadySpans();

  constructor(pod: string, epoch: bigint) {
    super(FIRST_BYTES);
    this.#seed = epochCrc(epoch);
    this.#version(pod, epoch);
    this.#prefix = this.#takeBack(0);
  }

  /** The frames appended since `clear`; valid until the next call of any method. */
  frames(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  get bytes(): number {
    return this.at;
  }

  clear(): void {
    this.at = 0;
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  /** Takes back everything after the first `bytes`. */
  cut(bytes: number): void {
    this.at = bytes;
  }

  /** @returns false, with nothing appended, when the record is above MAX_RECORD_BYTES */
  appendServed(request: ServedRequest, sequence: number): boolean {
    const frame = this.#begin(sequence);
    const content = this.openMessage(SERVED);
    this.#requestId(request.requestId);
    const idTo = this.at;
    this.putFixed64(0x11, request.servedUs);
    const { head, vectors, answer } = request;
    if (head === undefined) this.#head(request);
    else this.#copyReady(head);
    for (let i = 0; i < vectors.length; i++) this.#vector(vectors[i]!);
    const isLogged = request.isSampled !== true || isSampled(this.buffer, content, idTo);
    if (answer !== null && isLogged) this.putBytes(0x5a, answer);
    if (this.at - frame > MAX_RECORD_BYTES) {
      this.at = frame;
      return false;
    }
    this.closeMessage(content);
    this.#end(frame, sequence);
    return true;
  }

  appendHeartbeat(heartbeat: Heartbeat, sequence: number, last: boolean): void {
    const frame = this.#begin(sequence);
    const content = this.openMessage(last ? LAST : HEARTBEAT);
    this.putFixed64(0x09, heartbeat.atUs);
    this.putNumber(0x10, heartbeat.highestSequence);
    this.putNumber(0x18, heartbeat.served);
    this.putNumber(0x20, heartbeat.shed);
    for (const range of heartbeat.ranges) {
      const open = this.openMessage(0x2a);
      this.putNumber(0x08, range.fromSequence);
      this.putNumber(0x10, range.toSequence);
      this.putNumber(0x18, range.reason);
      this.closeMessage(open);
    }
    this.putText(0x32, heartbeat.bundle);
    this.putText(0x3a, heartbeat.version);
    this.putText(0x42, heartbeat.engine);
    this.putFixed64(0x49, heartbeat.clockOffsetUs);
    this.closeMessage(content);
    this.#end(frame, sequence);
  }

  #version(pod: string, epoch: bigint): void {
    this.putNumber(0x08, RECORD_VERSION);
    this.putText(0x12, pod);
    this.reserve(9);
    this.buffer[this.at++] = 0x19;
    this.at = this.buffer.writeBigUInt64LE(epoch, this.at);
  }

  #begin(sequence: number): number {
    const frame = this.at;
    this.#ready.clear();
    this.reserve(FRAME_HEADER_BYTES);
    this.at = frame + FRAME_HEADER_BYTES;
    this.#copyReady(this.#prefix);
    this.putNumber(SEQUENCE, sequence);
    return frame;
  }

  #end(frame: number, sequence: number): void {
    const payloadBytes = this.at - frame - FRAME_HEADER_BYTES;
    if (payloadBytes > MAX_PART_BYTES) this.#split(frame, sequence);
    else {
      beginFrame(this.buffer, frame, payloadBytes, sequence);
      sealFrame(this.buffer, frame, this.#seed, this.#ready);
    }
  }

  /** Replaces one frame that is too long by one for each part; it copies, since this is rare. */
  #split(frame: number, sequence: number): void {
    const whole = Buffer.from(this.buffer.subarray(frame + FRAME_HEADER_BYTES, this.at));
    this.at = frame;
    const chunkBytes = MAX_PART_BYTES - this.#prefix.length - 64;
    const parts = Math.ceil(whole.length / chunkBytes);
    for (let part = 1; part <= parts; part++) {
      const from = this.#begin(sequence);
      this.putNumber(0x28, part);
      this.putNumber(0x30, parts);
      this.putBytes(0x3a, whole.subarray((part - 1) * chunkBytes, part * chunkBytes));
      beginFrame(this.buffer, from, this.at - from - FRAME_HEADER_BYTES, sequence);
      sealFrame(this.buffer, from, this.#seed, null);
    }
  }

  /** Fields 3 to 9, 12 and 14 to 17: what every request of a service on a surface has in common. */
  #head(request: ServedRequest): void {
    const { surface, service, serviceVersion, bundle, keyNames, features, vectors } = request;
    this.putNumber(0x18, surface);
    this.putText(0x22, service);
    this.putNumber(0x28, serviceVersion);
    this.putText(0x32, bundle);
    for (let i = 0; i < keyNames.length; i++) this.putItem(0x3a, keyNames[i]!);
    for (let i = 0; i < features.length; i++) this.putItem(0x42, features[i]!);
    const rows = vectors[0]?.rows ?? [];
    for (let i = 0; i < rows.length; i++) this.#view(rows[i]!);
    const { inputNames = [], keyPolicies = [], inputPolicies = [], onDemand = [], hmacKeyId } = request;
    for (let i = 0; i < inputNames.length; i++) this.putItem(0x62, inputNames[i]!);
    this.#policies(0x72, keyPolicies);
    if (hmacKeyId !== undefined) this.putText(0x7a, hmacKeyId);
    this.#policies(INPUT_POLICIES, inputPolicies);
    for (let i = 0; i < onDemand.length; i++) this.#onDemand(onDemand[i]!);
  }

  /** @returns a copy of what `head` of such requests may hold */
  headImage(request: ServedRequest): ReadyBytes {
    const from = this.at;
    this.#head(request);
    return this.#takeBack(from);
  }

  #view(row: ServedRow): void {
    const open = this.openMessage(0x4a);
    this.putText(0x0a, row.role);
    this.putText(0x12, row.view);
    if (row.masked === true) this.putNumber(0x18, 1);
    this.closeMessage(open);
  }

  #onDemand({ role, view, definitionId, outputPolicies }: ServedOnDemand): void {
    const open = this.openMessage(ON_DEMAND);
    this.putText(0x0a, role);
    this.putText(0x12, view);
    this.reserve(5);
    this.buffer[this.at++] = 0x1d;
    this.at = this.buffer.writeUInt32LE(definitionId, this.at);
    this.#policies(0x22, outputPolicies);
    this.closeMessage(open);
  }

  #policies(tag: number, policies: readonly number[]): void {
    if (policies.length === 0) return;
    const open = this.openMessage(tag);
    this.reserve(policies.length);
    for (let i = 0; i < policies.length; i++) this.putVarint(policies[i]!);
    this.closeMessage(open);
  }

  #vector(vector: ServedVector): void {
    const { image, computed } = vector;
    if (image === undefined) return this.#wholeVector(vector);
    if (computed === undefined) return this.#copyReady(image);
    const open = this.openMessage(0x52);
    this.#copyReady(image);
    this.#copyComputed(computed);
    this.closeMessage(open);
  }

  #wholeVector(vector: ServedVector): void {
    const open = this.openMessage(0x52);
    const { keys, rows, computed } = vector;
    let nulls = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (key === null) nulls += 1;
      this.putItem(0x0a, key === null ? '' : key);
    }
    if (nulls > 0) this.#nullKeys(keys);
    for (let i = 0; i < rows.length; i++) this.#row(rows[i]!);
    if (computed !== undefined) this.#copyComputed(computed);
    this.closeMessage(open);
  }

  #copyComputed({ buffer, from, to }: ByteRange): void {
    this.reserve(to - from);
    this.at += buffer.copy(this.buffer, this.at, from, to);
  }

  #nullKeys(keys: readonly (string | null)[]): void {
    const open = this.openMessage(0x12);
    for (let i = 0; i < keys.length; i++) if (keys[i] === null) this.putVarint(i);
    this.closeMessage(open);
  }

  /** @returns the vector as it stands in a record, a copy */
  vectorImage(vector: ServedVector): ReadyBytes {
    const from = this.at;
    this.#wholeVector(vector);
    return this.#takeBack(from);
  }

  #takeBack(from: number): ReadyBytes {
    const bytes = Buffer.from(this.buffer.subarray(from, this.at));
    this.at = from;
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
    this.reserve(size + 6);
    this.buffer[this.at++] = 0x1a;
    this.putVarint(size);
    this.putNumber(0x08, row.status);
    this.putNumber(0x10, row.source);
    this.putFixed64(0x19, row.fetchedUs);
    this.putFixed64(0x21, row.watermarkUs);
    if (bytes !== null) this.putBytes(0x2a, bytes);
    for (let i = 0; i < hmacs.length; i++) this.putBytes(0x32, hmacs[i]!);
    this.putNumber(0x38, reason);
  }

  /** Separate from other texts: an id is often a concatenated string, which is slow to read character by character. */
  #requestId(id: string): void {
    this.reserve(id.length * 3 + 6);
    const b = this.buffer;
    const length = b.write(id, this.at + 2);
    if (length === 0 || length > 127) return this.putText(0x0a, id);
    b[this.at] = 0x0a;
    b[this.at + 1] = length;
    this.at += 2 + length;
  }

  #copyReady(part: ReadyBytes): void {
    const { buffer, from, length } = part;
    this.reserve(length);
    this.#ready.add(this.at, part);
    buffer.copy(this.buffer, this.at, from, from + length);
    this.at += length;
  }
}
