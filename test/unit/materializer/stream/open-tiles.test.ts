/** Tiles that lie as numbers in one list, against tiles that are objects. */
import { expect, test } from 'vitest';
import { encodeTile } from '../../../../contract/aggregation/tile-bytes.ts';
import { emptyTile, foldEvent } from '../../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../../contract/aggregation/tile.ts';
import { EntityTiles } from '../../../../materializer/stream/windows/entity-tiles.ts';
import { OpenTiles } from '../../../../materializer/stream/windows/open-tiles.ts';
import { goldenPlan } from '../../../support/fixtures/golden-tiles.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const EDGES = 12;
const columns = { amount: 'int64', label: 'string', price: 'float64', size: 'int32' } as const;
const features = [
  'count',
  'sum price',
  'stddev price',
  'stddev amount',
  'min price',
  'max size',
  'min label',
  'last amount',
  'lastN label 3',
  'countDistinct label',
  'approxCountDistinct label',
  'approxPercentile price',
];

test('open tiles say to the bit what tiles say that are objects, however they come and go', () => {
  const plan = goldenPlan({ features, columns });
  const random = seededRandom();
  const draw = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const open = new OpenTiles(plan);
  const entityOf = (id: number) => new EntityTiles(open, { entity: `${id}`, id, isNamed: false });
  const entities = Array.from({ length: 60 }, (_, id) => ({
    own: entityOf(id),
    like: new Map<number, Tile>(),
  }));
  const seen = { again: 0, unknown: 0, counted: 0, settled: 0 };
  const hexOf = (tile: Tile): string => encodeTile(plan, tile).toString('hex');
  const same = (own: EntityTiles, edge: number, like: Tile): void =>
    expect(hexOf(own.tileAt(edge))).toBe(hexOf(like));
  for (let offset = 0; offset < 5_000; offset++) {
    const place = Math.floor(random() * entities.length);
    const { own, like } = entities[place]!;
    const edge = 1 + Math.floor(random() * EDGES);
    const amount = draw([null, 1n, -7n, 9_007_199_254_740_993n, -(10n ** 18n)]);
    const values = [
      amount,
      draw([null, 'a', 'b', '😀', '']),
      draw([null, 0, -0, 1.5, -2.25, 1e12]),
      draw([null, 3, -4]),
    ];
    if (random() < 0.002) open.pack(entities.map(({ own: one }) => one));
    const event = {
      values,
      timeUs: edge * 10 + (offset % 3),
      offset: 90_000 - offset,
      sign: random() < 0.2 ? -1 : 1,
    } as const;
    const tile = like.get(edge) ?? emptyTile(plan);
    const outcome = foldEvent(plan, tile, event);
    const row = own.openRow(edge);
    expect(open.seen(row) === 0).toBe(!like.has(edge));
    if (event.sign > 0) open.fold(row, event);
    else {
      const taken = open.tileOf(row);
      expect(foldEvent(plan, taken, event)).toBe(outcome);
      open.set(row, taken);
    }
    seen[outcome] += 1;
    if (outcome === 'unknown') continue;
    own.changeOpen(row, !like.has(edge));
    like.set(edge, tile);
    same(own, edge, tile);
    if (random() < 0.01) {
      own.settle(edge);
      for (const [at, settled] of like) {
        same(own, at, settled);
        if (at > edge) continue;
        expect(own.windows.tileAt(at)).not.toBeNull();
        seen.settled += 1;
      }
      own.leave();
      entities[place] = { own: entityOf(place), like: new Map() };
    }
  }
  for (const number of Object.values(seen)) expect(number).toBeGreaterThan(50);
});

test('rows that are no longer used are given back', () => {
  const plan = goldenPlan({ features, columns });
  const open = new OpenTiles(plan);
  const entities = Array.from({ length: 200 }, (_, id) => {
    const own = new EntityTiles(open, { entity: `${id}`, id, isNamed: false });
    const fold = (edge: number): void =>
      open.fold(own.openRow(edge), { values: [1n, 'a', edge, id], timeUs: edge, offset: 1, sign: 1 });
    for (let edge = 1; edge <= 100; edge++) fold(edge);
    return { own, fold };
  });
  expect(open.isSparse).toBe(false);
  const hexOf = (edge: number): string[] =>
    entities.map(({ own }) => encodeTile(plan, own.tileAt(edge)).toString('hex'));
  for (const { own } of entities) own.settle(98);
  const last = [98, 99, 100].map(hexOf);
  expect(open.isSparse).toBe(true);
  open.pack(entities.map(({ own }) => own));
  expect(open.isSparse).toBe(false);
  expect([98, 99, 100].map(hexOf)).toEqual(last);
  for (const { fold } of entities) fold(101);
  expect(entities.every(({ own }) => own.tileAt(101).n === 1 && own.tileAt(99).n === 1)).toBe(true);
});
