/**
 * One entity of a view in memory: its windows over the tiles of the last step, and the tiles that events have changed
 * since. Those are put into the windows by the next step; until then the windows answer as they did.
 */
import { decodeTile, encodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import { emptyTile } from '../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { EntityWindows } from '../../../contract/aggregation/windows/entity-windows.ts';

export class EntityTiles {
  readonly entity: string;
  readonly windows: EntityWindows;
  readonly #plan: TilePlan;
  /** By edge. */
  readonly changed = new Map<number, Tile>();
  /** Ids of events that were counted since the last step. */
  readonly events: { readonly eventUs: number; readonly id: string }[] = [];

  /** @param tiles  as the state has them, in the order of their edges */
  constructor(
    plan: TilePlan,
    entity: string,
    tiles: readonly { readonly edge: number; readonly tile: Buffer }[],
  ) {
    this.#plan = plan;
    this.entity = entity;
    this.windows = new EntityWindows(plan);
    for (const { edge, tile } of tiles) this.windows.put(edge, decodeTile(plan, tile));
  }

  /** @returns the tile of an edge, for one event to be folded into it; `keep` makes that count */
  tileFor(edge: number): Tile {
    const changed = this.changed.get(edge);
    if (changed !== undefined) return changed;
    const held = this.windows.tileAt(edge);
    // The windows own theirs.
    return held === null ? emptyTile(this.#plan) : decodeTile(this.#plan, encodeTile(this.#plan, held));
  }

  keep(edge: number, tile: Tile): void {
    this.changed.set(edge, tile);
  }

  /** Puts what has changed into the windows. */
  settle(): void {
    for (const [edge, tile] of this.changed) this.windows.put(edge, tile);
    this.changed.clear();
    this.events.length = 0;
  }
}
