/**
 * A source on its way through a stream: its partitions, and the views over it. A view is complete up to where the last
 * of the partitions has come: its marker says that, after the rows of all of them are online.
 */
import type { Clock } from '../../project/clock.ts';
import type { OnlineOutput } from './output/online-output.ts';
import type { PartitionStream } from './partition-stream.ts';
import type { MessageBatch, Position } from './source/stream-reader.ts';
import type { StreamCounts } from './stream-counts.ts';
import type { Streamed } from './stream-pump.ts';
import type { StreamRecord } from './stream-record.ts';
import type { ViewStream } from './view-stream.ts';

/** A view over a source. */
export interface OpenedView {
  readonly online: OnlineOutput;
  readonly counts: StreamCounts;
  readonly record: StreamRecord;
  /** One a partition. */
  readonly streams: readonly ViewStream[];
}

interface SourceOptions {
  readonly partitions: ReadonlyMap<number, PartitionStream>;
  readonly views: readonly OpenedView[];
  readonly clock: Clock;
  /** Called with what the archive has after each commit, and once the records say it. */
  readonly tell: (positions: ReadonlyMap<number, Position>) => Promise<void>;
}

export class SourceStream implements Streamed {
  readonly #options: SourceOptions;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  get #partitions(): PartitionStream[] {
    return [...this.#options.partitions.values()];
  }

  async catchUp(): Promise<void> {
    for (const partition of this.#partitions) await partition.catchUp();
    await this.#mark();
  }

  /** Where the source is to be read on. */
  get positions(): ReadonlyMap<number, Position> {
    return new Map([...this.#options.partitions].map(([number, { position }]) => [number, position]));
  }

  take(batch: MessageBatch): void {
    this.#options.partitions.get(batch.partition)!.take(batch);
  }

  get isFull(): boolean {
    return this.#partitions.some(({ isFull }) => isFull);
  }

  get unarchived(): number {
    return this.#partitions.reduce((sum, { unarchived }) => sum + unarchived, 0);
  }

  async step(): Promise<void> {
    for (const partition of this.#partitions) await partition.step();
    await this.#mark();
  }

  async #mark(): Promise<void> {
    for (const { online, streams } of this.#options.views) await online.mark(watermarkUs(streams));
  }

  async commit(): Promise<void> {
    const { views, clock, tell } = this.#options;
    const rows = views.map(() => 0);
    for (const partition of this.#partitions)
      for (const [i, number] of (await partition.commit()).entries()) rows[i]! += number;
    for (const [i, view] of views.entries())
      await view.record.save(view, {
        rows: rows[i]!,
        watermarkUs: watermarkUs(view.streams),
        nowUs: clock.nowUs(),
      });
    await tell(this.positions);
  }

  close(): void {
    for (const partition of this.#partitions) partition.close();
  }
}

function watermarkUs(streams: readonly ViewStream[]): number {
  return Math.min(...streams.map((stream) => stream.watermarkUs));
}
