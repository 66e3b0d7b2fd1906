/**
 * The retail example's shop on a rehearsed day, materialized and served by `plumb serve` as it runs in production,
 * and beside its definitions a view of every type (`sample-rows.ts`).
 *
 *   12:03, 18:03   the shop's lines land and the views are materialized
 *   18:30          what the clock says while the shop is served
 */
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareShop } from '../../examples/retail/prepare.ts';
import { materialize } from '../../materializer/main.ts';
import { applyPlan, planProject } from '../../registry/apply.ts';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { Bundle } from '../../contract/model.ts';
import { openProject } from '../../project/project.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { RehearsalControl } from '../../project/rehearsal-clock.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { formatType } from '../../contract/value-type.ts';
import { SAMPLES_YAML, samplesSql } from './sample-rows.ts';
import { startServer } from './server-process.ts';

const root = join(import.meta.dirname, '..', '..');
const HOUR_US = 3_600_000_000;
const MINUTE_US = 60_000_000;
const DAY_US = Date.UTC(2026, 2, 10) * 1_000;
export const NOON_US = DAY_US + 12 * HOUR_US;
const RUNS_US = [NOON_US + 3 * MINUTE_US, NOON_US + 6 * HOUR_US + 3 * MINUTE_US];
/** Two months of the shop's lines are enough to fill every window and to empty some. */
const FIRST_LINES_US = DAY_US - 60 * 24 * HOUR_US;
const SERVED_US = NOON_US + 6.5 * HOUR_US;

/** A view's history, and how the test asks it; `times` are columns that leave DuckDB as microseconds. */
const SHOP_VIEWS = {
  user_purchase_features: { entity: 'customer', key: 'customer_id', times: ['last_purchase_at'] },
  product_sales_features: { entity: 'product', key: 'stock_code', times: [] },
} as const;
type ShopView = keyof typeof SHOP_VIEWS;

export interface Sidecar {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ServedShop {
  readonly folder: string;
  readonly bundle: Bundle;
  /** The newest row of each entity as of 18:30, straight from the history's Parquet files; times as `.._us`. */
  newestRows(view: ShopView, limit?: number): Promise<SqlRow[]>;
  /** Writes the same rows to a Parquet file for Feast: key, event_time, created_time, features. */
  exportRows(view: ShopView | 'samples', file: string, limit?: number): Promise<void>;
  /** Brings everything online in another store and serves it from there. */
  serve(online: string): Promise<Sidecar>;
  remove(): void;
}

export async function makeServedShop(): Promise<ServedShop> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-clients-'));
  cpSync(join(root, 'examples', 'retail', 'definitions'), join(folder, 'definitions'), { recursive: true });
  writeFileSync(join(folder, 'definitions', 'samples.yaml'), SAMPLES_YAML);
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\nclock: { control: clock.txt }\n');
  const control = new RehearsalControl(join(folder, 'clock.txt'), DAY_US);
  const duck = await DuckDb.open();
  const raw = join(root, 'examples', 'retail', 'data', 'online_retail.parquet');
  const shop = await prepareShop(raw, folder, DAY_US, []);
  await duck.run(
    `COPY (${samplesSql(NOON_US)}) TO ${quoteText(join(folder, 'data', 'samples.parquet'))} (FORMAT parquet)`,
  );
  const project = openProject(folder, silentLogger, {});
  let landedUs = FIRST_LINES_US;
  let bundle: Bundle | null = null;
  for (const runUs of RUNS_US) {
    control.set(runUs);
    await shop.land(landedUs, runUs);
    landedUs = runUs;
    bundle ??= await RegistryDatabase.using(project.settings.registry, async (database) =>
      applyPlan(project, database, await planProject(project, database)),
    );
    await materialize(project, { views: batchViews(bundle) });
  }
  shop.close();
  control.set(SERVED_US);
  return {
    folder,
    bundle: bundle!,
    newestRows: (view, limit) => duck.rows(withMicroseconds(view, newestSql(folder, view, limit))),
    async exportRows(view, file, limit) {
      const rows = view === 'samples' ? exportedSamplesSql() : newestSql(folder, view, limit);
      await duck.run(`COPY (${rows}) TO ${quoteText(file)} (FORMAT parquet)`);
    },
    async serve(online) {
      // A store that was never written to has no markers: the run brings every row there.
      if (!online.startsWith('sqlite:'))
        await materialize(openProject(folder, silentLogger, {}, { online }), { views: batchViews(bundle!) });
      return startSidecar(folder, online);
    },
    remove() {
      control.close();
      duck.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All but those over streams: nobody clicks in this shop, so that no archive has a message. */
function batchViews(bundle: Bundle): string[] {
  return [...bundle.views.values()].filter(({ source }) => source.stream === undefined).map(({ id }) => id);
}

/** Written apart from the programs: the newest (event, created) of each entity among the rows that are due. */
function newestSql(folder: string, view: ShopView, limit = 1_000_000): string {
  const { key } = SHOP_VIEWS[view];
  const files = quoteText(join(folder, '.plumb', 'history', view, 'v1', 'day=*', '*.parquet'));
  return `
    SELECT * EXCLUDE (run_id, definition_id, deleted) FROM read_parquet(${files}, hive_partitioning = false)
    WHERE epoch_us(event_time) + 5 * 60 * 1000000 <= ${SERVED_US}
    QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY event_time DESC, created_time DESC) = 1
    ORDER BY hash(${key}) LIMIT ${limit}`;
}

function withMicroseconds(view: ShopView, sql: string): string {
  const times = [...SHOP_VIEWS[view].times, 'event_time'];
  const columns = times.map((name) => `epoch_us(${name}) AS ${name}_us`);
  return `SELECT * EXCLUDE (${times.join(', ')}, created_time), ${columns.join(', ')} FROM (${sql})`;
}

function exportedSamplesSql(): string {
  return `SELECT * RENAME (sampled_at AS event_time, written_at AS created_time) FROM (${samplesSql(NOON_US)})`;
}

/** The bundle's definitions, as `feast_repo.py` reads them. */
export function feastDefinitions(bundle: Bundle) {
  return {
    entities: [...bundle.entities.values()].map(({ name, joinKeys: [key] }) => ({
      name,
      key: key!.name,
      type: key!.type,
    })),
    views: [...bundle.views.values()].map((view) => ({
      name: view.name,
      entity: view.entity,
      features: view.features.map(({ name, type }) => ({ name, type: formatType(type) })),
    })),
    services: [...bundle.services.values()].map((service) => ({
      name: service.name,
      views: [...new Set(service.views.map(({ view }) => view))],
    })),
  };
}

async function startSidecar(folder: string, online: string): Promise<Sidecar> {
  const settings = {
    online,
    'log.spool': `.plumb/spool-${randomUUID()}`,
    'serve.port': '0',
    'serve.adminPort': '0',
    // The machine runs other tests beside this one: a late read must not look like a wrong one.
    'serve.deadlineMs': '5000',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const plumb = ['--disable-warning=ExperimentalWarning', join(root, 'plumb.ts')];
  const server = startServer('plumb serve', process.execPath, [...plumb, '-C', folder, ...flags, 'serve']);
  const url = await server.until(async (said) => /serves on (http:\/\/\S+)/.exec(said)?.[1] ?? null);
  return { url, stop: () => server.stop() };
}
