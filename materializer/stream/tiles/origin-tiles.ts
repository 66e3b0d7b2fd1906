/**
 * The tiles that came by a topic, each of its origin, in a file of SQLite: which state of a tile holds when another one
 * comes, and what the tiles of all origins come to.
 *
 *   tile       (edge, entity, origin) -> the bytes of a tile
 *   progress   up to where each partition of the topic was read, and the marks
 *   lost       the places of tiles that the engine has lost: lost-tiles.ts
 *
 * Nothing here counts before `save`. A stream that dies reads the messages since then again, and finds the same tiles.
 */
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { dirname } from 'node:path';
import { decodeTile, encodeTile } from '../../../contract/aggregation/tile-bytes.ts';
import type { TileMark } from '../../../contract/aggregation/tile-message.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { succession } from '../../../contract/aggregation/tile-succession.ts';
import { addTile, emptyTile } from '../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import { makePrivateFile } from '../../../contract/std/files/private-file.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tile (
  edge INTEGER NOT NULL, entity TEXT NOT NULL, origin INTEGER NOT NULL, tile BLOB NOT NULL,
  PRIMARY KEY (edge, entity, origin)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (
  edge INTEGER NOT NULL, entity TEXT NOT NULL, origin INTEGER NOT NULL,
  PRIMARY KEY (edge, entity, origin)) WITHOUT ROWID;
`;

/** Up to where the topic was read. */
export interface TopicProgress {
  /** Tells the topic from another one of its name. */
  readonly topicId: string;
  /** Of the next message, by partition. */
  readonly offsets: readonly number[];
  readonly marks: readonly TileMark[];
}

/** A tile's place, as texts and numbers of the state. */
export interface TilePlace {
  readonly entity: string;
  /** Its index. */
  readonly edge: number;
  readonly origin: number;
}

/** What became of a tile that came. */
interface TakenTile {
  readonly outcome: 'take' | 'replay' | 'lost';
  /** Inputs that it has seen since the one before. */
  readonly seen: number;
}

export class OriginTiles {
  readonly #plan: TilePlan;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #of: StatementSync;
  /** Entity and edge -> origin -> tile: those that the file does not have as they are. */
  readonly #unsaved = new Map<
    string,
    { readonly at: Omit<TilePlace, 'origin'>; readonly tiles: Map<number, Tile> }
  >();

  readonly #lost = new Set<string>();
  readonly #newlyLost: TilePlace[] = [];

  private constructor(plan: TilePlan, database: DatabaseSync) {
    this.#plan = plan;
    this.#database = database;
    this.#put = database.prepare(
      'INSERT OR REPLACE INTO tile (edge, entity, origin, tile) VALUES (?, ?, ?, ?)',
    );
    for (const place of this.lost()) this.#lost.add(nameOf(place));
    this.#of = database.prepare('SELECT origin, tile FROM tile WHERE edge = ? AND entity = ?');
  }

  /** @param topicId  of the topic that is read: what came from another one is forgotten */
  static open(plan: TilePlan, file: string, topicId: string): OriginTiles {
    makeFolder(dirname(file));
    makePrivateFile(file);
    const database = new DatabaseSync(file, { timeout: 5_000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    database.exec(SCHEMA);
    const tiles = new OriginTiles(plan, database);
    if (tiles.progress()?.topicId !== topicId) tiles.clear();
    return tiles;
  }

  progress(): TopicProgress | null {
    const row = this.#database.prepare('SELECT json FROM progress').get() as { json: string } | undefined;
    return row === undefined ? null : (JSON.parse(row.json) as TopicProgress);
  }

  /** Forgets all. */
  clear(): void {
    this.#unsaved.clear();
    this.#lost.clear();
    this.#newlyLost.length = 0;
    this.#database.exec('DELETE FROM progress; DELETE FROM tile; DELETE FROM lost');
  }

  /** Holds a tile that came against the one before it, and keeps it where it replaces that. */
  take({ entity, edge, origin }: TilePlace, sent: Tile): TakenTile {
    const { tiles } = this.#at(entity, edge);
    const held = tiles.get(origin);
    const outcome = held === undefined ? 'take' : succession(this.#plan, held, sent);
    if (outcome === 'take') tiles.set(origin, sent);
    return { outcome, seen: outcome === 'take' ? sent.seen - (held?.seen ?? 0) : 0 };
  }

  /** Whether the engine has lost the tile once: what it sends of it since holds nothing. */
  isLost(place: TilePlace): boolean {
    return this.#lost.size > 0 && this.#lost.has(nameOf(place));
  }

  lose(place: TilePlace): void {
    this.#lost.add(nameOf(place));
    this.#newlyLost.push(place);
  }

  /** @returns the places of all tiles that the engine has lost, as they were saved */
  lost(): TilePlace[] {
    return this.#database.prepare('SELECT entity, edge, origin FROM lost').all() as unknown as TilePlace[];
  }

  /** Whether a tile has seen less than the one that is held. */
  isOlder({ entity, edge, origin }: TilePlace, tile: Tile): boolean {
    return tile.seen < (this.#at(entity, edge).tiles.get(origin)?.seen ?? 0);
  }

  /** Puts a tile that was made here in place of the one that is held. */
  place({ entity, edge, origin }: TilePlace, tile: Tile): void {
    this.#at(entity, edge).tiles.set(origin, tile);
  }

  /** @returns what the tiles of all origins come to; the caller owns it */
  merged(entity: string, edge: number): Tile {
    const tile = emptyTile(this.#plan);
    for (const one of this.#at(entity, edge).tiles.values()) addTile(this.#plan, tile, one);
    return tile;
  }

  #at(entity: string, edge: number) {
    const name = `${edge} ${entity}`;
    let found = this.#unsaved.get(name);
    if (found !== undefined) return found;
    const rows = this.#of.all(edge, entity) as unknown as { origin: number; tile: Uint8Array }[];
    const tiles = rows.map(
      ({ origin, tile }) => [origin, decodeTile(this.#plan, Buffer.from(tile))] as const,
    );
    found = { at: { entity, edge }, tiles: new Map(tiles) };
    this.#unsaved.set(name, found);
    return found;
  }

  /** @param before  tiles of edges before it are forgotten; no window holds them and nothing can touch them any more */
  save(progress: TopicProgress, before: number): void {
    this.#database.exec('BEGIN IMMEDIATE');
    for (const { at, tiles } of this.#unsaved.values())
      for (const [origin, tile] of tiles)
        this.#put.run(at.edge, at.entity, origin, encodeTile(this.#plan, tile));
    const lose = this.#database.prepare('INSERT OR IGNORE INTO lost (edge, entity, origin) VALUES (?, ?, ?)');
    for (const { edge, entity, origin } of this.#newlyLost) lose.run(edge, entity, origin);
    for (const table of ['tile', 'lost'])
      this.#database.prepare(`DELETE FROM ${table} WHERE edge < ?`).run(before);
    this.#database
      .prepare('INSERT OR REPLACE INTO progress (one, json) VALUES (1, ?)')
      .run(JSON.stringify(progress));
    this.#database.exec('COMMIT');
    this.#unsaved.clear();
    this.#newlyLost.length = 0;
  }

  close(): void {
    this.#database.close();
  }
}

function nameOf({ entity, edge, origin }: TilePlace): string {
  return `${edge} ${origin} ${entity}`;
}
