/**
 * What was deleted on purpose: `passed.json` in the spool's folder names the last segment that every consumer had
 * passed; it and those before it may be gone. The mark is durable before the first of them is removed, so a missing
 * segment that it does not cover is a loss of records. Written by the spool's sweep, read by every reader.
 *
 *   {"format":1,"segment":"1795254228223264-1224a69edb735db1-00000002.seg"}
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../std/canonical-json.ts';
import { parseSegmentFile } from './spool-segment.ts';

export const PASSED_FILE = 'passed.json';
const FORMAT = 1;

/** @returns the mark's segment; empty: nothing was deleted in order, or nobody knows (no mark, or a damaged one) */
export function readPassedMark(folder: string): string {
  try {
    const { format, segment } = JSON.parse(readFileSync(join(folder, PASSED_FILE), 'utf8')) as {
      format?: unknown;
      segment?: unknown;
    };
    return format === FORMAT && typeof segment === 'string' && parseSegmentFile(segment) !== null
      ? segment
      : '';
  } catch {
    return '';
  }
}

export function passedMarkText(segment: string): string {
  return `${canonicalJson({ format: FORMAT, segment })}\n`;
}
