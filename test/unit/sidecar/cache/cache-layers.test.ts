/** Each layer of the cache switched off and on again, while rows are in it. */
import { expect, test } from 'vitest';
import { CachedRow } from '../../../../sidecar/cache/cached-row.ts';
import { RowCache } from '../../../../sidecar/cache/row-cache.ts';
import { HotKeys } from '../../../../sidecar/cache/hot-keys.ts';
import { planView } from '../../../../sidecar/plan/view-plan.ts';
import { RowLoader } from '../../../../sidecar/cache/row-loader.ts';
import { HeldReader } from '../../../support/faults/held-reader.ts';
import { customer, encodeRow, feature, view } from '../../../support/fixtures/serving-fixture.ts';

const spend = view('spend', customer, [feature('total', 'float64')]);
const plan = planView({ view: spend, entity: customer }, 0);
const ON = { fresh: true, readAhead: true, absent: true, stale: true };
const RAW = encodeRow(spend, [12.5]);

function row(raw: Buffer | null, fetchedUs = 0): CachedRow {
  return new CachedRow(
    plan,
    { fetchedUs, order: fetchedUs, factor: 1, ready: null },
    0,
    raw?.toString('latin1') ?? null,
  );
}

function filled(limits = {}): RowCache {
  const cache = new RowCache({ entries: 10, bytes: 1e9, freshUs: 5e6, staleUs: 60e6, ...limits });
  cache.put('there', row(RAW));
  cache.put('absent', row(null));
  return cache;
}

const held = (cache: RowCache, key: string): CachedRow => cache.find(key)![0]!;

test('without fresh nothing is answered from the cache, and rows still stand in', () => {
  const cache = filled();
  cache.setLayers({ ...ON, fresh: false });
  cache.put('later', row(RAW));
  for (const key of ['there', 'absent', 'later']) {
    expect(cache.isFresh(held(cache, key), 1)).toBe(false);
    expect(cache.mayStandIn(held(cache, key), 1)).toBe(true);
  }
  cache.setLayers(ON);
  expect(cache.isFresh(held(cache, 'there'), 1)).toBe(true);
});

test('without stale nothing stands in; without fresh too, nothing is kept', () => {
  const cache = filled();
  cache.setLayers({ ...ON, stale: false });
  expect(cache.isFresh(held(cache, 'there'), 1)).toBe(true);
  expect(cache.mayStandIn(held(cache, 'there'), 6e6)).toBe(false);
  cache.setLayers({ ...ON, stale: false, fresh: false });
  cache.put('later', row(RAW));
  expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
});

test('without absent a missing row is neither served nor kept, nor is the one that it replaces', () => {
  const cache = filled();
  cache.setLayers({ ...ON, absent: false });
  expect(cache.isFresh(held(cache, 'absent'), 1)).toBe(false);
  expect(cache.mayStandIn(held(cache, 'absent'), 1)).toBe(false);
  expect(cache.isFresh(held(cache, 'there'), 1)).toBe(true);
  cache.put('there', row(null, 2));
  expect(cache.find('there')![0]).toBeUndefined();
});

test('without absent a row that is found missing once more is not kept either', () => {
  const cache = filled();
  const read = { key: 'absent', moment: { fetchedUs: 5, order: 5, factor: 1, ready: null } };
  expect(cache.renew(read, plan, null, 7)).toBe(held(cache, 'absent'));
  cache.setLayers({ ...ON, absent: false });
  expect(cache.renew({ ...read, moment: { ...read.moment, order: 6 } }, plan, null, 7)).toBeNull();
});

test('without readAhead no row is due ahead of time, hot or not', () => {
  const cache = filled();
  cache.setLayers({ ...ON, readAhead: false });
  for (const hot of [false, true]) expect(cache.isDueAhead(held(cache, 'there'), 4.9e6, hot)).toBe(false);
  cache.setLayers(ON);
  expect(cache.isDueAhead(held(cache, 'there'), 4.9e6, false)).toBe(true);
});

test('without singleFlight each request reads for itself; twice in one request is still one read', async () => {
  const reader = new HeldReader();
  const loader = new RowLoader(reader, filled(), { onStoreFailure() {}, onUnreadableRow() {} });
  let taken = 0;
  const ask = (): void => {
    const one = { key: 'k', view: plan, place: 0 };
    loader.load([one, { ...one, place: 1 }], 10, { take: () => (taken += 1) });
    // Two loads at the same reading of the clock are one request to the loader.
    const nowMs = performance.now();
    while (performance.now() === nowMs);
  };
  loader.setSingleFlight(false);
  for (let i = 0; i < 3; i++) ask();
  expect([reader.asks.length, loader.joined]).toEqual([3, 3]);
  loader.setSingleFlight(true);
  ask();
  expect([reader.asks.length, loader.joined]).toEqual([3, 5]);
  for (let i = 0; i < 3; i++) await reader.answer({ rows: [RAW], watermarks: [1] });
  expect(taken).toBe(8);
});

test('without hotKeys nothing is sampled and nothing is hot', () => {
  const hotKeys = new HotKeys(() => 'node');
  const ask = (times: number): void => {
    for (let i = 0; i < times; i++) if (hotKeys.samples()) hotKeys.count('k', true, 1);
  };
  ask(50_000);
  expect(hotKeys.isHot('k')).toBe(true);
  hotKeys.setOn(false);
  ask(50_000);
  expect([hotKeys.isHot('k'), hotKeys.hottest(1)]).toEqual([false, []]);
  hotKeys.setOn(true);
  ask(50_000);
  expect(hotKeys.isHot('k')).toBe(true);
});

test('evictions are counted by the bound that was reached', () => {
  const byEntries = filled({ entries: 3 });
  for (let i = 0; i < 5; i++) byEntries.put(`k${i}`, row(RAW));
  expect(byEntries.stats()).toMatchObject({ entries: 3, evictedByEntries: 4, evictedByBytes: 0 });
  const byBytes = filled({ bytes: 5_000 });
  for (let i = 0; i < 8; i++) byBytes.put(`k${i}`, row(RAW));
  const { entries, evictedByEntries, evictedByBytes } = byBytes.stats();
  expect([evictedByEntries, entries + evictedByBytes]).toEqual([0, 10]);
  byBytes.put('k7', row(RAW, 3));
  expect(byBytes.stats().evictedByBytes).toBe(evictedByBytes);
  const byBoth = filled({ entries: 3, bytes: 10_000 });
  byBoth.put('third', row(RAW));
  byBoth.put('large '.repeat(740), row(RAW));
  expect(byBoth.stats()).toMatchObject({ entries: 1, evictedByEntries: 1, evictedByBytes: 2 });
});
