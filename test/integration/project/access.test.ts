/** Who may ask and change what, on both databases: tokens by the commands and the catalogue, and the audit. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { catalogueApp } from '../../../catalogue/app.ts';
import { callerBy } from '../../../catalogue/caller.ts';
import { KnownCatalogue } from '../../../catalogue/known/catalogue.ts';
import { STYLE_PATH } from '../../../catalogue/parts/frame.ts';
import { openCatalogue } from '../../../catalogue/serving.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { proxyCaller } from '../../../project/access/proxy-header.ts';
import { TokenCheck } from '../../../project/access/token-check.ts';
import { isSecretOf } from '../../../project/access/token.ts';
import { httpOrigin } from '../../../project/bundles/http-origin.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import type { AccessSettings } from '../../../project/settings/access-settings.ts';
import { openProject } from '../../../project/project.ts';
import { audit, tokenCreate, tokenList, tokenRevoke } from '../../../registry/access/commands.ts';
import { applyPlan, planProject } from '../../../registry/apply.ts';
import { apply, plan } from '../../../registry/commands.ts';
import { POSTGRES_START_LIMIT_MS, startPostgres } from '../../support/postgres/postgres.ts';
import type { PostgresServer } from '../../support/postgres/postgres.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { fillRegistry, NOW_US, SMALL } from '../../support/registry/filled-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
}, POSTGRES_START_LIMIT_MS);
afterAll(() => postgres?.stop());
afterEach(() => {
  vi.unstubAllEnvs();
});

const STORES: Record<string, (folder: string) => Promise<string>> = {
  sqlite: async (folder) => `sqlite:${join(folder, 'registry.db')}`,
  postgres: () => postgres.database(),
};

const PROXY = { from: [], userHeader: 'x-forwarded-user', roleHeader: null, teamsHeader: null };
const ACCESS: AccessSettings = { enabled: true, proxy: PROXY, oidc: null, ca: null };

describe.each(Object.keys(STORES))('on %s', (store) => {
  let folder: string;
  let registry: string;
  beforeEach(async () => {
    folder = scratchFolder({ 'plumbline.yaml': 'project: shop\naccess: { enabled: true }\n' });
    registry = await STORES[store]!(folder);
  });

  const context = () => commandContext(folder, true, { registry });
  const using = <T>(work: (database: RegistryDatabase) => Promise<T>): Promise<T> =>
    RegistryDatabase.using(openProject(folder, silentLogger, {}, { registry }).settings.registry, work);
  const as = (token: string): void => void vi.stubEnv('PLUMB_TOKEN', token);
  /** @returns the text of a new token */
  async function made(name: string, role: 'read' | 'propose' | 'apply' | 'admin', team?: string[]) {
    const out = context();
    await tokenCreate(out, name, { role, ...(team === undefined ? {} : { team }) });
    return (JSON.parse(out.said()) as { token: string }).token;
  }
  const appOver = (database: RegistryDatabase, settings: AccessSettings = ACCESS): Hono =>
    catalogueApp({
      known: new KnownCatalogue(database, () => NOW_US, 'http://localhost:6566'),
      project: 'shop',
      reports: folder,
      bundles: folder,
      allowedHosts: [],
      logger: silentLogger,
      callerOf: callerBy(settings, database.access, () => Date.now() * 1_000),
    });
  const audited = async (): Promise<string[]> =>
    (await using(({ access }) => access.audit({ most: 99 })))
      .map(({ who, via, what, detail }) => `${via} ${/@/.test(who) ? 'somebody' : who}: ${what}, ${detail}`)
      .toSorted();

  test('the first admin is made by whoever has the registry, the next tokens by an admin alone', async () => {
    const root = await made('root', 'admin');
    await expect(made('two', 'admin')).rejects.toMatchObject({
      code: 'REG_LOGIN',
      message: /PLUMB_TOKEN is not set/,
    });
    as('');
    await expect(tokenList(context())).rejects.toMatchObject({ code: 'REG_LOGIN' });
    as(root);
    const reader = await made('ada', 'read');
    const applier = await made('crm', 'apply', ['team-crm', 'Équipe ventes']);
    as(reader);
    await expect(made('x', 'read')).rejects.toMatchObject({
      code: 'REG_ROLE',
      message: 'token create is refused: ada has the role read, and this needs admin',
    });
    for (const wrong of [
      `${root}x`,
      root.slice(0, -1),
      'Bearer',
      applier.replace(/_.{16}_/, `_${'0'.repeat(16)}_`),
    ]) {
      as(wrong);
      const told = await tokenList(context()).catch((error: Error) => error.message);
      expect(told).toMatch(/is none: expected plumb_|is not known here/);
      expect(told).not.toContain(root.slice(30));
    }
    // The id of one with the secret of another.
    as(`${root.slice(0, 23)}${reader.slice(23)}`);
    await expect(tokenList(context())).rejects.toMatchObject({
      code: 'REG_LOGIN',
      message: /not known here/,
    });
    as(root);
    await tokenRevoke(context(), 'crm');
    await expect(tokenRevoke(context(), 'crm')).rejects.toMatchObject({ code: 'REG_TOKEN' });
    as(applier);
    for (const _ of [1, 2])
      await expect(tokenList(context())).rejects.toMatchObject({ message: 'the token crm was revoked' });
    as(root);
    const out = context();
    await tokenList(out);
    const text = out.said();
    expect(JSON.parse(text)).toMatchObject({
      tokens: [
        { name: 'ada', role: 'read', teams: [], revokedAt: null },
        { name: 'crm', role: 'apply', teams: ['team-crm', 'Équipe ventes'], revokedAt: expect.any(String) },
        { name: 'root', role: 'admin', usedAt: expect.any(String) },
      ],
    });
    for (const one of [root, reader, applier]) expect(text).not.toContain(one.slice(7, 40));
    expect(await audited()).toEqual([
      'login somebody: token created, root: admin',
      'token ada: refused, token create: ada has the role read, and this needs admin',
      'token ada: use, token create',
      'token crm: refused, token list: the token crm was revoked',
      'token root: token created, ada: read',
      'token root: token created, crm: apply of team-crm, Équipe ventes',
      'token root: token revoked, crm',
      'token root: use, token create',
    ]);
  });

  test('names and teams that no line shows are refused, and so is a name that was there', async () => {
    as(await made('root', 'admin'));
    for (const name of ['', '-x', 'a b', 'a\nb', '<b>', 'ä', 'x'.repeat(65), "';--"])
      await expect(made(name, 'read')).rejects.toMatchObject({
        code: 'REG_TOKEN',
        details: { field: 'name' },
      });
    for (const team of ['', ' a', 'a\u0007', 'a\u202eb', 'x'.repeat(129)])
      await expect(made('x', 'apply', [team])).rejects.toMatchObject({
        code: 'REG_TOKEN',
        details: { field: 'team' },
      });
    await expect(made('x', 'apply')).rejects.toMatchObject({ message: /needs --team/ });
    await made('x', 'read');
    await tokenRevoke(context(), 'x');
    await expect(made('x', 'read')).rejects.toMatchObject({ message: 'there is, or was, a token x' });
  });

  test('a use is noted once a minute, whoever sees it; scrypt is paid once a process', async () => {
    const root = await made('root', 'admin');
    const compare = vi.fn(isSecretOf);
    await using(async (one) => {
      await using(async (other) => {
        let nowUs = NOW_US;
        const checks = [one, other].map(({ access }) => new TokenCheck(access, () => nowUs, compare));
        const ask = async () => {
          // Within one thread a second connection would wait for SQLite, and the first for it.
          if (store === 'postgres') await Promise.all(checks.map((check) => check.callerOf(root, 'GET /')));
          for (const check of checks)
            for (const caller of await Promise.all([1, 2].map(() => check.callerOf(root, 'GET /'))))
              expect(caller).toMatchObject({ name: 'root', role: 'admin' });
        };
        await ask();
        await ask();
        const uses = async () => (await one.access.audit({ most: 99 })).filter(({ what }) => what === 'use');
        expect(await uses()).toHaveLength(1);
        nowUs += 59_000_000;
        await ask();
        expect(await uses()).toHaveLength(1);
        nowUs += 1_000_000;
        await ask();
        expect(await uses()).toHaveLength(2);
        expect(compare).toHaveBeenCalledTimes(checks.length);
      });
    });
  });

  test('the catalogue gives pages, JSON and bundles to a token alone, and forgets it once it is revoked', async () => {
    const root = await made('root', 'admin');
    as(root);
    const reader = await made('ada', 'read');
    await using(async (database) => {
      if (store === 'sqlite') await fillRegistry(database, SMALL);
      // On PostgreSQL it says that nothing is applied: it was let in.
      const letIn = store === 'sqlite' ? 200 : 503;
      const app = appOver(database);
      const get = (path: string, authorization?: string) =>
        app.request(path, {
          headers: { host: 'localhost', ...(authorization === undefined ? {} : { authorization }) },
        });
      for (const path of ['/', '/api', '/features', '/reports/', '/bundles/current', '/nothing']) {
        for (const login of [
          undefined,
          '',
          'Bearer',
          'Bearer x',
          `Bearer ${root}x`,
          `Basic ${root}`,
          `Bearer ${root} x`,
        ]) {
          const answer = await get(path, login);
          expect([path, login, answer.status]).toEqual([path, login, 401]);
          expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
          expect(await answer.text()).not.toContain(root.slice(24, 60));
        }
      }
      expect((await get(STYLE_PATH)).status).toBe(200);
      const page = await get('/', `Bearer ${reader}`);
      expect([page.status, page.headers.get('cache-control')]).toEqual([letIn, 'no-store']);
      expect(page.headers.get('vary')).toBe('authorization');
      expect((await get('/api/views', `bearer ${reader}`)).status).toBe(letIn);
      expect(await (await get('/bundles/current', `Bearer ${reader}`)).text()).toContain(
        'nothing is applied',
      );
      await tokenRevoke(context(), 'ada');
      const refused = await get('/api', `Bearer ${reader}`);
      expect(await refused.json()).toMatchObject({
        error: {
          code: 'CAT_LOGIN',
          message: 'the token ada was revoked',
          help: expect.stringContaining('Bearer'),
        },
      });
    });
  });

  const DEFINITIONS = (owner: string | null, more = ''): string => `
entity: customer
joinKeys: { customer_id: int64 }
owner: crm
---
featureView: lines
entity: customer
${owner === null ? '' : `owner: ${owner}`}
source: { parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }
features: { total: float64 }
---
featureService: churn_v1
features: [lines]
owner: crm
${more}`;
  const define = (owner: string | null, more?: string): void =>
    writeFileSync(join(folder, 'definitions.yaml'), DEFINITIONS(owner, more));
  const applies = () => using((database) => database.applies());

  test('an apply may change what is of its teams alone, before and after; it is named, kept, and by whom', async () => {
    appendFileSync(join(folder, 'plumbline.yaml'), 'definitions: [definitions.yaml]\n');
    define('ml');
    const root = await made('root', 'admin');
    as(root);
    const proposer = await made('pia', 'propose');
    const crm = await made('crm', 'apply', ['crm']);
    const both = await made('both', 'apply', ['crm', 'ml']);
    const file = join(folder, 'plan.json');
    as(proposer);
    await plan(context(), { out: file });
    for (const options of [{}, { promote: true }, { rollback: true }, { share: '10%' }])
      await expect(apply(context(), undefined, options)).rejects.toMatchObject({ code: 'REG_ROLE' });
    as(crm);
    await expect(apply(context(), undefined, { author: 'root' })).rejects.toMatchObject({
      code: 'REG_TEAM',
      message: 'crm may change what belongs to crm, and this touches\nview lines: of ml',
    });
    expect(await applies()).toEqual([]);
    as(both);
    await apply(context(), file, { author: 'root', reason: 'agreed' });
    // Taken over, given away, nobody's: each is a change of what is not crm's.
    as(crm);
    for (const owner of ['crm', null]) {
      define(owner);
      await expect(apply(context(), undefined, {})).rejects.toMatchObject({
        message: expect.stringContaining('view lines: of ml'),
      });
    }
    define('ml', 'description: "<b>of crm</b>"');
    await apply(context(), undefined, {});
    // What another staged is theirs to widen and to promote.
    as(root);
    define(null, 'description: "<b>of crm</b>"');
    await apply(context(), undefined, { share: '10%' });
    as(crm);
    await expect(apply(context(), undefined, { share: '50%' })).rejects.toMatchObject({ code: 'REG_TEAM' });
    await expect(apply(context(), undefined, { promote: true })).rejects.toMatchObject({ code: 'REG_TEAM' });
    await expect(apply(context(), undefined, { rollback: true })).rejects.toMatchObject({
      code: 'REG_TEAM',
      message: expect.stringContaining('view lines: it says no owner, of ml'),
    });
    as(root);
    await apply(context(), undefined, { promote: true });
    expect((await applies()).map(({ author, reason }) => `${author} ${reason}`.trim())).toEqual([
      'both agreed',
      'crm',
      'root',
    ]);
    const done = (await audited()).filter((one) => !one.includes('token created') && !one.includes(': use,'));
    expect(done.map((one) => one.replace(/bundle \w+/, 'bundle'))).toEqual(
      [
        'token both: apply, apply 1, bundle',
        'token crm: apply, apply 2, bundle',
        'token crm: refused, apply --promote: view lines: of ml, it says no owner',
        'token crm: refused, apply --share: view lines: of ml, it says no owner',
        'token crm: refused, apply: view lines: of ml',
        'token crm: refused, apply: view lines: of ml',
        'token crm: refused, apply: view lines: of ml, it says no owner',
        'token crm: refused, apply: view lines: it says no owner, of ml',
        ...['apply', 'apply', 'apply', 'apply --promote'].map((what) => {
          return `token pia: refused, ${what}: pia has the role propose, and this needs apply`;
        }),
        'token root: apply, apply 3, bundle',
        'token root: promoted, apply 3',
      ].toSorted(),
    );
    as(crm);
    await expect(audit(context(), { most: '9' })).rejects.toMatchObject({ code: 'REG_ROLE' });
    as(root);
    await expect(audit(context(), { most: '0' })).rejects.toMatchObject({ code: 'REG_USAGE' });
    const out = context();
    await audit(out, { most: '9', who: 'both' });
    expect(JSON.parse(out.said())).toMatchObject({
      entries: [{ who: 'both', via: 'token', what: 'apply' }, { what: 'use' }],
    });
    await using(async (database) => {
      const get = (path: string, token: string) =>
        appOver(database).request(path, { headers: { host: 'localhost', authorization: `Bearer ${token}` } });
      const page = await (await get('/audit', root)).text();
      expect(page).toContain('apply 3, bundle');
      for (const path of ['/audit', '/api/audit']) expect((await get(path, crm)).status).toBe(403);
      // What no line shows is kept as what it is not: PostgreSQL takes no NUL, and an admin's terminal no escapes.
      const proposers = await get('/%00%1b%5b2J%E2%80%AE', proposer);
      expect([proposers.status, (await database.access.audit({ most: 9, who: 'pia' }))[0]!.what]).toEqual([
        404,
        'refused',
      ]);
      await database.access.note({
        atUs: 1,
        who: 'x\u0000',
        via: 'token',
        what: 'use',
        detail: 'a\u001b[2J\ud800\nb',
      });
      expect((await database.access.audit({ most: 99 })).at(-1)).toMatchObject({
        who: 'x\u2400',
        detail: 'a\u241b[2J\ufffd\nb',
      });
      expect(await (await get('/api/audit?who=both', root)).json()).toMatchObject({ entries: [{}, {}] });
    });
  });

  test('of two applies at once one is kept, and the audit has that one', async () => {
    appendFileSync(join(folder, 'plumbline.yaml'), 'definitions: [definitions.yaml]\n');
    define('ml');
    const root = await made('root', 'admin');
    as(root);
    const project = openProject(folder, silentLogger, {}, { registry });
    await using(async (one) => {
      await using(async (other) => {
        const made1 = await planProject(project, one);
        const made2 = await planProject(project, other);
        const first = applyPlan(project, one, made1);
        // Within one thread a second connection would wait for SQLite, and the first for it.
        if (store === 'sqlite') await first;
        const settled = await Promise.allSettled([first, applyPlan(project, other, made2)]);
        expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
        const kept = (await one.access.audit({ most: 99 })).filter(({ what }) => what === 'apply');
        expect(kept).toMatchObject([
          { who: 'root', via: 'token', detail: expect.stringMatching(/^apply 1,/) },
        ]);
      });
    });
  });

  test('a header says who asks from the proxies that are named, and is refused from elsewhere', async () => {
    const root = await made('root', 'admin');
    await using(async (database) => {
      const from = ['10.4.0.0/16', 'fd00::7'];
      const proxy = { from, userHeader: 'x-user', roleHeader: 'x-role', teamsHeader: 'x-teams' };
      const app = appOver(database, { ...ACCESS, proxy });
      const said: Record<string, string> = {
        'x-user': 'ada',
        'x-role': 'apply',
        'x-teams': ' crm, risk ,,crm',
      };
      expect(proxyCaller(proxy)({ peer: '10.4.0.1', header: (name) => said[name] })).toEqual({
        name: 'ada',
        role: 'apply',
        teams: ['crm', 'risk'],
        via: 'proxy',
      });
      const get = (peer: string | undefined, headers: Record<string, string>) =>
        app.request(
          '/bundles/current',
          { headers: { host: 'localhost', ...headers } },
          { incoming: { socket: { remoteAddress: peer } } },
        );
      const ada = { 'x-user': 'ada', 'x-role': 'read' };
      // 404: nothing is applied, and they were let in.
      for (const peer of ['10.4.9.9', '::ffff:10.4.0.1', 'fd00::7', 'fd00::7%eth0']) {
        const answer = await get(peer, ada);
        expect([peer, answer.status, answer.headers.get('vary')]).toEqual([peer, 404, '*']);
      }
      const token = { authorization: `Bearer ${root}` };
      for (const peer of ['10.5.0.1', '::ffff:10.5.0.1', 'fd00::8', '127.0.0.1', '', undefined]) {
        for (const headers of [
          ada,
          { ...ada, ...token },
          { 'x-role': 'admin', ...token },
          { 'x-teams': 'crm', ...token },
        ]) {
          const answer = await get(peer, headers);
          expect([peer, answer.status, await answer.text()]).toEqual([
            peer,
            401,
            expect.stringContaining('which is not in access.proxy.from'),
          ]);
        }
        expect((await get(peer, token)).status).toBe(404);
      }
      const hostile: Record<string, string>[] = ['', ' ', 'ada, root', '\u00ad', 'x'.repeat(129)].map(
        (name) => {
          return { ...ada, 'x-user': name };
        },
      );
      hostile.push({ 'x-role': 'read' }, { 'x-user': 'ada' }, { ...ada, 'x-role': 'Admin' });
      for (const headers of hostile)
        expect([headers, (await get('10.4.0.1', headers)).status]).toEqual([headers, 401]);
      expect((await get('10.4.0.1', {})).status).toBe(401);
    });
    expect((await audited()).filter((one) => one.startsWith('proxy'))).toEqual([
      'proxy 10.5.0.1: refused, GET /bundles/current: the header x-user came from 10.5.0.1, which is not in access.proxy.from',
    ]);
  });

  test("over a real connection: the address is the socket's, whatever a header says of it", async () => {
    const asked = async (from: string): Promise<number[]> => {
      const flags = {
        registry,
        'ui.port': '0',
        'access.proxy.from': from,
        'access.proxy.userHeader': 'X-User',
      };
      const catalogue = await openCatalogue(openProject(folder, silentLogger, {}, flags));
      const forged = { 'x-forwarded-for': '10.4.0.1', 'x-real-ip': '10.4.0.1', forwarded: 'for=10.4.0.1' };
      const all = [{ 'x-user': 'ada', ...forged }, { ...forged }].map((headers) =>
        fetch(`${catalogue.url}/bundles/current`, { headers }),
      );
      const statuses = (await Promise.all(all)).map(({ status }) => status);
      await catalogue.close();
      return statuses;
    };
    expect(await asked('127.0.0.0/8')).toEqual([404, 401]);
    expect(await asked('10.4.0.1')).toEqual([401, 401]);
    // A sidecar that takes bundles there sends its token.
    const catalogue = await openCatalogue(
      openProject(folder, silentLogger, {}, { registry, 'ui.port': '0' }),
    );
    const bundles = httpOrigin(`${catalogue.url}/bundles`, null);
    await expect(bundles.pointer()).rejects.toThrow(/it answers 401: it asks for a token/);
    as(await made('pod', 'admin'));
    expect(await bundles.pointer()).toBe(null);
    await catalogue.close();
    await expect(asked('10.4.0.0/33')).rejects.toMatchObject({ code: 'REG_SETTINGS' });
  });
});
