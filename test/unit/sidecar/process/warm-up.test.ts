import { expect, test } from 'vitest';
import { NO_LOG } from '../../../../sidecar/plan/view-plan.ts';
import { warmUp } from '../../../../sidecar/process/warm-up.ts';
import { HeldReader } from '../../../support/faults/held-reader.ts';
import {
  bundleContent,
  customer,
  feature,
  manualClock,
  service,
  view,
} from '../../../support/fixtures/serving-fixture.ts';

/** A feature of every type. */
const all = view(
  'all',
  customer,
  [
    'bool',
    'int32',
    'int64',
    'float32',
    'float64',
    'string',
    'bytes',
    'timestamp',
    'list<int64>',
    'embedding(3)',
    'map<string>',
    'struct<a: int32, b: list<string>>',
  ].map((type, i) => feature(`f${i}`, type)),
);
const REQUESTS_OF_A_SERVICE = 48;

class FailingReader extends HeldReader {
  override read(asks: Parameters<HeldReader['read']>[0]): void {
    this.asks.push(...asks);
    for (const ask of asks) ask.onFailure(new Error('store down'));
  }
}

test.each([
  ['with the log', { enabled: true, hmacKey: null }],
  ['without the log', NO_LOG],
])('answers what it makes up, whatever the types, %s and with the store down', async (_, privacy) => {
  const plain = bundleContent();
  const bundle = {
    ...plain,
    hash: 'b'.repeat(16),
    views: new Map([...plain.views, ['all', all]]),
    services: new Map([['all', service('all', [{ view: all, of: customer }])], ...plain.services]),
    schemas: new Map(plain.schemas),
  };
  const reader = new FailingReader();
  expect(await warmUp(bundle, reader, manualClock(), privacy)).toBe(4 * REQUESTS_OF_A_SERVICE);
  // The store is touched once, and for nobody.
  expect(reader.asks.map(({ key }) => key)).toEqual(['fstore:']);
});

test('a store that says nothing delays the start by half a second, not for ever', async () => {
  const bundle = { ...bundleContent(), hash: 'b'.repeat(16) };
  const startedMs = performance.now();
  expect(await warmUp(bundle, new HeldReader(), manualClock(), NO_LOG)).toBe(3 * REQUESTS_OF_A_SERVICE);
  expect(performance.now() - startedMs).toBeGreaterThan(490);
});
