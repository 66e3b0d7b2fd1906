/**
 * What a layout of the online store with a field a feature would cost, beside the one with a field a view: memory in
 * Redis, and Redis's processor time a read of all features, a read of three of them, and a guarded write
 * (docs/decisions/0023-one-online-layout.md). Features are doubles. Raw commands, since the other layout is not built.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/layout-bench.ts [ENTITIES]
 *
 *   row      field per view      header and values
 *   feature  field per feature   its value; field per view: the header
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLAIN_FEATURE } from '../../contract/definitions/plain-definition.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES } from '../../contract/wire/online/row-header.ts';
import { redisAddress } from '../../project/connections/redis-address.ts';
import { redisClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import { median } from '../harness/median.ts';
import { startRedis } from '../harness/redis/redis-process.ts';
import { print } from '../harness/report.ts';

const ENTITIES = Number(process.argv[2] ?? 20_000);
const AT_ONCE = 500;
const ROUNDS = 5;
const NOW_US = 1_790_000_000_000_000;
/** Doubles of each view. */
const SHAPES: readonly (readonly number[])[] = [[10], [17, 17, 16], [100, 100]];

type Fields = (entity: number) => Buffer[];

/** A layout of some views: what is written of an entity, field and value in turn, and what is read. */
interface Layout {
  readonly name: 'row' | 'feature';
  readonly written: Fields;
  readonly readAll: readonly Buffer[];
  /** Of three features of the first view, with its times. */
  readonly readThree: readonly Buffer[];
}

/** As short as a guard can be: it compares the times of the header, and writes. */
const GUARD = `local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and string.sub(old, 5, 18) == ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3)) return 1`;

function layoutsOf(shape: readonly number[]): Layout[] {
  const views = shape.map((count, v) => {
    const names = Array.from({ length: count }, (_, f) => `view_${v}__feature_${f}`);
    const features = names.map((name) => ({ ...PLAIN_FEATURE, name, type: { kind: 'float64' as const } }));
    return { id: `view_${v}`, names, encoder: new RowEncoder({ definitionId: v, features }) };
  });
  const rowsOf = (entity: number, shift: number): Buffer[] =>
    views.map(({ names, encoder }) =>
      encoder.encode(
        NOW_US + shift,
        NOW_US,
        NOW_US / 1_000,
        names.map((_, f) => entity * 1.1 + f / 7),
      ),
    );
  const fields = views.map(({ id }) => fieldOf(id));
  const ofFeatures = views.map(({ names }) => names.map(fieldOf));
  const valueAt = (row: Buffer, count: number, f: number): Buffer => {
    const first = row.length - 9 * count;
    return row.subarray(first + 9 * f, first + 9 * f + 9);
  };
  return [
    {
      name: 'row',
      written: (entity) => rowsOf(entity, 0).flatMap((row, v) => [fields[v]!, row]),
      readAll: fields,
      readThree: [fields[0]!],
    },
    {
      name: 'feature',
      written: (entity) =>
        rowsOf(entity, 0).flatMap((row, v) => [
          fields[v]!,
          row.subarray(0, HEADER_BYTES),
          ...ofFeatures[v]!.flatMap((field, f) => [field, valueAt(row, shape[v]!, f)]),
        ]),
      readAll: [...fields, ...ofFeatures.flat()],
      readThree: [fields[0]!, ...ofFeatures[0]!.slice(0, 3)],
    },
  ];
}

const keyOf = (entity: number): string => `fstore:customer:${entity}`;

/** @returns Redis's processor time in us an entity */
async function cpuOf(redis: Redis, call: (entity: number) => Promise<unknown>): Promise<number> {
  const before = await cpuSeconds(redis);
  for (let from = 0; from < ENTITIES; from += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, ENTITIES - from) }, (_, i) => call(from + i)));
  return (((await cpuSeconds(redis)) - before) * 1e6) / ENTITIES;
}

async function cpuSeconds(redis: Redis): Promise<number> {
  return (await infoOf(redis, 'cpu', 'used_cpu_user')) + (await infoOf(redis, 'cpu', 'used_cpu_sys'));
}

async function infoOf(redis: Redis, section: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(await redis.info(section))![1]);
}

const folder = mkdtempSync(join(tmpdir(), 'plumb-layout-'));
const server = await startRedis(folder, ['--hash-max-listpack-value', '4096']);
const redis = redisClient(redisAddress(server.url), { enableAutoPipelining: true }, (error) => {
  throw error;
});
try {
  for (const shape of SHAPES) {
    const layouts = layoutsOf(shape);
    const figures = new Map(
      layouts.map(({ name }) => [name, { bytes: 0, all: [], three: [], guarded: [] } as Figures]),
    );
    for (let round = 0; round < ROUNDS; round++)
      for (const layout of round % 2 === 0 ? layouts : layouts.toReversed())
        await measure(layout, figures.get(layout.name)!);
    print(
      `\n${shape.join(' + ')} doubles, ${ENTITIES} entities, us of Redis's CPU an entity, medians of ${ROUNDS} rounds`,
    );
    for (const [name, { bytes, all, three, guarded }] of figures) {
      const us = (values: readonly number[]): string =>
        `${median(values).toFixed(2)} (${values.map((one) => one.toFixed(1)).join(' ')})`;
      print(
        `  ${name.padEnd(8)} ${bytes} bytes; read all ${us(all)}; read three ${us(three)}; write ${us(guarded)}`,
      );
    }
  }
} finally {
  redis.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
}

interface Figures {
  bytes: number;
  readonly all: number[];
  readonly three: number[];
  readonly guarded: number[];
}

async function measure(layout: Layout, figures: Figures): Promise<void> {
  await redis.flushall();
  const empty = await infoOf(redis, 'memory', 'used_memory');
  const write = (entity: number): Promise<unknown> => {
    const args = layout.written(entity);
    return redis.eval(GUARD, 1, keyOf(entity), args[0]!, args[1]!.subarray(4, 18), ...args);
  };
  figures.guarded.push(await cpuOf(redis, write));
  figures.bytes = Math.round(((await infoOf(redis, 'memory', 'used_memory')) - empty) / ENTITIES);
  for (const [fields, into] of [
    [layout.readAll, figures.all],
    [layout.readThree, figures.three],
  ] as const)
    into.push(await cpuOf(redis, (entity) => redis.hmgetBuffer(keyOf(entity), ...fields)));
}
