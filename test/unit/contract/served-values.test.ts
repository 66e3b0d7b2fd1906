import { describe, expect, test } from 'vitest';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { Bundle } from '../../../contract/model.ts';
import { decodeServed, rowFeatures } from '../../../contract/served-values.ts';
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import type { LoggedRow, ServedRecord } from '../../../contract/wire/log/served-record.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  bundleContent,
  customer,
  encodeRow,
} from '../../support/fixtures/serving-fixture.ts';
import { feature, productStats, profile, spend, view } from '../../support/fixtures/serving-fixture.ts';

const bundle: Bundle = { ...bundleContent(), hash: 'b' };

function logged(
  id: string,
  row: Buffer | null,
  status = row === null ? MISSING : PRESENT,
  role = id,
): LoggedRow {
  const times = { fetchedUs: NOON_US, watermarkUs: NOON_US };
  return { role, view: id, status, source: 2, row, masked: false, hmacs: [], reason: 0, ...times };
}

function record(service: string, rows: LoggedRow[], more: Partial<ServedRecord> = {}): ServedRecord {
  return {
    ...servedRequest('r1'),
    service,
    pod: 'pod-1',
    epoch: '0'.repeat(16),
    sequence: 1,
    part: 0,
    parts: 0,
    inputNames: [],
    requestUs: 0,
    keyPolicies: [],
    hmacKeyId: '',
    keyNames: ['customer_id', 'product_code'],
    inputPolicies: [],
    onDemand: [],
    vectors: [
      {
        keys: ['-17', 'a%7Cb'],
        rows,
        inputs: null,
        outputs: null,
        outputStatuses: [],
        inputHmacs: [],
        outputHmacs: [],
      },
    ],
    ...more,
  };
}

/** The vector in short: `[value, status]` by feature. */
function values(of: ServedRecord, from = bundle): Record<string, unknown> {
  const [vector] = decodeServed(from, of);
  return Object.fromEntries(vector!.features.map(({ name, value, status }) => [name, [value, status]]));
}

/** Bytes come as a Buffer or as an Uint8Array. */
const plain = (value: Value): Value => (value instanceof Uint8Array ? Uint8Array.from(value) : value);

const profileRow = encodeRow(profile, PROFILE_VALUES);

const productRow = encodeRow(productStats, [9.5]);

describe('a logged vector', () => {
  test('has the values, the statuses and the ids that were answered', () => {
    const spendRow = encodeRow(spend, [null, 3n]);
    const rows = [logged('profile', profileRow), logged('spend', spendRow), logged('product', productRow)];
    const [vector] = decodeServed(bundle, record('everything', rows));
    expect(vector!.entities).toEqual([-17n, 'a|b']);
    expect(vector!.features.map(({ name, value, status }) => [name, plain(value), status])).toEqual([
      ...profile.features.map((f, i) => [`profile__${f.name}`, PROFILE_VALUES[i], PRESENT]),
      ['spend__total', null, NULL],
      ['spend__orders', 3n, PRESENT],
      ['product__price', 9.5, PRESENT],
    ]);
    expect(vector!.rows.map(({ header }) => header!.definitionId)).toEqual(
      [profile, spend, productStats].map((v) => v.definitionId),
    );
  });

  test.each([MISSING, OUTSIDE_TTL, UNAVAILABLE])(
    'of status %i shows the fallbacks, whatever its row holds',
    (status) => {
      const row = status === MISSING ? null : profileRow;
      const shown = values(record('profile_only', [logged('profile', row, status)]));
      expect(shown).toMatchObject({
        profile__name: [null, status],
        profile__visits: [-1, status],
        profile__score: [0.5, status],
      });
    },
  );

  test('of a view in two roles keeps them apart', () => {
    const rows = ['buyer', 'seller'].map((role, i) =>
      logged('spend', encodeRow(spend, [i + 0.5, 1n]), PRESENT, role),
    );
    const of = record('twice', rows, { keyNames: ['buyer_id', 'seller_id'] });
    expect(values({ ...of, vectors: [{ ...of.vectors[0]!, keys: ['1', null] }] })).toMatchObject({
      buyer__total: [0.5, PRESENT],
      seller__total: [1.5, PRESENT],
    });
    expect(
      decodeServed(bundle, { ...of, vectors: [{ ...of.vectors[0]!, keys: ['1', null] }] })[0]!.entities,
    ).toEqual([1n, null]);
  });

  test('of single features finds them by their full names', () => {
    const features = ['product__price', 'profile__points', 'profile__gone'];
    const rows = [logged('profile', profileRow), logged('product', productRow)];
    expect(values(record('', rows, { features }))).toEqual({
      product__price: [9.5, PRESENT],
      profile__points: [9_007_199_254_740_993n, PRESENT],
      profile__gone: [null, MISSING],
    });
  });

  test('of an older definition is read with its own schema, by name and type', () => {
    const before = view('spend', customer, [feature('orders', 'int64'), feature('total', 'float32')], {
      kind: 'aggregated',
    });
    const row = encodeRow(before, [4n, 2.5]);
    const both = new Map(bundle.schemas).set('spend', [
      rowSchemaOf(before, customer),
      rowSchemaOf(spend, customer),
    ]);
    const of = record('everything', [logged('profile', null), logged('spend', row), logged('product', null)]);
    const expected = { spend__orders: [4n, PRESENT], spend__total: [null, MISSING] };
    expect(values(of, { ...bundle, schemas: both })).toMatchObject(expected);
    expect(decodeServed(bundle, of)[0]!.rows[1]!.fault).toContain('is not known');
    const later = decodeServed(bundle, of, (id) => (id === 'spend' ? rowSchemaOf(before, customer) : null));
    expect(later[0]!.rows[1]!.fault).toBeNull();
  });

  test.each([
    ['renamed', { joinKeys: [{ name: 'client_id', type: 'int64' as const }] }],
    ['of another type', { joinKeys: [{ name: 'customer_id', type: 'string' as const }] }],
    ['of another entity', { entity: 'product' }],
    ['one more', { joinKeys: [...customer.joinKeys, { name: 'shop', type: 'string' as const }] }],
  ])('whose row was written under join keys that are %s has none of its values', (_, other) => {
    const before = { ...rowSchemaOf(spend, customer), ...other, definitionId: 77 };
    const row = encodeRow(before, [2.5, 4n]);
    const of = record('everything', [logged('profile', null), logged('spend', row), logged('product', null)]);
    const schemas = new Map(bundle.schemas).set('spend', [before, rowSchemaOf(spend, customer)]);
    expect(values(of, { ...bundle, schemas })).toMatchObject({
      spend__total: [null, MISSING],
      spend__orders: [0n, MISSING],
    });
    expect(rowFeatures({ ...bundle, schemas }, spend, 77)).toEqual([false, false]);
    // Under the keys of today it has them.
    const same = { ...before, ...rowSchemaOf(spend, customer), definitionId: 77 };
    const known = { ...bundle, schemas: new Map(bundle.schemas).set('spend', [same]) };
    expect(values(of, known)).toMatchObject({ spend__total: [2.5, PRESENT], spend__orders: [4n, PRESENT] });
    expect(rowFeatures(known, spend, 77)).toEqual([true, true]);
    expect(rowFeatures(known, spend, 78)).toMatch('is not known');
  });

  test.each([
    ['cut short', profileRow.subarray(0, 40), 'does not fit its definition'],
    ['without a header', profileRow.subarray(0, 5), ''],
    ['of another shape', Buffer.concat([profileRow.subarray(0, 24), Buffer.of(0x91, 1)]), 'array of 8'],
  ])('whose row is %s has a fault and throws nothing', (_, row, fault) => {
    const [vector] = decodeServed(bundle, record('profile_only', [logged('profile', row)]));
    expect(vector!.rows[0]!.fault).toContain(fault);
    expect(vector!.features.every(({ value }) => value === null)).toBe(true);
  });
});
