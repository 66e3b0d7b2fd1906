/**
 * The epoch of a start: its random number, and a time past all that the folder knows of earlier starts, so that the
 * order of names is the order of writing even when the clock went back. Called by spool.ts.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../project/clock.ts';
import { readPassedMark } from '../../contract/wire/log/passed-mark.ts';
import { cursorConsumers, readCursor } from '../../contract/wire/log/spool-cursor.ts';
import { parseSegmentFile } from '../../contract/wire/log/spool-segment.ts';
import type { SegmentLink, SegmentName } from '../../contract/wire/log/spool-segment.ts';
import type { Epoch } from './segment-writer.ts';

interface EpochOptions {
  readonly folder: string;
  readonly pod: string;
  readonly epoch: bigint;
  readonly clock: Clock;
}

/** What a start of the sidecar writes as. @param existing  all segments in the folder */
export function epochOf(options: EpochOptions, existing: readonly SegmentName[]): Epoch {
  const { folder, pod, epoch: id } = options;
  const hex = id.toString(16).padStart(16, '0');
  return { folder, pod, id, hex, startUs: startAfter(options, existing), before: lastOf(folder, existing) };
}

/** Past every earlier start, so that the order of names is the order of writing even when the clock went back. */
function startAfter({ folder, clock }: EpochOptions, existing: readonly SegmentName[]): number {
  let startUs = clock.nowUs();
  for (const name of existing) startUs = Math.max(startUs, name.startUs + 1);
  const passed = cursorConsumers(folder).map((consumer) => cursorSegment(folder, consumer));
  for (const file of [...passed, readPassedMark(folder)]) {
    const segment = parseSegmentFile(file);
    if (segment !== null) startUs = Math.max(startUs, segment.startUs + 1);
  }
  return startUs;
}

/** What the first segment of this start names as the one before it. */
function lastOf(folder: string, existing: readonly SegmentName[]): SegmentLink | null {
  const last = existing.at(-1);
  if (last === undefined) return null;
  const bytes = statSync(join(folder, last.file), { throwIfNoEntry: false })?.size;
  return bytes === undefined ? null : { file: last.file, bytes };
}

/** A damaged cursor is its consumer's to report; it does not keep the sidecar from starting. */
function cursorSegment(folder: string, consumer: string): string {
  try {
    return readCursor(folder, consumer)?.segment ?? '';
  } catch {
    return '';
  }
}
