/** The bytes and the JSON of tiles are frozen: a tile that an earlier version kept or sent is read by this one. */
import { describe, expect, test } from 'vitest';
import { decodeTile, encodeTile } from '../../../../contract/aggregation/tile-bytes.ts';
import { tileFromJson, tileToJson } from '../../../../contract/aggregation/tile-json.ts';
import { TileFault } from '../../../../contract/aggregation/tile-reader.ts';
import {
  GOLDEN_EDGE_US,
  goldenPlan,
  goldenTile,
  goldenTiles,
} from '../../../support/fixtures/golden-tiles.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const key = { keys: ['a', 9_007_199_254_740_993n], edgeUs: GOLDEN_EDGE_US, origin: 3 };

describe('golden tiles', () => {
  test.each(goldenTiles())('$name', (golden) => {
    const plan = goldenPlan(golden);
    const tile = goldenTile(plan, golden.events);
    expect(encodeTile(plan, tile).toString('hex')).toBe(golden.hex.replaceAll(' ', ''));
    expect(tileToJson(plan, key, tile)).toEqual(golden.json);
    const bytes = Buffer.from(golden.hex.replaceAll(' ', ''), 'hex');
    expect(decodeTile(plan, bytes)).toEqual(tile);
    expect(tileFromJson(plan, golden.json)).toEqual({ key, tile });
  });

  test('the order of the events does not matter, nor that some were taken out again', () => {
    for (const golden of goldenTiles()) {
      const plan = goldenPlan(golden);
      const backwards = goldenTile(
        plan,
        golden.events.toReversed().filter(([, , sign]) => sign === 1),
      );
      const forwards = goldenTile(
        plan,
        golden.events.filter(([, , sign]) => sign === 1),
      );
      expect(encodeTile(plan, backwards)).toEqual(encodeTile(plan, forwards));
    }
  });
});

test('bytes that are no tile are refused, and what is read is what would be written', () => {
  const random = seededRandom();
  let refused = 0;
  for (const golden of goldenTiles()) {
    const plan = goldenPlan(golden);
    const bytes = Buffer.from(golden.hex.replaceAll(' ', ''), 'hex');
    for (let i = 0; i < bytes.length; i++) {
      expect(() => decodeTile(plan, bytes.subarray(0, i))).toThrow(TileFault);
    }
    expect(() => decodeTile(plan, Buffer.concat([bytes, Buffer.from([0])]))).toThrow('expected the end');
    for (let i = 0; i < 400; i++) {
      const broken = Buffer.from(bytes);
      broken[Math.floor(random() * broken.length)] = Math.floor(random() * 256);
      try {
        expect(encodeTile(plan, decodeTile(plan, broken))).toEqual(broken);
      } catch (error) {
        expect(error).toBeInstanceOf(TileFault);
        refused += 1;
      }
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test('JSON that is no tile is refused by the field that is wrong', () => {
  const golden = goldenTiles()[0]!;
  const plan = goldenPlan(golden);
  const wrong =
    (change: Readonly<Record<string, unknown>>): (() => void) =>
    () =>
      tileFromJson(plan, { ...golden.json, ...change } as never);
  expect(wrong({ view: 'other' })).toThrow(
    'expected a tile of view clicks, definition 305419896, got "other"',
  );
  expect(wrong({ definition: 1 })).toThrow('got "clicks", definition 1');
  expect(wrong({ k1: 42 })).toThrow('expected int64, got 42');
  expect(wrong({ n: -1 })).toThrow('expected a count for n, got -1');
  expect(wrong({ sum0_6: 3.5 })).toThrow('expected decimal text for sum0_6, got 3.5');
  expect(wrong({ sum0_6: undefined })).toThrow('expected decimal text for sum0_6, got null');
  expect(wrong({ min0: 'x' })).toThrow('expected float64, got "x"');
});
