/**
 * `plumb monitor ingest` of a real topic: shipped by the sidecar's own clients, ended anywhere, read to the last
 * offset.
 */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { ARCHIVE_DISK } from '../../../monitor/archive/archive-disk.ts';
import { IngestLedger } from '../../../project/archive/ledger.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import type { IngestResult } from '../../../monitor/ingest/ingest-result.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import type { IngestRequest } from '../../../monitor/ingest/main.ts';
import { INGEST_GROUP } from '../../../monitor/ingest/platformatic-topic.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { openProject } from '../../../project/project.ts';
import type { Project } from '../../../project/project.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { openProducer } from '../../../sidecar/shipper/open-producer.ts';
import { Shipper } from '../../../sidecar/shipper/shipper.ts';
import { DAY } from '../../support/day-time.ts';
import { archiveOptions } from '../../support/fixtures/archive-options.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { kafkaSettingsOf } from '../../support/kafka/kafka-settings.ts';
import { deleteTopic, groupOffsets, makeTopic, topicSize } from '../../support/kafka/kafka-topic.ts';
import { payloads, sendPayloads } from '../../support/kafka/epoch-payloads.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { PLUMB, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { until } from '../../support/until.ts';
import { ingestedRequests } from '../../support/fixtures/ingested-requests.ts';

let kafka: RunKafka;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);

let topics = 0;

async function makeProject(partitions = 3): Promise<Project> {
  const topic = `ingest-topic-${++topics}`;
  await makeTopic(kafka.brokers, topic, { partitions });
  return projectOf(topic);
}

function projectOf(topic: string): Project {
  const folder = scratchFolder({
    'plumbline.yaml': `log: { kafka: { brokers: [${JSON.stringify(kafka.brokers[0])}], topic: ${topic} } }\n`,
  });
  return openProject(folder, silentLogger, {});
}

const send = async (project: Project, key: string, values: readonly Buffer[]): Promise<void> =>
  sendPayloads(kafka, project.settings.log.kafka!.topic, key, values);

const idsOf = async ({ settings }: Project): Promise<string[]> =>
  (await ingestedRequests(settings.served)).map(({ requestId }) => requestId);

const ids = (pod: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${pod}-${i + 1}`);

test('all partitions to their ends, parts joined, what was sent twice once; then only what is new', async () => {
  const project = await makeProject();
  const first = payloads('pod-a', 1n, 500, [100, 101, 400]);
  await send(project, 'pod-a/1', first);
  await send(project, 'pod-a/1', first.slice(-60));
  await send(project, 'pod-b/2', payloads('pod-b', 2n, 300));
  await send(project, 'other', [Buffer.from('no record')]);
  const result = await runIngest(project);
  expect(result).toMatchObject({
    counts: { records: 802, duplicates: 60, unreadable: 1 },
    gaps: [],
    openTails: [],
  });
  expect(await idsOf(project)).toEqual([...ids('pod-a', 500), ...ids('pod-b', 300)]);
  expect(await runIngest(project)).toMatchObject({ counts: { read: 0 } });
  await send(project, 'pod-c/3', payloads('pod-c', 3n, 50));
  expect(await runIngest(project)).toMatchObject({ counts: { read: 51, records: 51 } });
  expect(await committedLag(project)).toBe(0);
});

test('ended between any two steps it goes on where it was: nothing lost, nothing twice', async () => {
  const project = await makeProject();
  await send(project, 'pod-a/1', payloads('pod-a', 1n, 200, [50, 120]));
  await send(project, 'pod-b/2', payloads('pod-b', 2n, 150, [149]));
  for (let steps = 0; steps < 14; steps++) {
    await runIngest(project, dyingAfter(steps)).catch((error: Error) => {
      expect(error.message).toContain('killed');
    });
  }
  await runIngest(project);
  expect(await idsOf(project)).toEqual([...ids('pod-a', 200), ...ids('pod-b', 150)]);
  const { counts } = await IngestLedger.read(localFolder(project.settings.served));
  expect(counts).toMatchObject({ records: 352, duplicates: 0 });
});

test('a record whose last part has not come yet holds its place, and is whole with the next run', async () => {
  const project = await makeProject(1);
  const all = payloads('pod-a', 1n, 20, [10]);
  await send(project, 'pod-a/1', all.slice(0, 11));
  expect(await runIngest(project)).toMatchObject({ counts: { records: 9 } });
  await send(project, 'pod-a/1', all.slice(11));
  expect(await runIngest(project)).toMatchObject({ counts: { records: 12, duplicates: 0 }, gaps: [] });
  expect(await idsOf(project)).toEqual(ids('pod-a', 20));
});

test('it follows the topic, and says so when it has read all there is', async () => {
  const project = await makeProject();
  const stop = new AbortController();
  const following = runIngest(project, { follow: true, signal: stop.signal, batchMs: 200 });
  await send(project, 'pod-a/1', payloads('pod-a', 1n, 100));
  await expect
    .poll(async () => (await IngestLedger.read(localFolder(project.settings.served))).counts.records, {
      timeout: 180_000,
    })
    .toBe(101);
  await send(project, 'pod-b/2', payloads('pod-b', 2n, 100));
  await expect
    .poll(async () => (await IngestLedger.read(localFolder(project.settings.served))).counts.records, {
      timeout: 180_000,
    })
    .toBe(202);
  // It says so when it has read all there is, though nothing more comes.
  const nowUs = project.clock.nowUs();
  await expect
    .poll(async () => (await IngestLedger.read(localFolder(project.settings.served))).caughtUpUs, {
      timeout: 180_000,
    })
    .toBeGreaterThan(nowUs);
  stop.abort();
  expect(await following).toMatchObject({ counts: { records: 202, duplicates: 0 } });
});

test('a day that was shipped, in part twice, and ingested is judged as its spool is', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const history = Array.from({ length: 12 }, (_, i) => ({
    customer: `c-${i}`,
    event: '05:00:00',
    created: '05:00:00',
    run: 'r-05',
    values: [BigInt(i), i / 4] as [bigint, number],
  }));
  for (const { customer, event, created, values } of history) {
    const row = { event, created, values: customer === 'c-3' ? ([9n, null] as const) : values };
    day.serve('09:00', customer, { row, watermark: '08:00:00' });
  }
  await day.appendOrders(history);
  await day.writeDrivers([{ driver: 1, event: '01:00:00', created: '01:00:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  const fromSpool = await day.judge('2026-01-10T00:00:00');
  const topic = `ingest-topic-${++topics}`;
  await makeTopic(kafka.brokers, topic);
  const { settings, clock, logger, database } = day.project;
  const { spool } = settings.log;
  const kafkaSettings = { ...kafkaSettingsOf(kafka), topic };
  for (const cursor of ['first', 'again']) {
    const producer = await openProducer(kafkaSettings);
    const shipper = new Shipper({ spool, topic, producer, clock, logger });
    shipper.drain();
    await shipper.run();
    await producer.close();
    if (cursor === 'first') rmSync(join(spool, 'kafka.cursor'));
  }
  const project = {
    ...day.project,
    settings: { ...settings, log: { ...settings.log, kafka: kafkaSettings } },
  };
  expect(await runIngest(project)).toMatchObject({
    source: `topic:${topic}`,
    counts: { records: 13, duplicates: 13 },
  });
  rmSync(spool, { recursive: true });
  // A verdict that replaces another one keeps what that one found.
  rmSync(settings.reports, { recursive: true });
  const [judged] = await runMonitor(project, database, { date: DAY });
  expect(judged).toEqual({ ...fromSpool, vectors: { ...fromSpool.vectors, duplicates: 12 } });
});

test('a topic that was deleted and made anew is read from its start, however long it is', async () => {
  const project = await makeProject(1);
  const { topic } = project.settings.log.kafka!;
  await send(project, 'pod-a/1', payloads('pod-a', 1n, 20));
  await runIngest(project);
  await deleteTopic(kafka.brokers, topic);
  await makeTopic(kafka.brokers, topic, { partitions: 1 });
  await send(project, 'pod-b/2', payloads('pod-b', 2n, 50));
  expect(await runIngest(project)).toMatchObject({ counts: { records: 51, duplicates: 0 }, gaps: [] });
  expect(await idsOf(project)).toEqual([...ids('pod-a', 20), ...ids('pod-b', 50)]);
});

test('processes that share a topic, one killed and their number changed: nothing lost, nothing twice', async () => {
  const project = await makeProject(4);
  const start = (share: string) => {
    const args = ['-C', project.settings.folder, '--json', 'monitor', 'ingest', '--share', share];
    return spawn(process.execPath, [QUIET_NODE, PLUMB, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  };
  const ended = async (child: ReturnType<typeof start>): Promise<unknown> => {
    let text = '';
    for await (const part of child.stdout!) text += String(part);
    return text === '' ? null : JSON.parse(text);
  };
  const sent: string[] = [];
  const sendPods = async (names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const epoch = BigInt(sent.length + 1);
      await send(project, `${name}/${epoch}`, payloads(name, epoch, 60, [30]));
      sent.push(name);
    }
  };
  await sendPods(['p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
  const [killed, other] = [start('1/2'), start('2/2')];
  const { served } = project.settings;
  await until(() => existsSync(join(served, 'lock-1of2.db')), 'it begins');
  killed.kill('SIGKILL');
  await Promise.all([ended(killed), ended(other)]);
  await sendPods(['p7', 'p8']);
  const both = (await Promise.all(['1/2', '2/2'].map((share) => ended(start(share))))) as IngestResult[];
  expect(both.every((one) => one.gaps.length === 0)).toBe(true);
  await sendPods(['p9']);
  const three = (await Promise.all(
    ['1/3', '2/3', '3/3'].map((share) => ended(start(share))),
  )) as IngestResult[];
  expect(three.reduce((sum, { counts }) => sum + counts.records, 0)).toBe(61);
  expect(await runIngest(project)).toMatchObject({ counts: { read: 0 }, gaps: [], openTails: [] });
  const expected = sent.flatMap((name) => ids(name, 60));
  expect((await idsOf(project)).toSorted()).toEqual(expected.toSorted());
  // Each has read its own partitions, and no other's.
  for (const index of [1, 2]) {
    const { positions } = await IngestLedger.read(localFolder(served), { index, of: 2 });
    const read = Object.keys(positions.get(`topic:${project.settings.log.kafka!.topic}`)!);
    expect(read).toEqual(index === 1 ? ['0', '2'] : ['1', '3']);
  }
});

test('a topic that is not there, and a broker that is not, are said in one sentence', async () => {
  await expect(runIngest(projectOf('nowhere'))).rejects.toMatchObject({
    code: 'MON_TOPIC',
    message: expect.stringContaining('it does not exist') as string,
  });
  const folder = scratchFolder({ 'plumbline.yaml': 'log: { kafka: { brokers: ["127.0.0.1:9"] } }\n' });
  const lost = openProject(folder, silentLogger, {});
  await expect(runIngest(lost)).rejects.toMatchObject({ code: 'MON_TOPIC' });
});

/** The disk's process dies after so many steps. */
function dyingAfter(steps: number): IngestRequest {
  let left = steps;
  const step = (): void => {
    if (left-- <= 0) throw new Error('killed');
  };
  return {
    batchRecords: 40,
    archive: archiveOptions({
      disk: {
        ...ARCHIVE_DISK,
        async keep(file) {
          step();
          await ARCHIVE_DISK.keep(file);
          step();
        },
        async writeState(file, text) {
          await ARCHIVE_DISK.writeState(file, text);
          step();
        },
      },
    }),
  };
}

/** What operators see of the group, read by another client. */
async function committedLag({ settings }: Project): Promise<number> {
  const { topic } = settings.log.kafka!;
  const told = await groupOffsets(kafka.brokers, topic, INGEST_GROUP);
  return (await topicSize(kafka.brokers, topic)) - told.reduce((sum, offset) => sum + offset, 0);
}
