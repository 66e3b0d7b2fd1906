/** `plumb apply` killed at random points: never half in force, and made good by the next one. */
import { spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { bundlesOf, pointerFromText, sha256Of } from '../../../contract/bundles/bundle-pointer.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { bundleKey, pointerKey } from '../../../contract/wire/online/online-layout.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { QUIET_NODE, PLUMB, plumb } from '../../support/processes/plumb-process.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { until } from '../../support/until.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const ROUNDS = 12;
/** A whole apply takes less: the last kills come too late, the first before anything was written. */
const LONGEST_MS = 2_500;
/** From its first write in the registry on it takes about so long to publish. */
const PUBLISHING_MS = 200;

const definitions = (round: number): string => `
entity: customer
joinKeys: { customer_id: int64 }
---
featureView: lines
entity: customer
description: as of round ${round}
source: { parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }
features: { total: float64 }
---
featureService: churn_v1
features: [lines]
`;

/** Until the registry is written to, and a little longer. */
async function writes(registry: string, random: () => number): Promise<void> {
  const size = (): number => statSync(`${registry}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  await until(() => size() > 0, 'nothing is written', 1, 10 * LONGEST_MS).catch(() => {});
  const killMs = performance.now() + random() * PUBLISHING_MS;
  while (performance.now() < killMs) await setImmediate();
}

test(
  'what is in force is whole after each kill, everywhere',
  async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const client = new Redis(redis.port);
    onTestFinished(() => client.disconnect());
    const folder = scratchFolder({
      'plumbline.yaml': `project: shop\nonline: '${redis.url}'\nbundles: { from: [online], unsigned: true }\n`,
    });
    mkdirSync(join(folder, 'definitions'));
    const define = (round: number): void =>
      writeFileSync(join(folder, 'definitions/shop.yaml'), definitions(round));
    define(0);
    expect(await plumb(['-C', folder, 'apply'])).toMatchObject({ code: 0 });
    const { settings } = openProject(folder, silentLogger, {});
    const random = seededRandom();
    const states = new Set<string>();
    for (let round = 1; round <= ROUNDS; round++) {
      define(round);
      const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, 'apply'], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('close', resolve));
      const wait = round % 4 === 0 ? sleep(random() * LONGEST_MS) : writes(settings.registry.url, random);
      await Promise.race([wait, ended]);
      child.kill('SIGKILL');
      await ended;
      const last = (await RegistryDatabase.using(settings.registry, (database) => database.lastApplied()))!;
      const inFolder = loadCurrentBundle(settings.bundles);
      const online = pointerFromText((await client.get(pointerKey('')))!);
      for (const { hash } of bundlesOf(online))
        expect(sha256Of((await client.get(bundleKey('', hash)))!)).toBe(hash);
      const isOnline = online.name === last.hash;
      const isInFolder = inFolder.hash === last.hash;
      states.add(`${isInFolder} ${isOnline}`);
      // Nothing is published that was not recorded, nor online before it is in the folder.
      expect(online.sequence).toBeLessThanOrEqual(last.sequence);
      expect(isOnline && !isInFolder).toBe(false);
    }
    process.stderr.write(`published in folder and online after the kills: ${[...states].join('; ')}\n`);
    expect(await plumb(['-C', folder, 'apply'])).toMatchObject({ code: 0 });
    const online = pointerFromText((await client.get(pointerKey('')))!);
    expect(loadCurrentBundle(settings.bundles)).toMatchObject({ hash: online.name });
    expect(loadCurrentBundle(settings.bundles).views.get('lines')!.description).toBe(`as of round ${ROUNDS}`);
  },
  REDIS_START_LIMIT_MS,
);
