/**
 * Which files of a history are read for labels of given times, and in which order: those of the labels' days, then
 * older ones, the newest first, since most entities have a row near their label; where there is a base that lies before
 * all labels, it stands for everything before it.
 */
import { dayOf } from '../../contract/std/timestamp.ts';
import type { HistoryBase } from './history-base.ts';
import type { HistoryFile } from './history-snapshot.ts';

/** How many days the first part holds that lies before all labels; each further one has twice as many. */
const DAYS_BEFORE = 7;
/** Labels lie anywhere in time, days do not. */
const LAST_DAY_US = Date.UTC(9999, 11, 31) * 1_000;

/** What is read together: a base, where there is one, and files of rows. */
interface HistoryPart {
  readonly base: HistoryBase | null;
  readonly files: readonly HistoryFile[];
}

/**
 * @param files    by day, the oldest first
 * @param bases    of the same definitions, the earliest first, none made at a later entry than `files` are of
 * @param firstUs  the earliest time of a label, before any delay is taken off it
 * @param lastUs   rows of event times after it are seen by no label
 * @returns        parts whose event times all lie before those of the part before; at least one, which may be empty
 */
export function historyParts(
  files: readonly HistoryFile[],
  bases: readonly HistoryBase[],
  firstUs: number,
  lastUs: number,
): HistoryPart[] {
  const base = bases.findLast(({ beforeUs }) => beforeUs <= firstUs) ?? null;
  const days = Map.groupBy(files, ({ day }) => day);
  const from = base === null ? '' : dayOf(base.beforeUs);
  const read = [...days.keys()].filter((day) => day >= from);
  const parts = dayParts(read, firstUs, lastUs).map((names): HistoryPart => {
    return { base: null, files: names.flatMap((day) => days.get(day)!) };
  });
  if (base === null) return parts;
  const late = files.filter(({ day, version }) => day < from && version > base.version);
  return [...parts, { base, files: late }];
}

/**
 * @param days  oldest first
 * @returns     the days of the labels, then those before them, the newest first. At least one part, which may have no
 * day
 */
export function dayParts(days: readonly string[], firstUs: number, lastUs: number): string[][] {
  const [first, last] = [firstUs, lastUs].map((us) => dayOf(Math.min(Math.max(us, 0), LAST_DAY_US)));
  const seen = days.filter((day) => day <= last!);
  const parts = [seen.filter((day) => day >= first!)];
  const before = seen.filter((day) => day < first!);
  for (let size = DAYS_BEFORE; before.length > 0; size *= 2) parts.push(before.splice(-size));
  return parts;
}
