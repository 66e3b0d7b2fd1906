/**
 * Sidecar, materializer and monitor of two builds over one Redis and one topic: upgraded one after another, readers
 * first and writers first. After each step rows that the materializer of that step wrote are served by its sidecar,
 * logged to Kafka, and judged by its monitor: none may be misread, and what one cannot do it must say.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Value } from '../../contract/value-type.ts';
import { earlierPlumb } from '../support/deploy/earlier-build.ts';
import { writeRows } from '../support/fixtures/parquet-rows.ts';
import { startKafka, KAFKA_START_LIMIT_MS } from '../support/kafka/kafka.ts';
import type { KafkaServer } from '../support/kafka/kafka.ts';
import { makeTopic, readTopic } from '../support/kafka/kafka-topic.ts';
import { arrivedIn } from '../support/kafka/shipped-log.ts';
import { plumb, PLUMB, serve } from '../support/processes/plumb-process.ts';
import type { Finished, Serving } from '../support/processes/plumb-process.ts';
import { startRedis } from '../support/redis/redis.ts';
import type { RedisServer } from '../support/redis/redis.ts';
import { scratchFolder } from '../support/scratch.ts';
import { until } from '../support/until.ts';

type Program = 'sidecar' | 'materializer' | 'monitor';
const ORDERS: readonly (readonly Program[])[] = [
  ['sidecar', 'monitor', 'materializer'],
  ['materializer', 'monitor', 'sidecar'],
];
const DRIVERS = 20;
const HOUR_US = 3_600_000_000n;

const DEFINITIONS = `
entity: driver
joinKeys: { driver_id: int64 }
---
featureView: stats
entity: driver
source: { parquet: 'rows/*.parquet', eventTime: at, createdTime: made }
features: { rate: float64, trips: int64, name: string }
freshness: 1h
---
featureService: rank
features: [stats]
consumers: [{ model: ranker, owner: team-rank }]
`;

let redis: RedisServer;
let kafka: KafkaServer;
let earlier: string;
beforeAll(async () => {
  [redis, kafka] = await Promise.all([startRedis(), startKafka()]);
  earlier = earlierPlumb();
}, KAFKA_START_LIMIT_MS);
afterAll(async () => {
  await Promise.all([redis.stop(), kafka.stop()]);
});

test.each(ORDERS)(
  'first the %s, then the %s, then the %s',
  async (...order) => {
    const topic = `upgrade-${order[0]}`;
    await makeTopic(kafka.brokers, topic);
    const folder = scratchFolder({
      'plumbline.yaml': [
        `online: { url: ${redis.url}, keyPrefix: '${order[0]}:' }`,
        `log: { kafka: { brokers: [${kafka.brokers.map((one) => `"${one}"`).join()}], topic: ${topic}, graceMs: 60000 } }`,
        'serve: { cacheFreshMs: 100, graceMs: 90000 }',
      ].join('\n'),
      'definitions/rank.yaml': DEFINITIONS,
      'rows/none.txt': '',
    });
    const date = new Date().toISOString().slice(0, 10);
    const builds: Record<Program, string> = { sidecar: earlier, materializer: earlier, monitor: earlier };
    const ran = async (program: string, ...args: string[]): Promise<Finished> => {
      const done = await plumb(['-C', folder, '--json', ...args], { program });
      expect(done.code, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBeLessThanOrEqual(1);
      return done;
    };
    await land(folder, 0);
    await ran(earlier, 'apply');
    let sidecar: Serving | null = null;
    let asked = 0;
    for (const [step, upgraded] of [null, ...order].entries()) {
      if (upgraded !== null) builds[upgraded] = PLUMB;
      await land(folder, step);
      await ran(builds.materializer, 'materialize');
      if (sidecar === null || upgraded === 'sidecar') {
        expect((await sidecar?.stop())?.code ?? 0).toBe(0);
        sidecar = await serve(folder, builds.sidecar);
      }
      const { url } = sidecar;
      await until(async () => {
        asked += 1;
        return (await tripsOf(url))[0] === String(step);
      }, `the rows of step ${step} are served`);
      expect(await tripsOf(url)).toEqual(Array.from({ length: DRIVERS }, () => String(step)));
      asked += 1;
      await until(
        async () => arrivedIn(await readTopic(kafka.brokers, topic)).ids.length >= asked,
        `all that was served up to step ${step} is in the topic`,
        200,
      );
      await ran(builds.monitor, 'monitor', 'ingest');
      const verdict = await ran(builds.monitor, 'monitor', 'run', '--date', date);
      const [snapshot] = snapshotsOf(verdict.stdout);
      expect(snapshot!.vectors).toMatchObject({ read: asked * DRIVERS, judged: asked * DRIVERS });
      expect(snapshot!.features.map(({ beyondPromise }) => beyondPromise)).toEqual([0, 0, 0]);
    }
    expect((await sidecar!.stop()).code).toBe(0);
  },
  600_000,
);

interface Snapshot {
  readonly vectors: { readonly read: number };
  readonly features: readonly { readonly beyondPromise: number }[];
}

function snapshotsOf(stdout: string): Snapshot[] {
  const said = JSON.parse(stdout) as Snapshot | Snapshot[] | { readonly snapshot: Snapshot }[];
  const all = Array.isArray(said) ? said : [said];
  return all.map((one) => ('snapshot' in one ? one.snapshot : one));
}

/** Rows of a step: every driver has made as many trips as it has number. */
async function land(folder: string, step: number): Promise<void> {
  const nowUs = BigInt(Date.now()) * 1_000n;
  const at = nowUs - HOUR_US + BigInt(step) * 1_000_000n;
  const rows = Array.from({ length: DRIVERS }, (_, i): Value[] => [
    BigInt(i),
    at,
    nowUs,
    i / 7 + step,
    BigInt(step),
    `driver ${i}, ü, ${step}`,
  ]);
  const types = (['int64', 'timestamp', 'timestamp', 'float64', 'int64', 'string'] as const).map((kind) => ({
    kind,
  }));
  await writeRows(
    join(folder, `rows/${step}.parquet`),
    ['driver_id', 'at', 'made', 'rate', 'trips', 'name'],
    {
      types,
      rows,
    },
  );
}

async function tripsOf(url: string): Promise<unknown[]> {
  const body = {
    feature_service: 'rank',
    entities: { driver_id: Array.from({ length: DRIVERS }, (_, i) => i) },
  };
  const answered = await fetch(`${url}/feature-service/get-online-features`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  const { results } = JSON.parse((await answered.text()).replaceAll(/("stats__trips":)(\d+)/g, '$1"$2"')) as {
    results: { features: Record<string, unknown> }[];
  };
  return results.map(({ features }) => features['stats__trips']);
}
