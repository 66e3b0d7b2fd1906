/** The sidecar over HTTP on the embedded store: one contract suite, run on both transports. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  DAY_US,
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  customer,
  encodeRow,
  feature,
  keyFor,
  manualClock,
  productStats,
  profile,
  spend,
  view,
} from '../../support/fixtures/serving-fixture.ts';
import { sendRaw, statusesOf } from '../../support/http/raw-http.ts';

const NATIVE = '/feature-service/get-online-features';
const FEAST = '/get-online-features';
const BIG_ID = 9_007_199_254_740_993n;
const TRANSPORTS = ['uws', 'node'] as const;

interface NativeAnswer {
  results: { entities: object; features: Record<string, unknown>; statuses: Record<string, string> }[];
  metadata: Record<string, unknown>;
}

describe.each(TRANSPORTS)('the sidecar on %s', (transport) => {
  const clock = manualClock();
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(clock, { 'serve.transport': transport });
    seed(fixture);
    served = await runServe(fixture.project());
  });

  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  const send = (
    path: string,
    body: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Response> => fetch(`http://127.0.0.1:${served.port}${path}`, { method: 'POST', body, headers });
  const ask = async (service: string, entities: object): Promise<NativeAnswer> => {
    const response = await send(NATIVE, JSON.stringify({ feature_service: service, entities }));
    expect(response.status).toBe(200);
    return (await response.json()) as NativeAnswer;
  };

  describe('native answers', () => {
    test('have every value in its own text, exact to the byte', async () => {
      const body = '{"feature_service":"profile_only","entities":{"customer_id":[1]}}';
      for (const _ of ['from the store', 'from the cache']) {
        const text = await (await send(NATIVE, body)).text();
        expect(text).toContain(
          '"features":{"profile__name":"Ada \\"A\\" Löwe","profile__visits":7,' +
            '"profile__points":9007199254740993,"profile__score":0.1,"profile__balance":-0.0,' +
            '"profile__active":true,"profile__joined":"2026-11-21T12:00:00.123456Z","profile__photo":"AQL/"}',
        );
      }
    });

    test('have one result a row in the order asked, lists of one repeated, metadata', async () => {
      const answer = await ask('everything', { customer_id: [2, 1, 2], product_code: ['A'] });
      expect(answer.results.map((r) => r.entities)).toEqual([
        { customer_id: 2, product_code: 'A' },
        { customer_id: 1, product_code: 'A' },
        { customer_id: 2, product_code: 'A' },
      ]);
      expect(Object.keys(answer.results[0]!.features)).toHaveLength(11);
      expect(Object.keys(answer.results[0]!.features)).toEqual(Object.keys(answer.results[0]!.statuses));
      expect(answer.metadata).toMatchObject({
        feature_service: 'everything',
        service_version: 3,
        bundle: fixture.bundle.hash,
        oldest_age_ms: 3_600_000,
      });
      expect(answer.metadata['request_id']).toMatch(/^[0-9a-f]{16}-\d+$/);
      expect(answer.metadata['latency_ms']).toBeGreaterThan(0);
    });

    test('know the statuses apart, with the fallbacks that belong to them', async () => {
      const { results } = await ask('profile_only', { customer_id: [404, 20, 21, 22] });
      const of = (row: number): unknown[] => [
        results[row]!.statuses['profile__visits'],
        results[row]!.features['profile__visits'],
      ];
      expect(of(0)).toEqual(['MISSING', -1]);
      expect(of(1)).toEqual(['NULL', null]);
      expect(of(2)).toEqual(['OUTSIDE_TTL', -1]);
      expect(of(3)).toEqual(['PRESENT', 7]);
    });

    test('withhold an aggregated view whose watermark is older than twice its freshness', async () => {
      const { results } = await ask('twice', { buyer_id: [1], seller_id: [2] });
      expect(results[0]!.statuses).toMatchObject({ buyer__total: 'PRESENT', seller__total: 'MISSING' });
      const startUs = clock.us;
      clock.us += 2 * HOUR_US + 1;
      try {
        const later = await ask('twice', { buyer_id: [1], seller_id: [2] });
        expect(later.results[0]!.statuses).toMatchObject({
          buyer__total: 'OUTSIDE_TTL',
          seller__total: 'MISSING',
        });
        expect(later.results[0]!.features).toMatchObject({ buyer__total: null, buyer__orders: 0 });
      } finally {
        clock.us = startUs;
      }
    });

    test('have UNAVAILABLE, not MISSING, where no marker vouches for the view', async () => {
      fixture.unmark('spend');
      try {
        const { results } = await ask('twice', { buyer_id: [777], seller_id: [778] });
        expect(results[0]!.statuses).toMatchObject({
          buyer__total: 'UNAVAILABLE',
          seller__total: 'UNAVAILABLE',
        });
        expect(results[0]!.features).toMatchObject({ buyer__orders: 0 });
      } finally {
        fixture.mark('spend', NOON_US);
      }
      const { results } = await ask('twice', { buyer_id: [777], seller_id: [778] });
      expect(results[0]!.statuses).toMatchObject({ buyer__total: 'MISSING' });
    });

    test('have MISSING for the views of a null key only', async () => {
      const { results } = await ask('everything', { customer_id: [null, 1], product_code: ['A', null] });
      expect(results[0]!.statuses).toMatchObject({ profile__name: 'MISSING', product__price: 'PRESENT' });
      expect(results[1]!.statuses).toMatchObject({ profile__name: 'PRESENT', product__price: 'MISSING' });
      expect(results[0]!.entities).toEqual({ customer_id: null, product_code: 'A' });
    });

    test('never round an id past 2^53, as number or as text', async () => {
      for (const id of [`${BIG_ID}`, `"${BIG_ID}"`]) {
        const body = `{"feature_service":"profile_only","entities":{"customer_id":[${id}]}}`;
        const text = await (await send(NATIVE, body)).text();
        expect(text).toContain(`"entities":{"customer_id":${BIG_ID}}`);
        expect(text).toContain('"profile__name":"big"');
      }
      const { results } = await ask('profile_only', { customer_id: [Number(BIG_ID - 1n) - 1] });
      expect(results[0]!.statuses['profile__name']).toBe('MISSING');
    });

    test('show NaN as null, PRESENT, with a note', async () => {
      const { results, metadata } = await ask('profile_only', { customer_id: [23] });
      expect(results[0]!.features['profile__balance']).toBeNull();
      expect(results[0]!.statuses['profile__balance']).toBe('PRESENT');
      expect(metadata['notes']).toEqual(['profile__balance: NaN or infinity is shown as null']);
    });

    test('take rows of an older definition by feature name, and miss what they lack', async () => {
      const { results } = await ask('profile_only', { customer_id: [30] });
      expect(results[0]!.features).toMatchObject({
        profile__name: 'old',
        profile__visits: 5,
        profile__score: 0.5,
      });
      expect(results[0]!.statuses).toMatchObject({
        profile__name: 'PRESENT',
        profile__visits: 'PRESENT',
        profile__score: 'MISSING',
      });
    });

    test('have UNAVAILABLE for a corrupt row, and count it', async () => {
      const { results } = await ask('profile_only', { customer_id: [31] });
      expect(results[0]!.statuses['profile__name']).toBe('UNAVAILABLE');
      const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
      expect(metrics).toMatch(/plumbline_unreadable_rows_total\{view="profile"\} [1-9]/);
    });

    test('are whole at the largest size', async () => {
      const ids = Array.from({ length: 1_250 }, (_, i) => i + 1);
      const { results } = await ask('profile_only', { customer_id: ids });
      expect(results.map((r) => (r.entities as { customer_id: number }).customer_id)).toEqual(ids);
      expect(results[0]!.features['profile__visits']).toBe(7);
    });

    test('carry the request id that came, and keep ids of other entities apart', async () => {
      const body = JSON.stringify({
        feature_service: 'everything',
        entities: { customer_id: [1], product_code: ['x|y', 'x%7Cy', 'é{1}'] },
      });
      const response = await send(NATIVE, body, { 'x-request-id': 'abc-1' });
      const answer = (await response.json()) as NativeAnswer;
      expect(answer.metadata['request_id']).toBe('abc-1');
      expect(answer.results.map((r) => r.features['product__price'])).toEqual([5, null, 6]);
      expect(answer.results.map((r) => (r.entities as { product_code: string }).product_code)).toEqual([
        'x|y',
        'x%7Cy',
        'é{1}',
      ]);
    });
  });

  describe("Feast's surface", () => {
    test('is column-major, keys first, with the types of the Feast server', async () => {
      const features = ['profile:points', 'profile:score', 'spend:total', 'profile:joined'];
      const response = await send(FEAST, JSON.stringify({ features, entities: { customer_id: [1, 404] } }));
      expect(await response.text()).toBe(
        '{"results":[' +
          '{"values":[1,404],"statuses":["PRESENT","PRESENT"],' +
          '"event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},' +
          column('9007199254740993', 'null') +
          column('0.10000000149011612', '0.5') +
          column('3.0', 'null') +
          column('1795262400', 'null').slice(0, -1) +
          '],"metadata":{"feature_names":["customer_id","points","score","total","joined"]}}',
      );
    });

    test('takes a feature service, full names, and columns that it does not know', async () => {
      const body = {
        feature_service: 'everything',
        entities: { customer_id: [1], product_code: ['A'], event_timestamp: ['2026-01-01'] },
        full_feature_names: true,
      };
      const answer = (await (await send(FEAST, JSON.stringify(body))).json()) as {
        metadata: { feature_names: string[] };
        results: { statuses: string[] }[];
      };
      expect(answer.metadata.feature_names.slice(0, 3)).toEqual([
        'customer_id',
        'product_code',
        'profile__name',
      ]);
      expect(answer.results).toHaveLength(13);
    });

    test("has Feast's names of the statuses", async () => {
      const ids = [20, 404, 21, 31, 1];
      const body = { features: ['profile:visits', 'profile:balance'], entities: { customer_id: ids } };
      const answer = (await (await send(FEAST, JSON.stringify(body))).json()) as {
        results: { statuses: string[] }[];
      };
      const statuses = ['NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE', 'INVALID', 'PRESENT'];
      expect(answer.results[1]!.statuses).toEqual(statuses);
    });

    test('is healthy with an empty body', async () => {
      const response = await fetch(`http://127.0.0.1:${served.port}/health`);
      expect([response.status, await response.text()]).toEqual([200, '']);
    });

    test.each([
      [
        'a null key',
        { features: ['profile:name'], entities: { customer_id: [1, null] } },
        400,
        'SRV_KEY_MISSING',
      ],
      [
        'two features of one name',
        { features: ['profile:name', 'profile:name'], entities: { customer_id: [1] } },
        400,
        'SRV_AMBIGUOUS_FEATURE',
      ],
      [
        'an unknown view',
        { features: ['nope:x'], entities: { customer_id: [1] } },
        404,
        'SRV_UNKNOWN_FEATURE',
      ],
      [
        'an unknown feature',
        { features: ['profile:x'], entities: { customer_id: [1] } },
        404,
        'SRV_UNKNOWN_FEATURE',
      ],
      ['no colon', { features: ['profile'], entities: { customer_id: [1] } }, 404, 'SRV_UNKNOWN_FEATURE'],
      [
        'an unknown service',
        { feature_service: 'x', entities: { customer_id: [1] } },
        404,
        'SRV_UNKNOWN_SERVICE',
      ],
      ['no features', { features: [], entities: { customer_id: [1] } }, 400, 'SRV_REQUEST'],
      ['a lacking key', { features: ['profile:name'], entities: { other: [1] } }, 400, 'SRV_KEY_MISSING'],
      ['lists of one beside others', feastBoth([1, 2], ['A']), 400, 'SRV_RAGGED'],
    ])('refuses %s in its own envelope', async (_, body, status, code) => {
      const response = await send(FEAST, JSON.stringify(body));
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ detail: { code, message: expect.any(String) } });
    });
  });

  describe('bad input', () => {
    const good = { customer_id: [1] };
    test.each([
      ['malformed JSON', '{"feature_service":', 400, 'SRV_JSON', undefined],
      ['no object', '[]', 400, 'SRV_JSON', undefined],
      ['an empty body', '', 400, 'SRV_JSON', undefined],
      ['no service', { entities: good }, 400, 'SRV_REQUEST', 'feature_service'],
      [
        'an unknown service',
        { feature_service: 'x', entities: good },
        404,
        'SRV_UNKNOWN_SERVICE',
        'feature_service',
      ],
      ['an unknown field', { feature_service: 'profile_only', entitys: good }, 400, 'SRV_REQUEST', 'entitys'],
      ['no entities', { feature_service: 'profile_only' }, 400, 'SRV_REQUEST', 'entities'],
      ['an unknown key', only({ ...good, x: [1] }), 400, 'SRV_UNKNOWN_KEY', 'entities.x'],
      ['a lacking key', only({}), 400, 'SRV_KEY_MISSING', 'entities.customer_id'],
      ['no list', only({ customer_id: 1 }), 400, 'SRV_REQUEST', 'entities.customer_id'],
      ['an empty list', only({ customer_id: [] }), 400, 'SRV_NO_ROWS', 'entities.customer_id'],
      ['a wrong type', only({ customer_id: [1, 'x'] }), 400, 'SRV_KEY_TYPE', 'entities.customer_id[1]'],
      ['a fraction', only({ customer_id: [1.5] }), 400, 'SRV_KEY_TYPE', 'entities.customer_id[0]'],
      ['a boolean', only({ customer_id: [true] }), 400, 'SRV_KEY_TYPE', 'entities.customer_id[0]'],
      ['a key past int64', only({ customer_id: ['9223372036854775808'] }), 400, 'SRV_KEY_TYPE', undefined],
      ['all keys null', only({ customer_id: [null] }), 400, 'SRV_KEY_MISSING', 'entities.customer_id[0]'],
      ['ragged lists', everything([1, 2, 3], ['A', 'B']), 400, 'SRV_RAGGED', 'entities.product_code'],
      ['a number for a string', everything([1], [1]), 400, 'SRV_KEY_TYPE', 'entities.product_code[0]'],
      ['a long string', everything([1], ['x'.repeat(513)]), 400, 'SRV_KEY_TYPE', undefined],
      ['a lone surrogate', everything([1], ['\ud800']), 400, 'SRV_KEY_TYPE', undefined],
      [
        'too many values',
        only({ customer_id: Array.from({ length: 1_251 }, (_, i) => i) }),
        413,
        'SRV_TOO_MANY_VALUES',
        'entities',
      ],
      ['a context that is no object', { ...only(good), context: [1] }, 400, 'SRV_REQUEST', 'context'],
      ['a context of null', { ...only(good), context: null }, 400, 'SRV_REQUEST', 'context'],
      [
        'an unknown context field',
        { ...only(good), context: { cart_value: 12.5 } },
        400,
        'SRV_UNKNOWN_CONTEXT',
        'context.cart_value',
      ],
      [
        'a prototype as context field',
        '{"feature_service":"profile_only","entities":{"customer_id":[1]},"context":{"__proto__":1}}',
        400,
        'SRV_UNKNOWN_CONTEXT',
        'context.__proto__',
      ],
      ['a body over 1 MiB', `{"a":"${'x'.repeat(2 ** 20)}"}`, 413, 'SRV_BODY_TOO_LARGE', 'body'],
    ])('%s', async (_, body, status, code, field) => {
      const response = await send(NATIVE, typeof body === 'string' ? body : JSON.stringify(body));
      const { error } = (await response.json()) as {
        error: { code: string; message: string; field?: string };
      };
      expect([response.status, error.code]).toEqual([status, code]);
      if (field !== undefined) expect(error.field).toBe(field);
      expect(error.message).toMatch(/\w+ \w+/);
    });

    test('bad UTF-8', async () => {
      const response = await send(NATIVE, Buffer.from([0x7b, 0xff, 0x7d]));
      expect([response.status, ((await response.json()) as { error: object }).error]).toMatchObject([
        400,
        { code: 'SRV_JSON' },
      ]);
    });

    test.each([
      ['x-deadline-ms', 'soon', 'SRV_DEADLINE'],
      ['x-deadline-ms', '-1', 'SRV_DEADLINE'],
      ['x-deadline-ms', '60001', 'SRV_DEADLINE'],
      ['x-request-id', 'a"b', 'SRV_REQUEST'],
      ['x-request-id', 'x'.repeat(129), 'SRV_REQUEST'],
    ])('the header %s: %s', async (name, value, code) => {
      const response = await send(NATIVE, JSON.stringify(only(good)), { [name]: value });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code, field: name } });
    });

    test('the longest deadline and the longest request id are taken', async () => {
      const headers = { 'x-deadline-ms': '60000', 'x-request-id': 'x'.repeat(128) };
      expect((await send(NATIVE, JSON.stringify(only(good)), headers)).status).toBe(200);
    });

    test.each([
      ['GET', NATIVE, 405],
      ['DELETE', FEAST, 405],
      ['POST', '/health', 405],
      ['POST', '/feature-service/everything', 405],
      ['GET', '/nothing', 404],
      ['GET', '/feature-service/', 404],
      ['GET', '/feature-service/nope', 404],
    ])('%s %s', async (method, path, status) => {
      const response = await fetch(`http://127.0.0.1:${served.port}${path}`, { method });
      expect(response.status).toBe(status);
      expect(JSON.stringify(await response.json())).toMatch(/SRV_(ROUTE|METHOD|UNKNOWN_SERVICE)/);
      if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/);
    });

    test('a context without fields is what every service takes, as its schema says', async () => {
      const body = JSON.stringify({ ...only(good), context: {} });
      expect((await send(NATIVE, body)).status).toBe(200);
      const wrong = JSON.stringify({ ...only(good), context: { cart_value: 1 } });
      expect(await (await send(NATIVE, wrong)).json()).toMatchObject({
        error: { message: 'profile_only has no context field "cart_value"; it has none' },
      });
    });

    test.each(['gzip', 'deflate, br', 'x'.repeat(3_000)])('an encoded body (%.8s): 415', async (encoding) => {
      const headers = { 'content-encoding': encoding };
      const response = await send(NATIVE, JSON.stringify(only(good)), headers);
      expect([response.status, await response.json()]).toMatchObject([
        415,
        { error: { code: 'SRV_ENCODING', field: 'content-encoding' } },
      ]);
      const plain = await send(NATIVE, JSON.stringify(only(good)), { 'content-encoding': 'identity' });
      expect(plain.status).toBe(200);
    });

    test('a byte order mark is passed over, with and without other characters past ASCII', async () => {
      for (const key of ['A', 'é{1}']) {
        const body = `\ufeff${JSON.stringify(everything([1], [key]))}`;
        expect((await send(NATIVE, body)).status).toBe(200);
      }
      const inTheMiddle = await send(NATIVE, `{\ufeff${JSON.stringify(only(good)).slice(1)}`);
      expect(inTheMiddle.status).toBe(400);
    });

    test.each([
      [NATIVE, JSON.stringify(only(good)), ['error', 'code']],
      [FEAST, JSON.stringify({ features: ['profile:name'], entities: good }), ['detail', 'code']],
      ['/v2/models/profile_only/infer', '{}', ['error']],
    ])(
      'a request older than its deadline is refused unparsed, each in its envelope: %s',
      async (path, body, at) => {
        const started = (agoMs: number): Record<string, string> => ({
          'x-request-start': `t=${Date.now() - agoMs}`,
          'x-deadline-ms': '20000',
        });
        const response = await send(path, body, started(30_000));
        expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
        const told = at.reduce<unknown>(
          (json, name) => (json as Record<string, unknown>)[name],
          await response.json(),
        );
        expect(told).toMatch(/SRV_OVERLOAD|past its deadline/);
        expect((await send(path, body, started(5_000))).status).not.toBe(503);
      },
    );

    test('any content type is taken', async () => {
      const response = await send(NATIVE, JSON.stringify(only(good)), { 'content-type': 'text/plain' });
      expect(response.status).toBe(200);
    });
  });

  describe('bytes on the wire', () => {
    const body = JSON.stringify(only({ customer_id: [1] }));
    const post = (headers: string, content = body): string =>
      `POST ${NATIVE} HTTP/1.1\r\n${headers}\r\n\r\n${content}`;
    const smuggled = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const length = `Content-Length: ${body.length}`;

    test.each([
      ['two lengths', post(`Host: localhost\r\n${length}\r\nContent-Length: 300`, body + smuggled)],
      ['two equal lengths', post(`Host: localhost\r\n${length}\r\n${length}`)],
      ['chunks', post('Host: localhost\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`)],
      [
        'chunks and a length',
        post(`Host: localhost\r\nTransfer-Encoding: chunked\r\n${length}`, `0\r\n\r\n${smuggled}`),
      ],
      ['two hosts', post(`Host: localhost\r\nHost: evil.example\r\n${length}`, body + smuggled)],
      ['a length that is no number', post('Host: localhost\r\nContent-Length: +5')],
      ['a list of lengths', post('Host: localhost\r\nContent-Length: 5, 5')],
    ])('%s: 400, the connection ends, nothing behind it is answered', async (_, request) => {
      const answer = await sendRaw(served.port, request);
      expect(statusesOf(answer.text)).toEqual([400]);
      expect(answer.closed).toBe(true);
    });

    test.each([
      ['evil.example', 403],
      ['localhost.evil.example', 403],
      ['127.0.0.1.evil.example:80', 403],
      ['LOCALHOST:6566', 200],
      ['localhost', 200],
      ['127.0.0.1:1', 200],
      ['[::1]:6566', 200],
    ])('the host %s', async (host, status) => {
      const answer = await sendRaw(served.port, post(`Host: ${host}\r\n${length}`), { answers: 1 });
      expect(statusesOf(answer.text)).toEqual([status]);
      if (status === 403) expect(answer.text).toContain('SRV_HOST');
    });

    test('any Origin: 403', async () => {
      const answer = await sendRaw(
        served.port,
        post(`Host: localhost\r\nOrigin: http://localhost\r\n${length}`),
        { answers: 1 },
      );
      expect(statusesOf(answer.text)).toEqual([403]);
      expect(answer.text).toContain('SRV_ORIGIN');
    });

    test('a body in pieces, then another request on the same connection', async () => {
      const text = await new Promise<string>((resolve) => {
        const socket = connect(served.port, '127.0.0.1');
        let got = '';
        socket.on('data', (chunk) => {
          got += chunk.toString();
          if (statusesOf(got).length === 1 && !got.includes('next')) {
            got += 'next';
            socket.write(post(`Host: localhost\r\n${length}`));
          } else if (statusesOf(got).length === 2) {
            socket.destroy();
            resolve(got);
          }
        });
        const request = Buffer.from(post(`Host: localhost\r\n${length}`));
        socket.write(request.subarray(0, request.length - 20));
        setTimeout(() => socket.write(request.subarray(request.length - 20)), 20);
      });
      expect(statusesOf(text)).toEqual([200, 200]);
    });

    test('a client that leaves in the middle harms nobody', async () => {
      for (let i = 0; i < 20; i++) {
        const socket = connect(served.port, '127.0.0.1');
        const request = post(`Host: localhost\r\nContent-Length: ${body.length + 5}`);
        await new Promise<void>((resolve) => void socket.write(request, () => resolve()));
        socket.destroy();
      }
      expect((await ask('profile_only', { customer_id: [1] })).results).toHaveLength(1);
    });
  });

  test('the schema of a service lists keys, and features in order with types and fallbacks', async () => {
    const schema = (await (
      await fetch(`http://127.0.0.1:${served.port}/feature-service/twice`)
    ).json()) as object;
    expect(schema).toMatchObject({
      feature_service: 'twice',
      service_version: 3,
      join_keys: [
        { name: 'buyer_id', type: 'int64' },
        { name: 'seller_id', type: 'int64' },
      ],
    });
    expect((schema as { context: object[] }).context).toEqual([]);
    expect((schema as { features: object[] }).features[1]).toEqual({
      name: 'buyer__orders',
      view: 'spend',
      role: 'buyer',
      feature: 'orders',
      type: 'int64',
      description: null,
      examples: [],
      normalization: null,
      checks: null,
      missing: 0,
    });
  });

  test('the hottest entities are told, with the reads that the cache spared, and no ids on the admin port', async () => {
    // Of 3,200 look-ups of one entity about 200 are sampled.
    const entities = { customer_id: Array.from({ length: 400 }, () => 20) };
    for (let i = 0; i < 8; i++) await ask('profile_only', entities);
    const hot = (await (await fetch(`http://127.0.0.1:${served.port}/hot-keys`)).json()) as {
      keys: { key: string; lookups: number; share: number }[];
      nodes: { node: string; lookups: number; spared: number }[];
    };
    expect(hot.keys[0]!.key).toBe(keyFor(profile, 20n));
    expect(hot.keys[0]!.lookups).toBeGreaterThan(1_600);
    expect(hot.nodes.map(({ node }) => node)).toEqual(['sqlite']);
    expect(hot.nodes[0]!.spared).toBeGreaterThan(1_600);
    const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
    expect(metrics).toMatch(/plumbline_node_lookups_spared_total\{node="sqlite"\} [1-9]/);
    expect(metrics).not.toContain(keyFor(profile, 20n));
  });

  test('the admin port has liveness, readiness and metrics, to read only', async () => {
    const at = (path: string, init?: RequestInit): Promise<Response> =>
      fetch(`http://127.0.0.1:${served.adminPort}${path}`, init);
    expect((await at('/livez')).status).toBe(200);
    expect((await at('/readyz')).status).toBe(200);
    expect((await at('/livez', { method: 'POST' })).status).toBe(405);
    expect((await at('/feature-service/everything')).status).toBe(404);
    const metrics = await (await at('/metrics')).text();
    expect(metrics).toContain('plumbline_build_info');
    expect(served.transport).toBe(transport === 'uws' ? 'uWebSockets.js' : 'node:http');
  });
});

function seed(fixture: ServingFixture): void {
  fixture.put(profile, 1n, PROFILE_VALUES);
  fixture.put(profile, BIG_ID, PROFILE_VALUES.with(0, 'big'));
  fixture.put(profile, 2n, PROFILE_VALUES);
  fixture.put(profile, 20n, PROFILE_VALUES.with(1, null));
  fixture.put(profile, 21n, PROFILE_VALUES, { eventUs: NOON_US - DAY_US - 1 });
  fixture.put(profile, 22n, PROFILE_VALUES, { eventUs: NOON_US - DAY_US });
  fixture.put(profile, 23n, PROFILE_VALUES.with(4, Number.NaN));
  const older = view('profile', customer, [feature('visits', 'int32'), feature('name', 'string')]);
  fixture.publishSchema(rowSchemaOf(older, customer));
  fixture.putRaw(profile, 30n, encodeRow(older, [5, 'old']));
  fixture.putRaw(profile, 31n, fixture.put(profile, 31n, PROFILE_VALUES).subarray(0, 40));
  fixture.put(spend, 1n, [3, null]);
  fixture.put(productStats, 'A', [1]);
  fixture.put(productStats, 'x|y', [5]);
  fixture.put(productStats, 'é{1}', [6]);
  expect(keyFor(productStats, 'x|y')).toBe('fstore:product:x%7Cy');
  for (const id of ['profile', 'spend', 'product']) fixture.mark(id, NOON_US);
}

function only(entities: object): object {
  return { feature_service: 'profile_only', entities };
}

function everything(customers: unknown[], products: unknown[]): object {
  return { feature_service: 'everything', entities: { customer_id: customers, product_code: products } };
}

function feastBoth(customers: unknown[], products: unknown[]): object {
  return {
    features: ['profile:name', 'product:price'],
    entities: { customer_id: customers, product_code: products },
  };
}

/** A result on Feast's surface: one value there, one not found. */
function column(value: string, fallback: string): string {
  return (
    `{"values":[${value},${fallback}],"statuses":["PRESENT","NOT_FOUND"],` +
    '"event_timestamps":["2026-11-21T11:00:00Z","1970-01-01T00:00:00Z"]},'
  );
}
