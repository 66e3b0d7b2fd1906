/**
 * How far the consumers of a spool are behind its writer, from their cursors, the sizes of its files, and the first
 * record after each cursor. Called by `log status`, and by consumer-watch.ts for the metrics.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SegmentEnds } from '../../contract/wire/log/segment-ends.ts';
import { readCursor } from '../../contract/wire/log/spool-cursor.ts';
import type { SpoolPosition } from '../../contract/wire/log/spool-cursor.ts';
import { listSegments } from '../../contract/wire/log/spool-segment.ts';
import type { SegmentName } from '../../contract/wire/log/spool-segment.ts';
import { logError } from '../spool/errors.ts';

export interface SizedSegment extends SegmentName {
  readonly bytes: number;
}

export interface ConsumerLag {
  readonly consumer: string;
  /** null: it has not passed anything yet. */
  readonly position: SpoolPosition | null;
  /** Bytes after its cursor. */
  readonly lagBytes: number;
  /** When the first record after its cursor was written; null when none waits, or its time is not known. */
  readonly oldestUs: number | null;
}

/** @returns the segments of a spool that are there, in order of writing */
export async function sizedSegments(folder: string): Promise<SizedSegment[]> {
  const sized: SizedSegment[] = [];
  for (const name of listSegments(folder)) {
    const bytes = await ifThere(stat(join(folder, name.file)));
    if (bytes !== null) sized.push({ ...name, bytes: bytes.size });
  }
  return sized;
}

/** @throws LOG_CURSOR when the consumer's cursor is damaged */
export function cursorOf(folder: string, consumer: string): SpoolPosition | null {
  try {
    return readCursor(folder, consumer);
  } catch (error) {
    throw logError('LOG_CURSOR', (error as Error).message, {}, error);
  }
}

/** A spool as it was listed, and the reader of its segments. */
interface SpoolView {
  readonly folder: string;
  readonly segments: readonly SizedSegment[];
  readonly ends: SegmentEnds;
}

/** @throws the file system's error */
export async function lagOf(
  { folder, segments, ends }: SpoolView,
  consumer: string,
  position: SpoolPosition | null,
): Promise<ConsumerLag> {
  let lagBytes = 0;
  let oldestUs: number | null = null;
  for (const segment of segments) {
    if (position !== null && segment.file < position.segment) continue;
    const from = segment.file === position?.segment ? position.offset : 0;
    if (segment.bytes <= from) continue;
    lagBytes += segment.bytes - from;
    oldestUs ??= await ifThere(ends.firstTime(join(folder, segment.file), segment, from));
  }
  return { consumer, position, lagBytes, oldestUs };
}

/** @returns null where the file was deleted meanwhile: every consumer had passed it */
export async function ifThere<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
