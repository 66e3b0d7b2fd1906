/**
 * What the log lacks of the days that labels look for their vectors on: records that never came, files that are gone,
 * and what is not ingested yet. A label of such a day may lack its vector, or get an earlier one.
 */
import { countText } from '../../contract/std/count-text.ts';
import { DAY_US, dayOf, formatTimestamp } from '../../contract/std/timestamp.ts';
import type { PinnedFiles } from '../../project/archive/pinned-files.ts';
import { trainingError } from '../errors.ts';

/** The times that labels' vectors may have, both ends included. */
export interface LogSpan {
  readonly fromUs: number;
  readonly toUs: number;
}

/** What the log lacks of a day. */
interface LackingDay {
  readonly day: string;
  readonly records: number;
  readonly files: number;
}

/** Days past this number are counted, not named. */
const MOST_NAMED = 10;

/** @returns the days of the span that the log lacks something of, in their order */
export function lackingDays(
  { ledger, lost }: Pick<PinnedFiles, 'ledger' | 'lost'>,
  span: LogSpan,
): LackingDay[] {
  const days = new Map<string, { records: number; files: number }>();
  const of = (day: string): { records: number; files: number } => {
    const known = days.get(day) ?? { records: 0, files: 0 };
    days.set(day, known);
    return known;
  };
  for (const gap of ledger.epochs().flatMap((epoch) => epoch.gaps())) {
    // Between the record before the gap and the one after it; without one before, only the latter is known.
    const from = Math.max(gap.beforeUs === 0 ? gap.afterUs : gap.beforeUs, span.fromUs);
    const to = Math.min(gap.afterUs, span.toUs);
    if (from > to) continue;
    for (const day of daysBetween(from, to)) of(day).records += gap.to - gap.from + 1;
  }
  const [first, last] = [dayOf(span.fromUs), dayOf(span.toUs)];
  for (const { hour, files } of lost) {
    const day = hour.slice(0, 10);
    if (day >= first && day <= last) of(day).files += files;
  }
  return [...days].map(([day, lacks]) => ({ day, ...lacks })).toSorted((a, b) => (a.day < b.day ? -1 : 1));
}

function daysBetween(fromUs: number, toUs: number): string[] {
  const days: string[] = [];
  for (let us = fromUs - (fromUs % DAY_US); us <= toUs; us += DAY_US) days.push(dayOf(us));
  return days;
}

/** @returns a sentence for each day; for all beyond the first ten one */
function lackingNotes(days: readonly LackingDay[]): string[] {
  const named = days.slice(0, MOST_NAMED).map(({ day, records, files }) => {
    const what = [
      ...(records === 0 ? [] : [`${countText(records, 'record')} that never came`]),
      ...(files === 0
        ? []
        : [`${countText(files, 'file')} of the archive that ${files === 1 ? 'is' : 'are'} gone`]),
    ];
    return `The log of ${day} has gaps: ${what.join(' and ')}.`;
  });
  const left = days.length - named.length;
  return left === 0 ? named : [...named, `So has that of ${countText(left, 'more day')}.`];
}

/**
 * @returns the same as notes, where they are taken
 * @throws  TRAIN_GAPS where they are not
 */
export function refuseGaps(days: readonly LackingDay[], areAllowed: boolean): string[] {
  const notes = lackingNotes(days);
  if (days.length === 0 || areAllowed) return notes;
  throw trainingError('TRAIN_GAPS', notes.join(' '));
}

/** @returns what else the reader should know of the log's ends, one sentence each */
export function endNotes({ ledger }: Pick<PinnedFiles, 'ledger'>, { fromUs, toUs }: LogSpan): string[] {
  const tails = ledger.epochs().flatMap((epoch) => {
    const tail = epoch.openTail();
    return tail !== null && tail.lastUs >= fromUs && tail.lastUs < toUs && tail.lossAtMost !== 0
      ? [tail]
      : [];
  });
  const notes = tails.map(({ pod, lastUs, lossAtMost }) => {
    const most =
      lossAtMost === null ? 'an unknown number of records' : `at most ${countText(lossAtMost, 'record')}`;
    return `${pod} has no last record: ${most} after ${formatTimestamp(lastUs)} may lack.`;
  });
  const keptFrom = ledger.archives.reduce(
    (latest, one) => (one.keptFrom > latest ? one.keptFrom : latest),
    '',
  );
  if (keptFrom !== '' && dayOf(fromUs) < keptFrom)
    notes.push(`Days before ${keptFrom} are no longer kept (monitor.keepServedDays).`);
  return notes;
}
