/** The command line over the registry of a server: what it shows, plans and applies, who may, and what goes wrong. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openCatalogue } from '../../../catalogue/serving.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { tokenCreate } from '../../../registry/access/commands.ts';
import { apply, plan, show } from '../../../registry/commands.ts';
import { takeNewestFor } from '../../../registry/bundles/commands.ts';
import { findingsOf } from '../../../registry/doctor/doctor.ts';
import { bundleForPod } from '../../../sidecar/process/served-bundle.ts';
import { lineage } from '../../../registry/lineage/lineage.ts';
import { registryRoutes } from '../../../registry/remote/registry-routes.ts';
import { RemoteRegistry } from '../../../registry/remote/remote-registry.ts';
import { search } from '../../../registry/search/search.ts';
import { diff, rollback, versions } from '../../../registry/versions/commands.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { scratchFolder } from '../../support/scratch.ts';

const DEFINITIONS = (owner = 'crm', description = ''): string => `
entity: customer
joinKeys: { customer_id: int64 }
owner: crm
---
featureView: lines
entity: customer
owner: ${owner}
description: "${description}"
source: { parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }
features: { total: float64 }
---
onDemandView: doubled
owner: crm
inputs: { factor: float64 }
uses: [lines]
features: { twice: float64 }
compute: twice.ts
samples: [{ factor: 2, total: 1.5 }]
---
featureService: churn_v1
features: [lines, doubled]
owner: crm
consumers: [{ model: churn, owner: crm }]
`;
const TWICE = `export default ({ factor, total }) => ({ twice: total === null ? null : factor * total });\n`;

let server: string;
let client: string;
let url: string;
let catalogue: Awaited<ReturnType<typeof openCatalogue>>;
let root: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  server = scratchFolder({
    'plumbline.yaml':
      'project: shop\nregistry: sqlite:registry.db\nbundles: bundles\nui: { port: 0 }\naccess: { enabled: true }\n',
  });
  root = await made('root', 'admin');
  catalogue = await opened();
  url = catalogue.url;
  client = scratchFolder({ 'twice.ts': TWICE });
  mkdirSync(join(client, 'data'));
  writeFileSync(
    join(client, 'plumbline.yaml'),
    `project: shop\nregistry: ${url}\nbundles: own\ndefinitions: [shop.yaml]\n`,
  );
  define();
  as(root);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await catalogue.close();
  for (const close of closing.splice(0)) await close();
});

const opened = () => {
  const project = openProject(server, silentLogger, {}, {});
  return openCatalogue(project, registryRoutes(project));
};
const as = (token: string): void => void vi.stubEnv('PLUMB_TOKEN', token);
const define = (owner?: string, description?: string): void =>
  writeFileSync(join(client, 'shop.yaml'), DEFINITIONS(owner, description));
async function made(
  name: string,
  role: 'read' | 'propose' | 'apply' | 'admin',
  team?: string[],
): Promise<string> {
  const out = commandContext(server, true);
  await tokenCreate(out, name, { role, ...(team === undefined ? {} : { team }) });
  return (JSON.parse(out.said()) as { token: string }).token;
}
/** @returns what a command of the client prints as JSON */
async function said(command: (context: ReturnType<typeof commandContext>) => Promise<unknown>) {
  const out = commandContext(client, true);
  await command(out);
  return JSON.parse(out.said()) as Record<string, unknown>;
}
const inDatabase = <T>(work: (database: RegistryDatabase) => Promise<T>): Promise<T> =>
  RegistryDatabase.using({ kind: 'sqlite', url: join(server, 'registry.db') }, work);
const applies = async () =>
  (await inDatabase((database) => database.applies())).map(({ author, reason }) => `${author}: ${reason}`);
const audited = async () =>
  (await inDatabase(({ access }) => access.audit({ most: 99 })))
    .filter(({ what }) => what !== 'use' && what !== 'token created')
    .map(({ who, what, detail }) => `${who}: ${what}, ${detail.replace(/bundle \w+/, 'bundle')}`)
    .toReversed();

test(
  'plan, apply, show, search, versions, lineage, diff, rollback: as over the database',
  { timeout: 120_000 },
  async () => {
    const first = await said((c) => plan(c, {}));
    expect((first['changes'] as object[]).length).toBe(4);
    expect(await applies()).toEqual([]);
    const done = await said((c) => apply(c, undefined, { reason: 'first', author: 'somebody else' }));
    expect(done).toMatchObject({ bundle: expect.stringMatching(/^[0-9a-f]{16}$/) });
    // It is published where the server publishes, with the engine that tried the function here.
    expect(JSON.parse(readFileSync(join(server, 'bundles', 'current'), 'utf8'))).toMatchObject({
      sequence: 1,
    });
    expect(existsSync(join(client, 'own'))).toBe(false);
    const file = join(client, 'plan.json');
    define('crm', 'of customers');
    expect(await said((c) => plan(c, { out: file }))).toMatchObject({
      changes: [{ kind: 'metadata', name: 'lines' }],
    });
    await said((c) => apply(c, file, { reason: 'by file' }));
    await expect(apply(commandContext(client), file, {})).rejects.toMatchObject({
      code: 'REG_USAGE',
      message: expect.stringContaining('this plan was applied as apply 2'),
    });
    expect((await said((c) => plan(c, {})))['changes']).toEqual([]);
    expect(await said((c) => show(c, 'lines'))).toMatchObject({ id: 'lines', description: 'of customers' });
    expect(await said((c) => show(c, undefined))).toMatchObject({
      views: [{ id: 'lines', freshness: { state: 'never' } }],
    });
    expect(await said((c) => show(c, 'lines', { at: '1' }))).toMatchObject({ description: '' });
    expect(await said((c) => search(c, ['customers'], { most: '5' }))).toMatchObject({
      found: expect.arrayContaining([expect.objectContaining({ name: 'lines' })]),
    });
    expect((await said((c) => lineage(c, 'lines')))['nodes']).not.toEqual([]);
    expect(await said((c) => diff(c, '1', undefined))).toMatchObject({ changes: [{ kind: 'metadata' }] });
    await said((c) => rollback(c, '1', {}));
    expect((await said(versions))['applies']).toMatchObject([
      { sequence: 3, author: 'root', reason: 'back to apply 1', state: 'in force' },
      { sequence: 2, author: 'root', reason: 'by file' },
      { sequence: 1, author: 'root', reason: 'first' },
    ]);
    // A share of the pods first: staged, widened, promoted, taken back; what shows shows what most pods have.
    await expect(apply(commandContext(client), undefined, { rollback: true })).rejects.toMatchObject({
      code: 'REG_ROLLOUT',
    });
    await said((c) => apply(c, undefined, { share: '10%' }));
    expect(await said((c) => show(c, 'lines'))).toMatchObject({ description: '' });
    expect(await said((c) => apply(c, undefined, { share: '50%' }))).toMatchObject({ share: 0.5 });
    await said((c) => apply(c, undefined, { rollback: true }));
    await said((c) => apply(c, undefined, { share: '10%' }));
    await said((c) => apply(c, undefined, { promote: true }));
    expect(await said((c) => show(c, 'lines'))).toMatchObject({ description: 'of customers' });
    const states = (await said(versions))['applies'] as { state: string }[];
    expect(states.map(({ state }) => state)).toEqual(['in force', '', 'taken back', '', '', '']);
    await expect(
      apply(commandContext(client), undefined, { backfill: async () => [] }),
    ).rejects.toMatchObject({
      code: 'REG_USAGE',
    });
  },
);

test('the server holds roles and teams, and the guard is its own', { timeout: 120_000 }, async () => {
  const [reader, proposer, crm] = [
    await made('ada', 'read'),
    await made('pia', 'propose'),
    await made('crm', 'apply', ['crm']),
  ];
  as('');
  for (const command of [versions, (c: ReturnType<typeof commandContext>) => plan(c, {})])
    await expect(command(commandContext(client))).rejects.toMatchObject({ code: 'REG_LOGIN' });
  as(reader);
  expect((await said(versions))['applies']).toEqual([]);
  await expect(plan(commandContext(client), {})).rejects.toMatchObject({
    code: 'REG_ROLE',
    message: 'ada has the role read, and this needs propose',
  });
  as(proposer);
  await plan(commandContext(client), {});
  await expect(apply(commandContext(client), undefined, {})).rejects.toMatchObject({ code: 'REG_ROLE' });
  define('ml');
  as(crm);
  await expect(apply(commandContext(client), undefined, {})).rejects.toMatchObject({
    code: 'REG_TEAM',
    message: 'crm may change what belongs to crm, and this touches\nview lines: of ml',
  });
  define();
  await apply(commandContext(client), undefined, {});
  // What would break a model is refused here, and by the server whatever a changed plumb leaves out.
  writeFileSync(join(client, 'shop.yaml'), DEFINITIONS().replace('[lines, doubled]', '[lines]'));
  await expect(apply(commandContext(client), undefined, {})).rejects.toMatchObject({ code: 'REG_REFUSED' });
  const remote = new RemoteRegistry(openProject(client, silentLogger, process.env, {}));
  const bundle = JSON.parse((await remote.applied(1))!.bundle) as Record<string, never[]>;
  const posted = (changed: object, more = {}) =>
    remote.post('apply', {
      definitions: { ...bundle, ...changed },
      engine: 'V8 12.4.254.21-node.33 x64',
      compared: 1,
      takesBack: false,
      share: null,
      allow: [],
      reason: '',
      ...more,
    });
  await expect(posted({ services: [] })).rejects.toMatchObject({ code: 'REG_REFUSED' });
  await expect(posted({ project: 'other' })).rejects.toMatchObject({
    code: 'REG_USAGE',
    message: /of the project shop/,
  });
  await expect(posted({ views: [{ id: '../x' }] })).rejects.toMatchObject({ code: 'REG_USAGE' });
  await expect(posted({ schemas: { '../x': [] } })).rejects.toMatchObject({ code: 'REG_USAGE' });
  await expect(posted({ format: 99 })).rejects.toMatchObject({ code: 'REG_USAGE' });
  // What only people read is read by pages and the guard, too: once in force, it would stop every plan after it.
  type Posted = Record<string, Record<string, unknown>[]>;
  for (const [where, change] of [
    ['services.0.consumers', ({ services }) => (services![0]!['consumers'] = null)],
    ['entities.0.tags', ({ entities }) => (entities![0]!['tags'] = {})],
    ['views.0.description', ({ views }) => (views![0]!['description'] = { a: 1 })],
    ['views.0.owner', ({ views }) => (views![0]!['owner'] = 7)],
    ['views.0.name', ({ views }) => (views![0]!['name'] = 'doubled')],
    ['views.0.deprecated.date', ({ views }) => (views![0]!['deprecated'] = { date: 'x', successor: null })],
    ['onDemand.0.version', ({ onDemand }) => (onDemand![0]!['version'] = 2)],
    ['onDemand.0.team', ({ onDemand }) => (onDemand![0]!['team'] = ['crm'])],
  ] as [string, (all: Posted) => unknown][]) {
    const all = structuredClone(bundle) as Posted;
    change(all);
    await expect(posted(all)).rejects.toMatchObject({
      code: 'REG_USAGE',
      message: expect.stringContaining(where),
    });
  }
  const [computed] = bundle['onDemand'] as { definitionId: number; code: object }[];
  const otherId = { onDemand: [{ ...computed, definitionId: computed!.definitionId ^ 1 }] };
  await expect(posted(otherId)).rejects.toMatchObject({ code: 'REG_USAGE', message: /definition id/ });
  const script = '({ factor }) => { for (;;); }';
  const looping = { ...computed, code: { ...computed!.code, script, sourceMap: null } };
  await expect(posted({ onDemand: [looping] })).rejects.toMatchObject({
    code: 'REG_USAGE',
    message: expect.stringContaining('of the on-demand view doubled, code.hash is not that of its script'),
    details: { field: 'onDemand.doubled.code.hash' },
  });
  const views = [...bundle['views']!, ...bundle['views']!];
  await expect(posted({ views })).rejects.toMatchObject({ code: 'REG_USAGE' });
  await expect(posted({}, { compared: 7 })).rejects.toMatchObject({
    code: 'REG_PLAN',
    message: /another apply came first/,
  });
  await expect(posted({}, { engine: '<b>' })).rejects.toMatchObject({
    code: 'REG_USAGE',
    message: /does not fit at engine/,
  });
  await expect(posted({}, { allow: ['lines.ttl'] })).rejects.toMatchObject({ code: 'REG_USAGE' });
  expect(await applies()).toEqual(['crm: ']);
  expect(await audited()).toEqual([
    'ada: refused, POST /api/registry/plan: ada has the role read, and this needs propose',
    'pia: refused, POST /api/registry/apply: pia has the role propose, and this needs apply',
    'crm: refused, apply: view lines: of ml',
    'crm: apply, apply 1, bundle',
  ]);
});

test('a page, a form and an open server change nothing; what is posted has to be JSON', async () => {
  const post = (headers: Record<string, string>, body = '{}', path = 'plan') =>
    fetch(`${url}/api/registry/${path}`, { method: 'POST', headers, body });
  const login = { authorization: `Bearer ${root}` };
  const json = { 'content-type': 'application/json' };
  expect((await post(json)).status).toBe(401);
  expect((await post({ ...login, ...json, origin: 'https://evil.example' })).status).toBe(403);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', ''])
    expect([type, (await post({ ...login, 'content-type': type })).status]).toEqual([type, 400]);
  for (const body of [
    '',
    '{',
    '[]',
    'null',
    '{"definitions":1}',
    '{"definitions":{},"engine":"V8 1 x","more":1}',
  ])
    expect([body, (await post({ ...login, ...json }, body)).status]).toEqual([body, 400]);
  expect((await post({ ...login, ...json }, '{}', 'nothing')).status).toBe(404);
  expect((await fetch(`${url}/features`, { method: 'POST', headers: login })).status).toBe(405);
  await catalogue.close();
  writeFileSync(
    join(server, 'plumbline.yaml'),
    'project: shop\nregistry: sqlite:registry.db\nui: { port: 0 }\n',
  );
  catalogue = await opened();
  const open = await fetch(`${catalogue.url}/api/registry/plan`, {
    method: 'POST',
    headers: json,
    body: '{}',
  });
  expect([open.status, await open.json()]).toMatchObject([403, { error: { code: 'CAT_APPLY' } }]);
  expect((await fetch(`${catalogue.url}/api/registry`)).status).toBe(200);
});

test('what works in the database says so, what serves says where bundles are, and doctor finds nothing wrong', async () => {
  const context = commandContext(client, false, { 'serve.port': '0', 'serve.adminPort': '0' });
  await expect(takeNewestFor(context, true)).rejects.toMatchObject({
    code: 'REG_SETTINGS',
    message: expect.stringContaining('works in the database of the registry itself'),
  });
  await takeNewestFor(context);
  expect(() => bundleForPod({ folder: join(client, 'own'), pod: 'a', taker: null, everyUs: 1 })).toThrow(
    expect.objectContaining({
      code: 'REG_NOT_APPLIED',
      details: expect.objectContaining({ help: expect.stringContaining('set bundles.from to URL/bundles') }),
    }),
  );
  const found = async () =>
    (await findingsOf(context))
      .filter(({ check, state }) => state === 'wrong' || /^(registry|bundle)$/.test(check))
      .map((one) => `${one.check} ${one.state}: ${one.found}; ${one.help}`);
  const bundle = `bundle note: none is in ${join(client, 'own')}: the server of the registry has them; Where something is served, set bundles.from to ${url}/bundles.`;
  expect(await found()).toEqual([
    `registry note: ${url}: nothing was ever applied; Run \`plumb apply\`.`,
    bundle,
  ]);
  await apply(commandContext(client), undefined, {});
  expect(await found()).toEqual([expect.stringMatching(/^registry ok: .*: apply 1 is in force/), bundle]);
  as('');
  expect(await found()).toEqual([expect.stringMatching(/^registry note: .*Set PLUMB_TOKEN/), bundle]);
});

describe('what goes wrong is a sentence, and nothing is half done', { timeout: 120_000 }, () => {
  test('of applies at once one is taken', async () => {
    await apply(commandContext(client), undefined, {});
    const others = ['a', 'b', 'c', 'd'].map((text) => {
      const folder = scratchFolder({ 'twice.ts': TWICE, 'shop.yaml': DEFINITIONS('crm', text) });
      mkdirSync(join(folder, 'data'));
      writeFileSync(
        join(folder, 'plumbline.yaml'),
        `project: shop\nregistry: ${url}\ndefinitions: [shop.yaml]\n`,
      );
      return apply(commandContext(folder), undefined, { reason: text }).then(
        () => 'taken',
        (error: Error & { code: string }) => `${error.code} ${error.message}`,
      );
    });
    const all = await Promise.all(others);
    const taken = all.filter((one) => one === 'taken').length;
    expect(taken).toBeGreaterThanOrEqual(1);
    for (const one of all) expect(one).toMatch(/^taken$|another apply came (first|since)/);
    expect(await applies()).toHaveLength(1 + taken);
    const { sequence, hash } = (await inDatabase((database) => database.lastApplied()))!;
    const pointer = JSON.parse(readFileSync(join(server, 'bundles', 'current'), 'utf8')) as object;
    expect(pointer).toMatchObject({ sequence, name: hash });
  });

  test('what is recorded and not published is published by the next apply', async () => {
    await apply(commandContext(client), undefined, {});
    const before = readFileSync(join(server, 'bundles', 'current'), 'utf8');
    // As a server that ends between the two: the folder cannot be written to.
    renameSync(join(server, 'bundles'), join(server, 'aside'));
    writeFileSync(join(server, 'bundles'), 'no folder');
    define('crm', 'more');
    await expect(apply(commandContext(client), undefined, {})).rejects.toMatchObject({ kind: 'failed' });
    expect(await applies()).toHaveLength(2);
    rmSync(join(server, 'bundles'));
    renameSync(join(server, 'aside'), join(server, 'bundles'));
    expect(readFileSync(join(server, 'bundles', 'current'), 'utf8')).toBe(before);
    expect(await said((c) => apply(c, undefined, {}))).toMatchObject({ changes: [] });
    expect(JSON.parse(readFileSync(join(server, 'bundles', 'current'), 'utf8'))).toMatchObject({
      sequence: 2,
    });
  });

  test('a server that is away, is another one, or breaks off', async () => {
    const answers = createServer((request, response) => {
      if (request.url?.endsWith('/plan') === true || request.method === 'GET') {
        response.setHeader('content-type', 'application/json');
        return void response.end(request.url === '/api/registry' ? '{"id":"x","last":null}' : '{}');
      }
      request.socket.destroy();
    });
    await new Promise<void>((resolve) => answers.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => answers.close(resolve)));
    const other = `http://127.0.0.1:${(answers.address() as AddressInfo).port}`;
    const over = (registry: string) => commandContext(client, true, { registry });
    await expect(versions(over(other))).rejects.toMatchObject({
      code: 'REG_REMOTE',
      message: expect.stringContaining('its answer has no applies: another version of plumb may run there'),
    });
    const broken = new RemoteRegistry(openProject(client, silentLogger, process.env, { registry: other }));
    await expect(broken.post('apply', {})).rejects.toMatchObject({
      code: 'REG_REMOTE',
      details: { help: expect.stringContaining('Whether it was taken is not known') },
    });
    await expect(versions(over('http://127.0.0.1:9'))).rejects.toMatchObject({
      code: 'REG_REMOTE',
      details: { help: expect.stringContaining('nothing was changed') },
    });
    for (const wrong of ['http://features.example.com', 'https://u:p@x.example', 'ftp://x'])
      await expect(versions(over(wrong))).rejects.toMatchObject({ code: 'REG_SETTINGS' });
    await expect(RegistryDatabase.open({ kind: 'http', url: other })).rejects.toMatchObject({
      code: 'REG_SETTINGS',
      message: expect.stringContaining('works in the database of the registry itself'),
    });
  });
});
