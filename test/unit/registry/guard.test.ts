/** The guard, from definitions to what an apply takes: whom a change breaks, by which name, and what is kept of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { allowanceOf } from '../../../registry/allowance.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import type { ApplyPlan } from '../../../registry/apply.ts';
import { beginRun } from '../../../materializer/run/run-record.ts';
import type { RunPlan } from '../../../materializer/run/run-range.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { appliedDefinitionId, BUNDLE_FORMAT } from '../../../contract/definitions/definition-json.ts';
import { commitHistory } from '../../support/fixtures/committed-history.ts';
import type { Bundle, RowSchema } from '../../../contract/model.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { renderChanges } from '../../../registry/change-text.ts';
import { DAY_US } from '../../../contract/std/timestamp.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { orders } from '../../support/fixtures/materialized-project.ts';
import { shopProject } from '../../support/fixtures/shop-project.ts';

const SHOP = `
entity: customer
joinKeys: { customer_id: int64 }
---
source: invoices
parquet: data/invoices.parquet
eventTime: invoice_date
createdTime: loaded_at
---
featureView: purchases
entity: customer
source: invoices
hop: 1h
delay: 5m
freshness: 3h
lateness: 2d
features:
  count_7d: { agg: countDistinct, column: invoice_no, window: 7d, missing: -1 }
  average_30d: { agg: avg, column: line_total, window: 30d }
  favorite: { agg: mostFrequent, column: category }
---
featureView: lines
entity: customer
source: invoices
ttl: 1d
features: { line_total: float64, quantity: { type: int32, missing: -1 } }
---
featureService: churn_v1
features: [purchases, lines]
consumers: [{ model: churn, owner: team-crm }]
---
featureService: trial
features: ["lines:quantity"]
---
featureService: ltv_v1
features: ["purchases:favorite"]
consumers: [{ model: ltv, owner: team-ltv }]
`;

/** The shop, one version of its definitions after the other. */
class Shop {
  readonly folder: string;
  nowUs = 1_800_000_000_000_000;
  readonly warned: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Shop> {
    const shop = new Shop(await shopProject({ 'definitions/shop.ts': '' }));
    await shop.apply(SHOP);
    return shop;
  }

  plan(yaml: string): Promise<ApplyPlan> {
    return this.#with(yaml, (project, database) => planProject(project, database));
  }

  apply(yaml: string, ...allow: string[]): Promise<Bundle> {
    return this.#with(yaml, async (project, database) => {
      const allowance = allowanceOf(allow, allow.length === 0 ? undefined : 'agreed with all');
      return applyPlan(project, database, await planProject(project, database), allowance);
    });
  }

  record(run: RunRecord): Promise<void> {
    return this.#with(null, (_, database) =>
      database.startRun({ ...run, runId: `${run.view} ${run.runId}` }),
    );
  }

  allowances() {
    return this.#with(null, (_, database) => database.allowances());
  }

  #with<T>(
    yaml: string | null,
    work: (project: ReturnType<typeof openProject>, database: RegistryDatabase) => Promise<T>,
  ): Promise<T> {
    if (yaml !== null) writeFileSync(join(this.folder, 'definitions/shop.yaml'), yaml);
    const logger = { ...silentLogger, warn: (line: string) => void this.warned.push(line) };
    const opened = openProject(this.folder, logger, {});
    const project = { ...opened, clock: { ...opened.clock, nowUs: () => this.nowUs } };
    return RegistryDatabase.using(project.settings.registry, (database) => work(project, database));
  }
}

let shop: Shop;
beforeEach(async () => {
  shop = await Shop.make();
});

/** Text of the first, each change by its own. */
const changed = (...changes: [from: string, to: string][]): string =>
  changes.reduce((text, [from, to]) => {
    expect(text).toContain(from);
    return text.replace(from, to);
  }, SHOP);

interface Case {
  readonly what: string;
  readonly change: [from: string, to: string][];
  readonly kind: string;
  /** `name: services that refuse`, of all changes together. */
  readonly refused: readonly string[];
  /** A line of the plan. */
  readonly says: string;
}

// A table: one line a change.
// prettier-ignore
const CASES: readonly Case[] = [
  { what: 'a shorter TTL', change: [['ttl: 1d', 'ttl: 2h']], kind: 'logic', refused: ['lines.ttl: churn_v1'], says: 'ttl: 1d -> 2h (reading logic' },
  { what: 'a TTL that goes', change: [['ttl: 1d\n', '']], kind: 'logic', refused: ['lines.ttl: churn_v1'], says: 'ttl: 1d -> none' },
  { what: 'a delay', change: [['delay: 5m', 'delay: 10m']], kind: 'logic', refused: ['purchases.delay: churn_v1, ltv_v1'], says: 'delay: 5m -> 10m' },
  { what: 'a freshness that withholds', change: [['freshness: 3h', 'freshness: 2h']], kind: 'logic', refused: ['purchases.freshness: churn_v1, ltv_v1'], says: 'freshness: 3h -> 2h: values are withheld once the view is more than 4h behind, and were past 6h (reading logic' },
  { what: 'a looser freshness', change: [['freshness: 3h', 'freshness: 5h']], kind: 'logic', refused: ['purchases.freshness: churn_v1, ltv_v1'], says: 'freshness: 3h -> 5h: values are served until the view is 10h behind, and were withheld past 6h (reading logic' },
  { what: 'the freshness of a stored view', change: [['ttl: 1d', 'ttl: 1d\nfreshness: 4h']], kind: 'metadata', refused: [], says: 'freshness: 1d -> 4h: a promise alone, since the TTL decides what is withheld' },
  { what: 'a smaller lateness', change: [['lateness: 2d', 'lateness: 1d']], kind: 'logic', refused: ['purchases.lateness: churn_v1, ltv_v1'], says: 'lateness: 2d -> 1d' },
  { what: 'a larger lateness', change: [['lateness: 2d', 'lateness: 9d']], kind: 'metadata', refused: [], says: 'lateness: 2d -> 9d' },
  { what: 'a fallback', change: [['window: 7d, missing: -1', 'window: 7d, missing: 0']], kind: 'logic', refused: ['purchases__count_7d.missing: churn_v1'], says: 'count_7d.missing: -1 -> 0' },
  { what: 'a fallback that comes', change: [['column: category }', 'column: category, missing: none }']], kind: 'logic', refused: ['purchases__favorite.missing: churn_v1, ltv_v1'], says: 'favorite.missing: none -> none' },
  { what: 'a window', change: [['window: 7d', 'window: 8d']], kind: 'logic', refused: ['purchases__count_7d.window: churn_v1'], says: 'count_7d.window: 7d -> 8d (row logic' },
  { what: 'another aggregate', change: [['agg: avg', 'agg: stddev']], kind: 'logic', refused: ['purchases__average_30d.agg: churn_v1'], says: 'average_30d.agg: avg -> stddev' },
  { what: 'a hop', change: [['hop: 1h', 'hop: 30m']], kind: 'logic', refused: ['purchases.hop: churn_v1, ltv_v1'], says: 'hop: 1h -> 30m' },
  { what: 'a time column', change: [['createdTime: loaded_at\n', '']], kind: 'logic', refused: ['purchases.source.createdTime: churn_v1, ltv_v1', 'lines.source.createdTime: churn_v1'], says: 'source.createdTime: loaded_at -> none' },
  { what: 'a type', change: [['line_total: float64', 'line_total: float32']], kind: 'breaking', refused: ['lines__line_total.type: churn_v1'], says: 'line_total.type: float64 -> float32' },
  { what: 'a moved path', change: [['data/invoices.parquet', './data/*.parquet']], kind: 'metadata', refused: [], says: 'source.path: data/invoices.parquet -> ./data/*.parquet (where it lies' },
  { what: 'a source of another name', change: [['source: invoices\nparquet', 'source: bills\nparquet'], ['source: invoices\nhop', 'source: bills\nhop'], ['source: invoices\nttl', 'source: bills\nttl']], kind: 'metadata', refused: [], says: 'source: invoices -> bills' },
  { what: 'a feature that goes from a view and its service', change: [['line_total: float64, ', '']], kind: 'breaking', refused: ['churn_v1.features: churn_v1'], says: 'no longer serves lines__line_total' },
  { what: 'a feature that goes from a service', change: [['[purchases, lines]', '[purchases, "lines:quantity"]']], kind: 'breaking', refused: ['churn_v1.features: churn_v1'], says: 'no longer serves lines__line_total' },
  { what: 'another order', change: [['[purchases, lines]', '[lines, purchases]']], kind: 'breaking', refused: ['churn_v1.features: churn_v1'], says: 'the order of its features changes' },
  { what: 'a feature at the end', change: [['["purchases:favorite"]', '["purchases:favorite", "purchases:count_7d"]']], kind: 'additive', refused: [], says: 'also serves purchases__count_7d' },
  { what: 'tensors of another type', change: [['consumers: [{ model: churn', 'tensor: float32\nconsumers: [{ model: churn']], kind: 'breaking', refused: ['churn_v1.tensor: churn_v1'], says: 'tensor: float64 -> float32' },
  { what: 'a role', change: [['["purchases:favorite"]', '[{ view: purchases, features: [favorite], as: purchases, joinKeys: { customer_id: buyer_id } }]']], kind: 'breaking', refused: ['ltv_v1.features: ltv_v1', 'ltv_v1.keys: ltv_v1'], says: 'purchases is taken by customer_id -> buyer_id' },
  { what: 'a service that goes', change: [[SHOP.slice(SHOP.indexOf('---\nfeatureService: ltv_v1')), '']], kind: 'deleted', refused: ['ltv_v1: ltv_v1'], says: 'refused: ltv_v1: service ltv_v1, consumed by model ltv of team-ltv' },
  { what: 'a service of nobody that goes', change: [['---\nfeatureService: trial\nfeatures: ["lines:quantity"]\n', '']], kind: 'deleted', refused: [], says: '- deleted  service trial' },
  { what: 'a service of nobody that changes', change: [['["lines:quantity"]', '["lines:line_total"]']], kind: 'breaking', refused: [], says: 'not guarded: service trial, for which no consumer is named' },
  { what: 'a watermark that goes by events', change: [['hop: 1h', 'hop: 1h\nwatermark: events']], kind: 'logic', refused: ['purchases.watermark: churn_v1, ltv_v1', 'purchases.outOfOrder: churn_v1, ltv_v1'], says: 'watermark: cutoff -> events (reading logic' },
  { what: 'an alert age', change: [['freshness: 3h', 'freshness: { target: 3h, alert: 4h }']], kind: 'metadata', refused: [], says: 'freshness.alert: 6h -> 4h' },
  { what: 'a start', change: [['hop: 1h', 'hop: 1h\nstart: 2026-01-31']], kind: 'metadata', refused: [], says: 'start: none -> 2026-01-31T00:00:00.000000Z' },
  { what: 'how far ahead events may lie', change: [['createdTime: loaded_at', 'createdTime: loaded_at\nmaxAhead: 1h']], kind: 'logic', refused: ['purchases.source.maxAhead: churn_v1, ltv_v1', 'lines.source.maxAhead: churn_v1'], says: 'source.maxAhead: none -> 1h (row logic' },
  { what: 'a source of whole snapshots', change: [['source: invoices\nttl', 'source: { parquet: data/invoices.parquet, eventTime: invoice_date, createdTime: loaded_at, absent: delete }\nttl']], kind: 'logic', refused: ['lines.source.absent: churn_v1'], says: 'source.absent: keep -> delete (row logic' },
  { what: 'a scale', change: [['column: line_total, window: 30d', 'column: line_total, window: 30d, scale: 8']], kind: 'logic', refused: ['purchases__average_30d.scale: churn_v1'], says: 'average_30d.scale: 6 -> 8' },
  { what: 'a mark for the log', change: [['type: int32, missing', 'type: int32, log: hmac, missing']], kind: 'metadata', refused: [], says: 'quantity.log: raw -> hmac' },
  { what: 'a tolerance', change: [['type: int32, missing', 'type: int32, tolerance: 1, missing']], kind: 'metadata', refused: [], says: 'quantity.tolerance: none -> 1' },
  { what: 'a check', change: [['type: int32, missing', 'type: int32, checks: { min: 0 }, missing']], kind: 'metadata', refused: [], says: 'quantity.checks: none -> ' },
  { what: 'an owner', change: [['ttl: 1d', 'ttl: 1d\nowner: risk']], kind: 'metadata', refused: [], says: 'owner: none -> risk' },
];

test.each(CASES)('$what', async ({ change, kind, refused, says }) => {
  const { changes } = await shop.plan(changed(...change));
  expect(changes.map((one) => one.kind)).toContain(kind);
  const found = changes.flatMap(({ refusals }) =>
    refusals.map(({ name, services }) => `${name}: ${services.map(({ service }) => service).join(', ')}`),
  );
  expect(found).toEqual(refused);
  expect(renderChanges(changes)).toContain(says);
  const names = refused.map((text) => text.slice(0, text.indexOf(':')));
  if (names.length > 0)
    await expect(shop.apply(changed(...change))).rejects.toThrow(`${names[0]}: a ${kind}`);
  await shop.apply(changed(...change), ...names);
  expect((await shop.plan(changed(...change))).changes).toEqual([]);
});

test('freshness that was not given follows the delay, and only the delay is refused', async () => {
  const given = 'freshness: 3h\n';
  await shop.apply(changed([given, '']), 'purchases.freshness');
  const { changes } = await shop.plan(changed([given, ''], ['delay: 5m', 'delay: 1h']));
  expect(changes[0]!.details.map(({ option }) => option)).toEqual([
    'delay',
    'freshness',
    'freshness.alert',
    'sourceFreshness',
  ]);
  expect(changes[0]!.refusals.map(({ name }) => name)).toEqual(['purchases.delay']);
  const { changes: sooner } = await shop.plan(changed([given, 'schedule: 30m\n']));
  expect(sooner[0]!.refusals.map(({ name }) => name)).toEqual(['purchases.freshness']);
});

test('join keys are refused once, by the entity', async () => {
  const next = changed(['customer_id: int64', 'invoice_no: string']);
  const { changes } = await shop.plan(next);
  expect(changes.map(({ what, name }) => `${what} ${name}`)).toEqual([
    'entity customer',
    'view purchases',
    'view lines',
    'service churn_v1',
    'service trial',
    'service ltv_v1',
  ]);
  expect(changes.flatMap(({ refusals }) => refusals.map(({ name }) => name))).toEqual(['customer.joinKeys']);
  const told = changes.filter(({ what }) => what === 'view').flatMap(({ details }) => details);
  expect(told.map(({ sentence }) => sentence)).toContain(
    'its entity has other join keys: its rows are MISSING until the next run writes them anew',
  );
  // The rows of its views are those of other keys: no reader goes on with them.
  expect(changes.slice(0, 3).map(({ kind }) => kind)).toEqual(['breaking', 'breaking', 'breaking']);
  await shop.apply(next, 'customer.joinKeys');
});

describe('what is allowed', () => {
  const two = changed(['ttl: 1d', 'ttl: 2d'], ['delay: 5m', 'delay: 6m']);

  test('exactly what is named is taken, kept with its reason, and who consumed it', async () => {
    await expect(shop.apply(two, 'lines.ttl')).rejects.toMatchObject({
      code: 'REG_REFUSED',
      message: expect.not.stringContaining('lines.ttl') as unknown,
      details: { help: expect.stringContaining('--allow purchases.delay') as unknown },
    });
    await shop.apply(two, 'lines.ttl', 'purchases.delay');
    expect(await shop.allowances()).toMatchObject([
      {
        sequence: 2,
        name: 'lines.ttl',
        reason: 'agreed with all',
        services: [{ service: 'churn_v1', consumers: [{ model: 'churn', owner: 'team-crm' }] }],
      },
      { sequence: 2, name: 'purchases.delay' },
    ]);
  });

  test.each([
    [['lines.tll', 'lines.ttl', 'purchases.delay'], 'the name "lines.tll", did you mean "lines.ttl"?'],
    [['lines.ttl', 'purchases.delay', 'purchases.hop'], 'the name "purchases.hop"'],
    [['lines'], 'refused is purchases.delay, lines.ttl'],
  ])('a name that stands for nothing refused applies nothing: %s', async (names, sentence) => {
    const before = await shop.plan(SHOP);
    await expect(shop.apply(two, ...names)).rejects.toMatchObject({
      code: 'REG_ALLOW',
      kind: 'usage',
      message: expect.stringContaining(sentence) as unknown,
    });
    expect(await shop.plan(SHOP)).toEqual(before);
  });

  test('names need a reason', () => {
    expect(() => allowanceOf(['a.ttl'], undefined)).toThrow('--allow needs --reason');
    expect(() => allowanceOf(['a.ttl'], ' ')).toThrow('--allow needs --reason');
    expect(allowanceOf([], ' because ')).toMatchObject({ names: [], reason: 'because' });
  });
});

describe('a consumer that was removed counts for seven days', () => {
  const LTV = 'consumers: [{ model: ltv, owner: team-ltv }]';
  const without = changed([LTV, 'consumers: []']);
  const gone = changed([SHOP.slice(SHOP.indexOf('---\nfeatureService: ltv_v1')), '']);

  test('of a service that is deleted, and of what it consumes', async () => {
    await shop.apply(without);
    shop.nowUs += 7 * DAY_US - 1;
    const [deleted] = (await shop.plan(gone)).changes;
    expect(deleted!.refusals).toMatchObject([
      { name: 'ltv_v1', services: [{ consumers: [{ model: 'ltv', removedUs: 1_800_000_000_000_000 }] }] },
    ]);
    const slower = without.replace('delay: 5m', 'delay: 6m');
    const refused = (await shop.plan(slower)).changes[0]!.refusals[0]!;
    expect(refused.services.map(({ service }) => service)).toEqual(['churn_v1', 'ltv_v1']);
    shop.nowUs += 1;
    expect((await shop.plan(gone)).changes[0]!.refusals).toEqual([]);
    await shop.apply(gone);
  });

  test('however often it came and went', async () => {
    await shop.apply(without);
    shop.nowUs += 3 * DAY_US;
    await shop.apply(SHOP);
    shop.nowUs += 2 * DAY_US;
    await shop.apply(without);
    shop.nowUs += 6 * DAY_US;
    const [deleted] = (await shop.plan(gone)).changes;
    expect(deleted!.refusals[0]!.services[0]!.consumers).toEqual([
      { model: 'ltv', owner: 'team-ltv', removedUs: 1_800_000_000_000_000 + 5 * DAY_US },
    ]);
  });
});

describe('ids', () => {
  const other = changed(['window: 7d', 'window: 8d']);
  const allow = 'purchases__count_7d.window';
  const idsOf = (bundle: Bundle): number[] =>
    bundle.schemas.get('purchases')!.map(({ definitionId }) => definitionId);

  test('a view that returns to a definition gets a new id, and keeps it', async () => {
    const first = idsOf(await shop.apply(SHOP));
    const second = await shop.apply(other, allow);
    const third = await shop.apply(SHOP, allow);
    const [a, b, again] = idsOf(third);
    expect([a]).toEqual(first);
    expect(new Set([a, b, again]).size).toBe(3);
    expect(third.views.get('purchases')!.definitionId).toBe(again);
    expect(second.views.get('purchases')!.definitionId).toBe(b);
    expect((await shop.plan(SHOP)).changes).toEqual([]);
    const renamed = await shop.apply(changed(['owner: team-ltv', 'owner: team-new']));
    expect(idsOf(renamed)).toEqual([a, b, again]);
    const fifth = await shop.apply(SHOP);
    const more = [await shop.apply(other, allow), await shop.apply(SHOP, allow)];
    expect(fifth.hash).toBe(third.hash);
    expect(new Set(idsOf(more[1]!)).size).toBe(5);
  });

  test('whatever the order of definitions, an id that was left is never taken again', () => {
    const joinKeys = [{ name: 'customer_id', type: 'string' as const }];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 }), (hops) => {
        const past: RowSchema[] = [];
        const left = new Set<number>();
        hops.forEach((hop, i) => {
          const view = orders({ hopUs: hop * 3_600_000_000 });
          const definitionId = appliedDefinitionId(view, joinKeys, past);
          if (i > 0 && hop === hops[i - 1]) expect(definitionId).toBe(past.at(-1)!.definitionId);
          else {
            expect(left.has(definitionId)).toBe(false);
            past.push({ definitionId, entity: 'customer', joinKeys, features: [] });
          }
          for (const { definitionId: old } of past.slice(0, -1)) left.add(old);
        });
      }),
    );
  });

  test('reading logic, where the source lies and what is said of a view leave the id alone', async () => {
    const [id] = idsOf(await shop.apply(SHOP));
    const bundle = await shop.apply(
      changed(
        ['delay: 5m', 'delay: 6m'],
        ['freshness: 3h', 'freshness: 4h'],
        ['lateness: 2d', 'lateness: 1d'],
        ['missing: -1', 'missing: 0'],
        ['data/invoices.parquet', 'data/*.parquet'],
      ),
      'purchases.delay',
      'purchases.freshness',
      'purchases.lateness',
      'purchases__count_7d.missing',
    );
    expect(idsOf(bundle)).toEqual([id]);
  });

  test('the version of a service belongs to what it serves', async () => {
    const version = (bundle: Bundle): number => bundle.services.get('ltv_v1')!.version;
    const serving = (features: string): string => changed(['["purchases:favorite"]', features]);
    expect(version(await shop.apply(SHOP))).toBe(1);
    const more = serving('["purchases:favorite", "purchases:count_7d"]');
    expect(version(await shop.apply(more))).toBe(2);
    expect(version(await shop.apply(SHOP, 'ltv_v1.features'))).toBe(1);
    expect(version(await shop.apply(more))).toBe(2);
    const gone = changed([SHOP.slice(SHOP.indexOf('---\nfeatureService: ltv_v1')), '']);
    await shop.apply(gone, 'ltv_v1');
    expect(version(await shop.apply(serving('["purchases:average_30d"]')))).toBe(3);
    await shop.apply(gone, 'ltv_v1');
    expect(version(await shop.apply(SHOP))).toBe(1);
  });
});

test('what another version of plumb has applied is told apart, and an apply publishes all of it anew', async () => {
  const bundle = join(shop.folder, '.plumb/bundles');
  const { hash } = loadCurrentBundle(bundle);
  const file = join(bundle, `${hash}.json`);
  const earlier = readFileSync(file, 'utf8').replace('"format":3', '"format":1');
  writeFileSync(file, earlier);
  expect(() => loadCurrentBundle(bundle)).toThrow(
    expect.objectContaining({
      code: 'REG_BUNDLE',
      message: `${file}: the bundle has format 1, of an earlier version of plumb; this one reads format ${BUNDLE_FORMAT}: apply again`,
    }),
  );
  const registry = new DatabaseSync(join(shop.folder, '.plumb/registry.db'));
  registry.prepare('UPDATE applied_bundle SET bundle = ?').run(earlier);
  registry.close();
  const { changes } = await shop.plan(SHOP);
  expect(new Set(changes.map(({ kind }) => kind))).toEqual(new Set(['created']));
  expect(shop.warned.join()).toContain('was applied by another version of plumb');
  await shop.apply(SHOP);
  expect(loadCurrentBundle(bundle).hash).toBe(hash);
});

test('a plan says about how many rows the next run rewrites', async () => {
  const bundle = loadCurrentBundle(join(shop.folder, '.plumb/bundles'));
  const history = join(shop.folder, '.plumb/history');
  const view = bundle.views.get('purchases')!;
  const earlier = { ...view, definitionId: 1 };
  for (const [runId, of, rows] of [
    ['a', earlier, 9] as const,
    ['a', view, 12] as const,
    ['b', view, 3] as const,
  ]) {
    const sql = `SELECT range AS n, TIMESTAMPTZ '2026-11-01 00:00:00+00' AS event_time FROM range(${rows})`;
    const entity = bundle.entities.get(of.entity)!;
    await commitHistory(history, { view: of, entity, runId, watermarkUs: 0, days: { '2026-11-01': sql } });
  }
  const range = { kind: 'ordinary', horizonUs: null } as unknown as RunPlan;
  for (const id of ['purchases', 'lines']) {
    const run = beginRun({
      view: bundle.views.get(id)!,
      bundle,
      runId: 'first',
      startedUs: 1_800_000_000_000_000,
      range,
      shard: null,
    });
    await shop.record({ ...run, toUs: 0, watermarkUs: 0, written: 4, equal: 1 });
    await shop.record({ ...run, runId: 'second', toUs: 0, watermarkUs: 0, written: 2 });
  }
  const { changes, rewrites } = await shop.plan(changed(['window: 7d', 'window: 8d']));
  expect(rewrites).toEqual([{ view: 'purchases', historyRows: 15, onlineRows: 5 }]);
  expect(renderChanges(changes, rewrites)).toContain(
    '    the next run rewrites about 15 rows of its history and 5 rows online\n',
  );
  const stored = await shop.plan(changed(['line_total: float64', 'line_total: float32']));
  expect(stored.rewrites).toEqual([{ view: 'lines', historyRows: 0, onlineRows: 5 }]);
  // Reading logic rewrites none.
  expect((await shop.plan(changed(['delay: 5m', 'delay: 10m']))).rewrites).toEqual([]);
});
