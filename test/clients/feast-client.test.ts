/**
 * Feast's own Python client, online store type `remote`, reads from the sidecar what stands in the history: the only
 * thing that a user of Feast changes is the URL.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import { startRedis } from '../support/redis/redis.ts';
import type { RedisServer } from '../support/redis/redis.ts';
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { Value } from '../../contract/value-type.ts';
import { askFeast, makeFeastRepo } from './feast-repo.ts';
import type { FeastAnswer, FeastColumn, FeastRequest, PythonValue } from './feast-repo.ts';
import { SAMPLES, SAMPLE_FEATURES } from './sample-rows.ts';
import type { SampleFeature } from './sample-rows.ts';
import { feastDefinitions, makeServedShop, NOON_US } from './served-shop.ts';
import type { ServedShop, Sidecar } from './served-shop.ts';

const CUSTOMERS = 400;
const PRODUCTS = 400;
const PAIRS = 300;
const CUSTOMER_FEATURES = [
  'purchase_count_7d',
  'purchase_count_30d',
  'avg_order_value_30d',
  'total_spend_lifetime',
  'favorite_category',
  'last_purchase_at',
];
const PRODUCT_FEATURES = ['units_sold_7d', 'revenue_30d', 'buyers_30d', 'min_price_30d', 'last_price'];
const STORES = ['redis', 'embedded'] as const;
/** Feast's client reads a value of these with `online_read`; bytes it cannot, since JSON has none. */
const TYPED_FEATURES = SAMPLE_FEATURES.filter((name) => name !== 'raw');

const requests = {
  customers: 0,
  products: 1,
  service: 2,
  unknown: 3,
  everyType: 4,
  typed: 5,
  noFeature: 6,
  wrongKey: 7,
  noKey: 8,
} as const;

let shop: ServedShop;
let redis: RedisServer;
const sidecars: Sidecar[] = [];
let customers: SqlRow[];
let products: SqlRow[];
const answers = new Map<string, FeastAnswer[]>();

beforeAll(async () => {
  const python = await pythonEnvironment();
  redis = await startRedis();
  shop = await makeServedShop();
  customers = await shop.newestRows('user_purchase_features', CUSTOMERS);
  products = await shop.newestRows('product_sales_features', PRODUCTS);
  for (const online of [redis.url, 'sqlite:.plumb/online.db']) sidecars.push(await shop.serve(online));
  const folders = STORES.map((store, i) =>
    makeFeastRepo(join(shop.folder, `feast-${store}`), ['type: remote', `path: ${sidecars[i]!.url}`]),
  );
  const all = await askFeast(python, folders, feastDefinitions(shop.bundle), makeRequests());
  STORES.forEach((store, i) => answers.set(store, all[i]!));
});

afterAll(async () => {
  for (const sidecar of sidecars) await sidecar.stop();
  await redis?.stop();
  shop?.remove();
});

/** In the order of `requests`. */
function makeRequests(): FeastRequest[] {
  const customerIds = customers.map((row) => row['customer_id'] as bigint);
  const stockCodes = products.map((row) => row['stock_code'] as string);
  const samples = [...SAMPLES.map(({ id }) => id), 'never sampled'];
  const one = ['user_purchase_features:purchase_count_7d'];
  return [
    {
      features: CUSTOMER_FEATURES.map((name) => `user_purchase_features:${name}`),
      entities: { customer_id: customerIds },
      rows: true,
    },
    {
      features: PRODUCT_FEATURES.map((name) => `product_sales_features:${name}`),
      entities: { stock_code: stockCodes },
      full: true,
    },
    {
      service: 'basket_v1',
      entities: { customer_id: customerIds.slice(0, PAIRS), stock_code: stockCodes.slice(0, PAIRS) },
      rows: true,
    },
    {
      service: 'basket_v1',
      entities: {
        customer_id: [1n, customerIds[0]!, 2n],
        stock_code: [stockCodes[0]!, 'no such', 'nor this'],
      },
    },
    { service: 'every_type', entities: { sample_id: samples }, full: true },
    { read: 'samples', features: TYPED_FEATURES, key: 'sample_id', values: SAMPLES.map(({ id }) => id) },
    { features: ['user_purchase_features:no_such'], entities: { customer_id: [1n] } },
    { features: one, entities: { customer_id: ['seven'] } },
    { features: one, entities: { stock_code: ['22233'] } },
  ];
}

/** A value of the history as a client of Feast has it: times in whole seconds. */
function ofHistory(row: SqlRow, name: string): PythonValue {
  const us = row[`${name}_us`];
  return us === undefined ? (row[name] as PythonValue) : us === null ? null : (us as bigint) / 1_000_000n;
}

/** A sample's value as JSON carries it: bytes in base64, times in seconds; in Python every integer is an int. */
function ofSample(name: SampleFeature, value: Value): PythonValue {
  if (value === null) return null;
  if (name === 'small') return BigInt(value as number);
  if (name === 'at') return (value as bigint) / 1_000_000n;
  if (value instanceof Float32Array) return [...value];
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value as PythonValue;
}

function asDate(seconds: PythonValue): PythonValue {
  return seconds === null ? null : new Date(Number(seconds) * 1_000);
}

function expectColumn(column: FeastColumn | undefined, values: readonly PythonValue[], name: string): void {
  expect(column?.values, name).toEqual(values);
  const statuses = values.map((value) => (value === null ? 'NULL_VALUE' : 'PRESENT'));
  expect(column?.statuses, name).toEqual(statuses);
}

describe.each(STORES)('from the %s store', (store) => {
  const answer = (request: keyof typeof requests): FeastAnswer => answers.get(store)![requests[request]]!;

  test('every feature of a few hundred customers is that of the history', () => {
    const { names, columns, error } = answer('customers');
    expect(error).toBeNull();
    expect(names).toEqual(['customer_id', ...CUSTOMER_FEATURES]);
    expect(columns['customer_id']!.values).toEqual(customers.map((row) => row['customer_id']));
    for (const name of CUSTOMER_FEATURES) {
      const values = customers.map((row) => ofHistory(row, name));
      expectColumn(columns[name], values, name);
    }
    const averages = columns['avg_order_value_30d']!;
    expect(averages.values.filter((value) => value === null).length).toBeGreaterThan(CUSTOMERS / 20);
    expect(averages.values.filter((value) => value !== null).length).toBeGreaterThan(CUSTOMERS / 20);
  });

  test('every feature of a few hundred products is that of the history, under full names', () => {
    const { names, columns, error } = answer('products');
    expect(error).toBeNull();
    expect(names).toEqual([
      'stock_code',
      ...PRODUCT_FEATURES.map((name) => `product_sales_features__${name}`),
    ]);
    for (const name of PRODUCT_FEATURES) {
      const values = products.map((row) => ofHistory(row, name));
      expectColumn(columns[`product_sales_features__${name}`], values, name);
    }
  });

  test('a feature service of two entities gives the same values, in its order', () => {
    const { names, columns, error } = answer('service');
    expect(error).toBeNull();
    expect(names).toEqual(['customer_id', 'stock_code', ...CUSTOMER_FEATURES, ...PRODUCT_FEATURES]);
    for (let i = 0; i < CUSTOMER_FEATURES.length + PRODUCT_FEATURES.length; i++) {
      const name = names[i + 2]!;
      const rows = i < CUSTOMER_FEATURES.length ? customers : products;
      const values = rows.slice(0, PAIRS).map((row) => ofHistory(row, name));
      expectColumn(columns[name], values, name);
    }
  });

  test('an unknown entity is NOT_FOUND in its views only', () => {
    const { columns } = answer('unknown');
    for (const name of CUSTOMER_FEATURES) {
      expect(columns[name]!.values, name).toEqual([null, ofHistory(customers[0]!, name), null]);
      expect(columns[name]!.statuses[0], name).toBe('NOT_FOUND');
      expect(columns[name]!.statuses[2], name).toBe('NOT_FOUND');
    }
    for (const name of PRODUCT_FEATURES) {
      expect(columns[name]!.values, name).toEqual([ofHistory(products[0]!, name), null, null]);
      expect(columns[name]!.statuses.slice(1), name).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    }
  });

  test('each type arrives as itself, at its extremes too: integers whole, floats to the bit', () => {
    const { columns, error } = answer('everyType');
    expect(error).toBeNull();
    for (const name of SAMPLE_FEATURES) {
      const column = columns[`samples__${name}`]!;
      const values = SAMPLES.map((sample) => ofSample(name, sample[name]));
      expect(column.values.slice(0, -1), name).toEqual(values);
      expect([column.values.at(-1), column.statuses.at(-1)], name).toEqual([null, 'NOT_FOUND']);
    }
    const kinds = Object.fromEntries(
      SAMPLE_FEATURES.map((name) => [name, columns[`samples__${name}`]!.kinds[0]]),
    );
    expect(kinds).toEqual({
      flag: 'bool_val',
      small: 'int64_val',
      big: 'int64_val',
      single: 'double_val',
      double: 'double_val',
      text: 'string_val',
      raw: 'string_val',
      at: 'int64_val',
      ints: 'int64_list_val',
      doubles: 'double_list_val',
      texts: 'string_list_val',
      vector: 'double_list_val',
    });
  });

  test('where Feast knows the types, its client reads each as declared, with the time of the row', () => {
    const { columns, error, time } = answer('typed');
    expect(error).toBeNull();
    expect(time).toEqual(new Date(NOON_US / 1_000));
    for (const name of TYPED_FEATURES) {
      const values = SAMPLES.map((sample) => ofSample(name, sample[name]));
      const typed = name === 'at' ? values.map(asDate) : values;
      expect(columns[name]!.values, name).toEqual(typed);
    }
    const kinds = TYPED_FEATURES.map((name) => columns[name]!.kinds[0]);
    expect(kinds).toEqual([
      'bool_val',
      'int32_val',
      'int64_val',
      'float_val',
      'double_val',
      'string_val',
      'unix_timestamp_val',
      'int64_list_val',
      'double_list_val',
      'string_list_val',
      'float_list_val',
    ]);
  });

  test('a mistake reaches the user as one error with our sentence', () => {
    expect(answer('noFeature').error).toMatch(
      /^RuntimeError: .*404 .*no feature no_such in user_purchase_features/,
    );
    expect(answer('wrongKey').error).toMatch(/^RuntimeError: .*400 .*customer_id should be of type int64/);
    expect(answer('noKey').error).toMatch(/^RuntimeError: .*400 .*lacks the join key customer_id/);
  });
});
