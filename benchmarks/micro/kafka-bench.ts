/**
 * Both Kafka clients and the shipper against a real broker, with the same records: what a served request of 50
 * features in 3 views is in the log. The clients send them from memory, the shipper from a spool with the default
 * client, all of them in the same batches of up to 1 MiB, one in flight, acks of all replicas.
 *
 *   node test/support/kafka/kafka-run.ts node benchmarks/micro/kafka-bench.ts
 *        [--rounds 5] [--records 200000] [--compression none]
 *
 * Prints raw rounds, medians and ratios of one run: the contenders take turns, each in a fresh process.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import kafkajs from 'kafkajs';
import type { KafkaSettings } from '../../project/settings/kafka-settings.ts';
import { systemClock } from '../../project/clock.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { openProducer } from '../../sidecar/shipper/open-producer.ts';
import { BATCH_BYTES_MAX, KAFKA_CONSUMER, Shipper } from '../../sidecar/shipper/shipper.ts';
import { SpoolTail } from '../../sidecar/shipper/spool-tail.ts';
import type { SpooledRecord } from '../../sidecar/shipper/spool-tail.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { median } from '../harness/median.ts';
import { loggedRequest, plainRow } from './logged-request.ts';

const run = promisify(execFile);
/** A new topic takes records a moment after it was made. */
const WARM_UP_MS = 50;
const WARM_UP_TRIES = 200;
const CONTENDERS = ['platformatic', 'kafkajs', 'shipper'] as const;
type Contender = (typeof CONTENDERS)[number];

interface Result {
  readonly perSecond: number;
  readonly cpuUs: number;
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    records: { type: 'string', default: '200000' },
    compression: { type: 'string', default: 'none' },
    // Of the processes that this one starts.
    contender: { type: 'string' },
    spool: { type: 'string' },
    topic: { type: 'string' },
  },
});
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(',').filter((name) => name !== '');
if (brokers.length === 0) {
  process.stderr.write(
    'expected brokers in KAFKA_BROKERS; test/support/kafka/kafka-run.ts starts one for a command\n',
  );
  process.exit(2);
}
if (options.contender === undefined) await compare();
else
  console.log(JSON.stringify(await contend(options.contender as Contender, options.spool!, options.topic!)));

async function compare(): Promise<void> {
  const spool = mkdtempSync(join(tmpdir(), 'plumb-'));
  const results = new Map<Contender, Result[]>(CONTENDERS.map((name) => [name, []]));
  try {
    const bytes = await fill(spool, Number(options.records));
    console.log(
      `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}, ` +
        `Node ${process.version}; ${options.records} records of ${bytes} bytes, compression ${options.compression}`,
    );
    for (let round = 1; round <= Number(options.rounds); round++) {
      for (const contender of CONTENDERS) {
        const result = await inProcess(contender, spool);
        results.get(contender)!.push(result);
        console.log(`round ${round} ${contender}: ${shown(result)}`);
      }
    }
  } finally {
    rmSync(spool, { recursive: true });
  }
  for (const [name, all] of results) console.log(`${name}: ${shown(medians(all))}`);
  // Neighbours come and go on a machine: within a round they are the same.
  console.log(`platformatic : kafkajs = ${ratio(results, 'platformatic', 'kafkajs')} in messages a second`);
  console.log(`shipper : bare client = ${ratio(results, 'shipper', 'platformatic')} in messages a second`);
}

/** @returns the median of the rounds' ratios, and the rounds */
function ratio(results: ReadonlyMap<Contender, readonly Result[]>, a: Contender, b: Contender): string {
  const rounds = results.get(a)!.map(({ perSecond }, i) => perSecond / results.get(b)![i]!.perSecond);
  return `${median(rounds).toFixed(2)} (${rounds.map((round) => round.toFixed(2)).join(', ')})`;
}

/** @returns the bytes of a record */
async function fill(spool: string, records: number): Promise<number> {
  const log = await VectorLog.open({
    folder: spool,
    pod: '0f8b2c1e-6d0a-4a53-9a0e-2f4b7c9d1e3a',
    clock: systemClock(),
    logger: silentLogger,
    maxBytes: 2 ** 40,
    durability: 'written',
    onFull: 'shed-log',
  });
  for (let i = 1; i <= records; i++) {
    log.append(request(i));
    if (i % 100 === 0) log.commit();
  }
  await log.close();
  const tail = new SpoolTail(spool, null);
  const bytes = tail.read(1)![0]!.value.length;
  tail.close();
  return bytes;
}

async function inProcess(contender: Contender, spool: string): Promise<Result> {
  const topic = `bench-${contender}-${Date.now()}`;
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
  try {
    rmSync(join(spool, `${KAFKA_CONSUMER}.cursor`), { force: true });
    const own = ['--contender', contender, '--spool', spool, '--topic', topic];
    const args = [...process.execArgv, import.meta.filename, ...own, '--compression', options.compression];
    const { stdout } = await run(process.execPath, args);
    return JSON.parse(stdout) as Result;
  } finally {
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  }
}

async function contend(contender: Contender, spool: string, topic: string): Promise<Result> {
  const client = contender === 'kafkajs' ? 'kafkajs' : 'platformatic';
  const compression = options.compression as KafkaSettings['compression'];
  const connection = { brokers, topic, client, compression, graceMs: 0, tls: null, sasl: null } as const;
  const producer = await openProducer(connection);
  // The connection stands, and both kinds of contender have sent once.
  const warmUp = [{ key: Buffer.from('warm'), value: Buffer.from('up') }];
  for (let tries = 0; (await producer.send(warmUp)).kind !== 'sent'; tries++) {
    if (tries === WARM_UP_TRIES) throw new Error(`${topic} takes nothing`);
    await sleep(WARM_UP_MS);
  }
  const batches = contender === 'shipper' ? [] : inMemory(spool);
  const shipper = new Shipper({ spool, topic, producer, clock: systemClock(), logger: silentLogger });
  shipper.drain();
  const startMs = performance.now();
  const before = process.cpuUsage();
  let records = 0;
  if (contender === 'shipper') {
    await shipper.run();
    records = shipper.stats().shippedRecords;
  } else {
    for (const batch of batches) {
      const outcome = await producer.send(batch);
      if (outcome.kind !== 'sent') throw new Error(outcome.reason);
      records += batch.length;
    }
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  await producer.close();
  return { perSecond: records / seconds, cpuUs: (user + system) / records };
}

function inMemory(spool: string): SpooledRecord[][] {
  const tail = new SpoolTail(spool, null);
  const batches: SpooledRecord[][] = [];
  for (let batch = tail.read(BATCH_BYTES_MAX); batch !== null; batch = tail.read(BATCH_BYTES_MAX)) {
    batches.push(batch);
  }
  tail.close();
  return batches;
}

function medians(results: readonly Result[]): Result {
  return {
    perSecond: median(results.map(({ perSecond }) => perSecond)),
    cpuUs: median(results.map(({ cpuUs }) => cpuUs)),
  };
}

function shown({ perSecond, cpuUs }: Result): string {
  return `${Math.round(perSecond).toLocaleString('en')} messages/s, ${cpuUs.toFixed(2)} us of CPU each`;
}

function request(i: number): ServedRequest {
  const who = { requestId: i.toString(16).padStart(24, '0'), nth: i, key: String(100_000 + i) };
  return loggedRequest(who, (view) => rowOf(i * 3 + view));
}

/** 17 doubles as a row has them, different in each record: what repeats would compress as nothing real does. */
function rowOf(seed: number): Buffer {
  const row = plainRow();
  for (let value = 0; value < 17; value++)
    row.writeDoubleBE(Math.sin(seed * 17 + value) * 1_000, 28 + value * 9);
  return row;
}
