/** Tiles as SQL engines write them: what they are here, and what is none. */
import { expect, test } from 'vitest';
import { tileToJson } from '../../../../contract/aggregation/tile-json.ts';
import { tileMessageFromJson } from '../../../../contract/aggregation/tile-message.ts';
import type { Json } from '../../../../contract/std/canonical-json.ts';
import {
  GOLDEN_EDGE_US,
  goldenPlan,
  goldenTile,
  goldenTiles,
} from '../../../support/fixtures/golden-tiles.ts';
import { tileMessage } from '../../../support/fixtures/tile-messages.ts';

const key = { keys: ['shop', 42n], edgeUs: GOLDEN_EDGE_US, origin: 3 };

test.each(goldenTiles())('$name', ({ features, columns, events }) => {
  const plan = goldenPlan({ features, columns });
  const tile = goldenTile(plan, events);
  const found = tileMessageFromJson(plan, tileMessage(plan, key, tile));
  expect(found.kind === 'tile' && tileToJson(plan, found.key, found.tile)).toEqual(
    tileToJson(plan, key, tile),
  );
});

const plan = goldenPlan({
  features: [
    'approxPercentile price',
    'approxCountDistinct price',
    'lastN label 2',
    'last price',
    'countDistinct label',
  ],
  columns: { label: 'string', price: 'float64' },
});
const head = { view: 'clicks', definition: 305_419_896 };
const LISTS = {
  values0: { '/a': 2, b: 1 },
  timed0: { '30 /a': 1, '10 /a': 1, '20 b': 1 },
  values1: { '1.5': 1, '-7.0E-9': 1, '2': 1 },
  timed1: { '30 1.5': 1, '20 -7.0E-9': 1, '30 2': 1 },
  buckets1: { '-448': 1, '~1.5': 1, '1438': 1 },
};
const sent = {
  ...head,
  k0: 'shop',
  k1: '42',
  edge: GOLDEN_EDGE_US,
  origin: 0,
  n: 3,
  seen: 3,
  since: 5,
  ...LISTS,
};

function read(json: Readonly<Record<string, Json>>) {
  const message = tileMessageFromJson(plan, json);
  return message.kind === 'tile' ? tileToJson(plan, message.key, message.tile) : message.mark;
}

test('lists are texts with their counts', () => {
  const json = read(sent);
  expect(json).toMatchObject({
    values0: [
      ['/a', 2],
      ['b', 1],
    ],
    // Of three the two newest.
    latest0: [
      [30, '/a'],
      [20, 'b'],
    ],
    // Of equal times the smallest value.
    last1_t: 30,
    last1: 1.5,
  });
  const buckets = (json as { buckets1: [number, number][] }).buckets1;
  expect(buckets.reduce((sum, [, count]) => sum + count, 0)).toBe(3);
});

test('what was taken back is left out', () => {
  const json = read({ ...sent, n: 2, seen: 4, values0_back: { '/a': 1 }, timed0_back: { '30 /a': 1 } });
  expect(json).toMatchObject({
    n: 2,
    seen: 4,
    values0: [
      ['/a', 1],
      ['b', 1],
    ],
    latest0: [
      [20, 'b'],
      [10, '/a'],
    ],
  });
});

test('a mark says how far a partition has come', () => {
  const leftOut = { unreadable: 1, excluded: 2, refused: 3, late: 4 };
  const mark = { mark: 1, event: 20, appended: null, offset: 7, ...leftOut, horizon: 99, hold: 4_000 };
  const times = { eventUs: 20, appendedUs: null, horizonUs: 99, holdMs: 4_000 };
  const expected = { partition: 1, offset: 7, leftOut, ...times };
  expect(read({ ...head, ...mark })).toEqual(expected);
});

test.each([
  [{ ...sent, view: 'other' }, /^expected a tile of view clicks/],
  [{ ...sent, n: -1 }, /^expected a count for n, got -1/],
  [{ ...sent, values0: '/a' }, /^expected texts with their counts for values0/],
  [{ ...sent, values0_back: { c: 1 } }, /^expected what values0 takes back to have been counted, got "?c/],
  [{ ...sent, buckets1: { '~': 1 } }, /^expected a number/],
  [{ ...sent, timed1: { '30 NaN': 1 } }, /^expected a number/],
  [{ ...head, mark: 0, event: '1' }, /^expected a count for event/],
])('%j is none', (json, message) => {
  expect(() => read(json as Record<string, Json>)).toThrow(message);
});
