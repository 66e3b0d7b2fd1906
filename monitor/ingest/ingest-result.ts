/** What an ingest has read and what is missing, as text and as JSON. */
import { countText } from '../../contract/std/count-text.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { EpochAccount } from '../../project/archive/epoch-account.ts';
import type { IngestCounts } from '../../project/archive/ledger.ts';
import type { LogSource, LostStarts } from './log-source.ts';

export interface IngestResult {
  /** `spool:{folder}` or `topic:{name}`. */
  readonly source: string;
  /** Counts of this run. */
  readonly counts: IngestCounts;
  /** Hours (UTC) with new vectors. */
  readonly hours: readonly string[];
  /** Sequence numbers missing from all that was ever ingested into the folder, and the possible reason. */
  readonly gaps: readonly IngestGap[];
  /** Requests that were answered but not logged, as their sidecars report. */
  readonly shed: number;
  readonly openTails: readonly IngestTail[];
  /**
   * Starts of sidecars whose spool folder was removed or replaced: their records that were not ingested before are
   * lost.
   */
  readonly lostStarts: readonly LostStarts[];
}

/** A range of sequence numbers that never came, both ends included. */
interface IngestGap {
  readonly pod: string;
  readonly epoch: string;
  readonly fromSequence: number;
  readonly toSequence: number;
  /** When the records before and after the range were written; null: there is none before. */
  readonly after: string | null;
  readonly before: string;
}

/** An epoch whose last record has not come: its sidecar still runs, or died. */
interface IngestTail {
  readonly pod: string;
  readonly epoch: string;
  readonly lastSequence: number;
  readonly lastAt: string;
  /** See OpenTail. */
  readonly lossAtMost: number | null;
}

/** What an ingest added to what the ledger counts. */
interface IngestAdded {
  readonly counts: IngestCounts;
  readonly countsBefore: IngestCounts;
  readonly hours: ReadonlySet<string>;
}

export function resultOf(
  { name: source, lostStarts }: Pick<LogSource, 'name' | 'lostStarts'>,
  epochs: readonly EpochAccount[],
  { counts, countsBefore, hours }: IngestAdded,
): IngestResult {
  return {
    source,
    counts: {
      read: counts.read - countsBefore.read,
      records: counts.records - countsBefore.records,
      duplicates: counts.duplicates - countsBefore.duplicates,
      unreadable: counts.unreadable - countsBefore.unreadable,
      leftOut: counts.leftOut - countsBefore.leftOut,
    },
    hours: [...hours].toSorted(),
    gaps: epochs.flatMap((account) =>
      account.gaps().map(({ from, to, beforeUs, afterUs }) => ({
        pod: account.pod,
        epoch: account.epoch,
        fromSequence: from,
        toSequence: to,
        after: beforeUs === 0 ? null : formatTimestamp(beforeUs),
        before: formatTimestamp(afterUs),
      })),
    ),
    shed: epochs.reduce((sum, epoch) => sum + epoch.shedRecords, 0),
    openTails: epochs.flatMap((epoch) => {
      const tail = epoch.openTail();
      if (tail === null) return [];
      const { lastUs, ...rest } = tail;
      return [{ ...rest, lastAt: formatTimestamp(lastUs) }];
    }),
    lostStarts,
  };
}

const MOST_ROWS = 20;

/** @returns lines without a newline at the end */
export function renderIngest(result: IngestResult): string {
  const { counts, hours, gaps, shed, openTails, lostStarts } = result;
  const missing = gaps.reduce((sum, gap) => sum + gap.toSequence - gap.fromSequence + 1, 0);
  const span = hours.length === 0 ? '' : ` of ${hours[0]}${hours.length > 1 ? ` to ${hours.at(-1)}` : ''}`;
  const blocks = [
    `${result.source}: ${counts.read} read, ${counts.records} new${span}, ${countText(counts.duplicates, 'duplicate')}` +
      (counts.unreadable > 0 ? `, ${counts.unreadable} unreadable` : '') +
      (counts.leftOut > 0 ? `, ${counts.leftOut} that the archive cannot hold` : ''),
    `in all: ${missing} missing in ${countText(gaps.length, 'gap')}, ${shed} shed, ${countText(openTails.length, 'open tail')}`,
  ];
  if (gaps.length > 0) {
    const rows = gaps.map((gap) => [
      gap.pod,
      gap.epoch,
      `${gap.fromSequence} to ${gap.toSequence}`,
      `${gap.after ?? 'the beginning'} to ${gap.before}`,
    ]);
    blocks.push('', table(['pod', 'epoch', 'missing', 'between'], rows));
  }
  if (openTails.length > 0) {
    const rows = openTails.map((tail) => [
      tail.pod,
      tail.epoch,
      `${tail.lastSequence} at ${tail.lastAt}`,
      tail.lossAtMost === null ? 'unknown: no heartbeat' : `${tail.lossAtMost}`,
    ]);
    blocks.push('', table(['pod', 'epoch', 'open since', 'lost at most*'], rows));
    blocks.push(
      '* if it ended within one heartbeat (10 s) of its last record; a sidecar that runs has lost nothing',
    );
  }
  for (const lost of lostStarts) blocks.push('', `LOST: ${lostStartsText(lost)}`);
  return blocks.join('\n');
}

export function lostStartsText({ folder, pod, epochs }: LostStarts): string {
  const lacks = `${countText(epochs.length, 'start')} of ${pod} that ${epochs.length === 1 ? 'was' : 'were'} ingested`;
  return (
    `${folder} lacks ${lacks}, the last of them ${epochs.at(-1)!}, and has no mark that they were deleted in order: ` +
    'the folder was removed or replaced, and what they logged behind what was ingested is lost'
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const more = rows.length - MOST_ROWS;
  const text = renderTable(head, rows.slice(0, MOST_ROWS));
  return more > 0 ? `${text}\n... and ${more} more (--json has all)` : text;
}
