/** What `/metrics` says after requests of which every one is known, on both transports. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { SPOOL_MODES } from '../../../sidecar/spool/spool.ts';
import { parsePrometheus } from '../../support/http/prometheus-text.ts';
import type { Family } from '../../support/http/prometheus-text.ts';
import {
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  manualClock,
  productStats,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';
import { until } from '../../support/until.ts';

const NATIVE = '/feature-service/get-online-features';
const FEAST = '/get-online-features';
const INFER = '/v2/models/twice/infer';

describe.each(['uws', 'node'])('metrics on %s', (transport) => {
  const clock = manualClock();
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(clock, { 'serve.transport': transport, 'serve.deadlineMs': '5000' });
    fixture.put(profile, 1n, PROFILE_VALUES.with(1, null), { eventUs: NOON_US - 30_000_000 });
    fixture.put(spend, 1n, [3, 5n], { eventUs: NOON_US - 3 * HOUR_US });
    for (const id of ['profile', 'spend', 'product']) fixture.mark(id, NOON_US);
    served = await runServe(fixture.project({ 'log.ingest': 'true' }));
  });

  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  test('the admin port takes GET and HEAD only', async () => {
    const status = async (method: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${served.adminPort}/livez`, { method })).status;
    for (const method of ['GET', 'HEAD']) expect(await status(method)).toBe(200);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(await status(method)).toBe(405);
  });

  const post = async (path: string, body: object): Promise<number> => {
    const at = `http://127.0.0.1:${served.port}${path}`;
    const response = await fetch(at, { method: 'POST', body: JSON.stringify(body) });
    await response.text();
    return response.status;
  };
  const scrape = async (): Promise<Map<string, Family>> =>
    parsePrometheus(await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text());
  const valueOf = (families: Map<string, Family>, sample: string): number => {
    for (const { samples } of families.values()) {
      const value = samples.get(sample);
      if (value !== undefined) return value;
    }
    throw new Error(`no ${sample}`);
  };
  /** How much each sample grew while `work` was done. */
  const growth = async (work: () => Promise<unknown>, ...samples: string[]): Promise<number[]> => {
    const before = await scrape();
    await work();
    const after = await scrape();
    const old = (sample: string): number => {
      try {
        return valueOf(before, sample);
      } catch {
        return 0;
      }
    };
    return samples.map((sample) => valueOf(after, sample) - old(sample));
  };

  test('the warm-up before the port opens has counted nothing', async () => {
    const families = await scrape();
    expect(families.get('plumbline_requests_total')!.samples.size).toBe(0);
    for (const name of ['plumbline_values_total', 'plumbline_served_row_age_seconds']) {
      expect([...families.get(name)!.samples.values()].every((count) => count === 0)).toBe(true);
    }
    const untouched = [
      'plumbline_cache_entities',
      'plumbline_store_reads_total',
      'plumbline_log_records_total',
    ];
    expect(untouched.map((name) => valueOf(families, name))).toEqual([0, 0, 0]);
  });

  test('requests are counted by route and code, and timed by route with an edge at 10 ms', async () => {
    const twice = { feature_service: 'twice', entities: { buyer_id: [1], seller_id: [1] } };
    const grown = await growth(
      async () => {
        for (let i = 0; i < 3; i++) expect(await post(NATIVE, twice)).toBe(200);
        expect(await post(NATIVE, { ...twice, feature_service: 'none' })).toBe(404);
        const inputs = ['buyer_id', 'seller_id'].map((name) => ({
          name,
          datatype: 'INT64',
          shape: [1],
          data: [1],
        }));
        expect(await post(INFER, { inputs })).toBe(200);
        expect((await fetch(`http://127.0.0.1:${served.port}/hot-keys`)).status).toBe(200);
        expect((await fetch(`http://127.0.0.1:${served.port}/nothing`)).status).toBe(404);
      },
      `plumbline_requests_total{route="${NATIVE}",code="200"}`,
      `plumbline_requests_total{route="${NATIVE}",code="404"}`,
      'plumbline_requests_total{route="/v2/models/{service}/infer",code="200"}',
      'plumbline_requests_total{route="/hot-keys",code="200"}',
      'plumbline_requests_total{route="other",code="404"}',
      `plumbline_request_duration_seconds_count{route="${NATIVE}"}`,
      `plumbline_request_duration_seconds_bucket{route="${NATIVE}",le="+Inf"}`,
      'plumbline_request_duration_seconds_count{route="/v2/models/{service}/infer"}',
    );
    expect(grown).toEqual([3, 1, 1, 1, 1, 3, 3, 1]);
    const families = await scrape();
    expect(
      valueOf(families, `plumbline_request_duration_seconds_bucket{route="${NATIVE}",le="0.01"}`),
    ).toBeGreaterThanOrEqual(0);
    expect(valueOf(families, `plumbline_request_duration_seconds_sum{route="${NATIVE}"}`)).toBeGreaterThan(0);
  });

  const values = (view: string, status: string): string =>
    `plumbline_values_total{view="${view}",status="${status}"}`;

  test.each([
    ['of a service on the native surface', NATIVE, { feature_service: 'everything' }],
    ['of a service as Feast asks', FEAST, { feature_service: 'everything' }],
    [
      'of single features as Feast asks',
      FEAST,
      {
        features: [
          ...profile.features.map(({ name }) => `profile:${name}`),
          'spend:total',
          'spend:orders',
          'product:price',
        ],
      },
    ],
  ])('values are counted by view and status: %s', async (_, path, ask) => {
    const body = { ...ask, entities: { customer_id: [1, 404], product_code: ['none', 'none'] } };
    const grown = await growth(
      async () => expect(await post(path, body)).toBe(200),
      values('profile', 'PRESENT'),
      values('profile', 'NULL'),
      values('profile', 'MISSING'),
      values('spend', 'PRESENT'),
      values('product', 'MISSING'),
    );
    expect(grown).toEqual([7, 1, 8, 2, 2]);
  });

  test('one feature that Feast asks for is one value', async () => {
    const grown = await growth(
      () => post(FEAST, { features: ['spend:orders'], entities: { customer_id: [1, 1, 404] } }),
      values('spend', 'PRESENT'),
      values('spend', 'MISSING'),
      values('profile', 'PRESENT'),
    );
    expect(grown).toEqual([2, 1, 0]);
  });

  test('hits, misses, joined reads and time of the store are counted a row, null keys not at all', async () => {
    clock.us += 6_000_000;
    const of = (id: number | null): object => ({
      feature_service: 'everything',
      entities: { customer_id: [id, id], product_code: ['A'] },
    });
    const names = [
      'plumbline_cache_hits_total',
      'plumbline_cache_misses_total',
      'plumbline_cache_coalesced_total',
      'plumbline_store_reads_total',
      'plumbline_store_read_duration_seconds_count{node="sqlite"}',
    ];
    // Both rows ask for three rows of the store; the second joins the reads of the first.
    expect(await growth(() => post(NATIVE, of(1)), ...names)).toEqual([0, 6, 3, 2, 2]);
    expect(await growth(() => post(NATIVE, of(1)), ...names)).toEqual([6, 0, 0, 0, 0]);
    expect(await growth(() => post(NATIVE, of(null)), ...names)).toEqual([2, 0, 0, 0, 0]);
  });

  test('ages of served rows go into the bucket of their view, withheld rows too', async () => {
    const body = { feature_service: 'everything', entities: { customer_id: [1], product_code: ['none'] } };
    const age = (view: string, le: string): string =>
      `plumbline_served_row_age_seconds_bucket{view="${view}",le="${le}"}`;
    const grown = await growth(
      () => post(NATIVE, body),
      age('profile', '10'),
      age('profile', '60'),
      age('spend', '7200'),
      age('spend', '21600'),
      'plumbline_served_row_age_seconds_count{view="product"}',
    );
    expect(grown).toEqual([0, 1, 0, 1, 0]);
  });

  test('up to when the store vouches for each view that is asked for, beside what the view promises', async () => {
    await post(NATIVE, {
      feature_service: 'everything',
      entities: { customer_id: [77], product_code: ['b'] },
    });
    const families = await scrape();
    const of = (name: string, view: string): number =>
      valueOf(families, `plumbline_online_${name}_seconds{view="${view}"}`);
    for (const { id, freshnessUs, freshnessAlertUs } of fixture.bundle.views.values()) {
      expect(of('freshness_target', id)).toBe(freshnessUs / 1e6);
      expect(of('freshness_alert', id)).toBe(freshnessAlertUs / 1e6);
    }
    const times = families.get('plumbline_online_watermark_timestamp_seconds')!.samples;
    expect([...times.values()]).toEqual(Array.from(times, () => NOON_US / 1e6));
    expect([...times.keys()].join()).toContain('{view="spend"}');
  });

  test('identity, state and the program itself', async () => {
    const families = await scrape();
    const of = (sample: string): number => valueOf(families, sample);
    const { transport: name } = served;
    expect(name).toBe(transport === 'uws' ? 'uWebSockets.js' : 'node:http');
    expect([...families.get('plumbline_build_info')!.samples.keys()][0]).toMatch(
      new RegExp(`\\{version="[^"]+",transport="${name}",store="sqlite"\\}`),
    );
    expect(of(`plumbline_bundle_info{project="test",bundle="${fixture.bundle.hash}"}`)).toBe(1);
    expect(of('plumbline_cache_layer_enabled{layer="stale"}')).toBe(1);
    expect(of('plumbline_cache_evictions_total{bound="bytes"}')).toBe(0);
    expect(of('plumbline_cache_entities')).toBeGreaterThan(0);
    expect(of('plumbline_spool_bytes')).toBeGreaterThan(0);
    const modes = families.get('plumbline_spool_mode')!.samples;
    expect([...modes.keys()].map((sample) => /mode="(\w+)"/.exec(sample)![1])).toEqual(SPOOL_MODES);
    expect([...modes.values()].reduce((sum, value) => sum + value, 0)).toBe(1);
    // Nobody has ingested anything yet.
    expect(of('plumbline_spool_lag_bytes{consumer="ingest"}')).toBeGreaterThan(0);
    expect(of('plumbline_spool_oldest_unread_seconds{consumer="ingest"}')).toBeGreaterThanOrEqual(0);
    expect(of('process_resident_memory_bytes')).toBeGreaterThan(10e6);
    expect(of('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(of('process_open_fds')).toBeGreaterThan(2);
    expect(of('process_max_fds')).toBeGreaterThan(of('process_open_fds'));
    expect(of('nodejs_heap_size_used_bytes')).toBeLessThan(of('nodejs_heap_size_limit_bytes'));
    expect(Math.abs(of('process_start_time_seconds') - Date.now() / 1_000)).toBeLessThan(3_600);
  });

  test('the page on serving names every metric, and no other', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/serving.md'), 'utf8');
    const table = page.slice(page.indexOf('| metric'), page.indexOf('\n\n', page.indexOf('| metric')));
    const named = [...table.matchAll(/`((?:plumbline|process|nodejs)_[a-z_]+)`/g)].map(([, name]) => name!);
    const ofTheLog = /^plumbline_(log|spool|shipper)_/;
    const exported = [...(await scrape()).keys()].filter((name) => !ofTheLog.test(name));
    expect(named.toSorted()).toEqual(exported.toSorted());
  });

  test('a collection shows as a pause of its kind', async () => {
    const majors = async (): Promise<number> =>
      valueOf(await scrape(), 'nodejs_gc_duration_seconds_count{kind="major"}');
    const before = await majors();
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await until(async () => (await majors()) > before, 'the collection');
  });

  test('a loop that is held up shows as its delay', async () => {
    const late = async (): Promise<number[]> => {
      const families = await scrape();
      const of = (rest: string): number => valueOf(families, `plumbline_event_loop_delay_seconds_${rest}`);
      return [of('count') - of('bucket{le="0.25"}'), of('sum')];
    };
    const [count, sum] = await late();
    const heldMs = performance.now();
    while (performance.now() - heldMs < 400);
    await until(async () => (await late())[0]! > count!, 'the delay');
    expect((await late())[1]! - sum!).toBeGreaterThan(0.25);
  });

  test('a new bundle changes the identity and takes nothing from the counts', async () => {
    const before = valueOf(await scrape(), values('profile', 'PRESENT'));
    const next = publishBundle(fixture.project().settings.bundles, bundleContent([profile, spend]));
    await until(() => fixture.said.includes(`serving bundle ${next.hash}`), 'the new bundle');
    const families = await scrape();
    expect(valueOf(families, `plumbline_bundle_info{project="test",bundle="${next.hash}"}`)).toBe(1);
    expect(valueOf(families, 'plumbline_bundle_swaps_total')).toBe(1);
    expect(valueOf(families, 'plumbline_bundle_refused')).toBe(0);
    expect(valueOf(families, values('profile', 'PRESENT'))).toBe(before);
    expect(valueOf(families, values(productStats.id, 'MISSING'))).toBeGreaterThan(0);
  });
});
