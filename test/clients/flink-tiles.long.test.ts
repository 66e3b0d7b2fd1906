/**
 * The hand-off to Flink, with all parts real: the same events through batch, `plumb stream` and the job that
 * `plumb stream sql` prints, which is killed twice and goes on from its checkpoints. Tiles merged over origins are the
 * same to the byte, and so is the newest row of each entity and edge, carried forward.
 *
 * PLUMB_FLINK_EVENTS says how many events (20,000 unless given), PLUMB_FLINK_KILLS how often Flink is killed.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeTile } from '../../contract/aggregation/tile-bytes.ts';
import { planTiles } from '../../contract/aggregation/tile-plan.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import type { Bundle, Entity, FeatureView } from '../../contract/model.ts';
import type { StreamField } from '../../contract/stream-source.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { runMaterialize } from '../../materializer/materialize.ts';
import { runTiles } from '../../materializer/stream/tiles/tile-run.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { flinkRefusals, tileJobSql } from '../../project/engine/flink/tile-job.ts';
import { completeHistory } from '../../project/history/history-place.ts';
import { readHistory } from '../support/fixtures/raw-events.ts';
import type { FeatureSketch } from '../support/fixtures/aggregated-view.ts';
import { openStoredTiles } from '../support/fixtures/stored-tiles.ts';
import { clickView, FEATURES, HOP_US, makeStreamed } from '../support/fixtures/streamed-project.ts';
import type { StreamedProject } from '../support/fixtures/streamed-project.ts';
import { FLINK_START_LIMIT_MS, newestCheckpoint, startFlink } from '../support/flink/flink.ts';
import type { FlinkJob } from '../support/flink/flink.ts';
import { hardMessage } from '../support/flink/hard-messages.ts';
import { startKafka } from '../support/kafka/kafka.ts';
import type { KafkaServer } from '../support/kafka/kafka.ts';
import { makeTopic, sendMessages, topicSize } from '../support/kafka/kafka-topic.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

const EVENTS = Number(process.env['PLUMB_FLINK_EVENTS'] ?? 20_000);
const USERS = Math.max(50, EVENTS / 100);
const KILLS = Number(process.env['PLUMB_FLINK_KILLS'] ?? 2);
const PARTITIONS = 3;
const LATENESS_US = 600_000_000;
const CHECKPOINT_MS = 2_000;
const TEST_LIMIT_MS = 3_600_000;

const TEXT = { kind: 'string' } as const;
const FLOAT = { kind: 'float64' } as const;
const FIELDS: readonly StreamField[] = [
  { name: 'user_id', type: TEXT, unit: null },
  { name: 'at', type: { kind: 'timestamp' }, unit: 'us' },
  { name: 'page', type: TEXT, unit: null },
  { name: 'price', type: FLOAT, unit: null },
  { name: 'id', type: TEXT, unit: null },
  { name: 'pieces', type: { kind: 'int64' }, unit: null },
  { name: 'weight', type: { kind: 'float32' }, unit: null },
  { name: 'open', type: { kind: 'bool' }, unit: null },
  { name: 'paid_at', type: { kind: 'timestamp' }, unit: 'rfc3339' },
  { name: 'kind', type: TEXT, unit: null },
];

/** Those that can be counted backwards. */
const COUNTED: readonly FeatureSketch[] = [
  { name: 'clicks_30s', function: 'count', windowUs: 3 * HOP_US },
  { name: 'spent', function: 'sum', column: 'price', columnType: FLOAT, windowUs: 10 * HOP_US },
  { name: 'spread', function: 'stddev', column: 'price', columnType: FLOAT, windowUs: 10 * HOP_US },
  { name: 'pages', function: 'countDistinct', column: 'page', columnType: TEXT, windowUs: 30 * HOP_US },
  { name: 'favorite', function: 'mostFrequent', column: 'page', columnType: TEXT, windowUs: 30 * HOP_US },
  {
    name: 'pieces_sum',
    function: 'sum',
    column: 'pieces',
    columnType: { kind: 'int64' },
    windowUs: 6 * HOP_US,
  },
];

const ALL: readonly FeatureSketch[] = [
  ...FEATURES.filter(({ sessionUs }) => sessionUs === undefined),
  ...COUNTED.filter(({ name }) => name === 'pieces_sum'),
  { name: 'last_price', function: 'last', column: 'price', columnType: FLOAT, windowUs: 6 * HOP_US },
  {
    name: 'first_pieces',
    function: 'first',
    column: 'pieces',
    columnType: { kind: 'int64' },
    windowUs: 6 * HOP_US,
  },
  { name: 'least', function: 'min', column: 'pieces', columnType: { kind: 'int64' }, windowUs: 6 * HOP_US },
  { name: 'ever_open', function: 'max', column: 'open', columnType: { kind: 'bool' }, windowUs: 6 * HOP_US },
  { name: 'last_open', function: 'last', column: 'open', columnType: { kind: 'bool' }, windowUs: 6 * HOP_US },
  {
    name: 'weight_avg',
    function: 'avg',
    column: 'weight',
    columnType: { kind: 'float32' },
    windowUs: 6 * HOP_US,
  },
  {
    name: 'weight_about',
    function: 'approxCountDistinct',
    column: 'weight',
    columnType: { kind: 'float32' },
    windowUs: 6 * HOP_US,
  },
  {
    name: 'last_paid',
    function: 'max',
    column: 'paid_at',
    columnType: { kind: 'timestamp' },
    windowUs: 6 * HOP_US,
  },
  { name: 'first_page', function: 'first', column: 'page', columnType: TEXT, windowUs: 6 * HOP_US },
  { name: 'double_sum', function: 'sum', column: 'double_price', columnType: FLOAT, windowUs: 6 * HOP_US },
  { name: 'shout_last', function: 'last', column: 'shout', columnType: TEXT, windowUs: 6 * HOP_US },
];

const CASES: Readonly<Record<string, ReturnType<typeof clickView>>> = {
  everything: clickView(
    LATENESS_US,
    ALL,
    { topic: 'everything', folder: null, fields: FIELDS },
    {
      where: "kind <> 'delete' and coalesce(pieces, 0) + 1 > -1000000000000000000",
      select: [
        { name: 'double_price', expression: 'round(price * 2, 3)' },
        { name: 'shout', expression: "case when open then upper(page) else coalesce(trim(page), '-') end" },
      ],
    },
  ),
  back: clickView(LATENESS_US, COUNTED, {
    topic: 'back',
    folder: null,
    fields: FIELDS,
    op: { column: 'kind', insert: ['insert'], delete: ['delete'] },
  }),
};

let kafka: KafkaServer;
let flink: FlinkJob | null = null;
const projects: StreamedProject[] = [];
let random: () => number;

beforeAll(async () => {
  kafka = await startKafka();
}, FLINK_START_LIMIT_MS);
afterAll(async () => {
  await flink?.kill();
  for (const project of projects) await project.remove();
  await kafka.stop();
});

async function makeProject(): Promise<StreamedProject> {
  const project = await makeStreamed({
    'stream.kafka.brokers': kafka.brokers[0]!,
    // Some prices are too large to be summed, and some events too late.
    'materialize.maxRejectedShare': '0.2',
    'materialize.maxLateShare': '0.2',
  });
  projects.push(project);
  return project;
}

async function send(topic: string, from: number, count: number): Promise<void> {
  const place = { random, users: USERS, latenessUs: LATENESS_US };
  const messages = Array.from({ length: count }, (_, i) => hardMessage(from + i, place));
  const twice = messages.filter(() => random() < 0.001);
  const back = messages.filter(({ value }) => random() < 0.001 && !/"id": null/.test(value));
  const bad = [
    '{"user_id": "u1"',
    '{"user_id": "u1", "at": 1.5}',
    '{"user_id": "u1", "at": 1, "open": 1}',
    '[]',
  ];
  const rows = [
    ...bad.map((value) => ({ key: 'u1', value })),
    ...messages,
    ...twice,
    ...back.map(({ key, value }) => ({ key, value: value.replace('"insert"', '"delete"') })),
  ];
  // Flink tells nobody of the last one, which is no JSON.
  const all = [...rows, { key: 'u1', value: 'no JSON' }];
  for (let at = 0; at < all.length; at += 5_000)
    await sendMessages(kafka.brokers, topic, all.slice(at, at + 5_000));
}

test.each(Object.keys(CASES))(
  '%s: the same tiles and rows as batch and plumb stream, though Flink is killed twice',
  async (name) => {
    random = seededRandom();
    const { view, entity, bundle } = CASES[name]!;
    const tiles = `${name}-tiles`;
    await makeTopic(kafka.brokers, name, {
      partitions: PARTITIONS,
      config: { 'message.timestamp.type': 'LogAppendTime' },
    });
    await makeTopic(kafka.brokers, tiles, { partitions: 2, config: { 'cleanup.policy': 'compact' } });
    const [streamed, tiled] = [await makeProject(), await makeProject()];
    streamed.setClock(Date.now() * 1_000);
    const [first] = await streamed.drain(bundle);
    const plan = planTiles(view, entity);
    expect(flinkRefusals(plan)).toEqual([]);
    const sql = tileJobSql(plan, {
      topic: tiles,
      brokers: kafka.brokers,
      horizonUs: first!.horizonUs!,
      checkpointMs: CHECKPOINT_MS,
    });
    const folder = join(tiled.settings.folder, 'flink');
    mkdirSync(folder);
    const started = performance.now();
    const part = Math.floor(EVENTS / (KILLS + 2));
    await send(name, 0, part);
    for (let turn = 0; turn < KILLS; turn++) {
      flink = await startFlink({ folder, sql });
      const before = newestCheckpoint(folder);
      await untilSo(() => newestCheckpoint(folder) !== before && newestCheckpoint(folder) !== null);
      await send(name, (turn + 1) * part, part);
      // Between two checkpoints: what it has written since is given up with its transaction.
      await sleep(CHECKPOINT_MS * (0.5 + random()));
      await flink.kill();
      await drainSoFar(tiled, bundle, tiles);
    }
    flink = await startFlink({ folder, sql });
    await send(name, (KILLS + 1) * part, EVENTS - (KILLS + 1) * part);
    const written = await topicSize(kafka.brokers, name);
    const sent = performance.now();
    await untilSo(async () => {
      // Messages behind the last that Flink reads of their partition are in no mark.
      return (await drainSoFar(tiled, bundle, tiles)) && offsetsOf(tiled, view) >= written - PARTITIONS;
    });
    console.log(
      `${name}: ${written} messages; Flink was through ${Math.round(performance.now() - sent)} ms after the last`,
    );
    // The marks may come a moment before the last tiles that they count.
    const marked = newestCheckpoint(folder);
    await untilSo(() => newestCheckpoint(folder) !== marked);
    const settled = newestCheckpoint(folder);
    await untilSo(() => newestCheckpoint(folder) !== settled);
    await flink.kill();
    const endUs = Date.now() * 1_000 + 60_000_000;
    const record = await drainTiles(tiled, bundle, tiles, endUs);
    expect(record.rejectReasons).not.toHaveProperty('the engine has lost what it knew of a tile');
    streamed.setClock(endUs);
    await streamed.drain(bundle);
    const [ours, theirs] = [tilesOf(streamed, view, plan), tilesOf(tiled, view, plan)];
    const differing = [...ours].filter(([place, bytes]) => theirs.get(place) !== bytes);
    expect(differing.slice(0, 3)).toEqual([]);
    expect(theirs.size).toBe(ours.size);
    const watermarks = await Promise.all(
      [streamed, tiled].map(
        async ({ settings }) => (await completeHistory(settings, view, entity))!.watermarkUs,
      ),
    );
    expect(watermarks[1]).toBe(watermarks[0]);
    const rows = await changesOf(streamed, view, entity);
    const again = await changesOf(tiled, view, entity);
    for (const [id, changes] of rows) expect(again.get(id), id).toEqual(changes);
    expect(again.size).toBe(rows.size);
    // Batch computes all of the archive again, and finds every row as it is.
    const [batch] = await runMaterialize(streamed, bundle, streamed.database);
    expect(batch).toMatchObject({ state: 'complete', historyRows: 0 });
    const changes = [...rows.values()].reduce((sum, { length }) => sum + length, 0);
    console.log(
      `${name}: ${ours.size} tiles and ${changes} values of ${rows.size} entities are the same, ` +
        `${Math.round((performance.now() - started) / 1_000)} s`,
    );
  },
  TEST_LIMIT_MS,
);

function drainTiles(project: StreamedProject, bundle: Bundle, topic: string, nowUs = Date.now() * 1_000) {
  project.setClock(nowUs);
  const options = { topic, drain: true, signal: new AbortController().signal };
  return runTiles({ project, bundle, database: project.database, options });
}

/** @returns false: nothing is there yet */
async function drainSoFar(project: StreamedProject, bundle: Bundle, topic: string): Promise<boolean> {
  try {
    await drainTiles(project, bundle, topic);
    return true;
  } catch (error) {
    if (/says nothing yet/.test((error as Error).message)) return false;
    throw error;
  }
}

function untilSo(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const isThere = (): boolean | Promise<boolean> => {
    if (flink?.said().startsWith('(ended)') === true) throw new Error(flink.said());
    return isSo();
  };
  return until(isThere, 'Flink has come so far', 1_000, FLINK_START_LIMIT_MS);
}

/** @returns how many messages of the source the newest marks count */
function offsetsOf({ settings }: StreamedProject, { id, definitionId }: FeatureView): number {
  const file = join(settings.stream.state, id, `${definitionName(definitionId)}.tiles.origins.db`);
  const database = new DatabaseSync(file, { readOnly: true });
  const { json } = database.prepare('SELECT json FROM progress').get() as { json: string };
  database.close();
  const { marks } = JSON.parse(json) as { marks: { offset: number }[] };
  return marks.reduce((sum, { offset }) => sum + offset + 1, 0);
}

/** @returns the bytes of every tile by entity and edge, `seen` and `since` apart */
function tilesOf(
  { settings }: StreamedProject,
  { id, definitionId }: FeatureView,
  plan: TilePlan,
): Map<string, string> {
  const name = definitionName(definitionId);
  const partitions = Array.from({ length: PARTITIONS }, (_, i) => `${name}.partition-${i}.db`);
  const tiles = new Map<string, string>();
  for (const file of [...partitions, `${name}.tiles.db`]) {
    const path = join(settings.stream.state, id, file);
    if (!existsSync(path)) continue;
    const stored = openStoredTiles(path, plan);
    for (const { entity, edge, tile } of stored.between(0, Infinity)) {
      const plain = { ...tile, seen: tile.n, since: 0 };
      if (tile.n > 0) tiles.set(`${entity} ${edge}`, encodeTile(plan, plain).toString('hex'));
    }
    stored.close();
  }
  return tiles;
}

/** @returns of each entity the edges at which its newest rows, carried forward, change, and what to */
async function changesOf(
  { settings }: StreamedProject,
  view: FeatureView,
  entity: Entity,
): Promise<Map<string, [number, string][]>> {
  const duck = await DuckDb.open({ threads: 1 });
  const rows = await readHistory(duck, settings.history.path, view, entity);
  duck.close();
  const all = new Map<string, [number, string][]>();
  for (const [id, own] of rows) {
    const newest = new Map(own.map((row) => [row.eventUs, row.deleted ? 'gone' : shown(row.values)]));
    const changes: [number, string][] = [];
    for (const [edgeUs, values] of [...newest].toSorted(([a], [b]) => a - b))
      if (values !== (changes.at(-1)?.[1] ?? 'gone')) changes.push([edgeUs, values]);
    all.set(id, changes);
  }
  return all;
}

function shown(values: readonly unknown[]): string {
  return JSON.stringify(values, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : value,
  );
}
