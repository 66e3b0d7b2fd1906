/** Layers of the cache switched in plumbline.yaml, in a running `plumb serve` on a real Redis and under load. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { fieldOf, markerKey } from '../../../contract/wire/online/online-layout.ts';
import { parsePrometheus } from '../../support/http/prometheus-text.ts';
import { PLUMB, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { ServingFixture, encodeRow, keyFor, spend } from '../../support/fixtures/serving-fixture.ts';
import { until } from '../../support/until.ts';

const CUSTOMERS = 50;
const ASKERS = 4;
/** While the store works no deadline may pass, however busy the machine is; while it hangs each one does. */
const WORKING_MS = 60_000;
const HANGING_MS = 200;
/** Long enough that only a switch, and no expiry, ends a row's freshness within the test. */
const SETTINGS = 'serve: { port: 0, adminPort: 0, cacheFreshMs: 3600000, staleLimitMs: 3600000';

interface Answer {
  readonly results: readonly {
    readonly features: Readonly<Record<string, number | null>>;
    readonly statuses: Readonly<Record<string, string>>;
  }[];
}

let redis: RedisServer;
let fixture: ServingFixture;
beforeAll(async () => {
  redis = await startRedis();
  fixture = new ServingFixture(systemClock());
}, REDIS_START_LIMIT_MS);
afterAll(async () => {
  fixture.close();
  await redis.stop();
});

async function seed(): Promise<void> {
  const client = new Redis(redis.url);
  const nowUs = fixture.clock.nowUs();
  for (let id = 1; id <= CUSTOMERS; id++) {
    const row = encodeRow(spend, [id / 2, 1n], { eventUs: nowUs });
    await client.hset(keyFor(spend, BigInt(id)), fieldOf('spend'), row);
  }
  await client.hset(markerKey(''), 'spend', String(nowUs));
  await client.quit();
}

function write(layers: string): void {
  const text = `project: test\nonline: ${redis.url}\n${SETTINGS}, cacheLayers: ${layers} }\n`;
  writeFileSync(join(fixture.folder, 'plumbline.yaml'), text);
}

test('layers go off and on under load: what is served changes, no request fails, a bad file changes nothing', async () => {
  await seed();
  write('{}');
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', fixture.folder, 'serve'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close');
  const ready = /serves on (http:\S+) .*admin on (http:[^\s"]+)/;
  await until(() => ready.test(stderr), 'the ready line');
  const [, at, adminAt] = ready.exec(stderr)!;

  let isHanging = false;
  const ask = async (id: number, deadlineMs = HANGING_MS): Promise<string> => {
    const body = JSON.stringify({ feature_service: 'twice', entities: { buyer_id: [id], seller_id: [id] } });
    const headers = { 'x-deadline-ms': String(deadlineMs) };
    const response = await fetch(`${at}/feature-service/get-online-features`, {
      method: 'POST',
      body,
      headers,
    });
    if (response.status === 503 && response.headers.has('retry-after')) {
      await response.arrayBuffer();
      return ask(id, deadlineMs);
    }
    expect(response.status).toBe(200);
    const { features, statuses } = ((await response.json()) as Answer).results[0]!;
    const status = statuses['buyer__total']!;
    expect(features['buyer__total']).toBe(status === 'PRESENT' ? id / 2 : null);
    return status;
  };
  const deadlineMs = (): number => (isHanging ? HANGING_MS : WORKING_MS);
  const askAll = async (): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: CUSTOMERS }, (_, i) => ask(i + 1, deadlineMs()))));

  const enabled = async (): Promise<string> => (await fetch(`${adminAt}/cache-layers`)).text();
  const reach = async (layer: string, on: boolean): Promise<void> =>
    until(
      async () => (JSON.parse(await enabled()) as Record<string, boolean>)[layer] === on,
      `${layer} ${on}`,
    );
  const counts = async (): Promise<{ hits: number; misses: number; stale: number; isFreshOn: number }> => {
    const families = parsePrometheus(await (await fetch(`${adminAt}/metrics`)).text());
    const of = (name: string, labels = ''): number => families.get(name)!.samples.get(name + labels)!;
    return {
      hits: of('plumbline_cache_hits_total'),
      misses: of('plumbline_cache_misses_total'),
      stale: of('plumbline_stale_rows_total'),
      isFreshOn: of('plumbline_cache_layer_enabled', '{layer="fresh"}'),
    };
  };

  const load = { isOn: true };
  let asked = 0;
  const askers = Array.from({ length: ASKERS }, async (_, asker) => {
    for (let i = asker; load.isOn; i++, asked++) await ask(1 + (i % CUSTOMERS));
  });
  try {
    await askAll();
    const cached = await counts();
    expect(await askAll()).toEqual(new Set(['PRESENT']));
    const stillCached = await counts();
    expect(stillCached.misses).toBe(cached.misses);
    expect(stillCached.hits).toBeGreaterThanOrEqual(cached.hits + 2 * CUSTOMERS);

    write('{ fresh: false }');
    await reach('fresh', false);
    // What was on its way when the switch came has been counted by then.
    await askAll();
    const off = await counts();
    expect(await askAll()).toEqual(new Set(['PRESENT']));
    const stillOff = await counts();
    expect([stillOff.hits, stillOff.isFreshOn]).toEqual([off.hits, 0]);
    expect(stillOff.misses).toBeGreaterThanOrEqual(off.misses + 2 * CUSTOMERS);

    write('{ fresh: maybe }');
    await until(() => stderr.includes('plumbline.yaml is refused'), 'the refusal');
    expect(JSON.parse(await enabled())).toMatchObject({ fresh: false, stale: true });

    // Nothing is fresh and the store hangs: only the layer `stale` decides.
    isHanging = true;
    await redis.kill('SIGSTOP');
    expect(await askAll()).toEqual(new Set(['PRESENT']));
    expect((await counts()).stale).toBeGreaterThanOrEqual(2 * CUSTOMERS);
    write('{ fresh: false, stale: false }');
    await reach('stale', false);
    expect(await askAll()).toEqual(new Set(['UNAVAILABLE']));
    await redis.kill('SIGCONT');
    isHanging = false;
    await until(async () => (await ask(1)) === 'PRESENT', 'rows of the store');

    write('{}');
    await reach('fresh', true);
    await until(async () => (await askAll()).size === 1, 'everything cached again');
    const on = await counts();
    expect(await askAll()).toEqual(new Set(['PRESENT']));
    expect((await counts()).misses).toBe(on.misses);
    expect(asked).toBeGreaterThan(CUSTOMERS);
  } finally {
    load.isOn = false;
    await redis.kill('SIGCONT');
    await Promise.all(askers);
    child.kill('SIGTERM');
    await ended;
  }
  expect(stderr.match(/cache layers: [a-zA-Z, ]+/g)).toEqual([
    'cache layers: fresh off',
    'cache layers: stale off',
    'cache layers: fresh on, stale on',
  ]);
});
