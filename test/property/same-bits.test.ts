/** The same code in every place: sidecar, `train`, the replay and `plumb compute` give the same bits. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ComparedPlaces } from '../support/fixtures/compared-places.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { rounds } from '../support/long-run.ts';

test('random functions over random rows of all types give the same bits in each place', async () => {
  const places = await ComparedPlaces.make(join(scratchFolder(), 'random'), seededRandom());
  const { rows, values, faults, late, found } = await places.compare(rounds(1_000, 3_000));
  expect(found).toEqual([]);
  // Functions that throw, int64 that no number is, halves of characters: some, and not most.
  expect(faults).toBeGreaterThan(rows / 100);
  expect(faults).toBeLessThan(rows * 2);
  console.info(
    `${rows} rows, ${values} values, ${faults} calls without values, ${late} requests asked again`,
  );
  expect(values).toBeGreaterThan(rows * 40);
  // The verdict asks the functions again, over the archive and over the history.
  const judged = await places.judge();
  expect(judged.length).toBeGreaterThanOrEqual(45);
  expect(judged.reduce((sum, { present }) => sum + present, 0)).toBeGreaterThan(rows);
  for (const { name, present, exact, unjudged, causes } of judged) {
    expect({ name, exact, unjudged, causes }).toEqual({ name, exact: present, unjudged: 0, causes: {} });
  }
});
