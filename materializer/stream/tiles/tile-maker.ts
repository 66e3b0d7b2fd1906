/**
 * One view over one partition of a source, whose tiles are made here and sent to a topic: `plumb stream --make-tiles`.
 * Whoever reads the topic (`plumb stream --tiles`) adds up the tiles of all partitions: an entity may be in any.
 *
 *   take    an event joins its tile
 *   commit  once the archive has the messages: spoiled tiles are made again, those that have changed are sent, then a
 *           mark that says how far the partition has come, then all is saved
 *
 * One that dies between the archive's commit and its own takes the messages since from the archive, and sends what
 * they change. It sends nothing before it knows all that the archive has: so a tile that was sent is never followed by
 * one that has seen less. Where its state is lost, all tiles are made of the archive, and sent.
 */
import type { LeftOut } from '../../../contract/aggregation/tile-message.ts';
import { tileToJson } from '../../../contract/aggregation/tile-json.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { decodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import { edgeAt } from '../../../contract/windows.ts';
import { ViewState } from '../state/view-state.ts';
import type { Progress } from '../state/view-state.ts';
import type { ReceivedEvent } from '../stream-event.ts';
import { entityKeys } from '../view-entity.ts';
import { viewEvents } from '../view-events.ts';
import { CountedEvents } from '../windows/counted-events.ts';
import { SpoiledTiles } from '../windows/spoiled-tiles.ts';
import type { ReadEvents } from '../windows/spoiled-tiles.ts';
import { MadeTiles } from './made-tiles.ts';
import type { MadeEntity } from './made-tiles.ts';
import type { TileTopic } from './tile-topic.ts';

interface TileMakerOptions {
  readonly plan: TilePlan;
  readonly partition: number;
  readonly stateFile: string;
  /** Tells this process and its hold of the partition from all others. */
  readonly owner: string;
  readonly sourceId: string;
  readonly horizonUs: number;
  readonly topic: Pick<TileTopic, 'send'>;
  /** Keeps an event that does not count, with the reason. */
  readonly reject: (event: ReceivedEvent, reason: string) => void;
}

interface MakerCommit {
  /** Behind the last message that was taken. */
  readonly offset: number;
  /** How far the partition has come in event time. */
  readonly seenUs: number;
  readonly read: ReadEvents;
}

/** A mark may be read before tiles that were sent before it, from other partitions of the topic. */
const HOLD_MS = 1_000;
/** How often tiles are forgotten, in hops. */
const PRUNE_HOPS = 360;

export class TileMaker {
  readonly #options: TileMakerOptions;
  readonly #outcome: ReturnType<typeof viewEvents>;
  readonly #state: ViewState;
  readonly #counted: CountedEvents;
  readonly #spoiled: SpoiledTiles<MadeEntity>;
  readonly #tiles: MadeTiles;
  /** Events that were left out since it was opened. */
  readonly leftOut: { -readonly [name in keyof LeftOut]: number } = {
    unreadable: 0,
    excluded: 0,
    refused: 0,
    late: 0,
  };
  #progress: Progress;
  #offset: number;
  #appendedUs = 0;
  #pruned = 0;
  /** The mark that was sent last. */
  #marked = '';
  #watermarkUs = 0;

  constructor(options: TileMakerOptions) {
    const { plan, stateFile: file, owner, sourceId, horizonUs } = options;
    this.#options = options;
    this.#outcome = viewEvents(plan.view, plan.entity, plan, horizonUs);
    this.#state = ViewState.open({ file, owner, plan });
    const begun = this.#state.progress();
    const isOwn = begun?.sourceId === sourceId && begun.horizonUs === horizonUs;
    if (!isOwn) this.#state.transaction(() => this.#state.clear());
    const none = {
      offset: 0,
      rowOffset: 0,
      edge: -1,
      rowNumber: 0,
      createdUs: 0,
      lineage: 0,
      isUnsent: true,
    };
    this.#progress = isOwn ? begun : { sourceId, horizonUs, ...none };
    this.#offset = this.#progress.offset;
    this.#counted = new CountedEvents(plan, this.#state.tiles);
    this.#spoiled = new SpoiledTiles(plan, this.#outcome, this.#counted);
    this.#tiles = new MadeTiles(plan, this.#state.tiles, { counted: this.#counted, spoiled: this.#spoiled });
  }

  /** The offset of the message that it takes next. */
  get offset(): number {
    return this.#offset;
  }

  get view(): string {
    return this.#options.plan.view.id;
  }

  /** Up to which event time its tiles were sent, late events apart; 0: none yet. */
  get watermarkUs(): number {
    return this.#watermarkUs;
  }

  /** Says that a message was no event. */
  passUnreadable(): void {
    this.leftOut.unreadable += 1;
  }

  /** Takes an event that lies at or after `offset`, all those before it having been taken. */
  take(event: ReceivedEvent): void {
    const { eventUs: timeUs, offset, op: sign } = event;
    if (offset < this.#offset) return;
    if (event.appendedUs > this.#appendedUs) this.#appendedUs = event.appendedUs;
    const outcome = this.#outcome(event);
    if (outcome.kind === 'refused') return this.#refuse(event, outcome.reason);
    if (outcome.kind !== 'counts') {
      this.leftOut[outcome.kind] += 1;
      return outcome.kind === 'late' ? this.#options.reject(event, 'it came too late') : undefined;
    }
    const entity = this.#tiles.entityOf(outcome.entity);
    const turn = this.#counted.turn(entity, event, outcome.values);
    if (turn.kind === 'refused') return this.#refuse(event, turn.reason);
    if (turn.kind === 'counts') this.#tiles.fold(entity, { values: outcome.values, timeUs, offset, sign });
  }

  #refuse(event: ReceivedEvent, reason: string): void {
    this.leftOut.refused += 1;
    this.#options.reject(event, reason);
  }

  /** Keeps what was taken of the archive and is not sent yet. @param offset  behind the last message */
  async keep(offset: number, read: ReadEvents): Promise<void> {
    await this.#remake(read);
    this.#offset = offset;
    this.#save(true);
  }

  async #remake(read: ReadEvents): Promise<void> {
    for (const { entity, edge, tile } of await this.#spoiled.remake(Infinity, read)) entity.put(edge, tile);
  }

  /** To be called once the archive has all that was taken, and the partition is surely held. */
  async commit({ offset, seenUs, read }: MakerCommit): Promise<void> {
    const { plan, partition, horizonUs, topic } = this.#options;
    await this.#remake(read);
    this.#offset = offset;
    if (this.#progress.isUnsent === true) {
      this.#save(true);
      await topic.send(this.#allMessages());
    } else await topic.send(this.#changedMessages());
    const mark = {
      view: plan.view.id,
      definition: plan.view.definitionId,
      mark: partition,
      event: seenUs === 0 ? null : seenUs,
      appended: seenUs === 0 ? null : seenUs,
      offset: offset - 1,
      ...this.leftOut,
      horizon: horizonUs,
      hold: HOLD_MS,
    };
    const text = JSON.stringify(mark);
    if (offset > 0 && text !== this.#marked)
      await topic.send([{ key: `mark ${partition}`, entity: `mark ${partition}`, value: mark }]);
    this.#marked = text;
    this.#watermarkUs = Math.max(0, seenUs - plan.view.outOfOrderUs);
    if (offset > this.#progress.offset || this.#progress.isUnsent === true) this.#save(false);
    this.#prune(seenUs);
  }

  *#changedMessages() {
    for (const entity of this.#tiles.changed)
      for (const edge of entity.unsaved) yield this.#message(entity.entity, edge, entity.tileAt(edge));
  }

  *#allMessages() {
    const { plan } = this.#options;
    for (const { entity, edge, tile } of this.#state.tiles.all())
      yield this.#message(entity, edge, decodeTile(plan, tile));
  }

  #message(entity: string, edge: number, tile: Tile) {
    const { plan, partition } = this.#options;
    const place = {
      keys: entityKeys(plan.entity, entity),
      edgeUs: edge * plan.hopUs,
      origin: partition,
    };
    return { key: `${edge} ${partition} ${entity}`, entity, value: tileToJson(plan, place, tile) };
  }

  #save(isUnsent: boolean): void {
    this.#state.transaction(() => {
      this.#tiles.save();
      this.#progress = { ...this.#progress, offset: this.#offset, isUnsent };
      this.#state.setProgress(this.#progress);
    });
  }

  #prune(seenUs: number): void {
    const { plan, horizonUs } = this.#options;
    // What was appended before the horizon counts however late it is.
    if (this.#appendedUs <= horizonUs) return;
    const { hopUs, view } = plan;
    const first = edgeAt(seenUs - view.outOfOrderUs - view.latenessUs, hopUs) - 1;
    if (first - this.#pruned < PRUNE_HOPS) return;
    this.#pruned = first;
    this.#state.transaction(() => this.#tiles.prune(first, (first - 1) * hopUs));
  }

  close(): void {
    this.#state.close();
  }
}
