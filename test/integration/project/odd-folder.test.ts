/**
 * A whole day in a project whose own path, and the folders of its settings, hold what patterns, URLs and shells take
 * for signs; labels and a source have neighbours that patterns of their names would find.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath, quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';
import { plumb, serve } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const FOLDER = 'it\'s [1] * ? {a,b} "é 你" #%41';
const SETTINGS = `
history: 'h[1]/history'
served: 's*/served'
reports: 'r?/reports'
train: { temp: 't[a-z]/temp' }
log: { spool: 'l{a,b}/[x]' }
`;
const TOTALS = `
import { agg, entity, featureService, featureView, source, t } from 'plumbline';

export const driver = entity('driver', { joinKeys: { driver_id: t.int64() } });
const path = 'data/*.parquet';
export const stats = source.parquet('stats', { path, eventTime: 'event_timestamp', createdTime: 'created' });
export const totals = featureView('totals', {
  entity: driver, source: stats, hop: '1d', features: { trips: agg.sum('avg_daily_trips').lifetime() },
});
export const total = featureService('total_v1', [totals]);
`;

test('a day, from init to the verdict', async () => {
  const root = scratchFolder();
  const folder = join(root, FOLDER);
  const plumbed = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await plumb(['-C', folder, '--json', ...args]);
    expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
    return JSON.parse(stdout) as unknown;
  };
  expect((await plumb(['init', folder])).code).toBe(0);
  writeFileSync(join(folder, 'definitions/drivers.yaml'), '');
  writeFileSync(join(folder, 'definitions/totals.ts'), TOTALS);
  writeFileSync(
    join(folder, 'plumbline.yaml'),
    readFileSync(join(folder, 'plumbline.yaml'), 'utf8') + SETTINGS,
  );
  const labels = join(folder, 'l[1].parquet');
  const duck = await DuckDb.open();
  const at = `TIMESTAMP '2026-01-01'`;
  await duck.run(`COPY (SELECT 1001 AS driver_id, ${at} AS event_timestamp) TO ${quoteTarget(labels)};
    COPY (SELECT 1002 AS driver_id, ${at} AS event_timestamp) TO ${quoteTarget(join(folder, 'l1.parquet'))}`);
  // The files of the same names beside it, and a source's neighbour: each would be read besides, or instead.
  cpSync(join(folder, 'data/driver_stats.parquet'), join(folder, 'data/[driver]_stats.parquet'));
  await duck.run(`COPY (SELECT * REPLACE (avg_daily_trips + 1 AS avg_daily_trips)
    FROM read_parquet(${quotePath(join(folder, 'data/driver_stats.parquet'))}))
    TO ${quoteTarget(join(folder, 'data/d_stats.parquet'))} (FORMAT parquet)`);

  await plumbed('apply');
  await plumbed('materialize');
  await plumbed('materialize', '--full');
  for (const [out, from] of [
    ['o[1].parquet', labels],
    ['o.csv', labels],
  ] as const)
    await plumbed('train', '--labels', from, '--service', 'total_v1', '--out', join(folder, out));
  const sidecar = await serve(folder);
  const answered = await fetch(`${sidecar.url}/feature-service/get-online-features`, {
    method: 'POST',
    body: JSON.stringify({ feature_service: 'total_v1', entities: { driver_id: [1001] } }),
  });
  const online = JSON.stringify(await answered.json());
  expect((await sidecar.stop()).code).toBe(0);

  const [trained] = await duck.rows(`SELECT driver_id, totals__trips::INTEGER AS trips
    FROM read_parquet(${quotePath(join(folder, 'o[1].parquet'))})`);
  const [expected] = await duck.rows(`SELECT (SUM(avg_daily_trips))::INTEGER AS trips
    FROM read_parquet([${['driver_stats', '[driver]_stats', 'd_stats']
      .map((name) => quotePath(join(folder, `data/${name}.parquet`)))
      .join(', ')}]) WHERE driver_id = 1001`);
  duck.close();
  expect(trained).toEqual({ driver_id: 1001, trips: expected!['trips'] });
  expect(online).toContain(`"totals__trips":${String(expected!['trips'])}`);
  expect(readFileSync(join(folder, 'o.csv'), 'utf8')).toMatch(
    new RegExp(`1001,.*,${String(expected!['trips'])}\\b`),
  );

  await plumbed('monitor', 'ingest');
  const [line] = (await plumb(['-C', folder, 'log', 'cat'])).stdout.split('\n');
  const { servedAt } = JSON.parse(line!) as { servedAt: string };
  const verdict = await plumb(['-C', folder, '--json', 'monitor', 'run', '--date', servedAt.slice(0, 10)]);
  expect(JSON.parse(verdict.stdout), verdict.stderr).toMatchObject([
    { service: 'total_v1', vectors: { read: 1 } },
  ]);
  const stats = ['--a', labels, '--b', join(folder, 'l1.parquet')];
  expect(await plumbed('monitor', 'stats', ...stats)).toMatchObject({});
  expect(readdirSync(root)).toEqual([FOLDER]);
});

test('a mistake in a definition file is named with its line', async () => {
  const folder = join(scratchFolder(), FOLDER);
  mkdirSync(folder);
  expect((await plumb(['init', folder])).code).toBe(0);
  writeFileSync(join(folder, 'definitions/wrong.ts'), `${TOTALS}\nthrow new Error('too early');\n`);
  const { stderr } = await plumb(['-C', folder, 'plan']);
  expect(stderr).toContain(`definitions/wrong.ts:${TOTALS.split('\n').length + 1}`);
  expect(stderr).toContain('too early');
});
