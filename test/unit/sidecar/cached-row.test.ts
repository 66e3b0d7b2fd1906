import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { rowSchemaOf } from '../../../registry/definition-json.ts';
import { CachedRow } from '../../../sidecar/cached-row.ts';
import { planView } from '../../../sidecar/plan.ts';
import { NOON_US, encodeRow, spend } from '../../support/serving-fixture.ts';

const plan = planView(spend, 0, []);
const RAW = encodeRow(rowSchemaOf(spend), [12.5, 3n]).toString('latin1');
const ROWS = 100;
const TIMES = 20_000;

test('a row that is read again writes its times over the old ones, and makes none', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const mapping = plan.mappings.get(spend.definitionId)!;
  // Times that are small integers are what V8 would take them all for.
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const moment = { fetchedUs: i === 0 ? 1 : NOON_US, order: 1, factor: i === 0 ? 1 : 0.9, ready: null };
    return new CachedRow(plan, moment, i === 0 ? 0 : NOON_US, RAW, mapping);
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
