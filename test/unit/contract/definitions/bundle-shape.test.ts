/**
 * Bundles that have their hash and hold what no definition can say: refused by the field, before anything reads them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadBundle } from '../../../../contract/definitions/bundle-folder.ts';
import { faultOfBundle } from '../../../../contract/definitions/bundle-shape.ts';
import { bundleHash, bundleToJson } from '../../../../contract/definitions/definition-json.ts';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';
import type { Json } from '../../../../contract/std/canonical-json.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { RegistryDatabase } from '../../../../project/database/registry-database.ts';
import { openProject } from '../../../../project/project.ts';
import { applyPlan, planProject } from '../../../../registry/apply.ts';
import { shopProject } from '../../../support/fixtures/shop-project.ts';
import { scratchFolder } from '../../../support/scratch.ts';

let good: string;
let folder: string;

beforeEach(async () => {
  folder = scratchFolder();
  good ??= await appliedText();
});

async function appliedText(): Promise<string> {
  const project = openProject(await shopProject(), silentLogger, {});
  const bundle = await RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
  return canonicalJson(bundleToJson(bundle));
}

/** Loads the shop's bundle with one value put elsewhere, under the hash that it then has. */
function load(path: string, value: Json): void {
  const json = JSON.parse(good) as Json;
  const names = path.split('.');
  const last = names.pop()!;
  const holder = names.reduce<Record<string, unknown>>(
    (at, name) => at[name] as Record<string, unknown>,
    json as Record<string, unknown>,
  );
  expect(Object.keys(holder)).toContain(last);
  holder[last] = value;
  const text = canonicalJson(json);
  writeFileSync(join(folder, `${bundleHash(text)}.json`), text);
  loadBundle(folder, bundleHash(text));
}

function pathsOf(json: unknown, wanted: RegExp, path = ''): string[] {
  if (typeof json !== 'object' || json === null) return wanted.test(path) ? [path.slice(1)] : [];
  return Object.entries(json).flatMap(([name, value]) => pathsOf(value, wanted, `${path}.${name}`));
}

test('the bundle of an apply is taken', () => {
  expect(() => load('project', 'shop')).not.toThrow();
});

test('every number that a program counts by is a whole number that is not negative', () => {
  const paths = pathsOf(JSON.parse(good), /Us$|\.(definitionId|version|scale|n)$/);
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths) {
    const mayBeNegative = path.endsWith('startUs');
    for (const value of [
      '0); DROP TABLE x; --',
      0.5,
      1e300,
      2 ** 53,
      true,
      [1],
      ...(mayBeNegative ? [] : [-1]),
    ])
      expect(() => load(path, value), `${path} ${String(value)}`).toThrow(
        expect.objectContaining({ code: 'REG_BUNDLE', message: expect.stringContaining(`${path}: `) }),
      );
  }
});

test('every name is one that a definition can have', () => {
  const json = JSON.parse(good) as unknown;
  const paths = pathsOf(json, /\.(name|id|entity|view|role|feature|fullName)$|requestKeys\.\d+$/);
  expect(paths.length).toBeGreaterThan(20);
  for (const path of paths)
    for (const value of ['../../../evil', '', 'a"; DROP', 'a\0', 'x'.repeat(129), 7, null])
      expect(() => load(path, value), `${path} ${String(value)}`).toThrow(
        expect.objectContaining({ code: 'REG_BUNDLE', message: expect.stringContaining(`${path}: `) }),
      );
});

describe('refused by the field', () => {
  test.each<[path: string, value: Json, sentence?: string]>([
    ['entities', {}],
    ['entities.0.joinKeys', []],
    [
      'entities.0.joinKeys',
      [
        { name: 'customer_id', type: 'int64' },
        { name: 'customer_id', type: 'int64' },
      ],
      'entities.0.joinKeys.1: ',
    ],
    ['entities.0.joinKeys.0.type', 'float64'],
    ['entities.0.log', 'everything'],
    ['views.0.source.path', 'data/a\0.parquet'],
    ['views.0.source.eventTime', null],
    ['views.0.kind', 'other'],
    ['views.0.features.0.type', 7],
    ['views.0.features.0.aggregation.function', 'exec'],
    ['views.0.entity', 'nobody'],
    ['services.0.views.0.view', 'nothing'],
    ['services.0.views.0.requestKeys', ['customer_id', 'customer_id']],
    ['services.0.tensor', 'float16'],
    ['schemas', null],
    ['schemas.purchases.0.features.0.type', 'int65'],
    ['views.0.kind', 'stored', 'views.0.features.0.aggregation: expected null in a stored view'],
    ['views.0.features.0.aggregation', null],
    ['views.0.features.0.aggregation.column', null],
    ['views.0.features.0.aggregation.columnType', null],
    ['views.0.features.0.aggregation.columnType', 'decimal'],
    ['views.0.features.0.aggregation.function', 'median'],
    ['views.0.features.0.aggregation.windowUs', 0],
    ['views.0.features.0.aggregation.windowUs', 3_600_000_001],
    ['views.0.features.0.missing', 'abc'],
    ['views.0.features.0.examples', [1, 'abc'], 'views.0.features.0.examples.1: '],
    ['views.0.features.0.name', 'Deleted'],
    ['views.0.features.0.name', 'FAVORITE', 'views.0.features.2: '],
    ['views.0.hopUs', 0],
    ['views.0.where', 'quantity > 0) OR (SELECT 1'],
    ['views.0.select', [{ name: 'x', expression: 'quantity +' }], 'views.0.select.0.expression: '],
    ['entities.0.joinKeys.0.name', 'event_time'],
  ])('%s of %j', (path, value, sentence = `${path}: `) => {
    expect(() => load(path, value)).toThrow(
      expect.objectContaining({ code: 'REG_BUNDLE', message: expect.stringContaining(sentence) }),
    );
  });
});

test('what no definition could say, however long or deep, is refused by the field in a short sentence', () => {
  const deep = (n: number): Json => JSON.parse('['.repeat(n) + ']'.repeat(n)) as Json;
  for (const [path, value] of [
    ['views.0.where', `${'('.repeat(20_000)}quantity > 0${')'.repeat(20_000)}`],
    ['views.0.where', `${'('.repeat(4_000)}quantity > 0${')'.repeat(4_000)}`],
    ['views.0.where', 'not '.repeat(100_000)],
    ['views.0.features.0.type', `${'list<'.repeat(5_000)}int64${'>'.repeat(5_000)}`],
    ['schemas.purchases.0.features.0.type', 'x'.repeat(100_000)],
    ['views.0.features.0.missing', 'x'.repeat(100_000)],
    ['views.0.features.0.missing', deep(1_000)],
    ['views.0.kind', 'x'.repeat(100_000)],
    ['views.0.name', 'x'.repeat(100_000)],
    ['services.0.features.0.fullName', 'x'.repeat(100_000)],
    ['schemas', { ['x'.repeat(100_000)]: [] }],
  ] as const)
    try {
      load(path, value);
      expect.unreachable(path);
    } catch (error) {
      const { message } = error as Error;
      expect(message).toContain(path);
      expect(message.length).toBeLessThan(400);
      expect(error).toMatchObject({ code: 'REG_BUNDLE' });
    }
});

describe('a list that passes at one glance is one that the schema takes, and is refused with the same words', () => {
  // prettier-ignore
  const odd = [
    null, 0, -1, 1, 0.5, 1e300, 2 ** 53, 22, 23, 1_001, '', 'a', 'a__b', 'event_time', 'Tier', 'a\0',
    'int64', 'list<', 'lastN', 'count', 'duration', 'hmac', [], [null], ['a'], [7], {}, true, undefined,
  ];
  const pathsOfLists = (): string[] => {
    const leaves = pathsOf(JSON.parse(good), /(features|services\.0\.views)\.0(\.|$)/);
    return [...new Set(leaves.flatMap((path) => [path, path.slice(0, path.lastIndexOf('.'))]))];
  };
  const judge = (changes: readonly { path: string; value: unknown }[]): boolean => {
    const json = JSON.parse(good) as Json;
    for (const { path, value } of changes) put(json, path, value);
    const read = JSON.parse(JSON.stringify(json)) as Json;
    const fault = faultOfBundle(read);
    expect(fault, JSON.stringify(changes)).toEqual(faultOfBundle(withOtherPrototypes(read)));
    return fault === null;
  };

  test('with one value that is odd', () => {
    const taken = pathsOfLists().flatMap((path) => odd.map((value) => judge([{ path, value }])));
    expect(taken.filter(Boolean).length).toBeGreaterThan(50);
    expect(taken.filter((one) => !one).length).toBeGreaterThan(200);
  });

  test('with one of them in place of another, and an odd value', () => {
    const path = fc.constantFrom(...pathsOfLists());
    fc.assert(
      fc.property(path, path, path, fc.constantFrom<unknown>(...odd), (to, from, other, value) => {
        judge([
          { path: to, value: valueOf(JSON.parse(good), from) },
          { path: other, value },
        ]);
      }),
      { numRuns: 500 },
    );
  });
});

function valueOf(json: unknown, path: string): unknown {
  return path.split('.').reduce((value, name) => (value as Record<string, unknown> | null)?.[name], json);
}

function put(json: unknown, path: string, value: unknown): void {
  const cut = path.lastIndexOf('.');
  const holder = valueOf(json, path.slice(0, cut));
  const name = path.slice(cut + 1);
  if (typeof holder !== 'object' || holder === null) return;
  if (value === undefined) delete (holder as Record<string, unknown>)[name];
  else (holder as Record<string, unknown>)[name] = structuredClone(value);
}

/** The same for the schema, and nothing that passes at one glance. */
function withOtherPrototypes(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withOtherPrototypes);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).map(([name, value]) => [name, withOtherPrototypes(value)] as const);
  return Object.assign(Object.create({}) as object, Object.fromEntries(entries));
}
