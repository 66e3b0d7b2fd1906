/**
 * Takes messages until the stream is drained or told to stop, and says when to step and when to commit: by the
 * clock, and before too much is held in memory.
 */
import { performance } from 'node:perf_hooks';
import type { MessageBatch } from './source/stream-reader.ts';

/** What messages go into: all partitions of a source together. */
export interface Streamed {
  take(batch: MessageBatch): void;
  /** Whether a step is due before more messages are taken. */
  readonly isFull: boolean;
  /** Messages in memory that the archive does not have. */
  readonly unarchived: number;
  step(): Promise<void>;
  commit(): Promise<void>;
}

interface PumpOptions {
  /** Ends when the end of every partition was seen. */
  readonly drain: boolean;
  readonly signal: AbortSignal;
  /** How long rows may be online before they are history. */
  readonly flushMs: number;
  readonly partitions: readonly number[];
  readonly next: () => Promise<readonly MessageBatch[]>;
}

/** How often rows are made and written online while messages come. */
const STEP_MS = 200;
const UNARCHIVED_MAX = 200_000;

/** Each ends with a commit, unless it fails. */
export async function pump(streamed: Streamed, options: PumpOptions): Promise<void> {
  const { drain, signal, flushMs, partitions, next } = options;
  const ended = new Set<number>();
  let [steppedMs, committedMs] = [performance.now(), performance.now()];
  const isOver = (): boolean => signal.aborted || (drain && ended.size === partitions.length);
  while (!isOver()) {
    for (const batch of await next()) {
      streamed.take(batch);
      if (batch.atEnd) ended.add(batch.partition);
    }
    if (streamed.isFull || performance.now() - steppedMs >= STEP_MS) {
      await streamed.step();
      steppedMs = performance.now();
    }
    if (streamed.unarchived < UNARCHIVED_MAX && performance.now() - committedMs < flushMs) continue;
    await streamed.step();
    await streamed.commit();
    committedMs = performance.now();
  }
  await streamed.step();
  await streamed.commit();
}
