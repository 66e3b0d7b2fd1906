/** The HMACs of rows in force, against the hasher asked for each row. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseType } from '../../../../contract/value-type.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { HashedFeature } from '../../../../monitor/judge/hashed-values.ts';
import { DIGESTS, layDigests } from '../../../../monitor/replay/row-digests.ts';
import { LAID_ROWS } from '../../../../monitor/replay/rows-in-force.ts';
import { DuckDb, valueFromDuck } from '../../../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../../../project/engine/duckdb/sql-literal.ts';
import { driverStats } from '../../../support/fixtures/materialized-project.ts';
import { LOG_KEY } from '../../../support/fixtures/monitored-day.ts';
import '../../../support/property-seed.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());

test.each<[string, readonly Value[]]>([
  ['float64', [null, 0, -0, 1.5, Number.NaN, Infinity]],
  ['float32', [null, 0, -0, 1.5, Number.NaN]],
  ['int64', [null, 0n, 7n, 2n ** 62n + 1n]],
  ['bool', [null, false, true]],
  ['string', [null, '', ' ', '0']],
  ['bytes', [null, Buffer.of(), Buffer.of(0)]],
  ['timestamp', [null, 0n, 1_700_000_000_000_001n]],
  ['list<float64>', [null, [], [0], [-0], [null]]],
  ['list<string>', [null, ['a, b'], ['a', 'b']]],
  ['map<int64>', [null, new Map(), new Map([['a', 0n]])]],
  ['struct<length: float64>', [null, { length: 0 }, { length: -0 }]],
])('%s: each row has that of its own value', async (name, values) => {
  const type = parseType(name)!;
  const hashes = new HashedFeature(LOG_KEY, 'view', { ...driverStats().features[0]!, type, missing: null });
  const rows = fc.array(fc.constantFrom(...values.keys()), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(rows, async (places) => {
      const sql = places.map((at) => `SELECT ${at} AS place, ${sqlLiteral(type, values[at]!)} AS v3`);
      await duck.run(`CREATE OR REPLACE TEMP TABLE ${LAID_ROWS} AS ${sql.join(' UNION ALL ')}`);
      let asked = 0;
      const digestOf = (raw: Parameters<typeof valueFromDuck>[1]): string | null => {
        asked += 1;
        return hashes.digest(valueFromDuck(type, raw));
      };
      await layDigests(duck, [{ at: 3, type, digestOf }]);
      const found =
        await duck.rows(`SELECT h.place::DOUBLE AS place, lower(hex(d.d3)) AS digest FROM ${DIGESTS} d
        JOIN ${LAID_ROWS} h ON h.rowid = d.n`);
      expect(found.length).toBe(places.length);
      for (const { place, digest } of found) expect(digest).toBe(hashes.digest(values[place as number]!));
      // Values that are no lists and the like are hashed once.
      if (!name.includes('<')) expect(asked).toBe(new Set(places).size);
    }),
    { numRuns: 20 },
  );
});
