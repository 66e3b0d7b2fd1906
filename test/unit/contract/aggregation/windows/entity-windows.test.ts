/** What an update of a window costs, in merges and not in time: the same however much the window holds. */
import { expect, test } from 'vitest';
import { planTiles } from '../../../../../contract/aggregation/tile-plan.ts';
import { emptyTile, foldEvent } from '../../../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../../../contract/aggregation/tile.ts';
import { EntityWindows } from '../../../../../contract/aggregation/windows/entity-windows.ts';
import { aggregatedView } from '../../../../support/fixtures/aggregated-view.ts';
import type { FeatureSketch } from '../../../../support/fixtures/aggregated-view.ts';

const HOP_US = 10_000_000;
/** 30 days. */
const HOPS = 259_200;
const FIRST = 17_600_000;

const column = { column: 'price', columnType: { kind: 'float64' }, windowUs: HOPS * HOP_US } as const;
const features = (
  ['count', 'sum', 'stddev', 'countDistinct', 'mostFrequent', 'min', 'max', 'first', 'last', 'lastN'] as const
).map((name): FeatureSketch => ({ name, function: name, ...column, n: 5 }));
const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  path: 'clicks.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: HOP_US,
  features,
});
const plan = planTiles(view, entity);

/** Of one event; the value rises with time, so that each tile that leaves takes the smallest value with it. */
function tileAt(edge: number, price = edge): Tile {
  const tile = emptyTile(plan);
  foldEvent(plan, tile, { values: [price], timeUs: (edge - 1) * HOP_US, offset: 0, sign: 1 });
  return tile;
}

function windowsOf(hops: number): EntityWindows {
  const windows = new EntityWindows(plan);
  for (let edge = FIRST; edge < FIRST + hops; edge++) windows.put(edge, tileAt(edge));
  windows.valuesAt(FIRST + hops - 1);
  return windows;
}

/** @returns the merges that one of many updates took, each a new tile and the values at its edge */
function mergesOf(
  windows: EntityWindows,
  from: number,
  updates: number,
): { readonly most: number; readonly mean: number } {
  let most = 0;
  const begin = windows.merges;
  for (let edge = from; edge < from + updates; edge++) {
    const before = windows.merges;
    windows.put(edge, tileAt(edge));
    const { values } = windows.valuesAt(edge)!;
    expect(values[plan.features.findIndex(({ function: name }) => name === 'min')]).toBe(edge - HOPS + 1);
    most = Math.max(most, windows.merges - before);
  }
  return { most, mean: (windows.merges - begin) / updates };
}

test('an update of a window of 259,200 tiles merges some hundred states: coarser tiles stand for the others', () => {
  const windows = windowsOf(HOPS);
  // The first refills make the coarser tiles: 4,320 of 60 hops and 72 of 3,600.
  mergesOf(windows, FIRST + HOPS, 1);
  const parts = plan.parts.length;
  // Two ends of at most 59 tiles and 59 of 60 hops each, 72 of 3,600; and at times one coarser tile made of 60 others.
  const { most, mean } = mergesOf(windows, FIRST + HOPS + 1, 3_700);
  expect(most).toBeLessThan(4 * 59 + 72 + 2 * 60 * parts + 2 * parts);
  // One enters and one leaves each part, and the smallest value, which leaves each time, is made again every 60 hops.
  expect(mean).toBeLessThan(2 * parts + 20);
});

test('a late tile is merged at the cost of the edges between it and now, not of the window', () => {
  const windows = windowsOf(HOPS);
  const last = FIRST + HOPS;
  mergesOf(windows, last, 1);
  const before = windows.merges;
  windows.put(last - 20, tileAt(last - 20, -1));
  const { values } = windows.valuesAt(last - 20)!;
  expect(values[plan.features.findIndex(({ function: name }) => name === 'min')]).toBe(-1);
  expect(windows.merges - before).toBeLessThan(1_000);
});

test('the next change of a window is where a tile enters or leaves it, and then there is none', () => {
  const windows = new EntityWindows(plan);
  windows.put(FIRST + 3, tileAt(FIRST + 3));
  windows.put(FIRST + 9, tileAt(FIRST + 9));
  const changes: number[] = [];
  for (let at = windows.nextChange(0); at !== null; at = windows.nextChange(at)) changes.push(at - FIRST);
  expect(changes).toEqual([3, 9, HOPS + 3, HOPS + 9]);
  expect(windows.valuesAt(FIRST + 2)).toBeNull();
  expect(windows.valuesAt(FIRST + HOPS + 9)!.values[0]).toBe(0n);
});
