/**
 * Dashboards and rules in a real Prometheus that scrapes real sidecars and the file of real runs: every panel's query
 * gives a series, and each fault makes its alerts fire. The times of the rules are shortened to seconds.
 */
import { readFileSync, rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { BOARDS } from '../../deploy/dashboards/boards.ts';
import { publishBundle, readPointer, writePointer } from '../../contract/definitions/bundle-folder.ts';
import { fieldOf, markerKey } from '../../contract/wire/online/online-layout.ts';
import { runMaterialize } from '../../materializer/materialize.ts';
import { systemClock } from '../../project/clock.ts';
import { runServe } from '../../sidecar/main.ts';
import type { RunningSidecar } from '../../sidecar/main.ts';
import { exportedMetrics, exportedText } from '../support/fixtures/exported-metrics.ts';
import { bundleOf, driverStats, makeProject } from '../support/fixtures/materialized-project.ts';
import {
  ServingFixture,
  bundleContent,
  encodeRow,
  keyFor,
  productStats,
  profile,
  spend,
} from '../support/fixtures/serving-fixture.ts';
import { listenOnce } from '../support/http/test-server.ts';
import { ObservedRules, WINDOW_S } from '../support/prometheus/observed-rules.ts';
import { freePort, startRedis } from '../support/redis/redis.ts';
import type { RedisServer } from '../support/redis/redis.ts';
import { until } from '../support/until.ts';

const ROUTE = '/feature-service/get-online-features';
const CUSTOMERS = 20;
const ASK_EVERY_MS = 200;
const POLL_MS = 500;
const STUCK_MS = 8_000;
/** Where a rule waits for minutes or hours, seconds. */
const LIMITS: readonly (readonly [was: string, is: string])[] = [
  ['_seconds > 300', '_seconds > 3'],
  ['2 * 3600', '3'],
  ['0.7 * plumbline_spool_max_bytes', '0.01 * plumbline_spool_max_bytes'],
];

interface Sidecar extends RunningSidecar {
  readonly fixture: ServingFixture;
}

async function serve(flags: Record<string, string>, clock = systemClock()): Promise<Sidecar> {
  const fixture = new ServingFixture(clock, { 'log.ingest': 'true', ...flags });
  const served = await runServe(fixture.project());
  onTestFinished(async () => {
    await served.stop();
    fixture.close();
  });
  return { ...served, fixture };
}

async function ask({ port }: RunningSidecar, headers: Record<string, string> = {}): Promise<void> {
  const customers = Array.from({ length: CUSTOMERS }, (_, i) => i + 1);
  const body = JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: customers } });
  const answer = await fetch(`http://127.0.0.1:${port}${ROUTE}`, { method: 'POST', body, headers });
  await answer.text();
}

/** Asks the sidecars until the end of the test. */
function keepAsking(sidecars: readonly Sidecar[]): void {
  const askAll = (): void => {
    for (const one of sidecars) void ask(one).catch(() => {});
  };
  const timer = setInterval(askAll, ASK_EVERY_MS);
  onTestFinished(() => clearInterval(timer));
}

async function fill(redis: RedisServer): Promise<Redis> {
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  const nowUs = Date.now() * 1_000;
  for (let id = 1; id <= CUSTOMERS; id++)
    await client.hset(
      keyFor(profile, BigInt(id)),
      fieldOf('profile'),
      encodeRow(profile, ['Ada', 7, 1n, 0.5, 1, true, 1n, Uint8Array.of(1)], { eventUs: nowUs }),
    );
  for (const { id } of [profile, spend, productStats]) await client.hset(markerKey(''), id, String(nowUs));
  return client;
}

/** The metrics of runs: one of old orders, whose second one failed. */
async function runsFile(): Promise<string> {
  const project = await makeProject({ 'materialize.metrics': 'runs.prom' });
  onTestFinished(() => project.remove());
  const time = 'make_timestamp(1767225600000000)';
  await project.writeParquet(
    'drivers',
    `SELECT 1 AS driver_id, ${time} AS event_timestamp, ${time} AS created, 0.5 AS conv_rate, 1 AS trips, ['a'] AS tags`,
  );
  await runMaterialize(project, bundleOf(driverStats()), project.database);
  // Of two runs of one moment nobody knows which is the last.
  project.setClock(project.clock.nowUs() + 60_000_000);
  await project.writeParquet('drivers', 'SELECT 1 AS nothing');
  await expect(runMaterialize(project, bundleOf(driverStats()), project.database)).rejects.toThrow();
  return project.settings.materialize.metrics!;
}

/** @returns `host:port` of a page of metrics */
async function textPage(text: () => string): Promise<string> {
  const page = await listenOnce((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(text());
  });
  return page.at;
}

test('panels have series, and faults make their alerts fire', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const client = await fill(redis);
  const online = { online: redis.url };
  const first = await serve({ ...online, 'serve.cacheFreshMs': '200', 'serve.staleLimitMs': '0' });
  const second = await serve({
    ...online,
    'serve.transport': 'node',
    'log.kafka.brokers': `127.0.0.1:${await freePort()}`,
    'log.kafka.topic': 'served',
    'log.maxBytes': '8MiB',
  });
  let offsetUs = 0;
  const third = await serve(online, { ...systemClock(), offsetUs: () => offsetUs });
  const text = await exportedText();
  const runs = await runsFile();
  // Of two nodes: a file that an older run left on the node of a newer one would hide that it failed. Another project's
  // bundle is no difference.
  const page = await textPage(() => text.replaceAll('project="test"', 'project="other"'));
  const node = await textPage(() => readFileSync(runs, 'utf8'));
  const sidecars = [first, second, third].map((one) => `127.0.0.1:${one.adminPort}`);
  const rules = await ObservedRules.start(
    {
      sidecar: { targets: sidecars },
      runs: { targets: [node] },
      'every-metric': { targets: [page] },
    },
    LIMITS,
  );
  keepAsking([first, second]);
  await rules.expectFiring(
    'PlumblineSlowTransport',
    'PlumblineViewStale',
    'PlumblineSourceStopped',
    'PlumblineRunFailed',
  );
  await expectPanels(rules.url);
  await rules.expectFiring('PlumblineShipperLag', 'PlumblineIngestLag', 'PlumblineSpoolFillsUp');

  // A row that cannot be read, and one clock that steps.
  await client.hset(keyFor(profile, 1n), fieldOf('profile'), Buffer.from('no row at all'));
  offsetUs = 5_000_000;
  await rules.expectFiring('PlumblineRowsUnreadable', 'PlumblineClockStepped');

  // Another bundle for one of them, then one that is none.
  publishBundle(third.fixture.project().settings.bundles, bundleContent([profile, spend]));
  await rules.expectFiring('PlumblineBundlesDiffer');
  const bundles = third.fixture.project().settings.bundles;
  writePointer(bundles, { ...readPointer(bundles)!, name: '0123456789abcdef' });
  await rules.expectFiring('PlumblineBundleRefused');

  // Requests past their deadline before their turn; a loop that is late, then stuck.
  const late = setInterval(() => void ask(first, { 'x-deadline-ms': '0.001' }).catch(() => {}), 20);
  await rules.expectFiring('PlumblineShedsRequests');
  clearInterval(late);
  const busy = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200), 250);
  await rules.expectFiring('PlumblineEventLoopLate');
  clearInterval(busy);
  await until(
    async () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STUCK_MS);
      await rules.look();
      return rules.seen.has('PlumblineSidecarStuck');
    },
    'firing: PlumblineSidecarStuck',
    POLL_MS,
  );

  rmSync(second.fixture.project().settings.log.spool, { recursive: true });
  await rules.expectFiring('PlumblineSpoolVanished');

  await redis.kill('SIGSTOP');
  await rules.expectFiring(
    'PlumblineStoreAway',
    'PlumblineUnavailable',
    'PlumblineRequestsSlow',
    'PlumblineRequestsSlowForDays',
  );
  await redis.kill('SIGCONT');
  await third.stop();
  await rules.expectFiring('PlumblineSidecarDown');
  console.error(`seen firing: ${[...rules.seen].toSorted().join(', ')}`);
}, 600_000);

/** Every query is one, and gives a series unless it asks for what should not be. */
async function expectPanels(prometheus: string): Promise<void> {
  const exported = await exportedMetrics();
  expect(exported.size).toBeGreaterThan(80);
  for (const { id, rows } of BOARDS) {
    for (const { title, queries } of rows.flatMap(({ panels }) => panels)) {
      for (const { expr } of queries) {
        const query = expr
          .replaceAll('$__rate_interval', `${WINDOW_S}s`)
          .replaceAll(/\$(instance|view|service)/g, '.*')
          .replaceAll(/ (== 0|> 0)\b/g, '');
        let results = 0;
        await until(
          async () => {
            const answer = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query })}`);
            const { status, data, error } = (await answer.json()) as {
              status: string;
              data?: { result: unknown[] };
              error?: string;
            };
            expect(status, `${id}, ${title}: ${error}`).toBe('success');
            results = data!.result.length;
            return results > 0;
          },
          `${id}, ${title} has a series: ${query}`,
          POLL_MS,
        );
      }
    }
  }
}
