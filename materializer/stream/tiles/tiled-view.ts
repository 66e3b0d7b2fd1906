/**
 * One view whose tiles another engine makes and sends by a topic, on their way to rows:
 *
 *   tile message -> which state of it holds -> the tile of all origins -> rows of the edges that are due -> online
 *   commit       -> tiles and offsets saved -> history
 *
 * The topic's partitions count together: a tile of an entity may lie in any of them, and what was read is the sum of
 * their offsets. A tile that comes after its edge is due rewrites the edges that it touches, as a late event does.
 */
import { tileMessageFromJson } from '../../../contract/aggregation/tile-message.ts';
import type { LeftOut, TileMark } from '../../../contract/aggregation/tile-message.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import { TileFault } from '../../../contract/aggregation/tile-reader.ts';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { Clock } from '../../../project/clock.ts';
import { materializerError } from '../../errors.ts';
import type { WriteCounts } from '../../online/guard-outcome.ts';
import type { OnlineOutput } from '../output/online-output.ts';
import type { Rejects } from '../rejects.ts';
import { BEGINNING } from '../source/stream-reader.ts';
import type { MessageBatch, Position, StreamMessage } from '../source/stream-reader.ts';
import { countRefused } from '../stream-counts.ts';
import type { StreamCounts } from '../stream-counts.ts';
import type { Streamed } from '../stream-pump.ts';
import type { StreamRecord } from '../stream-record.ts';
import { entityText } from '../view-entity.ts';
import type { ViewStream } from '../view-stream.ts';
import type { LostTiles } from './lost-tiles.ts';
import type { OriginTiles, TopicProgress } from './origin-tiles.ts';
import { SourceMarks } from './source-marks.ts';
import type { SourceTails } from './source-tails.ts';

interface TiledViewOptions {
  readonly plan: TilePlan;
  readonly stream: ViewStream;
  readonly origins: OriginTiles;
  readonly online: OnlineOutput;
  readonly record: StreamRecord;
  readonly counts: StreamCounts;
  /** Outcomes of the writes online. */
  readonly writes: WriteCounts;
  readonly rejects: Rejects;
  readonly clock: Clock;
  readonly topicId: string;
  readonly partitions: readonly number[];
  readonly tails: Pick<SourceTails, 'ends'>;
  readonly lost: Pick<LostTiles, 'add' | 'remake'>;
  /** Called after each commit. */
  readonly tell: () => Promise<void>;
}

/** Tiles that a step takes at most. */
const STEP_TILES = 50_000;

export class TiledView implements Streamed {
  readonly #options: TiledViewOptions;
  readonly #offsets: number[];
  readonly #marks: SourceMarks;
  /** Partitions that were read to their end once: before all were, tiles may lie ahead that a mark counts. */
  readonly #ended = new Set<number>();
  #taken = 0;
  #unsaved = 0;

  constructor(options: TiledViewOptions) {
    const { origins, stream, partitions } = options;
    this.#options = options;
    // Where the stream makes its state anew (another horizon), the tiles are read again.
    if (stream.offset === 0) origins.clear();
    const begun = origins.progress();
    this.#offsets = partitions.map((_, i) => begun?.offsets[i] ?? 0);
    this.#marks = new SourceMarks(begun?.marks);
  }

  /** Where the topic is to be read on. */
  get positions(): ReadonlyMap<number, Position> {
    const { partitions } = this.#options;
    return new Map(partitions.map((one, i) => [one, { ...BEGINNING, offset: this.#offsets[i]! }]));
  }

  get #progress(): TopicProgress {
    return { topicId: this.#options.topicId, offsets: this.#offsets, marks: this.#marks.newest };
  }

  get #offset(): number {
    return this.#offsets.reduce((sum, offset) => sum + offset, 0);
  }

  /** Writes online what waits in the state. */
  async begin(): Promise<void> {
    const { stream, online, clock } = this.#options;
    await online.publishSchemas();
    for (const batch of await stream.begin()) await online.write(batch, clock.nowUs());
  }

  /** @throws MAT_STREAM_REJECTED when too many cannot be read, MAT_STREAM_SOURCE when they count by another horizon */
  take({ partition, messages, position, atEnd }: MessageBatch): void {
    if (atEnd) this.#ended.add(partition);
    for (const message of messages) this.#take(partition, message);
    this.#offsets[this.#options.partitions.indexOf(partition)] = position.offset;
    this.#taken += messages.length;
    this.#unsaved += messages.length;
  }

  #take(partition: number, { offset, value }: StreamMessage): void {
    // The topic forgets a key that has no value; no job of ours writes one.
    if (value === null) return;
    const { plan, rejects } = this.#options;
    try {
      const json = JSON.parse(value.toString('utf8')) as Json;
      if (typeof json !== 'object' || json === null || Array.isArray(json))
        throw new TileFault('expected an object');
      const message = tileMessageFromJson(plan, json as { readonly [key: string]: Json });
      if (message.kind === 'mark') this.#takeMark(message.mark);
      else this.#takeTile(partition, offset, message);
    } catch (error) {
      if (!(error instanceof TileFault || error instanceof SyntaxError)) throw error;
      const reason = error instanceof TileFault ? error.message : 'it is no JSON';
      rejects.add({ partition, offset, reason, message: value, view: plan.view.id });
      countRefused(this.#options.counts, reason);
    }
  }

  #takeMark(mark: TileMark): void {
    const { record, plan, counts, clock } = this.#options;
    if (mark.horizonUs !== record.horizonUs) {
      throw materializerError(
        'MAT_STREAM_SOURCE',
        `the tiles of ${plan.view.id} count what was appended up to ${mark.horizonUs}, and its horizon is ${record.horizonUs}`,
        { help: 'Print the job again with `plumb stream sql`, and run it into a new topic.' },
      );
    }
    this.#countLeftOut(mark);
    this.#marks.take(mark, clock.nowUs() / 1_000);
    counts.newestEventUs = Math.max(counts.newestEventUs ?? 0, mark.eventUs ?? 0);
    counts.newestCreatedUs = Math.max(counts.newestCreatedUs ?? 0, mark.appendedUs ?? 0);
  }

  /** What the engine left out since the mark before; one that begins anew counts from 0. */
  #countLeftOut({ partition, leftOut }: TileMark): void {
    const { counts } = this.#options;
    const before = this.#marks.newest.find((one) => one.partition === partition)?.leftOut;
    const since = (name: keyof LeftOut): number => {
      const [then, now] = [before?.[name] ?? 0, leftOut[name]];
      return now < then ? now : now - then;
    };
    counts.late += since('late');
    counts.excluded += since('excluded');
    countRefused(counts, 'the engine has refused the event', since('refused'));
    countRefused(counts, 'the engine could not read the message', since('unreadable'));
  }

  #takeTile(
    partition: number,
    offset: number,
    {
      key,
      tile,
    }: {
      readonly key: { keys: readonly (string | number | bigint)[]; edgeUs: number; origin: number };
      readonly tile: Tile;
    },
  ): void {
    const { plan, origins, stream, counts, rejects, lost, clock } = this.#options;
    const place = { entity: entityText(key.keys), edge: edgeAt(key.edgeUs, plan.hopUs), origin: key.origin };
    if (origins.isLost(place)) return lost.add(place, clock.nowUs() / 1_000);
    const { outcome, seen } = origins.take(place, tile);
    if (outcome === 'lost') {
      origins.lose(place);
      lost.add(place, clock.nowUs() / 1_000);
      const reason = 'the engine has lost what it knew of a tile';
      countRefused(counts, reason);
      rejects.keep({ partition, offset, view: plan.view.id, reason: `${reason}: ${JSON.stringify(place)}` });
    }
    if (outcome !== 'take') return;
    counts.counted += seen;
    stream.putTile(place.entity, place.edge, origins.merged(place.entity, place.edge));
  }

  get isFull(): boolean {
    return this.#taken >= STEP_TILES;
  }

  get isCommitDue(): boolean {
    return this.#options.online.isLost;
  }

  get unarchived(): number {
    return this.#unsaved;
  }

  async step(): Promise<void> {
    const { stream, origins, online, rejects, clock, tails, lost, partitions } = this.#options;
    rejects.flush();
    this.#taken = 0;
    // First what rows are made of: where the offsets are older, tiles come again and change nothing.
    const hasAll = this.#ended.size === partitions.length;
    const nowMs = clock.nowUs() / 1_000;
    for (const { entity, edge } of await lost.remake(this.#marks.newest, nowMs))
      stream.putTile(entity, edge, origins.merged(entity, edge));
    const seenUs = hasAll
      ? this.#marks.seenUs(nowMs, await tails.ends(this.#marks.settledOffsets(nowMs), nowMs))
      : 0;
    const rows = stream.stepAndSave(this.#offset, seenUs, clock.nowUs());
    origins.save(this.#progress, stream.firstEdge(clock.nowUs()));
    await online.write(rows, clock.nowUs());
    await online.mark(stream.watermarkUs);
  }

  /** Nobody shares the view: there is nobody to tell. */
  async note(): Promise<void> {}

  async commit(): Promise<void> {
    const { stream, online, record, counts, writes, clock, tell } = this.#options;
    this.#unsaved = 0;
    const rows = await stream.commit();
    const { watermarkUs } = stream;
    await online.restore(true, clock.nowUs());
    await online.mark(watermarkUs);
    await record.save({ writes, events: counts }, { rows, watermarkUs, nowUs: clock.nowUs() });
    await tell();
  }

  close(): void {
    this.#options.stream.close();
    this.#options.origins.close();
  }
}
