/**
 * How far a consumer of the spool (Kafka's shipper, ingest) has come: `{consumer}.cursor` in the spool's folder, one
 * line of JSON, written aside, synced, renamed, and the folder synced. A consumer first makes what it read durable and
 * then advances its cursor: after a crash in between it reads the same records again and misses none.
 *
 *   {"consumer":"ingest","format":1,"offset":1234,"segment":"1795254228223264-1224a69edb735db1-00000002.seg",
 *    "sequence":57}
 *
 * Segments whose name comes before `segment`, and bytes before `offset` in it, are passed; `sequence` is the last
 * number read in that epoch, so that what is missing right behind it is seen.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../std/canonical-json.ts';
import { CodedError } from '../../std/coded-error.ts';
import { writeDurably } from '../../std/files/durable-file.ts';
import { filesOf, parseSegmentFile } from './spool-segment.ts';

/** Where the next record to read begins, or would. */
export interface SpoolPosition {
  readonly segment: string;
  readonly offset: number;
  /** The last number read in the segment's epoch; 0: none. */
  readonly sequence: number;
}

const FORMAT = 1;
const SUFFIX = '.cursor';
const CONSUMER = /^[a-z][a-z0-9-]{0,62}$/;

/**
 * @returns  the consumer's position, or null when it has never advanced
 * @throws   REG_STORE when the file is no cursor: guessing would skip records or read all of them again
 */
export function readCursor(folder: string, consumer: string): SpoolPosition | null {
  const file = cursorFile(folder, consumer);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const position = parseCursor(text);
  if (position !== null) return position;
  const help = 'What was read before comes a second time.';
  const message = `${file} should hold a cursor of format ${FORMAT}; remove it to read the spool from its beginning`;
  throw new CodedError({ code: 'REG_STORE', kind: 'failed' }, message, { file, help });
}

function parseCursor(text: string): SpoolPosition | null {
  try {
    const { format, segment, offset, sequence } = JSON.parse(text) as Record<string, unknown>;
    if (format !== FORMAT || typeof segment !== 'string' || !isCount(offset) || !isCount(sequence))
      return null;
    return parseSegmentFile(segment) === null ? null : { segment, offset, sequence };
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Durable when it returns. Positions only ever grow; one that lies before the cursor's is refused. */
export function advanceCursor(folder: string, consumer: string, position: SpoolPosition): void {
  const before = readCursor(folder, consumer);
  if (before !== null && comparePositions(position, before) < 0) {
    throw new RangeError(
      `the cursor of ${consumer} stands at ${before.segment}:${before.offset} and cannot go back to ` +
        `${position.segment}:${position.offset}`,
    );
  }
  const { segment, offset, sequence } = position;
  const cursor = { format: FORMAT, consumer, segment, offset, sequence };
  writeDurably(cursorFile(folder, consumer), `${canonicalJson(cursor)}\n`);
}

export function comparePositions(a: SpoolPosition, b: SpoolPosition): number {
  if (a.segment !== b.segment) return a.segment < b.segment ? -1 : 1;
  return a.offset - b.offset;
}

/** @returns the names of all consumers that have a cursor in this spool */
export function cursorConsumers(folder: string): string[] {
  return filesOf(folder)
    .filter((file) => file.endsWith(SUFFIX) && CONSUMER.test(file.slice(0, -SUFFIX.length)))
    .map((file) => file.slice(0, -SUFFIX.length))
    .toSorted();
}

function cursorFile(folder: string, consumer: string): string {
  if (!CONSUMER.test(consumer)) throw new TypeError(`${JSON.stringify(consumer)} is no name for a consumer`);
  return join(folder, `${consumer}${SUFFIX}`);
}
