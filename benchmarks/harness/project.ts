/** The project that a benchmark serves: customers with views of doubles, in the embedded store or in Redis. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import { definitionIdOf, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { Bundle, Entity, FeatureService, FeatureView } from '../../contract/model.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { SQLITE_ONLINE_SCHEMA, fieldOf } from '../../contract/wire/online/online-layout.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { fillRedis } from './redis/redis-fill.ts';
import type { BenchRows } from './redis/redis-fill.ts';

export const BENCH_SERVICE = 'bench_v1';
export const BENCH_ENTITY = 'customer';
export const BENCH_KEY = 'customer_id';

export interface BenchShape {
  /** Features of each view. */
  readonly views: readonly number[];
  /** Rows are written for the customers 1 to this. */
  readonly customers: number;
  /** `sqlite:.plumb/online.db` or a Redis's URL. */
  readonly online: string;
}

const customer: Entity = {
  name: BENCH_ENTITY,
  joinKeys: [{ name: BENCH_KEY, type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};

/**
 * @param extend  makes of the bundle the one that is published
 * @returns       the project's folder, with its bundle published and its rows written
 */
export async function makeBenchProject(
  shape: BenchShape,
  extend = (content: Omit<Bundle, 'hash'>): Omit<Bundle, 'hash'> => content,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-bench-'));
  writeDurably(join(folder, 'plumbline.yaml'), `project: bench\nonline: ${JSON.stringify(shape.online)}\n`);
  const settings = loadSettings(folder, {});
  const views = shape.views.map(benchView);
  const content = {
    project: 'bench',
    entities: new Map([[customer.name, customer]]),
    views: new Map(views.map((view) => [view.id, view])),
    onDemand: new Map(),
    services: new Map([[BENCH_SERVICE, benchService(views)]]),
    schemas: new Map(views.map((view) => [view.id, [rowSchemaOf(view, customer)]])),
  };
  publishBundle(settings.bundles, extend(content));
  await fillBenchStore(folder, shape);
  return folder;
}

/** Writes the rows and markers of a benchmark's project to its store; again after the store lost them. */
export async function fillBenchStore(folder: string, shape: BenchShape): Promise<void> {
  const { online } = loadSettings(folder, {});
  const views = shape.views.map(benchView);
  const rows: BenchRows = { views, customers: shape.customers, keyOf: benchKeyOf, rowOf: rowMaker(views) };
  if (online.kind === 'sqlite') fillFile(online.url, rows);
  else await fillRedis(online, rows);
}

/** @returns the features of each view by its name, in order */
export function featureNames(views: readonly number[]): Record<string, string[]> {
  return Object.fromEntries(
    views.map((features, v) => [viewName(v), Array.from({ length: features }, (_, f) => featureName(f))]),
  );
}

function viewName(view: number): string {
  return `purchase_features_${view + 1}`;
}

function featureName(feature: number): string {
  return `average_value_${feature + 1}d`;
}

function benchView(features: number, v: number): FeatureView {
  const name = viewName(v);
  const plain: Omit<FeatureView, 'definitionId'> = {
    ...PLAIN_VIEW,
    id: name,
    name,
    kind: 'stored',
    entity: customer.name,
    source: {
      name,
      path: `data/${name}.parquet`,
      eventTime: 'event_time',
      createdTime: null,
      maxAheadUs: null,
    },
    features: Array.from({ length: features }, (_, f) => ({
      ...PLAIN_FEATURE,
      name: featureName(f),
      type: { kind: 'float64' as const },
    })),
    hopUs: 0,
    freshnessUs: 3_600_000_000,
    freshnessAlertUs: 7_200_000_000,
    sourceFreshnessUs: 7_200_000_000,
  };
  return { ...plain, definitionId: definitionIdOf(plain, customer.joinKeys) };
}

function benchService(views: readonly FeatureView[]): FeatureService {
  return {
    name: BENCH_SERVICE,
    version: 1,
    features: views.flatMap((view) =>
      view.features.map((f) => ({
        fullName: `${view.id}__${f.name}`,
        view: view.id,
        role: view.id,
        feature: f.name,
      })),
    ),
    views: views.map((view) => ({ role: view.id, view: view.id, requestKeys: [BENCH_KEY] })),
    requestKeys: customer.joinKeys,
    onDemand: [],
    inputs: [],
    consumers: [],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
}

/** The value of a feature; `feast_fill.py` computes the same double. */
export function benchValueOf(customerId: number, view: number, feature: number): number {
  return (feature + 1) * 17.85 + customerId / 3 + view;
}

/** The key of a customer's hash. */
export function benchKeyOf(customerId: number): string {
  return entityKeyOf('', customer, [BigInt(customerId)]);
}

/** @returns makes the row of a view, by its place, for a customer */
function rowMaker(views: readonly FeatureView[]): (customerId: number, view: number) => Buffer {
  const encoders = views.map((view) => new RowEncoder(view));
  const nowMs = Date.now();
  const eventUs = (nowMs - 3_600_000) * 1_000;
  return (customerId, view) => {
    const values = views[view]!.features.map((_, f) => benchValueOf(customerId, view, f));
    return encoders[view]!.encode(eventUs, nowMs * 1_000, nowMs, values);
  };
}

function fillFile(file: string, { views, customers, rowOf }: BenchRows): void {
  const store = new DatabaseSync(file);
  store.exec(`PRAGMA journal_mode = WAL; ${SQLITE_ONLINE_SCHEMA}`);
  const insert = store.prepare('INSERT INTO entity_row VALUES (?, ?, ?)');
  const fields = views.map(({ id }) => fieldOf(id).readUInt32BE());
  store.exec('BEGIN');
  for (let c = 1; c <= customers; c++) {
    for (const [v, field] of fields.entries()) insert.run(benchKeyOf(c), field, rowOf(c, v));
  }
  const mark = store.prepare('INSERT INTO marker VALUES (?, ?)');
  for (const view of views) mark.run(view.id, Date.now() * 1_000);
  store.exec('COMMIT');
  store.close();
}
