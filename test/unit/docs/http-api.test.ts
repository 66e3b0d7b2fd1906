import { test } from 'vitest';
import { openApiText } from '../../../sidecar/docs/openapi.ts';
import { BundlePlans, ViewSlots } from '../../../sidecar/plan/bundle-plans.ts';
import { bundleContent } from '../../support/fixtures/serving-fixture.ts';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

const SERVICE = 'profile_only';

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description: string;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
type Content = Readonly<
  Record<string, { readonly examples: Readonly<Record<string, { readonly value: unknown }>> }>
>;
type Path = Readonly<Record<'get' | 'post', Operation | undefined>>;

test('docs/http-api.md has every route of the OpenAPI document, its statuses, and a request of each kind', () => {
  const plans = new BundlePlans({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());
  const { paths } = JSON.parse(openApiText(plans)) as { paths: Readonly<Record<string, Path>> };
  const operations = Object.entries(paths)
    // Each service has a path for its tensors; one stands for all.
    .filter(([path]) => !path.endsWith('/infer') || path.includes(`/${SERVICE}/`))
    .flatMap(([path, { get, post }]) => [
      ...(get === undefined ? [] : [{ method: 'GET', path, of: get }]),
      ...(post === undefined ? [] : [{ method: 'POST', path, of: post }]),
    ]);
  const posts = operations.filter(({ method }) => method === 'POST');
  const statuses = new Map(posts.flatMap(({ of }) => Object.entries(of.responses)).toSorted());
  const headers = new Map(posts.flatMap(({ of }) => of.parameters ?? []).map((one) => [one.name, one]));
  const parts = [
    '## Routes',
    markdownTable(
      ['route', 'is'],
      operations.map(({ method, path, of }) => [`\`${method} ${path}\``, of.summary]),
    ),
    '## Headers',
    markdownTable(
      ['header', 'means'],
      [...headers.values()].map(({ name, description }) => [`\`${name}\``, description]),
    ),
    '## Status codes',
    markdownTable(
      ['status', 'means'],
      [...statuses]
        .filter(([status]) => status !== '200')
        .map(([status, { description }]) => [status, description]),
    ),
    '## Requests',
    ...posts.map(({ path, of }) => {
      const { value } = of.requestBody!.content['application/json']!.examples[SERVICE]!;
      return `\`POST ${path}\`\n\n\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;
    }),
  ];
  expectGeneratedPart('docs/http-api.md', 'sidecar/docs/openapi.ts', parts.join('\n\n'));
});
