/**
 * Takes messages until the stream is drained, told to stop or to give back its partitions, and says when to step and
 * when to commit: by the clock, and before too much is held in memory.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Share } from './group/stream-group.ts';
import type { MessageBatch } from './source/stream-reader.ts';

/** What messages go into: all partitions of a source together. */
export interface Streamed {
  take(batch: MessageBatch): void;
  /** Whether a step is due before more messages are taken. */
  readonly isFull: boolean;
  /** Whether something waits for the next commit that others miss. */
  readonly isCommitDue: boolean;
  /** Messages in memory that the archive does not have. */
  readonly unarchived: number;
  step(): Promise<void>;
  /** Tells others how far it has come. */
  note(): Promise<void>;
  commit(): Promise<void>;
}

interface PumpOptions {
  /** Ends when the end of every partition was seen. */
  readonly drain: boolean;
  readonly signal: AbortSignal;
  /** How long rows may be online before they are history. */
  readonly flushMs: number;
  readonly share: Pick<Share, 'partitions' | 'isOver'>;
  readonly next: () => Promise<readonly MessageBatch[]>;
}

/** How often others are told how far the stream has come. */
const NOTE_MS = 1_000;
/** How long a process waits that holds no partition. */
const NOTHING_HELD_MS = 200;
/** How often rows are made and written online while messages come. */
const STEP_MS = 200;
const UNARCHIVED_MAX = 200_000;

/**
 * Each ends with a commit, unless it fails.
 * @returns whether the stream is at its end: drained, or told to stop
 */
export async function pump(streamed: Streamed, options: PumpOptions): Promise<boolean> {
  const { drain, signal, flushMs, share, next } = options;
  const { partitions } = share;
  const ended = new Set<number>();
  let [steppedMs, notedMs, committedMs] = [performance.now(), performance.now(), performance.now()];
  const isOver = (): boolean => signal.aborted || (drain && ended.size === partitions.length);
  while (!isOver() && !share.isOver) {
    if (partitions.length === 0) await sleep(NOTHING_HELD_MS);
    for (const batch of await next()) {
      streamed.take(batch);
      if (batch.atEnd) ended.add(batch.partition);
    }
    if (streamed.isFull || performance.now() - steppedMs >= STEP_MS) {
      await streamed.step();
      steppedMs = performance.now();
    }
    if (performance.now() - notedMs >= NOTE_MS) {
      await streamed.note();
      notedMs = performance.now();
    }
    const isEarly = streamed.unarchived < UNARCHIVED_MAX && performance.now() - committedMs < flushMs;
    if (isEarly && !streamed.isCommitDue) continue;
    await streamed.step();
    await streamed.commit();
    committedMs = performance.now();
  }
  await streamed.step();
  await streamed.commit();
  return isOver();
}
