/** Logins at a real identity provider: browsers, the command line, and tokens that are not to be taken. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Hono } from 'hono';
import { SealedCookie } from '../../../catalogue/login/sealed-cookie.ts';
import { openCatalogue } from '../../../catalogue/serving.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { BearerCheck } from '../../../project/access/bearer-check.ts';
import { callerOfClaims } from '../../../project/access/oidc/claims.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import type { Project } from '../../../project/project.ts';
import { registryRoutes } from '../../../registry/remote/registry-routes.ts';
import { login, logout } from '../../../registry/access/login-commands.ts';
import { versions } from '../../../registry/versions/commands.ts';
import { tokenList } from '../../../registry/access/commands.ts';
import { fillRegistry, SMALL } from '../../support/registry/filled-registry.ts';
import { FormBrowser } from '../../support/oidc/form-browser.ts';
import {
  BROWSER_CLIENT,
  COMMAND_CLIENT,
  startIdentityProvider,
} from '../../support/oidc/identity-provider.ts';
import type { IdentityProvider } from '../../support/oidc/identity-provider.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { scratchFolder } from '../../support/scratch.ts';

const PEOPLE = {
  ada: { email: 'ada@shop.example', email_verified: true, name: 'Ada', groups: ['ml-admins', 'crm'] },
  ben: { email: 'ben@shop.example', email_verified: true, groups: ['readers', 'crm-people'] },
  eve: { email: 'ada@shop.example', email_verified: false, groups: ['ml-admins'] },
  mia: { email: 'mia@shop.example', email_verified: true, groups: ['others'] },
};

let provider: IdentityProvider;
beforeAll(async () => {
  provider = await startIdentityProvider(PEOPLE);
});
afterAll(() => provider?.close());
afterEach(() => {
  vi.unstubAllEnvs();
  provider.away(false);
});

let folder: string;
beforeEach(async () => {
  folder = scratchFolder({ secret: `${BROWSER_CLIENT.secret}\n` });
  settle('');
  vi.stubEnv('XDG_CONFIG_HOME', join(folder, 'config'));
  vi.stubEnv('PLUMB_TOKEN', '');
});

function settle(more: string): void {
  writeFileSync(
    join(folder, 'plumbline.yaml'),
    `project: shop
ui: { port: 0 }
access:
  enabled: true
  oidc:
    issuer: ${provider.issuer}
    clientSecretFile: secret
    commandClientId: ${COMMAND_CLIENT}
    roles: { ml-admins: admin, readers: read }
    teams: { crm-people: crm }
    ${more}
`,
  );
}

const project = (): Project => openProject(folder, silentLogger, {}, {});
const using = <T>(work: (database: RegistryDatabase) => Promise<T>): Promise<T> =>
  RegistryDatabase.using(project().settings.registry, work);
const audited = async (): Promise<string[]> =>
  (await using(({ access }) => access.audit({ most: 99 }))).map(
    ({ who, via, what, detail }) => `${via} ${who}: ${what}, ${detail}`,
  );

describe('a browser', { timeout: 60_000 }, () => {
  test('is led to the provider and back, keeps a sealed session, and logs out', async () => {
    await using((database) => fillRegistry(database, SMALL));
    const catalogue = await openCatalogue(project(), registryRoutes(project()));
    await provider.takesBackTo([`${catalogue.url}/login/callback`]);
    const browser = new FormBrowser();
    const first = await browser.open(`${catalogue.url}/features?page=1`);
    expect(first.url).toMatch(new RegExp(`^${provider.issuer}/interaction/`));
    const page = await browser.logIn(first, 'ben');
    expect([page.url, page.status]).toEqual([`${catalogue.url}/features?page=1`, 200]);
    expect(page.text).toContain('ben@shop.example <button>Log out</button>');
    const cookies = [...browser.cookies].filter(([key]) => key.startsWith(new URL(catalogue.url).host));
    expect(cookies.map(([key]) => key.split(' ')[1])).toEqual(['__Host-plumb']);
    expect(Buffer.from(cookies[0]![1].split('.')[3]!, 'base64url').toString()).not.toContain('ben');
    // Whoever may read may not see the audit; a program gets no page to log in at.
    expect((await browser.open(`${catalogue.url}/audit`)).status).toBe(403);
    const asked = await fetch(`${catalogue.url}/api/features`, { headers: { accept: 'text/html' } });
    expect([asked.status, await asked.json()]).toMatchObject([401, { error: { code: 'CAT_LOGIN' } }]);
    // A page elsewhere can neither end the session nor use it; a changed cookie is none.
    const [, sealed] = cookies[0]!;
    const post = (headers: Record<string, string>, body = 'token=x') =>
      fetch(`${catalogue.url}/logout`, {
        method: 'POST',
        headers: {
          cookie: `__Host-plumb=${sealed}`,
          'content-type': 'application/x-www-form-urlencoded',
          ...headers,
        },
        body,
      });
    expect((await post({})).status).toBe(403);
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
    // Nobody has to be known to send it, so little of it is read.
    expect((await post({}, `token=${'x'.repeat(100_000)}`)).status).toBe(400);
    for (const changed of [`${sealed}x`, sealed.replace(/\.[^.]+$/, '.AAAA'), sealed.slice(0, -1), 'a.b.c'])
      expect((await fetch(catalogue.url, { headers: { cookie: `__Host-plumb=${changed}` } })).status).toBe(
        401,
      );
    // A session plans nothing.
    const planned = await fetch(`${catalogue.url}/api/registry/plan`, {
      method: 'POST',
      headers: { cookie: `__Host-plumb=${sealed}`, 'content-type': 'application/json' },
      body: '{}',
    });
    expect([planned.status, await planned.json()]).toMatchObject([403, { error: { code: 'CAT_APPLY' } }]);
    // A token may name many groups; one that is too long is told so.
    const groups = ['readers', ...Array.from({ length: 700 }, (_, i) => `group-${i}`)];
    const exp = Math.floor(Date.now() / 1_000) + 600;
    const claims = {
      sub: 'cid',
      iss: provider.issuer,
      aud: BROWSER_CLIENT.id,
      exp,
      email: 'cid@shop.example',
    };
    const long = await provider.sign({ ...claims, groups });
    expect(long.length).toBeGreaterThan(9_000);
    const bearing = (token: string) =>
      fetch(`${catalogue.url}/api/features`, { headers: { authorization: `Bearer ${token}` } });
    expect((await bearing(long)).status).toBe(200);
    const tooLong = await bearing(`a.${'b'.repeat(20_000)}.c`);
    expect([tooLong.status, await tooLong.text()]).toEqual([
      401,
      expect.stringContaining('the token is too long'),
    ]);
    const out = await browser.submit({
      ...page,
      text: page.text.replace(/<form role="search"[^]*?<\/form>/, ''),
    });
    expect([out.status, out.text]).toEqual([200, expect.stringContaining('You are logged out here')]);
    expect(out.text).toContain(`${provider.issuer}/session/end?client_id=plumbline`);
    expect([...browser.cookies.keys()].filter((key) => key.includes('__Host'))).toEqual([]);
    await catalogue.close();
    expect((await audited()).filter((one) => one.startsWith('oidc'))).toEqual([
      'oidc cid@shop.example: use, GET /api/features',
      'oidc ben@shop.example: refused, POST /api/registry/plan: the session of a browser plans and applies nothing',
      'oidc ben@shop.example: refused, GET /audit: ben@shop.example has the role read, and this needs admin',
      'oidc ben@shop.example: login, read of crm',
    ]);
  });

  test('is not let in without a role, with an address that nobody verified, or with the code of another login', async () => {
    const catalogue = await openCatalogue(project());
    const back = `${catalogue.url}/login/callback`;
    await provider.takesBackTo([back]);
    const told: string[] = [];
    for (const who of ['mia', 'eve']) {
      const browser = new FormBrowser();
      const page = await browser.logIn(await browser.open(`${catalogue.url}/`), who);
      expect(page.status).toBe(401);
      told.push(/<h1>(.*?)<\/h1>/.exec(page.text)![1]!);
      expect([...browser.cookies.keys()].filter((key) => key.includes('__Host'))).toEqual([]);
    }
    expect(told).toEqual([
      'Mia@shop.example has no role here: the claim groups has &quot;others&quot;, and access.oidc.roles names none of it.',
      'The address ada@shop.example was not verified by its provider.',
    ]);
    const browser = new FormBrowser();
    await browser.open(`${catalogue.url}/login?to=//evil.example/`);
    // What only looks at the link spends nothing.
    expect((await browser.open(`${back}?code=x&state=y`, { method: 'HEAD' })).status).toBe(405);
    expect([...browser.cookies.keys()].some((key) => key.endsWith('__Host-plumb-login'))).toBe(true);
    for (const [query, why] of [
      ['?code=x&state=y', /the login did not succeed/i],
      ['?error=access_denied&error_description=no', /the login did not succeed|no login was under way/i],
    ] as const) {
      const page = await browser.open(`${back}${query}`);
      expect([page.status, page.text]).toEqual([401, expect.stringMatching(why)]);
    }
    expect((await browser.open(`${back}?code=x`)).text).toContain('No login was under way in this browser');
    // Where it leads is a path of this server, whatever was asked for.
    for (const [to, lands] of [
      ['//evil.example/', '/'],
      ['/\\evil.example', '/'],
      ['https://evil.example/', '/'],
      ['/views?page=1', '/views?page=1'],
    ] as const) {
      const own = new FormBrowser();
      const page = await own.logIn(
        await own.open(`${catalogue.url}/login?to=${encodeURIComponent(to)}`),
        'ada',
      );
      expect([to, page.url]).toEqual([to, `${catalogue.url}${lands}`]);
    }
    provider.away(true);
    const away = await fetch(`${catalogue.url}/login`, { redirect: 'manual' });
    expect([away.status, await away.text()]).toEqual([
      503,
      expect.stringContaining('The identity provider http'),
    ]);
    await catalogue.close();
  });

  test('a session is known where its key is, and ends by its time', async () => {
    writeFileSync(join(folder, 'key'), 'k'.repeat(32));
    settle('sessionKeyFile: key');
    let catalogue = await openCatalogue(project());
    await provider.takesBackTo([`${catalogue.url}/login/callback`]);
    const browser = new FormBrowser();
    await browser.logIn(await browser.open(`${catalogue.url}/`), 'ada');
    const cookie = `__Host-plumb=${[...browser.cookies].find(([key]) => key.endsWith('__Host-plumb'))![1]}`;
    const isLetIn = async () => (await fetch(`${catalogue.url}/api`, { headers: { cookie } })).status !== 401;
    expect(await isLetIn()).toBe(true);
    await catalogue.close();
    // Another process with the same key knows it; with another key none does.
    catalogue = await openCatalogue(project());
    expect(await isLetIn()).toBe(true);
    await catalogue.close();
    writeFileSync(join(folder, 'key'), 'l'.repeat(32));
    catalogue = await openCatalogue(project());
    expect(await isLetIn()).toBe(false);
    await catalogue.close();
    writeFileSync(join(folder, 'key'), 'short');
    await expect(openCatalogue(project())).rejects.toMatchObject({ code: 'REG_KEY', message: /has 5 bytes/ });
    let nowUs = Date.now() * 1_000;
    const app = new Hono();
    const [own, other] = ['a', 'b'].map(
      (name) => new SealedCookie(name, new Uint8Array(32), 60_000_000, () => nowUs),
    );
    app.get('/set', async (context) =>
      context.json(await own!.set(context, { text: context.req.query('text') })),
    );
    app.get('/read', async (context) => context.json([await own!.read(context), await other!.read(context)]));
    const set = await app.request('/set?text=x');
    const line = set.headers.get('set-cookie')!;
    expect(line.replace(/=[^;]+/, '=')).toBe('__Host-a=; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax');
    const value = /=([^;]+)/.exec(line)![1]!;
    const read = async () =>
      (await app.request('/read', { headers: { cookie: `__Host-a=${value}; __Host-b=${value}` } })).json();
    expect(await read()).toMatchObject([{ text: 'x' }, null]);
    nowUs += 61_000_000;
    expect(await read()).toEqual([null, null]);
    const long = await app.request(`/set?text=${'x'.repeat(4_000)}`);
    expect([await long.json(), long.headers.get('set-cookie')]).toEqual([false, null]);
  });
});

describe('the command line', () => {
  /** Runs `plumb login`, and enters the code that it shows. */
  async function loggedIn(who: string): Promise<Record<string, unknown>> {
    const context = commandContext(folder, true);
    const browser = new FormBrowser();
    let entered: Promise<unknown> | null = null;
    const info = (line: string): void => {
      const url = /Open (\S+) and/.exec(line)?.[1];
      if (url !== undefined) entered = browser.open(url).then((page) => browser.logIn(page, who));
    };
    await login({ ...context, logger: { ...silentLogger, info } });
    await entered;
    return JSON.parse(context.said()) as Record<string, unknown>;
  }

  test(
    'logs in by a code, keeps the login for itself, renews it, and forgets it',
    { timeout: 60_000 },
    async () => {
      const file = join(folder, 'config', 'plumbline', 'logins.json');
      expect(await loggedIn('ada')).toMatchObject({
        name: 'ada@shop.example',
        role: 'admin',
        teams: [],
        renewed: true,
        file,
      });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const out = commandContext(folder, true);
      expect(await tokenList(out)).toBe(0);
      expect((await audited())[0]).toBe('oidc ada@shop.example: use, token list');
      // A login that is over is renewed by whoever comes first, once.
      const kept = () =>
        JSON.parse(readFileSync(file, 'utf8')) as Record<string, { refreshToken: string; endsUs: number }>;
      const before = kept();
      const [key] = Object.keys(before);
      writeFileSync(file, JSON.stringify({ [key!]: { ...before[key!], endsUs: 1 } }));
      await Promise.all([1, 2, 3].map(() => tokenList(commandContext(folder, true))));
      expect(kept()[key!]!.endsUs).toBeGreaterThan(Date.now() * 1_000);
      expect(kept()[key!]!.refreshToken).not.toBe(before[key!]!.refreshToken);
      writeFileSync(file, JSON.stringify({ [key!]: { ...before[key!], endsUs: 1 } }));
      await expect(tokenList(commandContext(folder, true))).rejects.toMatchObject({
        code: 'REG_LOGIN',
        message: 'the login has ended, or was ended at the provider',
      });
      chmodSync(file, 0o644);
      await expect(tokenList(commandContext(folder, true))).rejects.toMatchObject({
        code: 'REG_LOGIN',
        message: expect.stringContaining('has mode 0644, so that others may read it'),
      });
      chmodSync(file, 0o600);
      await loggedIn('ada');
      provider.away(true);
      await expect(logout(commandContext(folder, true))).rejects.toMatchObject({ code: 'REG_ISSUER' });
      expect(existsSync(file)).toBe(false);
      provider.away(false);
      await expect(tokenList(commandContext(folder, true))).rejects.toMatchObject({ code: 'REG_LOGIN' });
    },
  );

  test('whoever has no role is told so, and nothing is kept', { timeout: 60_000 }, async () => {
    await expect(loggedIn('mia')).rejects.toMatchObject({ code: 'REG_LOGIN', message: /has no role here/ });
    expect(existsSync(join(folder, 'config', 'plumbline', 'logins.json'))).toBe(false);
    // Roles are the matter of the server that has the registry.
    settle('');
    const here = readFileSync(join(folder, 'plumbline.yaml'), 'utf8').replace(/ +(roles|teams):.*\n/g, '');
    writeFileSync(join(folder, 'plumbline.yaml'), `registry: https://features.example.com\n${here}`);
    expect(await loggedIn('mia')).toMatchObject({ name: 'mia@shop.example', role: null, teams: [] });
  });

  test('without a provider there is nowhere to log in', async () => {
    writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\n');
    await expect(login(commandContext(folder))).rejects.toMatchObject({
      code: 'REG_LOGIN',
      message: 'nobody can log in: access.oidc names no identity provider',
    });
    expect(await versions(commandContext(folder))).toBe(0);
  });
});

test('a token is taken where it is good now, of this provider, for us; else a sentence says why', async () => {
  const nowS = Math.floor(Date.now() / 1_000);
  const good = { sub: 'ada', iss: provider.issuer, aud: BROWSER_CLIENT.id, exp: nowS + 600, ...PEOPLE.ada };
  await using(async ({ access }) => {
    const check = new BearerCheck(project().settings.access, access, () => Date.now() * 1_000);
    const said = async (text: string) => {
      const found = await check.callerOf(text, 'GET /');
      return 'refused' in found ? found.refused : `${found.name} ${found.role}`;
    };
    const signed = async (claims: object, header = {}) =>
      said(await provider.sign({ ...good, ...claims }, header));
    const unsigned = (header: object, signature = '') =>
      [header, good].map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.') +
      `.${signature}`;
    expect(await signed({})).toBe('ada@shop.example admin');
    expect(await signed({ aud: ['x', COMMAND_CLIENT] }, { typ: 'at+jwt' })).toBe('ada@shop.example admin');
    // 60 s are allowed for clocks that differ.
    expect(await signed({ exp: nowS - 50, nbf: nowS + 50 })).toBe('ada@shop.example admin');
    expect(await signed({ exp: nowS - 70 })).toMatch(/^the login ended at 20.*Z \(60 s are allowed/);
    expect(await signed({ exp: -1e20 })).toMatch(/^the login ended long ago/);
    expect(await signed({ aud: [BROWSER_CLIENT.id, 'evil'], azp: COMMAND_CLIENT })).toMatch(/^ada/);
    expect(await signed({ aud: [BROWSER_CLIENT.id, 'evil'], azp: 'evil' })).toBe(
      'the login was given to "evil", another client than plumbline and plumb-cli',
    );
    expect(await signed({ nbf: nowS + 70 })).toBe('the login is not good yet: a clock is more than 60 s off');
    expect(await signed({ aud: 'another' })).toBe(
      `the login is for "another", and this takes what is for ${BROWSER_CLIENT.id} or ${COMMAND_CLIENT}`,
    );
    expect(await signed({ iss: 'https://evil.example' })).toMatch(
      /^the login is of "https:\/\/evil.example", another/,
    );
    expect(await signed({ exp: undefined })).toBe('the login lacks the claim exp');
    expect(await signed({}, { typ: 'logout+jwt' })).toMatch(/^the login is none: expected an ID token/);
    expect(await said(unsigned({ alg: 'none' }))).toMatch(/signed in a way that is not taken|no signed JSON/);
    expect(await said(unsigned({ alg: 'HS256', kid: 'key-1' }, 'AAAA'))).toMatch(
      /signed in a way that is not taken/,
    );
    expect(await said(unsigned({ alg: 'RS256', kid: 'key-1' }, 'AAAA'))).toMatch(
      /signature of the login does not fit/,
    );
    expect(await said('a.b.c')).toMatch(/no signed JSON Web Token/);
    expect(await signed({ email: 'a\u202eb' })).toMatch(/^the login names nobody: its claim email is/);
    // Invented names of keys are looked up once in 30 s.
    const read = provider.keysRead();
    for (let i = 0; i < 5; i++)
      expect(await signed({}, { kid: `invented-${i}` })).toMatch(/a key that its provider does not name/);
    expect(provider.keysRead()).toBeLessThanOrEqual(read + 1);
    const uses = (await access.audit({ most: 99 })).filter(({ what }) => what === 'use');
    expect(uses).toHaveLength(1);
    // A new key is found by a process that has not looked lately; the old one is named no more.
    const old = await provider.sign(good);
    await provider.rotate();
    const other = new BearerCheck(project().settings.access, access, () => Date.now() * 1_000);
    expect(await other.callerOf(await provider.sign(good), 'x')).toMatchObject({ name: 'ada@shop.example' });
    expect(await other.callerOf(old, 'x')).toMatchObject({ refused: /does not name/ });
    // A token that names no key may be of any that the provider names.
    const unnamed = await provider.sign(good, { kid: null });
    await provider.rotate(true);
    const both = new BearerCheck(project().settings.access, access, () => Date.now() * 1_000);
    expect(await both.callerOf(unnamed, 'x')).toMatchObject({ name: 'ada@shop.example' });
    const forged = `${unnamed.slice(0, unnamed.lastIndexOf('.'))}.AAAA`;
    expect(await both.callerOf(forged, 'x')).toMatchObject({
      refused: /signature of the login does not fit/,
    });
    provider.away(true);
    const late = new BearerCheck(project().settings.access, access, () => Date.now() * 1_000);
    await expect(late.callerOf(await provider.sign(good), 'x')).rejects.toMatchObject({
      code: 'REG_ISSUER',
      message: expect.stringContaining('what it says of itself cannot be read'),
    });
    // Who is known already is let in while the provider is away.
    expect(await both.callerOf(await provider.sign(good), 'x')).toMatchObject({ name: 'ada@shop.example' });
  });
});

test('claims become a role and teams: the highest role counts, within others, too', () => {
  const mapping = {
    nameClaim: 'sub',
    rolesClaim: 'realm_access.roles',
    roles: { a: 'read', b: 'apply', constructor: 'admin' } as const,
    defaultRole: null,
    teamsClaim: 'groups',
    teams: null,
  };
  const of = (claims: object, more = {}) => callerOfClaims({ sub: 'x', ...claims }, { ...mapping, ...more });
  expect(of({ realm_access: { roles: ['b', 'a'] }, groups: ['t', 't', 7] })).toMatchObject({
    role: 'apply',
    teams: ['t'],
  });
  expect(of({ 'realm_access.roles': 'a' })).toMatchObject({ role: 'read', teams: [] });
  expect(of({ realm_access: { roles: ['toString', '__proto__'] } })).toMatchObject({
    refused: /names none of it/,
  });
  expect(
    of({ groups: ['hasOwnProperty', 'g'] }, { defaultRole: 'propose', teams: { g: 'crm' } }),
  ).toMatchObject({
    role: 'propose',
    teams: ['crm'],
  });
  const byEmail = (verified: unknown) =>
    of({ email: 'a@b.example', email_verified: verified }, { nameClaim: 'email', defaultRole: 'read' });
  for (const verified of [true, 'true', undefined, null])
    expect(byEmail(verified)).not.toHaveProperty('refused');
  // Some providers give it as text.
  for (const verified of [false, 'false', 0, '', {}])
    expect(byEmail(verified)).toMatchObject({ refused: /not verified/ });
  for (const sub of [undefined, '', 7, 'a\nb'])
    expect(of({ sub }, { defaultRole: 'read' })).toHaveProperty('refused');
});
