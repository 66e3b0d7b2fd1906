/** How far the consumers of a spool are behind it, from their cursors and the sizes of its files. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readCursor } from '../../registry/wire/spool-cursor.ts';
import type { SpoolPosition } from '../../registry/wire/spool-cursor.ts';
import { listSegments } from '../../registry/wire/spool-segment.ts';
import { logError } from './errors.ts';

export interface ConsumerStatus {
  readonly consumer: string;
  /** null: it has not passed anything yet. */
  readonly position: SpoolPosition | null;
  /** What lies behind its cursor. */
  readonly lagBytes: number;
}

/** @throws LOG_CURSOR when a cursor is damaged */
export function consumerLags(spool: string, consumers: readonly string[]): ConsumerStatus[] {
  const sizes = listSegments(spool).map(({ file }): [string, number] => [
    file,
    // Deleted meanwhile: every consumer had passed it.
    statSync(join(spool, file), { throwIfNoEntry: false })?.size ?? 0,
  ]);
  return consumers.map((consumer) => {
    const position = cursorOf(spool, consumer);
    let lagBytes = 0;
    for (const [file, size] of sizes) {
      if (position === null || file > position.segment) lagBytes += size;
      else if (file === position.segment) lagBytes += Math.max(0, size - position.offset);
    }
    return { consumer, position, lagBytes };
  });
}

function cursorOf(spool: string, consumer: string): SpoolPosition | null {
  try {
    return readCursor(spool, consumer);
  } catch (error) {
    throw logError('LOG_CURSOR', (error as Error).message, {}, error);
  }
}
