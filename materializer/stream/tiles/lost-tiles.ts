/**
 * Tiles of which the engine has lost what it knew (contract/aggregation/tile-succession.ts), made again of the archive:
 * of all events of their partition, by the rule of `plumb stream`. From then on what the engine sends of such a tile
 * says no more than that it has changed, and it is made again.
 *
 *   lost -> due -> (the archive has come as far as the engine's marks) -> made again -> (the engine sends it) -> due
 */
import { emptyTile, foldEvent } from '../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { edgeAt } from '../../../contract/windows.ts';
import type { ReceivedEvent } from '../stream-event.ts';
import { viewEvents } from '../view-events.ts';
import type { OriginTiles, TilePlace } from './origin-tiles.ts';

/** What the archive has of one partition. */
export interface ArchivedPartition {
  /** Behind the last message that it knows. */
  readonly end: number;
  /** Yields the events of a range of event time, in their order. */
  read(range: {
    readonly fromUs: number;
    readonly beforeUs: number;
  }): AsyncIterable<readonly ReceivedEvent[]>;
}

interface LostOptions {
  readonly plan: TilePlan;
  readonly horizonUs: number;
  readonly origins: Pick<OriginTiles, 'lost' | 'place' | 'isOlder'>;
  /** Opens the archive as it is now. */
  readonly archiveOf: (partition: number) => Promise<ArchivedPartition>;
  readonly warn: (line: string) => void;
}

/** How far the engine has come with a partition, and how long its tiles may be on their way. */
interface Marked {
  readonly partition: number;
  readonly offset: number;
  readonly holdMs: number;
}

/** How often the archive is looked at that has not come far enough. */
const LOOK_MS = 5_000;

export class LostTiles {
  readonly #options: LostOptions;
  readonly #outcome: ReturnType<typeof viewEvents>;
  /** By place, since when. */
  readonly #due = new Map<string, { readonly place: TilePlace; readonly sinceMs: number }>();
  #lookedMs = -Infinity;
  #hasWarned = false;

  constructor(options: LostOptions) {
    const { plan, horizonUs, origins } = options;
    this.#options = options;
    this.#outcome = viewEvents(plan.view, plan.entity, plan, horizonUs);
    // Nobody knows which of them were made again since.
    for (const place of origins.lost()) this.#due.set(nameOf(place), { place, sinceMs: -Infinity });
  }

  /** Says that the engine has lost a tile, or has sent one that it had lost. */
  add(place: TilePlace, nowMs: number): void {
    this.#due.set(nameOf(place), { place, sinceMs: nowMs });
    this.#lookedMs = -Infinity;
  }

  /** @returns the places of the tiles that were made again */
  async remake(marks: readonly Marked[], nowMs: number): Promise<TilePlace[]> {
    if (this.#due.size === 0 || nowMs - this.#lookedMs < LOOK_MS) return [];
    this.#lookedMs = nowMs;
    const remade: TilePlace[] = [];
    for (const { partition, offset, holdMs } of marks) {
      // A mark that came so long after it counts all that the tile has seen.
      const due = [...this.#due.values()].filter(
        ({ place, sinceMs }) => place.origin === partition && nowMs - sinceMs >= holdMs,
      );
      if (due.length === 0) continue;
      const archive = await this.#options.archiveOf(partition);
      if (archive.end > offset)
        remade.push(
          ...(await this.#remake(
            archive,
            due.map(({ place }) => place),
          )),
        );
      else this.#warnOf(partition, archive.end);
    }
    return remade;
  }

  async #remake(archive: ArchivedPartition, places: readonly TilePlace[]): Promise<TilePlace[]> {
    const { plan, origins } = this.#options;
    const tiles = new Map(places.map((place) => [nameOf(place), emptyTile(plan)]));
    const ids = new Set<string>();
    const edges = places.map(({ edge }) => edge);
    const fromUs = (Math.min(...edges) - 1) * plan.hopUs;
    const beforeUs = Math.max(...edges) * plan.hopUs;
    for await (const events of archive.read({ fromUs, beforeUs }))
      for (const event of events) this.#fold(event, { tiles, ids, origin: places[0]!.origin });
    const remade = places.filter((place) => {
      const tile = tiles.get(nameOf(place))!;
      this.#due.delete(nameOf(place));
      // The archive of a source that was there before it may lack events.
      if (origins.isOlder(place, tile)) return false;
      origins.place(place, tile);
      return true;
    });
    this.#options.warn(
      `${plan.view.id}: ${remade.length} tiles that the engine had lost were made again of the archive`,
    );
    return remade;
  }

  #fold(
    event: ReceivedEvent,
    into: { readonly tiles: ReadonlyMap<string, Tile>; readonly ids: Set<string>; readonly origin: number },
  ): void {
    const { plan } = this.#options;
    const { eventUs: timeUs, offset, op: sign, id } = event;
    const outcome = this.#outcome(event);
    if (outcome.kind !== 'counts') return;
    const edge = edgeAt(timeUs, plan.hopUs) + 1;
    const name = nameOf({ entity: String(outcome.entity), edge, origin: into.origin });
    const tile = into.tiles.get(name);
    if (tile === undefined) return;
    const known = `${sign} ${timeUs} ${id} ${name}`;
    if (id !== null && into.ids.has(known)) return;
    into.ids.add(known);
    foldEvent(plan, tile, { values: outcome.values, timeUs, offset, sign });
  }

  #warnOf(partition: number, end: number): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { view } = this.#options.plan;
    this.#options.warn(
      `${view.id}: the engine has lost tiles of partition ${partition} of ${view.source.name}, and the archive ends at ` +
        `offset ${end}: they are made again once \`plumb stream --archive\` has come further`,
    );
  }
}

function nameOf({ entity, edge, origin }: TilePlace): string {
  return `${edge} ${origin} ${entity}`;
}
