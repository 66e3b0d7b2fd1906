/**
 * What a layout of the online store with one field a service and entity would give to a request of which no row is
 * cached, beside the one with a field a view (docs/decisions/0035-no-service-layout.md). Five views of ten doubles.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/service-layout-bench.ts [ROUNDS]
 *
 *   row       field per view      header and values                     HMGET of five
 *   service   field per service   each view's length, header, values    HMGET of one
 *
 * By the sidecar's own lane of reads: processor time of Redis and of the reader a request, up to the rows as text. What
 * follows, from the decoding to the log, is the same of either.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLAIN_FEATURE } from '../../contract/definitions/plain-definition.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { redisAddress } from '../../project/connections/redis-address.ts';
import { redisClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import { ReadLane } from '../../sidecar/store/read-lane.ts';
import type { StoreView } from '../../sidecar/store/store-reader.ts';
import { median } from '../harness/median.ts';
import { startRedis } from '../harness/redis/redis-process.ts';
import type { RedisProcess } from '../harness/redis/redis-process.ts';
import { print } from '../harness/report.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const ENTITIES = 10_000;
const VIEWS = [10, 10, 10, 10, 10];
/** Requests that come in one turn of the event loop, and how many are measured. */
const AT_ONCE = [
  [1, 8_000],
  [32, 64_000],
] as const;
const NOW_US = 1_790_000_000_000_000;
const LIMITS = { connectMs: 5_000, silentMs: 60_000 };
const LENGTH_BYTES = 2;

/** Of one layout: what is asked for, and how the rows of the views come out of it. */
interface Layout {
  readonly name: 'row' | 'service';
  readonly views: readonly StoreView[];
  readonly keyOf: (entity: number) => string;
  readonly rowsOf: (read: readonly (string | null)[]) => readonly (string | null)[];
}

const viewOf = (id: string): StoreView => {
  const field = fieldOf(id);
  return { id, field, fieldNumber: field.readUInt32BE() };
};
const LAYOUTS: readonly Layout[] = [
  {
    name: 'row',
    views: VIEWS.map((_, v) => viewOf(`view_${v}`)),
    keyOf: (entity) => `fstore:customer:${entity}`,
    rowsOf: (read) => read,
  },
  {
    name: 'service',
    views: [viewOf('service')],
    keyOf: (entity) => `fstore:served:${entity}`,
    rowsOf: ([all]) => cut(all!),
  },
];

/** @returns the rows of a service's value */
function cut(all: string): string[] {
  const rows: string[] = [];
  for (let at = 0; at < all.length;) {
    const length = (all.charCodeAt(at) << 8) | all.charCodeAt(at + 1);
    rows.push(all.slice(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
    at += LENGTH_BYTES + length;
  }
  return rows;
}

const folder = mkdtempSync(join(tmpdir(), 'plumb-service-layout-'));
const server = await startRedis(folder, ['--hash-max-listpack-value', '4096']);
try {
  await compareReads(server);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

async function compareReads({ url, port }: RedisProcess): Promise<void> {
  const redis = redisClient(redisAddress(url), { enableAutoPipelining: true }, (error) => {
    throw error;
  });
  await fill(redis);
  const lane = await openLane(port);
  for (const [atOnce, reads] of AT_ONCE) {
    print(
      `\n${atOnce} at once: processor time a request in us, medians of ${ROUNDS} rounds in turn (all rounds)`,
    );
    const figures = new Map(
      LAYOUTS.map(({ name }) => [name, { redis: [] as number[], reader: [] as number[] }]),
    );
    for (const layout of LAYOUTS) await readAll(lane, layout, atOnce, reads);
    for (let round = 0; round < ROUNDS; round++) {
      for (const layout of round % 2 === 0 ? LAYOUTS : LAYOUTS.toReversed()) {
        const before = await redisSeconds(redis);
        const own = process.cpuUsage();
        await readAll(lane, layout, atOnce, reads);
        const { user, system } = process.cpuUsage(own);
        const figure = figures.get(layout.name)!;
        figure.reader.push((user + system) / reads);
        figure.redis.push((((await redisSeconds(redis)) - before) * 1e6) / reads);
      }
    }
    const us = (values: readonly number[]): string =>
      `${median(values).toFixed(2)} (${values.map((one) => one.toFixed(1)).join(' ')})`;
    for (const [name, { redis: store, reader }] of figures)
      print(`  ${name.padEnd(8)} Redis ${us(store)}; reader ${us(reader)}`);
  }
  lane.end();
  redis.disconnect();
}

async function fill(redis: Redis): Promise<void> {
  const features = Array.from({ length: VIEWS[0]! }, (_, f) => ({
    ...PLAIN_FEATURE,
    name: `f${f}`,
    type: { kind: 'float64' as const },
  }));
  const encoders = VIEWS.map((_, v) => new RowEncoder({ definitionId: v, features }));
  const [row, service] = LAYOUTS as readonly [Layout, Layout];
  const writes: Promise<unknown>[] = [];
  for (let entity = 0; entity < ENTITIES; entity++) {
    const rows = encoders.map((encoder) =>
      Buffer.from(
        encoder.encode(
          NOW_US,
          NOW_US,
          NOW_US / 1_000,
          features.map((_, f) => entity * 1.1 + f / 7),
        ),
      ),
    );
    const whole = Buffer.concat(
      rows.flatMap((one) => [Buffer.from([one.length >> 8, one.length & 255]), one]),
    );
    writes.push(redis.hset(row.keyOf(entity), ...rows.flatMap((one, v) => [row.views[v]!.field, one])));
    writes.push(redis.hset(service.keyOf(entity), service.views[0]!.field, whole));
  }
  await Promise.all(writes);
}

async function openLane(port: number): Promise<ReadLane> {
  return await new Promise((resolve) => {
    const address = { host: '127.0.0.1', port, database: 0, credentials: noLogin() };
    const lane: ReadLane = new ReadLane(address, LIMITS, () => resolve(lane));
    lane.open();
  });
}

function noLogin(): ConstructorParameters<typeof ReadLane>[0]['credentials'] {
  return { username: undefined, password: undefined, tls: undefined };
}

/** Reads entities in turn, so many at once; the next ones when all of these are there. */
async function readAll(
  lane: ReadLane,
  { views, keyOf, rowsOf }: Layout,
  atOnce: number,
  reads: number,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let [asked, open] = [0, 0];
    const lost = (): void => reject(new Error('the lane was lost'));
    const next = (): void => {
      if (asked === reads) return resolve();
      for (; open < atOnce && asked < reads; open++, asked++)
        lane.read({
          key: keyOf(asked % ENTITIES),
          views,
          knownRow: () => undefined,
          onRows,
          onLost: lost,
          onSilent: lost,
        });
    };
    const onRows = (read: readonly (string | null)[]): void => {
      if (rowsOf(read).length !== VIEWS.length) reject(new Error('rows are missing'));
      open -= 1;
      if (open === 0) next();
    };
    next();
  });
}

async function redisSeconds(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)![1]);
  return of('used_cpu_user') + of('used_cpu_sys');
}
