/**
 * Segments of the spool: what a file is called, how it begins, and how its frames are read back, damage and all.
 *
 *   segment = header | frame*                                                    a file of at most 64 MiB, mode 0600
 *   name    = {start of the epoch, us, 16 digits}-{epoch, 16 hex}-{number, 8 digits}.seg      in order when sorted
 *   header  = "PLs1" u32 | version u16 | header bytes u16 | epoch u64 | number u32 | first sequence u64
 *             | created us u64 | pod bytes u16 | pod UTF-8 | crc32 u32 of all before it          little endian
 *
 * The name repeats what a reader needs most, so that a segment whose header is damaged still gives its frames.
 * Called by segment-reader.ts and spool-walk.ts, and by the writer of segments.
 */
import { readdirSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export const MAX_SEGMENT_BYTES = 64 * 2 ** 20;

const SEGMENT_MAGIC = Buffer.from('PLs1', 'latin1');
const VERSION = 1;
const FIXED_BYTES = 38;
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

export interface SegmentHeader {
  readonly epoch: bigint;
  readonly number: number;
  readonly firstSequence: number;
  readonly createdUs: number;
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
  bytes.writeUInt16LE(pod.length, 36);
  pod.copy(bytes, FIXED_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

/** @returns null when the bytes do not begin with an intact header of a version that this build reads */
export function readSegmentHeader(bytes: Buffer): (SegmentHeader & { readonly bytes: number }) | null {
  if (bytes.length < FIXED_BYTES || !bytes.subarray(0, 4).equals(SEGMENT_MAGIC)) return null;
  const length = bytes.readUInt16LE(6);
  const podBytes = bytes.readUInt16LE(36);
  if (bytes.readUInt16LE(4) !== VERSION || length !== FIXED_BYTES + podBytes + 4 || length > bytes.length) {
    return null;
  }
  if (crc32(bytes.subarray(0, length - 4)) !== bytes.readUInt32LE(length - 4)) return null;
  return {
    bytes: length,
    epoch: bytes.readBigUInt64LE(8),
    number: bytes.readUInt32LE(16),
    firstSequence: Number(bytes.readBigUInt64LE(20)),
    createdUs: Number(bytes.readBigUInt64LE(28)),
    pod: bytes.toString('utf8', FIXED_BYTES, FIXED_BYTES + podBytes),
  };
}
