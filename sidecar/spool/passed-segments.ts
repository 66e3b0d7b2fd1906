/**
 * Which segments may be deleted: those that every configured consumer has passed, and never the one being written.
 * Without consumers the spool itself is the log, and nothing is deleted. Called by spool.ts once a second.
 */
import { readCursor } from '../../registry/wire/spool-cursor.ts';
import { listSegments } from '../../registry/wire/spool-segment.ts';

/**
 * @returns oldest first; none while a consumer has not advanced yet
 * @throws  TypeError when a cursor is damaged: what it passed is then unknown
 */
export function passedSegments(
  folder: string,
  consumers: readonly string[],
  current: string | null,
): string[] {
  if (consumers.length === 0) return [];
  let slowest: string | null = null;
  for (const consumer of consumers) {
    const position = readCursor(folder, consumer);
    if (position === null) return [];
    if (slowest === null || position.segment < slowest) slowest = position.segment;
  }
  return listSegments(folder)
    .map(({ file }) => file)
    .filter((file) => file < slowest! && file !== current);
}
