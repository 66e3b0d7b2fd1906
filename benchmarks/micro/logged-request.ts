/**
 * What a served request of 50 features in 3 views is in the vector log: what the benchmarks of the log write and send.
 */
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';

const SERVED_US = 1_795_253_502_123_456;
/** 17 doubles of 9 bytes, the array's header and the row's. */
const ROW_BYTES = 24 + 3 + 17 * 9;

export function plainRow(): Buffer {
  return Buffer.alloc(ROW_BYTES, 0xcb);
}

/** @param rowOf  the row of each view, by its place */
export function loggedRequest(
  { requestId, nth, key }: { readonly requestId: string; readonly nth: number; readonly key: string },
  rowOf: (view: number) => Buffer,
): ServedRequest {
  const rows = ['user_purchase_features', 'user_session_features', 'user_profile'].map((view, i) => ({
    role: view,
    view,
    status: 0,
    source: 1,
    fetchedUs: 1_795_253_502_000_000,
    watermarkUs: 1_795_250_000_000_000,
    row: rowOf(i),
  }));
  return {
    requestId,
    servedUs: SERVED_US + nth,
    surface: 0,
    service: 'churn_v1',
    serviceVersion: 3,
    bundle: '0123456789abcdef',
    keyNames: ['customer_id'],
    features: [],
    vectors: [{ keys: [key], rows }],
    answer: null,
  };
}
