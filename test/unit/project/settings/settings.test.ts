import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSettings, settingsWithOrigins } from '../../../../project/settings/settings.ts';
import { scratchFolder } from '../../../support/scratch.ts';

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
    ['serve: { prot: 1 }', 'serve has no setting "prot", did you mean "port"? (plumbline.yaml:1)'],
    [
      'project: a\nmatirialize: {}',
      'there is no setting "matirialize", did you mean "materialize"? (plumbline.yaml:2)',
    ],
    [
      'serve: { cacheLayers: { hotKey: true } }',
      'serve.cacheLayers has no setting "hotKey", did you mean "hotKeys"?',
    ],
    [
      'log: { kafka: { brokers: "k:1", acks: 1 } }',
      'log.kafka has no setting "acks"; there are brokers, topic,',
    ],
    [
      'online: { url: "redis://h", tls: { cert: a, kee: b } }',
      'online.tls has no setting "kee", did you mean "key"?',
    ],
    [
      'serve: { port: 70000 }',
      'serve.port: expected a port, a whole number from 0 (any free one) to 65535, got 70000',
    ],
    [
      'serve: { deadlineMs: 8ms }',
      'serve.deadlineMs: expected milliseconds as a plain number, such as 250, got "8ms"',
    ],
    [
      'serve: { deadlineMs: true }',
      'serve.deadlineMs: expected milliseconds as a plain number, such as 250, got true',
    ],
    ['serve: { deadlineMs: }', 'serve.deadlineMs: expected milliseconds'],
    ['serve: { deadlineMs: 0 }', 'serve.deadlineMs: expected more than 0, got 0'],
    ['serve: { cacheFreshMs: 70000 }', 'serve.staleLimitMs: expected at least cacheFreshMs'],
    ['serve: { cacheEntries: 1.5 }', 'serve.cacheEntries: expected a whole number, got 1.5'],
    [
      'serve: { transport: uwss }',
      'serve.transport: expected one of auto, uws, node, got "uwss", did you mean "uws"?',
    ],
    ['serve: [port, 1]', 'serve: expected options, { name: value }, got ["port",1]'],
    ['log: { enabled: maybe }', 'log.enabled: expected true or false, got "maybe"'],
    ['log: { maxBytes: 1 }', 'log.maxBytes: expected at least 4KiB, got 1'],
    ['log: { kafka: { topic: a } }', 'log.kafka.brokers: is missing (plumbline.yaml)'],
    ['definitions: a.ts', 'definitions: expected a list, got "a.ts"'],
    ['log: { ringBytes: 2GiB }', 'log.ringBytes: expected at most 1GiB'],
    ['log: { maxBytes: lots }', 'expected a size such as 512MiB or 2GiB, got "lots"'],
    ['clock: { runLasts: soon }', 'expected a duration such as 90s or 7d, got "soon"'],
    [
      'online: memcached://x',
      'online: expected sqlite:FILE, redis://, redis+cluster:// or redis+sentinel:// (rediss for TLS), got memcached://',
    ],
    ['online: { url: "redis://h", keyPrefix: "{a}" }', 'online.keyPrefix: it must hold no braces'],
    ['project: { name: a }', '(plumbline.yaml:1)'],
    ['project: a\nserve:\n  port: { http: 7000 }', '(plumbline.yaml:3)'],
    [
      'history: gs://b/x',
      'history: expected a path on this machine, or s3://bucket/path, got "gs://b/x" (plumbline.yaml:1)',
    ],
    ['bundles: ""', 'bundles: expected a path on this machine, got "" (plumbline.yaml:1)'],
    [
      String.raw`served: "a\0b"`,
      String.raw`served: expected a path on this machine, or s3://bucket/path, got "a\u0000b"`,
    ],
    ['reports: GS://b', 'reports: expected a path on this machine, got "GS://b"'],
    ['served: file:///x', 'served: expected a path on this machine, or s3://bucket/path, got "file:///x"'],
    ['log: { spool: "abfs+x://y" }', 'log.spool: expected a path on this machine, got "abfs+x://y"'],
    ['train: { temp: https://x }', 'train.temp: expected a path on this machine, got "https://x"'],
    [
      'registry: sqlite:s3://b/x',
      'registry: expected sqlite:FILE with the path of a file on this machine, got "sqlite:s3://b/x" (plumbline.yaml:1)',
    ],
    ['online: sqlite://h/x', 'online: expected sqlite:FILE with the path of a file on this machine'],
    ['online: "sqlite:"', 'online: expected sqlite:FILE with the path of a file on this machine'],
    ['project: p\nonline: redis//x', 'got "redis//x" (plumbline.yaml:2)'],
    ['project: p\nonline:\n  url: redis://h:x', 'hold a password) (plumbline.yaml:3)'],
    ['online: redis//:hush@h', 'got something else, not shown since it may hold a password'],
    ['- a list', 'it should hold settings, one to a line'],
    ['project: [', 'cannot be read'],
  ])('%s is refused with a sentence', (yaml, sentence) => {
    const folder = scratchFolder({ 'plumbline.yaml': `${yaml}\n` });
    expect(() => loadSettings(folder, {})).toThrow(sentence);
  });

  test('a secret is not told back', () => {
    const folder = scratchFolder({
      'plumbline.yaml':
        'log: { kafka: { brokers: "k:1", sasl: { mechanism: plain, username: a, password: [hush] } } }\n',
    });
    expect(() => loadSettings(folder, {})).toThrow('log.kafka.sasl.password: expected text, got "***"');
  });

  describe('the environment', () => {
    const folder = () => scratchFolder({ 'plumbline.yaml': 'serve: { port: 1 }\n' });

    test.each([
      [
        { PLUMB_SERVE_PROT: '1' },
        'PLUMB_SERVE_PROT: there is no such setting, did you mean "PLUMB_SERVE_PORT"?',
      ],
      [{ PLUMB_SERVEPORT: '1' }, 'did you mean "PLUMB_SERVE_PORT"?'],
      [{ PLUMB_VARS_: 'x' }, 'PLUMB_VARS_: there is no such setting'],
      [
        { PLUMB_SERVE_PORT: 'x' },
        'serve.port: expected a port, a whole number from 0 (any free one) to 65535, got "x" (PLUMB_SERVE_PORT)',
      ],
      [{ PLUMB_SERVE_PORT: '' }, 'serve.port: expected a port'],
      [
        { PLUMB_LOG_KAFKA_SASL_MECHANISM: 'plain' },
        'needs username and password (PLUMB_LOG_KAFKA_SASL_MECHANISM)',
      ],
    ])('%o is refused', (environment, sentence) => {
      expect(() => loadSettings(folder(), environment)).toThrow(sentence);
    });

    test('may hold what Kubernetes sets beside a Service of that name, and what is not ours', () => {
      const environment = {
        PLUMB_SERVICE_HOST: '10.0.0.1',
        PLUMB_SERVICE_PORT: '6566',
        PLUMB_SERVICE_PORT_HTTP: '6566',
        PLUMB_PORT: 'tcp://10.0.0.1:6566',
        PLUMB_SERVE_PORT_6566_TCP_ADDR: '10.0.0.1',
        PLUMBER: 'x',
        PLUMB_TEST_LONG: '1',
      };
      expect(loadSettings(folder(), environment).serve.port).toBe(1);
    });

    test('gives a whole and its parts in any order', () => {
      const environment = { PLUMB_ONLINE_KEY_PREFIX: 'k', PLUMB_ONLINE: 'redis://h' };
      expect(loadSettings(folder(), environment).online).toMatchObject({ url: 'redis://h', keyPrefix: 'k' });
    });

    test('gives lists between commas', () => {
      const { serve } = loadSettings(folder(), { PLUMB_SERVE_ALLOWED_HOSTS: 'a.example, b.example' });
      expect(serve.allowedHosts).toEqual(['a.example', 'b.example']);
    });
  });

  test('each setting has the place that gave it', () => {
    const yaml =
      'project: p\nonline: redis://h\nserve:\n  port: 1\n  cacheLayers: { stale: false }\nvars: { data: x }\n';
    const { origins } = settingsWithOrigins(
      scratchFolder({ 'plumbline.yaml': yaml }),
      { PLUMB_SERVE_ADMIN_PORT: '2', PLUMB_VARS_BUCKET: 'b', PLUMB_ONLINE_KEY_PREFIX: 'k' },
      { 'log.kafka.brokers': 'k1:9092,k2:9092' },
    );
    const of = (...paths: string[]): (string | undefined)[] => paths.map((path) => origins.get(path));
    expect(of('online.tls', 'online.user')).toEqual(['default', 'default']);
    expect(of('project', 'online.url', 'online.keyPrefix', 'history')).toEqual([
      'plumbline.yaml:1',
      'plumbline.yaml:2',
      'PLUMB_ONLINE_KEY_PREFIX',
      'default',
    ]);
    expect(of('serve.port', 'serve.adminPort', 'serve.host', 'serve.cacheLayers.stale')).toEqual([
      'plumbline.yaml:4',
      'PLUMB_SERVE_ADMIN_PORT',
      'default',
      'plumbline.yaml:5',
    ]);
    expect(of('vars.data', 'vars.bucket', 'log.kafka.brokers', 'log.kafka.topic')).toEqual([
      'plumbline.yaml:6',
      'PLUMB_VARS_BUCKET',
      '--set',
      'default',
    ]);
  });

  test('a folder without plumbline.yaml is no project', () => {
    expect(() => loadSettings(scratchFolder(), {})).toThrow('there is no plumbline.yaml in');
  });
});
