/**
 * `log status`: the state of a spool, read from a few kilobytes a segment, however large it is. It looks at names and
 * sizes, the head of each segment, the tail of the last one of each start, and the first record after each cursor. It
 * does not see what lies between the ends of a segment, and says so: `log verify` reads every frame.
 */
import { join } from 'node:path';
import { countText } from '../../contract/std/count-text.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp, parseTimestamp } from '../../contract/std/timestamp.ts';
import { readPassedMark } from '../../contract/wire/log/passed-mark.ts';
import { SegmentEnds } from '../../contract/wire/log/segment-ends.ts';
import { cursorConsumers } from '../../contract/wire/log/spool-cursor.ts';
import type { SpoolPosition } from '../../contract/wire/log/spool-cursor.ts';
import { SegmentChain } from '../../contract/wire/log/segment-chain.ts';
import { filesOf, parseSegmentFile } from '../../contract/wire/log/spool-segment.ts';
import type { SegmentHeader } from '../../contract/wire/log/spool-segment.ts';
import { REJECTED_FOLDER } from '../spool/spool-folder.ts';
import { cursorOf, ifThere, lagOf, sizedSegments } from './consumer-lag.ts';
import type { SizedSegment } from './consumer-lag.ts';

interface LogStatus {
  readonly bytes: number;
  readonly segments: number;
  /** When the oldest start in the folder began, and when the last record was written; null when there is none. */
  readonly oldest: string | null;
  readonly newest: string | null;
  /** In order. */
  readonly starts: readonly StartStatus[];
  /** Segments that are missing although later ones are there: their records are lost, unless kept elsewhere. */
  readonly missing: readonly MissingSegments[];
  readonly shrunk: readonly ShrunkSegment[];
  /** Segments whose head is damaged; their frames may be whole. */
  readonly damagedHeads: readonly string[];
  /** Records that Kafka refused, kept in rejected/. */
  readonly rejected: number;
  readonly consumers: readonly ConsumerStatus[];
  /** How many bytes were read. */
  readonly readBytes: number;
}

/** One start of a sidecar. */
interface StartStatus {
  readonly epoch: string;
  /** null when every head is damaged. */
  readonly pod: string | null;
  readonly segments: number;
  readonly bytes: number;
  /** Numbers of requests, heartbeats and what was shed; null where the ends do not tell. */
  readonly firstSequence: number | null;
  readonly lastSequence: number | null;
  /** Whether its last record is there; without one the sidecar still runs, or died. */
  readonly closed: boolean;
  /** Bytes after its last whole frame. */
  readonly tornBytes: number;
}

interface MissingSegments {
  readonly epoch: string;
  /** Numbers of files, both ends included. */
  readonly fromSegment: number;
  readonly toSegment: number;
}

/** A segment that is shorter than the next one says: something cut its end off. */
interface ShrunkSegment {
  readonly segment: string;
  readonly bytes: number;
  readonly missingBytes: number;
}

interface ConsumerStatus {
  readonly consumer: string;
  /** null: it has not passed anything yet. */
  readonly position: SpoolPosition | null;
  /** Bytes after its cursor. */
  readonly lagBytes: number;
  /** When the first record after its cursor was written; null when none waits, or its time is not known. */
  readonly oldest: string | null;
}

/**
 * @param configured  the consumers of the settings, whether they have a cursor yet or not
 * @throws            LOG_CURSOR when a consumer's cursor is damaged, the file system's error
 */
export async function statusOfLog(folder: string, configured: readonly string[] = []): Promise<LogStatus> {
  const ends = new SegmentEnds();
  const segments = await sizedSegments(folder);
  const seen = new Set(segments.length === 0 ? [] : cursorConsumers(folder));
  const positions = new Map<string, SpoolPosition | null>();
  for (const consumer of [...new Set([...configured, ...seen])].toSorted()) {
    positions.set(consumer, cursorOf(folder, consumer));
  }
  const passed = [...positions.values()].reduce(
    (far, at) => (at !== null && at.segment > far ? at.segment : far),
    readPassedMark(folder),
  );
  const starts: StartStatus[] = [];
  const missing: MissingSegments[] = [];
  const shrunk: ShrunkSegment[] = [];
  const damagedHeads: string[] = [];
  const chain = new SegmentChain(folder);
  let newestUs: number | null = null;
  for (const own of Map.groupBy(segments, ({ epoch, startUs }) => `${startUs}-${epoch}`).values()) {
    const { status, lastUs, damaged, heads } = await startOf(folder, own, ends);
    for (const [i, segment] of own.entries()) {
      const before = lossBefore({ segments, chain }, segment, heads[i]!, i === 0 ? passed : null);
      if (before?.kind === 'missing') missing.push(before.missing);
      if (before?.kind === 'shrunk') shrunk.push(before.shrunk);
    }
    starts.push(status);
    damagedHeads.push(...damaged);
    newestUs = lastUs ?? newestUs;
  }
  const consumers: ConsumerStatus[] = [];
  for (const [consumer, position] of positions) {
    const { lagBytes, oldestUs } = await lagOf({ folder, segments, ends }, consumer, position);
    consumers.push({ consumer, position, lagBytes, oldest: timeOrNull(oldestUs) });
  }
  return {
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: segments.length,
    oldest: timeOrNull(segments[0]?.startUs ?? null),
    newest: timeOrNull(newestUs),
    starts,
    missing,
    shrunk,
    damagedHeads,
    rejected: filesOf(join(folder, REJECTED_FOLDER)).filter((file) => file.endsWith('.json')).length,
    consumers,
    readBytes: ends.bytes,
  };
}

type LossBefore =
  | { readonly kind: 'missing'; readonly missing: MissingSegments }
  | { readonly kind: 'shrunk'; readonly shrunk: ShrunkSegment };

/**
 * @param passed  for the first segment of a start: up to where consumers have passed; else null
 * @returns       what is missing right before a segment, by the link in its head, or without one by its number
 */
function lossBefore(
  spool: { readonly segments: readonly SizedSegment[]; readonly chain: SegmentChain },
  segment: SizedSegment,
  head: SegmentHeader | null,
  passed: string | null,
): LossBefore | null {
  let before = { epoch: segment.epoch, number: segment.number - 1 };
  if (head !== null && head.previous !== null) {
    const loss = spool.chain.lossBefore(head);
    if (loss === null) return null;
    const { segment: file, offset: bytes, bytes: missingBytes } = loss;
    if (bytes > 0) return { kind: 'shrunk', shrunk: { segment: file, bytes, missingBytes } };
    before = parseSegmentFile(file)!;
  } else if (passed !== null && passed >= segment.file) return null;
  const there = spool.segments.filter(
    ({ epoch, number }) => epoch === before.epoch && number <= before.number,
  );
  const fromSegment = (there.at(-1)?.number ?? 0) + 1;
  if (fromSegment > before.number) return null;
  return {
    kind: 'missing',
    missing: { epoch: before.epoch, fromSegment, toSegment: before.number },
  };
}

async function startOf(folder: string, own: readonly SizedSegment[], ends: SegmentEnds) {
  const { epoch } = own[0]!;
  const damaged: string[] = [];
  let pod: string | null = null;
  let firstSequence: number | null = null;
  let last: Awaited<ReturnType<SegmentEnds['head']>> = null;
  const heads: (SegmentHeader | null)[] = [];
  for (const [i, { file }] of own.entries()) {
    last = await ifThere(ends.head(join(folder, file)));
    heads.push(last);
    if (last === null) damaged.push(file);
    pod ??= last?.pod ?? null;
    if (i === 0) firstSequence = last?.firstSequence ?? null;
  }
  const end = own.at(-1)!;
  const begin = Math.min(end.bytes, last?.bytes ?? 0);
  const tail = await ifThere(ends.tail(join(folder, end.file), end, begin, end.bytes));
  const status: StartStatus = {
    epoch,
    pod,
    segments: own.length,
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    firstSequence,
    // A segment without frames yet continues the numbers of the one before.
    lastSequence: tail?.sequence ?? (end.bytes === last?.bytes ? last.firstSequence - 1 : null),
    closed: tail?.content === 'last',
    tornBytes: tail?.tornBytes ?? end.bytes - begin,
  };
  return { status, lastUs: tail?.atUs ?? null, damaged, heads };
}

function timeOrNull(us: number | null): string | null {
  return us === null ? null : formatTimestamp(us);
}

const MOST_STARTS = 10;

/** @param nowUs  for the ages of waiting records */
export function renderStatus(status: LogStatus, nowUs: number): string {
  const { bytes, segments, starts, readBytes, oldest, newest, rejected, missing, damagedHeads } = status;
  const lines = [
    `${countText(bytes, 'byte')} in ${countText(segments, 'segment')} of ${countText(starts.length, 'start')}`,
    `oldest: ${oldest ?? 'the spool is empty'}${newest === null ? '' : `, newest: ${newest}`}`,
  ];
  const open = starts.filter(({ closed }) => !closed);
  for (const start of open.slice(-MOST_STARTS)) {
    lines.push(
      `epoch ${start.epoch} of ${start.pod ?? 'an unknown pod'} ${numbersOf(start)}: it runs, or was killed`,
    );
  }
  if (open.length > MOST_STARTS) lines.push(`and ${open.length - MOST_STARTS} more without a last record`);
  for (const { epoch, fromSegment, toSegment } of missing) {
    const which =
      fromSegment === toSegment ? `segment ${fromSegment} is` : `segments ${fromSegment} to ${toSegment} are`;
    lines.push(`of epoch ${epoch} ${which} missing`);
  }
  for (const { segment, bytes: left, missingBytes } of status.shrunk) {
    lines.push(`${segment} has ${left} bytes left and lacks ${missingBytes}`);
  }
  for (const file of damagedHeads) lines.push(`${file}: its head is damaged`);
  if (rejected > 0) lines.push(`refused by Kafka and kept in rejected/: ${rejected}`);
  for (const { consumer, position, lagBytes, oldest: waiting } of status.consumers) {
    const at = position === null ? 'the beginning' : `${position.segment} at ${position.offset}`;
    lines.push(`${consumer}: at ${at}, ${lagBytes} bytes behind${ageText(waiting, nowUs)}`);
  }
  if (segments > 0)
    lines.push(
      `read ${countText(readBytes, 'byte')} at the ends of segments: gaps within a segment are for \`plumb log verify\` to find`,
    );
  return lines.join('\n');
}

function numbersOf({ firstSequence, lastSequence, tornBytes }: StartStatus): string {
  const torn = tornBytes > 0 ? `, a torn tail of ${tornBytes} bytes` : '';
  const isEmpty = firstSequence !== null && lastSequence !== null && lastSequence < firstSequence;
  const numbers = isEmpty ? 'no numbers yet' : `numbers ${firstSequence ?? '?'} to ${lastSequence ?? '?'}`;
  return `has ${numbers}${torn} and no last record`;
}

function ageText(oldest: string | null, nowUs: number): string {
  if (oldest === null) return '';
  const ageUs = Math.max(0, nowUs - Number(parseTimestamp(oldest)!));
  return `, its next record ${formatDuration(Math.floor(ageUs / 1e6) * 1e6)} old`;
}
