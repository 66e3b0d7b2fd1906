/** Set-ups that are broken in one place each: `plumb doctor` names that place, and what to do about it. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPointer, writePointer } from '../../../contract/definitions/bundle-folder.ts';
import { apply } from '../../../registry/commands.ts';
import { doctor, findingsOf } from '../../../registry/doctor/doctor.ts';
import type { SetupFinding } from '../../../registry/doctor/finding.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { keptShopProject } from '../../support/fixtures/shop-project.ts';
import { KAFKA_START_LIMIT_MS } from '../../support/kafka/kafka.ts';
import { makeTopic } from '../../support/kafka/kafka-topic.ts';
import { runKafka } from '../../support/kafka/run-kafka.ts';
import type { RunKafka } from '../../support/kafka/run-kafka.ts';
import { freePort, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';

let shop: string;
let redis: RedisServer;
let client: Redis;
let kafka: RunKafka;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  [shop, redis, kafka] = await Promise.all([keptShopProject({}), startRedis(), runKafka()]);
  client = new Redis(redis.port, '127.0.0.1');
  const context = commandContext(shop);
  expect(await apply(context, undefined, {})).toBe(0);
  await makeTopic(kafka.brokers, 'doctor-compacted', { config: { 'cleanup.policy': 'compact' } });
  await makeTopic(kafka.brokers, 'doctor-right');
}, KAFKA_START_LIMIT_MS);
afterAll(async () => {
  client.disconnect();
  await redis.stop();
  for (const each of cleanUp) await each();
  rmSync(shop, { recursive: true });
});

/** A copy of the applied project, which a test may break. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  cpSync(shop, folder, { recursive: true });
  return folder;
}

async function wrongIn(flags: Readonly<Record<string, string>>, folder = shop): Promise<SetupFinding[]> {
  const ports = { 'serve.port': '0', 'serve.adminPort': '0' };
  return (await findingsOf(commandContext(folder, false, { ...ports, ...flags }))).filter(
    ({ state }) => state === 'wrong',
  );
}

/** Exactly one thing is wrong, and is named so. */
async function expectOne(
  flags: Readonly<Record<string, string>>,
  [check, found, help]: readonly [string, RegExp, RegExp],
  folder = shop,
): Promise<void> {
  const wrong = await wrongIn(flags, folder);
  expect(wrong, JSON.stringify(wrong, null, 1)).toHaveLength(1);
  expect(wrong[0]).toMatchObject({
    check,
    found: expect.stringMatching(found),
    help: expect.stringMatching(help),
  });
}

test('a set-up that works', async () => {
  expect(await wrongIn({})).toEqual([]);
  const set = {
    online: redis.url,
    'log.kafka.brokers': kafka.brokers[0]!,
    'log.kafka.topic': 'doctor-right',
  };
  expect(await wrongIn(set)).toEqual([]);
  const context = commandContext(shop, true, { ...set, 'serve.port': '0', 'serve.adminPort': '0' });
  expect(await doctor(context)).toBe(0);
  const said = JSON.parse(context.said()) as {
    readonly ok: boolean;
    readonly findings: readonly SetupFinding[];
  };
  expect(said.ok).toBe(true);
  const states = Object.fromEntries(said.findings.map(({ check, state }) => [check, state]));
  expect(states).toMatchObject({
    'online store': 'ok',
    'log.kafka': 'ok',
    registry: 'ok',
    folders: 'ok',
    runs: 'note',
  });
});

test('a Redis that is away, refuses, is none, or loses what is written', async () => {
  const closed = await freePort();
  const online = (url: string): { online: string } => ({ online: url });
  const at = `redis://127.0.0.1:${closed}`;
  await expectOne(online(at), ['online store', /ECONNREFUSED/, /Nothing listens/]);
  await expectOne(online('redis://no-such-host.invalid'), [
    'online store',
    /ENOTFOUND|EAI_AGAIN/,
    /not known/,
  ]);
  await expectOne(online(`redis+cluster://127.0.0.1:${redis.port}`), [
    'online store',
    /cluster/,
    /redis:\/\//,
  ]);
  await expectOne(online(`rediss://127.0.0.1:${redis.port}`), ['online store', /not ready/, /speaks TLS/]);
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  cleanUp.push(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  await expectOne(online(`redis://127.0.0.1:${port}`), ['online store', /not ready|timed out/, /no Redis/]);
  const file = { online: redis.url, 'online.passwordFile': 'no-such-file' };
  const setting = (await wrongIn(file)).find(({ check }) => check === 'online store');
  expect(setting?.found).toMatch(/password file .*no-such-file cannot be read/);

  await client.config('SET', 'maxmemory', '64mb', 'maxmemory-policy', 'allkeys-lru');
  await expectOne(online(redis.url), ['online store', /maxmemory-policy is allkeys-lru/, /noeviction/]);
  const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
  await client.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', String(Math.round(used * 1.02)));
  await expectOne(online(redis.url), ['online store', /are used/, /Raise maxmemory/]);
  await client.config('SET', 'maxmemory', '0');
  await client.replicaof('127.0.0.1', closed);
  await expectOne(online(redis.url), ['online store', /replica of 127\.0\.0\.1/, /primary/]);
  await client.call('REPLICAOF', 'NO', 'ONE');

  await client.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '-@all', '+hget');
  await expectOne({ online: `redis://reader:secret@127.0.0.1:${redis.port}` }, [
    'online store',
    /NOPERM|no permissions/,
    /docs\/redis\.md/,
  ]);
  await expectOne({ online: `redis://reader:wrong@127.0.0.1:${redis.port}` }, [
    'online store',
    /WRONGPASS/,
    /passwordFile/,
  ]);
  await client.config('SET', 'requirepass', 'secret');
  await expectOne(online(redis.url), ['online store', /NOAUTH/, /asks for a login/]);
  await client.config('SET', 'requirepass', '');
});

test('a Kafka that is away, and topics that lack or do not keep', async () => {
  const log = (broker: string, topic: string): Record<string, string> => ({
    'log.kafka.brokers': broker,
    'log.kafka.topic': topic,
  });
  const broker = kafka.brokers[0]!;
  await expectOne(log(`127.0.0.1:${await freePort()}`, 'x'), [
    'log.kafka',
    /ECONNREFUSED/,
    /start the broker/,
  ]);
  await expectOne(log(broker, 'doctor-none'), [
    'log.kafka',
    /no topic doctor-none/,
    /--create --topic doctor-none/,
  ]);
  await expectOne(log(broker, 'doctor-compacted'), ['log.kafka', /cleanup\.policy=compact/, /kafka-configs/]);
});

test('folders, disks, ports and clocks', async () => {
  const folder = copy();
  writeFileSync(join(folder, 'in-the-way'), '');
  await expectOne(
    { reports: 'in-the-way/reports' },
    ['reports', /in-the-way is no folder/, /set reports/],
    folder,
  );
  await expectOne({ served: '/proc/plumb' }, ['served', /\/proc/, /may write/]);
  await expectOne({ 'log.maxBytes': '1000000GiB' }, ['spool', /room for/, /log\.maxBytes/]);
  await expectOne({ 'serve.host': '203.0.113.1' }, [
    'serve.port',
    /EADDRNOTAVAIL/,
    /address of this machine/,
  ]);
  const volume = mkdtempSync(join(tmpdir(), 'plumb-'));
  // Without the right to mount there is no small disk to look at.
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'plumb', volume]).status === 0) {
    const full = { 'train.temp': volume };
    await expectOne(full, ['train.temp', /has 16 MiB left/, /Make room/]);
    spawnSync('umount', [volume]);
  }
  rmSync(volume, { recursive: true });
  const control = await wrongIn({ 'clock.control': 'no-such-clock' });
  expect(control[0]).toMatchObject({ check: 'settings' });
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  cleanUp.push(() => taken.close());
  const context = commandContext(shop, false, {
    'serve.port': String((taken.address() as AddressInfo).port),
  });
  expect((await findingsOf(context)).find(({ check }) => check === 'serve.port')).toMatchObject({
    state: 'note',
  });
});

test('registry, bundles, definitions and secrets', async () => {
  await expectOne({ registry: 'sqlite:none.db' }, ['registry', /not there yet/, /plumb apply/]);
  const away = `postgres://plumb:secret@127.0.0.1:${await freePort()}/plumb`;
  const [postgres] = await wrongIn({ registry: away });
  expect(postgres).toMatchObject({ check: 'online' });
  const both = await wrongIn({ registry: away, online: redis.url });
  expect(both).toMatchObject([{ check: 'registry', found: expect.stringMatching(/127\.0\.0\.1/) }]);
  expect(JSON.stringify(both)).not.toContain('secret');
  await expectOne({ bundles: 'none' }, ['bundle', /nothing can be served/, /plumb apply/]);
  const folder = copy();
  writeFileSync(join(folder, 'registry.db'), 'no database at all, whatever its name says');
  await expectOne({ registry: 'sqlite:registry.db' }, ['registry', /not a database/, /./], folder);
  writeFileSync(join(folder, 'key'), 'short');
  const key = { 'log.hmacKey.id': 'k1', 'log.hmacKey.file': 'key' };
  await expectOne(key, ['log.hmacKey', /5 bytes/, /16 random bytes/], folder);
  writeFileSync(
    join(folder, 'definitions/more.yaml'),
    'featureService: other_v1\nfeatures: [no_such_view]\n',
  );
  await expectOne({}, ['definitions', /no_such_view/, /plumb plan/], folder);
  rmSync(join(folder, 'definitions/more.yaml'));
  writeFileSync(join(folder, 'online.db'), 'no database at all, whatever its name says');
  await expectOne(
    { online: 'sqlite:online.db' },
    ['online store', /not a database/, /plumb materialize/],
    folder,
  );
  const bundles = join(folder, '.plumb/bundles');
  writePointer(bundles, { ...readPointer(bundles)!, name: '0123456789abcdef' });
  const lost = await wrongIn({}, folder);
  expect(lost.map(({ check }) => check)).toEqual(['registry', 'bundle']);
});

test('object storage without its extension, and settings that cannot be read', async () => {
  const folder = copy();
  mkdirSync(join(folder, 'extensions'));
  const s3 = {
    history: 's3://lake/history',
    's3.endpoint': `http://127.0.0.1:${await freePort()}`,
    'duckdb.extensions': 'extensions',
  };
  const found = await wrongIn(s3, folder);
  expect(found.map(({ check }) => check)).toEqual(['history', 'extensions']);
  expect(found[1]!.help).toMatch(/httpfs\.duckdb_extension/);
  writeFileSync(
    join(folder, 'plumbline.yaml'),
    'project: shop\nserve: { prot: 7000 }\nlog: { onFull: drop }\n',
  );
  const settings = (await findingsOf(commandContext(folder))).filter(({ state }) => state === 'wrong');
  expect(settings.map(({ found: text }) => text)).toEqual([
    expect.stringMatching(/log\.onFull.*plumbline\.yaml:3/),
    expect.stringMatching(/"prot", did you mean "port"\?.*plumbline\.yaml:2/),
  ]);
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: [shop\n');
  expect((await findingsOf(commandContext(folder))).some(({ found: text }) => /line 2/.test(text))).toBe(
    true,
  );
});
