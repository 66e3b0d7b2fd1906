/**
 * Which segments may be deleted: those that every configured consumer has passed, and never the one being written.
 * Without consumers the spool itself is the log, and nothing is deleted. Called by spool.ts once a second.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readCursor } from '../../registry/wire/spool-cursor.ts';
import { listSegments } from '../../registry/wire/spool-segment.ts';
import type { Talk } from '../../registry/std/talk.ts';
import type { SpoolFiles } from './spool-files.ts';

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

export interface SweepParts {
  readonly folder: string;
  readonly consumers: readonly string[];
  readonly files: SpoolFiles;
  readonly talk: Talk;
}

/** Deletes passed segments, and says once why it cannot. */
export class SegmentSweep {
  readonly #parts: SweepParts;
  #fault = '';

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** @param onDeleted  told of each with its size */
  sweep(current: string | null, onDeleted: (bytes: number) => void): void {
    const { folder, consumers, files, talk } = this.#parts;
    try {
      for (const file of passedSegments(folder, consumers, current)) {
        const path = join(folder, file);
        const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
        files.remove(path);
        onDeleted(bytes);
      }
      this.#fault = '';
    } catch (error) {
      const fault = (error as Error).message;
      if (fault !== this.#fault) talk.warn(`passed segments in ${folder} cannot be deleted: ${fault}`);
      this.#fault = fault;
    }
  }
}
