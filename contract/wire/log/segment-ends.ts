/**
 * Reads only the two ends of a segment: the state of a spool at the price of a few kilobytes for each file, however
 * large the files are.
 *
 *   | header | frame | frame | ...... | frame | frame ~~~ torn
 *   ^ 4 KiB: pod, first number            ^ 64 KiB: the last frame, what it holds
 *                     ^ 64 KiB from a cursor on: the first record with a time
 *
 * Frames are looked for as segment-reader.ts does, by magic and CRC; more is read only where a frame is larger. All of
 * it is asynchronous, so that a disk that stands still holds up nobody's event loop. Called by `log status` and by
 * the sidecar's watch of its consumers.
 */
import { open } from 'node:fs/promises';
import { contentOf, originOf } from './record-content.ts';
import type { RecordContent } from './record-content.ts';
import { decodeRecord } from './served-decoder.ts';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, MAX_PAYLOAD_BYTES } from './spool-frame.ts';
import { epochCrc, frameAt, frameSequence } from './spool-frame.ts';
import { readSegmentHeader } from './spool-segment.ts';
import type { SegmentHeader, SegmentName } from './spool-segment.ts';

const HEAD_BYTES = 4_096;
const HEAD_BYTES_MAX = 65_536 + 64;
const PROBE_BYTES = 65_536;
/** A frame of the largest size stands whole in it, wherever it begins. */
const PROBE_BYTES_MAX = 2 * (MAX_PAYLOAD_BYTES + FRAME_HEADER_BYTES);

interface SegmentTail {
  /** Of the last whole frame. */
  readonly sequence: number;
  readonly content: RecordContent | null;
  /** When its record was written; null where it does not say. */
  readonly atUs: number | null;
  /** What follows it. */
  readonly tornBytes: number;
}

/** Reads a spool's segments and counts what that costs. */
export class SegmentEnds {
  /** Read so far. */
  bytes = 0;

  /**
   * @returns null when it is damaged. @throws the file system's error: ENOENT when the segment was deleted meanwhile
   */
  async head(path: string): Promise<(SegmentHeader & { readonly bytes: number }) | null> {
    const head = readSegmentHeader(await this.#read(path, 0, HEAD_BYTES));
    return head ?? readSegmentHeader(await this.#read(path, 0, HEAD_BYTES_MAX));
  }

  /**
   * @param from  where its frames begin
   * @param to    its size
   * @returns     null when there is no whole frame, or none within 2 MiB of the end
   * @throws      as `head`
   */
  async tail(path: string, name: SegmentName, from: number, to: number): Promise<SegmentTail | null> {
    for (let bytes = PROBE_BYTES; ; bytes = PROBE_BYTES_MAX) {
      const at = Math.max(from, to - bytes);
      const buffer = await this.#read(path, at, to - at);
      const last = [...framesIn(buffer, name)].at(-1);
      if (last !== undefined) {
        const { sequence } = last;
        const origin = originOf(BigInt(`0x${name.epoch}`), sequence);
        const content = contentOf(buffer, last.from, last.to, origin);
        return { sequence, content, atUs: timeOf(buffer, last), tornBytes: buffer.length - last.to };
      }
      if (at === from || bytes === PROBE_BYTES_MAX) return null;
    }
  }

  /**
   * @param from  where to begin: 0, or behind a frame
   * @returns     when the first record from there on was written, heartbeats included; null: there is none, or none of
   *              the next that says so
   * @throws      as `head`
   */
  async firstTime(path: string, name: SegmentName, from: number): Promise<number | null> {
    for (const bytes of [PROBE_BYTES, PROBE_BYTES_MAX]) {
      const buffer = await this.#read(path, from, bytes);
      for (const frame of framesIn(buffer, name)) {
        const atUs = timeOf(buffer, frame);
        if (atUs !== null) return atUs;
      }
      if (buffer.length < bytes) break;
    }
    return null;
  }

  async #read(path: string, offset: number, bytes: number): Promise<Buffer> {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(bytes);
      let filled = 0;
      while (filled < bytes) {
        const { bytesRead } = await file.read(buffer, filled, bytes - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      this.bytes += filled;
      return buffer.subarray(0, filled);
    } finally {
      await file.close();
    }
  }
}

interface FoundFrame {
  readonly sequence: number;
  /** The payload is `buffer[from, to)`. */
  readonly from: number;
  readonly to: number;
}

/** The whole frames of a piece of a segment, which may begin and end anywhere. */
function* framesIn(buffer: Buffer, { epoch }: SegmentName): Generator<FoundFrame> {
  const seed = epochCrc(BigInt(`0x${epoch}`));
  for (let at = buffer.indexOf(FRAME_MAGIC); at !== -1;) {
    const length = frameAt(buffer, at, buffer.length, seed);
    if (length < 0) {
      at = buffer.indexOf(FRAME_MAGIC, at + 1);
      continue;
    }
    const from = at + FRAME_HEADER_BYTES;
    yield { sequence: frameSequence(buffer, at), from, to: from + length };
    at = buffer.indexOf(FRAME_MAGIC, from + length);
  }
}

function timeOf(buffer: Buffer, { from, to }: FoundFrame): number | null {
  try {
    const record = decodeRecord(buffer.subarray(from, to));
    if (record.kind === 'part') return null;
    return record.kind === 'served' ? record.record.servedUs : record.heartbeat.atUs;
  } catch {
    return null;
  }
}
