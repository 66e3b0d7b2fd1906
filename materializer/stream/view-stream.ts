/**
 * One view over one partition of a stream: events into tiles, tiles into rows once the watermark has passed their
 * edges, rows into the state, from where they go online and into the history.
 *
 *   take      an event joins its tile in memory, unless it was counted before, is late or refused
 *   step      one transaction: tiles, ids, the rows that are due, up to which offset and edge all of it counts
 *   commit    the rows become history; the state forgets them
 *
 * The state may stand behind the history, where a disk lost its last transactions or the file is new. Then the messages
 * up to the history's offset become tiles and no rows: those are there.
 */
import { foldEvent } from '../../contract/aggregation/tile.ts';
import type { TileEvent } from '../../contract/aggregation/tile.ts';
import { encodeTile } from '../../contract/aggregation/tile-bytes.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { takesBack } from '../../contract/stream-source.ts';
import { edgeAt, windowHops } from '../../contract/windows.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { tombstone, writeHeader } from '../../contract/wire/online/row-header.ts';
import { materializerError } from '../errors.ts';
import type { HistoryOutput } from './output/history-output.ts';
import { ViewState } from './state/view-state.ts';
import type { PendingRow, Progress } from './state/view-state.ts';
import { countRefused } from './stream-counts.ts';
import type { StreamCounts } from './stream-counts.ts';
import type { ReceivedEvent } from './stream-event.ts';
import { viewEvents } from './view-events.ts';
import type { EventOutcome, ViewEvent } from './view-events.ts';
import { newRows, OldRows } from './windows/due-rows.ts';
import type { DueEdges, DueRow, RowsAt } from './windows/due-rows.ts';
import { EntityTiles } from './windows/entity-tiles.ts';

interface ViewStreamOptions {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly partition: number;
  readonly stateFile: string;
  readonly sourceId: string;
  /** Events appended up to and including it count however late they were. */
  readonly horizonUs: number;
  readonly history: HistoryOutput;
  readonly counts: StreamCounts;
  /** @returns the other partition in which an entity was met before; null: none */
  readonly otherPartitionOf: (entity: string) => number | null;
  /** Keeps an event that does not count, with the reason. */
  readonly reject: (event: ReceivedEvent, reason: string) => void;
}

/** Entities in memory after a step. */
const ENTITIES_KEPT = 100_000;
/** Rows of one commit at most. */
const COMMIT_ROWS = 500_000;

export class ViewStream {
  readonly view: FeatureView;
  readonly #options: ViewStreamOptions;
  readonly #plan: TilePlan;
  readonly #state: ViewState;
  readonly #outcome: (event: ReceivedEvent) => EventOutcome;
  readonly #encoder: RowEncoder;
  readonly #windows: readonly number[];
  /** The longest window in hops; Infinity: a lifetime. */
  readonly #reach: number;
  readonly #entities = new Map<string, EntityTiles>();
  readonly #touched = new Set<EntityTiles>();
  #progress: Progress;

  constructor(options: ViewStreamOptions) {
    const { view, entity, horizonUs, history, stateFile, sourceId } = options;
    this.view = view;
    this.#options = options;
    this.#plan = planTiles(view, entity);
    refuseUncounted(view, this.#plan);
    this.#outcome = viewEvents(view, entity, this.#plan, horizonUs);
    this.#encoder = new RowEncoder(view);
    const hops = view.features.map((feature) => windowHops(view, feature));
    this.#windows = [...new Set(hops.filter((window) => window !== null))];
    this.#reach = Math.max(...hops.map((window) => window ?? Infinity));
    this.#state = ViewState.open(stateFile);
    const { committed } = history;
    const begun = this.#state.progress();
    const sets = begun ?? { sourceId, offset: 0, edge: -1, rowNumber: 0, createdUs: 0 };
    this.#progress = {
      ...sets,
      rowNumber: Math.max(sets.rowNumber, committed.rowNumber),
      createdUs: Math.max(sets.createdUs, committed.createdUs),
    };
    this.#state.dropRows(committed.rowNumber);
  }

  /** The offset of the message that it takes next. */
  get offset(): number {
    return this.#progress.offset;
  }

  /** Up to which edge rows are made, as a time; 0: none yet. */
  get watermarkUs(): number {
    return Math.max(0, this.#progress.edge) * this.view.hopUs;
  }

  /** The messages before this offset give no rows: the history has them. */
  get silentUpTo(): number {
    return this.#options.history.committed.offset;
  }

  get #isBehind(): boolean {
    return this.#progress.offset < this.silentUpTo;
  }

  /** Takes an event that lies at or after `offset`. */
  take(event: ReceivedEvent): void {
    const { counts } = this.#options;
    if (event.offset < this.#progress.offset) return;
    const outcome = this.#outcome(event);
    if (outcome.kind !== 'counts') return this.#leaveOut(event, outcome);
    const entity = this.#entityOf(outcome.entity);
    if (event.id !== null && !this.#isFirst(entity, event, event.id)) {
      counts.twice += 1;
      return;
    }
    this.#fold(entity, event, outcome.values);
  }

  #fold(entity: EntityTiles, event: ReceivedEvent, values: TileEvent['values']): void {
    const { eventUs: timeUs, offset, op: sign } = event;
    const edge = edgeAt(timeUs, this.view.hopUs) + 1;
    const tile = entity.tileFor(edge);
    if (foldEvent(this.#plan, tile, { values, timeUs, offset, sign }) === 'unknown') {
      const reason = 'it takes back an event that was never counted';
      return this.#leaveOut(event, { kind: 'refused', reason });
    }
    entity.keep(edge, tile);
    this.#touched.add(entity);
    const { counts } = this.#options;
    counts.counted += 1;
    counts.newestEventUs = Math.max(counts.newestEventUs ?? 0, timeUs);
    counts.newestCreatedUs = Math.max(counts.newestCreatedUs ?? 0, event.appendedUs);
  }

  #leaveOut(event: ReceivedEvent, outcome: Exclude<EventOutcome, ViewEvent>): void {
    const { counts, reject } = this.#options;
    const latenessUs = event.appendedUs - event.eventUs;
    switch (outcome.kind) {
      case 'excluded':
        counts.excluded += 1;
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

  #isFirst(entity: EntityTiles, { eventUs, op }: ReceivedEvent, id: string): boolean {
    const known = op === 1 ? id : `-${id}`;
    if (entity.events.some((event) => event.eventUs === eventUs && event.id === known)) return false;
    if (this.#state.hasEvent(entity.entity, eventUs, known)) return false;
    entity.events.push({ eventUs, id: known });
    this.#touched.add(entity);
    return true;
  }

  #entityOf(entity: string): EntityTiles {
    let found = this.#entities.get(entity);
    if (found !== undefined) return found;
    const tiles = this.#state.tilesOf(entity);
    if (tiles.length === 0) this.#refuseScattered(entity);
    this.#entities.set(entity, (found = new EntityTiles(this.#plan, entity, tiles)));
    return found;
  }

  /** Whether events of the entity were met here. */
  knows(entity: string): boolean {
    return this.#entities.has(entity) || this.#state.tilesOf(entity).length > 0;
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
   * Makes the rows that are due and keeps everything.
   * @param offset       behind the last message that was taken; not past `silentUpTo` while it stands before that
   * @param seenUs       how far the partition has come in event time; 0: no edge is due by this step
   * @returns            the rows, the older first
   */
  step(offset: number, seenUs: number, nowUs: number): PendingRow[] {
    const before = this.#progress;
    const silent = this.#isBehind;
    const edge = Math.max(
      before.edge,
      silent ? this.#settledEdge(offset) : edgeAt(seenUs - this.view.outOfOrderUs, this.view.hopUs),
    );
    const due = { from: before.edge, to: edge, reach: this.#reach, windows: this.#windows };
    const createdUs = Math.max(nowUs, before.createdUs + 1);
    return this.#state.transaction(() => {
      const restated = this.#settle(silent ? null : due);
      const made = silent ? [] : [...restated, ...this.#newRows(due)];
      const rows = made.map(([entity, row], i) => ({
        number: before.rowNumber + i + 1,
        entity,
        row: this.#withTimes(row, createdUs),
      }));
      for (const row of rows) this.#state.putRow(row);
      this.#prune(edge, nowUs);
      this.#progress = {
        ...before,
        offset: Math.max(before.offset, offset),
        edge,
        rowNumber: before.rowNumber + rows.length,
        createdUs: rows.length === 0 ? before.createdUs : createdUs,
      };
      this.#state.setProgress(this.#progress);
      if (this.#entities.size > ENTITIES_KEPT) this.#entities.clear();
      return rows;
    });
  }

  /** @returns the edge up to which the history has rows, once all messages that they come from are tiles; else -1 */
  #settledEdge(offset: number): number {
    const { committed } = this.#options.history;
    return offset < committed.offset ? -1 : edgeAt(committed.watermarkUs ?? 0, this.view.hopUs);
  }

  /**
   * Brings what events have changed into the windows and the state.
   * @param due  null: no rows are made
   * @returns    rows of edges that late events touch
   */
  #settle(due: DueEdges | null): [entity: string, row: DueRow][] {
    const restated: [string, DueRow][] = [];
    for (const entity of this.#touched) {
      for (const [edge, tile] of entity.changed)
        this.#state.putTile(edge, entity.entity, encodeTile(this.#plan, tile));
      for (const { eventUs, id } of entity.events) this.#state.putEvent(entity.entity, eventUs, id);
      const late = due === null ? [] : [...entity.changed.keys()].filter((edge) => edge <= due.from);
      const rowsAt = this.#rowsAt(entity);
      const old = late.length === 0 ? null : new OldRows(rowsAt, late, due!);
      entity.settle();
      for (const row of old?.restated(rowsAt) ?? []) restated.push([entity.entity, row]);
    }
    this.#touched.clear();
    return restated;
  }

  #newRows(due: DueEdges): [entity: string, row: DueRow][] {
    const { from, to, windows } = due;
    if (to <= from) return [];
    const entities = new Set<string>();
    for (const window of [0, ...windows])
      for (const entity of this.#state.entitiesIn(from - window, to - window)) entities.add(entity);
    const rows: [string, DueRow][] = [];
    for (const entity of entities)
      for (const row of newRows(this.#rowsAt(this.#entityOf(entity)), due)) rows.push([entity, row]);
    return rows;
  }

  /** The rows of an entity without their times, which the comparison of rows leaves out. */
  #rowsAt({ windows }: EntityTiles): RowsAt {
    return {
      rowAt: (edge) => {
        const found = windows.valuesAt(edge);
        return found === null ? null : this.#encoder.encode(0, 0, 0, found.values);
      },
      nextChange: (after) => windows.nextChange(after),
    };
  }

  #withTimes({ edge, row }: DueRow, createdUs: number): Buffer {
    const { definitionId, hopUs } = this.view;
    const header = { definitionId, eventUs: edge * hopUs, createdUs, writtenMs: 0 };
    if (row === null) return tombstone(header);
    writeHeader(row, 0, header);
    return row;
  }

  /** Forgets what no window holds and no event can touch any more. */
  #prune(edge: number, nowUs: number): void {
    if (this.#reach === Infinity || nowUs <= this.#options.horizonUs) return;
    const reach = this.#reach + Math.ceil(this.view.latenessUs / this.view.hopUs) + 1;
    if (edge - reach > 0) this.#state.prune(edge - reach, (edge - reach - 1) * this.view.hopUs);
  }

  /** @returns the rows that no entry of the history has yet, in the order in which they were made */
  pending(after = 0, most = COMMIT_ROWS): PendingRow[] {
    return this.#state.rows(after, most);
  }

  /** Makes the rows that wait history. @returns how many they were */
  async commit(): Promise<number> {
    const { history } = this.#options;
    if (this.#isBehind) return 0;
    let total = 0;
    for (;;) {
      const rows = this.pending();
      const { offset, createdUs, rowNumber } = this.#progress;
      const { watermarkUs } = this;
      const { committed } = history;
      const isNews = offset > committed.offset || watermarkUs > (committed.watermarkUs ?? -1);
      if (rows.length === 0 && !isNews) return total;
      const isLast = rows.length < COMMIT_ROWS;
      await history.commit({
        rows,
        offset: isLast ? offset : committed.offset,
        rowNumber: rows.at(-1)?.number ?? rowNumber,
        createdUs,
        watermarkUs: isLast ? watermarkUs : (committed.watermarkUs ?? 0),
      });
      this.#state.dropRows(rows.at(-1)?.number ?? 0);
      total += rows.length;
      if (isLast) return total;
    }
  }

  close(): void {
    this.#state.close();
  }
}

/** @throws MAT_STREAM_SOURCE where events may be taken back that a feature cannot count backwards */
function refuseUncounted({ id, source }: FeatureView, plan: TilePlan): void {
  if (!takesBack(source.stream!)) return;
  const stuck = plan.features.find(({ parts }) => parts.some((i) => plan.parts[i]!.slide.kind !== 'slide'));
  if (stuck === undefined) return;
  const { name, aggregation } = stuck.feature;
  throw materializerError(
    'MAT_STREAM_SOURCE',
    `events of ${source.name} may be taken back, and ${id}__${name} (${aggregation!.function}) cannot be counted backwards ` +
      `by a stream yet; count, countDistinct, sum, avg, stddev and mostFrequent can`,
    {
      field: source.name,
      help: 'Leave `op` out of the source, or give these features a view over another source.',
    },
  );
}
