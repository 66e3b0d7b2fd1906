import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';
import { bundleFromJson, bundleToJson } from '../../../../contract/definitions/definition-json.ts';
import { compileProject } from '../../../../registry/definitions/compile.ts';
import type { Definitions } from '../../../../contract/model.ts';
import { SHOP_DEFINITIONS, shopProject } from '../../../support/fixtures/shop-project.ts';

const YAML_SHOP = `
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
owner: ml-platform
hop: 1h
delay: 5m
schedule: 1h
freshness: 2h
lateness: 2d
features:
  count_7d: { agg: countDistinct, column: invoice_no, window: 7d }
  average_30d: { agg: avg, column: line_total, window: 30d, tolerance: 0.01 }
  favorite: { agg: mostFrequent, column: category }
---
featureService: churn_v1
features: [purchases]
consumers: [{ model: churn, owner: team-crm }]
`;

const definitions = ['definitions/*.ts', 'definitions/*.yaml'];
const compile = (folder: string): Promise<Definitions> => compileProject({ folder, definitions });
const bundleText = (d: Definitions): string =>
  canonicalJson(bundleToJson({ project: 'p', ...d, schemas: new Map() }));

async function mistakesOf(folder: string): Promise<string[]> {
  const error = await compile(folder).then(
    () => null,
    (e: Error) => e,
  );
  return (error?.message ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

describe('definitions', () => {
  test('types of aggregates follow from the column, and names from the view', async () => {
    const { views, services } = await compile(await shopProject());
    const purchases = views.get('purchases')!;
    expect(purchases.features.map((f) => [f.name, f.type.kind])).toEqual([
      ['count_7d', 'int64'],
      ['average_30d', 'float64'],
      ['favorite', 'string'],
    ]);
    expect(purchases).toMatchObject({
      kind: 'aggregated',
      hopUs: 3_600_000_000,
      delayUs: 300_000_000,
      ttlUs: null,
    });
    expect(services.get('churn_v1')!.features.map((f) => f.fullName)).toEqual([
      'purchases__count_7d',
      'purchases__average_30d',
      'purchases__favorite',
    ]);
  });

  test('a bigint stands for an integer also within a list or a struct, and is refused where there is none', async () => {
    const shop = (feature: string): string => `
import { entity, featureView, source, t } from 'plumbline';
const customer = entity('customer', { joinKeys: { customer_id: t.int64() } });
const nothing = source.parquet('nothing', { path: 'data/nothing/*.parquet', eventTime: 'at' });
export const view = featureView('view', { entity: customer, source: nothing, features: { x: ${feature} } });
`;
    const project = (feature: string) => shopProject({ 'definitions/shop.ts': shop(feature) });
    const missingOf = async (feature: string) =>
      (await compile(await project(feature))).views.get('view')!.features[0]!.missing;
    expect(await missingOf('t.list(t.int64(), { missing: [1n, 2, null] })')).toEqual([1n, 2n, null]);
    expect(await missingOf('t.struct({ a: t.int64() }, { missing: { a: 1n } })')).toEqual({ a: 1n });
    const wrong = await mistakesOf(await project('t.list(t.bool(), { missing: [1n] })'));
    expect(wrong).toEqual([expect.stringContaining('missing: expected list<bool>, got a list of 1')]);
  });

  test('TypeScript and YAML compile to the same canonical form', async () => {
    const typescript = await compile(await shopProject());
    const yaml = await compile(
      await shopProject({ 'definitions/shop.ts': '', 'definitions/shop.yaml': YAML_SHOP }),
    );
    expect(bundleText(yaml)).toBe(bundleText(typescript));
  });

  test('definition ids and bundle hashes are the same for ever: rows online and logged vectors name them', async () => {
    const made = await compile(await shopProject());
    expect(made.views.get('purchases')!.definitionId.toString(16)).toBe('1c3592f8');
    expect(bundleFromJson(JSON.parse(bundleText(made))).hash).toBe('f80361787dcdc4a2');
  });

  test('the freshness of a source is twice that of the view unless it says otherwise', async () => {
    const of = async (text: string) => {
      const { views } = await compile(await shopProject({ 'definitions/shop.ts': text }));
      return views.get('purchases')!.sourceFreshnessUs / 3_600_000_000;
    };
    expect(await of(SHOP_DEFINITIONS)).toBe(4);
    expect(
      await of(SHOP_DEFINITIONS.replace("freshness: '2h'", "freshness: '2h', sourceFreshness: '3d'")),
    ).toBe(72);
  });

  test('a bundle is read back as it was written', async () => {
    const text = bundleText(await compile(await shopProject()));
    const bundle = bundleFromJson(JSON.parse(text));
    expect(canonicalJson(bundleToJson(bundle))).toBe(text);
  });

  test('a view in a role serves another entity of its kind, under its own names', async () => {
    const folder = await shopProject();
    const more = `
export const trade = featureService('trade', [
  purchases.pick('count_7d'),
  purchases.as('seller', { customer_id: 'seller_id' }).pick('favorite', 'count_7d'),
]);`;
    writeFileSync(join(folder, 'definitions/shop.ts'), SHOP_DEFINITIONS + more);
    const trade = (await compile(folder)).services.get('trade')!;
    expect(trade.features.map((f) => f.fullName)).toEqual([
      'purchases__count_7d',
      'seller__favorite',
      'seller__count_7d',
    ]);
    expect(trade.views).toEqual([
      { role: 'purchases', view: 'purchases', requestKeys: ['customer_id'] },
      { role: 'seller', view: 'purchases', requestKeys: ['seller_id'] },
    ]);
    expect(trade.requestKeys.map((key) => key.name)).toEqual(['customer_id', 'seller_id']);
  });

  test('a second version stands beside the first, online and in the history', async () => {
    const folder = await shopProject();
    const second = SHOP_DEFINITIONS.slice(
      SHOP_DEFINITIONS.indexOf('export const purchases'),
      SHOP_DEFINITIONS.indexOf('export const churn'),
    )
      .replace('export const purchases', 'export const purchasesV2')
      .replace("owner: 'ml-platform'", "owner: 'ml-platform', version: 2")
      .replace("over('7d')", "over('8d')");
    writeFileSync(
      join(folder, 'definitions/shop.ts'),
      `${SHOP_DEFINITIONS}${second}
export const churnV2 = featureService('churn_v2', [purchasesV2]);`,
    );
    const { views, services } = await compile(folder);
    expect([...views.keys()].toSorted()).toEqual(['purchases', 'purchases@v2']);
    expect(views.get('purchases@v2')!.definitionId).not.toBe(views.get('purchases')!.definitionId);
    expect(services.get('churn_v2')!.features[0]).toEqual({
      fullName: 'purchases__count_7d',
      view: 'purchases@v2',
      role: 'purchases',
      feature: 'count_7d',
    });
  });

  test('metadata does not touch the definition id; logic and schema do', async () => {
    const id = async (text: string): Promise<number> =>
      (await compile(await shopProject({ 'definitions/shop.ts': text }))).views.get('purchases')!
        .definitionId;
    const first = await id(SHOP_DEFINITIONS);
    expect(
      await id(SHOP_DEFINITIONS.replace("owner: 'ml-platform'", "owner: 'risk', description: 'x'")),
    ).toBe(first);
    expect(await id(SHOP_DEFINITIONS.replace("freshness: '2h'", "freshness: '3h'"))).toBe(first);
    expect(await id(SHOP_DEFINITIONS.replace("over('7d')", "over('8d')"))).not.toBe(first);
    expect(await id(SHOP_DEFINITIONS.replace("hop: '1h'", "hop: '30m'"))).not.toBe(first);
    expect(await id(SHOP_DEFINITIONS.replace('favorite:', 'favourite:'))).not.toBe(first);
  });

  test('a definition file with five mistakes lists five, each with file, line and a suggestion', async () => {
    const text = SHOP_DEFINITIONS.replace("'line_total'", "'line_totl'")
      .replace("over('7d')", "over('90m')")
      .replace("freshness: '2h'", "freshness: '1h'")
      .replace("lateness: '2d'", "latenes: '2d'")
      .replace('t.int64()', 't.float64()');
    expect(await mistakesOf(await shopProject({ 'definitions/shop.ts': text }))).toEqual([
      'definitions/shop.ts:4  entity "customer": join key "customer_id" cannot be float64; a join key is string, int32, int64',
      'definitions/shop.ts:10  view "purchases" has no option "latenes", did you mean "lateness"?',
      'definitions/shop.ts:10  view "purchases": freshness 1h cannot be kept: hop and delay together take 1h5m, the smallest value allowed',
      'definitions/shop.ts:12  feature "count_7d" of view "purchases": window 1h30m is no whole number of hops of 1h; 2h is',
      'definitions/shop.ts:13  feature "average_30d" of view "purchases": source data/invoices.parquet has no column "line_totl", did you mean "line_total"?',
    ]);
  });

  test('YAML mistakes name their own lines, however deep', async () => {
    const yaml = YAML_SHOP.replace('joinKeys: { customer_id: int64 }', 'joinKeys: { customer_id: float64 }')
      .replace('column: line_total', 'column: category')
      .replace('hop: 1h', 'hop: 1x')
      .replace('features: [purchases]', 'features: [purchase]')
      .replace('model: churn, ', '');
    const found = await mistakesOf(
      await shopProject({ 'definitions/shop.ts': '', 'definitions/shop.yaml': yaml }),
    );
    expect(found).toEqual([
      'definitions/shop.yaml:3  entity "customer": join key "customer_id" cannot be float64; a join key is string, int32, int64',
      'definitions/shop.yaml:14  view "purchases": hop: expected a duration such as 90s, 1h or 7d, got "1x"',
      'definitions/shop.yaml:21  feature "average_30d" of view "purchases": avg takes numbers, but column "category" is VARCHAR',
      'definitions/shop.yaml:25  service "churn_v1": there is no view "purchase", did you mean "purchases"?',
      'definitions/shop.yaml:26  service "churn_v1": consumers.0.model: is missing',
    ]);
  });

  test.each([
    ['export const x: number = ;', 'SyntaxError: Expression expected'],
    [
      'enum A { x }',
      'SyntaxError: TypeScript enum is not supported in strip-only mode: types are taken away from a file',
    ],
    ['namespace A { export const x = 1 }', 'Write it as JavaScript has it, e.g. const Size ='],
    ['throw new Error("no database");', 'Error: no database'],
    ["import { nothing } from './missing.ts';", 'Cannot find module'],
  ])('a file that does not load is a mistake at its line: %s', async (code, sentence) => {
    const [mistake] = await mistakesOf(await shopProject({ 'definitions/broken.ts': `\n\n${code}\n` }));
    expect(mistake).toContain(sentence);
    expect(mistake).toMatch(/^definitions\/broken\.ts:\d+ /);
  });

  test('two definitions of one name are one too many', async () => {
    const [mistake] = await mistakesOf(
      await shopProject({ 'definitions/two.yaml': 'entity: customer\njoinKeys: { id: string }\n' }),
    );
    expect(mistake).toMatch(/entity "customer" is already defined at definitions\/\w+\.(ts|yaml):\d+/);
  });

  test('a project without definition files says where it looked', async () => {
    const folder = await shopProject();
    const missing = compileProject({ folder, definitions: ['features/*.ts'] });
    await expect(missing).rejects.toThrow('no definition file matches features/*.ts');
  });

  test('a corrupt source is named where an aggregate needs its column types', async () => {
    const folder = await shopProject();
    writeFileSync(join(folder, 'data/invoices.parquet'), 'this is no Parquet');
    expect((await mistakesOf(folder))[0]).toContain(
      'the source data/invoices.parquet cannot be read as Parquet',
    );
  });
});
