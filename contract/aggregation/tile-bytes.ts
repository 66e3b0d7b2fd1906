/**
 * The bytes of a tile, as the stream keeps them and sends them. What it is the tile of (view, definition, keys, edge,
 * origin) stands beside them, and the plan says which parts follow.
 *
 *   tile        = version u8 (1) | n count | seen count | since count | part*      parts in the order of the plan
 *   nv          = count
 *   sum squares = whole number
 *   min max     = 0, or 1 and a value
 *   first last  = 0, or 1, time and value
 *   values      = count, then (value, count)*, values in canonical order
 *   latest      = count, then (time, value)*, the newest first
 *   registers   = count, then (register count, rank u8)*, ascending
 *   buckets     = count, then (bucket whole number, count)*, ascending
 *
 * Counts, whole numbers and values are those of tile-writer.ts; a time is a whole number of microseconds. One tile has
 * one form: equal tiles are equal bytes. The bytes are frozen (test/golden/0.1.0/tiles.json).
 */
import type { Tile } from './tile.ts';
import type { TilePlan } from './tile-plan.ts';
import { TileReader } from './tile-reader.ts';
import { TileWriter } from './tile-writer.ts';

const VERSION = 1;
const writer = new TileWriter();

/** @returns bytes of their own */
export function encodeTile(plan: TilePlan, tile: Tile): Buffer {
  writeTile(plan, tile, writer);
  return writer.take();
}

/** Writes the bytes of a tile behind those before. */
export function writeTile(plan: TilePlan, tile: Tile, to: TileWriter): void {
  to.byte(VERSION);
  to.count(tile.n);
  to.count(tile.seen);
  to.count(tile.since);
  for (let i = 0; i < plan.parts.length; i++) plan.parts[i]!.write(to, tile.states[i]);
}

/** @throws TileFault where the bytes are no tile of the plan */
export function decodeTile(plan: TilePlan, bytes: Buffer): Tile {
  const reader = new TileReader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw reader.fault(`expected version ${VERSION}, got ${version},`);
  const tile = {
    n: reader.count(),
    seen: reader.count(),
    since: reader.count(),
    states: plan.parts.map((part) => part.read(reader)),
  };
  reader.end();
  return tile;
}
