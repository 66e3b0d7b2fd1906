/** The catalogue over a real registry: every page and its JSON, hostile texts, hosts and paths, and its sizes. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogueApp } from '../../../catalogue/app.ts';
import { ANYONE } from '../../../catalogue/caller.ts';
import { KnownCatalogue } from '../../../catalogue/known/catalogue.ts';
import { ageChart } from '../../../catalogue/parts/age-chart.ts';
import { driftSpark } from '../../../catalogue/parts/drift-spark.ts';
import { trendChart } from '../../../project/page/charts/trend-chart.ts';
import { html } from '../../../project/page/markup.ts';
import { STYLE_PATH } from '../../../catalogue/parts/frame.ts';
import { openCatalogue } from '../../../catalogue/serving.ts';
import { registryError } from '../../../contract/errors.ts';
import { openProject } from '../../../project/project.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { IN_MEMORY, RegistryDatabase } from '../../../project/database/registry-database.ts';
import { fillRegistry, HOSTILE, LAST_DAY, NOW_US, SMALL } from '../../support/registry/filled-registry.ts';

const INCIDENT = `${LAST_DAY}.churn_0.purchases_0.materialization-lag.1`;
const PAGES = [
  '/',
  '/search?q=purchases+in+the+last+week',
  '/features',
  '/features?page=99',
  '/views',
  '/services',
  '/incidents',
  '/runs',
  '/training-sets',
  '/features/purchases_0__count_0d',
  '/views/purchases_0',
  '/views/purchases_1',
  '/services/churn_0',
  '/entities/thing',
  '/owners/team-crm',
  '/owners/nobody%20here',
  '/sources/events_0',
  `/models/${encodeURIComponent('churn <b>"1"')}`,
  '/runs/run-0-2',
  '/training-sets/november',
  `/incidents/${INCIDENT}`,
];

let database: RegistryDatabase;
let app: Hono;
let reports: string;
const warned: string[] = [];

function appOver(known: Pick<KnownCatalogue, 'now'>): Hono {
  const logger = { info() {}, progress() {}, warn: (line: string) => void warned.push(line) };
  const shared = {
    known,
    reports,
    bundles: reports,
    allowedHosts: ['catalogue.example'],
    logger,
    callerOf: ANYONE,
  };
  return catalogueApp({ project: 'shop', ...shared });
}

function knownIn(registry: RegistryDatabase): KnownCatalogue {
  return new KnownCatalogue(registry, () => NOW_US, 'http://localhost:6566');
}

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return Promise.resolve(app.request(path, { method, headers: { host: 'localhost:6570', ...headers } }));
}

beforeAll(async () => {
  reports = mkdtempSync(join(tmpdir(), 'plumb-'));
  mkdirSync(join(reports, 'churn_0'));
  writeFileSync(join(reports, 'index.html'), '<p>all days</p>');
  writeFileSync(join(reports, 'churn_0', `${LAST_DAY}.html`), '<style>p{}</style><p>a day</p>');
  writeFileSync(join(reports, 'secret.html'), 'secret');
  symlinkSync(join(reports, 'secret.html'), join(reports, 'churn_0', '2026-11-01.html'));
  database = await RegistryDatabase.open({ kind: 'sqlite', url: IN_MEMORY });
  await fillRegistry(database, SMALL);
  app = appOver(knownIn(database));
});
afterAll(async () => {
  await database?.close();
  rmSync(reports, { recursive: true, force: true });
});

describe('every page', () => {
  test.each(PAGES)('%s: as HTML that no text breaks out of, and as JSON', async (path) => {
    const page = await get(path);
    const text = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/);
    expect(text).not.toMatch(/<script|<img|<b>"1"|undefined|NaN|\[object/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    const links = [...text.matchAll(/href="(\/[^"#]*)"/g)].map(([, to]) => to!.replaceAll('&amp;', '&'));
    for (const to of new Set(links)) {
      if (to === STYLE_PATH || to.startsWith('/reports/') || to.startsWith('/search')) continue;
      expect([to, (await get(to.replaceAll('&quot;', '"').replaceAll('&lt;', '<'))).status]).toEqual([
        to,
        200,
      ]);
    }
    const json = await get(path === '/' ? '/api' : `/api${path}`);
    expect([json.status, json.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(typeof (await json.json())).toBe('object');
  });

  test('home tells what broke, what is late, what is deprecated', async () => {
    const home = (await (await get('/api')).json()) as Record<string, never[]>;
    expect(home['broken']).toMatchObject([{ view: 'purchases_0', change: 'new', beyondPromise: 180 }]);
    expect(home['late']).toMatchObject([
      { view: 'purchases_2', state: 'stale', services: expect.anything() },
    ]);
    expect(home['deprecated']).toMatchObject([
      { kind: 'feature', name: 'purchases_2__count_1d', successor: 'purchases_0:count_1d' },
      { kind: 'view', name: 'purchases_1', successor: 'purchases_0' },
    ]);
    const text = await (await get('/')).text();
    expect(text).toContain('Broke since the day before');
    expect(text).toContain('not to be relied on from 2027-01-01 on');
  });

  test('a feature leads with its match, and has the rest of what is known', async () => {
    const data = (await (await get('/api/features/purchases_0:count_0d')).json()) as {
      matched: { last: object; days: object[]; causes: object[] };
      age: { days: object[] };
    };
    expect(data).toMatchObject({
      name: 'purchases_0__count_0d',
      meaning: 'count over 1d',
      normalization: { mean: 12.5, stddev: 4 },
      examples: ['3'],
      checks: { min: 0, max: 1_000, maxNullShare: 0.1 },
      training: { set: 'november', present: 980 },
      served: { date: LAST_DAY, sketch: { rows: 980 } },
      incidents: [{ id: INCIDENT }],
      changes: [
        { sequence: 2, kind: 'logic', details: ['count_0d.window: 6d → 7d'] },
        { sequence: 1, kind: 'created' },
      ],
    });
    expect(data.matched.days).toHaveLength(30);
    expect(data.matched.causes[0]).toMatchObject({ cause: 'materialization lag', beyondPromise: 180 });
    expect(data.age.days.at(-1)).toMatchObject({ hoursBeyond: 3, hours: 24 });
    const text = await (await get('/features/purchases_0__count_0d')).text();
    expect(text.indexOf('Exact match')).toBeLessThan(text.indexOf('Meaning'));
    expect(text).toContain('curl -s http://localhost:6566/feature-service/get-online-features');
  });
});

const ELSEWHERE = { 'sec-fetch-site': 'cross-site' };

describe('what is refused', () => {
  test('foreign hosts and origins, and all methods that write', async () => {
    const codes = await Promise.all(
      [
        get('/', { host: 'evil.example' }),
        get('/', { host: 'localhost.evil.example:6570' }),
        get('/', { host: '' }),
        get('/', { origin: 'http://evil.example' }),
        get('/', { origin: 'null' }),
        get('/', {}, 'POST'),
        get('/', { host: 'catalogue.example:80' }),
        get('/', { origin: 'http://localhost:6570' }),
        get('/', {}, 'HEAD'),
        get('/', { ...ELSEWHERE, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }),
        get('/', { ...ELSEWHERE, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }),
        get('/', { ...ELSEWHERE, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }),
      ].map(async (one) => (await one).status),
    );
    expect(codes).toEqual([403, 403, 403, 403, 403, 405, 200, 200, 200, 403, 403, 200]);
    const refused = await get('/api', { host: 'evil.example' });
    expect(await refused.json()).toMatchObject({
      error: { code: 'CAT_HOST', help: expect.stringContaining('allowedHosts') },
    });
  });

  test.each(['features/nothing__here', 'views/nothing', 'runs/x', 'incidents/%3Cscript%3E', 'nothing'])(
    '/%s is a page that says so, and an error under /api',
    async (path) => {
      const [page, json] = [await get(`/${path}`), await get(`/api/${path}`)];
      expect([page.status, json.status]).toEqual([404, 404]);
      expect(await page.text()).not.toContain('<script');
      expect(await json.json()).toMatchObject({
        error: { code: /^CAT_(UNKNOWN|ROUTE)$/, message: /./, help: /./ },
      });
    },
  );

  test('reports come from their folder alone, with a policy of their own', async () => {
    const day = await get(`/reports/churn_0/${LAST_DAY}.html`);
    expect([day.status, await day.text()]).toEqual([200, '<style>p{}</style><p>a day</p>']);
    expect(day.headers.get('content-security-policy')).toContain("style-src 'unsafe-inline'");
    expect((await get('/reports/index.html')).status).toBe(200);
    const paths = [
      '/reports/secret.html',
      '/reports/churn_0/2026-11-01.html',
      '/reports/churn_0/..%2Fsecret.html',
      '/reports/..%2F..%2Fetc/passwd',
      '/reports/churn_0/%2e%2e/secret.html',
      '/reports/churn_0/2026-11-20.parquet',
    ];
    for (const path of paths) expect([path, (await get(path)).status]).toEqual([path, 404]);
  });

  test('a registry without an apply, and one that cannot be read', async () => {
    const empty = await RegistryDatabase.open({ kind: 'sqlite', url: IN_MEMORY });
    const other = appOver(knownIn(empty));
    const ask = (): Promise<Response> =>
      Promise.resolve(other.request('/', { headers: { host: 'localhost' } }));
    const first = await ask();
    expect([first.status, (await first.text()).includes('plumb apply')]).toEqual([503, true]);
    await empty.close();
    const second = await ask();
    expect([second.status, (await second.text()).includes('CAT_INTERNAL')]).toEqual([500, true]);
    expect(warned.at(-1)).toMatch(/^GET \/: /);
  });
});

test('a registry that is a file is not made, and opened once an apply has made it', async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\nui: { port: 0 }\n');
  const said: string[] = [];
  const logger = { info() {}, progress() {}, warn: (line: string) => void said.push(line) };
  const project = openProject(folder, logger, {});
  const { url } = project.settings.registry;
  const catalogue = await openCatalogue(project);
  try {
    expect(said).toEqual([expect.stringMatching(/^nothing is applied yet: .* is not there/)]);
    const first = await fetch(`${catalogue.url}/api`);
    expect([first.status, await first.text(), existsSync(url)]).toEqual([
      503,
      expect.stringContaining('CAT_NOT_APPLIED'),
      false,
    ]);
    const made = await RegistryDatabase.open(project.settings.registry);
    await fillRegistry(made, SMALL);
    await made.close();
    expect((await fetch(`${catalogue.url}/api`)).status).toBe(200);
  } finally {
    await catalogue.close();
  }
});

test('a registry whose database is away is a 503', async () => {
  const away = { now: () => Promise.reject(registryError('REG_STORE', 'the registry cannot be reached')) };
  const other = appOver(away);
  const answer = await other.request('/api', { headers: { host: 'localhost' } });
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('REG_STORE')]);
});

test('charts of one judged day show it, and a drift that cannot be told says so', () => {
  const age = { date: LAST_DAY, ageUs: 3_600e6, hours: 24, hoursBeyond: 0 };
  expect(ageChart([age], 7_200e6, LAST_DAY).text).toContain('<circle class="within-dot"');
  const day = {
    date: LAST_DAY,
    provisional: false,
    exact: 0.9,
    within: 0.95,
    interval: [0.9, 0.99] as const,
  };
  expect(trendChart([day], LAST_DAY).text).toMatch(/class="interval-area" d="M[\d.]+ [\d.]+h7V/);
  const drift = { date: LAST_DAY, distance: 0.846, level: 'none', rows: 12 };
  const said = (more: object): string => html`${driftSpark([{ ...drift, ...more }])}`.text;
  expect(said({})).toContain('distance 0.846, too few rows to tell (12 rows)');
  expect(said({ distance: 0.01 })).toContain('as in training');
});

test('hostile texts are shown as they are', async () => {
  const text = await (await get('/views/purchases_0')).text();
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(HOSTILE).toContain('<script>');
});

test('bundles that are not there are a 404', async () => {
  const answers = await Promise.all(
    ['/bundles/current', `/bundles/${'0'.repeat(64)}`].map((path) => get(path)),
  );
  expect(answers.map(({ status }) => status)).toEqual([404, 404]);
});
