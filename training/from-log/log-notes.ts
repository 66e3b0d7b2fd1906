/** What the reader of a training set of the log should know about it, one sentence each. */
import { countText } from '../../contract/std/count-text.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { LabelCounts } from '../../contract/training-manifest.ts';
import type { PinnedFiles } from '../../project/archive/pinned-files.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { trainingError } from '../errors.ts';
import type { LogLabels } from './log-labels.ts';
import { MET, SOUGHT } from './met-vectors.ts';
import type { MetCounts } from './met-vectors.ts';

/** Labels without a vector that is perhaps logged and not ingested yet. */
interface UnreadLabels {
  readonly labels: number;
  /** Up to when the log was ingested; 0: unknown. */
  readonly caughtUpUs: number;
}

export async function unreadLabels(duck: DuckDb, { ledger }: PinnedFiles): Promise<UnreadLabels> {
  const { caughtUpUs } = ledger;
  const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${SOUGHT} ANTI JOIN ${MET} USING (rid)
    WHERE t > ${caughtUpUs}`);
  return { labels: row!['n'] as number, caughtUpUs };
}

/** @throws TRAIN_UNJUDGED where there are any */
export function refuseUnread(unread: UnreadLabels): void {
  const notes = unreadNotes(unread);
  if (notes.length === 0) return;
  throw trainingError('TRAIN_UNJUDGED', notes.join(' '), {
    help: 'Run `plumb monitor ingest` up to the labels, leave those labels out, or train without --strict.',
  });
}

function unreadNotes({ labels, caughtUpUs }: UnreadLabels): string[] {
  if (labels === 0) return [];
  const upTo = caughtUpUs === 0 ? 'which is not whole' : `which goes up to ${formatTimestamp(caughtUpUs)}`;
  return [
    `${are(labels)} unjudged, later than what was ingested of the log, ${upTo}: null for all features. ` +
      '`plumb monitor ingest` reads on.',
  ];
}

interface NotedSet {
  readonly sought: LogLabels;
  readonly met: MetCounts;
  readonly unread: UnreadLabels;
  readonly counts: ReadonlyMap<string, LabelCounts>;
  /** Full names of features that are computed on demand. */
  readonly computed: ReadonlySet<string>;
  /** Full names of features that were left out. */
  readonly masked: readonly string[];
  /** Hashes of bundles that are not kept any more. */
  readonly lost: readonly string[];
}

export function logNotes({ sought, met, unread, counts, computed, masked, lost }: NotedSet): string[] {
  const { labels, by, withinUs } = sought;
  const notes = [...unreadNotes(unread)];
  if (labels.rowsWithoutTime > 0) notes.push(`${have(labels.rowsWithoutTime)} no time and got no vector.`);
  if (labels.rowsWithNullKey > 0) {
    const key = by === 'request' ? 'request_id' : 'join key';
    notes.push(`${have(labels.rowsWithNullKey)} a null ${key}, which matches no vector.`);
  }
  const without = met.asked - met.labels - unread.labels;
  if (without > 0) {
    const whose = by === 'request' ? 'their request' : 'their keys';
    const since = withinUs === null ? '' : ` within ${formatDuration(withinUs)} before them`;
    const later =
      by === 'request' && met.tooEarly > 0 ? `; ${met.tooEarly} of them are from before it was answered` : '';
    notes.push(`${have(without)} no vector: the archive has none of ${whose}${since}${later}.`);
  }
  if (met.others > 0)
    notes.push(
      `${countText(met.others, 'more vector')} of the same requests and rows: each label got the last before it.`,
    );
  const log = [...counts].map(([name, count]) => ({ name, ...count.log! }));
  for (const { name, lacking, undecoded } of log) {
    if (lacking > 0 && computed.has(name))
      notes.push(
        `${got(lacking)} null for ${name}: the service did not compute it then, or an ingest of before it kept such values read the log.`,
      );
    else if (lacking > 0)
      notes.push(`${have(lacking)} a vector of a version without ${name}, and got null for it.`);
    if (undecoded > 0)
      notes.push(`${have(undecoded)} a row that cannot be decoded any more, and got null for ${name}.`);
  }
  if (masked.length > 0)
    notes.push(`Left out, since definitions keep them out of the log: ${masked.join(', ')}.`);
  for (const hash of lost)
    notes.push(`The bundle ${hash} is not kept any more: its vectors have the fallbacks of today's.`);
  return notes;
}

const are = (count: number): string => `${countText(count, 'label')} ${count === 1 ? 'is' : 'are'}`;
const got = (count: number): string => `${countText(count, 'label')} got`;
const have = (count: number): string => `${countText(count, 'label')} ${count === 1 ? 'has' : 'have'}`;
