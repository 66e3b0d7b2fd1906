/**
 * One definition, shown: the same events through batch, `plumb stream` under faults, and Flink under faults. The tiles
 * are the same to the byte, and so are the values of every entity from edge to edge.
 *
 *   WHOLE_EVENTS   how many (20,000 unless given)
 *   WHOLE_FOLDER   where the projects stay, so that the parts can run one after another on other days
 *   WHOLE_PART     stream, flink, batch or compare alone; all of them unless given
 *
 * Each part sends the same messages to a Kafka of its own.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { FLINK_START_LIMIT_MS } from '../support/flink/flink.ts';
import { startKafka } from '../support/kafka/kafka.ts';
import type { KafkaServer } from '../support/kafka/kafka.ts';
import { makeTopic } from '../support/kafka/kafka-topic.ts';
import {
  archiveTiles,
  changesIn,
  compareTables,
  compareTiles,
  storedTiles,
  watermarkOf,
} from '../support/whole/whole-comparison.ts';
import { mulberry32 } from '../support/mulberry32.ts';
import { firstMs, PARTITIONS, sendWhole } from '../support/whole/whole-events.ts';
import type { WholeEvents } from '../support/whole/whole-events.ts';
import { flinkWhole, TILE_TOPIC } from '../support/whole/whole-flink.ts';
import { makeWhole, openWhole, plumbIn, SOURCE_TOPIC } from '../support/whole/whole-project.ts';
import type { WholeProject } from '../support/whole/whole-project.ts';
import { streamWhole } from '../support/whole/whole-streams.ts';

const PART_LIMIT_MS = 6_000_000;
/** How long before now the last event lies: every edge is due that it may touch. */
const SETTLED_MS = 2_400_000;
const PART = process.env['WHOLE_PART'];
const KEPT = process.env['WHOLE_FOLDER'];
const FOLDER = KEPT ?? join(tmpdir(), `plumb-whole-${process.pid}`);

afterAll(() => {
  if (KEPT === undefined) rmSync(FOLDER, { recursive: true, force: true });
});

/** A test of its own, where it is asked for. */
function part(name: string, what: string, run: () => Promise<void>): void {
  if (PART === undefined || PART === name) test(what, run, PART_LIMIT_MS + FLINK_START_LIMIT_MS);
}

/** Written by the first part. */
function wholeEvents(): WholeEvents {
  const file = join(FOLDER, 'events.json');
  mkdirSync(FOLDER, { recursive: true });
  if (!existsSync(file)) {
    const seed = Number(process.env['PLUMB_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const count = Number(process.env['WHOLE_EVENTS'] ?? 20_000);
    writeFileSync(file, JSON.stringify({ count, seed, endMs: Date.now() - SETTLED_MS }));
  }
  const events = JSON.parse(readFileSync(file, 'utf8')) as WholeEvents;
  console.info(`${events.count} events, PLUMB_SEED=${events.seed} makes the same ones again`);
  return events;
}

function horizonOf(events: WholeEvents): number {
  return firstMs(events) * 1_000 - 1;
}

interface Fed {
  readonly kafka: KafkaServer;
  readonly project: WholeProject;
  readonly messages: number;
}

/** Runs a part with a Kafka that has all messages. */
async function feed(name: string, events: WholeEvents, use: (fed: Fed) => Promise<void>): Promise<void> {
  rmSync(join(FOLDER, name), { recursive: true, force: true });
  const kafka = await startKafka();
  try {
    const config = { 'message.timestamp.type': 'CreateTime', 'retention.ms': '-1' };
    await makeTopic(kafka.brokers, SOURCE_TOPIC, { partitions: PARTITIONS, config });
    await makeTopic(kafka.brokers, TILE_TOPIC, { partitions: 2, config: { 'cleanup.policy': 'compact' } });
    const began = performance.now();
    const messages = await sendWhole(kafka.brokers, SOURCE_TOPIC, events);
    say(`${name}: ${messages} messages sent`, began);
    const project = await makeWhole(join(FOLDER, name), kafka.brokers[0]!, horizonOf(events));
    const fed = performance.now();
    await use({ kafka, project, messages });
    say(name, fed);
  } finally {
    await kafka.stop();
  }
}

function say(what: string, beganMs: number): void {
  console.info(`${what}: ${Math.round((performance.now() - beganMs) / 1_000)} s`);
}

part('stream', 'plumb stream, killed ten times, shared out anew twice, one frozen for a minute', async () => {
  const events = wholeEvents();
  await feed('stream', events, async ({ project, messages }) => {
    const restarted = await streamWhole(project, { messages, random: mulberry32(events.seed + 1) });
    console.info(`stream: ${restarted} times one ended by itself`);
  });
});

part('flink', 'Flink, killed twice', async () => {
  const events = wholeEvents();
  await feed('flink', events, ({ kafka, project, messages }) => {
    const kills = Number(process.env['WHOLE_KILLS'] ?? 2);
    const random = mulberry32(events.seed + 2);
    const { brokers } = kafka;
    return flinkWhole(project, { brokers, messages, horizonUs: horizonOf(events), kills, random });
  });
});

part('batch', 'batch, of the archive that plumb stream has written', async () => {
  const events = wholeEvents();
  const [folder, stream] = [join(FOLDER, 'batch'), join(FOLDER, 'stream')];
  rmSync(folder, { recursive: true, force: true });
  await makeWhole(folder, 'localhost:1', horizonOf(events));
  mkdirSync(join(folder, 'data'));
  symlinkSync(join(stream, 'data/clicks'), join(folder, 'data/clicks'));
  // The horizon is of the view's first run, which was the stream's.
  copyFileSync(join(stream, '.plumb/registry.db'), join(folder, '.plumb/registry.db'));
  const began = performance.now();
  await plumbIn(folder, ['materialize']);
  say('batch', began);
});

part('compare', 'tiles and values are the same', async () => {
  const events = wholeEvents();
  const [stream, flink, batch] = ['stream', 'flink', 'batch'].map((name) => openWhole(join(FOLDER, name)));
  const duck = await DuckDb.open({ threads: 2, memoryLimit: '3GiB', tempFolder: join(FOLDER, 'spill') });
  const began = performance.now();
  try {
    const upToUs = Math.min(...(await Promise.all([stream!, flink!, batch!].map(watermarkOf))));
    expect(upToUs).toBeGreaterThan(events.endMs * 1_000);
    const values = await changesIn(duck, stream!, { name: 'of_stream', upToUs });
    const compared = {
      flink: await compareTables(duck, values, await changesIn(duck, flink!, { name: 'of_flink', upToUs })),
      batch: await compareTables(duck, values, await changesIn(duck, batch!, { name: 'of_batch', upToUs })),
    };
    console.info('values', compared);
    const { hopUs } = stream!.view;
    const edges = {
      from: Math.floor((firstMs(events) * 1_000) / hopUs) - 3_600_000_000 / hopUs - 1,
      to: Math.floor(upToUs / hopUs) + 1,
    };
    const stores = [
      storedTiles(stream!, join(FOLDER, 'stream/state-last')),
      storedTiles(flink!, join(FOLDER, 'flink/.plumb/stream')),
      await archiveTiles(duck, stream!, horizonOf(events)),
    ] as const;
    const tiles = {
      flink: await compareTiles([stores[0], stores[1]], edges),
      archive: await compareTiles([stores[2], stores[1]], edges),
    };
    for (const store of stores) store.close();
    console.info('tiles', tiles);
    for (const { left, right, differing } of [...Object.values(compared), ...Object.values(tiles)]) {
      expect(differing).toEqual([]);
      expect(right).toBe(left);
      expect(left).toBeGreaterThan(events.count / 100);
    }
    say('compare', began);
  } finally {
    duck.close();
  }
});
