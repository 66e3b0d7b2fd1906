/** A long OpenAPI document made short says the same. */
import { expect, test } from 'vitest';
import { openApiText } from '../../../../sidecar/docs/openapi.ts';
import { withSharedParts } from '../../../../sidecar/docs/shared-schemas.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { IN_MEMORY, RegistryDatabase } from '../../../../project/database/registry-database.ts';
import { fillRegistry } from '../../../support/registry/filled-registry.ts';

type Json = Record<string, unknown>;

/** @returns the document of a bundle of so many services */
async function documentOf(services: number): Promise<Json> {
  const database = await RegistryDatabase.open({ kind: 'sqlite', url: IN_MEMORY });
  const size = { views: 20, featuresOfView: 25, services, featuresOfService: 20, days: 0 };
  const bundle = await fillRegistry(database, size);
  await database.close();
  return JSON.parse(openApiText(new BundlePlans(bundle, '', new ViewSlots()))) as Json;
}

/** The document with what is shared (`s1`, `s2`, ...) written where it is named. */
function unshared(document: Json): Json {
  const components = document['components'] as Record<string, Json>;
  const written = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(written);
    if (typeof value !== 'object' || value === null) return value;
    const [, kind, name] = /^#\/components\/(\w+)\/(s\d+)$/.exec(String((value as Json)['$ref'])) ?? [];
    if (kind !== undefined) return written(components[kind]![name!]);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, written(one)]));
  };
  const own = Object.entries(components['schemas']!).filter(([name]) => !/^s\d+$/.test(name));
  return {
    ...document,
    paths: written(document['paths']),
    components: { schemas: written(Object.fromEntries(own)) },
  } as Json;
}

test('what stands in several places is written once, and says the same', async () => {
  const long = await documentOf(10);
  const shared = withSharedParts(long);
  expect(unshared(shared)).toEqual(long);
  expect(JSON.stringify(shared).length).toBeLessThan(JSON.stringify(long).length * 0.7);
});

test('past 1,000 features that services list the document is short', async () => {
  const [few, many] = [await documentOf(50), await documentOf(60)].map((one) => JSON.stringify(one).length);
  expect(many!).toBeLessThan(few! * 0.5);
  const document = await documentOf(60);
  const { schemas } = unshared(document)['components'] as { schemas: Record<string, Json> };
  const { features, statuses } = schemas['churn_3.result']!['properties'] as Record<string, Json>;
  expect(Object.keys(features!['properties'] as Json)).toHaveLength(features!['minProperties'] as number);
  expect(statuses).toMatchObject({ minProperties: features!['minProperties'] });
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/(\w+\/[^"]+)"/g)) {
    const [kind, part] = name!.split('/') as [string, string];
    expect((document['components'] as Record<string, Json>)[kind]).toHaveProperty([part]);
  }
});
