/** /openapi.json and /docs over HTTP: what they say can be sent is sent, and answered. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { PAGE_ROUTES, methodOf } from '../../../sidecar/docs/pages.ts';
import { ServingFixture, bundleContent, manualClock } from '../../support/fixtures/serving-fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in: string }[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly examples: Record<string, { readonly value: unknown }> }>;
  };
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}
interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, { readonly get?: Operation; readonly post?: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let fixture: ServingFixture;
let served: RunningSidecar;
let document: OpenApi;

const at = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://localhost:${served.port}${path}`, init);

beforeAll(async () => {
  fixture = new ServingFixture(manualClock(), {}, content());
  for (const id of ['profile', 'spend', 'product']) fixture.mark(id, fixture.clock.nowUs());
  served = await runServe(fixture.project());
  document = (await (await at('/openapi.json')).json()) as OpenApi;
});

afterAll(async () => {
  await served.stop();
  fixture.close();
});

test('every example of the OpenAPI document is answered', async () => {
  expect(document.openapi).toBe('3.1.0');
  let sent = 0;
  for (const [path, { post }] of Object.entries(document.paths)) {
    for (const [name, { value }] of Object.entries(
      post?.requestBody?.content['application/json']?.examples ?? {},
    )) {
      const response = await at(path, { method: 'POST', body: JSON.stringify(value) });
      expect(response.status, `${path} ${name}: ${await response.text()}`).toBe(200);
      sent += 1;
    }
  }
  // Three services on the native surface, three on Feast's, three models.
  expect(sent).toBe(9);
});

test('every page of the OpenAPI document is there, with the content type that it names', async () => {
  const pages = Object.entries(document.paths).filter(([, { get }]) => get !== undefined);
  expect(pages).toHaveLength(10);
  for (const [path, { get }] of pages) {
    const response = await at(path.replace('{name}', 'everything'));
    expect(response.status, path).toBe(200);
    const type = response.headers.get('content-type');
    const named = Object.keys(get!.responses['200']!.content ?? {})[0];
    if (named === undefined) expect(type, path).toBeNull();
    else expect(type, path).toContain(named);
  }
});

test('the document has every route that is served, each with its method, and no other', () => {
  const documented = Object.entries(document.paths).flatMap(([path, { get, post }]) => [
    ...(get === undefined ? [] : [{ method: 'GET', path }]),
    ...(post === undefined ? [] : [{ method: 'POST', path }]),
  ]);
  for (const { method, path } of documented)
    expect(methodOf(path.replace('{name}', 'any')), path).toBe(method);
  const within = (route: string, path: string): boolean =>
    route.endsWith('/*') ? path.startsWith(route.slice(0, -1)) : path === route;
  for (const { method, path } of PAGE_ROUTES) {
    expect(
      documented.some((each) => each.method === method && within(path, each.path)),
      path,
    ).toBe(true);
  }
});

test('operations have names of their own, and every reference has its schema', () => {
  const operations = Object.values(document.paths).flatMap(({ get, post }) => [get, post]);
  const ids = operations.flatMap((operation) => (operation === undefined ? [] : [operation.operationId]));
  expect(new Set(ids).size).toBe(ids.length);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  expect(document.components.schemas['everything.result']).toMatchObject({
    properties: {
      features: {
        properties: {
          profile__points: { type: ['integer', 'null'], format: 'int64', description: 'int64' },
          profile__photo: { contentEncoding: 'base64' },
        },
      },
    },
  });
});

test('every call that the page shows works as it stands, at the address where the reader found the page', async () => {
  const response = await at('/docs');
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const html = await response.text();
  const calls = [...html.matchAll(/<pre>(.*?)<\/pre>/gs)].map(([, text]) => unescape(text!));
  expect(calls).toHaveLength(9);
  for (const call of calls) {
    const [, url, body] = /^curl -s (\S+) -d '([^']*)'$/.exec(call)!;
    expect(url).toContain(`http://localhost:${served.port}/`);
    expect((await fetch(url!, { method: 'POST', body: body! })).status, call).toBe(200);
  }
});

test('the page loads nothing, runs nothing, and shows what definitions say as text', async () => {
  const html = await (await at('/docs')).text();
  expect(html).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
  expect([...html.matchAll(/(?:href|action)="([^"]*)"/g)].map(([, to]) => to)).not.toContainEqual(
    expect.stringMatching(/^\w+:/),
  );
  expect(html).toContain('Spend &lt;b&gt;&amp; visits&lt;/b&gt;');
  expect(html).toContain('<code>profile__visits</code><td>int32<td>-1');
});

test('a page of the web is refused here too', async () => {
  expect((await at('/docs', { headers: { origin: 'http://localhost' } })).status).toBe(403);
});

function content(): ReturnType<typeof bundleContent> {
  const plain = bundleContent();
  const described = { ...plain.services.get('everything')!, description: 'Spend <b>& visits</b>' };
  return { ...plain, services: new Map([...plain.services, ['everything', described]]) };
}

function unescape(html: string): string {
  return html
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
