/**
 * One view over one partition of a stream: events into tiles, tiles into rows once the watermark has passed their
 * edges, rows into the state, from where they go online and into the history.
 *
 *   take      an event joins its tile in memory, unless it was counted before, is late or refused
 *   step      one transaction: the rows that are due, and up to which offset and edge they were made
 *   save      one transaction: tiles, ids of events, and up to which offset those count
 *   commit    the rows become history; the state forgets them
 *
 * It is silent while it takes messages again whose rows were made before: those between the two offsets of the state,
 * where the process died, and those before the history's offset, where the state was lost.
 */
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import type { Tile } from '../../contract/aggregation/tile.ts';
import { changeHops } from '../../contract/aggregation/windows/entity-windows.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { edgeAt, sessionHops, windowHops } from '../../contract/windows.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { tombstone } from '../../contract/wire/online/row-header.ts';
import { materializerError } from '../errors.ts';
import type { HistoryOutput } from './output/history-output.ts';
import { beginState } from './state/begin-state.ts';
import { ViewState } from './state/view-state.ts';
import type { Progress } from './state/view-state.ts';
import { RowBatch } from './state/row-batch.ts';
import { countRefused } from './stream-counts.ts';
import type { StreamCounts } from './stream-counts.ts';
import type { ReceivedEvent } from './stream-event.ts';
import { refOfText } from './view-entity.ts';
import { viewEvents } from './view-events.ts';
import type { EventOutcome, ViewEvent } from './view-events.ts';
import { newRows, OldRows } from './windows/due-rows.ts';
import { CountedEvents } from './windows/counted-events.ts';
import type { DueEdges, DueRow, RowsAt, RowsStanding } from './windows/due-rows.ts';
import type { EntityTiles } from './windows/entity-tiles.ts';
import { SpoiledTiles } from './windows/spoiled-tiles.ts';
import type { ReadEvents } from './windows/spoiled-tiles.ts';
import { ViewTiles } from './windows/view-tiles.ts';

type PutRow = (entity: string, row: DueRow) => void;

interface ViewStreamOptions {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly partition: number;
  readonly stateFile: string;
  /** Tells this process and its hold of the partition from all others. */
  readonly owner: string;
  readonly sourceId: string;
  /** Events appended up to and including it count however late they were. */
  readonly horizonUs: number;
  readonly history: Pick<HistoryOutput, 'committed' | 'commit' | 'begin' | 'add' | 'addBatch' | 'waiting'>;
  /** Whether it is given tiles (`putTile`) and steps by `stepAndSave`, in place of events. */
  readonly takesTiles?: boolean;
  /** Of tiles: up to where the view's history is complete, whoever has made it. */
  readonly standsToUs?: number;
  /** Rows of later edges are made again, where they are not what they should be; null: none is. */
  readonly fromUs?: number | null;
  readonly counts: StreamCounts;
  /** @returns the other partition in which an entity was met before; null: none */
  readonly otherPartitionOf: (entity: string) => number | null;
  readonly warn: (line: string) => void;
  /** Keeps an event that does not count, with the reason. */
  readonly reject: (event: ReceivedEvent, reason: string) => void;
}

/** How often tiles are forgotten while time moves on by the longest window. */
const PRUNES_A_REACH = 16;

export class ViewStream {
  readonly view: FeatureView;
  /** Rows that were created after this time, and are not history, are made again; null: none are. */
  readonly remadeAfterUs: number | null;
  readonly #options: ViewStreamOptions;
  readonly #state: ViewState;
  readonly #outcome: (event: ReceivedEvent) => EventOutcome;
  readonly #encoder: RowEncoder;
  /** After how many hops a tile may change a value again. */
  readonly #windows: readonly number[];
  /** The longest window or gap in hops; Infinity: a lifetime. */
  readonly #reach: number;
  readonly #tiles: ViewTiles;
  readonly #counted: CountedEvents;
  readonly #spoiled: SpoiledTiles<EntityTiles>;
  #progress: Progress;
  /** Of the message that it takes next. */
  #offset: number;
  #isSilent: boolean;
  /** Up to this edge rows stand in the history whose tiles are not known; they are held against those of the tiles. */
  readonly #standsTo: number;
  #standing: RowsStanding | null = null;
  /** The newest append time of a message that was taken. */
  #appendedUs = 0;
  /** Tiles before this edge were forgotten. */
  #pruned = 0;
  /** Features whose values did not fit once. */
  readonly #lost = new Set<string>();

  constructor(options: ViewStreamOptions) {
    const { view, entity, horizonUs, history, stateFile, owner, sourceId } = options;
    this.view = view;
    this.#options = options;
    const plan = planTiles(view, entity);
    this.#outcome = viewEvents(view, entity, plan, horizonUs);
    this.#encoder = new RowEncoder(view);
    const hops = view.features.map((feature) => windowHops(view, feature));
    const gaps = view.features.map((feature) => sessionHops(view, feature));
    this.#windows = changeHops(plan);
    this.#reach = Math.max(...hops.map((window, i) => window ?? gaps[i] ?? Infinity));
    const { committed } = history;
    this.#state = ViewState.open({ file: stateFile, owner, plan });
    const { fromUs = null, standsToUs = null } = options;
    const own = { sourceId, horizonUs, hopUs: view.hopUs, fromUs, standsToUs };
    const begun = beginState(this.#state, committed, own);
    this.#progress = begun.progress;
    this.remadeAfterUs = begun.remadeAfterUs;
    this.#offset = this.#progress.offset;
    this.#standsTo = begun.standsTo;
    this.#isSilent = this.#offset < this.#progress.rowOffset;
    const edge = this.#isSilent ? -1 : this.#progress.edge;
    this.#counted = new CountedEvents(plan, this.#state.tiles);
    this.#spoiled = new SpoiledTiles(plan, this.#outcome, this.#counted);
    this.#tiles = new ViewTiles(plan, this.#state.tiles, {
      edge,
      counted: this.#counted,
      spoiled: this.#spoiled,
      refuse: (name) => this.#refuseScattered(name),
    });
  }

  /** The offset of the message that it takes next. */
  get offset(): number {
    return this.#offset;
  }

  /** Up to which edge rows are made, as a time; 0: none yet. */
  get watermarkUs(): number {
    return Math.max(0, this.#progress.edge) * this.view.hopUs;
  }

  /** @returns how many edges the watermark has passed whose rows are not made */
  edgesDue(seenUs: number): number {
    return this.#progress.edge < 0 ? 0 : this.#edgeAt(seenUs) - this.#progress.edge;
  }

  /** Takes an event that lies at or after `offset`, all those before it having been taken. */
  take(event: ReceivedEvent): void {
    const { counts } = this.#options;
    if (event.offset < this.#offset) return;
    if (event.appendedUs > this.#appendedUs) this.#appendedUs = event.appendedUs;
    if (this.#isSilent && event.offset >= this.#progress.rowOffset) this.#endSilence();
    const outcome = this.#outcome(event);
    if (outcome.kind !== 'counts') return this.#leaveOut(event, outcome);
    const { eventUs: timeUs, offset, op: sign } = event;
    const entity = this.#tiles.entityOf(outcome.entity);
    const turn = this.#counted.turn(entity, event, outcome.values);
    if (turn.kind !== 'counts') return this.#leaveOut(event, turn);
    this.#tiles.fold(entity, { values: outcome.values, timeUs, offset, sign });
    counts.counted += 1;
    // A number that is put where null may stand is an object: of most events neither is news.
    if (timeUs > (counts.newestEventUs ?? -1)) counts.newestEventUs = timeUs;
    if (event.appendedUs > (counts.newestCreatedUs ?? -1)) counts.newestCreatedUs = event.appendedUs;
  }

  /**
   * Sets a tile that another engine made, of all its origins, in place of the one before it.
   * @param edge  its index
   * @param tile  owned by the stream from then on
   */
  putTile(entity: string, edge: number, tile: Tile): void {
    const ref = refOfText(this.#options.entity, entity);
    this.#tiles.put(this.#tiles.entityOf(ref), edge, tile);
  }

  /** Whether tiles are to be made again before a step. @param seenUs  as the step has it; Infinity: before a save */
  isSpoiled(seenUs: number): boolean {
    return this.#spoiled.isThere(this.#edgeAt(seenUs));
  }

  /** Makes tiles again that events were taken out of, as far as `isSpoiled` says. */
  async remake(seenUs: number, read: ReadEvents): Promise<void> {
    for (const { entity, edge, tile } of await this.#spoiled.remake(this.#edgeAt(seenUs), read)) {
      this.#options.counts.remade += 1;
      this.#tiles.put(entity, edge, tile);
    }
  }

  /** @returns the newest edge whose rows are due */
  #edgeAt(seenUs: number): number {
    const { outOfOrderUs, hopUs } = this.view;
    return seenUs === Infinity
      ? Infinity
      : Math.max(this.#progress.edge, edgeAt(seenUs - outOfOrderUs, hopUs));
  }

  /** All messages are tiles again whose rows were made before. */
  #endSilence(): void {
    this.#isSilent = false;
    this.#tiles.standAt(this.#progress.edge);
  }

  #leaveOut(event: ReceivedEvent, outcome: Exclude<EventOutcome, ViewEvent> | { kind: 'twice' }): void {
    const { counts, reject } = this.#options;
    const latenessUs = event.appendedUs - event.eventUs;
    switch (outcome.kind) {
      case 'excluded':
      case 'twice':
        counts[outcome.kind] += 1;
        return;
      case 'late':
        counts.late += 1;
        counts.latenessNeededUs = Math.max(counts.latenessNeededUs ?? 0, latenessUs);
        return reject(event, `it came ${formatDuration(latenessUs)} after its event time, too late`);
      case 'refused':
        countRefused(counts, outcome.reason);
        return reject(event, outcome.reason);
    }
  }

  /** Whether events of the entity were met here. */
  knows(entity: string): boolean {
    return this.#tiles.knows(entity);
  }

  #refuseScattered(entity: string): void {
    const other = this.#options.otherPartitionOf(entity);
    if (other === null) return;
    const { source, id } = this.view;
    throw materializerError(
      'MAT_STREAM_SOURCE',
      `${entity} of ${id} was met in partitions ${other} and ${this.#options.partition} of ${source.name}: its messages ` +
        'are not keyed by it, or the number of partitions has changed',
      {
        field: source.name,
        help: 'Give the source a topic whose messages are keyed by the entity, and an archive of its own.',
      },
    );
  }

  /**
   * Makes the rows that are due, and keeps them.
   * @param offset  behind the last message that was taken
   * @param seenUs  how far the partition has come in event time; 0: no edge is due by this step
   * @returns       the rows
   */
  step(offset: number, seenUs: number, nowUs: number): RowBatch {
    if (this.#isSilent && offset >= this.#progress.rowOffset) this.#endSilence();
    this.#offset = Math.max(this.#offset, offset);
    const before = this.#progress;
    const batch = new RowBatch(before.rowNumber + 1);
    if (this.#isSilent) return batch;
    const edge = this.#edgeAt(seenUs);
    const due = { from: before.edge, to: edge, windows: this.#windows };
    const createdUs = Math.max(nowUs, before.createdUs + 1);
    const put = (entity: string, row: DueRow): void => this.#putRow(batch, entity, row, createdUs);
    this.#restateRows(due, put);
    this.#makeRows(due, put);
    this.#progress = { ...before, rowOffset: this.#offset, edge };
    if (batch.size === 0) return batch;
    this.#state.transaction(() => {
      this.#state.putRows(batch);
      this.#progress = { ...this.#progress, rowNumber: batch.last, createdUs };
      this.#state.setProgress(this.#progress);
    });
    return batch;
  }

  /** As `step`, and saves in the same transaction: no tile is then taken again whose rows were made. */
  stepAndSave(offset: number, seenUs: number, nowUs: number): RowBatch {
    return this.#state.transaction(() => {
      const rows = this.step(offset, seenUs, nowUs);
      this.save(nowUs);
      return rows;
    });
  }

  #putRow(batch: RowBatch, entity: string, { edge, row: values }: DueRow, createdUs: number): void {
    const { definitionId, hopUs } = this.view;
    const eventUs = edge * hopUs;
    const row =
      values === null
        ? tombstone({ definitionId, eventUs, createdUs, writtenMs: 0 })
        : this.#encoder.encodeHere(eventUs, createdUs, 0, values);
    batch.add(entity, eventUs, row);
    this.#options.history.add({ entity, eventUs, createdUs }, values);
  }

  #restateRows(due: DueEdges, put: PutRow): void {
    for (const entity of this.#tiles.takeLate()) {
      const rowsAt = this.#rowsAt(entity);
      const late = entity.late!;
      const edges = [...late.keys()];
      const reach = Math.max(Math.max(...edges) + this.#reach, entity.windows.sessionsReach(late));
      const old = new OldRows(rowsAt, { edges, reach }, due);
      entity.settleLate();
      for (const row of old.restated(rowsAt)) put(entity.entity, row);
    }
  }

  #makeRows(due: DueEdges, put: PutRow): void {
    if (due.to <= due.from) return;
    for (const entity of this.#tiles.moveTo(due.to, [0, ...due.windows])) {
      const standing = this.#standing?.of(entity.entity);
      for (const row of newRows(this.#rowsAt(entity), due, standing)) put(entity.entity, row);
    }
    if (due.to >= this.#standsTo) this.#standing = null;
  }

  #rowsAt({ windows, entity }: EntityTiles): RowsAt {
    return {
      rowAt: (edge) => {
        const found = windows.valuesAt(edge);
        if (found === null) return null;
        for (const name of found.lost) this.#warnLost(name, entity);
        return found.values;
      },
      nextChange: (after) => windows.nextChange(after),
    };
  }

  #warnLost(name: string, entity: string): void {
    if (this.#lost.has(name)) return;
    this.#lost.add(name);
    this.#options.warn(
      `${this.view.id}: ${name} is null in some rows, first of ${entity}: its value there does not fit its type`,
    );
  }

  /** Keeps the tiles, so that what was taken since need not be taken again. */
  save(nowUs: number): void {
    this.#state.transaction(() => {
      this.#tiles.save();
      this.#prune(nowUs);
      this.#progress = { ...this.#progress, offset: this.#offset };
      this.#state.setProgress(this.#progress);
    });
  }

  /** @returns the first edge that matters, but to sessions that go on: no window or event can touch tiles before it */
  firstEdge(nowUs: number): number {
    const { view } = this;
    const { horizonUs, takesTiles } = this.#options;
    // What was appended before the horizon counts however late it is.
    if (this.#isSilent || (takesTiles === true ? nowUs : this.#appendedUs) <= horizonUs) return 0;
    if (this.#reach === Infinity) return 0;
    return Math.max(0, this.#progress.edge - this.#reach - Math.ceil(view.latenessUs / view.hopUs) - 1);
  }

  #prune(nowUs: number): void {
    const first = this.firstEdge(nowUs);
    if (first - this.#pruned < Math.max(1, this.#reach / PRUNES_A_REACH)) return;
    this.#pruned = first;
    this.#tiles.prune(first, (first - 1) * this.view.hopUs);
  }

  /** Whether rows stand in the history whose tiles it does not know: `standOn` is then called before the first step. */
  get isWithoutTiles(): boolean {
    return this.#standsTo >= 0;
  }

  standOn(rows: RowsStanding): void {
    this.#standing = rows;
  }

  /** To be called before the first step. @returns the rows that no entry of the history has yet */
  async begin(): Promise<RowBatch[]> {
    const { history } = this.#options;
    await history.begin();
    const batches = this.#state.rows();
    for (const batch of batches) history.addBatch(batch);
    return batches;
  }

  /** Makes the rows that wait history. @returns how many they were */
  async commit(): Promise<number> {
    const { history } = this.#options;
    if (this.#isSilent) return 0;
    const { rowOffset: offset, createdUs, rowNumber, lineage } = this.#progress;
    const { watermarkUs } = this;
    const { committed, waiting } = history;
    const isNews = offset > committed.offset || watermarkUs > (committed.watermarkUs ?? -1);
    if (waiting === 0 && !isNews) return 0;
    await history.commit({ offset, rowNumber, createdUs, lineage, watermarkUs });
    this.#state.dropRows(rowNumber);
    return waiting;
  }

  /** The state, where history and archive have come as far; null: one of them is elsewhere. */
  get whole(): { readonly offset: number; readonly copyTo: (file: string) => void } | null {
    const { offset } = this.#progress;
    if (this.#isSilent || this.#options.history.committed.offset !== offset) return null;
    return { offset, copyTo: (file) => this.#state.copyTo(file) };
  }

  close(): void {
    this.#state.close();
  }
}
