import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  ENTITY_OPTIONS,
  FEATURE_OPTIONS,
  INPUT_OPTIONS,
  ON_DEMAND_OPTIONS,
  SERVICE_OPTIONS,
  SOURCE_OPTIONS,
  STREAM_SOURCE_OPTIONS,
  VIEW_OPTIONS,
} from '../../../contract/definitions/option-schemas.ts';
import { AGGREGATE_FUNCTIONS } from '../../../contract/model.ts';
import { compileProject } from '../../../registry/definitions/compile.ts';
import { shopProject } from '../../support/fixtures/shop-project.ts';

const pageOf = (name: string): string =>
  readFileSync(join(import.meta.dirname, `../../../docs/${name}.md`), 'utf8');
const page = pageOf('definitions');
const onDemand = pageOf('on-demand');

/** What stands in backticks in the first column of the section's tables. */
function firstColumn(heading: string, of = page): string[] {
  const section = of.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
}

test.each([
  ['Entities', ENTITY_OPTIONS, []],
  ['Sources', SOURCE_OPTIONS, []],
  ['Streams', STREAM_SOURCE_OPTIONS, Object.keys(STREAM_SOURCE_OPTIONS.shape.stream.shape)],
  ['Views', VIEW_OPTIONS, []],
  ['Features', FEATURE_OPTIONS, AGGREGATE_FUNCTIONS],
  ['Services', SERVICE_OPTIONS, []],
])('docs/definitions.md has every key of %s, and no other', (heading, schema, more) => {
  expect(firstColumn(heading).toSorted()).toEqual([...Object.keys(schema.shape), ...more].toSorted());
});

test('docs/on-demand.md has every key of on-demand views and of their inputs, and no other', () => {
  const keys = [ON_DEMAND_OPTIONS, INPUT_OPTIONS].flatMap(({ shape }) => Object.keys(shape));
  expect(firstColumn('Options', onDemand).toSorted()).toEqual(keys.toSorted());
});

const blocksOf = (of: string) =>
  [...of.matchAll(/^```(ts|yaml)\n(.*?)^```/gms)].map((match) => [match[1]!, match[2]!] as const);

test.each(blocksOf(onDemand))('the example of on-demand views in %s compiles', async (language, text) => {
  const folder = await shopProject({
    [`definitions/page.${language}`]: text,
    'compute/basket.ts': 'export default () => ({ cart_to_average: 1, has_coupon: true });',
  });
  const { services } = await compileProject({ folder, definitions: ['definitions/*'] });
  expect(
    services
      .get('cart_v1')!
      .features.map(({ fullName }) => fullName)
      .slice(-2),
  ).toEqual(['cart_ratio', 'basket__has_coupon']);
});

test.each(blocksOf(page))('the example in %s compiles', async (language, text) => {
  const folder = await shopProject({ 'definitions/shop.ts': '', [`definitions/page.${language}`]: text });
  const definitions = [`definitions/page.${language}`];
  const { services } = await compileProject({ folder, definitions });
  expect([...services.keys()]).toEqual(['churn_v1']);
});
