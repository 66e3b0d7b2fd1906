/** polars writes what `plumb compute` reads, and reads what it writes, to the bit; what is no such type is refused. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { bundleOf, driverStats, makeProject } from '../support/fixtures/materialized-project.ts';
import type { TestProject } from '../support/fixtures/materialized-project.ts';
import { onDemandView } from '../support/fixtures/on-demand-view.ts';
import { PLUMB } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';

const TYPES = { x: 'float64', big: 'int64', word: 'string', items: 'list<float64>' } as const;
const given = '({ x, big, word, items }) => ({ x, big, word, items })';
const same = onDemandView('same', given, TYPES, TYPES, { int64: 'bigint' });

let python: PythonEnvironment;
let project: TestProject;
beforeAll(async () => {
  python = await pythonEnvironment();
  project = await makeProject();
  publishBundle(project.settings.bundles, {
    ...bundleOf(driverStats()),
    onDemand: new Map([['same', same]]),
  });
}, PYTHON_LIMIT_MS);
afterAll(() => project.remove());

test('numbers, texts and lists come back from polars as they went', async () => {
  const command = [process.execPath, PLUMB, '-C', project.settings.folder, 'compute', '--view', 'same'];
  const told = JSON.parse(
    await python.run('test/clients/arrow_polars.py', { input: JSON.stringify({ command }) }),
  ) as object;
  expect(told).toEqual({
    rows: 5,
    same: [true, true, true, true],
    plain: expect.stringMatching(/word: expected string, got string_view/),
    packed: expect.stringContaining('its batches are compressed: write them without compression'),
  });
});
