/**
 * The spool as a source: its records in order, from the last committed position. A sidecar may write to it meanwhile.
 * The spool's cursor `ingest` follows the commits, so that a segment can be deleted once all consumers have passed it.
 *
 * The folder may hold another spool than before (another pod's volume, or several pods that share one `served`). The
 * position then means nothing: segment names begin with a time, so going on from it would skip records that nobody has
 * read. In that case reading goes on from this spool's own cursor if the state holds the record before it, and else
 * from the spool's beginning; records that come twice are recognised by their numbers.
 */
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPassedMark } from '../../contract/wire/log/passed-mark.ts';
import { SegmentReader } from '../../contract/wire/log/segment-reader.ts';
import { advanceCursor, comparePositions, readCursor } from '../../contract/wire/log/spool-cursor.ts';
import type { SpoolPosition } from '../../contract/wire/log/spool-cursor.ts';
import { listSegments, parseSegmentFile } from '../../contract/wire/log/spool-segment.ts';
import { walkSpool } from '../../contract/wire/log/spool-walk.ts';
import { monitorError } from '../errors.ts';
import { lostStartsText } from './ingest-result.ts';
import type { SourcePosition } from '../../project/archive/topic-positions.ts';
import type { LogSource, LostStarts, SourceItem, SourceOptions } from './log-source.ts';

const INGEST_CONSUMER = 'ingest';

const POLL_MS = 500;

/** What the state knows of records ingested from spools. */
interface KnownRecords {
  has(epoch: string, sequence: number): boolean;
  /** The epochs of all ingested starts of a pod. */
  epochsOf(pod: string): readonly string[];
}

export class SpoolSource implements LogSource {
  readonly name: string;
  lostStarts: readonly LostStarts[] = [];
  readonly #folder: string;
  readonly #known: KnownRecords;
  readonly #options: SourceOptions;
  #position: SpoolPosition | null = null;
  /** Damage that was already reported: each pass meets the same damage again if no record follows it. */
  readonly #warned = new Set<string>();

  /**
   * @param name   the folder's name in the state, whatever path leads to it today
   * @param known  the records that the state has
   */
  constructor(folder: string, name: string, known: KnownRecords, options: SourceOptions) {
    this.#folder = folder;
    this.name = name;
    this.#known = known;
    this.#options = options;
  }

  async *items(from: SourcePosition | null): AsyncGenerator<SourceItem> {
    const { follow, signal, nowUs } = this.#options;
    let begun = false;
    for (;;) {
      const asOfUs = nowUs();
      try {
        if (!begun) this.#begin(spoolPosition(from));
        begun = true;
        yield* this.#walk();
      } catch (error) {
        throw monitorError(
          'MON_LOG',
          `${this.#folder} cannot be read: ${(error as Error).message}`,
          {},
          error,
        );
      }
      if (signal.aborted) return;
      yield { kind: 'caught-up', asOfUs };
      if (!follow) return;
      await sleep(POLL_MS, null, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
  }

  *#walk(): Generator<SourceItem> {
    const { signal, warn } = this.#options;
    // Numbers before the first record of an epoch are missing only if the walk over the spool reports them: it knows
    // whether the oldest segments were deleted in order.
    let gapEpoch = '';
    for (const item of walkSpool(this.#folder, this.#position)) {
      if (signal.aborted) return;
      if (item.kind === 'gap') {
        if (item.gap.fromSequence !== null) gapEpoch = item.epoch;
        const { segment, offset, bytes, reason, toSequence: sequence } = item.gap;
        const where = `${segment} at ${offset}`;
        if (bytes > 0 && !this.#warned.has(where)) warn(`${where}: ${bytes} bytes are ${reason}`);
        this.#warned.add(where);
        if (reason === 'unreadable' && sequence !== null) {
          this.#position = { segment, offset: offset + bytes, sequence };
          yield { kind: 'unreadable', where, again: false };
        }
      }
      if (item.kind !== 'record') continue;
      const { segment, nextOffset, sequence, epoch, content } = item;
      this.#position = { segment, offset: nextOffset, sequence };
      const payload = item.buffer.subarray(item.from, item.to);
      const anchored = sequence === 1 || gapEpoch === epoch;
      yield { kind: 'record', payload, content, anchored, again: false };
    }
  }

  #begin(from: SpoolPosition | null): void {
    const cursor = readCursor(this.#folder, INGEST_CONSUMER);
    this.#position = from;
    if (from !== null && !this.#isOfThisSpool(from, cursor)) {
      const isKnown = cursor !== null && this.#known.has(epochOf(cursor), cursor.sequence);
      this.#position = isKnown ? cursor : null;
      this.#options.warn(
        `${this.#folder} is not the spool that was read last: it is read from its ${isKnown ? 'cursor' : 'beginning'}`,
      );
    }
    this.#tellLostStarts();
    if (cursor === null) return;
    if (this.#position !== null && comparePositions(cursor, this.#position) <= 0) return;
    this.#options.warn(
      `the spool's cursor of ingest stands at ${cursor.segment}:${cursor.offset}, further than what was ingested ` +
        `here: segments before it may be gone`,
    );
  }

  /** Reports lost starts: missing segments were deleted in order only if the folder says so. */
  #tellLostStarts(): void {
    if (readPassedMark(this.#folder) !== '') return;
    const segments = listSegments(this.#folder);
    const pod = segments.map(({ file }) => podOf(join(this.#folder, file))).find((name) => name !== null);
    if (pod === undefined) return;
    const epochs = this.#known
      .epochsOf(pod)
      .filter((epoch) => !segments.some((segment) => segment.epoch === epoch));
    if (epochs.length === 0) return;
    const lost = { folder: this.#folder, pod, epochs };
    this.lostStarts = [lost];
    this.#options.warn(lostStartsText(lost));
  }

  /** Compares the epoch (64 random bits) of the position; an empty folder may belong to any spool. */
  #isOfThisSpool(position: SpoolPosition, cursor: SpoolPosition | null): boolean {
    const epoch = epochOf(position);
    if (cursor !== null && epochOf(cursor) === epoch) return true;
    const segments = listSegments(this.#folder);
    return segments.length === 0 || segments.some((segment) => segment.epoch === epoch);
  }

  position(): SourcePosition {
    return { ...this.#position };
  }

  async passed(position: SourcePosition): Promise<void> {
    const to = spoolPosition(position);
    if (to === null) return;
    const cursor = readCursor(this.#folder, INGEST_CONSUMER);
    if (!this.#isOfThisSpool(to, cursor)) return;
    if (cursor === null || comparePositions(cursor, to) < 0) advanceCursor(this.#folder, INGEST_CONSUMER, to);
  }

  async close(): Promise<void> {}
}

/** @returns null when the segment is gone or its header is damaged */
function podOf(path: string): string | null {
  const reader = new SegmentReader();
  try {
    reader.open(path, parseSegmentFile(basename(path))!, 0);
    return reader.header?.pod ?? null;
  } catch {
    return null;
  } finally {
    reader.close();
  }
}

function epochOf({ segment }: SpoolPosition): string {
  return parseSegmentFile(segment)!.epoch;
}

/** @returns null when nothing was read yet */
function spoolPosition(position: SourcePosition | null): SpoolPosition | null {
  return position === null || position['segment'] === undefined
    ? null
    : (position as unknown as SpoolPosition);
}
