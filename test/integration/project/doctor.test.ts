/** Set-ups that are broken in one place each: `plumb doctor` names that place, and what to do about it. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
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
import { until } from '../../support/until.ts';

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
  await client.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '-@all', '+hget');
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

interface Broken {
  readonly setUp: string;
  /** Settings over those of the project that works; what it breaks elsewhere it mends at the test's end. */
  readonly flags: (folder: string) => Flags | Promise<Flags>;
  /** What is said to be wrong, and nothing else is. */
  readonly check: string;
  readonly found: RegExp;
  readonly help: RegExp;
}
type Flags = Readonly<Record<string, string>>;

const closedPort = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
const login = (name: string, password: string): string =>
  `redis://${name}:${password}@127.0.0.1:${redis.port}`;

/** Sets something of Redis, and sets it back. */
async function redisWith(setting: string, value: string, back: string): Promise<Flags> {
  await client.config('SET', setting, value);
  onTestFinished(async () => void (await client.config('SET', setting, back)));
  return { online: redis.url };
}

function kafkaTopic(topic: string): Flags {
  return { 'log.kafka.brokers': kafka.brokers[0]!, 'log.kafka.topic': topic };
}

function written(folder: string, file: string, text: string, flags: Flags = {}): Flags {
  writeFileSync(join(folder, file), text);
  return flags;
}

const NO_DATABASE = 'no database at all, whatever its name says';

const BROKEN: readonly Broken[] = [
  {
    setUp: 'nothing listens where Redis should',
    flags: async () => ({ online: `redis://${await closedPort()}` }),
    check: 'online store',
    found: /ECONNREFUSED/,
    help: /Nothing listens/,
  },
  {
    setUp: 'a name of Redis that nobody knows',
    flags: () => ({ online: 'redis://no-such-host.invalid' }),
    check: 'online store',
    found: /ENOTFOUND|EAI_AGAIN/,
    help: /not known/,
  },
  {
    setUp: 'a single Redis that is said to be a cluster',
    flags: () => ({ online: `redis+cluster://127.0.0.1:${redis.port}` }),
    check: 'online store',
    found: /cluster/,
    help: /redis:\/\//,
  },
  {
    setUp: 'TLS where the server has none',
    flags: () => ({ online: `rediss://127.0.0.1:${redis.port}` }),
    check: 'online store',
    found: /not ready/,
    help: /speaks TLS/,
  },
  {
    setUp: 'a server that never answers',
    flags: async () => ({ online: `redis://127.0.0.1:${await silentPort()}` }),
    check: 'online store',
    found: /not ready|timed out/,
    help: /no Redis/,
  },
  {
    setUp: 'a Redis that evicts what nobody deleted',
    flags: async () => {
      await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
      onTestFinished(async () => void (await client.config('SET', 'maxmemory-policy', 'noeviction')));
      return redisWith('maxmemory', '64mb', '0');
    },
    check: 'online store',
    found: /maxmemory-policy is allkeys-lru/,
    help: /noeviction/,
  },
  {
    setUp: 'a Redis that is nearly full',
    flags: async () => {
      const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
      return redisWith('maxmemory', String(Math.round(used * 1.02)), '0');
    },
    check: 'online store',
    found: /are used/,
    help: /Raise maxmemory/,
  },
  {
    setUp: 'a replica in the place of the primary',
    flags: async () => {
      await client.replicaof('127.0.0.1', await freePort());
      onTestFinished(async () => void (await client.call('REPLICAOF', 'NO', 'ONE')));
      return { online: redis.url };
    },
    check: 'online store',
    found: /replica of 127\.0\.0\.1/,
    help: /primary/,
  },
  {
    setUp: 'a login without the rights',
    flags: () => ({ online: login('reader', 'secret') }),
    check: 'online store',
    found: /NOPERM|no permissions/,
    help: /docs\/redis\.md/,
  },
  {
    setUp: 'a wrong password of Redis',
    flags: () => ({ online: login('reader', 'wrong') }),
    check: 'online store',
    found: /WRONGPASS/,
    help: /passwordFile/,
  },
  {
    setUp: 'no password where Redis asks for one',
    flags: () => redisWith('requirepass', 'secret', ''),
    check: 'online store',
    found: /NOAUTH/,
    help: /asks for a login/,
  },
  {
    setUp: 'an online store that is no database',
    flags: (folder) => written(folder, 'online.db', NO_DATABASE, { online: 'sqlite:online.db' }),
    check: 'online store',
    found: /not a database/,
    help: /plumb materialize/,
  },
  {
    setUp: 'nothing listens where Kafka should',
    flags: async () => ({ ...kafkaTopic('x'), 'log.kafka.brokers': await closedPort() }),
    check: 'log.kafka',
    found: /ECONNREFUSED/,
    help: /start the broker/,
  },
  {
    setUp: 'a topic that is not there',
    flags: () => kafkaTopic('doctor-none'),
    check: 'log.kafka',
    found: /no topic doctor-none/,
    help: /--create --topic doctor-none/,
  },
  {
    setUp: 'a topic of which Kafka keeps the last message a key',
    flags: () => kafkaTopic('doctor-compacted'),
    check: 'log.kafka',
    found: /cleanup\.policy=compact/,
    help: /kafka-configs/,
  },
  {
    setUp: 'a file in the way of a folder',
    flags: (folder) => written(folder, 'in-the-way', '', { reports: 'in-the-way/reports' }),
    check: 'reports',
    found: /in-the-way is no folder/,
    help: /set reports/,
  },
  {
    setUp: 'a folder that may not be written',
    flags: () => ({ served: '/proc/plumb' }),
    check: 'served',
    found: /\/proc/,
    help: /may write/,
  },
  {
    setUp: 'a spool that is larger than its disk',
    flags: () => ({ 'log.maxBytes': '1000000GiB' }),
    check: 'spool',
    found: /room for/,
    help: /log\.maxBytes/,
  },
  {
    setUp: 'an address of another machine',
    flags: () => ({ 'serve.host': '203.0.113.1' }),
    check: 'serve.port',
    found: /EADDRNOTAVAIL/,
    help: /address of this machine/,
  },
  {
    setUp: 'a project that was never applied',
    flags: () => ({ registry: 'sqlite:none.db' }),
    check: 'registry',
    found: /not there yet/,
    help: /plumb apply/,
  },
  {
    setUp: 'a registry that is away',
    flags: async () => ({
      registry: `postgres://plumb:hush@${await closedPort()}/plumb`,
      online: redis.url,
    }),
    check: 'registry',
    found: /127\.0\.0\.1/,
    help: /whether the database runs/,
  },
  {
    setUp: 'a registry that is no database',
    flags: (folder) => written(folder, 'registry.db', NO_DATABASE, { registry: 'sqlite:registry.db' }),
    check: 'registry',
    found: /not a database/,
    help: /./,
  },
  {
    setUp: 'no bundle where the sidecar looks',
    flags: () => ({ bundles: 'none' }),
    check: 'bundle',
    found: /nothing can be served/,
    help: /plumb apply/,
  },
  {
    setUp: 'a secret of HMACs that is too short',
    flags: (folder) => written(folder, 'key', 'short', { 'log.hmacKey.id': 'k1', 'log.hmacKey.file': 'key' }),
    check: 'log.hmacKey',
    found: /5 bytes/,
    help: /16 random bytes/,
  },
  {
    setUp: 'definitions that do not compile',
    flags: (folder) =>
      written(folder, 'definitions/more.yaml', 'featureService: other_v1\nfeatures: [no_such_view]\n'),
    check: 'definitions',
    found: /no_such_view/,
    help: /plumb plan/,
  },
];

test.each(BROKEN)('$setUp', async ({ flags, check, found, help }) => {
  const folder = copy();
  const wrong = await wrongIn(await flags(folder), folder);
  expect(wrong, JSON.stringify(wrong, null, 1)).toEqual([
    { check, state: 'wrong', found: expect.stringMatching(found), help: expect.stringMatching(help) },
  ]);
  expect(JSON.stringify(wrong)).not.toContain('hush');
});

test('a sidecar may read a replica, as long as rows come to it', async () => {
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
  const own = new Redis(replica.port, '127.0.0.1');
  onTestFinished(async () => {
    own.disconnect();
    await replica.stop();
  });
  const found = async (): Promise<SetupFinding[]> => {
    const flags = { 'serve.port': '0', 'serve.adminPort': '0', online: replica.url };
    const findings = await findingsOf(commandContext(shop, false, flags), true);
    return findings.filter(({ check }) => check === 'online store');
  };
  await until(async () => (await own.info('replication')).includes('master_link_status:up'), 'it is in step');
  const named = `replica of 127.0.0.1:${redis.port}`;
  expect(await found()).toMatchObject([{ state: 'note', found: expect.stringContaining(named) }]);
  await own.call('REPLICAOF', '127.0.0.1', String(await freePort()));
  expect(await found()).toMatchObject([{ state: 'wrong', found: expect.stringContaining('has lost it') }]);
});

/** @returns a port on which something listens that never says a word */
async function silentPort(): Promise<number> {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  onTestFinished(() => void silent.close());
  return (silent.address() as AddressInfo).port;
}

test('what is told after another, and what is worth knowing', async () => {
  const file = { online: redis.url, 'online.passwordFile': 'no-such-file' };
  const setting = (await wrongIn(file)).find(({ check }) => check === 'online store');
  expect(setting?.found).toMatch(/password file .*no-such-file cannot be read/);
  const volume = mkdtempSync(join(tmpdir(), 'plumb-'));
  // Without the right to mount there is no small disk to look at.
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'plumb', volume]).status === 0) {
    const full = await wrongIn({ 'train.temp': volume });
    expect(full).toMatchObject([{ check: 'train.temp', found: expect.stringMatching(/has 16 MiB left/) }]);
    spawnSync('umount', [volume]);
  }
  rmSync(volume, { recursive: true });
  expect((await wrongIn({ 'clock.control': 'no-such-clock' }))[0]).toMatchObject({ check: 'settings' });
  const context = commandContext(shop, false, { 'serve.port': String(await silentPort()) });
  const taken = (await findingsOf(context)).find(({ check }) => check === 'serve.port');
  expect(taken).toMatchObject({ state: 'note' });
  const folder = copy();
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
