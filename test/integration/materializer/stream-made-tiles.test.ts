/**
 * A topic whose entities are in any partition, and whose partitions become more: `plumb stream --make-tiles` makes
 * tiles of each, `plumb stream --tiles` rows of all. Events come twice and are taken back; makers die and lose states.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { runMaterialize } from '../../../materializer/materialize.ts';
import { tileTopicOf } from '../../../materializer/stream/tiles/job-sql.ts';
import { runTiles } from '../../../materializer/stream/tiles/tile-run.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../../project/history/history-place.ts';
import { entityId, naiveRow } from '../../oracle/naive-aggregates.ts';
import type { RawEvent } from '../../oracle/naive-aggregates.ts';
import { answerAt, readHistory } from '../../support/fixtures/raw-events.ts';
import { clickView, FEATURES, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { Click, StreamedProject } from '../../support/fixtures/streamed-project.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { addPartitions, makeTopic, sendMessages } from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const SETTLED_US = 60_000_000;
const KIND = { name: 'kind', type: { kind: 'string' }, unit: null } as const;
const OP = { column: 'kind', insert: ['add'], delete: ['del'] };

let kafka: RunKafka;
let project: StreamedProject;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);
afterEach(() => project.remove());

test('rows are those of all events, wherever those are, and however many partitions there are', async () => {
  const random = seededRandom();
  const whole = (below: number): number => Math.floor(random() * below);
  const topic = 'clicks-of-anyone';
  const { fields } = clickView(0).view.source.stream!;
  const stream = { topic, folder: null, keyedBy: null, fields: [...fields, KIND], op: OP };
  const { view, entity, bundle } = clickView(3_600_000_000, FEATURES, stream);
  const config = { 'message.timestamp.type': 'LogAppendTime' };
  await makeTopic(kafka.brokers, topic, { partitions: 2, config });
  const metrics = { 'materialize.metrics': 'plumbline.prom' };
  project = await makeStreamed({ 'stream.kafka.brokers': kafka.brokers[0]!, ...metrics });
  const tell = (): void => project.setClock(Date.now() * 1_000);
  tell();
  await expect(project.drain(bundle)).rejects.toThrow(/has 2 partitions/);
  await expect(project.makeTiles(bundle)).rejects.toThrow(/the topic plumbline\.tiles\..* does not exist/);
  const tiles = tileTopicOf(view);
  await makeTopic(kafka.brokers, tiles, { partitions: 3, config: { 'cleanup.policy': 'compact' } });
  const left: Click[] = [];
  let number = 0;
  const send = async (count: number, partitions: number): Promise<void> => {
    const messages: { key: string; value: string; partition: number }[] = [];
    const put = (click: Click, kind: string, partition: number): void =>
      void messages.push({ key: '', value: JSON.stringify({ ...click, kind }), partition });
    for (let i = 0; i < count; i++) {
      const click = {
        user_id: `u${whole(6)}`,
        at: Date.now() * 1_000 - SETTLED_US - whole(600_000_000),
        page: random() < 0.1 ? null : `p${whole(4)}`,
        price: random() < 0.1 ? null : whole(80) / 8,
        id: String((number += 1)),
      };
      const partition = whole(partitions);
      put(click, 'add', partition);
      if (random() < 0.05) put(click, 'add', partition);
      if (random() < 0.1) put(click, 'del', partition);
      else left.push(click);
    }
    await sendMessages(kafka.brokers, topic, messages);
    tell();
  };
  const state = join(project.settings.stream.state, view.id);
  const drainTiles = async (): Promise<void> => {
    const options = { topic: tiles, drain: true, signal: new AbortController().signal };
    // A mark counts a while after it came.
    for (let i = 0; i < 2; i++) {
      await runTiles({ project, bundle, database: project.database, options });
      project.setClock(Date.now() * 1_000 + 2_000_000);
    }
  };
  await send(150, 2);
  await project.makeTiles(bundle);
  await drainTiles();
  await send(150, 2);
  // One dies before it has taken a message, one between two partitions' commits.
  for (const crashAt of [3, 8]) await expect(project.makeTiles(bundle, crashAt)).rejects.toThrow('crashed');
  await addPartitions(kafka.brokers, topic, 4);
  await send(150, 4);
  await project.makeTiles(bundle);
  const told = readFileSync(project.settings.materialize.metrics!, 'utf8');
  for (const partition of [0, 1, 2, 3]) {
    const of = `{view="${view.id}",partition="${partition}"}`;
    expect(told).toContain(`plumbline_stream_partition_behind_messages${of} 0\n`);
    const [, sentTo] = told.split(`plumbline_stream_partition_watermark_timestamp_seconds${of} `);
    expect(Number.parseFloat(sentTo!) * 1e6).toBeGreaterThan(Math.max(...left.map(({ at }) => at)));
  }
  await drainTiles();
  rmSync(state, { recursive: true });
  await send(50, 4);
  await project.makeTiles(bundle);
  await drainTiles();
  expect(project.said.filter((line) => /lost/.test(line))).toEqual([]);
  const events = left.map(({ user_id, at, page, price }): RawEvent => {
    return { keys: [user_id], eventUs: at, createdUs: at, values: { page, price } };
  });
  const { watermarkUs } = (await completeHistory(project.settings, view, entity))!;
  expect(watermarkUs).toBeGreaterThan(Math.max(...left.map(({ at }) => at)));
  const duck = await DuckDb.open({ threads: 1 });
  const rows = await readHistory(duck, project.settings.history.path, view, entity);
  duck.close();
  for (const user of new Set(left.map(({ user_id }) => user_id!))) {
    const own = events.filter(({ keys }) => keys[0] === user);
    for (let edgeUs = watermarkUs - 70 * HOP_US; edgeUs <= watermarkUs; edgeUs += HOP_US) {
      const values = answerAt(rows.get(entityId(entity, [user]))!, edgeUs);
      expect({ user, edgeUs, values }).toEqual({ user, edgeUs, values: naiveRow(view, own, edgeUs) });
    }
  }
  const [again] = await runMaterialize(project, bundle, project.database);
  expect(again).toMatchObject({ state: 'complete', historyRows: 0 });
});
