/** The bars of the catalogue at 5,000 features in 200 views and 300 services, with 30 judged days of each service. */
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogueApp } from '../../../catalogue/app.ts';
import { ANYONE } from '../../../catalogue/caller.ts';
import { KnownCatalogue } from '../../../catalogue/known/catalogue.ts';
import { DAY_US, dayOf, parseTimestamp } from '../../../contract/std/timestamp.ts';
import { IN_MEMORY, RegistryDatabase } from '../../../project/database/registry-database.ts';
import type { StoreUrl } from '../../../project/settings/settings.ts';
import { POSTGRES_START_LIMIT_MS, startPostgres } from '../../support/postgres/postgres.ts';
import type { PostgresServer } from '../../support/postgres/postgres.ts';
import { copyDays } from '../../support/registry/copied-days.ts';
import { fillRegistry, LAST_DAY, NOW_US } from '../../support/registry/filled-registry.ts';

const SIZE = { views: 200, featuresOfView: 25, services: 300, featuresOfService: 20, days: 30 };
const DAY_BEFORE = dayOf(Number(parseTimestamp(LAST_DAY)) - DAY_US);
const MOST_MS = 100;
const MOST_BYTES = 300_000;
const TIMES = 7;
const FILL_LIMIT_MS = 300_000;

const PATHS = [
  '/',
  '/search?q=purchases+in+the+last+week',
  '/search?q=customer',
  '/features',
  '/features?page=40',
  '/views',
  '/services',
  '/incidents',
  '/runs',
  '/training-sets',
  '/features/purchases_0__count_0d',
  '/features/purchases_7__count_3d',
  '/views/purchases_0',
  '/views/purchases_7',
  '/services/churn_0',
  '/services/churn_9',
  '/entities/thing',
  '/owners/ml-platform',
  '/sources/events_0',
  '/models/model_9',
  '/runs/run-0-2',
  '/training-sets/november',
  `/incidents/${LAST_DAY}.churn_0.purchases_0.materialization-lag.1`,
];

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
}, POSTGRES_START_LIMIT_MS);
afterAll(() => postgres?.stop());

const STORES: Record<string, () => Promise<StoreUrl>> = {
  sqlite: async () => ({ kind: 'sqlite', url: IN_MEMORY }),
  postgres: async () => ({ kind: 'postgres', url: await postgres.database() }),
};

describe.each(Object.keys(STORES))('on %s', (store) => {
  let database: RegistryDatabase;
  let app: Hono;

  beforeAll(async () => {
    const url = await STORES[store]!();
    database = await RegistryDatabase.open(url);
    if (url.kind === 'sqlite') await fillRegistry(database, SIZE);
    else {
      // Each recorded day is a transaction for each service: 9,000 take minutes on a busy machine.
      await fillRegistry(database, { ...SIZE, days: 2 });
      await copyDays(url.url, DAY_BEFORE, SIZE.days - 2);
    }
    expect(await database.verdicts.days({ service: 'churn_9' })).toHaveLength(SIZE.days);
    expect(await database.verdicts.features({ service: 'churn_9' })).toHaveLength(600);
    const logger = { info() {}, progress() {}, warn() {} };
    const known = new KnownCatalogue(database, () => NOW_US, 'http://localhost:6566');
    app = catalogueApp({
      project: 'shop',
      known,
      reports: '/nowhere',
      bundles: '/nowhere',
      allowedHosts: [],
      logger,
      callerOf: ANYONE,
    });
  }, FILL_LIMIT_MS);
  afterAll(() => database?.close());

  test.each(PATHS)('%s takes under 100 ms and 300 kB, and so does its JSON', async (path) => {
    for (const asked of [path, path === '/' ? '/api' : `/api${path}`]) {
      const times: number[] = [];
      const cpuTimes: number[] = [];
      let bytes = 0;
      for (let i = 0; i < TIMES; i++) {
        const [start, cpu] = [performance.now(), process.cpuUsage()];
        const answer = await app.request(asked, { headers: { host: 'localhost' } });
        bytes = (await answer.arrayBuffer()).byteLength;
        times.push(performance.now() - start);
        const { user, system } = process.cpuUsage(cpu);
        cpuTimes.push((user + system) / 1_000);
        expect([asked, answer.status]).toEqual([asked, 200]);
      }
      const [byClock, byCpu] = [times, cpuTimes].map(
        (all) => all.toSorted((a, b) => a - b)[Math.floor(TIMES / 2)]!,
      );
      // A busy machine makes a page wait: where that is less, the processor's time counts.
      const median = Math.min(byClock!, byCpu!);
      console.log(
        `${store} ${asked}: ${byClock!.toFixed(1)} ms, processor ${byCpu!.toFixed(1)} ms, first ${times[0]!.toFixed(1)} ms, ${(bytes / 1_000).toFixed(0)} kB`,
      );
      expect([asked, bytes <= MOST_BYTES, median <= MOST_MS]).toEqual([asked, true, true]);
    }
  });
});
