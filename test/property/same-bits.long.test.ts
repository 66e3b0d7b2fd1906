/** As same-bits.test.ts, over 1,000,000 rows: five projects of other functions, each asked in parts. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ComparedPlaces } from '../support/fixtures/compared-places.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';

const PROJECTS = 5;
const PARTS = 5;
const ROWS = 40_000;

test('random functions over a million random rows give the same bits in each place', async () => {
  const random = seededRandom();
  const total = { rows: 0, values: 0, faults: 0, late: 0 };
  for (let project = 0; project < PROJECTS; project++) {
    const places = await ComparedPlaces.make(join(scratchFolder(), 'random'), random);
    for (let part = 0; part < PARTS; part++) {
      const { found, ...counts } = await places.compare(ROWS);
      expect(found).toEqual([]);
      for (const name of ['rows', 'values', 'faults', 'late'] as const) total[name] += counts[name];
    }
    for (const { name, present, exact, unjudged, causes } of await places.judge())
      expect({ name, exact, unjudged, causes }).toEqual({ name, exact: present, unjudged: 0, causes: {} });
  }
  console.info(`none differs: ${JSON.stringify(total)}`);
  expect(total.rows).toBe(1_000_000);
}, 14_400_000);
