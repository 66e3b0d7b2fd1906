import { expect, test } from 'vitest';
import { planTiles } from '../../../../contract/aggregation/tile-plan.ts';
import { succession } from '../../../../contract/aggregation/tile-succession.ts';
import { emptyTile, foldEvent } from '../../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../../contract/aggregation/tile.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  path: 'clicks.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: 10_000_000,
  features: [{ name: 'pages', function: 'countDistinct', column: 'page', columnType: { kind: 'string' } }],
});
const plan = planTiles(view, entity);

function tileOf(offset: number, ...pages: string[]): Tile {
  const tile = emptyTile(plan);
  for (const [i, page] of pages.entries()) {
    foldEvent(plan, tile, { values: [page], timeUs: 1, offset: offset + i, sign: 1 });
  }
  return tile;
}

test('a tile that has seen more and begins no later replaces the held one', () => {
  expect(succession(plan, tileOf(7, 'a'), tileOf(7, 'a', 'b'))).toBe('take');
  expect(succession(plan, tileOf(7, 'a'), tileOf(6, 'a', 'b'))).toBe('take');
});

test('the same tile once more is a replay, however it was made', () => {
  expect(succession(plan, tileOf(7, 'a', 'b'), tileOf(7, 'b', 'a'))).toBe('replay');
});

test('seen as much with other content, seen less, or a later beginning: its maker has lost its state', () => {
  const held = tileOf(7, 'a', 'b');
  expect(succession(plan, held, tileOf(7, 'a', 'c'))).toBe('lost');
  expect(succession(plan, held, tileOf(7, 'a'))).toBe('lost');
  expect(succession(plan, held, tileOf(8, 'a', 'b', 'c'))).toBe('lost');
  expect(succession(plan, held, tileOf(6, 'a', 'b'))).toBe('lost');
});
