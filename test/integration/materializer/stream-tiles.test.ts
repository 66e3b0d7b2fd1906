/**
 * `plumb stream --tiles` of a real topic, with tiles that were folded here: of two origins each, sent again as they
 * grow, in any order; the run dies, loses its state, and meets tiles that have lost theirs.
 */
import { rmSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TileKey } from '../../../contract/aggregation/tile-json.ts';
import { planTiles } from '../../../contract/aggregation/tile-plan.ts';
import { emptyTile, foldEvent } from '../../../contract/aggregation/tile.ts';
import type { Tile } from '../../../contract/aggregation/tile.ts';
import type { Bundle } from '../../../contract/model.ts';
import { runTiles } from '../../../materializer/stream/tiles/tile-run.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { completeHistory } from '../../../project/history/history-place.ts';
import { entityId, naiveRow } from '../../oracle/naive-aggregates.ts';
import type { RawEvent } from '../../oracle/naive-aggregates.ts';
import { answerAt, readHistory } from '../../support/fixtures/raw-events.ts';
import { clickView, FEATURES, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { StreamedProject } from '../../support/fixtures/streamed-project.ts';
import { tileMessage } from '../../support/fixtures/tile-messages.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { makeTopic, sendMessages } from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const START_US = 1_770_000_000_000_000;
const HOPS = 30;
const ORIGINS = 2;
const HORIZON_US = START_US - 1;

let kafka: RunKafka;
let project: StreamedProject;
let random: () => number;
let topics = 0;
beforeAll(async () => {
  kafka = await runKafka();
}, KAFKA_START_LIMIT_MS);
beforeEach(async () => {
  random = seededRandom();
  project = await makeStreamed({ 'stream.kafka.brokers': kafka.brokers[0]! });
});
afterEach(() => project.remove());

/** Folds events and sends the tiles that they change. @param keyed  whether each user keeps to one origin */
async function tiledClicks(keyed = false) {
  const source = `tiled-${(topics += 1)}`;
  const topic = `${source}-tiles`;
  await makeTopic(kafka.brokers, source, { partitions: ORIGINS });
  await makeTopic(kafka.brokers, topic, { partitions: 2 });
  const features = FEATURES.filter(({ sessionUs }) => sessionUs === undefined);
  const { view, entity, bundle } = clickView(3_600_000_000, features, { topic: source, folder: null });
  const plan = planTiles(view, entity);
  const tiles = new Map<string, { readonly key: TileKey; readonly tile: Tile }>();
  const events: RawEvent[] = [];
  const offsets = Array.from({ length: ORIGINS }, () => 0);
  const leftOut = { unreadable: 0, excluded: 0, refused: 0, late: 0 };
  const own = { view: view.id, definition: view.definitionId };
  const messageOf = ({ key, tile }: { key: TileKey; tile: Tile }) => {
    const value = JSON.stringify(tileMessage(plan, key, tile));
    return { key: JSON.stringify([key.keys, key.edgeUs, key.origin]), value };
  };
  const marks = (behind: number) =>
    offsets.map((offset, mark) => ({
      key: `mark ${mark}`,
      value: JSON.stringify({
        ...own,
        mark,
        event: Math.max(...events.map(({ eventUs }) => eventUs!)),
        appended: START_US + HOPS * HOP_US,
        offset: offset - 1 - behind,
        ...leftOut,
        horizon: HORIZON_US,
        hold: 0,
      }),
    }));
  return {
    source,
    topic,
    plan,
    leftOut,
    view,
    entity,
    bundle,
    events,
    offsets,
    tiles,
    messageOf,
    marks,
    /** @param behind  messages of each origin that the tiles do not know */
    async send(count: number, behind: number) {
      const changed = new Set<string>();
      const clicks: { key: string; value: string; partition: number; timestamp: string }[] = [];
      for (let i = 0; i < count; i++) {
        const number = Math.floor(random() * 5);
        const user = `u${number}`;
        const origin = keyed ? number % ORIGINS : Math.floor(random() * ORIGINS);
        const eventUs = START_US + Math.floor(random() * HOPS * HOP_US);
        const page = random() < 0.1 ? null : `p${Math.floor(random() * 4)}`;
        const price = random() < 0.1 ? null : Math.floor(random() * 80) / 8;
        const edgeUs = (Math.floor(eventUs / HOP_US) + 1) * HOP_US;
        const name = `${user} ${edgeUs} ${origin}`;
        const held = tiles.get(name) ?? { key: { keys: [user], edgeUs, origin }, tile: emptyTile(plan) };
        foldEvent(plan, held.tile, {
          values: [page, price],
          timeUs: eventUs,
          offset: offsets[origin]!,
          sign: 1,
        });
        tiles.set(name, held);
        changed.add(name);
        const value = JSON.stringify({ user_id: user, at: eventUs, page, price, id: String(events.length) });
        const timestamp = String(START_US / 1_000 + (HOPS * HOP_US) / 1_000);
        clicks.push({ key: user, value, partition: origin, timestamp });
        offsets[origin]! += 1;
        events.push({ keys: [user], eventUs, createdUs: eventUs, values: { page, price } });
      }
      await sendMessages(kafka.brokers, source, clicks);
      const sent = [...changed].map((name) => messageOf(tiles.get(name)!));
      await sendMessages(kafka.brokers, topic, [...sent, ...marks(behind)]);
    },
  };
}

function drain(bundle: Bundle, topic: string, crashAt = Infinity) {
  const options = { topic, drain: true, signal: new AbortController().signal };
  let looks = 0;
  const nowUs = (): number => {
    if ((looks += 1) >= crashAt) throw new Error('crashed');
    return project.clock.nowUs();
  };
  const crashing = { ...project, clock: { ...project.clock, nowUs } };
  return runTiles({ project: crashing, bundle, database: project.database, options });
}

test('rows are those of all events, whatever came when, and whatever was lost', async () => {
  const { source, topic, view, entity, bundle, events, tiles, leftOut, messageOf, send } =
    await tiledClicks();
  project.setClock(START_US + HOPS * HOP_US);
  await send(150, 1);
  await drain(bundle, topic);
  const [name] = tiles.keys();
  const early = messageOf(tiles.get(name!)!);
  await send(150, 1);
  await expect(drain(bundle, topic, 6)).rejects.toThrow('crashed');
  await drain(bundle, topic);
  await send(100, 1);
  rmSync(project.settings.stream.state, { recursive: true, force: true });
  await drain(bundle, topic);
  // Rows that are right are not written again.
  rmSync(project.settings.stream.state, { recursive: true, force: true });
  expect(await drain(bundle, topic)).toMatchObject({ historyRows: 0 });
  Object.assign(leftOut, { late: 2, excluded: 3, refused: 4, unreadable: 5 });
  await send(100, 0);
  // What no engine reads keeps no partition from its end.
  await sendMessages(kafka.brokers, source, [{ key: 'u1', value: 'no JSON', partition: 0 }]);
  await sendMessages(kafka.brokers, source, [{ key: 'u1', value: null, partition: 1 }]);
  const lost = (tiles.get(name!)!.tile.seen += 1) > 0 ? [early, { key: early.key, value: 'no JSON' }] : [];
  await sendMessages(kafka.brokers, topic, [...lost, { key: early.key, value: null }]);
  project.setClock(START_US + (HOPS + 20) * HOP_US);
  const record = await drain(bundle, topic);
  expect(record).toMatchObject({ state: 'complete', kind: 'stream', horizonUs: HORIZON_US, counted: 100 });
  // Of both partitions.
  expect(record).toMatchObject({ lateEvents: 4, excluded: 6 });
  expect(record.rejectReasons).toMatchObject({
    'it is no JSON': 1,
    'the engine has refused the event': 8,
    'the engine could not read the message': 10,
  });
  const watermarkUs = (await completeHistory(project.settings, view, entity))!.watermarkUs;
  // All messages are in the tiles: time goes on by the clock.
  expect(watermarkUs).toBe(START_US + (HOPS + 20) * HOP_US - 40_000_000);
  const duck = await DuckDb.open({ threads: 1 });
  const rows = await readHistory(duck, project.settings.history.path, view, entity);
  duck.close();
  for (let user = 0; user < 5; user++) {
    const own = events.filter(({ keys }) => keys[0] === `u${user}`);
    const stood = rows.get(entityId(entity, [`u${user}`]))!;
    for (let edgeUs = START_US; edgeUs <= watermarkUs; edgeUs += HOP_US) {
      const values = answerAt(stood, edgeUs);
      expect({ user, edgeUs, values }).toEqual({ user, edgeUs, values: naiveRow(view, own, edgeUs) });
    }
  }
}, 120_000);

test('a tile that the engine has lost is made again of the archive, once that has come so far', async () => {
  const { source, topic, plan, view, entity, bundle, events, offsets, tiles, messageOf, marks, send } =
    await tiledClicks(true);
  project.setClock(START_US + (HOPS + 20) * HOP_US);
  await project.database.streamPartitions.firstHorizon(view.id, HORIZON_US);
  await send(100, 0);
  await drain(bundle, topic);
  const [held] = tiles.values();
  const [user] = held!.key.keys as [string];
  // It begins anew, and knows of each tile what comes from now on.
  const sendAnew = async (): Promise<void> => {
    const { origin, edgeUs } = held!.key;
    const [page, price, eventUs] = ['anew', 3, edgeUs - HOP_US + events.length];
    const value = JSON.stringify({ user_id: user, at: eventUs, page, price, id: String(events.length) });
    const timestamp = String(START_US / 1_000 + (HOPS * HOP_US) / 1_000);
    await sendMessages(kafka.brokers, source, [{ key: user, value, partition: origin, timestamp }]);
    const tile = emptyTile(plan);
    foldEvent(plan, tile, { values: [page, price], timeUs: eventUs, offset: offsets[origin]!, sign: 1 });
    offsets[origin]! += 1;
    events.push({ keys: [user], eventUs, createdUs: eventUs, values: { page, price } });
    await sendMessages(kafka.brokers, topic, [messageOf({ key: held!.key, tile }), ...marks(0)]);
  };
  await sendAnew();
  await drain(bundle, topic);
  expect(
    project.said.filter((line) => /are made again once `plumb stream --archive`/.test(line)),
  ).toHaveLength(1);
  await project.archive(bundle);
  await drain(bundle, topic);
  // What it sends later of the tile counts as little.
  await sendAnew();
  await project.archive(bundle);
  await drain(bundle, topic);
  expect(
    project.said.filter((line) => /1 tiles that the engine had lost were made again/.test(line)),
  ).toHaveLength(2);
  const watermarkUs = (await completeHistory(project.settings, view, entity))!.watermarkUs;
  const duck = await DuckDb.open({ threads: 1 });
  const rows = (await readHistory(duck, project.settings.history.path, view, entity)).get(
    entityId(entity, [user]),
  )!;
  duck.close();
  const own = events.filter(({ keys }) => keys[0] === user);
  for (let edgeUs = START_US; edgeUs <= watermarkUs; edgeUs += HOP_US)
    expect({ edgeUs, values: answerAt(rows, edgeUs) }).toEqual({
      edgeUs,
      values: naiveRow(view, own, edgeUs),
    });
}, 60_000);

test('rows that plumb stream has made are not made again, but where tiles say otherwise', async () => {
  const { topic, view, bundle, send, tiles, messageOf } = await tiledClicks(true);
  project.setClock(START_US + (HOPS + 20) * HOP_US);
  await project.database.streamPartitions.firstHorizon(view.id, HORIZON_US);
  await send(200, 0);
  const [streamed] = await project.drain(bundle);
  expect(streamed).toMatchObject({ counted: 200, horizonUs: HORIZON_US });
  expect(streamed!.historyRows).toBeGreaterThan(100);
  expect(await drain(bundle, topic)).toMatchObject({ counted: 200, historyRows: 0 });
  rmSync(project.settings.stream.state, { recursive: true, force: true });
  const [held] = tiles.values();
  held!.tile.n += 1;
  held!.tile.seen += 1;
  await sendMessages(kafka.brokers, topic, [messageOf(held!)]);
  const { historyRows } = await drain(bundle, topic);
  expect(historyRows).toBeGreaterThan(0);
  expect(historyRows).toBeLessThan(10);
}, 60_000);

test('tiles of another horizon, and a topic that holds none yet, are refused', async () => {
  const { topic, bundle, send } = await tiledClicks();
  project.setClock(START_US + HOPS * HOP_US);
  await expect(drain(bundle, topic)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringMatching(/says nothing yet of how far the tiles of user_clicks have come$/),
  });
  await send(10, 0);
  await drain(bundle, topic);
  const mark = { view: 'user_clicks', definition: [...bundle.views.values()][0]!.definitionId, mark: 0 };
  const other = {
    ...mark,
    event: 1,
    appended: 1,
    offset: 1,
    unreadable: 0,
    excluded: 0,
    refused: 0,
    late: 0,
  };
  await sendMessages(kafka.brokers, topic, [
    { key: 'mark 0', value: JSON.stringify({ ...other, horizon: 5, hold: 0 }) },
  ]);
  await expect(drain(bundle, topic)).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringMatching(
      /^the tiles of user_clicks count what was appended up to 5, and its horizon is/,
    ),
  });
}, 60_000);
