/**
 * The hot path of a stream of one view, stage by stage, by CPU of this process, and what its parts cost at least.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/stream-bench.ts [EVENTS] [USERS] [EVENTS A SECOND]
 *
 * Clicks as benchmarks/subjects/stream.ts has them: five windows of one view, hop 10 s, users by Zipf's law. Messages
 * go from bytes to events, to tiles, to rows in a batch, and into the state; archive, history and online store are left
 * out. A step is due every 50,000 messages, a commit every 200,000. The floor is what nothing can go without: bytes to
 * a JSON object, an entity found in a map, a row of SQLite, each once an event.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import type { AggregateFunction, Entity, Feature, FeatureView, Source } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { compileDecoder } from '../../materializer/stream/decode/decoder.ts';
import type { HistoryOutput } from '../../materializer/stream/output/history-output.ts';
import { noCounts } from '../../materializer/stream/stream-counts.ts';
import { ViewStream } from '../../materializer/stream/view-stream.ts';
import { clicksOf } from '../harness/streamed-clicks.ts';
import { print } from '../harness/report.ts';

const [EVENTS, USERS, PER_SECOND] = [
  Number(process.argv[2] ?? 1_000_000),
  Number(process.argv[3] ?? 100_000),
  Number(process.argv[4] ?? 20_000),
];
const STEP_MESSAGES = 50_000;
const COMMIT_MESSAGES = 200_000;

const entity: Entity = {
  name: 'user',
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};
const source: Source = {
  name: 'clicks',
  path: 'data/clicks',
  eventTime: 'at',
  createdTime: '_appended',
  maxAheadUs: null,
  stream: {
    topic: null,
    folder: 'data/incoming',
    format: { kind: 'json' },
    fields: [
      { name: 'user_id', type: { kind: 'int64' }, unit: null },
      { name: 'page', type: { kind: 'string' }, unit: null },
      { name: 'price', type: { kind: 'float64' }, unit: null },
      { name: 'at', type: { kind: 'timestamp' }, unit: 'ms' },
    ],
    id: null,
    keyedBy: 'user_id',
    op: null,
  },
};
const view: FeatureView = {
  ...PLAIN_VIEW,
  id: 'user_clicks',
  name: 'user_clicks',
  kind: 'aggregated',
  entity: 'user',
  source,
  definitionId: 1,
  freshnessUs: 60_000_000,
  freshnessAlertUs: 120_000_000,
  sourceFreshnessUs: 120_000_000,
  outOfOrderUs: 5_000_000,
  hopUs: 10_000_000,
  features: [
    feature('clicks_1m', 'count', null, 60),
    feature('spent_10m', 'sum', 'price', 600),
    feature('price_1h', 'avg', 'price', 3_600),
    feature('dearest_1d', 'max', 'price', 86_400),
    feature('pages_30m', 'countDistinct', 'page', 1_800),
  ],
};

function feature(name: string, of: AggregateFunction, column: string | null, seconds: number): Feature {
  const columnType: ValueType | null =
    column === null ? null : { kind: column === 'price' ? 'float64' : 'string' };
  const type: ValueType = { kind: of.startsWith('count') ? 'int64' : 'float64' };
  const [windowUs, sessionUs] = [seconds * 1_000_000, null];
  const aggregation = {
    function: of,
    column,
    columnType,
    windowUs,
    scale: 6,
    n: 0,
    percentile: 0,
    sessionUs,
  };
  return { ...PLAIN_FEATURE, name, type, aggregation };
}

const spent = new Map<string, number>();

function timed<T>(stage: string, work: () => T): T {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  spent.set(stage, (spent.get(stage) ?? 0) + user + system);
  return result;
}

function report(): void {
  for (const [stage, us] of spent)
    print(`${stage.padEnd(34)} ${(us / EVENTS).toFixed(2).padStart(7)} us an event`);
}

const untilUs = 1_760_000_000_000_000;
const messages: Buffer[] = [];
const users: string[] = [];
for (const { user, text } of clicksOf({ events: EVENTS, users: USERS, perSecond: PER_SECOND, untilUs })) {
  messages.push(Buffer.from(text));
  users.push(` ${user}`.slice(1));
}

const folder = mkdtempSync(join(tmpdir(), 'stream-bench-'));
const history: Pick<HistoryOutput, 'committed' | 'commit' | 'begin' | 'add' | 'addBatch' | 'waiting'> = {
  committed: { offset: 0, rowNumber: 0, watermarkUs: null, createdUs: 0, ownCreatedUs: null, lineage: null },
  waiting: 0,
  async begin() {},
  add() {},
  addBatch() {},
  async commit() {},
};
const stream = new ViewStream({
  view,
  entity,
  partition: 0,
  stateFile: join(folder, 'state.db'),
  owner: 'bench',
  sourceId: 'bench',
  horizonUs: untilUs,
  history,
  counts: noCounts(),
  otherPartitionOf: () => null,
  warn: print,
  reject(_, reason) {
    throw new Error(reason);
  },
});
const decode = compileDecoder(source);
let [seenUs, rows] = [0, 0];
const appendedUs = untilUs;
for (let from = 0; from < EVENTS; from += STEP_MESSAGES) {
  const part = messages.slice(from, from + STEP_MESSAGES);
  const events = timed('bytes to events', () => part.map((message) => decode(message)));
  timed('events to tiles', () => {
    for (const [i, made] of events.entries()) {
      if (typeof made === 'string') throw new Error(made);
      for (const { values, eventUs, id, op } of made) {
        if (eventUs > seenUs) seenUs = eventUs;
        stream.take({ values, eventUs, id, op, offset: from + i, appendedUs });
      }
    }
  });
  const offset = from + part.length;
  rows += timed('tiles to rows', () => stream.step(offset, seenUs, untilUs + offset)).size;
  if (offset % COMMIT_MESSAGES === 0)
    timed('tiles and rows to the state', () => stream.save(untilUs + offset));
}
print(`${EVENTS} events of ${USERS} users, ${rows} rows`);
report();
print(`in all ${([...spent.values()].reduce((sum, us) => sum + us, 0) / EVENTS).toFixed(2)} us an event`);
print(`resident ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB, with all messages`);
stream.close();

spent.clear();
timed('floor: bytes to a JSON object', () =>
  messages.map((message) => JSON.parse(message.toString('latin1')) as unknown),
);
const places = new Map<string, number>();
timed('floor: an entity in a map of texts', () => {
  for (const user of users) {
    const place = places.get(user);
    if (place === undefined) places.set(user, places.size);
  }
});
const database = new DatabaseSync(join(folder, 'floor.db'));
database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (key INTEGER PRIMARY KEY, tile BLOB)');
const insert = database.prepare('INSERT INTO t (key, tile) VALUES (?, ?)');
const tile = Buffer.alloc(60);
timed('floor: a row of SQLite, ascending', () => {
  database.exec('BEGIN');
  for (let i = 0; i < EVENTS; i++) insert.run(i, tile);
  database.exec('COMMIT');
});
database.close();
report();
rmSync(folder, { recursive: true, force: true });
