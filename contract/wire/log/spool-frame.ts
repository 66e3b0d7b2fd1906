/**
 * A frame of the spool: one record, or one part of one.
 *
 *    0            4                8           12              20
 *   +------------+----------------+-----------+---------------+---------------------+
 *   | u32 magic  | u32 length     | u32 crc32 | u64 sequence  | payload, length B   |   little endian
 *   | "PLf1"     | at most 1 MiB  |           |               | a `Record`          |
 *   +------------+----------------+-----------+---------------+---------------------+
 *   crc32 = zlib's over: epoch u64 | length u32 | sequence u64 | payload
 *
 * The epoch in the CRC keeps bytes of another start (a recycled disk block, a copied file) from passing as a frame of
 * this one. The CRC is taken in one call: the length is written into its slot first, where it stands right before
 * sequence and payload, and then overwritten.
 */
import { crc32 } from 'node:zlib';
import { crcPassed, crcWord } from './crc.ts';
import type { ReadySpans } from './ready-bytes.ts';

export const FRAME_MAGIC = Buffer.from('PLf1', 'latin1');
export const FRAME_HEADER_BYTES = 20;
export const MAX_PAYLOAD_BYTES = 2 ** 20;

const MAGIC = FRAME_MAGIC.readUInt32LE(0);
const CRC_AT = 8;

/** @returns the CRC of the epoch, with which that of each of its frames begins */
export function epochCrc(epoch: bigint): number {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(epoch);
  return crc32(bytes);
}

/** Writes the header of a frame at `at`, before its payload; `sealFrame` adds the CRC. */
export function beginFrame(buffer: Buffer, at: number, payloadBytes: number, sequence: number): void {
  writeUInt32(buffer, at, MAGIC);
  writeUInt32(buffer, at + 4, payloadBytes);
  writeUInt32(buffer, at + 12, sequence >>> 0);
  writeUInt32(buffer, at + 16, Math.floor(sequence / 2 ** 32));
}

/**
 * Writes the CRC of a frame whose header and payload are complete.
 *
 * @param seed   the epoch's CRC
 * @param ready  the parts of the payload whose CRC is known; null: none
 */
export function sealFrame(buffer: Buffer, at: number, seed: number, ready: ReadySpans | null): void {
  const payloadBytes = frameLength(buffer, at);
  writeUInt32(buffer, at + CRC_AT, payloadBytes);
  const [from, to] = [at + CRC_AT, at + FRAME_HEADER_BYTES + payloadBytes];
  const crc = ready === null ? crc32(buffer.subarray(from, to), seed) : ready.crc(buffer, from, to, seed);
  writeUInt32(buffer, at + CRC_AT, crc);
}

/** Returned by `frameAt` in place of a length: the bytes are no frame, or too few to tell. */
export const NO_FRAME = -1;
export const CUT_SHORT = -2;

/**
 * @param end   where the bytes end; the buffer's bytes are touched while the CRC is taken, and left as they were
 * @param seed  the epoch's CRC
 * @returns     the payload's bytes of the whole and intact frame at `at`, or NO_FRAME, or CUT_SHORT when what is
 *              there could be the beginning of one
 */
export function frameAt(buffer: Buffer, at: number, end: number, seed: number): number {
  if (end - at < FRAME_HEADER_BYTES) return CUT_SHORT;
  if (readUInt32(buffer, at) !== MAGIC) return NO_FRAME;
  const length = readUInt32(buffer, at + 4);
  if (length > MAX_PAYLOAD_BYTES || readUInt32(buffer, at + 16) >= 2 ** 21) return NO_FRAME;
  const frameEnd = at + FRAME_HEADER_BYTES + length;
  if (frameEnd > end) return CUT_SHORT;
  const expected = readUInt32(buffer, at + CRC_AT);
  writeUInt32(buffer, at + CRC_AT, length);
  const crc = crc32(buffer.subarray(at + CRC_AT, frameEnd), seed);
  writeUInt32(buffer, at + CRC_AT, expected);
  return crc === expected ? length : NO_FRAME;
}

/** Checked at once: small enough to be in the processor's cache still when its CRC is computed. */
const RUN_BYTES = 128 * 1024;

/** @returns the end of the run of frames that begins at `at`, by their headers alone */
export function runEnd(buffer: Buffer, at: number, end: number): number {
  const limit = Math.min(end, at + RUN_BYTES);
  let to = at;
  while (to + FRAME_HEADER_BYTES <= limit && readUInt32(buffer, to) === MAGIC) {
    const length = readUInt32(buffer, to + 4);
    const next = to + FRAME_HEADER_BYTES + length;
    if (length > MAX_PAYLOAD_BYTES || readUInt32(buffer, to + 16) >= 2 ** 21 || next > limit) break;
    to = next;
  }
  return to;
}

/**
 * Checks the CRCs of all frames of a run with one call: each frame's CRC tells what its payload does to a register, and
 * from these follows the CRC that all the bytes together must have. One damaged frame is found as surely as by its own
 * CRC; several pass with a chance of 2^-32, as any damage does.
 *
 * @param to  as `runEnd` has found it
 */
export function isRunIntact(buffer: Buffer, at: number, to: number, seed: number): boolean {
  let register = -1;
  for (let frame = at; frame < to;) {
    const length = readUInt32(buffer, frame + 4);
    const crc = readUInt32(buffer, frame + CRC_AT);
    // Two registers go over the header: that of the run, and that of the frame's own CRC, which takes length and
    // sequence from ~seed on. Only their sum is needed, and over what both take it is one register.
    const behindLength = crcWord(crcWord(register, MAGIC), length);
    const atSequence = crcWord(behindLength, crc) ^ crcWord(~seed, length);
    const sum = crcWord(crcWord(atSequence, 0), 0);
    register = crcPassed(sum, length) ^ ~crc;
    frame += FRAME_HEADER_BYTES + length;
  }
  return crc32(buffer.subarray(at, to)) === ~register >>> 0;
}

/** @returns the payload's bytes of the frame at `at`, which is known to be intact */
export function frameLength(buffer: Buffer, at: number): number {
  return readUInt32(buffer, at + 4);
}

/** @returns the sequence number of the frame at `at`, which `frameAt` has found intact */
export function frameSequence(buffer: Buffer, at: number): number {
  return readUInt32(buffer, at + 16) * 2 ** 32 + readUInt32(buffer, at + 12);
}

// Buffer's own readers and writers check bounds on each call; these are inlined and do not.
function writeUInt32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value;
  buffer[at + 1] = value >>> 8;
  buffer[at + 2] = value >>> 16;
  buffer[at + 3] = value >>> 24;
}

function readUInt32(buffer: Buffer, at: number): number {
  return (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)) >>> 0;
}
