/** Keys of ours in Redis that hold something else: they are named, and stop no other row. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runMaterialize } from '../../../materializer/materialize.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import {
  bundleOf,
  driverStats,
  HOUR_US,
  makeProject,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';

describe('a key in Redis that is no hash', () => {
  let redis: RedisServer;
  let client: Redis;
  let own: TestProject;
  const view = driverStats();
  const other = driverStats({ id: 'others', name: 'others' });
  const work = (): Promise<RunRecord[]> => {
    const bundle = bundleOf(view);
    const views = new Map([...bundle.views, [other.id, other]]);
    return runMaterialize(own, { ...bundle, views }, own.database);
  };

  beforeEach(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    own = await makeProject({ online: redis.url });
    await own.writeParquet(
      'drivers',
      `SELECT range AS driver_id, make_timestamp(${START_US + HOUR_US}) AS event_timestamp, make_timestamp(${START_US + HOUR_US}) AS created,
       0.5 AS conv_rate, range AS trips, ['a'] AS tags FROM range(3000)`,
    );
    own.setClock(START_US + 2 * HOUR_US);
  });
  afterEach(async () => {
    client.disconnect();
    await own.remove();
    await redis.stop();
  });

  test('of entities is named once, and the run fails after it has written all others', async () => {
    await client.mset('fstore:driver:17', 'x', 'fstore:driver:2900', 'y');
    await expect(work()).rejects.toMatchObject({
      code: 'MAT_ONLINE',
      message:
        `the online store ${redis.url}: the keys fstore:driver:17, fstore:driver:2900 hold something else than the ` +
        'hashes that plumb keeps there: delete them (redis-cli DEL KEY), then run `plumb materialize --full`',
    });
    expect(await client.dbsize()).toBe(3_000 + 1);
    expect(await client.hlen('fstore:driver:16')).toBe(2);
    // Nothing vouches for what was not written: an absent row would read as MISSING.
    expect(await client.exists('fstore:~markers')).toBe(0);
    expect(await own.database.bookmark(view.id)).toBeNull();
    await client.del('fstore:driver:17', 'fstore:driver:2900');
    expect((await work()).map((record) => [record.written, record.equal])).toEqual([
      [2, 2_998],
      [2, 2_998],
    ]);
    expect(await client.hlen('fstore:~markers')).toBeGreaterThanOrEqual(2);
  });

  test.each(['fstore:~markers', 'fstore:~schemas'])('of our own, %s, is named', async (key) => {
    await client.set(key, 'x');
    await expect(work()).rejects.toMatchObject({
      code: 'MAT_ONLINE',
      message: expect.stringContaining(`the key ${key} holds something else than the hash`) as string,
    });
    await client.del(key);
    expect(await work()).toHaveLength(2);
  });
});
