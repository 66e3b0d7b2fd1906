/** Bundles on their way: applied in one place, taken in another, over Redis, a cluster, SQLite, HTTP and folders. */
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { Cluster, Redis } from 'ioredis';
import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  pointerFromText,
  pointerText,
  publicKeyText,
  sha256Of,
  signedPointer,
} from '../../../contract/bundles/bundle-pointer.ts';
import type { BundlePointer } from '../../../contract/bundles/bundle-pointer.ts';
import { loadWorkingBundle, readPointer } from '../../../contract/definitions/bundle-folder.ts';
import type { Logger } from '../../../contract/std/logger.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { bundleKey, pointerKey } from '../../../contract/wire/online/online-layout.ts';
import { BundleTaker } from '../../../project/bundles/bundle-taker.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import type { Project } from '../../../project/project.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { addBundles } from '../../../catalogue/bundles.ts';
import { planTakingBack, promoteStaged, stagedPlan } from '../../../registry/versions/rollout.ts';
import { allOf } from '../../../registry/versions/rollout.ts';
import { bundleTake, takeNewestFor } from '../../../registry/bundles/commands.ts';
import { bundleForPod } from '../../../sidecar/process/served-bundle.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { NO_ALLOWANCE } from '../../../registry/allowance.ts';
import { REDIS_START_LIMIT_MS, freePort, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { startRedisCluster } from '../../support/redis/redis-cluster.ts';
import type { RedisCluster } from '../../support/redis/redis-cluster.ts';
import { scratchFolder } from '../../support/scratch.ts';

const DEFINITIONS = (owner: string, more = ''): string => `
entity: customer
joinKeys: { customer_id: int64 }
---
featureView: lines
entity: customer
owner: ${owner}
source: { parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }
ttl: 1d
features: { total: float64 }
---
featureService: churn_v1
features: [lines]
consumers: [{ model: churn, owner: team-crm }]
${more}`;

const ANOTHER_VIEW = `---
featureView: lines
version: 2
entity: customer
source: { parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }
features: { total: float64, quantity: int64 }
---
featureService: churn_v2
features: [lines@v2]
`;

const keys = generateKeyPairSync('ed25519');

/** What the project of an apply is told, and where its definitions are. */
class Publisher {
  readonly folder = scratchFolder({ 'key.pem': pemOf(keys.privateKey) });
  readonly settings: string;

  constructor(settings: string) {
    this.settings = settings;
    chmodSync(join(this.folder, 'key.pem'), 0o600);
  }

  define(owner: string, more = ''): void {
    writeFileSync(join(this.folder, 'plumbline.yaml'), `project: shop\n${this.settings}`);
    writeFileSync(join(this.folder, 'definitions.yaml'), DEFINITIONS(owner, more));
  }

  using<T>(work: (project: Project, database: RegistryDatabase) => Promise<T>): Promise<T> {
    const flags = { 'bundles.signWith': 'key.pem' };
    writeFileSync(
      join(this.folder, 'plumbline.yaml'),
      `project: shop\ndefinitions: [definitions.yaml]\n${this.settings}`,
    );
    const project = openProject(this.folder, silentLogger, {}, flags);
    return RegistryDatabase.using(project.settings.registry, (database) => work(project, database));
  }

  apply(share?: string): Promise<string> {
    return this.using(async (project, database) => {
      const plan = await planProject(project, database);
      const staged = share === undefined ? plan : await stagedPlan(plan, share, database);
      return (await applyPlan(project, database, staged)).hash;
    });
  }

  get bundles(): string {
    return join(this.folder, '.plumb/bundles');
  }

  get pointer(): BundlePointer {
    return readPointer(this.bundles)!;
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }) as string;
}

/** Another machine that takes bundles. */
async function reader(settings: string, more = `keys: [${publicKeyText(keys.publicKey)}]`) {
  const told: string[] = [];
  const hear = (line: string): void => void told.push(line);
  const logger: Logger = { ...silentLogger, info: hear, warn: hear };
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\n${settings.replace(/\}\n$/, `, ${more} }\n`)}`,
  });
  const project = openProject(folder, logger, {});
  const taker = (await BundleTaker.open(project.settings, logger))!;
  onTestFinished(() => taker.close());
  const { bundles } = project.settings;
  const take = async (): Promise<string | null> => {
    await taker.take();
    return readPointer(bundles)?.name ?? null;
  };
  return { told, taker, take, bundles, folder };
}

/** `bundle take` where a reader is: its exit code and what it says. */
async function taken(folder: string): Promise<[code: number, said: string]> {
  const context = commandContext(folder);
  return [await bundleTake(context), context.said()];
}

/** A place, and how somebody else would change what lies there. */
interface Place {
  /** The lines of plumbline.yaml, the last one being that of bundles. */
  settings(): string;
  write(pointer: string): Promise<void>;
  damage(hash: string): Promise<void>;
}

let redis: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
}, REDIS_START_LIMIT_MS);
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

async function redisPlace(isCluster: boolean): Promise<Place> {
  const port = (isCluster ? cluster.nodes[0]! : redis).port;
  const client = isCluster ? new Cluster([{ host: '127.0.0.1', port }]) : new Redis(port);
  onTestFinished(() => client.disconnect());
  const url = isCluster ? cluster.url : redis.url;
  const keyPrefix = `${String(expect.getState().currentTestName).replaceAll(/\W/g, '')}:`;
  return {
    settings: () => `online: { url: '${url}', keyPrefix: '${keyPrefix}' }\nbundles: { from: [online] }\n`,
    write: async (text) => void (await client.set(pointerKey(keyPrefix), text)),
    damage: async (hash) => {
      const key = bundleKey(keyPrefix, hash);
      await client.set(key, (await client.get(key))!.replace('crm', 'crn'));
    },
  };
}

async function sqlitePlace(): Promise<Place> {
  const file = join(scratchFolder(), 'online.db');
  const database = (): DatabaseSync => new DatabaseSync(file);
  return {
    settings: () => `online: 'sqlite:${file}'\nbundles: { from: [online] }\n`,
    write: async (text) =>
      void database().prepare("UPDATE bundle SET content = ? WHERE hash = 'current'").run(text),
    damage: async (hash) =>
      void database()
        .prepare("UPDATE bundle SET content = replace(content, 'crm', 'crn') WHERE hash = ?")
        .run(hash),
  };
}

const PLACES: [string, () => Promise<Place>][] = [
  ['Redis', () => redisPlace(false)],
  ['a Redis Cluster', () => redisPlace(true)],
  ['SQLite', sqlitePlace],
];

describe.each(PLACES)('over the online store in %s', (_, placeOf) => {
  test('what is signed is taken; what is not, is damaged, or is older is refused, and the old one stays', async () => {
    const place = await placeOf();
    const publisher = new Publisher(place.settings());
    publisher.define('one');
    const first = await publisher.apply();
    const { take, told, taker, bundles } = await reader(place.settings());
    expect([await take(), told]).toEqual([first, []]);
    expect(readFileSync(join(bundles, `${first}.json`))).toEqual(
      readFileSync(join(publisher.bundles, `${first}.json`)),
    );
    const { pointer: old } = publisher;

    publisher.define('two');
    const second = await publisher.apply();
    const { pointer } = publisher;
    const refused = async (text: string, why: RegExp): Promise<void> => {
      told.length = 0;
      await place.write(text);
      expect([await take(), taker.refuses, taker.isAlone]).toEqual([first, true, true]);
      await take();
      expect(told).toEqual([expect.stringMatching(why)]);
    };
    // Whoever can write there names a bundle of his own.
    await refused(
      pointerText({ ...pointer, signature: null }),
      /^bundles from the online store are refused: bundle .* nobody has signed it$/,
    );
    const { privateKey } = generateKeyPairSync('ed25519');
    await refused(
      pointerText({ ...signedPointer(pointer, privateKey), sequence: 9 }),
      /none of bundles.keys has signed it$/,
    );
    await refused(
      pointerText(signedPointer({ ...pointer, project: 'other' }, keys.privateKey)),
      /is of project other; this is project shop$/,
    );
    await refused('{"format":1}', /does not fit/);
    await refused('hello', /is no JSON$/);
    await place.damage(pointer.hash);
    await refused(pointerText(pointer), /bundle .* is damaged: its bytes have the SHA-256/);

    // The same apply once more makes it good.
    await publisher.apply();
    told.length = 0;
    expect([await take(), taker.refuses, taker.isAlone]).toEqual([second, false, false]);
    expect(told).toEqual(['bundles are taken from the online store again']);
    await place.write(pointerText(old));
    expect([await take(), taker.refuses]).toEqual([second, true]);
    expect(told.at(-1)).toMatch(/refused: it has apply 1, and apply 2 was taken before$/);
  });

  test('an apply that comes late does not take the place of a later one', async () => {
    const place = await placeOf();
    const publisher = new Publisher(place.settings());
    publisher.define('one');
    await publisher.apply();
    const { pointer } = publisher;
    const later = pointerText(signedPointer({ ...pointer, sequence: 5 }, keys.privateKey));
    await place.write(later);
    await publisher.apply();
    const { take, bundles } = await reader(place.settings());
    await take();
    expect(pointerText(readPointer(bundles)!)).toBe(later);
  });
});

test('over HTTP: an unchanged pointer is a 304, a server that is gone leaves the last good bundle', async () => {
  const publisher = new Publisher('');
  publisher.define('one');
  const first = await publisher.apply();
  const asked: string[] = [];
  const app = new Hono();
  addBundles(app, publisher.bundles);
  const answer = getRequestListener(app.fetch);
  const server = createServer((request, response) => {
    response.on('finish', () => asked.push(`${request.url} ${response.statusCode}`));
    void answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = `bundles: { from: ['http://127.0.0.1:${port}/bundles'] }\n`;
  const { take, taker, told, folder } = await reader(settings);
  expect(await take()).toBe(first);
  expect(await take()).toBe(first);
  expect(asked).toEqual([
    '/bundles/current 200',
    `/bundles/${publisher.pointer.hash} 200`,
    '/bundles/current 304',
  ]);
  publisher.define('two');
  const second = await publisher.apply();
  expect(await take()).toBe(second);
  expect(asked.slice(3)).toEqual(['/bundles/current 200', `/bundles/${publisher.pointer.hash} 200`]);
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  expect([await take(), taker.isAlone, taker.refuses]).toEqual([second, true, false]);
  expect(told.at(-1)).toMatch(/^bundles from http:.* are not to be had: connect ECONNREFUSED/);
  // Nothing but the folder is needed to begin.
  expect(readPointer(join(folder, '.plumb/bundles'))!.name).toBe(second);
});

test('bundle take that takes nothing ends with 1; where nothing was taken before, the error says why', async () => {
  const place = await sqlitePlace();
  const publisher = new Publisher(place.settings());
  publisher.define('one');
  const first = await publisher.apply();
  const { folder } = await reader(place.settings());
  const fresh = await reader(place.settings());
  const other = generateKeyPairSync('ed25519').publicKey;
  const strange = await reader(place.settings(), `keys: [${publicKeyText(other)}]`);
  expect(await taken(folder)).toEqual([0, `Bundle ${first} of apply 1 is in force.`]);
  const fails = (of: string, why: RegExp): Promise<void> =>
    expect(taken(of)).rejects.toMatchObject({
      code: 'REG_BUNDLE',
      message: expect.stringMatching(why) as string,
    });
  await fails(strange.folder, /the online store: refused: bundle .*: none of bundles.keys has signed it$/);
  // So do the commands that take bundles first, and the sidecar.
  await expect(takeNewestFor(commandContext(strange.folder))).rejects.toMatchObject({ code: 'REG_BUNDLE' });
  await strange.taker.take();
  expect(() => bundleForPod({ folder: strange.bundles, pod: 'a', taker: strange.taker, everyUs: 1 })).toThrow(
    /none of bundles.keys has signed it$/,
  );
  await place.damage(publisher.pointer.hash);
  await fails(fresh.folder, /bundle .* is damaged: its bytes have the SHA-256/);
  await place.write('hello');
  await fails(fresh.folder, /what is published there is damaged: .* is no JSON$/);
  expect(await taken(folder)).toEqual([
    1,
    expect.stringMatching(/^Nothing was taken: bundle .* stays in force/),
  ]);
});

test('places are tried in their order; what lacks, and what is damaged, is taken from the next', async () => {
  const publisher = new Publisher('');
  publisher.define('one');
  const first = await publisher.apply();
  const copy = scratchFolder();
  const gone = `http://127.0.0.1:${await freePort()}`;
  const settings = `bundles: { from: ['${gone}', '${copy}', '${publisher.bundles}'] }\n`;
  const { take, told, taker } = await reader(settings);
  expect([await take(), taker.isAlone]).toEqual([first, false]);
  expect(told).toEqual([
    expect.stringContaining('ECONNREFUSED'),
    `bundles from ${copy} are not to be had: nothing is published there`,
  ]);
});

test('an apply that was stopped between its record and its publishing is made good by the next', async () => {
  const port = await freePort();
  const publisher = new Publisher(
    `online: 'redis://127.0.0.1:${port}'\nbundles: { from: [online], unsigned: true }\n`,
  );
  publisher.define('one');
  await expect(publisher.apply()).rejects.toMatchObject({
    code: 'REG_PUBLISH',
    message: expect.stringMatching(/^apply 1 is in force, and could not be published everywhere: the online/),
  });
  const own = await startRedis({ port });
  onTestFinished(() => own.stop());
  // What an older plumb left, or a damaged disk.
  writeFileSync(join(publisher.bundles, 'current'), '0123456789abcdef\n');
  expect(await publisher.apply()).toBe(publisher.pointer.name);
  // As after a crash before anything was published.
  rmSync(publisher.bundles, { recursive: true });
  const hash = await publisher.apply();
  const client = new Redis(port);
  onTestFinished(() => client.disconnect());
  expect(pointerFromText((await client.get(pointerKey('')))!)).toMatchObject({ name: hash, sequence: 1 });
  expect(publisher.pointer.name).toBe(hash);
});

test('of two applies at once one is told that another came first; what is in force is published', async () => {
  const publisher = new Publisher('');
  publisher.define('one');
  await publisher.apply();
  const both = await publisher.using(async (project, database) => {
    publisher.define('two');
    const two = await planProject(project, database);
    publisher.define('three');
    const three = await planProject(project, database);
    return Promise.allSettled([two, three].map((plan) => applyPlan(project, database, plan)));
  });
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  const won = both.find((one) => one.status === 'fulfilled')!;
  expect(publisher.pointer).toMatchObject({ name: won.value.hash, sequence: 2 });
  const lost = both.find((one) => one.status === 'rejected')!;
  expect(lost.reason).toMatchObject({ code: 'REG_STORE', message: /another apply came first/ });
});

describe('a staged apply', () => {
  test('is taken by a share, others wait; the materializer has the views of both; then all take it', async () => {
    const publisher = new Publisher('');
    publisher.define('one');
    await expect(publisher.apply('10%')).rejects.toMatchObject({ code: 'REG_ROLLOUT' });
    const main = await publisher.apply();
    await expect(publisher.apply('10%')).rejects.toThrow('nothing changes, so there is nothing to stage');
    publisher.define('one', ANOTHER_VIEW);
    const staged = await publisher.apply('10%');
    expect(publisher.pointer).toMatchObject({
      name: main,
      sequence: 2,
      revision: 0,
      staged: { name: staged, share: 0.1 },
    });
    const working = loadWorkingBundle(publisher.bundles);
    expect([working.hash, [...working.views.keys()].toSorted()]).toEqual([main, ['lines', 'lines@v2']]);
    publisher.define('two', ANOTHER_VIEW);
    for (const share of [undefined, '20%'])
      await expect(publisher.apply(share)).rejects.toMatchObject({ code: 'REG_ROLLOUT' });
    publisher.define('one', ANOTHER_VIEW);
    await publisher.apply('50%');
    expect(publisher.pointer).toMatchObject({ sequence: 2, revision: 1, staged: { share: 0.5 } });
    await publisher.using(promoteStaged);
    expect(publisher.pointer).toMatchObject({ name: staged, sequence: 2, revision: 2, staged: null });
    await expect(publisher.using(promoteStaged)).rejects.toThrow('no apply is staged');
  });

  test('is taken back, whatever would be refused otherwise; the schemas of its views stay known', async () => {
    const publisher = new Publisher('');
    publisher.define('one');
    await publisher.apply();
    publisher.define('one', `${ANOTHER_VIEW}consumers: [{ model: next, owner: team-crm }]\n`);
    await publisher.apply('0.25');
    await publisher.using(async (project, database) => {
      const plan = await planTakingBack(project, database);
      await applyPlan(project, database, plan, allOf(plan, NO_ALLOWANCE));
    });
    expect(publisher.pointer).toMatchObject({ sequence: 3, revision: 0, staged: null });
    const bundle = loadWorkingBundle(publisher.bundles);
    expect([...bundle.views.keys()]).toEqual(['lines']);
    expect([...bundle.schemas.keys()].toSorted()).toEqual(['lines', 'lines@v2']);
    await expect(publisher.using(planTakingBack)).rejects.toThrow('no apply is staged');
  });

  test('is refused where a view would mean two things', async () => {
    const publisher = new Publisher('');
    publisher.define('one');
    await publisher.apply();
    publisher.define('one');
    writeFileSync(
      join(publisher.folder, 'definitions.yaml'),
      DEFINITIONS('one').replace('total: float64', 'total: float64, quantity: int64'),
    );
    await expect(publisher.apply('10%')).rejects.toThrow(
      'lines: rows would mean one thing to some pods and another to the rest',
    );
    expect(publisher.pointer.sequence).toBe(1);
  });
});

test('the name of a bundle is the SHA-256 of its bytes', async () => {
  const publisher = new Publisher('');
  publisher.define('one');
  const name = await publisher.apply();
  expect(sha256Of(readFileSync(join(publisher.bundles, `${name}.json`)))).toBe(publisher.pointer.hash);
});
