import { expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { assemble } from '../../../sidecar/assembly.ts';
import { BundlePlans, ViewSlots } from '../../../sidecar/plan/bundle-plans.ts';
import { HeldReader } from '../../support/faults/held-reader.ts';
import { bundleContent, manualClock } from '../../support/fixtures/serving-fixture.ts';

const ON = { fresh: true, readAhead: true, absent: true, stale: true, singleFlight: true, hotKeys: true };
const warnings: string[] = [];

function assembled() {
  const bundle = { ...bundleContent(), hash: 'b'.repeat(16) };
  const reader = new HeldReader();
  const assembly = assemble({
    plans: new BundlePlans(bundle, '', new ViewSlots()),
    reader,
    log: null,
    logPolicy: { durability: 'written', onFull: 'shed-log' },
    serve: {
      cacheEntries: 10,
      cacheBytes: 100_000,
      cacheFreshMs: 5_000,
      staleLimitMs: 60_000,
      cacheLayers: ON,
      allowedHosts: [],
      deadlineMs: 8,
    },
    clock: manualClock(),
    logger: { ...silentLogger, warn: (line) => void warnings.push(line) },
  });
  return { bundle, reader, assembly };
}

test('switches the layers of cache, loader and hot keys together', () => {
  const { assembly, reader } = assembled();
  const { loader, serving, hotKeys, layers, setLayers } = assembly;
  const [view] = serving.plans.views.values();
  const wanted = [{ key: 'k', view: view!, place: 0 }];
  const load = (): void => loader.load(wanted, 0, { take() {} });
  load();
  load();
  expect([reader.asks.length, loader.joined]).toEqual([1, 1]);
  expect(hotKeys.samples()).toBe(true);
  setLayers({ ...ON, singleFlight: false, hotKeys: false });
  load();
  expect([reader.asks.length, loader.joined]).toEqual([2, 1]);
  expect(hotKeys.samples()).toBe(false);
  expect(layers()).toEqual({ ...ON, singleFlight: false, hotKeys: false });
});

test('counts each failure of the store, and warns of the first', () => {
  const { assembly, reader } = assembled();
  const { loader, serving, metrics } = assembly;
  const [view] = serving.plans.views.values();
  for (const key of ['a', 'b']) loader.load([{ key, view: view!, place: 0 }], 0, null);
  for (const ask of reader.asks) ask.onFailure(new Error('store down'));
  expect(metrics.storeFailures).toBe(2);
  expect(warnings).toEqual(['the online store: store down']);
});

test('the plans of the next bundle keep the slots and tallies of views', () => {
  const { bundle, assembly } = assembled();
  const { plans } = assembly.serving;
  const next = plans.next({ ...bundle, hash: 'c'.repeat(16) });
  expect(next.bundle.hash).toBe('c'.repeat(16));
  expect(next.tallies).toBe(plans.tallies);
  for (const [id, view] of plans.views) {
    expect(next.views.get(id)).toMatchObject({ slot: view.slot });
    expect(next.views.get(id)!.tally).toBe(view.tally);
  }
});
