/**
 * What a record holds, and whether it is one: the bytes of a `Record` of served.proto are checked in one pass that
 * builds nothing. Every reader of the log calls it first, so that all agree on what is unreadable.
 *
 * Beyond the wire format a record must make sense: times lie in the years 1970 to 2199, enums are known, numbers fit
 * a JavaScript integer, indexes point into their lists, lists that belong together have one length, a bundle is named
 * by 16 hex digits. A frame with a valid CRC can hold anything, and so can a message of the topic: what a sidecar
 * would never write must cost that record and nothing else. Fields of later versions are passed over.
 *
 * The parts that a sidecar repeats in each record, which hold nearly all fields, are checked once and then recognised
 * (known-bytes.ts): about 0.1 us for 50 features in 3 views (benchmarks/micro/vector-log-bench.ts). Checking a spool
 * decodes no record.
 */
import { KnownBytes } from './known-bytes.ts';
import { MAX_POLICY, MAX_STATUS, PartCursor } from './part-cursor.ts';

export type RecordContent = 'served' | 'heartbeat' | 'last' | 'part';

/** Eight times the parts of a sidecar's largest record. */
const MAX_PARTS = 1_024;
const MAX_INT32 = 2 ** 31 - 1;

/** By the tag of the field of `Record`. */
const CONTENTS: Readonly<Record<number, RecordContent>> = {
  0x3a: 'part',
  0x42: 'served',
  0x4a: 'heartbeat',
  0x52: 'last',
};

const MAX_SURFACE = 5;

/** Tags of two bytes. */
const INPUT_POLICY = 0x80;
const INPUT_POLICIES = 0x82;
const ON_DEMAND = 0x8a;

/** Of a request's fields outside its vectors. */
interface Counts {
  keyNames: number;
  policies: number;
  views: number;
  bundles: number;
  inputs: number;
  inputPolicies: number;
  onDemand: number;
}

const NOTHING: Readonly<Counts> = {
  keyNames: 0,
  policies: 0,
  views: 0,
  bundles: 0,
  inputs: 0,
  inputPolicies: 0,
  onDemand: 0,
};

function setCounts(counts: Counts, to: Readonly<Counts>): void {
  counts.keyNames = to.keyNames;
  counts.policies = to.policies;
  counts.views = to.views;
  counts.bundles = to.bundles;
  counts.inputs = to.inputs;
  counts.inputPolicies = to.inputPolicies;
  counts.onDemand = to.onDemand;
}

/** What a frame says of the record in it. */
export interface FrameOrigin {
  /** 8 bytes, little endian. */
  readonly epoch: Buffer;
  sequence: number;
}

export function originOf(epoch: bigint, sequence = 0): FrameOrigin {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(epoch);
  return { epoch: bytes, sequence };
}

/**
 * @param origin    of the frame that holds the record, which must be the record's own; null: there is no frame
 * @returns         null when `buffer[from, to)` is no record that this build reads
 */
export function contentOf(
  buffer: Buffer,
  from: number,
  to: number,
  origin: FrameOrigin | null = null,
): RecordContent | null {
  return scan.record(buffer, from, to, origin);
}

/** One pass over a record. A method returns false when it meets what no sidecar writes. Tags are the encoder's. */
export class RecordScan extends PartCursor {
  /** Version, pod and epoch of the last good record that came in a frame, and the origin of that frame. */
  readonly #start = new KnownBytes();
  #startOrigin: FrameOrigin | null = null;
  /** Of the last good request: the bytes between its served time and its first vector, and the counts in them. */
  readonly #head = new KnownBytes();
  readonly #headCounts = { ...NOTHING };
  /** The counts of the present request so far. */
  readonly #counts = { ...NOTHING };
  /** How many keys, rows and statuses of on-demand views each vector of the request has; -1: none came yet. */
  #keys = -1;
  #rows = -1;
  #computed = -1;

  record(buffer: Buffer, from: number, to: number, origin: FrameOrigin | null): RecordContent | null {
    this.goTo(buffer, from);
    let [version, sequence, part, parts] = [0, 0, 0, 0];
    let content: RecordContent | null = null;
    let isOfEpoch = false;
    let startTo = -1;
    if (origin !== null && origin === this.#startOrigin && this.#start.isAt(this.view, from, to)) {
      version = 1;
      isOfEpoch = true;
      this.at += this.#start.length;
    }
    // Whether nothing but version, pod and epoch came so far, and is not known.
    let isStart = origin !== null && this.at === from;
    while (this.at < to) {
      const tagAt = this.at;
      const tag = this.varint(to);
      if (tag === 0x08) version = this.varint(to);
      else if (tag === 0x20) {
        sequence = this.varint(to);
        isStart &&= version === 1 && isOfEpoch && content === null && part === 0 && parts === 0;
        if (isStart) startTo = tagAt;
        isStart = false;
      } else if (tag === 0x28) part = this.varint(to);
      else if (tag === 0x30) parts = this.varint(to);
      else if (tag === 0x12) {
        if (!this.text(to)) return null;
      } else if (tag === 0x19) {
        const at = this.at;
        if (!this.skip(8, to)) return null;
        isOfEpoch = origin === null || buffer.compare(origin.epoch, 0, 8, at, at + 8) === 0;
      } else {
        const found = CONTENTS[tag];
        if (found === undefined) {
          if (!this.unknown(tag, 10, to)) return null;
          continue;
        }
        if (content !== null || !this.#content(found, to)) return null;
        content = found;
      }
    }
    if (this.at !== to || version !== 1 || sequence < 0) return null;
    if (origin !== null && (sequence !== origin.sequence || !isOfEpoch)) return null;
    if (startTo !== -1) {
      this.#start.keep(buffer, from, startTo);
      this.#startOrigin = origin;
    }
    if (content === 'part') return part >= 1 && part <= parts && parts <= MAX_PARTS ? content : null;
    return part === 0 && parts === 0 ? content : null;
  }

  #content(content: RecordContent, to: number): boolean {
    if (content === 'part') return this.bytes(to);
    const end = this.message(to);
    return content === 'served' ? this.#served(end) : this.heartbeat(end);
  }

  #served(to: number): boolean {
    this.#keys = -1;
    this.#rows = -1;
    this.#computed = -1;
    // The counts of a known head, or, once another field came, of this request.
    let counts: Readonly<Counts> = NOTHING;
    // Where a head begins that is not known.
    let headFrom = -1;
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tagAt = this.at;
      const tag = this.varint(to);
      if (tag === 0x52) {
        if (headFrom !== -1) this.#keepHead(headFrom, tagAt, counts);
        headFrom = -1;
        fits = this.#vector(this.message(to));
      } else if (tag === 0x0a) fits = this.text(to);
      else if (tag === 0x11) {
        fits = this.time(to);
        headFrom = -1;
        if (counts !== NOTHING) continue;
        if (this.#head.isAt(this.view, this.at, to)) {
          this.at += this.#head.length;
          counts = this.#headCounts;
        } else headFrom = this.at;
      } else {
        if (counts !== this.#counts) setCounts(this.#counts, counts);
        counts = this.#counts;
        fits = this.#headField(tag, to);
      }
    }
    return fits && this.at === to && this.#agree(counts);
  }

  /** Whether lists that belong together have one length. */
  #agree({ keyNames, policies, views, bundles, inputs, inputPolicies, onDemand }: Readonly<Counts>): boolean {
    if (bundles === 0 || (policies !== 0 && policies !== keyNames)) return false;
    if (inputPolicies !== 0 && inputPolicies !== inputs) return false;
    if (this.#rows === -1) return true;
    return this.#rows === views && this.#keys === keyNames && this.#computed === onDemand;
  }

  #headField(tag: number, to: number): boolean {
    const counts = this.#counts;
    switch (tag) {
      case 0x4a:
        counts.views += 1;
        return this.namedView(this.message(to));
      case 0x3a:
        counts.keyNames += 1;
        return this.text(to);
      case 0x32:
        counts.bundles += 1;
        return this.bundle(to);
      case 0x62:
        counts.inputs += 1;
        return this.text(to);
      case 0x70:
      case 0x72: {
        const policies = this.enums(tag & 7, MAX_POLICY, to);
        counts.policies += policies;
        return policies >= 0;
      }
      case INPUT_POLICY:
      case INPUT_POLICIES: {
        const policies = this.enums(tag & 7, MAX_POLICY, to);
        counts.inputPolicies += policies;
        return policies >= 0;
      }
      case ON_DEMAND:
        counts.onDemand += 1;
        return this.onDemandView(this.message(to));
      case 0x69:
        return this.time(to);
      case 0x18:
        return this.upTo(MAX_SURFACE, to);
      case 0x28:
        return this.upTo(MAX_INT32, to);
      case 0x22:
      case 0x42:
      case 0x7a:
        return this.text(to);
      case 0x5a:
        return this.bytes(to);
      default:
        return this.unknown(tag, 17, to);
    }
  }

  /** Each field of these bytes was good, whatever comes after them. */
  #keepHead(from: number, to: number, counts: Readonly<Counts>): void {
    this.#head.keep(this.buffer, from, to);
    setCounts(this.#headCounts, counts);
  }

  #vector(to: number): boolean {
    let [keys, rows, lastNull, computed] = [0, 0, -1, 0];
    let fits = to >= 0;
    while (fits && this.at < to) {
      const tag = this.varint(to);
      if (tag === 0x1a) {
        fits = this.row(this.message(to));
        rows += 1;
      } else if (tag === 0x0a) {
        fits = this.text(to);
        keys += 1;
      } else if (tag === 0x10 || tag === 0x12) {
        const end = tag === 0x12 ? this.message(to) : this.at + 1;
        fits = end >= 0;
        while (fits && this.at < end) {
          const index = this.varint(to);
          fits = index >= 0;
          if (index > lastNull) lastNull = index;
        }
      } else if (tag === 0x22 || tag === 0x2a) fits = this.bytes(to);
      else if (tag === 0x30 || tag === 0x32) {
        const statuses = this.enums(tag & 7, MAX_STATUS, to);
        fits = statuses >= 0;
        computed += statuses;
      } else if (tag === 0x3a || tag === 0x42) fits = this.hmac(to);
      else fits = this.unknown(tag, 8, to);
    }
    if (!fits || this.at !== to || lastNull >= keys) return false;
    const isLikeOthers =
      this.#rows === -1 || (this.#rows === rows && this.#keys === keys && this.#computed === computed);
    this.#rows = rows;
    this.#keys = keys;
    this.#computed = computed;
    return isLikeOthers;
  }
}

const scan = new RecordScan();
