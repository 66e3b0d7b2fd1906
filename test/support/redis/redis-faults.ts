/** What befalls a single Redis: it hangs, answers slowly, dies and comes back empty, runs under another locale. */
import { rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { BENCH_SERVICE, benchKeyOf, benchValueOf } from '../../../benchmarks/harness/project.ts';
import { openOnlineWriter } from '../../../materializer/online/open-online-writer.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { loadSettings } from '../../../project/settings/settings.ts';
import { fieldOf } from '../../../contract/wire/online/online-layout.ts';
import { RowEncoder } from '../../../contract/wire/online/row-codec.ts';
import type { Fault } from '../faults/fault.ts';
import { expectSteady } from '../faults/fault.ts';
import type { FaultReport } from '../faults/fault-report.ts';
import { FAULT_CUSTOMERS } from '../faults/fault-load.ts';
import { FaultRun } from '../faults/fault-run.ts';
import { hostileLocale } from '../faults/hostile-locale.ts';
import { startRedis } from './redis.ts';
import type { RedisOptions, RedisServer } from './redis.ts';
import { slowDown } from './slow-redis.ts';

async function start(options: RedisOptions = {}): Promise<RedisServer> {
  const redis = await startRedis(options);
  onTestFinished(() => redis.stop());
  return redis;
}

async function hangs(seconds: number): Promise<FaultReport> {
  const redis = await start();
  const run = await FaultRun.start({ online: redis.url });
  await run.calm();
  run.breaks();
  await redis.kill('SIGSTOP');
  await run.answers(seconds);
  await redis.kill('SIGCONT');
  run.mended();
  const report = await run.end();
  expectSteady(report, 'some');
  return report;
}

async function isSlow(seconds: number): Promise<FaultReport> {
  const redis = await start();
  const run = await FaultRun.start({ online: redis.url });
  await run.calm();
  run.breaks();
  const speedUp = slowDown(redis.port);
  await run.answers(seconds);
  await speedUp();
  run.mended();
  const report = await run.end();
  expectSteady(report, 'some');
  return report;
}

async function comesBackEmpty(seconds: number): Promise<FaultReport> {
  const redis = await start();
  const run = await FaultRun.start({ online: redis.url });
  await run.calm();
  run.breaks();
  await redis.kill('SIGKILL');
  await run.answers(seconds / 2);
  await start({ port: redis.port });
  // Empty, it answers: there are no rows, and no marker says that this is so.
  await run.answers(seconds / 2);
  await run.refill();
  run.mended();
  const report = await run.end();
  expectSteady(report, 'some');
  return report;
}

const OLDER_US = 97_003_001;

/** Customers by turns got an older row after the newer one, and a newer after the older: the guard keeps the newer. */
async function writeOutOfOrder(folder: string, redis: RedisServer): Promise<void> {
  const settings = loadSettings(folder, {});
  const { services, views } = loadCurrentBundle(settings.bundles);
  const writer = await openOnlineWriter(settings.online);
  const client = new Redis(redis.port, '127.0.0.1');
  const nowUs = Date.now() * 1_000;
  for (const [v, { view: id }] of services.get(BENCH_SERVICE)!.views.entries()) {
    const view = views.get(id)!;
    const encoder = new RowEncoder(view);
    const row = (customer: number, isNewer: boolean): Buffer => {
      const eventUs = nowUs - (isNewer ? 0 : customer * OLDER_US);
      const wrong = isNewer ? 0 : 0.5;
      const values = view.features.map((_, f) => benchValueOf(customer, v, f) + wrong);
      return encoder.encode(eventUs, nowUs, Date.now(), values);
    };
    const online = (customer: number, isNewer: boolean) => {
      const key = benchKeyOf(customer);
      return { key, view: id, row: row(customer, isNewer), superseded: [], expiresInMs: null };
    };
    const customers = Array.from({ length: FAULT_CUSTOMERS }, (_, i) => i + 1);
    await Promise.all(customers.map((c) => client.hset(benchKeyOf(c), fieldOf(id), row(c, c % 2 === 0))));
    const counts = await writer.write(
      customers.map((c) => online(c, c % 2 === 1)),
      { replace: false },
    );
    expect(counts).toMatchObject({ written: FAULT_CUSTOMERS / 2, older: FAULT_CUSTOMERS / 2 });
  }
  client.disconnect();
  await writer.close();
}

async function hasAnotherLocale(seconds: number): Promise<FaultReport> {
  const { env, folder: locale } = hostileLocale();
  onTestFinished(() => rmSync(locale, { recursive: true }));
  const redis = await start({ env });
  const run = await FaultRun.start({
    online: redis.url,
    prepare: (folder) => writeOutOfOrder(folder, redis),
  });
  await run.calm();
  run.breaks();
  await run.answers(seconds);
  run.mended();
  const report = await run.end();
  expectSteady(report, 'none');
  return report;
}

export const REDIS_FAULTS: readonly Fault<null>[] = [
  { name: 'hangs (SIGSTOP)', run: (_, seconds) => hangs(seconds) },
  { name: 'answers slowly', run: (_, seconds) => isSlow(seconds), isLong: true },
  { name: 'is killed and comes back empty', run: (_, seconds) => comesBackEmpty(seconds) },
  { name: 'runs under another locale', run: (_, seconds) => hasAnotherLocale(seconds), isLong: true },
];
