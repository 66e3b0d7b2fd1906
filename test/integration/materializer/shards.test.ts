/** Several processes share a view's rows: each has its record, and the markers move when all are done. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { parseShard } from '../../../materializer/run/run-shard.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { PLUMB, plumb, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

const at = (hours: number): number => START_US + hours * HOUR_US;

let redis: RedisServer;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
}, REDIS_START_LIMIT_MS);
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

let project: TestProject;
beforeEach(async () => {
  await client.flushall();
  project = await makeProject({ 'online.url': redis.url });
});
afterEach(() => project.remove());

function writeOrders(name: string, hour: number, customers: number): Promise<void> {
  return project.writeParquet(
    name,
    `SELECT 'c' || range AS customer_id, make_timestamp(${at(hour)} + range) AS ordered_at,
       make_timestamp(${at(hour)} + range) AS loaded_at, 1.0::DOUBLE AS total FROM range(${customers})`,
  );
}

async function run(view: FeatureView, options: MaterializeOptions = {}): Promise<RunRecord> {
  const [record] = await runMaterialize(project, bundleOf(view), project.database, options);
  return record!;
}

const shard = (view: FeatureView, text: string, options: MaterializeOptions = {}): Promise<RunRecord> =>
  run(view, { shard: parseShard(text), ...options });

const marker = async (view: FeatureView): Promise<number | null> => {
  const text = await client.hget('fstore:~markers', view.id);
  return text === null ? null : Number(text);
};

test('of an aggregated view the first writes the history, both their rows, and the last moves the marker', async () => {
  const view = orders();
  await writeOrders('orders1', 0.5, 300);
  project.setClock(at(2));
  const first = await shard(view, '1/2');
  expect(first).toMatchObject({ historyRows: 300, state: 'complete', shard: { index: 1, count: 2 } });
  expect(first.written).toBeGreaterThan(100);
  expect(first.written).toBeLessThan(200);
  expect(await marker(view)).toBeNull();
  expect(await project.database.runs({ view: view.id })).toMatchObject([{ state: 'running' }]);
  // It takes the cut-off of the set, though it comes later.
  project.setClock(at(2.5));
  const second = await shard(view, '2/2');
  expect(second).toMatchObject({ historyRows: 0, toUs: at(2), written: 300 - first.written });
  expect(second.shard).toEqual({ ...first.shard, index: 2 });
  expect(await marker(view)).toBe(at(2));
  const [set] = await project.database.runs({ view: view.id });
  expect(set).toMatchObject({
    state: 'complete',
    runId: first.runId,
    written: 300,
    historyRows: 300,
    watermarkUs: at(2),
  });
  expect(set!.shard).toBeUndefined();
  // An ordinary run goes on from the set.
  await writeOrders('orders2', 2.6, 10);
  project.setClock(at(4));
  expect(await run(view)).toMatchObject({ read: 10, counted: 10, written: 10, fromUs: at(2) });
  expect(await marker(view)).toBe(at(4));
});

test('parts run side by side, and a part twice at once does not', async () => {
  const view = driverStats();
  await project.writeParquet(
    'drivers',
    `SELECT range AS driver_id, make_timestamp(${START_US}) AS event_timestamp, make_timestamp(${START_US}) AS created,
       0.5::DOUBLE AS conv_rate, range::BIGINT AS trips, NULL::VARCHAR[] AS tags FROM range(3000)`,
  );
  project.setClock(at(1));
  const texts = ['1/3', '2/3', '3/3', '3/3'];
  const ended = await Promise.allSettled(texts.map((text) => shard(view, text, { toUs: at(1) })));
  const [refused, ...more] = ended.filter((one) => one.status === 'rejected');
  expect(more).toEqual([]);
  // It came while the other was under way, or found its part of the set done and began another.
  if (refused !== undefined) expect(refused.reason).toMatchObject({ code: 'MAT_BUSY' });
  const parts = (await project.database.runParts({ view: view.id })).filter(
    ({ state }) => state === 'complete',
  );
  const of = (index: number): number => parts.find((run_) => run_.shard!.index === index)!.written;
  expect(of(1) + of(2) + of(3)).toBe(3_000);
  expect(await marker(view)).toBe(at(1));
  expect(await run(view, { full: true })).toMatchObject({ equal: 3_000, written: 0 });
});

test('a run of all rows in between leaves a set behind, and its markers stay ahead', async () => {
  const view = orders();
  await writeOrders('orders1', 0.5, 20);
  project.setClock(at(2));
  const first = await shard(view, '1/2');
  project.setClock(at(3));
  await run(view);
  const late = await shard(view, '2/2');
  expect(late.shard!.set).not.toBe(first.runId);
  expect(await marker(view)).toBe(at(3));
  expect(await project.database.runs({ view: view.id })).toHaveLength(3);
});

test('the last part takes no marker back that another run has moved on meanwhile', async () => {
  const view = orders();
  await writeOrders('orders1', 0.5, 20);
  project.setClock(at(2));
  await shard(view, '1/2');
  await client.hset('fstore:~markers', view.id, at(9));
  expect(await shard(view, '2/2')).toMatchObject({ state: 'complete', toUs: at(2) });
  expect(await marker(view)).toBe(at(9));
});

test('a part that is no part is refused', () => {
  for (const text of ['0/2', '3/2', '1/0', '1', 'a/b', '1/129', '-1/2'])
    expect(() => parseShard(text)).toThrow(/expected i\/n with i from 1 to n/);
});

test('one of two processes is killed: the marker stays, its part is run again, nothing is written twice', async () => {
  const view = driverStats();
  const bundle = bundleOf(view);
  publishBundle(project.settings.bundles, bundle);
  await project.writeParquet(
    'drivers',
    `SELECT range AS driver_id, make_timestamp(${START_US}) AS event_timestamp, make_timestamp(${START_US}) AS created,
       range / 3 AS conv_rate, range::BIGINT AS trips, NULL::VARCHAR[] AS tags FROM range(60000)`,
  );
  const online = `online.url=${redis.url}`;
  const command = [
    '-C',
    project.settings.folder,
    '--set',
    online,
    'materialize',
    '--to',
    '2026-06-01',
    '--json',
  ];
  const args = (text: string): string[] => [...command, '--shard', text];
  const killed = spawn(process.execPath, [QUIET_NODE, PLUMB, ...args('1/2')], { stdio: 'ignore' });
  const ended = once(killed, 'exit');
  const other = plumb(args('2/2'));
  await until(async () => (await client.hget('fstore:~published', 'driver_stats 1/2')) !== null, 'a mark');
  killed.kill('SIGKILL');
  await ended;
  expect(await other).toMatchObject({ code: 0 });
  expect(await marker(view)).toBeNull();
  const again = await plumb(args('1/2'));
  expect(again.code).toBe(0);
  expect(await marker(view)).toBe(Date.parse('2026-06-01T00:00:00Z') * 1_000);
  const [set] = await project.database.runs({ view: view.id });
  expect(set).toMatchObject({ state: 'complete' });
  expect(set!.written + set!.equal).toBeLessThanOrEqual(60_000);
  expect(await client.dbsize()).toBe(60_000 + 3);
});
