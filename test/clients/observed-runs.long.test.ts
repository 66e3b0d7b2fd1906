/**
 * Alerts of what runs beside the sidecars: streams, the ingest, the monitor. Each fault is made to a real process, and
 * its alerts were silent before. The times of the rules are shortened to seconds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../project/clock.ts';
import { DAY } from '../support/day-time.ts';
import { MonitoredDay } from '../support/fixtures/monitored-day.ts';
import { PROFILE_VALUES, ServingFixture, profile } from '../support/fixtures/serving-fixture.ts';
import { startKafka } from '../support/kafka/kafka.ts';
import { makeTopic } from '../support/kafka/kafka-topic.ts';
import { listenOnce } from '../support/http/test-server.ts';
import { PLUMB, QUIET_NODE, plumb, serve } from '../support/processes/plumb-process.ts';
import { ObservedRules } from '../support/prometheus/observed-rules.ts';
import { startRedis } from '../support/redis/redis.ts';
import { scratchFolder } from '../support/scratch.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 900_000;
const MINUTE_MS = 60_000;
const SEND_EVERY_MS = 500;
const ASK_EVERY_MS = 200;
const TOPIC = 'served';

const CLICKS = `
import { agg, entity, featureView, source, t } from 'plumbline';

export const user = entity('user', { joinKeys: { user_id: t.int64() } });
export const clicks = source.stream('clicks', {
  folder: 'incoming', format: 'json', eventTime: 'at', id: 'id', keyedBy: 'user_id', archive: 'data/clicks',
  fields: { user_id: t.int64(), at: t.timestamp({ unit: 'ms' }), id: t.string() },
});
export const userClicks = featureView('user_clicks', {
  entity: user, source: clicks, hop: '1s', lateness: '1m', freshness: { target: '20s', alert: '45s' },
  features: { clicks_10s: agg.count().over('10s') },
});
`;

/** Runs `plumb ARGS` until the end of the test. */
function started(folder: string, ...args: readonly string[]): { readonly pid: number } {
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, ...args], { stdio: 'ignore' });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { pid: child.pid! };
}

/** Again and again until the end of the test. */
function keep(doing: () => unknown, everyMs: number): void {
  const timer = setInterval(doing, everyMs);
  onTestFinished(() => clearInterval(timer));
}

/** A page of the textfiles that programs write, as a node exporter has them. @returns `host:port` */
async function textfiles(...files: readonly string[]): Promise<string> {
  const page = await listenOnce((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join(''));
  });
  return page.at;
}

test('a stream whose events, store or process are late', { timeout: LIMIT_MS }, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const settings = {
    project: 'shop',
    online: redis.url,
    materialize: { metrics: 'runs.prom' },
    stream: { flush: '1s' },
  };
  const folder = scratchFolder({
    'plumbline.yaml': JSON.stringify(settings),
    'definitions/shop.ts': CLICKS,
    'incoming/.keep': '',
  });
  expect(await plumb(['-C', folder, 'apply'])).toMatchObject({ code: 0 });
  let sent = 0;
  const send = (at: number): void => {
    const name = `${String(++sent).padStart(6, '0')}.jsonl`;
    const aside = join(folder, 'incoming', `_${name}`);
    writeFileSync(aside, `${JSON.stringify({ user_id: sent % 7, at, id: String(sent) })}\n`);
    renameSync(aside, join(folder, 'incoming', name));
  };
  keep(() => send(Date.now()), SEND_EVERY_MS);
  const stream = started(folder, 'stream');
  const metrics = join(folder, 'runs.prom');
  const rules = await ObservedRules.start({ runs: { targets: [await textfiles(metrics)] } }, [
    ['> 180', '> 20'],
  ]);
  const isHeld = (): boolean =>
    existsSync(metrics) && readFileSync(metrics, 'utf8').includes('_partition_noted_');
  await until(isHeld, 'the stream tells how far it is');

  await rules.expectSilent('PlumblineStreamLateEvents');
  const late = setInterval(() => send(Date.now() - 10 * MINUTE_MS), SEND_EVERY_MS);
  await rules.expectFiring('PlumblineStreamLateEvents').finally(() => clearInterval(late));

  // A process that hangs, then a store: of either the newest note is old.
  const behind = ['PlumblinePartitionUnheld', 'PlumblinePartitionLags', 'PlumblineViewStale'];
  await rules.expectSilent(...behind);
  process.kill(stream.pid, 'SIGSTOP');
  await rules.expectFiring(...behind).finally(() => process.kill(stream.pid, 'SIGCONT'));
  await rules.expectEnded(...behind);
  await redis.kill('SIGSTOP');
  await rules.expectFiring(...behind).finally(() => redis.kill('SIGCONT'));
});

/** A day on which half of what was served is missing; its one receiver refuses. */
async function badDay(): Promise<string> {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const row = { event: '00:10:00', created: '00:15:00', values: [0.9, null, null] };
  const missing = { status: 'MISSING', watermark: '06:00:00' } as const;
  for (let i = 0; i < 100; i++) day.serve('06:30:00', `c-${i}`, missing, 1, { row, watermark: '00:30:00' });
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  await day.closeLog();
  const gone = await listenOnce((_, response) => response.writeHead(404).end('no such hook'));
  const monitor = { alerts: [{ kind: 'webhook', url: `http://${gone.at}/hook` }], metrics: 'monitor.prom' };
  const { folder } = day.project.settings;
  writeFileSync(join(folder, 'plumbline.yaml'), JSON.stringify({ project: 'test', monitor }));
  return folder;
}

/** Asks a sidecar of the fixture for its first customer until the end of the test. */
function keepAsking(url: string): void {
  const body = JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: [1] } });
  const ask = () =>
    fetch(`${url}/feature-service/get-online-features`, { method: 'POST', body }).then(
      (answer) => answer.arrayBuffer(),
      () => {},
    );
  keep(ask, ASK_EVERY_MS);
}

/** @param settings  lines of plumbline.yaml */
function fixtureWith(...settings: readonly string[]): ServingFixture {
  const fixture = new ServingFixture(systemClock());
  onTestFinished(() => fixture.close());
  appendFileSync(join(fixture.folder, 'plumbline.yaml'), settings.map((line) => `${line}\n`).join(''));
  return fixture;
}

test(
  'an ingest that stands still, and a monitor that finds, cannot tell, and stops',
  { timeout: LIMIT_MS },
  async () => {
    const fixture = fixtureWith('log: { ingest: true }', 'monitor: { ingestMetrics: ingest.prom }');
    const sidecar = await serve(fixture.folder);
    keepAsking(sidecar.url);
    const ingest = started(fixture.folder, 'monitor', 'ingest', '--follow');
    const judged = await badDay();
    const textfile = await textfiles(join(fixture.folder, 'ingest.prom'), join(judged, 'monitor.prom'));
    const jobs = {
      sidecar: { targets: [new URL(sidecar.adminUrl).host] },
      textfile: { targets: [textfile] },
    };
    const rules = await ObservedRules.start(jobs, [
      ['> 2 * 3600', '> 30'],
      ['> 26 * 3600', '> 60'],
    ]);

    await rules.expectFiring('PlumblineMonitorUnseen');
    await rules.expectSilent('PlumblineReceiverFailed', 'PlumblineSkewOpen');
    expect(await plumb(['-C', judged, 'monitor', 'run', '--date', DAY])).toMatchObject({ code: 1 });
    await rules.expectFiring('PlumblineReceiverFailed', 'PlumblineSkewOpen');

    await until(
      () => existsSync(join(fixture.folder, 'ingest.prom')),
      'the ingest tells how far it has come',
    );
    await rules.expectSilent('PlumblineIngestStopped');
    process.kill(ingest.pid, 'SIGSTOP');
    await rules.expectFiring('PlumblineIngestStopped', 'PlumblineMonitorSilent');
  },
);

test('a topic that takes no record so large', { timeout: LIMIT_MS }, async () => {
  const kafka = await startKafka();
  onTestFinished(() => kafka.stop());
  await makeTopic(kafka.brokers, TOPIC, { config: { 'max.message.bytes': '2000' } });
  const brokers = JSON.stringify(kafka.brokers);
  const fixture = fixtureWith(`log: { kafka: { brokers: ${brokers}, topic: ${TOPIC} } }`);
  const sidecar = await serve(fixture.folder);
  const rules = await ObservedRules.start({ sidecar: { targets: [new URL(sidecar.adminUrl).host] } });
  keepAsking(sidecar.url);
  const shipped = async (): Promise<boolean> => {
    const text = await (await fetch(`${sidecar.adminUrl}/metrics`)).text();
    return /plumbline_shipper_records_total [1-9]/.test(text);
  };
  await until(shipped, 'small records are taken');
  await rules.expectSilent('PlumblineShipperRejected');
  const [, ...rest] = PROFILE_VALUES;
  fixture.put(profile, 1n, ['long '.repeat(1_000), ...rest], { eventUs: Date.now() * 1_000 });
  fixture.mark(profile.id, Date.now() * 1_000);
  await rules.expectFiring('PlumblineShipperRejected');
});
