/** What an editor accepts and marks by the JSON Schemas: what stands in the docs, and slips. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, parseAllDocuments } from 'yaml';
import { expect, test } from 'vitest';
import { definitionSchema, settingsSchema } from '../../../../registry/json-schema/definition-schema.ts';
import { plumb } from '../../../support/processes/plumb-process.ts';

const root = join(import.meta.dirname, '../../../..');
const ajv = new Ajv2020({ strict: false, allErrors: true });
const isDefinition = ajv.compile(definitionSchema());
const isSettings = ajv.compile(settingsSchema());

/** Every YAML block of a page that is a definition. */
function definitionsOf(page: string): unknown[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block]) => block!);
  const documents = blocks.flatMap((block) => parseAllDocuments(block).map((one) => one.toJS() as unknown));
  const kinds = new Set(['entity', 'source', 'featureView', 'onDemandView', 'featureService']);
  // A part of a view begins as a source does.
  return documents.filter((one) => {
    const [[kind, name] = ['', null]] = Object.entries((one ?? {}) as object) as [string, unknown][];
    return kinds.has(kind) && typeof name === 'string';
  });
}

test('the definitions of the pages are what the schema says', () => {
  const pages = globSync('docs/*.md', { cwd: root });
  const found = pages.flatMap((page) => definitionsOf(page).map((definition) => ({ page, definition })));
  expect(found.length).toBeGreaterThan(6);
  for (const { page, definition } of found) {
    isDefinition(definition);
    expect(isDefinition.errors?.length ?? 0, `${page}: ${JSON.stringify(definition)}`).toBe(0);
  }
});

test.each([
  ['a misspelt option', { entity: 'driver', joinKeys: { id: 'int64' }, discription: 'x' }],
  ['a view without features', { featureView: 'v', entity: 'driver', source: 's' }],
  [
    'an aggregate that is none',
    { featureView: 'v', entity: 'd', source: 's', features: { a: { agg: 'median' } } },
  ],
  ['a type that is no text', { featureView: 'v', entity: 'd', source: 's', features: { a: 64 } }],
  ['a service whose list is none', { featureService: 's', features: 'lines' }],
  ['a consumer without an owner', { featureService: 's', features: ['v'], consumers: [{ model: 'm' }] }],
  ['a tensor of another type', { featureService: 's', features: ['v'], tensor: 'float16' }],
  ['a kind that is none', { feature_view: 'v' }],
])('%s is marked', (_, definition) => {
  expect(isDefinition(definition)).toBe(false);
});

test('settings: what holds by default, what is misspelt, what each means', async () => {
  for (const text of [
    'project: shop',
    'online: redis://h',
    'online: { url: "redis://h", keyPrefix: p }',
    'log: { maxBytes: 1GiB }',
  ])
    expect(isSettings(parse(text)), `${text}: ${JSON.stringify(isSettings.errors)}`).toBe(true);
  for (const text of ['projekt: shop', 'log: { maxByte: 1 }', 'log: { durability: never }'])
    expect(isSettings(parse(text)), text).toBe(false);
  const { stdout, code } = await plumb(['schema', 'settings']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    properties: {
      log: { properties: { durability: { description: expect.stringContaining('written') as string } } },
    },
  });
  expect(await plumb(['schema', 'models'])).toMatchObject({ code: 2 });
});
