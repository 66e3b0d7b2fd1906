/** The example's functions are known to be cheap: they run in the thread that answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ModuleDraft, OnDemandDraft } from '../../../../../contract/definitions/draft.ts';
import { Mistakes } from '../../../../../contract/definitions/mistake.ts';
import { parseType } from '../../../../../contract/value-type.ts';
import { readCode } from '../../../../../registry/code/read-code.ts';

const folder = join(import.meta.dirname, '../../../../../examples/retail/definitions');

async function costly(compute: unknown, file: string, types: Readonly<Record<string, string>>) {
  const place = { file: join(folder, file), lineOf: () => 1 };
  const mistakes = new Mistakes(folder);
  const read = await readCode(new OnDemandDraft('view', { compute }, place), folder, mistakes);
  expect(mistakes.list()).toEqual([]);
  const args = Object.entries(types).map(([name, type]) => ({ name, type: parseType(type)! }));
  return read!.costlyFor(args, 'number');
}

test('the distance from two places', async () => {
  const place = { file: join(folder, 'restaurants.ts'), lineOf: () => 1 };
  const types = { lat: 'float64', lon: 'float64', place__lat: 'float64', place__lon: 'float64' };
  expect(await costly(new ModuleDraft('./compute/distance.ts', place), 'restaurants.ts', types)).toBeNull();
});

test('the basket beside the habit, and the days since the last purchase', async () => {
  const types = {
    basket_value: 'float64',
    now: 'timestamp',
    avg_order_value_30d: 'float64',
    last_purchase_at: 'timestamp',
  };
  const text = /compute: (\(\{.*?\n  \}\)),/s.exec(readFileSync(join(folder, 'retail.ts'), 'utf8'))![1]!;
  const compute = Object.assign(() => {}, { toString: () => text });
  expect(await costly(compute, 'retail.ts', types)).toBeNull();
});
