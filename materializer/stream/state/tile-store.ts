/**
 * The tiles of a view and partition in the state, and the ids of events that counted. Entities have numbers there, in
 * the order in which they were met; those that follow each other are neighbours, and a save writes what has changed of
 * NEIGHBOURS entities as one chunk behind those before. So a save costs a statement for many tiles, and none is read.
 *
 *   entity       the number of each entity that has tiles
 *   tile_chunk   key = neighbours * SAVES + number of the save: tiles, of one edge the newest counts
 *   edge_entity  (edge, number of the save) -> numbers of entities, u32 each, that have their first tile there since
 *   tile_save    the number of the newest save
 *   event        which events were counted, or taken back: ../windows/counted-events.ts
 *
 * Each MERGED saves of neighbours the chunks of as many saves become one, each MERGED^2 saves those of as many, and so
 * on: a tile is written anew as often as the logarithm of all saves, and what is read of an entity are few chunks.
 *
 * Called by ../windows/view-tiles.ts, within transactions of view-state.ts.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { sessionStart } from '../../../contract/aggregation/windows/entity-session.ts';
import { ChunkWriter, readChunk } from './tile-chunk.ts';

export const TILE_SCHEMA = `
CREATE TABLE IF NOT EXISTS entity (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS tile_chunk (key INTEGER PRIMARY KEY, last_edge INTEGER NOT NULL, tiles BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS edge_entity (
  edge INTEGER NOT NULL, save INTEGER NOT NULL, ids BLOB NOT NULL, PRIMARY KEY (edge, save));
CREATE TABLE IF NOT EXISTS tile_save (one INTEGER PRIMARY KEY CHECK (one = 1), save INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS event (
  entity INTEGER NOT NULL, event_us INTEGER NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (entity, event_us, key)) WITHOUT ROWID;
`;

const NEIGHBOURS = 16;
/** Two and a half a second for three years; the state is made anew before there are so many. */
const SAVES = 2 ** 28;
const MERGED = 32;
/** In so many saves the ended sessions of all entities are forgotten once. */
const CLEARING_SAVES = 256;
/** Fewer chunks than these are left as they are. */
const WORTH = 8;
/** What is kept of neighbours that were read, at most. */
const NEAR_BYTES = 64 << 20;
/** So many names are put at once. */
const NAMES = 32;
const NAME = 'INSERT OR IGNORE INTO entity (id, name) VALUES';

interface NamedEntity {
  readonly entity: string;
  readonly id: number;
  /** Whether the store knows its name. */
  isNamed: boolean;
}

interface KeptEvent {
  readonly eventUs: number;
  readonly key: string;
  readonly count: number;
}

/** An entity with tiles that have changed. */
interface ChangedEntity extends NamedEntity {
  /** The edges of tiles that the store does not have as they are. */
  readonly unsaved: readonly number[];
  /** Those of them that it has no tile of. */
  readonly entered: readonly number[];
  tileAt(edge: number): Tile;
}

export class TileStore {
  readonly #database: DatabaseSync;
  readonly #chunks: ChunkWriter;
  readonly #statements: ReturnType<typeof prepared>;
  #nextId: number;
  #save: number;
  /** No tile before this edge is wanted any more, but by sessions. */
  #pruned = 0;
  /** After how many hops without a tile a session is over; null: the view has no sessions. */
  readonly #gapHops: number | null;
  /** Entities without a tile, whose names go with the next prune. */
  readonly #ended = new Set<number>();
  /** Up to which neighbours ended sessions were forgotten. */
  #cleared = 0;
  /** Tiles read with those of a neighbour, until something is written: who takes over soon asks for them, too. */
  readonly #near = new Map<number, Map<number, Buffer>>();
  #nearBytes = 0;

  constructor(database: DatabaseSync, plan: TilePlan) {
    this.#database = database;
    this.#chunks = new ChunkWriter(plan);
    const gaps = plan.features.flatMap(({ sessionHops: gap }) => (gap === null ? [] : [gap]));
    this.#gapHops = gaps.length === 0 ? null : Math.max(...gaps);
    this.#statements = prepared(database);
    const [named, counted] = ['max(id) FROM entity', 'max(entity) FROM event'];
    this.#nextId = this.#number(
      `SELECT max(COALESCE((SELECT ${named}), -1), COALESCE((SELECT ${counted}), -1)) + 1 AS n`,
    );
    this.#save = this.#number('SELECT COALESCE(max(save) + 1, 0) AS n FROM tile_save');
  }

  #number(sql: string): number {
    return (this.#database.prepare(sql).get() as { n: number }).n;
  }

  get isEmpty(): boolean {
    return this.#database.prepare('SELECT 1 FROM entity LIMIT 1').get() === undefined;
  }

  /** Whether it should be made anew. */
  get isFull(): boolean {
    return this.#save >= SAVES / 2;
  }

  /** Forgets all. */
  clear(): void {
    this.#database.exec('DELETE FROM entity; DELETE FROM tile_chunk; DELETE FROM edge_entity');
    this.#database.exec('DELETE FROM event; DELETE FROM tile_save');
    this.#save = 0;
    this.#forgetNear();
  }

  /** @returns the number of an entity that is met for the first time */
  newId(): number {
    return this.#nextId++;
  }

  /** @returns null: it has no tiles here */
  idOf(entity: string): number | null {
    return (this.#statements.idOf.get(entity) as { id: number } | undefined)?.id ?? null;
  }

  nameOf(id: number): string {
    return (this.#statements.nameOf.get(id) as { name: string }).name;
  }

  /** @returns the tiles of an entity in the order of their edges */
  tilesOf(id: number): { readonly edge: number; readonly tile: Buffer }[] {
    const tiles = this.#near.get(id) ?? this.#read(id);
    this.#near.delete(id);
    return [...tiles].toSorted(([a], [b]) => a - b).map(([edge, tile]) => ({ edge, tile }));
  }

  /** Reads the tiles of an entity, and keeps those of its neighbours. */
  #read(id: number): Map<number, Buffer> {
    const place = id % NEIGHBOURS;
    const first = ((id - place) / NEIGHBOURS) * SAVES;
    const rows = this.#statements.chunks.all(first, first + SAVES) as unknown as { tiles: Uint8Array }[];
    for (const { tiles } of rows) this.#nearBytes += tiles.length;
    if (this.#nearBytes > NEAR_BYTES) this.#forgetNear();
    const found = newestOf(rows);
    for (const [i, tiles] of found.entries()) if (i !== place) this.#near.set(id - place + i, tiles);
    return found[place]!;
  }

  #forgetNear(): void {
    this.#near.clear();
    this.#nearBytes = 0;
  }

  /** Yields all tiles, those of an entity together. Nothing is to be put meanwhile. */
  *all(): Generator<{ readonly entity: string; readonly edge: number; readonly tile: Buffer }> {
    const { next, chunks } = this.#statements;
    let row = next.get(0) as { key: number } | undefined;
    while (row !== undefined) {
      const neighbours = Math.floor(row.key / SAVES);
      const [from, to] = [neighbours * SAVES, (neighbours + 1) * SAVES];
      for (const [place, tiles] of newestOf(
        chunks.all(from, to) as unknown as { tiles: Uint8Array }[],
      ).entries())
        for (const [edge, tile] of tiles)
          yield { entity: this.nameOf(neighbours * NEIGHBOURS + place), edge, tile };
      row = next.get(to) as { key: number } | undefined;
    }
  }

  /** @returns the numbers of the entities that have a tile after one edge, up to and including another; some twice */
  entitiesIn(after: number, upTo: number): Uint32Array[] {
    const rows = this.#statements.entitiesIn.all(after, upTo) as unknown as { ids: Uint8Array }[];
    return rows.map(
      ({ ids }) => new Uint32Array(ids.buffer.slice(ids.byteOffset, ids.byteOffset + ids.length)),
    );
  }

  /** @param changed  each once */
  put(changed: readonly ChangedEntity[]): void {
    if (changed.length === 0) return;
    this.#forgetNear();
    const { edge: putEdge, saved } = this.#statements;
    const entered = new Map<number, number[]>();
    let neighbours = -1;
    this.#nameAll(changed);
    for (const one of changed.toSorted((a, b) => a.id - b.id)) {
      const { id, unsaved } = one;
      this.#ended.delete(id);
      const of = Math.floor(id / NEIGHBOURS);
      if (of !== neighbours) this.#putChunk(neighbours);
      neighbours = of;
      for (let i = 0; i < unsaved.length; i++)
        this.#chunks.add(id % NEIGHBOURS, unsaved[i]!, one.tileAt(unsaved[i]!));
      for (let i = 0; i < one.entered.length; i++) {
        const ids = entered.get(one.entered[i]!);
        if (ids === undefined) entered.set(one.entered[i]!, [id]);
        else ids.push(id);
      }
    }
    this.#putChunk(neighbours);
    for (const [edge, ids] of entered)
      putEdge.run(edge, this.#save, new Uint8Array(new Uint32Array(ids).buffer));
    saved.run(this.#save);
    this.#save += 1;
    if (this.#gapHops !== null && this.#pruned > 0) this.#forgetSessions(this.#gapHops);
  }

  /** Of some entities, those after the last time, the tiles of sessions that have ended. */
  #forgetSessions(gapHops: number): void {
    const { next } = this.#statements;
    const turns = Math.ceil(this.#nextId / NEIGHBOURS / CLEARING_SAVES);
    for (let i = 0; i < turns; i++) {
      const row = next.get(this.#cleared * SAVES) as { key: number } | undefined;
      const neighbours = Math.floor((row?.key ?? 0) / SAVES);
      if (row !== undefined) this.#forgetEnded(neighbours, gapHops);
      this.#cleared = row === undefined ? 0 : neighbours + 1;
    }
  }

  #forgetEnded(neighbours: number, gapHops: number): void {
    const { chunks, drop, chunk } = this.#statements;
    const [from, to] = [neighbours * SAVES, (neighbours + 1) * SAVES];
    const rows = chunks.all(from, to) as unknown as { key: number; tiles: Uint8Array }[];
    const tiles = newestOf(rows);
    const starts = tiles.map((own) =>
      sessionStart(
        [...own.keys()].toSorted((a, b) => a - b),
        this.#pruned,
        gapHops,
      ),
    );
    if (tiles.every((own, place) => [...own.keys()].every((edge) => edge >= starts[place]!))) return;
    for (const [place, own] of tiles.entries()) {
      let left = 0;
      for (const [edge, tile] of own) {
        if (edge < starts[place]!) continue;
        this.#chunks.addBytes(place, edge, tile);
        left += 1;
      }
      if (left === 0) this.#ended.add(neighbours * NEIGHBOURS + place);
    }
    drop.run(from, to);
    if (this.#chunks.count === 0) return;
    const { lastEdge } = this.#chunks;
    chunk.run(rows.at(-1)!.key, lastEdge, this.#chunks.take());
  }

  /** A statement for NAMES of them: a third less than one for each. */
  #nameAll(entities: readonly NamedEntity[]): void {
    const unnamed = entities.filter(({ isNamed }) => !isNamed);
    const last = unnamed.length - (unnamed.length % NAMES);
    for (let at = 0; at < last; at += NAMES) {
      const some = unnamed.slice(at, at + NAMES);
      this.#statements.names.run(...some.flatMap(({ id, entity }) => [id, entity]));
      for (const one of some) one.isNamed = true;
    }
    for (const one of unnamed.slice(last)) this.#name(one);
  }

  #name(one: NamedEntity): void {
    if (!one.isNamed) this.#statements.name.run(one.id, one.entity);
    one.isNamed = true;
  }

  #putChunk(neighbours: number): void {
    if (this.#chunks.count === 0) return;
    const key = neighbours * SAVES + this.#save;
    const { lastEdge } = this.#chunks;
    this.#statements.chunk.run(key, lastEdge, this.#chunks.take());
    // Not all neighbours are merged by one save.
    const turn = this.#save + neighbours;
    let saves = 1;
    while (turn % (saves * MERGED) === 0 && saves < this.#save) saves *= MERGED;
    if (saves > 1) this.#merge(key, Math.min(saves, this.#save + 1));
  }

  /** Makes one chunk of those of the last `saves` saves. */
  #merge(key: number, saves: number): void {
    const { chunk, chunks, drop } = this.#statements;
    const [from, to] = [key - saves + 1, key + 1];
    const rows = chunks.all(from, to) as unknown as { tiles: Uint8Array }[];
    if (rows.length < WORTH) return;
    const first = this.#gapHops === null ? this.#pruned : 0;
    for (const [place, tiles] of newestOf(rows).entries())
      for (const [edge, tile] of tiles) if (edge >= first) this.#chunks.addBytes(place, edge, tile);
    drop.run(from, to);
    if (this.#chunks.count === 0) return;
    const { lastEdge } = this.#chunks;
    chunk.run(key, lastEdge, this.#chunks.take());
  }

  /**
   * Forgets tiles, events and entities that nothing can ask for any more. An entity in memory may be among them: its
   * name is to be put again with the next of its tiles.
   */
  prune(beforeEdge: number, beforeUs: number): void {
    this.#pruned = beforeEdge;
    this.#forgetNear();
    if (this.#gapHops === null)
      this.#database.prepare('DELETE FROM tile_chunk WHERE last_edge < ?').run(beforeEdge);
    this.#database.prepare('DELETE FROM edge_entity WHERE edge < ?').run(beforeEdge);
    this.#database.prepare('DELETE FROM event WHERE event_us < ?').run(beforeUs);
    const without = 'NOT EXISTS (SELECT 1 FROM event WHERE entity = entity.id)';
    const unname = this.#database.prepare(`DELETE FROM entity WHERE id = ? AND ${without}`);
    for (const id of this.#ended) unname.run(id);
    this.#ended.clear();
    this.#database.exec(`DELETE FROM entity WHERE ${without} AND NOT EXISTS (SELECT 1 FROM tile_chunk
      WHERE key >= id / ${NEIGHBOURS} * ${SAVES} AND key < (id / ${NEIGHBOURS} + 1) * ${SAVES})`);
  }

  putEvent(entity: NamedEntity, { eventUs, key, count }: KeptEvent): void {
    this.#name(entity);
    this.#statements.event.run(entity.id, eventUs, key, count);
  }

  /** @returns what was put last; 0: nothing */
  eventCount(entity: number, eventUs: number, key: string): number {
    return (
      (this.#statements.eventCount.get(entity, eventUs, key) as { count: number } | undefined)?.count ?? 0
    );
  }
}

function prepared(database: DatabaseSync) {
  return {
    idOf: database.prepare('SELECT id FROM entity WHERE name = ?'),
    nameOf: database.prepare('SELECT name FROM entity WHERE id = ?'),
    name: database.prepare(`${NAME} (?, ?)`),
    names: database.prepare(`${NAME} ${Array(NAMES).fill('(?, ?)').join(', ')}`),
    chunk: database.prepare('INSERT INTO tile_chunk (key, last_edge, tiles) VALUES (?, ?, ?)'),
    chunks: database.prepare('SELECT key, tiles FROM tile_chunk WHERE key >= ? AND key < ? ORDER BY key'),
    next: database.prepare('SELECT key FROM tile_chunk WHERE key >= ? ORDER BY key LIMIT 1'),
    drop: database.prepare('DELETE FROM tile_chunk WHERE key >= ? AND key < ?'),
    edge: database.prepare('INSERT INTO edge_entity (edge, save, ids) VALUES (?, ?, ?)'),
    entitiesIn: database.prepare('SELECT ids FROM edge_entity WHERE edge > ? AND edge <= ?'),
    saved: database.prepare('INSERT OR REPLACE INTO tile_save (one, save) VALUES (1, ?)'),
    event: database.prepare(
      'INSERT OR REPLACE INTO event (entity, event_us, key, count) VALUES (?, ?, ?, ?)',
    ),
    eventCount: database.prepare('SELECT count FROM event WHERE entity = ? AND event_us = ? AND key = ?'),
  };
}

/** @returns of each of neighbours its newest tiles, by edge */
function newestOf(rows: readonly { readonly tiles: Uint8Array }[]): Map<number, Buffer>[] {
  const newest = Array.from({ length: NEIGHBOURS }, () => new Map<number, Buffer>());
  for (const { tiles } of rows)
    readChunk(bufferOf(tiles), null, (place, edge, tile) => newest[place]!.set(edge, tile));
  return newest;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
