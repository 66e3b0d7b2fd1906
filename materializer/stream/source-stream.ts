/**
 * What a process holds of a source, on its way through a stream: its partitions, and the views over them. A view is
 * complete up to where the last of all partitions has come. Where other processes hold some, each notes in the registry
 * how far its own are, and the one that holds the first partition writes the marker: so the marker has one writer.
 */
import type { Clock } from '../../project/clock.ts';
import type { PartitionNote, StreamPartitionTable } from '../../project/database/stream-partition-table.ts';
import type { OnlineOutput } from './output/online-output.ts';
import type { PartitionStream } from './partition-stream.ts';
import type { MessageBatch, Position } from './source/stream-reader.ts';
import { summedCounts } from './stream-counts.ts';
import type { Streamed } from './stream-pump.ts';
import type { RunningView } from './running-view.ts';
import type { KeptTiles } from './state/kept-tiles.ts';
import type { TileMaker } from './tiles/tile-maker.ts';
import type { ViewStream } from './view-stream.ts';

/** A view over what is held. */
export interface HeldView {
  readonly run: RunningView;
  readonly online: OnlineOutput;
  /** One a partition. */
  readonly streams: readonly ViewStream[];
  /** The same. */
  readonly kept: readonly KeptTiles[];
}

interface SourceOptions {
  readonly partitions: ReadonlyMap<number, PartitionStream>;
  /** Of the source, whoever holds them. */
  readonly allPartitions: readonly number[];
  readonly sourceId: string;
  readonly views: readonly HeldView[];
  readonly clock: Clock;
  readonly notes: Pick<StreamPartitionTable, 'put' | 'of'>;
  /** @returns messages that are not read yet; null: nobody counts them */
  readonly behind: (partition: number) => number | null;
  /** Called with what the archive has after each commit, and once the records say it. */
  readonly tell: (positions: ReadonlyMap<number, Position>) => Promise<void>;
}

export class SourceStream implements Streamed {
  readonly #options: SourceOptions;
  /** Of each view up to where the partitions are complete that others hold. */
  readonly #othersUs: number[];

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#othersUs = options.views.map(() => (this.#holdsAll ? Infinity : 0));
  }

  get #partitions(): PartitionStream[] {
    return [...this.#options.partitions.values()];
  }

  get #holdsAll(): boolean {
    return this.#options.partitions.size === this.#options.allPartitions.length;
  }

  /** @returns false where it was told to stop before: what it has taken is in the states */
  async catchUp(isOver: () => boolean): Promise<boolean> {
    for (const { online, streams } of this.#options.views)
      if (streams.some(({ remadeAfterUs }) => remadeAfterUs !== null)) await online.keepMarker();
    for (const partition of this.#partitions) if (!(await partition.catchUp(isOver))) return false;
    await this.note();
    return true;
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

  get isCommitDue(): boolean {
    return this.#options.views.some(({ online }) => online.isLost);
  }

  get unarchived(): number {
    return this.#partitions.reduce((sum, { unarchived }) => sum + unarchived, 0);
  }

  async step(): Promise<void> {
    for (const partition of this.#partitions) await partition.step();
    await this.#mark();
  }

  async #mark(): Promise<void> {
    const { partitions, allPartitions, views } = this.#options;
    if (!partitions.has(allPartitions[0]!)) return;
    for (const [i, { online }] of views.entries()) await online.mark(this.#watermarkUs(i));
  }

  /** @returns up to which edge a view is complete */
  #watermarkUs(view: number): number {
    const own = this.#options.views[view]!.streams.map(({ watermarkUs }) => watermarkUs);
    const us = Math.min(...own, this.#othersUs[view]!);
    return us === Infinity ? 0 : us;
  }

  async note(): Promise<void> {
    const { partitions, allPartitions, views, notes, sourceId } = this.#options;
    for (const [partition, of] of partitions)
      for (const maker of of.makers) await notes.put(maker.view, [this.#noteOfTiles(partition, maker)]);
    for (const [i, { run, streams }] of views.entries()) {
      const own = [...partitions.keys()].map((partition, at) => this.#noteOf(run, partition, streams[at]!));
      await notes.put(run.view.id, own);
      if (this.#holdsAll) continue;
      const known = (await notes.of(run.view.id)).filter((note) => note.sourceId === sourceId);
      const others = allPartitions.filter((partition) => !partitions.has(partition));
      const found = others.map((one) => known.find(({ partition }) => partition === one)?.watermarkUs ?? 0);
      this.#othersUs[i] = Math.min(...found);
    }
    await this.#mark();
  }

  #noteOf({ runId, counts }: RunningView, partition: number, stream: ViewStream): PartitionNote {
    const { sourceId, behind, clock } = this.#options;
    const of = this.#options.partitions.get(partition)!;
    const { late, excluded, refused } = counts.get(partition)!;
    return {
      runId,
      sourceId,
      partition,
      watermarkUs: stream.watermarkUs,
      offset: of.position.offset,
      behind: behind(partition),
      edgesDue: stream.edgesDue(of.seenUs),
      late,
      leftOut: excluded + refused,
      notedUs: clock.nowUs(),
    };
  }

  #noteOfTiles(partition: number, { watermarkUs, leftOut }: TileMaker): PartitionNote {
    const { partitions, sourceId, behind, clock } = this.#options;
    return {
      runId: '',
      // Whoever looks up to where rows are complete is to pass it over.
      sourceId: `tiles of ${sourceId}`,
      partition,
      watermarkUs,
      offset: partitions.get(partition)!.position.offset,
      behind: behind(partition),
      edgesDue: 0,
      late: leftOut.late,
      leftOut: leftOut.excluded + leftOut.refused,
      notedUs: clock.nowUs(),
    };
  }

  async commit(): Promise<void> {
    const { views, clock, tell } = this.#options;
    const rows = views.map(() => 0);
    for (const partition of this.#partitions)
      for (const [i, number] of (await partition.commit()).entries()) rows[i]! += number;
    for (const { online } of views) await online.restore(this.#holdsAll, clock.nowUs());
    await this.note();
    for (const [i, { run }] of views.entries()) {
      const counts = { writes: run.writes, events: summedCounts(run.counts.values()) };
      const watermarkUs = this.#watermarkUs(i);
      await run.record.save(counts, { rows: rows[i]!, watermarkUs, nowUs: clock.nowUs() });
    }
    await tell(this.positions);
  }

  close(): void {
    for (const partition of this.#partitions) partition.close();
  }
}
