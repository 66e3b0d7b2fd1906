/** Events that are taken out again, and values that are refused. */
import { expect, test } from 'vitest';
import { encodeTile } from '../../../../contract/aggregation/tile-bytes.ts';
import { emptyTile, foldEvent, refusalOf } from '../../../../contract/aggregation/tile.ts';
import type { Tile, TileEvent } from '../../../../contract/aggregation/tile.ts';
import { goldenPlan } from '../../../support/fixtures/golden-tiles.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const columns = { amount: 'int64', label: 'string', price: 'float64' } as const;
const exact = [
  'count',
  'sum price',
  'stddev price',
  'stddev amount',
  'countDistinct label',
  'approxPercentile price',
];
const others = [
  'min price',
  'max label',
  'first label',
  'last amount',
  'lastN label 3',
  'approxCountDistinct label',
];

function randomEvent(random: () => number, offset: number): TileEvent {
  const draw = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const amount = draw([null, 0n, -7n, 9_007_199_254_740_993n]);
  const values = [amount, draw([null, 'a', 'b', '😀', '']), draw([null, 0, -0, 1.5, -2.25, 1e11])];
  return { values, timeUs: Math.floor(random() * 4) * 1_000_000, offset, sign: 1 };
}

/** The tile of some events, told that it has seen as much as another one. */
function tileOf(plan: ReturnType<typeof goldenPlan>, events: readonly TileEvent[], like: Tile): Tile {
  const tile = emptyTile(plan);
  for (const event of events) foldEvent(plan, tile, event);
  return Object.assign(tile, { seen: like.seen, since: like.since });
}

test.each([
  { of: 'what can be subtracted', features: exact, always: true },
  { of: 'all parts', features: [...exact, ...others], always: false },
])(
  '$of: a tile without an event is that of the others, or says that it must be made again',
  ({ features, always }) => {
    const plan = goldenPlan({ features, columns });
    const random = seededRandom();
    const outcomes = { counted: 0, again: 0, unknown: 0 };
    for (let run = 0; run < 300; run++) {
      const tile = emptyTile(plan);
      const events = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, i) => randomEvent(random, i));
      for (const event of events) foldEvent(plan, tile, event);
      while (events.length > 0) {
        const [event] = events.splice(Math.floor(random() * events.length), 1);
        const outcome = foldEvent(plan, tile, { ...event!, offset: 100, sign: -1 });
        outcomes[outcome] += 1;
        if (outcome !== 'counted') break;
        expect(encodeTile(plan, tile)).toEqual(encodeTile(plan, tileOf(plan, events, tile)));
      }
    }
    expect(outcomes.unknown).toBe(0);
    expect(outcomes.counted).toBeGreaterThan(always ? 1_000 : 20);
    if (always) expect(outcomes.again).toBe(0);
    else expect(outcomes.again).toBeGreaterThan(100);
  },
);

test('an event that was never counted changes nothing', () => {
  const plan = goldenPlan({ features: ['count', 'countDistinct label', 'sum price'], columns });
  const tile = emptyTile(plan);
  const event = { values: ['a', 1.5], timeUs: 1, offset: 1, sign: 1 } as const;
  expect(foldEvent(plan, tile, { ...event, sign: -1 })).toBe('unknown');
  foldEvent(plan, tile, event);
  const before = encodeTile(plan, tile);
  expect(foldEvent(plan, tile, { ...event, values: ['b', 1.5], sign: -1 })).toBe('unknown');
  expect(encodeTile(plan, tile)).toEqual(before);
});

test('an event is refused for the value that cannot be counted, by its column', () => {
  const plan = goldenPlan({
    features: ['sum amount', 'countDistinct label', 'sum price', 'max price'],
    columns,
  });
  expect(refusalOf(plan, [10n ** 18n, 'a', 1e12])).toBeNull();
  expect(refusalOf(plan, [null, null, null])).toBeNull();
  expect(refusalOf(plan, [1n, 'a', Number.NaN])).toBe('price is NaN or infinite');
  expect(refusalOf(plan, [1n, 'a', -Infinity])).toBe('price is NaN or infinite');
  expect(refusalOf(plan, [10n ** 18n + 1n, 'a', 1])).toBe('amount is too large to be summed');
  expect(refusalOf(plan, [-(2n ** 63n), 'a', 1])).toBe('amount is too large to be summed');
  expect(refusalOf(plan, [1n, 'a', 1.1e12])).toBe('price is too large to be summed with 6 decimal places');
});
