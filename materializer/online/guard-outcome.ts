/**
 * The guard of a write online, as a pure function: the SQLite store calls it, and the script that Redis runs is
 * tested against it.
 *
 *   stored row                                        outcome
 *   none, or one that readers call corrupt            written
 *   same definition id, (event, created) smaller      written
 *   same id, same pair, same values                   equal, not written
 *   same id, same pair, other values                  conflict, written
 *   same id, pair greater                             older, not written
 *   id superseded by the writer's                     written
 *   id unknown to the writer: a newer definition      superseded, not written
 *
 * Values are what follows the header. The written time is no part of the comparison: it differs in every run, and a
 * row that a re-run brings again is the same row.
 */
import { hasRowTimes, HEADER_BYTES, ORDER_FROM, ORDER_TO } from '../../contract/wire/online/row-header.ts';

/** In the order of the codes that the script answers with. */
export const OUTCOMES = ['written', 'older', 'equal', 'conflict', 'superseded'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Rows by outcome. */
export type WriteCounts = Record<Outcome, number>;

export function noWrites(): WriteCounts {
  return { written: 0, older: 0, equal: 0, conflict: 0, superseded: 0 };
}

/** Adds `counts` to `total`. */
export function addWrites(total: WriteCounts, counts: WriteCounts): void {
  for (const outcome of OUTCOMES) total[outcome] += counts[outcome];
}

export function isWrite(outcome: Outcome): boolean {
  return outcome === 'written' || outcome === 'conflict';
}

/**
 * @param stored    what stands in the field, or null; fewer bytes than a header, or impossible times, are no row
 * @param incoming  header and values
 * @param supersededIds  definition ids that the incoming row's takes the place of
 */
export function guardOutcome(
  stored: Buffer | null,
  incoming: Buffer,
  supersededIds: readonly number[],
): Outcome {
  if (stored === null || stored.length < HEADER_BYTES || !hasRowTimes(stored)) return 'written';
  const storedId = stored.readUInt32BE(0);
  if (storedId !== incoming.readUInt32BE(0))
    return supersededIds.includes(storedId) ? 'written' : 'superseded';
  const order = incoming.compare(stored, ORDER_FROM, ORDER_TO, ORDER_FROM, ORDER_TO);
  if (order !== 0) return order > 0 ? 'written' : 'older';
  return incoming.subarray(HEADER_BYTES).equals(stored.subarray(HEADER_BYTES)) ? 'equal' : 'conflict';
}
