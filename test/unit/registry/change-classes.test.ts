/**
 * Pairs of definitions, and what the change between them is: its class, and what the guard refuses by which name. Among
 * them the traps of other tools: an order or a format that is read as a change, an edit of words that touches data, a
 * default that changes meaning. What an apply then does is in guard.test.ts.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowanceOf } from '../../../registry/allowance.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import type { ApplyPlan } from '../../../registry/apply.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { keptShopProject } from '../../support/fixtures/shop-project.ts';

const BASE = `
entity: customer
joinKeys: { customer_id: int64 }
owner: team-crm
---
entity: pair
joinKeys: { customer_id: int64, stock_code: string }
---
source: invoices
parquet: data/invoices.parquet
eventTime: invoice_date
createdTime: loaded_at
---
source: clicks
stream:
  folder: data/clicks
  format: json
  id: click_id
  keyedBy: customer_id
  archive: data/click_archive
fields:
  click_id: string
  customer_id: int64
  page: string
  price: float64
  unread: string
  at: { type: timestamp, unit: ms }
eventTime: at
---
featureView: purchases
entity: customer
source: invoices
hop: 1h
delay: 5m
freshness: 3h
lateness: 2d
where: quantity > 0
select: { total: "line_total * quantity" }
tags: [orders]
features:
  count_7d: { agg: countDistinct, column: invoice_no, window: 7d, missing: -1 }
  average_30d: { agg: avg, column: total, window: 30d, scale: 4 }
  p95: { agg: approxPercentile, column: line_total, percentile: 0.95, window: 30d }
  last_3: { agg: lastN, column: category, n: 3, window: 30d }
---
featureView: lines
entity: customer
source: invoices
ttl: 1d
features:
  line_total: float64
  quantity: { type: int64, missing: -1 }
  unused: { type: string, column: category }
---
featureView: visits
entity: customer
source: clicks
hop: 10s
outOfOrder: 5s
freshness: 1m
lateness: 1h
features:
  clicks_1h: { agg: count, window: 1h }
  pages: { agg: count, column: page, session: 30m }
---
onDemandView: basket
inputs: { amount: float64, coupon: { type: bool, optional: true } }
uses: ["lines:line_total"]
features: { ratio: float64 }
compute: ./basket.ts
---
featureService: churn_v1
features: [purchases, "lines:line_total", "lines:quantity", visits, basket]
consumers: [{ model: churn, owner: team-crm }]
---
featureService: trial
features: ["lines:unused"]
`;
const FUNCTION = 'export default ({ amount, line_total }: any) => ({ ratio: amount / (line_total ?? 1) });\n';

let folder: string;
beforeAll(async () => {
  folder = await keptShopProject({ 'definitions/shop.ts': '', 'definitions/basket.ts': FUNCTION });
  write('definitions/other.ts', FUNCTION.replace('?? 1', '?? 2'));
  write('plumbline.yaml', "project: shop\ndefinitions: ['definitions/*.yaml']\n");
  write('definitions/shop.yaml', BASE);
  await withProject(async (project, database) =>
    applyPlan(project, database, await planProject(project, database), allowanceOf([])),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text);
}

function withProject<T>(
  work: (project: ReturnType<typeof openProject>, database: RegistryDatabase) => Promise<T>,
): Promise<T> {
  const project = openProject(folder, silentLogger, {});
  return RegistryDatabase.using(project.settings.registry, (database) => work(project, database));
}

async function planOf(yaml: string): Promise<ApplyPlan> {
  write('definitions/shop.yaml', yaml);
  return withProject(planProject);
}

/** One document of the base, by its first line. */
function documentOf(first: string): string {
  return BASE.split('---\n').find((text) => text.trimStart().startsWith(first))!;
}

/** What changes, and nothing else: `metadata view lines`, and the names that are refused. */
type Expected = readonly [changes: readonly string[], refused?: readonly string[]];
type Pair = readonly [what: string, from: string, to: string, ...Expected];

const NONE: readonly string[] = [];

// A table: one line a pair.
// prettier-ignore
const PAIRS: readonly Pair[] = [
  // No change at all.
  ['blanks and comments', 'hop: 1h\ndelay: 5m', 'hop:   1h  # each hour\n\ndelay: 5m', NONE],
  ['options in another order', 'hop: 1h\ndelay: 5m', 'delay: 5m\nhop: 1h', NONE],
  ['a duration in another unit', 'ttl: 1d', 'ttl: 24h', NONE],
  ['a duration in seconds', 'hop: 1h', 'hop: 3600s', NONE],
  ['quotes', 'where: quantity > 0', 'where: "quantity > 0"', NONE],
  ['blanks within an expression', 'line_total * quantity', 'line_total*quantity', NONE],
  ['brackets that change nothing', 'where: quantity > 0', 'where: (quantity > 0)', NONE],
  ['a feature written out', 'line_total: float64', 'line_total: { type: float64 }', NONE],
  ['a default given', 'line_total: float64', 'line_total: { type: float64, missing: null }', NONE],
  ['a column given that is its name', 'line_total: float64', 'line_total: { type: float64, column: line_total }', NONE],
  ['a comment in the function', 'compute: ./basket.ts', 'compute: ./basket.ts # of a basket', NONE],
  ['the default scale given', 'agg: count, window: 1h', 'agg: count, window: 1h, scale: 6', NONE],
  // Words: no data is touched.
  ['a tag', 'tags: [orders]', 'tags: [orders, pii]', ['metadata view purchases']],
  ['tags in another order', 'tags: [orders]', 'tags: [a, orders]', ['metadata view purchases']],
  ['a description of a feature', 'line_total: float64', 'line_total: { type: float64, description: "of a line" }', ['metadata view lines']],
  ['an owner of an entity', 'owner: team-crm\n---\nentity: pair', 'owner: risk\n---\nentity: pair', ['metadata entity customer']],
  ['a deprecation', 'ttl: 1d', 'ttl: 1d\ndeprecated: { date: 2027-01-31, successor: lines }', ['deprecated view lines']],
  ['a deprecation of a feature', 'line_total: float64', 'line_total: { type: float64, deprecated: { date: 2027-01-31 } }', ['deprecated view lines']],
  ['a deprecation of a service', 'consumers: [{ model: churn, owner: team-crm }]', 'consumers: [{ model: churn, owner: team-crm }]\ndeprecated: { date: 2027-01-31T12:00:00Z, successor: churn_v1 }', ['deprecated service churn_v1']],
  ['a schedule', 'hop: 1h', 'hop: 1h\nschedule: 2h', ['metadata view purchases']],
  ['an example', 'line_total: float64', 'line_total: { type: float64, examples: [1.5] }', ['metadata view lines']],
  ['a normalization', 'line_total: float64', 'line_total: { type: float64, normalization: { mean: 1, stddev: 2 } }', ['metadata view lines']],
  ['a moved folder of a stream', 'folder: data/clicks', 'folder: data/other_clicks', ['metadata view visits']],
  ['the type of a field of a stream, also one that no view reads', 'unread: string', 'unread: int64', ['logic view visits'], ['visits.source.fields']],
  ['a field of a stream that comes', 'unread: string', 'unread: string\n  more: int64', ['metadata view visits']],
  ['a larger lateness', 'lateness: 2d', 'lateness: 3d', ['metadata view purchases']],
  ['a consumer that goes', 'consumers: [{ model: churn, owner: team-crm }]', 'consumers: []', ['metadata service churn_v1']],
  ['how an input is logged', 'amount: float64, coupon', 'amount: { type: float64, log: hmac }, coupon', ['metadata view basket']],
  // Additions.
  ['a feature of a view', 'unused: { type: string, column: category }', 'unused: { type: string, column: category }\n  more: { type: string, column: category }', ['additive view lines']],
  ['features of a view in another order', 'line_total: float64\n  quantity: { type: int64, missing: -1 }', 'quantity: { type: int64, missing: -1 }\n  line_total: float64', ['additive view lines']],
  ['a feature at the end of a service', 'visits, basket]', 'visits, basket, "lines:unused"]', ['additive service churn_v1']],
  ['an input that may be left out', 'coupon: { type: bool, optional: true }', 'coupon: { type: bool, optional: true }, day: { type: int32, optional: true }', ['logic view basket', 'additive service churn_v1'], ['basket.inputs']],
  // Row logic.
  ['another aggregate', 'agg: avg, column: total', 'agg: stddev, column: total', ['logic view purchases'], ['purchases__average_30d.agg']],
  ['a hop', 'hop: 10s', 'hop: 20s', ['logic view visits'], ['visits.hop', 'visits.delay']],
  ['what a function computes', 'compute: ./basket.ts', 'compute: ./other.ts', ['logic view basket'], ['basket.code']],
  ['what a function takes', 'uses: ["lines:line_total"]', 'uses: ["lines:line_total", "lines:quantity"]', ['logic view basket'], ['basket.uses']],
  ['a window by a hop of seconds', 'agg: count, window: 1h', 'agg: count, window: 3610s', ['logic view visits'], ['visits__clicks_1h.window']],
  ['a filter', 'where: quantity > 0', 'where: quantity >= 0', ['logic view purchases'], ['purchases.where']],
  ['a filter that goes', 'where: quantity > 0\n', '', ['logic view purchases'], ['purchases.where']],
  ['a computed column', 'line_total * quantity', 'line_total * quantity + 1', ['logic view purchases'], ['purchases.select']],
  ['a scale', 'scale: 4', 'scale: 5', ['logic view purchases'], ['purchases__average_30d.scale']],
  ['a percentile', 'percentile: 0.95', 'percentile: 0.9', ['logic view purchases'], ['purchases__p95.percentile']],
  ['how many of the newest', 'n: 3', 'n: 4', ['logic view purchases'], ['purchases__last_3.n']],
  ['the column of an aggregate', 'agg: avg, column: total', 'agg: avg, column: line_total', ['logic view purchases'], ['purchases__average_30d.column']],
  ['the column of a stored feature that nobody consumes', 'unused: { type: string, column: category }', 'unused: { type: string, column: invoice_no }', ['logic view lines']],
  ['a gap of sessions', 'session: 30m', 'session: 31m', ['logic view visits'], ['visits__pages.window']],
  ['the unit of a time in a stream', 'unit: ms', 'unit: s', ['logic view visits'], ['visits.source.fields']],
  ['the id of a stream', '  id: click_id\n', '', ['logic view visits'], ['visits.source.id']],
  // Reading logic.
  ['a TTL shortened', 'ttl: 1d', 'ttl: 23h', ['logic view lines'], ['lines.ttl']],
  ['a TTL lengthened', 'ttl: 1d', 'ttl: 2d', ['logic view lines'], ['lines.ttl']],
  ['a default that changes meaning', 'invoice_no, window: 7d, missing: -1', 'invoice_no, window: 7d', ['logic view purchases'], ['purchases__count_7d.missing']],
  ['a smaller lateness', 'lateness: 2d', 'lateness: 1d', ['logic view purchases'], ['purchases.lateness']],
  ['a delay', 'delay: 5m', 'delay: 6m', ['logic view purchases'], ['purchases.delay']],
  // The schema.
  ['a narrowed type', 'quantity: { type: int64, missing: -1 }', 'quantity: { type: int32, missing: -1 }', ['breaking view lines'], ['lines__quantity.type']],
  ['a feature that goes from a service', ', visits, basket]', ', basket]', ['breaking service churn_v1'], ['churn_v1.features']],
  ['the type of a tensor', 'consumers: [{ model: churn', 'tensor: float32\nconsumers: [{ model: churn', ['breaking service churn_v1'], ['churn_v1.tensor']],
  ['a service that nobody consumes, gone', `---\n${documentOf('featureService: trial')}`, '', ['deleted service trial']],
  ['a consumed service that goes', documentOf('featureService: churn_v1'), documentOf('featureService: trial').replace('trial', 'trial_2'), ['created service trial_2', 'deleted service churn_v1'], ['churn_v1']],
  ['a service that is nobody\'s', 'features: ["lines:unused"]', 'features: ["lines:quantity"]', ['breaking service trial']],
  ['the order of a service', '[purchases, "lines:line_total", "lines:quantity"', '[purchases, "lines:quantity", "lines:line_total"', ['breaking service churn_v1'], ['churn_v1.features']],
  ['an input that must be given', 'coupon: { type: bool, optional: true }', 'coupon: bool', ['breaking view basket', 'breaking service churn_v1'], ['basket.inputs']],
  ['the type of an input', 'amount: float64, coupon', 'amount: float32, coupon', ['breaking view basket', 'breaking service churn_v1'], ['basket.inputs']],
  ['a new version beside the old one', documentOf('featureView: lines'), `${documentOf('featureView: lines')}---\n${documentOf('featureView: lines').replace('ttl: 1d', 'ttl: 1h\nversion: 2')}`, ['created view lines@v2']],
];

test.each(PAIRS.map(([what, ...pair]) => ({ what, pair })))(
  '$what',
  async ({ pair: [from, to, changes, refused = NONE] }) => {
    expect(BASE).toContain(from);
    const plan = await planOf(BASE.replace(from, to));
    expect(plan.changes.map(({ kind, what, name }) => `${kind} ${what} ${name}`)).toEqual(changes);
    expect(plan.changes.flatMap(({ refusals }) => refusals.map(({ name }) => name))).toEqual(refused);
  },
);
