/** `plumb materialize warm`: over the entities of served vectors, in the archive as the ingest makes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { shopProject } from '../../support/fixtures/shop-project.ts';
import { plumb, serve } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';

interface Feature {
  readonly feature: string;
  readonly live: number;
  readonly online: number;
  readonly warm: number;
  readonly fullFrom: string | null;
}

test('counts live entities with a row of the definition in force and a full window', async () => {
  const folder = await shopProject();
  const run = (...args: string[]): Promise<Finished> => plumb(['-C', folder, ...args]);
  const warm = async (
    ...args: string[]
  ): Promise<{ code: number | null; met: boolean; features: Feature[] }> => {
    const { code, stdout } = await run('materialize', 'warm', '--service', 'churn_v1', '--json', ...args);
    return { code, ...(JSON.parse(stdout) as { met: boolean; features: Feature[] }) };
  };
  expect((await run('apply', '--backfill')).code).toBe(0);
  const early = await run('materialize', 'warm', '--service', 'churn_v1');
  expect(early).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('has no vector of churn_v1 of the last day'),
  });
  // Customer 99 has no row; 0 is asked for twice.
  const serving = await serve(folder);
  const answer = await fetch(`${serving.url}/feature-service/get-online-features`, {
    method: 'POST',
    body: JSON.stringify({ feature_service: 'churn_v1', entities: { customer_id: [0, 1, 2, 99, 0] } }),
  });
  expect(answer.status).toBe(200);
  await serving.stop();
  expect((await run('monitor', 'ingest')).code).toBe(0);
  const found = await warm('--share', '75%');
  expect(found).toMatchObject({ code: 0, met: true });
  expect(found.features).toEqual(
    ['count_7d', 'average_30d', 'favorite'].map((name) => {
      return { feature: `purchases__${name}`, live: 4, online: 3, warm: 3, fullFrom: null };
    }),
  );
  expect(await warm('--share', '75.1%')).toMatchObject({ code: 1, met: false });
  const text = await run('materialize', 'warm', '--service', 'churn_v1');
  expect(text).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('is not warm for 95% of its live entities'),
  });
  // From a start on windows have to fill: the longer one is not full yet.
  const file = join(folder, 'definitions/shop.ts');
  const definitions = readFileSync(file, 'utf8');
  const start = new Date(Date.now() - 10 * 86_400_000).toISOString();
  writeFileSync(file, definitions.replace("hop: '1h',", `hop: '1h', start: '${start}',`));
  expect((await run('apply')).code).toBe(0);
  const filling = await warm('--share', '75%');
  expect(filling).toMatchObject({ code: 1, met: false });
  expect(filling.features.map((one) => one.warm)).toEqual([3, 0, 3]);
  // Rows of another definition are not those that the model is to read.
  writeFileSync(file, definitions.replace("agg.avg('line_total')", "agg.sum('line_total')"));
  expect((await run('apply', '--allow', 'purchases__average_30d.agg', '--reason', 'test')).stderr).toBe('');
  expect((await warm()).features.map((one) => one.online)).toEqual([0, 0, 0]);
  writeFileSync(file, definitions);
  expect(
    (await run('apply', '--backfill', '--allow', 'purchases__average_30d.agg', '--reason', 'test')).code,
  ).toBe(0);
  expect((await warm()).features.map((one) => one.online)).toEqual([3, 3, 3]);
  // A store without markers vouches for nothing.
  const store = new DatabaseSync(join(folder, '.plumb/online.db'));
  store.exec('DELETE FROM marker');
  store.close();
  expect((await warm()).features.map((one) => one.online)).toEqual([0, 0, 0]);
  const odd = await run('materialize', 'warm', '--service', 'churn_v1', '--share', '101%');
  expect(odd).toMatchObject({ code: 2, stderr: expect.stringContaining('expected a share such as 95%') });
});
