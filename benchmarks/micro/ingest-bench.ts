/**
 * How fast the ingest is: records of served requests of 50 features in 3 views, from a spool and from a topic, into
 * Parquet; beside it the same spool only walked and decoded, which no ingest can be faster than.
 *
 *   node benchmarks/micro/ingest-bench.ts [--rounds 5] [--records 100000]
 *   node test/support/kafka/kafka-run.ts node benchmarks/micro/ingest-bench.ts     the topic too
 *
 * Prints raw rounds, medians and ratios of one run; the contenders take turns.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import kafkajs from 'kafkajs';
import { runIngest } from '../../monitor/ingest/main.ts';
import { servedFiles } from '../../monitor/ingest/served-files.ts';
import { openProject } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import { readServedLog } from '../../contract/wire/log/served-log.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { listSegments } from '../../contract/wire/log/spool-segment.ts';
import { openProducer } from '../../sidecar/shipper/open-producer.ts';
import { Shipper } from '../../sidecar/shipper/shipper.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { median } from '../harness/median.ts';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, records: { type: 'string', default: '100000' } },
});
const RECORDS = Number(options.records);
const ROUNDS = Number(options.rounds);
const [broker] = (process.env['KAFKA_BROKERS'] ?? '').split(',');
const TOPIC = 'ingest-bench';
const ENTITIES = 5_000;
const ROW_BYTES = [180, 180, 110];
const ROWS = new Map<number, Buffer[]>();

const folder = mkdtempSync(join(tmpdir(), 'plumb-ingest-bench-'));
try {
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const withTopic = broker !== undefined && broker !== '';
  writeFileSync(
    join(folder, 'plumbline.yaml'),
    withTopic
      ? `log: { kafka: { brokers: [${JSON.stringify(broker)}], topic: ${TOPIC} } }\n`
      : 'project: bench\n',
  );
  const project = openProject(folder, silentLogger, {});
  const { settings } = project;
  await writeSpool(project);
  if (withTopic) await shipSpool(project);
  const contenders: Record<string, () => Promise<void> | void> = {
    decoded: () => {
      for (const item of readServedLog(settings.log.spool)) if (item.kind === 'gap') throw new Error('a gap');
    },
    spool: async () => void (await runIngest(project, { from: 'spool' })),
    ...(withTopic ? { topic: async () => void (await runIngest(project, { from: 'topic' })) } : {}),
  };
  const cpuUs = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  const rates = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      rmSync(settings.served, { recursive: true, force: true });
      const cpu = process.cpuUsage();
      const startedMs = performance.now();
      await run();
      rates.get(name)!.push((RECORDS / (performance.now() - startedMs)) * 1_000);
      const { user, system } = process.cpuUsage(cpu);
      cpuUs.get(name)!.push((user + system) / RECORDS);
      if (name !== 'decoded' && round === 0) printSizes(name, project);
    }
  }
  console.log(
    `${RECORDS} records, ${cpus().length} cores of ${cpus()[0]!.model}, load ${loadavg()[0]!.toFixed(1)}`,
  );
  for (const [name, list] of rates) {
    const own = cpuUs.get(name)!;
    const ratios = own.map((us, i) => us / cpuUs.get('decoded')![i]!);
    console.log(
      `${name.padEnd(8)} ${Math.round(median(list))} records/s, ${median(own).toFixed(1)} us of CPU a record, ` +
        `${median(ratios).toFixed(1)} times decoding alone (${ratios.map((ratio) => ratio.toFixed(1)).join(', ')})`,
    );
  }
}

async function writeSpool({ settings, clock, logger }: Project): Promise<void> {
  const log = await VectorLog.open({
    folder: settings.log.spool,
    pod: 'pod-1',
    clock,
    logger,
    durability: 'written',
    maxBytes: 2 ** 40,
    onFull: 'shed-log',
  });
  for (let i = 0; i < RECORDS; i++) {
    log.append(request(i, clock.nowUs()));
    if (i % 50 === 49) log.commit();
  }
  await log.close();
}

async function shipSpool({ settings, clock, logger }: Project): Promise<void> {
  const kafka = settings.log.kafka!;
  const admin = new kafkajs.Kafka({ brokers: [...kafka.brokers] }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 3 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = await openProducer(kafka);
  const shipper = new Shipper({ spool: settings.log.spool, topic: TOPIC, producer, clock, logger });
  shipper.drain();
  await shipper.run();
  await producer.close();
}

/** One entity's rows, the same each time it is asked for: bytes that nothing compresses. */
function rowsOf(entity: number): Buffer[] {
  let rows = ROWS.get(entity);
  if (rows === undefined) ROWS.set(entity, (rows = ROW_BYTES.map((bytes) => randomBytes(bytes))));
  return rows;
}

/** 50 features in 3 views, as in the vector log's own benchmarks. */
function request(i: number, servedUs: number): ServedRequest {
  const rows = ROW_BYTES.map((_, view) => ({
    role: `view_${view}`,
    view: `view_${view}`,
    status: 0,
    source: 1,
    fetchedUs: servedUs - 900,
    watermarkUs: servedUs - 3_600_000_000,
    row: rowsOf(i % ENTITIES)[view]!,
  }));
  return {
    requestId: `request-${i}`,
    servedUs,
    surface: 0,
    service: 'churn_v1',
    serviceVersion: 1,
    bundle: '0123456789abcdef',
    keyNames: ['customer_id'],
    features: [],
    vectors: [{ keys: [String(i % ENTITIES)], rows }],
    answer: null,
  };
}

function printSizes(name: string, { settings }: Project): void {
  const sum = (files: readonly string[]): number =>
    files.reduce((total, file) => total + statSync(file).size, 0);
  const { spool } = settings.log;
  const log = sum(listSegments(spool).map(({ file }) => join(spool, file)));
  const parquet = sum(servedFiles(settings.served).map(({ file }) => file));
  console.log(
    `from the ${name}: ${Math.round(parquet / RECORDS)} bytes a record, ${Math.round(log / RECORDS)} in the spool`,
  );
}
