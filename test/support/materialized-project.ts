/**
 * A project with one stored view `driver_stats` (conv_rate, trips, tags of a driver) or one aggregated view `orders`,
 * in a temporary folder with a clock that the test sets: what the materializer's tests run on.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { definitionIdOf, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { Aggregation, Bundle, Entity, Feature, FeatureView } from '../../contract/model.ts';
import type { Project } from '../../project/project.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import type { SettingFlags } from '../../project/settings/setting-sources.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { writeDurably } from '../../contract/std/durable-file.ts';
import { parseType } from '../../contract/value-type.ts';

export const HOUR_US = 3_600_000_000;
/** 2026-01-01T00:00:00Z, where the tests' time begins. */
export const START_US = 1_767_225_600_000_000;

export interface TestProject extends Project {
  readonly database: RegistryDatabase;
  /** Lines said and warned. */
  readonly said: string[];
  setClock(us: number): void;
  /** Writes rows, SQL SELECTs, as the file `data/{name}.parquet`. */
  writeParquet(name: string, sql: string): Promise<void>;
  remove(): Promise<void>;
}

export async function makeProject(flags: SettingFlags = {}): Promise<TestProject> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-project-'));
  writeDurably(join(folder, 'plumbline.yaml'), 'project: test\n');
  mkdirSync(join(folder, 'data'));
  const reread = (): Settings => loadSettings(folder, {}, flags);
  const settings = reread();
  const database = await RegistryDatabase.open(settings.registry);
  const said: string[] = [];
  let nowUs = START_US;
  return {
    settings,
    reread,
    database,
    said,
    clock: { rehearsal: null, nowUs: () => nowUs, offsetUs: () => 0, async runLasted() {} },
    talk: { say: (line) => said.push(line), warn: (line) => said.push(line), progress() {} },
    setClock(us) {
      nowUs = us;
    },
    async writeParquet(name, sql) {
      const duck = await DuckDb.open();
      await duck.run(
        `COPY (${sql}) TO ${quoteText(join(folder, 'data', `${name}.parquet`))} (FORMAT parquet)`,
      );
      duck.close();
    },
    async remove() {
      await database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export function feature(name: string, type: string, change: Partial<Feature> = {}): Feature {
  return {
    name,
    type: parseType(type)!,
    column: null,
    missing: null,
    tolerance: null,
    log: 'raw',
    checks: null,
    description: null,
    tags: [],
    examples: [],
    normalization: null,
    aggregation: null,
    ...change,
  };
}

function entity(name: string, key: string, type: 'string' | 'int64'): Entity {
  return { name, joinKeys: [{ name: key, type }], description: null, owner: null, tags: [], log: 'raw' };
}

const NO_OPTIONS = {
  version: 1,
  ttlUs: null,
  hopUs: 0,
  delayUs: 0,
  scheduleUs: null,
  watermark: 'cutoff' as const,
  outOfOrderUs: 0,
  startUs: null,
  freshnessUs: 2 * HOUR_US,
  // A day of the monitor's tests ends long after their last run.
  freshnessAlertUs: 48 * HOUR_US,
  sourceFreshnessUs: 4 * HOUR_US,
  latenessUs: 48 * HOUR_US,
  owner: null,
  team: null,
  description: null,
  tags: [],
  where: null,
  select: [],
  deprecated: null,
} as const;

export const driver = entity('driver', 'driver_id', 'int64');
export const customer = entity('customer', 'customer_id', 'string');

/** Its source is `data/drivers*.parquet` with event_timestamp and created. */
export function driverStats(change: Partial<Omit<FeatureView, 'definitionId'>> = {}): FeatureView {
  const view = {
    ...NO_OPTIONS,
    id: 'driver_stats',
    name: 'driver_stats',
    kind: 'stored' as const,
    entity: 'driver',
    source: {
      name: 'drivers',
      path: 'data/drivers*.parquet',
      eventTime: 'event_timestamp',
      createdTime: 'created',
      maxAheadUs: null,
    },
    features: [feature('conv_rate', 'float64'), feature('trips', 'int64'), feature('tags', 'list<string>')],
    ...change,
  };
  return { ...view, definitionId: definitionIdOf(view, driver.joinKeys) };
}

function aggregation(change: Partial<Aggregation>): Aggregation {
  const none = { column: null, columnType: null, windowUs: null, scale: 6, n: 0, percentile: 0 };
  return { function: 'count', ...none, ...change };
}

/** Its source is `data/orders*.parquet` with customer_id, ordered_at, loaded_at, total. */
export function orders(change: Partial<Omit<FeatureView, 'definitionId'>> = {}): FeatureView {
  const day = aggregation({ windowUs: 24 * HOUR_US });
  const view = {
    ...NO_OPTIONS,
    id: 'orders',
    name: 'orders',
    kind: 'aggregated' as const,
    entity: 'customer',
    source: {
      name: 'orders',
      path: 'data/orders*.parquet',
      eventTime: 'ordered_at',
      createdTime: 'loaded_at',
      maxAheadUs: null,
    },
    features: [
      feature('orders_1d', 'int64', { aggregation: day }),
      feature('spent_1d', 'float64', {
        aggregation: { ...day, function: 'sum', column: 'total', columnType: { kind: 'float64' } },
      }),
    ],
    hopUs: HOUR_US,
    ...change,
  };
  return { ...view, definitionId: definitionIdOf(view, customer.joinKeys) };
}

/** @param earlier  views of the same id that were applied before, oldest first */
export function bundleOf(view: FeatureView, earlier: readonly FeatureView[] = []): Bundle {
  return {
    project: 'test',
    hash: '0'.repeat(16),
    entities: new Map([driver, customer].map((each) => [each.name, each])),
    views: new Map([[view.id, view]]),
    services: new Map(),
    schemas: new Map([[view.id, [...earlier, view].map(rowSchemaOf)]]),
  };
}
