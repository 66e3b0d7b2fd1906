/**
 * The snippets of docs/vector-log.md that read the topic, taken from the page itself and run: Python's and Spark SQL's
 * answers are what a sidecar served and shipped, a record in parts joined, what was sent twice once. Spark is asked in
 * the long run, PLUMB_TEST_LONG=1.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../project/clock.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { runServe } from '../../sidecar/main.ts';
import { startKafka } from '../support/kafka/kafka.ts';
import type { KafkaServer } from '../support/kafka/kafka.ts';
import { findJava } from '../support/kafka/kafka-program.ts';
import { makeTopic, topicSize } from '../support/kafka/kafka-topic.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { mavenJars } from '../support/kafka/maven-jars.ts';
import { plumb, run } from '../support/processes/plumb-process.ts';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { PROFILE_VALUES, ServingFixture, profile } from '../support/fixtures/serving-fixture.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROTO = join(ROOT, 'contract/wire/log/served.proto');
const PAGE = readFileSync(join(ROOT, 'docs/vector-log.md'), 'utf8');
const TOPIC = 'plumbline.served';
/** The page's broker. */
const BROKER = 'kafka:9092';
/** Stands for a time that is looked at on its own. */
const AT = 'at';
const EVENT_US = 1_795_250_000_654_321;
// As pyspark of requirements.txt.
const SPARK_VERSION = '4.0.0';
const spark = { group: 'org.apache.spark', version: SPARK_VERSION, alone: true };
// The libraries of the connector that Spark does not have itself.
const SPARK_KAFKA = [
  { ...spark, artifact: 'spark-sql-kafka-0-10_2.13' },
  { ...spark, artifact: 'spark-token-provider-kafka-0-10_2.13' },
  { group: 'org.apache.kafka', artifact: 'kafka-clients', version: '3.9.0', alone: true },
  { group: 'org.apache.commons', artifact: 'commons-pool2', version: '2.12.0', alone: true },
];
/** Past 256 KiB: its record goes in parts. */
const LONG_NAME = 'x'.repeat(600_000);

let python: PythonEnvironment;
let kafka: KafkaServer;
let fixture: ServingFixture;
/** With served_pb2.py and served_reader.py. */
let folder: string;
let servedUs: { from: number; to: number };

beforeAll(async () => {
  python = await pythonEnvironment();
  kafka = await startKafka();
  await makeTopic(kafka.brokers, TOPIC);
  await serveAndShip();
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  writeFileSync(join(folder, 'served_reader.py'), snippets('python')[0]!);
  const protoc = ['-m', 'grpc_tools.protoc', `-I${join(PROTO, '..')}`, `--python_out=${folder}`, PROTO];
  expect(await run(python.program('python'), protoc)).toMatchObject({ code: 0, stderr: '' });
});
afterAll(async () => {
  await kafka?.stop();
  fixture?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Three answers, of which one is large, in the topic, each message twice. */
async function serveAndShip(): Promise<void> {
  fixture = new ServingFixture(systemClock());
  const shipped = `{ brokers: "${kafka.brokers.join()}", topic: ${TOPIC} }`;
  const yaml = `project: test\nserve: { port: 0, adminPort: 0 }\nlog: { kafka: ${shipped} }\n`;
  writeDurably(join(fixture.folder, 'plumbline.yaml'), yaml);
  const times = { eventUs: EVENT_US, writtenMs: Date.now() };
  fixture.put(profile, 1n, PROFILE_VALUES, times);
  fixture.put(profile, 2n, [LONG_NAME, ...PROFILE_VALUES.slice(1)], times);
  fixture.put(
    profile,
    3n,
    PROFILE_VALUES.map(() => null),
    times,
  );
  const from = Date.now() * 1_000;
  const served = await runServe(fixture.project());
  for (const [id, customers] of Object.entries({ r1: [1, 3], r2: [2], r3: [404, 3] })) {
    const answer = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
      method: 'POST',
      headers: { 'x-request-id': id },
      body: JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: customers } }),
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  }
  await served.stop();
  servedUs = { from, to: Date.now() * 1_000 };
  const once = await topicSize(kafka.brokers, TOPIC);
  rmSync(join(fixture.project().settings.log.spool, 'kafka.cursor'));
  expect(await plumb(['-C', fixture.folder, 'log', 'ship'])).toMatchObject({ code: 0 });
  expect(await topicSize(kafka.brokers, TOPIC)).toBe(2 * once);
}

/** The page's code of a language in its order, with this test's broker. */
function snippets(language: string): string[] {
  const blocks = [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))];
  return blocks.map(([, code]) => code!.replaceAll(BROKER, kafka.brokers[0]!));
}

test('Python prints every row that was served, once', async () => {
  writeFileSync(join(folder, 'print_rows.py'), snippets('python')[1]!);
  const printed = await run(python.program('python'), ['print_rows.py'], {
    cwd: folder,
    env: { PYTHONIOENCODING: 'utf-8' },
  });
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  const values = `7, 9007199254740993, 0.10000000149011612, -0.0, True, 1795262400123456, b'\\x01\\x02\\xff'`;
  const nulls = PROFILE_VALUES.map(() => 'None').join(', ');
  expect(printed.stdout.trimEnd().split('\n').toSorted()).toEqual([
    `r1\t['1']\tprofile\t${EVENT_US}\t['Ada "A" Löwe', ${values}]`,
    `r1\t['3']\tprofile\t${EVENT_US}\t[${nulls}]`,
    `r2\t['2']\tprofile\t${EVENT_US}\t['${LONG_NAME}', ${values}]`,
    `r3\t['3']\tprofile\t${EVENT_US}\t[${nulls}]`,
  ]);
});

test.runIf(IS_LONG_RUN)('Spark SQL selects the same rows', async () => {
  const java = await findJava();
  const jars = await mavenJars(`spark-kafka-${SPARK_VERSION}`, SPARK_KAFKA);
  if (java === null || typeof jars !== 'string') {
    throw new Error(
      `Spark needs Java 17 or later and, from Maven Central, its Kafka connector: ${java ?? 'no Java'}; ` +
        (typeof jars === 'string' ? jars : jars.tried.join('; ')),
    );
  }
  writeFileSync(join(folder, 'served_function.py'), snippets('python')[2]!);
  writeFileSync(join(folder, 'query.sql'), snippets('sql')[0]!);
  const options = {
    'spark.driver.extraClassPath': join(jars, '*'),
    'spark.driver.host': '127.0.0.1',
    'spark.sql.session.timeZone': 'UTC',
    'spark.sql.shuffle.partitions': '2',
    'spark.ui.enabled': 'false',
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['--conf', `${name}=${value}`]);
  const script = join(ROOT, 'test/clients/run_spark_sql.py');
  const answered = await run(python.program('python'), [script, 'served_function.py', 'query.sql'], {
    cwd: folder,
    env: {
      PATH: [join(java, '..'), process.env['PATH']].join(delimiter),
      PYSPARK_PYTHON: python.program('python'),
      PYSPARK_SUBMIT_ARGS: ['--master', 'local[2]', ...given, 'pyspark-shell'].join(' '),
      PYTHONPATH: folder,
      SPARK_LOCAL_IP: '127.0.0.1',
    },
  });
  expect(answered.code, answered.stderr.slice(-4_000)).toBe(0);
  const rows = JSON.parse(answered.stdout) as Record<string, unknown>[];
  const row = (request_id: string, id: string): object => {
    const event_time = new Date(EVENT_US / 1_000).toISOString().slice(0, 19).replace('T', ' ');
    const time = `${event_time}.${EVENT_US % 1e6}`;
    return { request_id, served_at: AT, keys: [id], view: 'profile', event_time: time };
  };
  expect(rows.map((one) => ({ ...one, served_at: AT }))).toEqual([
    row('r1', '1'),
    row('r1', '3'),
    row('r2', '2'),
    row('r3', '3'),
  ]);
  for (const { served_at } of rows) {
    const us = Date.parse(`${(served_at as string).replace(' ', 'T')}Z`) * 1_000;
    expect(us).toBeGreaterThanOrEqual(servedUs.from - 1_000);
    expect(us).toBeLessThanOrEqual(servedUs.to);
  }
});
