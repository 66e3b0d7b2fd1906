/** Requests over gRPC: any bytes are one that can be served, or are refused with a code of the table. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedError } from '../../../../contract/std/coded-error.ts';
import { SIDECAR_ERRORS } from '../../../../sidecar/errors.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import type { VectorCodec } from '../../../../sidecar/request/surface.ts';
import { GRPC_SURFACES } from '../../../../sidecar/surface/surfaces.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';
import { messageBytes } from '../../../support/grpc/grpc-messages.ts';
import { int64Bytes, textBytes } from '../../../support/http/tensor-request.ts';
import '../../../support/property-seed.ts';

const plans = new BundlePlans({ ...bundleContent(), hash: 'b'.repeat(16) }, '', new ViewSlots());
const [oip, feast] = GRPC_SURFACES as [VectorCodec, VectorCodec];

const datatype = fc.constantFrom('INT64', 'INT32', 'BYTES', 'FP32', 'BOOL', '');
const contents = fc.oneof(
  fc.record({ int64_contents: fc.array(fc.integer()) }),
  fc.record({ int_contents: fc.array(fc.integer()) }),
  fc.record({ bytes_contents: fc.array(fc.uint8Array().map((bytes) => Buffer.from(bytes))) }),
  fc.record({ fp64_contents: fc.array(fc.double()) }),
  fc.record({ uint_contents: fc.array(fc.nat()) }),
);
const input = fc.record(
  {
    name: fc.constantFrom('customer_id', 'product_code', '__proto__', ''),
    datatype,
    shape: fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }),
    contents,
  },
  { requiredKeys: ['name', 'datatype', 'shape'] },
);
const infer = fc
  .record({
    model_name: fc.constantFrom('everything', 'profile_only', 'none', ''),
    model_version: fc.constantFrom('', '3', '4'),
    inputs: fc.array(input, { maxLength: 3 }),
    outputs: fc.array(fc.record({ name: fc.constantFrom('features', 'status', 'x') }), { maxLength: 3 }),
    raw_input_contents: fc.array(
      fc.oneof(
        fc.constant(int64Bytes([1n])),
        fc.constant(textBytes(['7'])),
        fc.uint8Array().map((b) => Buffer.from(b)),
      ),
      { maxLength: 3 },
    ),
  })
  .map((message) => messageBytes('inference.ModelInferRequest', message));
const likelyInfer = fc.array(fc.integer(), { minLength: 1, maxLength: 3 }).map((ids) =>
  messageBytes('inference.ModelInferRequest', {
    model_name: 'everything',
    inputs: [
      { name: 'customer_id', datatype: 'INT64', shape: [ids.length], contents: { int64_contents: ids } },
      {
        name: 'product_code',
        datatype: 'BYTES',
        shape: [1],
        contents: { bytes_contents: [Buffer.from('p')] },
      },
    ],
  }),
);

const value = fc.oneof(
  fc.record({ int64_val: fc.integer() }),
  fc.record({ string_val: fc.string() }),
  fc.record({ double_val: fc.double() }),
  fc.record({ bytes_val: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
  fc.record({ bool_val: fc.boolean() }),
  fc.record({ int64_list_val: fc.record({ val: fc.array(fc.integer()) }) }),
  fc.constant({ null_val: 0 }),
  fc.constant({ map_val: { val: {} } }),
  fc.constant({}),
);
const entities = fc.dictionary(
  fc.constantFrom('customer_id', 'product_code', '__proto__', 'x'),
  fc.record({ val: fc.array(value, { maxLength: 3 }) }),
);
const asked = fc.oneof(
  fc.record({ feature_service: fc.constantFrom('everything', 'profile_only', 'none', '') }),
  fc.record({
    features: fc.record({ val: fc.array(fc.constantFrom('profile:name', 'spend:total', ':', 'x')) }),
  }),
  fc.constant({}),
);
const features = fc
  .tuple(asked, fc.record({ entities, full_feature_names: fc.boolean(), request_context: entities }))
  .map(([kind, rest]) => messageBytes('feast.serving.GetOnlineFeaturesRequest', { ...kind, ...rest }));
const likelyFeatures = fc.array(fc.integer(), { minLength: 1, maxLength: 3 }).map((ids) =>
  messageBytes('feast.serving.GetOnlineFeaturesRequest', {
    feature_service: 'profile_only',
    entities: { customer_id: { val: ids.map((id) => ({ int64_val: id })) } },
  }),
);

/** A byte of it another one, or its end cut off, or neither. */
function damaged(message: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc.tuple(message, fc.nat(), fc.option(fc.nat(255)), fc.boolean()).map(([bytes, at, byte, cut]) => {
    if (byte === null || bytes.length === 0) return bytes;
    if (cut) return bytes.subarray(0, at % bytes.length);
    const copy = Buffer.from(bytes);
    copy[at % bytes.length] = byte;
    return copy;
  });
}

test.each([
  [
    'the Open Inference Protocol',
    oip,
    fc.oneof(infer, likelyInfer),
    ['SRV_MESSAGE', 'SRV_TENSOR', 'SRV_UNKNOWN_KEY'],
  ],
  [
    "Feast's service",
    feast,
    fc.oneof(features, likelyFeatures),
    ['SRV_MESSAGE', 'SRV_KEY_MISSING', 'SRV_REQUEST'],
  ],
] as const)('of %s', (_, surface, message, codes) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(damaged(message), (bytes) => {
      let code = 'taken';
      try {
        const { plan, count, parts } = surface.parse(bytes, plans, new PathExchange());
        expect(parts).toHaveLength(plan.keys.length);
        for (const list of parts) expect(list).toHaveLength(count);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        expect(Object.keys(SIDECAR_ERRORS)).toContain(error.code);
        code = error.code;
      }
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }),
    { numRuns: 1_500 },
  );
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['taken', ...codes]));
});
