/**
 * Which segments may be deleted: those that every configured consumer has passed, and never the one being written.
 * Without consumers the spool itself is the log, and nothing is deleted. Called by spool.ts once a second.
 */
import { statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PASSED_FILE, passedMarkText, readPassedMark } from '../../contract/wire/log/passed-mark.ts';
import { readCursor } from '../../contract/wire/log/spool-cursor.ts';
import { listSegments } from '../../contract/wire/log/spool-segment.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { DISK } from './spool-files.ts';
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

interface SweepParts {
  readonly folder: string;
  readonly consumers: readonly string[];
  readonly files: SpoolFiles;
  readonly logger: Logger;
}

/** Deletes passed segments, after it was made durable which are gone in order; logs once why it cannot. */
export class SegmentSweep {
  readonly #parts: SweepParts;
  #fault = '';
  #sweeping: Promise<void> | null = null;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** Only one runs at a time. @param onDeleted  called for each segment with its size */
  sweep(current: string | null, onDeleted: (bytes: number) => void): Promise<void> {
    this.#sweeping ??= this.#sweep(current, onDeleted).finally(() => (this.#sweeping = null));
    return this.#sweeping;
  }

  async #sweep(current: string | null, onDeleted: (bytes: number) => void): Promise<void> {
    const { folder, consumers, files, logger } = this.#parts;
    try {
      const passed = passedSegments(folder, consumers, current);
      const last = passed.at(-1);
      if (last !== undefined && last > readPassedMark(folder)) await writePassedMark(folder, last);
      for (const file of passed) {
        const path = join(folder, file);
        const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
        files.remove(path);
        onDeleted(bytes);
      }
      this.#fault = '';
    } catch (error) {
      const fault = (error as Error).message;
      if (fault !== this.#fault) logger.warn(`passed segments in ${folder} cannot be deleted: ${fault}`);
      this.#fault = fault;
    }
  }
}

/** Durable when it is done; asynchronous, since answers must not wait for a disk. */
async function writePassedMark(folder: string, segment: string): Promise<void> {
  const file = join(folder, PASSED_FILE);
  const aside = await open(`${file}.tmp`, 'w', 0o600);
  try {
    await aside.writeFile(passedMarkText(segment));
    await aside.sync();
  } finally {
    await aside.close();
  }
  await rename(`${file}.tmp`, file);
  await DISK.syncFolder(folder);
}
