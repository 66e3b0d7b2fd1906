/** Served requests for the tests of the vector log: a plain one, and arbitrary ones for fast-check. */
import fc from 'fast-check';
import type { ServedRequest, ServedRow } from '../../contract/wire/log/served-record.ts';

export const SERVED_US = 1_795_253_502_123_456;

/** One vector of two views, of which the second had no row. */
export function servedRequest(requestId: string, rowBytes = 120): ServedRequest {
  const row = Buffer.alloc(rowBytes, requestId);
  return {
    requestId,
    servedUs: SERVED_US,
    surface: 0,
    service: 'churn_v1',
    serviceVersion: 3,
    bundle: '0123456789abcdef',
    keyNames: ['customer_id'],
    features: [],
    vectors: [
      {
        keys: ['17850'],
        rows: [
          {
            role: 'purchases',
            view: 'purchases@v2',
            status: 0,
            source: 1,
            fetchedUs: SERVED_US - 5,
            watermarkUs: 3,
            row,
          },
          {
            role: 'seller',
            view: 'seller',
            status: 2,
            source: 2,
            fetchedUs: SERVED_US - 9,
            watermarkUs: 0,
            row: null,
          },
        ],
      },
    ],
    answer: null,
  };
}

/** The last microsecond of the year 2199: later times no sidecar logs. */
export const LAST_US = Date.UTC(2200, 0) * 1_000 - 1;

const us = fc.oneof(fc.constant(0), fc.constant(LAST_US), fc.nat(), fc.nat({ max: LAST_US }));
const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 300, minLength: 130 }),
);
const bytes = fc
  .oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(Uint8Array.from(Buffer.from('PLf1PLf1'))))
  .map((array) => Buffer.from(array));

/** Any request, its views the same in each vector. */
export const anyRequest: fc.Arbitrary<ServedRequest> = fc
  .record({
    views: fc.array(fc.record({ role: text, view: text }), { maxLength: 4 }),
    keys: fc.nat(3),
    rows: fc.nat(5),
  })
  .chain(({ views, keys, rows }) => {
    const row = (name: { role: string; view: string }): fc.Arbitrary<ServedRow> =>
      fc.record({
        role: fc.constant(name.role),
        view: fc.constant(name.view),
        status: fc.nat(4),
        source: fc.nat(3),
        fetchedUs: us,
        watermarkUs: us,
        row: fc.option(bytes),
      });
    return fc.record({
      requestId: text,
      servedUs: us,
      surface: fc.nat(3),
      service: text,
      serviceVersion: fc.nat(2 ** 31 - 1),
      bundle: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 16 }),
      keyNames: fc.array(text, { minLength: keys, maxLength: keys }),
      features: fc.array(text, { maxLength: 3 }),
      vectors: fc.array(
        fc.record({
          keys: fc.array(fc.option(text), { minLength: keys, maxLength: keys }),
          rows: fc.tuple(...views.map(row)),
        }),
        { minLength: rows, maxLength: rows },
      ),
      answer: fc.option(bytes),
    });
  });
