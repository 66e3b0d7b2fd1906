/**
 * A project for tests of the sidecar, without definitions files and materializer: a bundle built by hand, published in
 * a temp folder, and rows written straight into the store with the row codec.
 *
 *   customer (customer_id int64)  profile    stored, TTL 1 d        every scalar type
 *                                 spend      aggregated, 1 h fresh  two numbers
 *   product (product_code string) product    stored, no TTL
 *   services: everything (all three), profile_only, twice (spend in two roles: buyer and seller)
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { definitionIdOf, rowSchemaOf, rowSchemaToJson } from '../../contract/definitions/definition-json.ts';
import type {
  Bundle,
  Entity,
  Feature,
  FeatureService,
  FeatureView,
  RowSchema,
} from '../../contract/model.ts';
import { openProject } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import type { SettingFlags } from '../../project/settings/setting-sources.ts';
import type { Clock } from '../../project/clock.ts';
import { writeDurably } from '../../contract/std/durable-file.ts';
import { silentTalk } from '../../contract/std/talk.ts';
import type { Talk } from '../../contract/std/talk.ts';
import { parseType } from '../../contract/value-type.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { SQLITE_ONLINE_SCHEMA, fieldOf } from '../../contract/wire/online/online-layout.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';

export const HOUR_US = 3_600_000_000;
export const DAY_US = 24 * HOUR_US;
/** 2026-11-21T12:00:00Z */
export const NOON_US = 1_795_262_400_000_000;

export interface ManualClock extends Clock {
  us: number;
}

export function manualClock(us = NOON_US): ManualClock {
  return {
    us,
    rehearsal: null,
    nowUs() {
      return this.us;
    },
    offsetUs: () => 0,
    async runLasted() {},
  };
}

export const customer = entity('customer', 'customer_id', 'int64');
export const product = entity('product', 'product_code', 'string');

function entity(name: string, key: string, type: 'int64' | 'string'): Entity {
  return { name, joinKeys: [{ name: key, type }], description: null, owner: null, tags: [], log: 'raw' };
}

export function feature(name: string, type: string, missing: Value = null): Feature {
  return {
    name,
    type: parseType(type)!,
    column: null,
    missing,
    tolerance: null,
    log: 'raw',
    checks: null,
    description: null,
    tags: [],
    examples: [],
    normalization: null,
    aggregation: null,
  };
}

export function view(
  name: string,
  of: Entity,
  features: Feature[],
  more: Partial<FeatureView> = {},
): FeatureView {
  const kind = more.kind ?? 'stored';
  const plain: Omit<FeatureView, 'definitionId'> = {
    id: name,
    name,
    version: 1,
    kind,
    entity: of.name,
    source: {
      name,
      path: `data/${name}.parquet`,
      eventTime: 'event_time',
      createdTime: null,
      maxAheadUs: null,
    },
    features,
    ttlUs: null,
    hopUs: kind === 'aggregated' ? HOUR_US : 0,
    delayUs: 0,
    scheduleUs: null,
    watermark: 'cutoff' as const,
    outOfOrderUs: 0,
    startUs: null,
    freshnessUs: HOUR_US,
    freshnessAlertUs: 2 * HOUR_US,
    sourceFreshnessUs: 2 * HOUR_US,
    latenessUs: DAY_US,
    owner: null,
    team: null,
    description: null,
    tags: [],
    where: null,
    select: [],
    deprecated: null,
    ...more,
  };
  return { ...plain, definitionId: definitionIdOf(plain, of.joinKeys) };
}

export const profile = view(
  'profile',
  customer,
  [
    feature('name', 'string'),
    feature('visits', 'int32', -1),
    feature('points', 'int64'),
    feature('score', 'float32', 0.5),
    feature('balance', 'float64'),
    feature('active', 'bool'),
    feature('joined', 'timestamp'),
    feature('photo', 'bytes'),
  ],
  { ttlUs: DAY_US },
);
export const spend = view('spend', customer, [feature('total', 'float64'), feature('orders', 'int64', 0n)], {
  kind: 'aggregated',
});
export const productStats = view('product', product, [feature('price', 'float64')]);

export interface RoleUse {
  readonly view: FeatureView;
  readonly of: Entity;
  readonly role?: string;
  readonly keys?: readonly string[];
}

export function service(name: string, uses: readonly RoleUse[]): FeatureService {
  const views = uses.map(({ view: v, of, role, keys }) => ({
    role: role ?? v.id,
    view: v.id,
    requestKeys: keys ?? of.joinKeys.map((key) => key.name),
  }));
  const requestKeys = new Map(
    uses.flatMap(({ of }, i) =>
      of.joinKeys.map((key, k) => {
        const asked = views[i]!.requestKeys[k]!;
        return [asked, { name: asked, type: key.type }] as const;
      }),
    ),
  );
  return {
    name,
    version: 3,
    features: uses.flatMap(({ view: v }, i) =>
      v.features.map((f) => ({
        fullName: `${views[i]!.role}__${f.name}`,
        view: v.id,
        role: views[i]!.role,
        feature: f.name,
      })),
    ),
    views,
    requestKeys: [...requestKeys.values()],
    consumers: [{ model: 'churn', owner: 'crm' }],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
}

export function bundleContent(
  views: readonly FeatureView[] = [profile, spend, productStats],
): Omit<Bundle, 'hash'> {
  const of = (v: FeatureView): Entity => (v.entity === 'customer' ? customer : product);
  const [first, second] = [views[0]!, views[1] ?? views[0]!];
  const services = [
    service(
      'everything',
      views.map((v) => ({ view: v, of: of(v) })),
    ),
    service('profile_only', [{ view: first, of: of(first) }]),
    service('twice', [
      { view: second, of: of(second), role: 'buyer', keys: ['buyer_id'] },
      { view: second, of: of(second), role: 'seller', keys: ['seller_id'] },
    ]),
  ];
  return {
    project: 'test',
    entities: new Map([customer, product].map((e) => [e.name, e])),
    views: new Map(views.map((v) => [v.id, v])),
    services: new Map(services.map((s) => [s.name, s])),
    schemas: new Map(views.map((v) => [v.id, [rowSchemaOf(v)]])),
  };
}

export class ServingFixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  readonly warnings: string[] = [];
  readonly said: string[] = [];
  readonly clock: Clock;
  readonly #flags: SettingFlags;
  readonly bundle: Bundle;
  #database: DatabaseSync | null = null;

  constructor(clock: Clock, flags: SettingFlags = {}, content = bundleContent()) {
    this.clock = clock;
    this.#flags = flags;
    writeDurably(
      join(this.folder, 'plumbline.yaml'),
      'project: test\nserve: { port: 0, adminPort: 0, deadlineMs: 20000, drainMs: 0 }\n',
    );
    this.bundle = publishBundle(this.project().settings.bundles, content);
  }

  project(flags: SettingFlags = {}): Project {
    const all = { ...this.#flags, ...flags };
    return { ...openProject(this.folder, this.talk, {}, all), clock: this.clock };
  }

  get talk(): Talk {
    return {
      ...silentTalk,
      say: (line) => void this.said.push(line),
      warn: (line) => void this.warnings.push(line),
    };
  }

  /** The embedded store, opened for writing. */
  get store(): DatabaseSync {
    if (this.#database === null) {
      this.#database = new DatabaseSync(this.project().settings.online.url);
      this.#database.exec(`PRAGMA journal_mode = WAL; ${SQLITE_ONLINE_SCHEMA}`);
    }
    return this.#database;
  }

  mark(viewId: string, watermarkUs: number): void {
    this.store.prepare('INSERT OR REPLACE INTO marker VALUES (?, ?)').run(viewId, watermarkUs);
  }

  unmark(viewId: string): void {
    this.store.prepare('DELETE FROM marker WHERE view = ?').run(viewId);
  }

  put(of: FeatureView, id: KeyValue, values: readonly Value[], more: Partial<RowTimes> = {}): Buffer {
    const row = encodeRow(rowSchemaOf(of), values, more);
    this.putRaw(of, id, row);
    return row;
  }

  putRaw(of: FeatureView, id: KeyValue, row: Buffer): void {
    this.store
      .prepare('INSERT OR REPLACE INTO entity_row VALUES (?, ?, ?)')
      .run(keyFor(of, id), fieldOf(of.id).readUInt32BE(), row);
  }

  publishSchema(schema: RowSchema): void {
    this.store
      .prepare('INSERT OR REPLACE INTO row_schema VALUES (?, ?)')
      .run(schema.definitionId, canonicalJson(rowSchemaToJson(schema)));
  }

  close(): void {
    this.#database?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface RowTimes {
  readonly eventUs: number;
  readonly createdUs: number;
  readonly writtenMs: number;
}

export function encodeRow(schema: RowSchema, values: readonly Value[], more: Partial<RowTimes> = {}): Buffer {
  const { eventUs = NOON_US - HOUR_US, createdUs = 0, writtenMs = NOON_US / 1_000 } = more;
  return new RowEncoder(schema).encode(eventUs, createdUs, writtenMs, values);
}

export function keyFor(of: FeatureView, id: KeyValue): string {
  return entityKeyOf('', of.entity === 'customer' ? customer : product, [id]);
}

/** Values of `profile` in its order. */
export const PROFILE_VALUES: readonly Value[] = [
  'Ada "A" Löwe',
  7,
  9_007_199_254_740_993n,
  Math.fround(0.1),
  -0,
  true,
  1_795_262_400_123_456n,
  Uint8Array.of(1, 2, 255),
];
