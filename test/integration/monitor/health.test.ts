/** `plumb monitor health` over real sidecars, a real registry and a real Prometheus. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunRecord } from '../../../contract/run-record.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import type { CommandContext } from '../../../project/command.ts';
import { health } from '../../../monitor/health/health-command.ts';
import { projectHealth } from '../../../monitor/health/health.ts';
import type { HealthCheck } from '../../../monitor/health/health-check.ts';
import { exitCodeOfHealth } from '../../../monitor/health/health-check.ts';
import { renderHealth } from '../../../monitor/health/health-table.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  manualClock,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';
import { plumb } from '../../support/processes/plumb-process.ts';
import { listenOnce } from '../../support/http/test-server.ts';
import { startPrometheus } from '../../support/prometheus/prometheus-server.ts';
import { until } from '../../support/until.ts';

const OVER = { overUs: HOUR_US };

function makeFixture(): ServingFixture {
  const fixture = new ServingFixture(manualClock(), { 'serve.deadlineMs': '5000' });
  onTestFinished(() => fixture.close());
  fixture.put(profile, 1n, PROFILE_VALUES);
  fixture.put(spend, 1n, [3, 5n]);
  for (const id of ['profile', 'spend', 'product']) fixture.mark(id, NOON_US);
  return fixture;
}

async function serve(fixture: ServingFixture, spool: string): Promise<RunningSidecar> {
  const served = await runServe(fixture.project({ 'log.spool': spool }));
  onTestFinished(() => served.stop());
  return served;
}

async function ask({ port }: RunningSidecar, customers: readonly number[]): Promise<void> {
  const body = { feature_service: 'profile_only', entities: { customer_id: customers } };
  const url = `http://127.0.0.1:${port}/feature-service/get-online-features`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  await response.text();
}

function checkOf(checks: readonly HealthCheck[], check: HealthCheck['check'], of: string): HealthCheck {
  const found = checks.find((one) => one.check === check && one.of === of);
  if (found === undefined) throw new Error(`no ${check} of ${of} among ${JSON.stringify(checks)}`);
  return found;
}

describe('health from the admin ports of sidecars', () => {
  test('adds up what two of them have counted', async () => {
    const fixture = makeFixture();
    const [first, second] = [await serve(fixture, 'one'), await serve(fixture, 'two')];
    await ask(first, [1]);
    await ask(second, [1, 2, 3]);
    const sidecars = [first, second].map(({ adminPort }) => `127.0.0.1:${adminPort}`);
    const checks = await projectHealth(fixture.project(), { sidecars, ...OVER });
    const features = profile.features.length;
    // Customer 1 was asked for twice, and 2 and 3 are MISSING.
    expect(checkOf(checks, 'coverage', 'profile')).toMatchObject({ state: 'good', value: 0.5 });
    expect(checkOf(checks, 'coverage', 'profile').why).toContain(`${2 * features} of ${4 * features} values`);
    expect(checkOf(checks, 'availability', 'sidecars')).toMatchObject({ state: 'good', value: 1 });
    expect(checkOf(checks, 'p99', 'sidecars').why).toContain('2 sidecars since their start: 2 answers');
    expect(checkOf(checks, 'freshness', 'spend').state).toBe('unknown');
  });

  test('says which of them could not be read, and is not good then', async () => {
    const fixture = makeFixture();
    const served = await serve(fixture, 'one');
    await ask(served, [1]);
    const page = await listenOnce((_, response) =>
      response.end('<html>not metrics</html>\nplumbline_values_total x'),
    );
    const gone = await listenOnce(() => {});
    await gone.close();
    const sidecars = [`127.0.0.1:${served.adminPort}`, page.at, gone.at];
    const checks = await projectHealth(fixture.project(), { sidecars, ...OVER });
    expect(checkOf(checks, 'metrics', page.at)).toMatchObject({ state: 'unknown' });
    expect(checkOf(checks, 'metrics', page.at).why).toMatch(/line 2 is no metric/);
    expect(checkOf(checks, 'metrics', gone.at).why).toMatch(/ECONNREFUSED/);
    expect(checkOf(checks, 'p99', 'sidecars').why).toContain('1 sidecar since its start: 1 answers');
    // How long an answer took on a busy machine decides nothing here.
    expect(exitCodeOfHealth(checks.filter(({ check }) => check !== 'p99'))).toBe(3);
    expect(renderHealth(checks, { color: false })).toMatch(/unknown {2}metrics/);
  });

  test('5xx and UNAVAILABLE values are against availability, refusals of bad requests are not', async () => {
    const text = [
      'plumbline_requests_total{route="r",code="200"} 990',
      'plumbline_requests_total{route="r",code="503"} 10',
      'plumbline_requests_total{route="r",code="400"} 9000',
      'plumbline_values_total{view="v",status="PRESENT"} 0',
      'plumbline_values_total{view="v",status="UNAVAILABLE"} 1',
      'plumbline_values_total{view="w",status="PRESENT"} 9',
      'plumbline_request_duration_seconds_bucket{route="r",le="0.01"} 980',
      'plumbline_request_duration_seconds_bucket{route="r",le="+Inf"} 990',
    ].join('\n');
    const server = await listenOnce((_, response) => response.end(text));
    const checks = await projectHealth(makeFixture().project(), { sidecars: [server.at], ...OVER });
    expect(checkOf(checks, 'availability', 'sidecars')).toMatchObject({ state: 'bad', value: 0.9 });
    expect(checkOf(checks, 'coverage', 'v')).toMatchObject({ state: 'bad', value: 0 });
    expect(checkOf(checks, 'p99', 'sidecars')).toMatchObject({ state: 'bad', value: null });
    expect(exitCodeOfHealth(checks)).toBe(1);
  });
});

describe('health from Prometheus', () => {
  test('is that of the project, over all its sidecars', async () => {
    const fixture = makeFixture();
    const [first, second] = [await serve(fixture, 'one'), await serve(fixture, 'two')];
    const targets = [first, second].map(({ adminPort }) => `127.0.0.1:${adminPort}`);
    const prometheus = await startPrometheus({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'sidecars', static_configs: [{ targets }] }],
    });
    let checks: HealthCheck[] = [];
    // What was there when a counter was first seen is no increase of it: so they are asked again and again.
    await until(async () => {
      await ask(first, [1]);
      await ask(second, [1, 2, 3]);
      checks = await projectHealth(fixture.project(), { prometheus, ...OVER });
      return checks.some(({ why }) => why.startsWith('2 sidecars over the last 1h'));
    }, 'Prometheus has seen both sidecars count');
    // Of the first customer all is there, of the two others nothing; the two sidecars are scraped at other times.
    expect(checkOf(checks, 'coverage', 'profile').value).toBeGreaterThan(1 / 3);
    expect(checkOf(checks, 'coverage', 'profile').value).toBeLessThan(1);
    expect(checkOf(checks, 'availability', 'sidecars').value).toBe(1);

    const other = { ...fixture.project(), settings: { ...fixture.project().settings, project: 'other' } };
    const ofOther = await projectHealth(other, { prometheus, ...OVER });
    expect(checkOf(ofOther, 'p99', 'sidecars')).toMatchObject({ state: 'unknown' });
  });

  test.each([
    ['an answer that is no JSON', 'hello', 200],
    ['another JSON', '{"status":"success"}', 200],
    ['an error', '{"status":"error","error":"parse error"}', 400],
  ])('%s is unknown, not good', async (_, text, status) => {
    const server = await listenOnce((__, response) => response.writeHead(status).end(text));
    const prometheus = `http://${server.at}`;
    const checks = await projectHealth(makeFixture().project(), { prometheus, ...OVER });
    expect(checkOf(checks, 'metrics', prometheus).state).toBe('unknown');
    expect(checkOf(checks, 'p99', 'sidecars').state).toBe('unknown');
  });
});

test('the command: a table, JSON, and an exit code', async () => {
  const fixture = makeFixture();
  await RegistryDatabase.using(fixture.project().settings.registry, async (database) => {
    for (const view of [profile, spend]) {
      const nowUs = Date.now() * 1_000;
      const run = { runId: view.id, view: view.id, startedUs: nowUs, finishedUs: nowUs, watermarkUs: nowUs };
      await database.startRun({ ...run, toUs: nowUs, state: 'complete', error: null } as RunRecord);
    }
  });
  const { code, stdout } = await plumb(['-C', fixture.folder, 'monitor', 'health']);
  expect(stdout).toMatch(/unknown {2}p99 .*--sidecar HOST:ADMINPORT/);
  expect(code).toBe(3);

  let printed = '';
  const context: CommandContext = {
    folder: fixture.folder,
    json: true,
    color: false,
    logger: silentLogger,
    flags: {},
    tellErrors() {},
    print: async (text) => void (printed = String(text)),
  };
  expect(await health(context, { over: '1d' })).toBe(3);
  const { health: checks } = JSON.parse(printed) as { health: HealthCheck[] };
  expect(checkOf(checks, 'freshness', 'spend').state).toBe('good');
  for (const [wrong, said] of [
    [{ over: 'soon' }, 'expected a duration'],
    [{ over: '1d', sidecar: ['nowhere'] }, 'expected HOST:ADMINPORT'],
    [{ over: '1d', prometheus: 'k8s' }, 'expected a URL'],
  ] as const) {
    await expect(health(context, wrong)).rejects.toThrow(said);
  }
});
