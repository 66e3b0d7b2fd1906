/**
 * On-demand views over rows by the Python client, over batches: the bits that a sidecar served. With PLUMB_TEST_LONG=1
 * over 1,000,000 rows, and in Spark.
 */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ComparedPlaces } from '../support/fixtures/compared-places.ts';
import { VIEWS } from '../support/fixtures/random-functions.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { findJava } from '../support/kafka/kafka-program.ts';
import { PLUMB, QUIET_NODE } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';

const BLOCKS = IS_LONG_RUN ? 20 : 1;
const ROWS = IS_LONG_RUN ? 50_000 : 500;
const LIMIT_MS = IS_LONG_RUN ? 7_200_000 : PYTHON_LIMIT_MS;

let python: PythonEnvironment;
beforeAll(async () => {
  python = await pythonEnvironment();
  if (IS_LONG_RUN) expect(await findJava(), 'Spark needs Java').not.toBe(null);
}, PYTHON_LIMIT_MS);

test(
  'give the same bits as the sidecar, and refuse what does not fit before anything runs',
  async () => {
    const places = await ComparedPlaces.make(join(scratchFolder(), 'random'), seededRandom(), IS_LONG_RUN);
    for (let block = 0; block < BLOCKS; block++) expect((await places.compare(ROWS, true)).found).toEqual([]);
    const job = {
      project: places.folder,
      plumb: [process.execPath, QUIET_NODE, PLUMB],
      views: VIEWS,
      rows: places.files.map(({ given }) => given),
      refused: [
        ['numbers', { x: 'd' }],
        ['numbers', { now: null }],
        ['numbers', { d: 'price' }],
        ['numbers', { d: 's' }],
        ['number', {}],
      ],
    };
    for (const spark of IS_LONG_RUN ? [false, true] : [false]) {
      const out = join(places.folder, spark ? 'spark' : 'batches.parquet');
      const input = JSON.stringify({ ...job, spark, out });
      const told = JSON.parse(
        await python.run('test/clients/compute_rows.py', { input, limitMs: LIMIT_MS }),
      ) as object;
      expect(told).toMatchObject({
        rows: BLOCKS * ROWS,
        refused: [
          'numbers takes no x; it takes b, i, l, f, d, s, y, t, xs, ls, ws, e, m, st, now, amount, points, words, vector',
          'now is no optional input of numbers, so that a column must be named',
          expect.stringContaining('there is no column price'),
          expect.stringContaining('d: expected float64, got string'),
          expect.stringContaining('there is no on-demand view number, did you mean "numbers"?'),
        ],
      });
      console.info(`${spark ? 'Spark' : 'batches'}: ${BLOCKS * ROWS} rows, ${JSON.stringify(told)}`);
      expect(await places.hold(spark ? join(out, '*.parquet') : out)).toEqual([]);
    }
  },
  LIMIT_MS,
);
