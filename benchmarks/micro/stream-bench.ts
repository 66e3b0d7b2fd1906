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
import { compileDecoder } from '../../materializer/stream/decode/decoder.ts';
import { noCounts } from '../../materializer/stream/stream-counts.ts';
import { ViewStream } from '../../materializer/stream/view-stream.ts';
import { clickEntity, clickSource, clickView, noHistory } from './click-view.ts';
import { clicksOf } from '../harness/streamed-clicks.ts';
import { print } from '../harness/report.ts';

const [EVENTS, USERS, PER_SECOND] = [
  Number(process.argv[2] ?? 1_000_000),
  Number(process.argv[3] ?? 100_000),
  Number(process.argv[4] ?? 20_000),
];
const STEP_MESSAGES = 50_000;
const COMMIT_MESSAGES = 200_000;

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
const stream = new ViewStream({
  view: clickView,
  entity: clickEntity,
  partition: 0,
  stateFile: join(folder, 'state.db'),
  owner: 'bench',
  sourceId: 'bench',
  horizonUs: untilUs,
  history: noHistory(),
  counts: noCounts(),
  otherPartitionOf: () => null,
  warn: print,
  reject(_, reason) {
    throw new Error(reason);
  },
});
const decode = compileDecoder(clickSource);
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
