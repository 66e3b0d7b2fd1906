/**
 * One entity of a view in memory.
 *
 *   windows    over the tiles of edges whose rows were made; those tiles are theirs
 *   open       tiles of later edges, which events are folded into until their edge is due
 *   late       tiles of earlier edges with late events in them; the next step puts them into the windows
 *   unsaved    edges of tiles that the state does not have as they are
 */
import { decodeTile, encodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import { emptyTile } from '../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { EntityWindows } from '../../../contract/aggregation/windows/entity-windows.ts';

export class EntityTiles {
  readonly entity: string;
  readonly windows: EntityWindows;
  readonly open = new Map<number, Tile>();
  readonly late = new Map<number, Tile>();
  readonly unsaved = new Set<number>();
  /** Ids of counted events that the state does not have yet, by `{event time} {id}`. */
  readonly unsavedIds = new Map<string, { readonly eventUs: number; readonly id: string }>();
  readonly #plan: TilePlan;

  constructor(plan: TilePlan, entity: string) {
    this.#plan = plan;
    this.entity = entity;
    this.windows = new EntityWindows(plan);
  }

  /** @returns the tile of an edge, for one event to be folded into it */
  tileFor(edge: number, isLate: boolean): Tile {
    const own = isLate ? this.late : this.open;
    let tile = own.get(edge);
    if (tile !== undefined) return tile;
    const held = isLate ? this.windows.tileAt(edge) : null;
    // The windows own theirs: a late event goes into a copy.
    tile = held === null ? emptyTile(this.#plan) : decodeTile(this.#plan, encodeTile(this.#plan, held));
    own.set(edge, tile);
    return tile;
  }

  /** Takes away a tile that no event went into. */
  forget(edge: number, isLate: boolean): void {
    (isLate ? this.late : this.open).delete(edge);
  }

  settleLate(): void {
    for (const [edge, tile] of this.late) this.windows.put(edge, tile);
    this.late.clear();
  }

  /** Puts the tiles up to an edge into the windows. */
  settle(upTo: number): void {
    if (this.open.size === 0) return;
    for (const edge of [...this.open.keys()].toSorted((a, b) => a - b)) {
      if (edge > upTo) return;
      this.windows.put(edge, this.open.get(edge)!);
      this.open.delete(edge);
    }
  }

  /** @returns the bytes of a tile as it is */
  bytesOf(edge: number): Buffer {
    return encodeTile(this.#plan, this.late.get(edge) ?? this.open.get(edge) ?? this.windows.tileAt(edge)!);
  }
}
