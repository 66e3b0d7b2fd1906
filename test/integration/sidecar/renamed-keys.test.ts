/** Join keys that change while their entity keeps its name: the keys online are the same, the rows are another's. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf, rowSchemaToJson } from '../../../contract/definitions/definition-json.ts';
import type { Bundle, Entity, FeatureView, JoinKey } from '../../../contract/model.ts';
import { canonicalJson } from '../../../contract/std/canonical-json.ts';
import { entityKey, entityKeyOf } from '../../../contract/wire/online/entity-key.ts';
import { fieldOf, markerKey, schemaField, schemasKey } from '../../../contract/wire/online/online-layout.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  NOON_US,
  ServingFixture,
  customer,
  encodeRow,
  feature,
  manualClock,
  service,
  view,
} from '../../support/fixtures/serving-fixture.ts';
import type { ManualClock } from '../../support/fixtures/serving-fixture.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/until.ts';

/** A day: by then whatever is cached is read again. */
const LATER_US = 86_400_000_000;

interface Defined {
  readonly entity: Entity;
  readonly view: FeatureView;
}

function defined(joinKeys: readonly JoinKey[]): Defined {
  const entity: Entity = { ...customer, name: 'trip', joinKeys };
  return { entity, view: view('trips', entity, [feature('fare', 'float64', -1)]) };
}

/** The last of them is in force; the others were applied before. */
function contentOf(...applied: readonly Defined[]): Omit<Bundle, 'hash'> {
  const { entity, view: now } = applied.at(-1)!;
  return {
    project: 'test',
    entities: new Map([[entity.name, entity]]),
    views: new Map([[now.id, now]]),
    onDemand: new Map(),
    services: new Map([['fares', service('fares', [{ view: now, of: entity }])]]),
    schemas: new Map([[now.id, applied.map((each) => rowSchemaOf(each.view, each.entity))]]),
  };
}

const ROUTE = defined([
  { name: 'from', type: 'int64' },
  { name: 'to', type: 'int64' },
]);
const SINGLE = defined([{ name: 'trip_id', type: 'int64' }]);

const CHANGES: [string, Defined, Defined, object][] = [
  [
    // `from` is now `source` and `to` is `at`, which sorts before it: the trip from 1 to 2 has the key of the way back.
    'a composite key whose new names sort the other way',
    ROUTE,
    defined([
      { name: 'at', type: 'int64' },
      { name: 'source', type: 'int64' },
    ]),
    { source: [1], at: [2] },
  ],
  [
    'a composite key of which one name changed and the order did not',
    ROUTE,
    defined([
      { name: 'from', type: 'int64' },
      { name: 'towards', type: 'int64' },
    ]),
    { from: [1], towards: [2] },
  ],
  ['a single key renamed', SINGLE, defined([{ name: 'ride_id', type: 'int64' }]), { ride_id: [1] }],
  [
    'a single key of another type',
    SINGLE,
    defined([{ name: 'trip_id', type: 'string' }]),
    { trip_id: ['1'] },
  ],
];

describe('join keys that changed under the name of their entity', () => {
  let redis: RedisServer;
  let client: Redis;
  let clock: ManualClock;
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    redis = await startRedis();
  }, REDIS_START_LIMIT_MS);
  afterAll(() => redis.stop());

  beforeEach(async () => {
    client = new Redis(redis.url);
    await client.flushall();
    await client.hset(markerKey(''), 'trips', String(NOON_US));
    clock = manualClock();
  });

  afterEach(async () => {
    await served.stop();
    client.disconnect();
    fixture.close();
  });

  async function start(content: Omit<Bundle, 'hash'>): Promise<void> {
    fixture = new ServingFixture(clock, { online: redis.url }, content);
    served = await runServe(fixture.project());
  }

  const put = (of: Defined, id: readonly bigint[], fare: number): Promise<number> =>
    client.hset(
      entityKey('', 'trip', id.map(String)),
      fieldOf('trips'),
      encodeRow(of.view, [fare], { eventUs: clock.us }),
    );

  /** @returns value and status of the one feature */
  async function ask(entities: object): Promise<[unknown, unknown]> {
    const response = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
      method: 'POST',
      headers: { 'x-deadline-ms': '5000' },
      body: JSON.stringify({ feature_service: 'fares', entities }),
    });
    expect(response.status).toBe(200);
    const { results } = (await response.json()) as {
      results: { features: Record<string, unknown>; statuses: Record<string, unknown> }[];
    };
    return [results[0]!.features['trips__fare'], results[0]!.statuses['trips__fare']];
  }

  async function swap(content: Omit<Bundle, 'hash'>): Promise<void> {
    const { hash } = publishBundle(fixture.project().settings.bundles, content);
    await until(async () => {
      const schema = await fetch(`http://127.0.0.1:${served.port}/feature-service/fares`);
      return ((await schema.json()) as { bundle: string }).bundle === hash;
    }, 'the sidecar takes the new bundle');
  }

  test.each(CHANGES)(
    '%s: rows of before are MISSING, those of today are there',
    async (_, old, now, asks) => {
      const isComposite = old.entity.joinKeys.length > 1;
      // Both ways of the route are online, so that either order of the ids finds a row.
      for (const id of isComposite
        ? [
            [1n, 2n],
            [2n, 1n],
          ]
        : [[1n]])
        await put(old, id, Number(id[0]));
      await start(contentOf(old));
      const askedBefore = isComposite
        ? [
            { from: [1], to: [2] },
            { from: [2], to: [1] },
          ]
        : [{ trip_id: [1] }];
      for (const entities of askedBefore) expect((await ask(entities))[1]).toBe('PRESENT');
      await swap(contentOf(old, now));
      // What was cached before counts as little as what is read now.
      expect(await ask(asks)).toEqual([-1, 'MISSING']);
      clock.us += LATER_US;
      await client.hset(markerKey(''), 'trips', String(clock.us));
      expect(await ask(asks)).toEqual([-1, 'MISSING']);
      expect(fixture.warnings.filter((line) => line.includes('row'))).toEqual([]);
      const values = now.entity.joinKeys.map(({ name, type }) => {
        const [id] = (asks as Record<string, (number | string)[]>)[name]!;
        return type === 'string' ? String(id) : BigInt(id!);
      });
      const row = encodeRow(now.view, [7.5], { eventUs: clock.us });
      await client.hset(entityKeyOf('', now.entity, values), fieldOf('trips'), row);
      clock.us += LATER_US;
      expect(await ask(asks)).toEqual([7.5, 'PRESENT']);
    },
  );

  test('a sidecar that has yet to hear of the new keys takes no row of theirs, and those at once when it does', async () => {
    const [, old, now, asks] = CHANGES[0]!;
    const schema = rowSchemaOf(now.view, now.entity);
    await client.hset(
      schemasKey(''),
      schemaField(schema.definitionId),
      canonicalJson(rowSchemaToJson(schema)),
    );
    // The trip from 1 to 2 of today stands where that from 2 to 1 stood.
    await put(now, [2n, 1n], 12);
    await start(contentOf(old));
    for (let i = 0; i < 2; i++) expect(await ask({ from: [2], to: [1] })).toEqual([-1, 'MISSING']);
    await swap(contentOf(old, now));
    expect(await ask(asks)).toEqual([12, 'PRESENT']);
  });
});
