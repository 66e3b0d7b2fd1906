/**
 * Tiles of neighbouring entities that were written together, as the state keeps them.
 *
 *   chunk = tiles count | head* | bytes of the tiles, one after the other
 *   head  = entity's place among its neighbours u8 | edge count | bytes of its tile count
 *
 * A count is that of tile-writer.ts, an edge its index.
 */
import { writeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { TileReader } from '../../../contract/aggregation/tile-reader.ts';
import { TileWriter } from '../../../contract/aggregation/tile-writer.ts';

const countWriter = new TileWriter();

export class ChunkWriter {
  readonly #plan: TilePlan;
  readonly #heads = new TileWriter();
  readonly #tiles = new TileWriter();
  #count = 0;
  #lastEdge = -1;

  constructor(plan: TilePlan) {
    this.#plan = plan;
  }

  /** How many tiles it has since the last one was taken. */
  get count(): number {
    return this.#count;
  }

  /** The greatest edge of them. */
  get lastEdge(): number {
    return this.#lastEdge;
  }

  add(place: number, edge: number, tile: Tile): void {
    const before = this.#tiles.length;
    writeTile(this.#plan, tile, this.#tiles);
    this.#head(place, edge, this.#tiles.length - before);
  }

  /** @param tile  its bytes, as a chunk has them */
  addBytes(place: number, edge: number, tile: Buffer): void {
    this.#tiles.bytes(tile);
    this.#head(place, edge, tile.length);
  }

  #head(place: number, edge: number, bytes: number): void {
    this.#heads.byte(place);
    this.#heads.count(edge);
    this.#heads.count(bytes);
    this.#count += 1;
    if (edge > this.#lastEdge) this.#lastEdge = edge;
  }

  /** @returns the chunk of the tiles since the last time */
  take(): Buffer {
    countWriter.count(this.#count);
    this.#count = 0;
    this.#lastEdge = -1;
    return Buffer.concat([countWriter.take(), this.#heads.take(), this.#tiles.take()]);
  }
}

/** Calls `found` with each tile of a chunk, or of the entity at a place alone; its bytes are those of the chunk. */
export function readChunk(
  bytes: Buffer,
  only: number | null,
  found: (place: number, edge: number, tile: Buffer) => void,
): void {
  const reader = new TileReader(bytes);
  const count = reader.count();
  /** Of each tile its place, edge, start and end. */
  const heads: number[] = [];
  let end = 0;
  for (let i = 0; i < count; i++) {
    const place = reader.byte();
    const edge = reader.count();
    const start = end;
    end += reader.count();
    if (only === null || place === only) heads.push(place, edge, start, end);
  }
  const from = reader.at;
  for (let i = 0; i < heads.length; i += 4)
    found(heads[i]!, heads[i + 1]!, bytes.subarray(from + heads[i + 2]!, from + heads[i + 3]!));
}
