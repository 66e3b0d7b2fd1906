/** lastN and the approximate aggregations from definition to served vector, training set and verdict. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import { plumb, serve } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const DEFINITIONS = `
import { agg, entity, featureService, featureView, source, t } from 'plumbline';

export const reader = entity('reader', { joinKeys: { reader_id: t.int64() } });
export const views = source.parquet('views', { path: 'data/views.parquet', eventTime: 'at' });
export const reading = featureView('reading', {
  entity: reader, source: views, hop: '1h', freshness: '10000d',
  where: 'seconds > 0', select: { minutes: 'seconds / 60' },
  features: {
    last_pages: agg.lastN('page', 3).lifetime({ missing: ['none'] }),
    last_times: agg.lastN('seconds', 2).lifetime(),
    pages: agg.approxCountDistinct('page').lifetime(),
    p90: agg.approxPercentile('minutes', 0.9).lifetime(),
  },
});
export const all = featureService('s', [reading]);
export const numbers = featureService('n', [reading.pick('last_times', 'pages', 'p90')]);
`;

async function must(folder: string, ...args: string[]): Promise<Finished> {
  const done = await plumb(['-C', folder, ...args]);
  expect(done.code, done.stdout + done.stderr).toBe(0);
  return done;
}

async function readingProject(): Promise<string> {
  const folder = scratchFolder({ 'plumbline.yaml': 'project: t\n', 'definitions/d.ts': DEFINITIONS });
  mkdirSync(join(folder, 'data'));
  const duck = await DuckDb.open();
  // Reader 1 sees pages p0 to p99, one a minute, for 1 to 100 minutes; a page that nobody looked at does not count.
  await duck.run(`COPY (SELECT 1 + (i = 100)::BIGINT AS reader_id, TIMESTAMP '2026-11-01' + INTERVAL (i) MINUTE AS at, 'p' || i AS page,
      CASE WHEN i = 100 THEN 0 ELSE (i + 1) * 60.0::DOUBLE END AS seconds FROM range(101) r(i))
    TO ${quoteText(join(folder, 'data/views.parquet'))} (FORMAT parquet)`);
  duck.close();
  return folder;
}

test('a list, an estimate and a percentile are served, trained on, shown with their bounds and judged', async () => {
  const folder = await readingProject();
  await must(folder, 'apply');
  const show = await must(folder, 'show', 'reading');
  expect(show.stdout).toContain('lastN(page, 3) lifetime');
  expect(show.stdout).toContain('approxCountDistinct(page) lifetime, 1.6 % off (one standard deviation)');
  expect(show.stdout).toContain('approxPercentile(minutes, 0.9) lifetime, within 1 %');
  const bounds = { pages: { relative: 0.01625, kind: 'standard' }, p90: { relative: 0.01, kind: 'worst' } };
  expect(JSON.parse((await must(folder, '--json', 'show', 'reading')).stdout)).toMatchObject({
    errorBounds: bounds,
  });
  expect(JSON.parse((await must(folder, '--json', 'show')).stdout).views[0].errorBounds).toEqual(bounds);
  await must(folder, 'materialize');
  const sidecar = await serve(folder);
  const answer = await fetch(`${sidecar.url}/feature-service/get-online-features`, {
    method: 'POST',
    body: JSON.stringify({ feature_service: 's', entities: { reader_id: [1, 2] } }),
  });
  const { results } = (await answer.json()) as { results: { features: Record<string, unknown> }[] };
  const [{ features: served }, { features: other }] = results as [(typeof results)[0], (typeof results)[0]];
  expect(served).toMatchObject({
    reading__last_pages: ['p99', 'p98', 'p97'],
    reading__last_times: [6000, 5940],
  });
  expect(other).toMatchObject({ reading__last_pages: ['none'], reading__last_times: null });
  const [pages, p90] = [served['reading__pages'] as number, served['reading__p90'] as number];
  expect(Math.abs(pages - 100)).toBeLessThan(6);
  expect(Math.abs(p90 / 90 - 1)).toBeLessThan(0.01);
  const tensors = await fetch(`${sidecar.url}/v2/models/n/infer`, {
    method: 'POST',
    body: JSON.stringify({ inputs: [{ name: 'reader_id', datatype: 'INT64', shape: [1], data: [1] }] }),
  });
  expect(await tensors.text()).toContain('6000');
  await sidecar.stop();
  writeFileSync(
    join(folder, 'labels.csv'),
    'reader_id,event_timestamp\n1,2026-11-02T00:00:00Z\n1,2026-11-01T01:30:00Z\n',
  );
  await must(
    folder,
    'train',
    '--labels',
    join(folder, 'labels.csv'),
    '--service',
    's',
    '--out',
    join(folder, 'out.parquet'),
  );
  const duck = await DuckDb.open();
  const rows = await duck.rows(
    `SELECT to_json(COLUMNS('.*(pages|times|p90)$')) FROM ${quoteText(join(folder, 'out.parquet'))} ORDER BY event_timestamp DESC`,
  );
  duck.close();
  expect(Object.values(rows[0]!)).toEqual([
    '["p99","p98","p97"]',
    '[6000.0,5940.0]',
    String(pages),
    String(p90),
  ]);
  expect(Object.values(rows[1]!).slice(0, 2)).toEqual(['["p59","p58","p57"]', '[3600.0,3540.0]']);
  const day = new Date().toISOString().slice(0, 10);
  await must(folder, 'monitor', 'ingest');
  const judged = await plumb(['-C', folder, '--json', 'monitor', 'run', '--date', day, '--service', 's']);
  const [snapshot] = JSON.parse(judged.stdout) as {
    features: { name: string; present: number; exactMatch: number }[];
  }[];
  // Served as the history replays it. Reader 2 has no row: what stands in for one is no match, nor a mismatch.
  expect(snapshot!.features.map(({ name, present, exactMatch }) => [name, present, exactMatch])).toEqual([
    ['reading__last_pages', 1, 1],
    ['reading__last_times', 1, 1],
    ['reading__pages', 1, 1],
    ['reading__p90', 1, 1],
  ]);
});
