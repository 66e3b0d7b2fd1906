/**
 * Segments of the spool: a file's name and its header.
 *
 *   segment = header | frame*                                                    a file of at most 64 MiB, mode 0600
 *   name    = {start of the epoch, us, 16 digits}-{epoch, 16 hex}-{number, 8 digits}.seg      in order when sorted
 *   header  = "PLs1" u32 | version u16 | header bytes u16 | epoch u64 | number u32 | first sequence u64
 *             | created us u64 | previous | pod bytes u16 | pod UTF-8 | crc32 u32 of all before it    little endian
 *   previous = start us u64 | epoch u64 | number u32 | bytes u64      the segment before this one, and its length when
 *              this one was opened; number 0: there was none. Version 1 has none of it and is read all the same
 *
 * The name repeats what a reader needs most, so that a segment whose header is damaged still gives its frames.
 * Called by segment-reader.ts and spool-walk.ts, and by the writer of segments.
 */
import { readdirSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export const MAX_SEGMENT_BYTES = 64 * 2 ** 20;

const SEGMENT_MAGIC = Buffer.from('PLs1', 'latin1');
const VERSION = 2;
const UNCHAINED = 1;
/** Those that are read. */
export const SEGMENT_VERSIONS: readonly number[] = [UNCHAINED, VERSION];
const PREVIOUS_AT = 36;
const PREVIOUS_BYTES = 28;
const FIXED_BYTES = PREVIOUS_AT + PREVIOUS_BYTES + 2;
const NAME = /^(\d{16})-([0-9a-f]{16})-(\d{8})\.seg$/;

export interface SegmentName {
  readonly file: string;
  readonly startUs: number;
  /** 16 hex digits. */
  readonly epoch: string;
  /** From 1. */
  readonly number: number;
}

export function segmentFile(startUs: number, epoch: string, number: number): string {
  return `${String(startUs).padStart(16, '0')}-${epoch}-${String(number).padStart(8, '0')}.seg`;
}

/** @returns null when a file of this name is no segment; it is then left alone */
export function parseSegmentFile(file: string): SegmentName | null {
  const m = NAME.exec(file);
  if (m === null) return null;
  return { file, startUs: Number(m[1]), epoch: m[2]!, number: Number(m[3]) };
}

/** @returns the spool's segments in order of writing; none when there is no such folder */
export function listSegments(folder: string): SegmentName[] {
  const names: SegmentName[] = [];
  for (const file of filesOf(folder)) {
    const name = parseSegmentFile(file);
    if (name !== null) names.push(name);
  }
  return names.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

/** @returns the names of all files of a spool; none when there is no such folder */
export function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A segment and its length. */
export interface SegmentLink {
  readonly file: string;
  readonly bytes: number;
}

export interface SegmentHeader {
  readonly epoch: bigint;
  readonly number: number;
  readonly firstSequence: number;
  readonly createdUs: number;
  /** The segment before this one, with its length when this one was opened; null: none, or not known. */
  readonly previous: SegmentLink | null;
  readonly pod: string;
}

export function segmentHeader(header: SegmentHeader): Buffer {
  const pod = Buffer.from(header.pod).subarray(0, 65_535);
  const bytes = Buffer.alloc(FIXED_BYTES + pod.length + 4);
  SEGMENT_MAGIC.copy(bytes);
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(bytes.length, 6);
  bytes.writeBigUInt64LE(header.epoch, 8);
  bytes.writeUInt32LE(header.number, 16);
  bytes.writeBigUInt64LE(BigInt(header.firstSequence), 20);
  bytes.writeBigUInt64LE(BigInt(header.createdUs), 28);
  if (header.previous !== null) writePrevious(bytes, header.previous);
  bytes.writeUInt16LE(pod.length, FIXED_BYTES - 2);
  pod.copy(bytes, FIXED_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

function writePrevious(bytes: Buffer, { file, bytes: length }: SegmentLink): void {
  const { startUs, epoch, number } = parseSegmentFile(file)!;
  bytes.writeBigUInt64LE(BigInt(startUs), PREVIOUS_AT);
  bytes.writeBigUInt64LE(BigInt(`0x${epoch}`), PREVIOUS_AT + 8);
  bytes.writeUInt32LE(number, PREVIOUS_AT + 16);
  bytes.writeBigUInt64LE(BigInt(length), PREVIOUS_AT + 20);
}

function readPrevious(bytes: Buffer): SegmentLink | null {
  const number = bytes.readUInt32LE(PREVIOUS_AT + 16);
  if (number === 0) return null;
  const startUs = Number(bytes.readBigUInt64LE(PREVIOUS_AT));
  const epoch = bytes
    .readBigUInt64LE(PREVIOUS_AT + 8)
    .toString(16)
    .padStart(16, '0');
  return {
    file: segmentFile(startUs, epoch, number),
    bytes: Number(bytes.readBigUInt64LE(PREVIOUS_AT + 20)),
  };
}

/** @returns null when the bytes do not begin with an intact header of a version that this build reads */
export function readSegmentHeader(bytes: Buffer): (SegmentHeader & { readonly bytes: number }) | null {
  if (bytes.length < PREVIOUS_AT + 2 || !bytes.subarray(0, 4).equals(SEGMENT_MAGIC)) return null;
  const version = bytes.readUInt16LE(4);
  if (!SEGMENT_VERSIONS.includes(version)) return null;
  const fixed = version === VERSION ? FIXED_BYTES : FIXED_BYTES - PREVIOUS_BYTES;
  if (bytes.length < fixed) return null;
  const length = bytes.readUInt16LE(6);
  const podBytes = bytes.readUInt16LE(fixed - 2);
  if (length !== fixed + podBytes + 4 || length > bytes.length) return null;
  if (crc32(bytes.subarray(0, length - 4)) !== bytes.readUInt32LE(length - 4)) return null;
  return {
    bytes: length,
    epoch: bytes.readBigUInt64LE(8),
    number: bytes.readUInt32LE(16),
    firstSequence: Number(bytes.readBigUInt64LE(20)),
    createdUs: Number(bytes.readBigUInt64LE(28)),
    previous: version === VERSION ? readPrevious(bytes) : null,
    pod: bytes.toString('utf8', fixed, fixed + podBytes),
  };
}
