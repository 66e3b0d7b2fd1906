import fc from 'fast-check';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NO_LOGIN, redisAddress } from '../../../../project/connections/redis-address.ts';
import type { RedisAccess } from '../../../../project/connections/redis-address.ts';
import { loadSettings } from '../../../../project/settings/settings.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const SECRET = 'hunter2SECRET';
const none: RedisAccess = { login: NO_LOGIN, sentinelLogin: NO_LOGIN, tls: null };

describe('the address of a Redis', () => {
  test.each([
    ['redis://h', { kind: 'single', nodes: [{ host: 'h', port: 6379 }], database: 0, tls: null }],
    ['redis://h:1/3', { nodes: [{ host: 'h', port: 1 }], database: 3 }],
    ['redis://h:1/', { database: 0 }],
    ['REDIS://h', { kind: 'single', tls: null }],
    [
      'REDISS+Cluster://h:65535',
      { kind: 'cluster', nodes: [{ host: 'h', port: 65_535 }], tls: { ca: null } },
    ],
    ['redis://[::1]:7', { nodes: [{ host: '::1', port: 7 }] }],
    ['rediss://h', { tls: { ca: null, cert: null, key: null, serverName: null } }],
    ['redis://:p@h', { login: { ...NO_LOGIN, password: 'p' } }],
    ['redis://u:p@h', { login: { ...NO_LOGIN, user: 'u', password: 'p' } }],
    ['redis://:p@ss@h1', { nodes: [{ host: 'h1', port: 6379 }], login: { ...NO_LOGIN, password: 'p@ss' } }],
    ['redis://:p%40s%3As@h', { login: { ...NO_LOGIN, password: 'p@s:s' } }],
    ['redis://:a:b/c?d#e@h', { nodes: [{ host: 'h', port: 6379 }], login: { password: 'a:b/c?d#e' } }],
    [
      'redis://h:1/2?password=a@b',
      { nodes: [{ host: 'h', port: 1 }], database: 2, login: { password: 'a@b' } },
    ],
    ['redis://h?username=u&password=p&db=4', { database: 4, login: { user: 'u', password: 'p' } }],
    [
      'redis+cluster://:p@ss@h1:6379,h2',
      {
        kind: 'cluster',
        nodes: [
          { host: 'h1', port: 6379 },
          { host: 'h2', port: 6379 },
        ],
        login: { password: 'p@ss' },
      },
    ],
    ['redis+cluster://:a/b@h1', { nodes: [{ host: 'h1', port: 6379 }], login: { password: 'a/b' } }],
    [
      'rediss+sentinel://u:p@s1,s2:7/mymaster/5',
      {
        kind: 'sentinel',
        nodes: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 7 },
        ],
        masterName: 'mymaster',
        database: 5,
        tls: { serverName: null },
      },
    ],
  ])('%s', (url, expected) => {
    expect(redisAddress(url)).toMatchObject(expected);
  });

  test.each([
    ['redis://h:x/0', 'a host is a name'],
    ['redis://h:0', 'a host is a name'],
    ['redis://h:65536', 'a host is a name'],
    ['redis://a b', 'a host is a name'],
    ['redis://:p@', 'a host is a name'],
    ['redis://h1,h2', 'a cluster is redis+cluster://'],
    ['redis://h/x', 'the number of a database'],
    ['redis://h/1/2', 'the number of a database'],
    ['redis+cluster://h/1', 'a cluster has only database 0'],
    ['redis+sentinel://h', 'the name of the master is missing'],
    ['redis://user@h', 'there is a user and no password'],
    ['redis://:100%@h', 'write %25 for the sign itself'],
    ['redis://h?family=6', 'only ?username=, ?password= and ?db= are known'],
    ['redis://', 'it should be redis://'],
  ])('%s is a mistake with a sentence', (url, sentence) => {
    expect(() => redisAddress(url)).toThrow(expect.objectContaining({ code: 'REG_SETTINGS', kind: 'usage' }));
    expect(() => redisAddress(url)).toThrow(sentence);
  });

  test('a login is given in one place', () => {
    const twice = { ...none, login: { user: 'u', password: 'p', passwordFile: null } };
    expect(redisAddress('redis://h', twice).login).toEqual(twice.login);
    expect(() => redisAddress('redis://:q@h', twice)).toThrow('the password is given twice');
    expect(() => redisAddress('redis://v:q@h', twice)).toThrow('the user is given twice');
    const file = { ...none, login: { ...NO_LOGIN, passwordFile: '/f' } };
    expect(redisAddress('redis://u@h', file).login).toEqual({
      user: 'u',
      password: null,
      passwordFile: '/f',
    });
    const tls = { ...none, tls: { ca: '/ca', cert: null, key: null, serverName: 'n' } };
    expect(redisAddress('rediss://h', tls).tls).toEqual(tls.tls);
    expect(() => redisAddress('redis://h', tls)).toThrow('goes with a URL of rediss://');
  });

  test('any login comes back as it was encoded', () => {
    const place = fc.constantFrom('h', 'h:1', 'h1,h2:5');
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), place, (user, password, hosts) => {
        fc.pre(user !== '' || password !== '');
        const login = `${encodeURIComponent(user.toWellFormed())}:${encodeURIComponent(password.toWellFormed())}`;
        expect(redisAddress(`redis+cluster://${login}@${hosts}`).login).toEqual({
          user: user === '' ? null : user.toWellFormed(),
          password: password.toWellFormed(),
          passwordFile: null,
        });
      }),
    );
  });
});

describe('the settings of online', () => {
  test('files are made absolute, and all of it may come from the environment', () => {
    const folder = scratchFolder({ 'plumbline.yaml': 'online: rediss://h\n' });
    const environment = {
      PLUMB_ONLINE_USER: 'u',
      PLUMB_ONLINE_PASSWORD_FILE: 'secret/password',
      PLUMB_ONLINE_TLS_CA: 'ca.pem',
      PLUMB_ONLINE_KEY_PREFIX: 'staging',
    };
    expect(loadSettings(folder, environment).online).toEqual({
      kind: 'redis',
      url: 'rediss://h',
      keyPrefix: 'staging',
      access: {
        login: { user: 'u', password: null, passwordFile: join(folder, 'secret/password') },
        sentinelLogin: NO_LOGIN,
        tls: { ca: join(folder, 'ca.pem'), cert: null, key: null, serverName: null },
      },
    });
  });

  test.each([
    'online: redis://h:x/0',
    'online: { url: "rediss://h", tls: { cert: a.pem } }',
    'online: { url: "rediss://h", tls: { key: a.pem } }',
    'online: { url: "redis://h", tls: { ca: a.pem } }',
    'online: { url: "sqlite:a.db", user: u }',
    'online: { url: "redis+sentinel://h/m", sentinel: { password: p, passwordFile: f } }',
  ])('%s is a mistake of the settings', (yaml) => {
    const folder = scratchFolder({ 'plumbline.yaml': `${yaml}\n` });
    expect(() => loadSettings(folder, {})).toThrow(expect.objectContaining({ code: 'REG_SETTINGS' }));
  });

  test.each([
    `redis:/:${SECRET}@h/0`,
    `:${SECRET}@h:6379`,
    `reddis://:${SECRET}@h`,
    `redis://:${SECRET}/h`,
    `redis://${SECRET}@h`,
    `redis://:${SECRET}@h:x`,
    `redis://:%${SECRET}@h`,
    `redis://h?passwd=${SECRET}`,
    `redis+cluster://u:${SECRET}@h/4`,
    `redis+sentinel://u:${SECRET}@h`,
  ])('no mistake shows the password of %s', (url) => {
    const folder = scratchFolder({ 'plumbline.yaml': '' });
    let said = '';
    try {
      loadSettings(folder, {}, { online: url });
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said).not.toBe('');
    expect(said).not.toContain(SECRET);
  });

  test.each([
    `online: "redis://:${SECRET}@h:1/0`,
    `online: redis://h\n  ${SECRET}: [`,
    `online: { url: 'redis://:${SECRET}@h'`,
    `online: *${SECRET}`,
    `- a\n${SECRET}`,
  ])('a line that is no YAML is told by its place, not shown: %j', (yaml) => {
    const folder = scratchFolder({ 'plumbline.yaml': yaml });
    let said = '';
    try {
      loadSettings(folder, {});
    } catch (error) {
      said = (error as Error).message;
    }
    expect(said).toMatch(/cannot be read: (line \d+, column \d+: |Unresolved alias)/);
    expect(said).not.toContain(SECRET);
  });
});
