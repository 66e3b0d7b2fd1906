/**
 * A run that is asked to stop: it says so, its record has failed, nothing of it stays, and the next run does it all.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { historyFolder } from '../../../project/history/history-folder.ts';
import { writeDurably } from '../../../contract/std/files/durable-file.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { bundleOf, makeProject, orders, START_US } from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { PLUMB } from '../../support/processes/plumb-process.ts';
import { until } from '../../support/until.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const view = orders();

async function writeOrders(rows: number): Promise<void> {
  await project.writeParquet(
    'orders',
    `SELECT 'c' || range % 5000 AS customer_id, make_timestamp(${START_US} - 1 - range * 1000000) AS ordered_at,
       make_timestamp(${START_US}) AS loaded_at, 1.5::DOUBLE AS total FROM range(${rows})`,
  );
  project.setClock(START_US);
}

test.each(['checking what is new', 'computing', 'writing the history', 'writing online'])(
  'while %s',
  async (when) => {
    await writeOrders(2_000);
    const stop = new AbortController();
    const progress = (label: string): void => {
      if (label.endsWith(when)) stop.abort('SIGTERM');
    };
    const stopped = { ...project, logger: { ...project.logger, progress } };
    const options = { signal: stop.signal };
    await expect(runMaterialize(stopped, bundleOf(view), project.database, options)).rejects.toMatchObject({
      code: 'MAT_STOPPED',
      message: expect.stringMatching(/^the run of orders was ended by SIGTERM \(/),
    });
    expect(await project.database.runs({ view: view.id })).toMatchObject([
      { state: 'failed', error: expect.stringContaining('ended by SIGTERM') },
    ]);
    expect(await project.database.bookmark(view.id)).toBeNull();
    const staged = join(project.settings.history.path, '_staged', 'orders', 'v1');
    expect(existsSync(staged) ? readdirSync(staged) : []).toEqual([]);
    project.setClock(START_US + 1);
    const [record] = await runMaterialize(project, bundleOf(view), project.database);
    expect(record!.written + record!.equal).toBe(2_000);
  },
);

test.each([
  ['before the first view', [], 'orders, late_orders'],
  ['between two views', ['orders'], 'late_orders'],
])('%s: it names the views that were not run', async (_, ran, left) => {
  await writeOrders(100);
  const late = orders({ id: 'late_orders', name: 'late_orders' });
  const bundle = { ...bundleOf(view), views: new Map([view, late].map((each) => [each.id, each])) };
  const stop = new AbortController();
  if (ran.length === 0) stop.abort('SIGTERM');
  const info = (line: string): void => {
    if (line.startsWith('orders')) stop.abort('SIGTERM');
  };
  const stopped = { ...project, logger: { ...project.logger, info } };
  const options = { signal: stop.signal };
  await expect(runMaterialize(stopped, bundle, project.database, options)).rejects.toMatchObject({
    code: 'MAT_STOPPED',
    message: expect.stringMatching(new RegExp(`^ended by SIGTERM; views that were not run: ${left}`)),
  });
  const runs = await project.database.runs({});
  expect(runs.map((run) => [run.view, run.state])).toEqual(ran.map((name) => [name, 'complete']));
});

test('what does not fit in memory has a place until the last row is online', async () => {
  await writeOrders(10);
  const staged = join(project.settings.history.path, '_staged', 'orders', 'v1');
  const there: boolean[] = [];
  // DuckDB makes the folder that it spills to, but not the one above it.
  const progress = (label: string): void => {
    if (label.endsWith('writing online')) there.push(existsSync(staged));
  };
  const watched = { ...project, logger: { ...project.logger, progress } };
  await runMaterialize(watched, bundleOf(view), project.database);
  expect(there).toEqual([true]);
});

test('a process that gets SIGTERM ends within its statement', async () => {
  await writeOrders(3_000_000);
  const { folder } = project.settings;
  writeDurably(
    join(folder, 'definitions', 'orders.yaml'),
    `entity: customer
joinKeys: { customer_id: string }
---
featureView: orders
entity: customer
source: { parquet: data/orders.parquet, eventTime: ordered_at, createdTime: loaded_at }
features:
  customers: { agg: countDistinct, column: total, window: 1d }
  spread: { agg: stddev, column: total, window: 7d }
`,
  );
  await applyPlan(project, project.database, await planProject(project, project.database));
  const child = spawn(process.execPath, [PLUMB, '-C', folder, 'materialize'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'exit');
  await until(async () => (await project.database.runs({ view: 'orders' })).length === 1, 'the run begins');
  child.kill('SIGTERM');
  const [code] = (await ended) as [number];
  expect(said).toMatch(/error: the run of orders was ended by SIGTERM \(.*\n .*\[MAT_STOPPED\]/);
  expect(code).toBe(4);
  expect(await project.database.runs({ view: 'orders' })).toMatchObject([{ state: 'failed' }]);
  expect(existsSync(historyFolder(project.settings.history, view).path)).toBe(true);
  expect(
    execFileSync('find', [folder, '-name', '*.parquet', '-path', '*_staged*'], { encoding: 'utf8' }),
  ).toBe('');
});
