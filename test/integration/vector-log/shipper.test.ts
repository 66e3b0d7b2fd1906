/** From the spool to the topic, with a broker that refuses; `kafka-restarts.test.ts` has one that dies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { decodeRecord } from '../../../contract/wire/log/served-decoder.ts';
import { readCursor } from '../../../contract/wire/log/spool-cursor.ts';
import { listSegments } from '../../../contract/wire/log/spool-segment.ts';
import type { Shipper } from '../../../sidecar/shipper/shipper.ts';
import { Shipping } from '../../../sidecar/shipper/shipping.ts';
import { lockForShipping } from '../../../sidecar/spool/lock.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { kafkaSettingsOf } from '../../support/kafka/kafka-settings.ts';
import { makeTopic, readTopic, topicSize } from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { until } from '../../support/until.ts';
import { scratchFolder } from '../../support/scratch.ts';
import {
  POD,
  answer,
  arrivedIn,
  expectOrder,
  openLog,
  openShipper,
} from '../../support/kafka/shipped-log.ts';
import type { Arrived } from '../../support/kafka/shipped-log.ts';

let kafka: RunKafka;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);

const CLIENTS = ['platformatic', 'kafkajs'] as const;
type Client = (typeof CLIENTS)[number];

let topics = 0;
async function newTopic(config: Record<string, string> = {}): Promise<string> {
  const topic = `shipper-${++topics}`;
  await makeTopic(kafka.brokers, topic, { config });
  return topic;
}

const shipperOf = (spool: string, topic: string, client?: Client): Promise<Shipper> =>
  openShipper({ ...kafkaSettingsOf(kafka), topic, ...(client === undefined ? {} : { client }) }, spool);

/** Ships until nothing is left. */
async function shipAll(spool: string, topic: string, client?: Client): Promise<Shipper> {
  const shipper = await shipperOf(spool, topic, client);
  shipper.drain();
  await shipper.run();
  return shipper;
}

const arrived = async (topic: string): Promise<Arrived> => arrivedIn(await readTopic(kafka.brokers, topic));

describe('the shipper', () => {
  test.each(CLIENTS)(
    'by %s: every answered request is there once, in order, from all starts',
    async (client) => {
      const spool = scratchFolder();
      const topic = await newTopic();
      const ids: string[] = [];
      for (let start = 0; start < 3; start++) {
        const log = await openLog(spool);
        ids.push(...answer(log, 700));
        await log.close();
      }
      const shipper = await shipAll(spool, topic, client);
      const got = await arrived(topic);
      expect(got.ids.toSorted()).toEqual(ids.toSorted());
      expect(got.duplicates).toBe(0);
      expect(got.sequences.size).toBe(3);
      // Requests and the last record of each start: no number is missing.
      for (const numbers of got.sequences.values()) expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      expect(shipper.stats()).toMatchObject({
        connected: true,
        shippedRecords: 2_103,
        lagBytes: 0,
        retries: 0,
      });
      expect((await shipAll(spool, topic)).stats().shippedRecords).toBe(0);
    },
  );

  test('the bytes in the topic are those of the spool, a large record in its parts', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const [large] = answer(log, 1, 900_000);
    answer(log, 3);
    await log.close();
    await shipAll(spool, topic);
    const { records, ids } = await arrived(topic);
    const parts = records.filter((record) => record.kind === 'part');
    expect(parts.length).toBeGreaterThanOrEqual(4);
    const whole = decodeRecord(Buffer.concat(parts.map((part) => part.chunk)));
    expect(whole).toMatchObject({ kind: 'served', record: { requestId: large } });
    expect(ids).toHaveLength(3);
  });

  test('what is written while it ships follows', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const shipper = await shipperOf(spool, topic);
    const running = shipper.run();
    const ids: string[] = [];
    for (let round = 1; round <= 10; round++) {
      ids.push(...answer(log, 30));
      await until(() => shipper.stats().shippedRecords >= round * 15, 'the round is shipped');
    }
    await log.close();
    shipper.drain();
    await running;
    expect((await arrived(topic)).ids).toEqual(ids);
  });

  test('a record that Kafka refuses is kept in rejected/ with the reason, and the rest goes on', async () => {
    const spool = scratchFolder();
    const topic = await newTopic({ 'max.message.bytes': '10000' });
    const log = await openLog(spool);
    const ids = answer(log, 40);
    const [large] = answer(log, 1, 50_000);
    ids.push(...answer(log, 40));
    await log.close();
    const shipper = await shipAll(spool, topic);
    const got = await arrived(topic);
    expect(got.ids).toEqual(ids);
    expect(shipper.stats()).toMatchObject({ rejectedRecords: 1, lagBytes: 0 });
    const [file, ...others] = readdirSync(join(spool, 'rejected'));
    expect(others).toEqual([]);
    const path = join(spool, 'rejected', file!);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    expect(kept).toMatchObject({ reason: 'MESSAGE_TOO_LARGE', topic, sequence: 41 });
    expect(decodeRecord(Buffer.from(kept['value']!, 'base64'))).toMatchObject({
      record: { requestId: large },
    });
  });

  test("killed between Kafka's answer and the cursor, it sends again and skips nothing", async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const ids = answer(log, 3_000, 2_000);
    await log.close();
    for (const batches of ['1', '2', '3']) {
      const child = spawnShipper(spool, topic, batches);
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    }
    const child = spawnShipper(spool, topic);
    expect(await once(child, 'exit')).toEqual([0, null]);
    const got = await arrived(topic);
    expect(got.ids).toEqual(ids);
    expect(got.duplicates).toBeGreaterThan(0);
    expectOrder(got);
  });

  test('segments are deleted when the cursor has passed them, and not before', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    // Eight segments make up a full spool.
    const log = await openLog(spool, { maxBytes: 1_200_000 });
    const ids = answer(log, 2_000, 200);
    const all = listSegments(spool).map(({ file }) => file);
    // Eight, or fewer and larger ones where the disk is slow.
    expect(all.length).toBeGreaterThan(1);
    const shipper = await shipperOf(spool, topic);
    const running = shipper.run();
    await until(() => {
      const left = listSegments(spool).map(({ file }) => file);
      const cursor = readCursor(spool, 'kafka')?.segment ?? '';
      // What is gone lies before a cursor that is on the disk already: it never moves back.
      expect(all.filter((file) => !left.includes(file)).every((file) => file < cursor)).toBe(true);
      return left.length === 1;
    }, 'all but the last segment are gone');
    await log.close();
    shipper.drain();
    await running;
    expect((await arrived(topic)).ids).toEqual(ids);
  });
});

describe('the shipper in its thread', () => {
  const input = (spool: string, topic: string, graceMs = 5_000) => ({
    spool,
    kafka: { ...kafkaSettingsOf(kafka), topic, graceMs },
    clock: { control: null, runLastsUs: 0 },
  });

  test('ships beside the writer, tells its figures, and at a stop what is left', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const shipping = new Shipping(input(spool, topic), silentLogger);
    const ids = answer(log, 500);
    await until(() => shipping.stats().shippedRecords >= 500, 'figures come');
    expect(shipping.stats()).toMatchObject({ connected: true, epoch: log.stats().epoch });
    ids.push(...answer(log, 500));
    await log.close();
    await shipping.stop();
    const got = await arrived(topic);
    expect(got.ids).toEqual(ids);
    // Requests, the last record, and a heartbeat where the test took its time.
    const shippedRecords = got.records.length + got.duplicates;
    expect(shipping.stats()).toMatchObject({ shippedRecords, lagBytes: 0, rejectedRecords: 0 });
    expect(got.records.at(-1)).toMatchObject({ kind: 'last', origin: { pod: POD } });
  });

  test('while another process ships the spool, it waits and says so; the sidecar goes on', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const other = lockForShipping(spool);
    const said: string[] = [];
    const shipping = new Shipping(input(spool, topic), { ...silentLogger, warn: (line) => said.push(line) });
    await until(() => said.length > 0, 'it has met the lock');
    expect(said[0]).toContain('another process already ships the spool');
    const ids = answer(log, 10);
    other.release();
    await until(() => shipping.stats().shippedRecords >= 10, 'it ships');
    await log.close();
    await shipping.stop();
    expect((await arrived(topic)).ids).toEqual(ids);
  });

  test('a thread that dies is started again, and says why', async () => {
    const spool = scratchFolder();
    const topic = await newTopic();
    const log = await openLog(spool);
    const ids = answer(log, 10);
    await log.close();
    writeFileSync(join(spool, 'kafka.cursor'), 'damaged');
    const said: string[] = [];
    const shipping = new Shipping(input(spool, topic), { ...silentLogger, warn: (line) => said.push(line) });
    await until(() => said.length > 0, 'the thread has died');
    expect(said[0]).toContain('kafka.cursor should hold a cursor of format 1; remove it');
    rmSync(join(spool, 'kafka.cursor'));
    await until(() => shipping.stats().shippedRecords === 11, 'the next one ships');
    await shipping.stop();
    expect((await arrived(topic)).ids).toEqual(ids);
  });

  test('a Kafka that is away holds a stop for the grace and no longer; what is left is left', async () => {
    const spool = scratchFolder();
    const log = await openLog(spool);
    answer(log, 50);
    await log.close();
    const said: string[] = [];
    const away = {
      ...input(spool, 'nowhere', 300),
      kafka: { ...kafkaSettingsOf({ brokers: ['127.0.0.1:9'] }), graceMs: 300 },
    };
    const shipping = new Shipping(away, { ...silentLogger, warn: (line) => said.push(line) });
    await until(() => shipping.stats().lagBytes > 0, 'it knows what it has to ship');
    await shipping.stop();
    expect(said.at(-1)).toMatch(/\d+ bytes of the vector log are not in Kafka/);
    expect(existsSync(join(spool, 'kafka.cursor'))).toBe(false);
    const topic = await newTopic();
    expect((await shipAll(spool, topic)).stats().shippedRecords).toBe(51);
    expect(await topicSize(kafka.brokers, topic)).toBe(51);
  });
});

function spawnShipper(spool: string, topic: string, batches?: string) {
  const script = join(import.meta.dirname, '../../support/processes/spool-shipper.ts');
  const args = [script, spool, kafka.brokers[0]!, topic, ...(batches === undefined ? [] : [batches])];
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { stdio: 'inherit' });
}
