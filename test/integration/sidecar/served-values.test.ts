/**
 * What the sidecar answers over HTTP for the retail example, against the same features computed from the raw invoices
 * by other SQL: every customer and every product, at an hour of the example's last day.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareShop } from '../../../examples/retail/prepare.ts';
import { finishRun, startRun } from '../../../examples/retail/rehearsal.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { RehearsalControl } from '../../../project/rehearsal-clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { formatTimestamp } from '../../../contract/std/timestamp.ts';
import { customerFeatures, productFeatures, splitOrders } from '../../oracle/retail-features.ts';
import { serve } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const EXAMPLE = join(import.meta.dirname, '../../../examples/retail');
const RAW = join(EXAMPLE, 'data/online_retail.parquet');
const HOUR_US = 3_600_000_000;
const DATA_DAY_US = Date.UTC(2011, 11, 9) * 1_000;
/** Not the machine's day: what is served must not depend on it. */
const DAY_US = Date.UTC(2026, 2, 20) * 1_000;
const RUN_US = DAY_US + 13 * HOUR_US + 180_000_000;
/** 11 features a row, at most 10,000 values a request. */
const ROWS_PER_REQUEST = 900;

type Answer = { value: unknown; status: string };
/** By feature's name without its view. */
type Answers = Record<string, Answer>;

test('served values equal an independent computation from the raw file, for every customer and product', async () => {
  const { folder, watermarkUs } = await materializedShop();
  const duck = await DuckDb.open();
  const moment = {
    raw: RAW,
    edgeUs: watermarkUs - DAY_US + DATA_DAY_US,
    knownUs: RUN_US - DAY_US + DATA_DAY_US,
  };
  expect(await splitOrders(duck, moment), 'orders that an edge splits are judged by no rule here').toEqual(
    [],
  );
  const customers = byKey(await customerFeatures(duck, moment), 'customer_id');
  const products = byKey(await productFeatures(duck, moment), 'stock_code');
  const everyone = await duck.rows(
    `SELECT DISTINCT customer_id::VARCHAR AS key FROM read_parquet('${RAW}') WHERE customer_id IS NOT NULL`,
  );
  const everything = await duck.rows(`SELECT DISTINCT stock_code AS key FROM read_parquet('${RAW}')`);
  duck.close();

  const served = await askAll(
    folder,
    everyone.map(({ key }) => String(key)),
    everything.map(({ key }) => String(key)),
  );

  expect(served.customers.size).toBe(4_372);
  expect(served.products.size).toBe(4_070);
  expect(customers.size).toBeGreaterThan(4_300);
  expect(products.size).toBeGreaterThan(3_800);
  expect(mismatches(served.customers, customers)).toEqual([]);
  expect(mismatches(served.products, products)).toEqual([]);
});

/** The example's project with one run at 13:03 of its last day, nothing late. */
async function materializedShop(): Promise<{ folder: string; watermarkUs: number }> {
  const folder = scratchFolder();
  cpSync(join(EXAMPLE, 'definitions'), join(folder, 'definitions'), { recursive: true });
  const settings = readFileSync(join(EXAMPLE, 'plumbline.yaml'), 'utf8');
  writeFileSync(
    join(folder, 'plumbline.yaml'),
    `${settings}clock: { control: clock.txt, runLasts: 2m }\nserve: { deadlineMs: 5000 }\n`,
  );
  const control = new RehearsalControl(join(folder, 'clock.txt'), RUN_US);
  const project = openProject(folder, silentLogger, {});
  const shop = await prepareShop(RAW, folder, DAY_US, []);
  await shop.land(0, RUN_US);
  shop.close();
  const runs = await RegistryDatabase.using(project.settings.registry, async (database) => {
    await applyPlan(project, database, await planProject(project, database));
    await finishRun({ control }, await startRun({ project }, RUN_US));
    return database.runs({});
  });
  control.close();
  expect(runs.map(({ state }) => state)).toEqual(['complete', 'complete']);
  expect(runs[0]!.watermarkUs).toBe(runs[1]!.watermarkUs);
  return { folder, watermarkUs: runs[0]!.watermarkUs };
}

/** Asks for every customer and every product, side by side in rows; the shorter list is begun anew. */
async function askAll(
  folder: string,
  customers: readonly string[],
  products: readonly string[],
): Promise<{ customers: Map<string, Answers>; products: Map<string, Answers> }> {
  const sidecar = await serve(folder);
  const answers = { customers: new Map<string, Answers>(), products: new Map<string, Answers>() };
  const rows = Math.max(customers.length, products.length);
  for (let from = 0; from < rows; from += ROWS_PER_REQUEST) {
    const to = Math.min(rows, from + ROWS_PER_REQUEST);
    const slice = (keys: readonly string[]): string[] =>
      Array.from({ length: to - from }, (_, i) => keys[(from + i) % keys.length]!);
    const body = {
      feature_service: 'basket_v1',
      entities: { customer_id: slice(customers), stock_code: slice(products) },
    };
    const response = await fetch(`${sidecar.url}/feature-service/get-online-features`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    for (const { entities, features, statuses } of JSON.parse(text).results) {
      const of = (view: string): Answers =>
        Object.fromEntries(
          Object.keys(features)
            .filter((name) => name.startsWith(`${view}__`))
            .map((name) => [name.split('__')[1]!, { value: features[name], status: statuses[name] }]),
        );
      answers.customers.set(String(entities.customer_id), of('user_purchase_features'));
      answers.products.set(entities.stock_code, of('product_sales_features'));
    }
  }
  expect((await sidecar.stop()).code).toBe(0);
  return answers;
}

function byKey(rows: readonly SqlRow[], key: string): Map<string, SqlRow> {
  return new Map(rows.map(({ [key]: id, ...features }) => [String(id), features]));
}

/** Sums and averages that two engines reach by other roads; all else must agree to the bit. */
const AVERAGES = new Set(['avg_order_value_30d']);

function mismatches(served: Map<string, Answers>, expected: Map<string, SqlRow>): string[] {
  return [...served].flatMap(([key, answers]) =>
    Object.entries(answers).flatMap(([name, { value, status }]) => {
      const row = expected.get(key);
      const wanted = row === undefined ? null : asJson(name, row[name]);
      const wantedStatus = row === undefined ? 'MISSING' : wanted === null ? 'NULL' : 'PRESENT';
      const equal = AVERAGES.has(name)
        ? value === wanted ||
          Math.abs((value as number) - (wanted as number)) <= 1e-9 * Math.abs(wanted as number)
        : Object.is(value, wanted);
      if (equal && status === wantedStatus) return [];
      return [
        `${key} ${name}: served ${JSON.stringify(value)} ${status}, expected ${JSON.stringify(wanted)}`,
      ];
    }),
  );
}

/** As the native surface writes it: every count here is small enough for a JSON number. */
function asJson(name: string, value: unknown): unknown {
  if (value === undefined) throw new Error(`the independent computation has no ${name}`);
  if (name === 'last_purchase_at' && value !== null)
    return formatTimestamp(Number(value as bigint) - DATA_DAY_US + DAY_US);
  return typeof value === 'bigint' ? Number(value) : value;
}
