/** Tiles in the state against a map of the newest ones: many saves, which merge chunks, restarts and what is pruned. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { planTiles } from '../../../../../contract/aggregation/tile-plan.ts';
import { encodeTile } from '../../../../../contract/aggregation/tile-bytes.ts';
import { emptyTile, foldEvent } from '../../../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../../../contract/aggregation/tile.ts';
import { TILE_SCHEMA, TileStore } from '../../../../../materializer/stream/state/tile-store.ts';
import { clickView, HOP_US } from '../../../../support/fixtures/streamed-project.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const { view, entity } = clickView(0);
const plan = planTiles(view, entity);
const SAVES = 150;
const ENTITIES = 50;

function tileOf(price: number): Tile {
  const tile = emptyTile(plan);
  const values = plan.columns.map(({ source }) => (source === 'price' ? price : source === 'at' ? 1n : 'a'));
  foldEvent(plan, tile, { values, timeUs: 1, offset: price, sign: 1 });
  return tile;
}

class Changed {
  readonly entity: string;
  readonly id: number;
  isNamed = false;
  readonly tiles = new Map<number, Tile>();
  unsaved: number[] = [];
  entered: number[] = [];

  constructor(name: string, id: number) {
    this.entity = name;
    this.id = id;
  }

  set(edge: number, tile: Tile): void {
    if (!this.unsaved.includes(edge)) this.unsaved.push(edge);
    if (!this.tiles.has(edge)) this.entered.push(edge);
    this.tiles.set(edge, tile);
  }

  tileAt(edge: number): Tile {
    return this.tiles.get(edge)!;
  }
}

test('of each entity and edge the newest tile is there, whatever was merged, pruned and opened again', () => {
  const random = seededRandom();
  const whole = (below: number): number => Math.floor(random() * below);
  const database = new DatabaseSync(':memory:');
  database.exec(TILE_SCHEMA);
  let store = new TileStore(database, plan);
  expect(store.isEmpty).toBe(true);
  const entities: Changed[] = [];
  let first = 0;
  for (let save = 0; save < SAVES; save++) {
    // Many at once, and then one by one.
    for (let born = save === 0 ? 40 : whole(2); born > 0 && entities.length < ENTITIES; born--)
      entities.push(new Changed(`user ${save}-${born}`, store.newId()));
    // Some are in nearly each save, others in few.
    for (const [i, one] of entities.entries())
      if (save === 0 || random() < 1 / (1 + (i % 20))) one.set(first + whole(8), tileOf(save * 100 + i));
    store.put(entities.filter(({ unsaved }) => unsaved.length > 0));
    for (const one of entities) [one.unsaved, one.entered] = [[], []];
    if (random() < 0.1) {
      store = new TileStore(database, plan);
      // What it does not know by name has no tiles, and is met anew.
      for (const one of entities.filter(({ entity: name }) => store.idOf(name) === null)) {
        expect([...one.tiles.keys()]).toEqual([]);
        entities.splice(entities.indexOf(one), 1);
      }
    }
    if (random() < 0.1) {
      first += whole(4);
      store.prune(first, 0);
      for (const one of entities) {
        one.isNamed = false;
        for (const edge of one.tiles.keys()) if (edge < first) one.tiles.delete(edge);
      }
    }
    const one = entities[whole(entities.length)];
    if (one === undefined || one.tiles.size === 0) continue;
    // Tiles before the edge may be there still, beside later ones.
    const found = store.tilesOf(one.id).filter(({ edge }) => edge >= first);
    const wanted = [...one.tiles].toSorted(([a], [b]) => a - b);
    expect(found.map(({ edge }) => edge)).toEqual(wanted.map(([edge]) => edge));
    expect(found.map(({ tile }) => tile)).toEqual(wanted.map(([, tile]) => encodeTile(plan, tile)));
    expect([store.idOf(one.entity), store.nameOf(one.id)]).toEqual([one.id, one.entity]);
    const [after, upTo] = [first + whole(4) - 1, first + 2 + whole(6)];
    const within = entities.filter(({ tiles }) =>
      [...tiles.keys()].some((edge) => edge > after && edge <= upTo),
    );
    const ids = new Set(store.entitiesIn(after, upTo).flatMap((some) => [...some]));
    expect([...ids].toSorted((a, b) => a - b)).toEqual(within.map(({ id }) => id));
  }
  const { n } = database.prepare('SELECT count(*) AS n FROM tile_chunk').get() as { n: number };
  // Four groups of neighbours, each in nearly all saves.
  expect(n).toBeLessThan(4 * (32 + SAVES / 32 + 8));
  database.close();
});

test('the tiles of sessions that have ended are forgotten, with the names of their entities', () => {
  const gap = 3;
  const features = [{ name: 'visit', function: 'count', sessionUs: gap * HOP_US }] as const;
  const { view: sessions } = clickView(0, features);
  const database = new DatabaseSync(':memory:');
  database.exec(TILE_SCHEMA);
  const store = new TileStore(database, planTiles(sessions, entity));
  const of = (name: string, edges: readonly number[]): Changed => {
    const one = new Changed(name, store.newId());
    for (const edge of edges) one.set(edge, emptyTile(planTiles(sessions, entity)));
    store.put([one]);
    one.unsaved = one.entered = [];
    return one;
  };
  const busy = of('busy', [1, 4, 7, 12, 14, 17, 20, 21]);
  const ended = of('ended', [3, 5, 16]);
  // Beyond the neighbours of these two.
  for (let i = 0; i < 20; i++) of(`other ${i}`, [30]);
  store.prune(20, 0);
  for (let save = 0; save < 600; save++) {
    busy.set(40 + save, emptyTile(planTiles(sessions, entity)));
    busy.isNamed = false;
    store.put([busy]);
    busy.unsaved = busy.entered = [];
  }
  const edgesOf = ({ id }: Changed): number[] => store.tilesOf(id).map(({ edge }) => edge);
  // An event of edge 20 may still belong to the tiles from 12 on, and to none before a gap.
  expect(edgesOf(busy).filter((edge) => edge < 30)).toEqual([12, 14, 17, 20, 21]);
  expect(edgesOf(ended)).toEqual([]);
  store.prune(20, 0);
  expect([store.idOf('busy'), store.idOf('ended')]).toEqual([busy.id, null]);
  database.close();
});

test('a save of one tile writes the same, however many tiles its entity has', () => {
  const costs = [3, 20_000].map((held) => {
    const database = new DatabaseSync(':memory:');
    database.exec(TILE_SCHEMA);
    const store = new TileStore(database, plan);
    const one = new Changed('user', store.newId());
    const tile = tileOf(1);
    const save = (): void => {
      store.put([one]);
      [one.unsaved, one.entered] = [[], []];
    };
    for (let edge = 0; edge < held; edge++) {
      one.tiles.set(edge, tile);
      one.unsaved.push(edge);
      one.entered.push(edge);
    }
    save();
    const number = (sql: string): number => (database.prepare(sql).get() as { n: number }).n;
    const bytes = 'SELECT sum(length(tiles)) AS n FROM tile_chunk';
    const before = { bytes: number(bytes), changes: number('SELECT total_changes() AS n') };
    for (let edge = held; edge < held + 100; edge++) {
      one.set(edge, tile);
      save();
    }
    const after = { bytes: number(bytes), changes: number('SELECT total_changes() AS n') };
    database.close();
    return { bytes: after.bytes - before.bytes, changes: after.changes - before.changes };
  });
  expect(costs[1]!.changes).toBe(costs[0]!.changes);
  // An edge of a later hop has a byte or two more.
  expect(costs[1]!.bytes).toBeLessThan(costs[0]!.bytes * 1.2);
});
