/**
 * Feast's own Python feature server, where the contract comes from, and the sidecar get the same rows and the same
 * requests: their answers agree. Where they are meant to differ, a test says how.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { freePort } from '../support/redis/redis.ts';
import { exactJson, makeFeastRepo } from './feast-repo.ts';
import { ODD_SAMPLES, SAMPLES } from './sample-rows.ts';
import { feastDefinitions, makeServedShop } from './served-shop.ts';
import type { ServedShop, Sidecar } from './served-shop.ts';
import { startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

const ROWS = 40;

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

interface Result {
  readonly values: readonly unknown[];
  readonly statuses: readonly string[];
  readonly event_timestamps: readonly string[];
}

interface Body {
  readonly results: readonly Result[];
  readonly metadata: { readonly feature_names: readonly string[] };
}

let shop: ServedShop;
let feast: ServerProcess;
let sidecar: Sidecar;
let feastUrl: string;
let customers: bigint[];
let products: string[];

beforeAll(async () => {
  const python = await pythonEnvironment();
  shop = await makeServedShop();
  customers = (await shop.newestRows('user_purchase_features', ROWS)).map((r) => r['customer_id'] as bigint);
  products = (await shop.newestRows('product_sales_features', ROWS)).map((r) => r['stock_code'] as string);
  sidecar = await shop.serve('sqlite:.plumb/online.db');
  await startFeast(python);
});

afterAll(async () => {
  await feast?.stop();
  await sidecar?.stop();
  shop?.remove();
});

/** Feast's server over a store of Feast's own that holds the newest rows of the history. */
async function startFeast(python: PythonEnvironment): Promise<void> {
  const folder = makeFeastRepo(join(shop.folder, 'feast'), ['type: sqlite', 'path: online.db']);
  const files: Record<string, string> = {};
  for (const view of ['samples', 'user_purchase_features', 'product_sales_features'] as const) {
    files[view] = join(folder, `${view}.parquet`);
    await shop.exportRows(view, files[view], ROWS);
  }
  const input = exactJson({ folder, definitions: feastDefinitions(shop.bundle), files });
  await python.run('test/clients/feast_fill.py', { input });
  const port = await freePort();
  const args = ['-c', folder, 'serve', '--port', String(port), '--no-access-log'];
  feast = startServer('feast serve', python.program('feast'), args, python.variables);
  feastUrl = `http://127.0.0.1:${port}`;
  await feast.until(async () => {
    const answer = await ask(feastUrl, 'GET', '/health').catch(() => null);
    return answer?.status === 200 ? answer : null;
  });
}

/** On a connection of its own: Feast's server closes one on which it failed. */
function ask(url: string, method: string, path: string, body?: string): Promise<Answer> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(url + path, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => (text += more));
      response.on('end', () =>
        resolve({ status: response.statusCode!, type: response.headers['content-type'], text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

async function askBoth(body: string): Promise<{ ours: Answer; feasts: Answer }> {
  const [feasts, ours] = await Promise.all(
    [feastUrl, sidecar.url].map((url) => ask(url, 'POST', '/get-online-features', body)),
  );
  return { ours: ours!, feasts: feasts! };
}

/** An integer's text becomes a bigint and a number with a point or an exponent a number, so that no form is lost. */
function parseExactly(text: string): Body {
  return JSON.parse(text, keepForm as (this: unknown, key: string, value: unknown) => unknown) as Body;
}

function keepForm(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && /^-?\d+$/.test(source!) ? BigInt(source!) : value;
}

/** Results by name: the order of a view's features in Feast's answer changes from start to start. */
function columnsOf({ results, metadata }: Body): Record<string, Result> {
  expect(results).toHaveLength(metadata.feature_names.length);
  return Object.fromEntries(metadata.feature_names.map((name, i) => [name, results[i]!]));
}

/** Feast 0.67 calls a null PRESENT, though its contract has NULL_VALUE, which its client knows; we say NULL_VALUE. */
function nullsNamed(columns: Record<string, Result>): Record<string, Result> {
  const renamed = Object.entries(columns).map(([name, result]) => {
    const statuses = result.statuses.map((status, i) =>
      status === 'PRESENT' && result.values[i] === null ? 'NULL_VALUE' : status,
    );
    return [name, { ...result, statuses }] as const;
  });
  return Object.fromEntries(renamed);
}

const counts = '"features": ["user_purchase_features:purchase_count_7d"]';

describe('the same answer', () => {
  const requests: Record<string, () => unknown> = {
    'a service with every type, its extremes and an unknown entity': () => ({
      feature_service: 'every_type',
      entities: { sample_id: [...SAMPLES.map(({ id }) => id), 'never sampled'] },
    }),
    'empty lists, and floats that are not finite': () => ({
      feature_service: 'every_type',
      entities: { sample_id: ODD_SAMPLES.map(({ id }) => id) },
    }),
    'a list of features under full names': () => ({
      features: ['samples:big', 'samples:text'],
      entities: { sample_id: SAMPLES.map(({ id }) => id) },
      full_feature_names: true,
    }),
    'a service of two entities': () => ({
      feature_service: 'basket_v1',
      entities: { customer_id: customers, stock_code: products },
    }),
    'features of two views in turns, keys in another order': () => ({
      features: [
        'user_purchase_features:purchase_count_7d',
        'product_sales_features:last_price',
        'user_purchase_features:last_purchase_at',
      ],
      entities: { stock_code: products, customer_id: customers },
    }),
    'an entity twice, and unknown ones between': () => ({
      features: ['user_purchase_features:total_spend_lifetime'],
      entities: { customer_id: [customers[0], 1n, customers[1], customers[0]] },
    }),
    'an entity column that nothing needs': () => ({
      features: ['user_purchase_features:total_spend_lifetime'],
      entities: { customer_id: [customers[0]], basket: ['x'] },
    }),
    'ids of integers as text': () => ({
      features: ['user_purchase_features:total_spend_lifetime'],
      entities: { customer_id: [String(customers[0])] },
    }),
    'what the remote client sends beside': () => ({
      features: ['user_purchase_features:total_spend_lifetime'],
      entities: { customer_id: [customers[0]] },
      full_feature_names: false,
      include_feature_view_version_metadata: false,
      feature_service: null,
    }),
  };

  test.each(Object.keys(requests))('%s', async (name) => {
    const { ours, feasts } = await askBoth(exactJson(requests[name]!()));
    expect([ours.status, ours.type]).toEqual([200, 'application/json']);
    expect([feasts.status, feasts.type]).toEqual([200, 'application/json']);
    const [our, their] = [parseExactly(ours.text), parseExactly(feasts.text)];
    expect(Object.keys(our)).toEqual(Object.keys(their));
    expect(Object.keys(our.metadata)).toEqual(Object.keys(their.metadata));
    expect(columnsOf(our)).toEqual(nullsNamed(columnsOf(their)));
  });

  test('to /health: 200 and no body', async () => {
    const [ours, feasts] = await Promise.all(
      [sidecar.url, feastUrl].map((url) => ask(url, 'GET', '/health')),
    );
    expect([ours!.status, ours!.text]).toEqual([feasts!.status, feasts!.text]);
  });
});

describe('bad requests', () => {
  const ragged =
    '"features": ["user_purchase_features:last_purchase_at", "product_sales_features:last_price"]';
  const both = [
    ['no JSON', '{"features": [', 'SRV_JSON'],
    ['a list', '[]', 'SRV_JSON'],
    ['nothing', '', 'SRV_JSON'],
    ['no entities', `{${counts}}`, 'SRV_REQUEST'],
    ['no features', '{"entities": {"customer_id": [1]}}', 'SRV_REQUEST'],
    ['an empty list of features', '{"features": [], "entities": {"customer_id": [1]}}', 'SRV_REQUEST'],
    ['a key that is no list', `{${counts}, "entities": {"customer_id": 1}}`, 'SRV_REQUEST'],
    ['no key', `{${counts}, "entities": {}}`, 'SRV_KEY_MISSING'],
    ['another key', `{${counts}, "entities": {"stock_code": ["x"]}}`, 'SRV_KEY_MISSING'],
    ['a null key', `{${counts}, "entities": {"customer_id": [1, null]}}`, 'SRV_KEY_MISSING'],
    ['an empty list of keys', `{${counts}, "entities": {"customer_id": []}}`, 'SRV_NO_ROWS'],
    ['text for an integer', `{${counts}, "entities": {"customer_id": ["abc"]}}`, 'SRV_KEY_TYPE'],
    [
      'an integer past int64',
      `{${counts}, "entities": {"customer_id": [9223372036854775808]}}`,
      'SRV_KEY_TYPE',
    ],
    ['ragged lists', `{${ragged}, "entities": {"customer_id": [1, 2], "stock_code": ["x"]}}`, 'SRV_RAGGED'],
    [
      'an unknown service',
      '{"feature_service": "no", "entities": {"customer_id": [1]}}',
      'SRV_UNKNOWN_SERVICE',
    ],
    ['an unknown view', '{"features": ["no:no"], "entities": {"customer_id": [1]}}', 'SRV_UNKNOWN_FEATURE'],
    [
      'an unknown feature',
      '{"features": ["user_purchase_features:no"], "entities": {"customer_id": [1]}}',
      'SRV_UNKNOWN_FEATURE',
    ],
    [
      'a feature twice',
      `{"features": ["samples:big", "samples:big"], "entities": {"sample_id": ["plain"]}}`,
      'SRV_AMBIGUOUS_FEATURE',
    ],
  ] as const;

  test.each(both)('%s: both refuse, we with a 4xx, a code and a sentence', async (_, body, code) => {
    const { ours, feasts } = await askBoth(body);
    expect(feasts.status).toBeGreaterThanOrEqual(400);
    expectRefusal(ours, code);
  });

  const guessed = [
    ['a fraction for an integer', `{${counts}, "entities": {"customer_id": [1.5]}}`],
    ['true for an integer', `{${counts}, "entities": {"customer_id": [true]}}`],
    ['an integer for text', '{"features": ["samples:big"], "entities": {"sample_id": [7]}}'],
  ] as const;

  test.each(guessed)('%s: Feast takes it for another entity, we refuse', async (_, body) => {
    const { ours, feasts } = await askBoth(body);
    expect(feasts.status).toBe(200);
    expectRefusal(ours, 'SRV_KEY_TYPE');
  });
});

function expectRefusal({ status, type, text }: Answer, code: string): void {
  expect(type).toBe('application/json');
  expect([status, status >= 400 && status < 500], text).toEqual([status, true]);
  const { detail } = JSON.parse(text) as { detail: { code: string; message: string } };
  expect(detail).toMatchObject({ code });
  expect(detail.message.length).toBeGreaterThan(10);
}
