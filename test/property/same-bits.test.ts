/** The same code in every place: sidecar, `train`, the replay's caller and `plumb compute` give the same bits. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ComparedPlaces } from '../support/fixtures/compared-places.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';

test('random functions over random rows of all types give the same bits in each place', async () => {
  const places = await ComparedPlaces.make(join(scratchFolder(), 'random'), seededRandom());
  const { rows, values, faults, late, found } = await places.compare(6_000);
  expect(found).toEqual([]);
  // Functions that throw, int64 that no number is, halves of characters: some, and not most.
  expect(faults).toBeGreaterThan(rows / 100);
  expect(faults).toBeLessThan(rows * 2);
  // On a busy machine some isolated calls take over 4 ms.
  console.info(`${rows} rows, ${values} values, ${faults} calls without values, ${late} late in the sidecar`);
  expect(late).toBeLessThan(rows);
  expect(values).toBeGreaterThan(rows * 40);
});
