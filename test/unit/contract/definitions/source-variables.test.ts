/** Variables where sources lie: one bundle for every environment, filled in by each program that reads. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyPlan, planProject } from '../../../../registry/apply.ts';
import { loadCurrentBundle } from '../../../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../../../contract/model.ts';
import { openProject } from '../../../../project/project.ts';
import { RegistryDatabase } from '../../../../project/database/registry-database.ts';
import { loadSettings } from '../../../../project/settings/settings.ts';
import { filledIn, locateSources } from '../../../../contract/definitions/source-variables.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { SHOP_DEFINITIONS, shopProject } from '../../../support/fixtures/shop-project.ts';

const VIEW = `entity: customer
joinKeys: { customer_id: int64 }
---
featureView: lines
entity: customer
source: { parquet: "\${data}/invoices.parquet", eventTime: invoice_date }
features: { line_total: float64 }
`;

async function apply(folder: string, environment: NodeJS.ProcessEnv): Promise<Bundle> {
  const project = openProject(folder, silentLogger, environment);
  return RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
}

async function mistakesOf(
  definitions: string,
  vars = 'vars: { data: ./data, bucket: x }\n',
): Promise<string> {
  const folder = await shopProject({
    'definitions/shop.ts': '',
    'definitions/a.yaml': definitions,
    'plumbline.yaml': `project: shop\n${vars}`,
  });
  return apply(folder, {}).then(
    () => '',
    (error: Error) => error.message,
  );
}

describe('definitions', () => {
  test('one hash wherever the data lies, and each environment reads its own', async () => {
    const folder = await shopProject({ 'definitions/shop.ts': '', 'definitions/a.yaml': VIEW });
    const staging = scratchFolder();
    cpSync(join(folder, 'data'), join(staging, 'there'), { recursive: true });
    mkdirSync(join(folder, 'here'));
    cpSync(join(folder, 'data'), join(folder, 'here'), { recursive: true });
    const here = await apply(folder, { PLUMB_VARS_DATA: 'here' });
    const there = await apply(folder, { PLUMB_VARS_DATA: join(staging, 'there') });
    expect(there.hash).toBe(here.hash);
    expect(there.views.get('lines')!.source.path).toBe('${data}/invoices.parquet');
    const found = locateSources(loadCurrentBundle(join(folder, '.plumb/bundles')), { data: 'here' });
    expect(found.views.get('lines')!.source.path).toBe('here/invoices.parquet');
    expect(found.hash).toBe(here.hash);
  });

  test('TypeScript and YAML name the same variable', async () => {
    const typescript = SHOP_DEFINITIONS.replace('t }', 't, vars }').replace(
      "'data/invoices.parquet'",
      '`${vars.data}/invoices.parquet`',
    );
    const folder = await shopProject({
      'definitions/shop.ts': typescript,
      'plumbline.yaml': 'project: shop\nvars: { data: data }\n',
    });
    expect((await apply(folder, {})).views.get('purchases')!.source.path).toBe('${data}/invoices.parquet');
  });

  // A table: one line a slip.
  // prettier-ignore
  test.each([
    ['an unknown one', VIEW.replace('${data}', '${dat}'), 'definitions/a.yaml:6  source "lines:source": there is no variable "dat", did you mean "data"?'],
    ['one that is none', VIEW.replace('${data}', '${da-ta}'), 'should name a variable as ${name}'],
    ['one that stays open', VIEW.replace('${data}', '${data'), 'should name a variable as ${name}'],
    ['a column', VIEW.replace('invoice_date', '"${data}"'), 'definitions/a.yaml:6  "${data}" names the variable "data": variables stand only where a source lies'],
    ['an owner', `${VIEW}owner: "team \${data}"\n`, 'definitions/a.yaml:8  "team ${data}" names the variable "data"'],
    ['a feature\'s description', VIEW.replace('float64', '{ type: float64, description: "${data}" }'), 'definitions/a.yaml:7  "${data}" names'],
    ['a fallback', VIEW.replace('float64', '{ type: string, missing: "${data}" }'), 'names the variable "data"'],
    ['a tag', `${VIEW}tags: [a, "\${bucket}"]\n`, 'definitions/a.yaml:8  "${bucket}" names'],
    ['a name', VIEW.replace('lines', '"${data}_lines"'), '"${data}_lines" names the variable "data"'],
  ])('a mistake: %s', async (_, definitions, sentence) => {
    expect(await mistakesOf(definitions)).toContain(sentence);
  });

  test('an aggregated view whose source has one that is unknown is one mistake', async () => {
    const view = `featureView: sums
entity: customer
source: { parquet: "\${dat}/invoices.parquet", eventTime: invoice_date }
features: { a: { agg: sum, column: line_total }, b: { agg: avg, column: line_total } }
`;
    const found = await mistakesOf(`entity: customer\njoinKeys: { customer_id: int64 }\n---\n${view}`);
    expect(found.split('\n')).toHaveLength(2);
    expect(found).toContain('there is no variable "dat", did you mean "data"?');
  });

  test('without any variable the mistake says where they are named', async () => {
    expect(await mistakesOf(VIEW, '')).toContain(
      'there is no variable "data"; vars in plumbline.yaml names none',
    );
  });
});

describe('variables', () => {
  const settings = (yaml: string, environment: NodeJS.ProcessEnv, flags = {}) =>
    loadSettings(scratchFolder({ 'plumbline.yaml': yaml }), environment, flags).vars;

  test('flags go over the environment, that over the file', () => {
    const yaml = 'vars: { data: a, dataRoot: b, day: 7 }\n';
    const environment = { PLUMB_VARS_DATA_ROOT: 'c', PLUMB_VARS_OTHER_ONE: 'd', PLUMB_VARS_DATA: 'e' };
    expect(settings(yaml, environment, { 'vars.data': 'f' })).toEqual({
      data: 'f',
      dataRoot: 'c',
      day: '7',
      other_one: 'd',
    });
    expect(settings('project: x\n', { PLUMB_VARS_DATA: 's3' })).toEqual({ data: 's3' });
  });

  test('a variable of the environment that is misspelt is a mistake, another one is not', () => {
    const yaml = 'vars: { data: a }\n';
    expect(() => settings(yaml, { PLUMB_VARS_DTA: 'x' })).toThrow(
      'PLUMB_VARS_DTA: there is no such setting, did you mean "PLUMB_VARS_DATA"?',
    );
    expect(settings(yaml, { PLUMB_VARS_BUCKET: 'x' })).toEqual({ data: 'a', bucket: 'x' });
  });

  test.each(['vars: { "a b": x }', 'vars: { _a: x }', 'vars: [a]', 'vars: { a: [x] }'])(
    '%s is refused',
    (yaml) => {
      expect(() => settings(yaml, {})).toThrow('vars');
    },
  );

  test('are filled in as often as they stand, whatever they hold', () => {
    expect(filledIn('${a}/${b}/${a}', { a: '$&', b: '${a}' })).toBe('$&/${a}/$&');
    expect(filledIn('no/variable/$a/{b}', {})).toBe('no/variable/$a/{b}');
    expect(filledIn('${toString}', {})).toMatchObject({
      fault: expect.stringContaining('no variable') as unknown,
    });
  });

  test('that an environment lacks are told with every view that needs them', async () => {
    const folder = await shopProject({
      'definitions/shop.ts': '',
      'definitions/a.yaml': VIEW,
      'plumbline.yaml': 'project: shop\nvars: { data: data }\n',
    });
    await apply(folder, {});
    writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\nvars: { date: data }\n');
    const { settings: there } = openProject(folder, silentLogger, {});
    expect(() => locateSources(loadCurrentBundle(there.bundles), there.vars)).toThrow(
      'the source of lines lies at ${data}/invoices.parquet: there is no variable "data", did you mean "date"?',
    );
  });
});
