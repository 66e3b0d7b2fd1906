import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { CachedRow } from '../../../../sidecar/cache/cached-row.ts';
import { planView } from '../../../../sidecar/plan/view-plan.ts';
import { NOON_US, customer, encodeRow, spend } from '../../../support/fixtures/serving-fixture.ts';

const plan = planView({ view: spend, entity: customer }, 0);
const RAW = encodeRow(spend, [12.5, 3n]).toString('latin1');
const ROWS = 100;
const TIMES = 20_000;

const MOMENT = { fetchedUs: NOON_US, order: 1, factor: 0.9, ready: null };

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

test('a row takes the bytes that the cache counts for it', () => {
  const collect = collector();
  const rows: CachedRow[] = Array.from({ length: 50_000 });
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < rows.length; i++) {
    const raw = encodeRow(spend, [12.5 + i / 3, 3n]).toString('latin1');
    rows[i] = new CachedRow(plan, { ...MOMENT, fetchedUs: NOON_US + i }, NOON_US + i, raw);
  }
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / rows.length;
  expect(bytes / rows[0]!.bytes).toBeGreaterThan(0.9);
  expect(bytes / rows[0]!.bytes).toBeLessThan(1.1);
});

test('what is yes or no of a row is told apart', () => {
  const rowOf = (value: number): CachedRow => {
    const raw = encodeRow(spend, [value, 3n]).toString('latin1');
    return new CachedRow(plan, MOMENT, NOON_US, raw);
  };
  for (const [value, hasNonFinite] of [
    [1, false],
    [NaN, true],
  ] as const) {
    const row = rowOf(value);
    const told = (): boolean[] => [row.isWhole, row.refreshing, row.requestedAgain];
    expect(told()).toEqual([true, false, false]);
    row.refreshing = true;
    expect(told()).toEqual([true, true, false]);
    expect([row.hasNonFinite, row.hasNonFinite]).toEqual([hasNonFinite, hasNonFinite]);
    row.markRequestedAgain();
    expect(told()).toEqual([true, true, true]);
    row.renew({ ...MOMENT, factor: 0.8504 }, NOON_US);
    expect(told()).toEqual([true, false, true]);
    expect([row.factor, row.hasNonFinite]).toEqual([0.85, hasNonFinite]);
  }
});

test('a row that is read again writes its times over the old ones, and makes none', () => {
  const collect = collector();
  // Times that are small integers are what V8 would take them all for.
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const moment = { fetchedUs: i === 0 ? 1 : NOON_US, order: 1, factor: i === 0 ? 1 : 0.9, ready: null };
    return new CachedRow(plan, moment, i === 0 ? 0 : NOON_US, RAW);
  });
  const moments = Array.from({ length: ROWS }, (_, i) => {
    return { fetchedUs: NOON_US + i, order: i, factor: 0.85 + i / 1_000, ready: null };
  });
  const renew = (): void => {
    for (let i = 0; i < TIMES; i++) rows[(i * 7) % ROWS]!.renew(moments[i % ROWS]!, NOON_US + (i % 3));
  };
  for (let warm = 0; warm < 20; warm++) renew();
  collect();
  const before = process.memoryUsage().heapUsed;
  renew();
  const bytes = (process.memoryUsage().heapUsed - before) / TIMES;
  // A number of its own takes 16: the call may have made one, each of the three times has not.
  expect(bytes).toBeLessThan(24);
});

test('a row whose times no writer writes is corrupt', () => {
  const at = (from: number, byte: number): string => {
    const raw = Buffer.from(RAW, 'latin1');
    raw[from] = byte;
    return raw.toString('latin1');
  };
  const make = (raw: string): CachedRow => new CachedRow(plan, MOMENT, NOON_US, raw);
  for (const from of [4, 11]) {
    expect(make(at(from, 0x1f)).raw).not.toBeNull();
    expect(() => make(at(from, 0x20))).toThrow('times past the year 2255');
  }
  expect(() => make(at(18, 0xff))).toThrow('times past the year 2255');
});
