import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../registry/settings.ts';
import { scratchFolder } from '../../support/scratch.ts';

describe('settings', () => {
  test('every setting has a default that runs embedded', () => {
    const folder = scratchFolder({ 'plumbline.yaml': 'project: retail\n' });
    const settings = loadSettings(folder, {});
    expect(settings.online).toEqual({ kind: 'sqlite', url: join(folder, '.plumb/online.db'), keyPrefix: '' });
    expect(settings.log.maxBytes).toBe(2 * 2 ** 30);
    expect(settings.serve).toMatchObject({ host: '127.0.0.1', port: 6566, adminPort: 6567, deadlineMs: 8 });
    expect(settings.clock).toEqual({ control: null, runLastsUs: 0 });
    expect(settings.train).toEqual({ memory: 2 * 2 ** 30, temp: join(folder, '.plumb/temp') });
  });

  test('an empty file is a project too', () => {
    expect(loadSettings(scratchFolder({ 'plumbline.yaml': '' }), {}).project).toBe('plumbline');
  });

  test('flags go over the environment, that over the file', () => {
    const folder = scratchFolder({ 'plumbline.yaml': 'serve: { port: 1, adminPort: 2, deadlineMs: 3 }\n' });
    const environment = {
      PLUMB_SERVE_ADMIN_PORT: '20',
      PLUMB_SERVE_DEADLINE_MS: '30',
      PLUMB_LOG_MAX_BYTES: '1MiB',
    };
    const settings = loadSettings(folder, environment, { 'serve.deadlineMs': '300' });
    expect(settings.serve).toMatchObject({ port: 1, adminPort: 20, deadlineMs: 300 });
    expect(settings.log.maxBytes).toBe(2 ** 20);
  });

  test('the secret of the log can be named in the environment alone', () => {
    const folder = scratchFolder({ 'plumbline.yaml': '' });
    expect(loadSettings(folder, {}).log.hmacKey).toBe(null);
    const environment = { PLUMB_LOG_HMAC_KEY_ID: 'k1', PLUMB_LOG_HMAC_KEY_FILE: 'hmac.key' };
    expect(loadSettings(folder, environment).log.hmacKey).toEqual({
      id: 'k1',
      file: join(folder, 'hmac.key'),
    });
  });

  test('stores are told by their URL', () => {
    const online = 'online: { url: "redis+cluster://h1:6379,h2:6379", keyPrefix: staging }\n';
    const settings = loadSettings(scratchFolder({ 'plumbline.yaml': online }), {});
    expect(settings.online).toEqual({
      kind: 'redis-cluster',
      url: 'redis+cluster://h1:6379,h2:6379',
      keyPrefix: 'staging',
    });
  });

  test.each([
    ['serve: { prot: 1 }', 'Unrecognized key: "prot"'],
    ['serve: { port: 70000 }', 'serve.port'],
    ['log: { ringBytes: 2GiB }', 'log.ringBytes: expected at most 1GiB'],
    ['log: { maxBytes: lots }', 'expected a size such as 512MiB or 2GiB, got "lots"'],
    ['clock: { runLasts: soon }', 'expected a duration such as 90s or 7d, got "soon"'],
    [
      'online: memcached://x',
      'online: expected sqlite:FILE, redis://, redis+cluster:// or redis+sentinel:// (rediss for TLS), got memcached://',
    ],
    ['online: { url: "redis://h", keyPrefix: "{a}" }', 'online.keyPrefix: it must hold no braces'],
    ['- a list', 'it should hold settings, one to a line'],
    ['project: [', 'cannot be read'],
  ])('%s is refused with a sentence', (yaml, sentence) => {
    const folder = scratchFolder({ 'plumbline.yaml': `${yaml}\n` });
    expect(() => loadSettings(folder, {})).toThrow(sentence);
  });

  test('a folder without plumbline.yaml is no project', () => {
    expect(() => loadSettings(scratchFolder(), {})).toThrow('there is no plumbline.yaml in');
  });
});
