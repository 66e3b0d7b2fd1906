/** A run that comes to no end: what it has published is not published again, unless the store has lost it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { PLUMB, plumb, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

const ROWS = 50_000;
const view = driverStats();
const bundle = bundleOf(view);

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
afterEach(() => project.remove());

async function open(online?: string): Promise<void> {
  project = await makeProject(online === undefined ? {} : { 'online.url': online });
  await writeDrivers();
  project.setClock(START_US + HOUR_US);
}

function writeDrivers(changed = -1): Promise<void> {
  return project.writeParquet(
    'drivers',
    `SELECT range AS driver_id, make_timestamp(${START_US}) AS event_timestamp, make_timestamp(${START_US}) AS created,
       CASE WHEN range = ${changed} THEN -0.5 ELSE range / 7 END::DOUBLE AS conv_rate, range::BIGINT AS trips,
       CASE WHEN range % 3 = 0 THEN ['a', NULL] END AS tags FROM range(${ROWS})`,
  );
}

async function run(options: MaterializeOptions = {}): Promise<RunRecord> {
  const [record] = await runMaterialize(project, bundle, project.database, options);
  return record!;
}

/** A run that is told to stop once it has written so many rows. */
async function stoppedAt(rows: number): Promise<void> {
  const stop = new AbortController();
  const progress = (doing: string, done: number): void => {
    if (doing.endsWith('writing online') && done >= rows) stop.abort('SIGTERM');
  };
  const watched = { ...project, logger: { ...project.logger, progress } };
  const running = runMaterialize(watched, bundle, project.database, { signal: stop.signal });
  await expect(running).rejects.toMatchObject({ code: 'MAT_STOPPED' });
}

const files = (): string => join(project.settings.history.path, '_published/driver_stats/v1');

describe.each(['SQLite', 'Redis'])('on %s', (store) => {
  beforeEach(async () => {
    await client.flushall();
    await open(store === 'SQLite' ? undefined : redis.url);
  });

  test('the next run writes the others, and rows that are other ones by now', async () => {
    await stoppedAt(26_000);
    expect(existsSync(files())).toBe(true);
    // A row that was published already, and changes before the next run.
    await writeDrivers(5);
    const next = await run();
    expect(next).toMatchObject({ state: 'complete', conflict: 1, read: ROWS });
    expect(next.resumed! + next.written + next.equal + next.conflict).toBe(ROWS);
    expect(next.resumed).toBeGreaterThanOrEqual(19_999);
    expect(next.resumed).toBeLessThan(27_000);
    expect(project.said).toContainEqual(
      expect.stringMatching(/^driver_stats: \d+ of 50000 rows are online already/),
    );
    expect(existsSync(files())).toBe(false);
    // All of them are there, each as it is in the source.
    expect(await run({ full: true })).toMatchObject({ equal: ROWS, written: 0, conflict: 0, resumed: 0 });
  });

  test('a second stop forgets nothing of the first', async () => {
    await stoppedAt(26_000);
    await stoppedAt(48_000);
    const next = await run();
    expect(next.resumed).toBeGreaterThanOrEqual(40_000);
    expect(next.resumed! + next.written + next.equal).toBe(ROWS);
    expect(await run({ full: true })).toMatchObject({ equal: ROWS });
  });
});

describe('on Redis alone', () => {
  beforeEach(async () => {
    await client.flushall();
    await open(redis.url);
  });

  test('a store that was emptied is filled, whatever this machine remembers', async () => {
    await stoppedAt(26_000);
    await client.flushall();
    expect(await run()).toMatchObject({ resumed: 0, written: ROWS });
  });

  test('a key that holds no row is not taken for a published one', async () => {
    await client.set('fstore:driver:7', 'something else');
    await stoppedAt(26_000);
    await client.del('fstore:driver:7');
    expect(await run()).toMatchObject({ resumed: 0, state: 'complete' });
    expect(await client.exists('fstore:driver:7')).toBe(1);
  });

  test('what replaces whatever is there takes no checkpoint', async () => {
    await stoppedAt(26_000);
    expect(await run({ replace: true })).toMatchObject({ resumed: 0, written: ROWS });
  });

  test('killed with -9 at any point', async () => {
    publishBundle(project.settings.bundles, bundle);
    const args = ['-C', project.settings.folder, '--set', `online.url=${redis.url}`, 'materialize'];
    let before = 0;
    for (let kills = 0; kills < 2; kills++) {
      const child = spawn(process.execPath, [QUIET_NODE, PLUMB, ...args], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      const marked = async (): Promise<number> =>
        Number(((await client.hget('fstore:~published', view.id)) ?? ' 0').split(' ')[1]);
      await until(async () => child.exitCode !== null || (await marked()) > before, 'a mark of the run');
      child.kill('SIGKILL');
      await ended;
      before = await marked();
      expect(before).toBeGreaterThanOrEqual(20_000);
    }
    const { code, stdout, stderr } = await plumb([...args, '--json']);
    expect(stderr).toContain('are online already');
    expect(code).toBe(0);
    const [record] = (JSON.parse(stdout) as { runs: RunRecord[] }).runs;
    expect(record!.resumed).toBeGreaterThanOrEqual(before);
    expect(record!.resumed! + record!.written + record!.equal).toBe(ROWS);
    expect(await client.dbsize()).toBe(ROWS + 3);
  });
});
