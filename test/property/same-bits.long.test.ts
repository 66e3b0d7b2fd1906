/**
 * As same-bits.test.ts, over 1,000,000 rows: five projects of other functions, which share the outputs of all types,
 * each asked in parts. The verdict is on the first part of each.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ComparedPlaces } from '../support/fixtures/compared-places.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';

const PROJECTS = 5;
const PARTS = [5_000, 45_000, 50_000, 50_000, 50_000];

test('random functions over a million random rows give the same bits in each place', async () => {
  const random = seededRandom();
  const total = { rows: 0, values: 0, faults: 0, late: 0 };
  for (let project = 0; project < PROJECTS; project++) {
    const places = await ComparedPlaces.make(join(scratchFolder(), 'random'), random, true);
    for (const [part, size] of PARTS.entries()) {
      const { found, ...counts } = await places.compare(size);
      expect(found).toEqual([]);
      for (const name of ['rows', 'values', 'faults', 'late'] as const) total[name] += counts[name];
      console.info(`none differs: ${JSON.stringify(total)}`);
      if (part > 0) continue;
      for (const { name, present, exact, unjudged, causes } of await places.judge())
        expect({ name, exact, unjudged, causes }).toEqual({ name, exact: present, unjudged: 0, causes: {} });
    }
    await places.sidecar.stop();
  }
  expect(total.rows).toBe(1_000_000);
}, 14_400_000);
