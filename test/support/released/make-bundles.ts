/**
 * `node test/support/released/make-bundles.ts FOLDER`: applies definitions that need each format of bundles, and keeps
 * what `plumb apply` writes as `3.json` to `6.json`. Run by hand before a version is cut; never again for that version.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';
import { readPointer } from '../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';

const PLAIN = `
entity: customer
joinKeys: { customer_id: int64, shop: string }
owner: team-crm
tags: [crm]
---
source: orders
parquet: data/orders/*.parquet
eventTime: ordered_at
createdTime: loaded_at
maxAhead: 10m
---
featureView: spending
entity: customer
source: orders
where: "total > 0 and page in ('a', 'b')"
select: { doubled: total * 2 }
hop: 1h
delay: 5m
schedule: 1h
freshness: { target: 2h, alert: 6h }
lateness: 2d
features:
  orders_7d: { agg: count, window: 7d, missing: 0 }
  average_30d: { agg: avg, column: doubled, window: 30d, tolerance: 0.01 }
  exact: { agg: sum, column: total, window: 30d, scale: 2 }
  newest: { agg: lastN, column: page, n: 3, window: 30d }
  nearly: { agg: approxPercentile, column: total, percentile: 0.95, window: 7d }
  favorite: { agg: mostFrequent, column: page, log: hmac }
---
featureView: profile
entity: customer
version: 2
source: { parquet: data/profiles.parquet, eventTime: changed_at }
deprecated: { date: '2027-01-01' }
ttl: 30d
features:
  name: { type: string, column: Full Name, log: drop }
  tags: list<string>
  score: { type: float64, missing: -1, checks: { min: 0, max: 1, maxNullShare: 0.29 }, examples: [0.5] }
`;
const SERVICE = `---
featureService: kept_v1
features: [spending, profile@v2]
tensor: float32
consumers: [{ model: churn, owner: team-crm }]
`;
const COMPUTED = `---
onDemandView: basket
inputs: { cart_value: float64, coupon: { type: string, optional: true }, now: requestTime }
uses: [spending:average_30d]
features: { cart_to_average: { type: float64, missing: -1 }, has_coupon: bool }
compute: ../compute/basket.ts
---
featureService: cart_v1
features: [spending, { feature: basket:cart_to_average, as: ratio }, basket:has_coupon]
`;
const STREAMED = `---
source: clicks
stream: { topic: shop.clicks, format: json, id: id, keyedBy: customer_id, archive: data/clicks }
fields: { customer_id: int64, shop: string, page: string, at: { type: timestamp, unit: ms }, id: string }
eventTime: at
---
featureView: sessions
entity: customer
source: clicks
hop: 1m
features:
  pages: { agg: count, session: 30m }
  lasted: { agg: duration, session: 30m }
`;
const SNAPSHOT = `---
featureView: accounts
entity: customer
source: { parquet: data/accounts.parquet, eventTime: updated_at, absent: delete }
features: { balance: float64 }
`;
const BASKET = `export default ({ cart_value, coupon, average_30d }) => ({
  cart_to_average: average_30d === null || average_30d === 0 ? null : cart_value / average_30d,
  has_coupon: coupon !== null,
});
`;

/** Files of sources by name: what a plan looks at. */
const ROWS: Readonly<Record<string, string>> = {
  'orders/1':
    "1::BIGINT AS customer_id, 'a' AS shop, 5.25 AS total, 'a' AS page, now()::TIMESTAMP AS ordered_at, now()::TIMESTAMP AS loaded_at",
  profiles: `1::BIGINT AS customer_id, 'a' AS shop, 'Ada' AS "Full Name", ['a'] AS tags, 0.5::DOUBLE AS score, now()::TIMESTAMP AS changed_at`,
  accounts: "1::BIGINT AS customer_id, 'a' AS shop, 0.5::DOUBLE AS balance, now()::TIMESTAMP AS updated_at",
};

async function writeRows(folder: string): Promise<void> {
  const duck = await DuckDb.open();
  for (const [name, sql] of Object.entries(ROWS)) {
    const file = join(folder, `data/${name}.parquet`);
    mkdirSync(dirname(file), { recursive: true });
    await duck.run(`COPY (SELECT ${sql}) TO ${quoteTarget(file)} (FORMAT parquet)`);
  }
  duck.close();
}

/** A format holds what the ones before it hold. */
const DEFINITIONS: Readonly<Record<number, string>> = {
  3: PLAIN + SERVICE,
  4: PLAIN + SERVICE + COMPUTED,
  5: PLAIN + SERVICE + COMPUTED + STREAMED,
  6: PLAIN + SERVICE + COMPUTED + STREAMED + SNAPSHOT,
};

const [target] = process.argv.slice(2);
mkdirSync(target!, { recursive: true });
for (const [format, definitions] of Object.entries(DEFINITIONS)) {
  const folder = mkdtempSync(join(tmpdir(), 'kept-'));
  const files = {
    'plumbline.yaml': 'project: kept\n',
    'definitions/kept.yaml': definitions,
    'compute/basket.ts': BASKET,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  await writeRows(folder);
  const project = openProject(folder, silentLogger, {});
  await RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
  const { name } = readPointer(project.settings.bundles)!;
  const bundle = join(project.settings.bundles, `${name}.json`);
  const written = (JSON.parse(readFileSync(bundle, 'utf8')) as { format: number }).format;
  if (written !== Number(format)) throw new Error(`expected a bundle of format ${format}, got ${written}`);
  copyFileSync(bundle, join(target!, `${format}.json`));
  rmSync(folder, { recursive: true });
}
