/** `plumb stream` of a real topic: partitions, the broker's times, offsets, and what it refuses. */
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../../project/history/history-place.ts';
import { entityId, naiveRow } from '../../oracle/naive-aggregates.ts';
import type { RawEvent } from '../../oracle/naive-aggregates.ts';
import { answerAt, readHistory } from '../../support/fixtures/raw-events.ts';
import { clickView, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { Click, StreamedProject } from '../../support/fixtures/streamed-project.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import {
  deleteTopic,
  groupOffsets,
  makeTopic,
  sendMessages,
  sendTransaction,
} from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const LOG_APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' };
/** So far behind the clock an idle partition's edges are complete. */
const SETTLED_US = 60_000_000;

let kafka: RunKafka;
let project: StreamedProject;
let topics = 0;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);
afterEach(() => project.remove());

async function streamOf(config: Readonly<Record<string, string>> = LOG_APPEND_TIME, partitions = 3) {
  const topic = `clicks-${(topics += 1)}`;
  await makeTopic(kafka.brokers, topic, { partitions, config });
  project = await makeStreamed({ 'stream.kafka.brokers': kafka.brokers[0]! });
  project.setClock(Date.now() * 1_000);
  return { topic, ...clickView(3_600_000_000, undefined, { topic, folder: null }) };
}

let random: () => number;
beforeEach(() => {
  random = seededRandom();
});
const userOf = (click: Click): string => click.user_id!;

/** Clicks of the ten minutes before now. */
function clicks(count: number, from: number): Click[] {
  return Array.from({ length: count }, (_, i) => ({
    user_id: `u${Math.floor(random() * 9)}`,
    at: Date.now() * 1_000 - SETTLED_US - Math.floor(random() * 600_000_000),
    page: `p${Math.floor(random() * 4)}`,
    price: Math.floor(random() * 80) / 8,
    id: String(from + i),
  }));
}

const messageOf = (click: Click) => ({ key: userOf(click), value: JSON.stringify(click) });

test('all partitions, from where the archive ends, and again after a crash', async () => {
  const { topic, view, entity, bundle } = await streamOf();
  const sent: Click[] = [];
  for (let i = 0; i < 3; i++) {
    const more = clicks(200, sent.length);
    sent.push(...more);
    await sendMessages(kafka.brokers, topic, [...more, ...more.slice(0, 9)].map(messageOf));
    project.setClock(Date.now() * 1_000);
    if (i === 1) await expect(project.drain(bundle, 9)).rejects.toThrow('crashed');
    else await project.drain(bundle);
  }
  const group = `plumbline-stream-clicks-${(await project.database.id()).slice(0, 8)}`;
  const offsets = await groupOffsets(kafka.brokers, topic, group);
  expect(offsets.reduce((sum, offset) => sum + offset)).toBe(3 * 209);
  const watermarkUs = (await completeHistory(project.settings, view, entity))!.watermarkUs;
  const lastUs = Math.max(...sent.map(({ at }) => at));
  expect(watermarkUs).toBeGreaterThan(lastUs);
  const events = sent.map(({ user_id, at, page, price }): RawEvent => {
    return { keys: [user_id], eventUs: at, createdUs: at, values: { page, price } };
  });
  const duck = await DuckDb.open({ threads: 1 });
  const rows = await readHistory(duck, project.settings.history.path, view, entity);
  duck.close();
  for (const user of new Set(sent.map(userOf))) {
    const own = events.filter(({ keys }) => keys[0] === user);
    for (let edgeUs = watermarkUs - 70 * HOP_US; edgeUs <= watermarkUs; edgeUs += HOP_US)
      expect(answerAt(rows.get(entityId(entity, [user]))!, edgeUs)).toEqual(naiveRow(view, own, edgeUs));
  }
  expect(project.said.filter((line) => /LogAppendTime/.test(line))).toEqual([]);
}, 120_000);

test('the archive alone: no rows and no run, and who makes rows goes on from it', async () => {
  const { topic, view, bundle } = await streamOf();
  const first = clicks(50, 0);
  await sendMessages(kafka.brokers, topic, first.map(messageOf));
  project.setClock(Date.now() * 1_000);
  expect(await project.archive(bundle)).toEqual([]);
  expect(await project.database.runs({ view: view.id })).toEqual([]);
  const group = `plumbline-archive-clicks-${(await project.database.id()).slice(0, 8)}`;
  const offsets = await groupOffsets(kafka.brokers, topic, group);
  expect(offsets.reduce((sum, offset) => sum + offset)).toBe(50);
  await sendMessages(kafka.brokers, topic, clicks(7, 50).map(messageOf));
  project.setClock(Date.now() * 1_000);
  const [record] = await project.drain(bundle);
  expect(record).toMatchObject({ counted: 57, rejected: 0 });
}, 60_000);

test('another topic of the same name is refused, and so is one that has lost messages', async () => {
  const { topic, bundle } = await streamOf();
  await sendMessages(kafka.brokers, topic, clicks(3, 0).map(messageOf));
  await project.drain(bundle);
  await deleteTopic(kafka.brokers, topic);
  await makeTopic(kafka.brokers, topic, { partitions: 3, config: LOG_APPEND_TIME });
  await expect(project.drain(bundle)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringContaining('the topic was made anew'),
  });
}, 60_000);

test('messages of a transaction that was given up do not count, however many fetches it takes', async () => {
  const { topic, bundle } = await streamOf(undefined, 1);
  const page = 'x'.repeat(9_000);
  const given = clicks(400, 0).map((click) => messageOf({ ...click, page }));
  await sendTransaction(kafka.brokers, topic, given, 'abort');
  await sendTransaction(kafka.brokers, topic, clicks(7, 400).map(messageOf), 'commit');
  const [record] = await project.drain(bundle);
  expect(record).toMatchObject({ read: 7, counted: 7 });
}, 60_000);

test('an entity in two partitions stops the stream, and the times of producers are warned of', async () => {
  const { topic, bundle } = await streamOf({}, 2);
  const [click] = clicks(1, 0);
  const value = JSON.stringify(click);
  await sendMessages(kafka.brokers, topic, [{ key: 'x', value, partition: 0 }]);
  await project.drain(bundle);
  expect(project.said.filter((line) => /LogAppendTime/.test(line))).toHaveLength(1);
  await sendMessages(kafka.brokers, topic, [{ key: 'x', value, partition: 1 }]);
  await expect(project.drain(bundle)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringMatching(/^u\d of user_clicks was met in partitions 0 and 1 of clicks/),
  });
}, 60_000);

test('rows of two partitions that have the same numbers are all kept', async () => {
  const { topic, view, entity, bundle } = await streamOf(LOG_APPEND_TIME, 2);
  const at = Date.now() * 1_000 - SETTLED_US;
  const two = ['ann', 'bob'].map((user_id) => ({ user_id, at, page: 'p', price: 1, id: '1' }));
  const messages = two.map((click, partition) => ({ ...messageOf(click), partition }));
  await sendMessages(kafka.brokers, topic, messages);
  await project.drain(bundle);
  const duck = await DuckDb.open({ threads: 1 });
  const rows = await readHistory(duck, project.settings.history.path, view, entity);
  duck.close();
  expect([...rows.keys()].toSorted()).toEqual(['ann', 'bob'].map((user) => entityId(entity, [user])));
}, 60_000);

test('a message without a value is unreadable, and a topic that is gone is named', async () => {
  const { topic, bundle } = await streamOf();
  await sendMessages(kafka.brokers, topic, [{ key: 'x', value: null }, ...clicks(2, 0).map(messageOf)]);
  const [record] = await project.drain(bundle);
  expect(record).toMatchObject({ read: 2, counted: 2 });
  await deleteTopic(kafka.brokers, topic);
  await expect(project.drain(bundle)).rejects.toMatchObject({
    message: expect.stringMatching(/^the topic clicks-\d+ on .* cannot be read: it does not exist/),
  });
}, 60_000);
