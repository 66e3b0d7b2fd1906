/**
 * A project with one view of five windows over a stream of clicks, and clicks for it: users by Zipf's law, as JSON of
 * some 150 bytes of which the view reads two thirds.
 */
import { appendFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { seededRandom, zipf } from '../../loadtest/generator/key-choice.ts';

export interface ClickShape {
  readonly events: number;
  readonly users: number;
  /** Events a second of event time. */
  readonly perSecond: number;
  /** Of the newest event, microseconds. */
  readonly untilUs: number;
}

interface Click {
  readonly user: number;
  readonly text: string;
}

const PAGES = 500;
const FILE_LINES = 100_000;
const SEND_MESSAGES = 10_000;

interface ClickView {
  /** As YAML has it: a folder or a topic. */
  readonly from: string;
  readonly hop: string;
}

export function writeClickProject(
  folder: string,
  { from, hop }: ClickView,
  settings: readonly string[],
): void {
  const definitions = `entity: user
joinKeys: { user_id: int64 }
---
source: clicks
stream: { ${from}, format: json, keyedBy: user_id, archive: data/clicks }
fields: { user_id: int64, page: string, price: float64, at: { type: timestamp, unit: ms } }
eventTime: at
---
featureView: user_clicks
entity: user
source: clicks
hop: ${hop}
freshness: 1m
features:
  clicks_1m: { agg: count, window: 1m }
  spent_10m: { agg: sum, column: price, window: 10m }
  price_1h: { agg: avg, column: price, window: 1h }
  dearest_1d: { agg: max, column: price, window: 1d }
  pages_30m: { agg: countDistinct, column: page, window: 30m }
`;
  makeFolder(join(folder, 'data', 'incoming'));
  writeDurably(join(folder, 'plumbline.yaml'), ['project: clicks', ...settings, ''].join('\n'));
  writeDurably(join(folder, 'definitions', 'clicks.yaml'), definitions);
}

/** Clicks in the order of their times. */
export function* clicksOf({ events, users, perSecond, untilUs }: ClickShape): Generator<Click> {
  const random = seededRandom(7);
  const userOf = zipf(users, 1, random);
  const firstMs = Math.floor(untilUs / 1_000 - (events / perSecond) * 1_000);
  for (let i = 0; i < events; i++) {
    const user = userOf();
    const page = `/shop/page/${Math.floor(random() ** 2 * PAGES)}`;
    const price = Math.floor(random() * 50_000) / 100;
    const at = firstMs + Math.floor((i * 1_000) / perSecond);
    const text = JSON.stringify({
      user_id: user,
      session: `s${(user * 7_919 + (i >> 9)) % 1_000_000}`,
      page,
      price,
      at,
      device: i % 3 === 0 ? 'mobile' : 'desktop',
      referrer: '/search?q=shoes',
    });
    yield { user, text };
  }
}

/**
 * Lays clicks into the project's folder, a file of so many lines after the other, as if appended with the newest of
 * them: which edges are due is then said by the clicks alone, where they lie ahead of the clock.
 */
export function layClicks(folder: string, shape: ClickShape): void {
  let [lines, count] = [[] as string[], 0];
  const flush = (): void => {
    const name = `${String(count).padStart(9, '0')}.jsonl`;
    const file = join(folder, 'data', 'incoming', name);
    appendFileSync(file, lines.join(''));
    utimesSync(file, shape.untilUs / 1_000_000, shape.untilUs / 1_000_000);
    lines = [];
  };
  for (const { text } of clicksOf(shape)) {
    lines.push(`${text}\n`);
    if ((count += 1) % FILE_LINES === 0) flush();
  }
  if (lines.length > 0) flush();
}

interface ClickTopic {
  readonly brokers: string[];
  readonly topic: string;
  readonly partitions: number;
}

export async function makeClickTopic({ brokers, topic, partitions }: ClickTopic): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] });
  await admin.disconnect();
}

/** Sends clicks, a user's to one partition. */
export class ClickProducer {
  readonly #topic: ClickTopic;
  readonly #producer: kafkajs.Producer;
  #messages: { key: string; value: string; partition: number }[] = [];

  private constructor(topic: ClickTopic, producer: kafkajs.Producer) {
    this.#topic = topic;
    this.#producer = producer;
  }

  static async connect(topic: ClickTopic): Promise<ClickProducer> {
    const kafka = new kafkajs.Kafka({ brokers: topic.brokers, logLevel: kafkajs.logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    return new ClickProducer(topic, producer);
  }

  /** How many wait to be sent. */
  get waiting(): number {
    return this.#messages.length;
  }

  add({ user, text }: Click): void {
    const partition = user % this.#topic.partitions;
    this.#messages.push({ key: String(user), value: text, partition });
  }

  async flush(): Promise<void> {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    await this.#producer.send({ topic: this.#topic.topic, messages });
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
  }
}

export async function sendClicks(topic: ClickTopic, shape: ClickShape): Promise<void> {
  const producer = await ClickProducer.connect(topic);
  for (const click of clicksOf(shape)) {
    producer.add(click);
    if (producer.waiting === SEND_MESSAGES) await producer.flush();
  }
  await producer.flush();
  await producer.close();
}
