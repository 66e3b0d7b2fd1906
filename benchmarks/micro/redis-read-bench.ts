/**
 * What a read of rows takes of a Redis node (docs/capacity.md): processor time of the server a command, and the part of
 * it that INFO commandstats calls the command's own; the rest is what a client's socket costs. By redis-benchmark,
 * over entities of five views of ten doubles each, asked for at random.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/redis-read-bench.ts [ROUNDS]
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { redisAddress } from '../../project/connections/redis-address.ts';
import { redisClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import { median } from '../harness/median.ts';
import { startRedis } from '../harness/redis/redis-process.ts';
import { print } from '../harness/report.ts';

const ROUNDS = Number(process.argv[2] ?? 3);
const ENTITIES = 100_000;
const COMMANDS = 60_000;
/** Of a row of ten doubles, its header included. */
const ROW_BYTES = 115;
const FIELDS = ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee'];
const WAYS = [
  { name: 'each in a write of its own, 50 connections', clients: 50, pipeline: 1 },
  { name: 'each in a write of its own, 2,000 connections', clients: 2_000, pipeline: 1 },
  { name: '16 in a write, 50 connections', clients: 50, pipeline: 16 },
];
/** As redis-benchmark writes the number in the place of __rand_int__. */
const ID_DIGITS = 12;

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'plumb-redis-read-'));
const server = await startRedis(folder, ['--hash-max-listpack-value', '1024']);
const redis = redisClient(redisAddress(server.url), { enableAutoPipelining: true }, (error) => {
  throw error;
});
try {
  await fill();
  print(`${ENTITIES} entities; us of the server a command, medians of ${ROUNDS} rounds in turn (all rounds)`);
  const cases = WAYS.flatMap((way) =>
    [1, FIELDS.length].map((fields) => ({ way, fields, found: [] as Read[] })),
  );
  for (let round = 0; round < ROUNDS; round++)
    for (const { way, fields, found } of round % 2 === 0 ? cases : cases.toReversed())
      found.push(await measure(way, FIELDS.slice(0, fields)));
  for (const { way, fields, found } of cases) {
    const all = found.map(({ cpuUs }) => cpuUs.toFixed(1)).join(' ');
    const own = median(found.map(({ ownUs }) => ownUs)).toFixed(2);
    const whole = median(found.map(({ cpuUs }) => cpuUs)).toFixed(1);
    print(`  HMGET of ${fields}, ${way.name}: ${whole} (${all}), of it the command's own ${own}`);
  }
} finally {
  redis.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
}

interface Read {
  readonly cpuUs: number;
  readonly ownUs: number;
}

async function fill(): Promise<void> {
  const row = Buffer.alloc(ROW_BYTES, 1);
  for (let from = 0; from < ENTITIES; from += 1_000)
    await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        redis.hset(keyOf(from + i), ...FIELDS.flatMap((field) => [field, row])),
      ),
    );
}

function keyOf(entity: number): string {
  return `fstore:customer:${String(entity).padStart(ID_DIGITS, '0')}`;
}

async function measure(
  { clients, pipeline }: (typeof WAYS)[number],
  fields: readonly string[],
): Promise<Read> {
  await redis.config('RESETSTAT');
  const before = await cpuSeconds(redis);
  const shape = ['-p', String(server.port), '-c', String(clients), '-P', String(pipeline)];
  const asked = ['-n', String(COMMANDS), '-r', String(ENTITIES), '-q'];
  await run('redis-benchmark', [...shape, ...asked, 'HMGET', 'fstore:customer:__rand_int__', ...fields]);
  const cpuUs = (((await cpuSeconds(redis)) - before) * 1e6) / COMMANDS;
  const own = /^cmdstat_hmget:.*usec_per_call=([\d.]+)/m.exec(await redis.info('commandstats'));
  return { cpuUs, ownUs: Number(own![1]) };
}

async function cpuSeconds(client: Redis): Promise<number> {
  const info = await client.info('cpu');
  const of = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)![1]);
  return of('used_cpu_user') + of('used_cpu_sys');
}
