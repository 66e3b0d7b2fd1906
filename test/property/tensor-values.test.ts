/** What stands in an answered tensor, and what the monitor takes the model to have received: one meaning, two ways. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { Bundle, Feature, FeatureView } from '../../contract/model.ts';
import { rowValues } from '../../contract/served-values.ts';
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { formatType, isNumeric, isVector } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import { asReceived } from '../../monitor/judge/received-value.ts';
import { CachedRow } from '../../sidecar/cache/cached-row.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import type { Plan } from '../../sidecar/plan/plan.ts';
import { tensorPlan } from '../../sidecar/surface/oip/tensor-plan.ts';
import { rowImage } from '../../sidecar/surface/oip/tensor-row.ts';
import { columnNumbers, columnStatus, columnWidth } from '../../sidecar/surface/oip/vector-column.ts';
import { RequestInFlight } from '../../sidecar/request/request-in-flight.ts';
import { PathExchange } from '../support/faults/path-exchange.ts';
import { anyType, anyValueOf } from '../support/fixtures/any-value.ts';
import {
  bundleContent,
  customer,
  encodeRow,
  feature,
  service,
  view,
} from '../support/fixtures/serving-fixture.ts';

const OIP = SURFACES.indexOf('oip');
const number = fc.constantFrom('int32', 'int64', 'float32', 'float64').map((kind) => ({ kind }) as const);
const TENSORS = ['float64', 'float32'] as const;

/** Mostly numbers, with fallbacks, and other features between them. */
const anyView = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      type: fc.oneof({ weight: 4, arbitrary: number }, anyType),
    }),
    { minLength: 1, selector: ({ name }) => name },
  )
  .chain((features) =>
    fc.tuple(
      ...features.map(({ name, type }) =>
        (isNumeric(type) ? anyValueOf(type) : fc.constant(null)).map((missing) =>
          feature(name, formatType(type), missing),
        ),
      ),
    ),
  )
  .map((features) => view('v', customer, features));

const anyRow = anyView.chain((before) =>
  fc.record({
    before: fc.constant(before),
    now: anyView,
    values: fc.tuple(...before.features.map(({ type }) => anyValueOf(type))),
  }),
);

function planOf(now: FeatureView, before: FeatureView, tensor: 'float32' | 'float64'): [Bundle, Plan] {
  const model = { ...service('model', [{ view: now, of: customer }]), tensor };
  const bundle = {
    ...bundleContent(),
    views: new Map([['v', now]]),
    services: new Map([['model', model]]),
    schemas: new Map([['v', [rowSchemaOf(before, customer), rowSchemaOf(now, customer)]]]),
    hash: 'b',
  };
  return [bundle, new BundlePlans(bundle, '', new ViewSlots()).service('model')];
}

/** The image of the one segment that a service of one view has, taken apart. */
function columnsOf(plan: Plan, image: Buffer): { values: number[]; statuses: number[] } {
  const { valueBytes, features } = tensorPlan(plan).segments[0]!;
  const bytes = image.buffer.slice(image.byteOffset, image.byteOffset + valueBytes);
  const values = tensorPlan(plan).datatype === 'FP32' ? new Float32Array(bytes) : new Float64Array(bytes);
  expect(image).toHaveLength(valueBytes + features.length);
  return { values: [...values], statuses: [...image.subarray(valueBytes)] };
}

test.each(TENSORS)('a tensor of %s holds what the monitor judges, null and fallback included', (tensor) => {
  let seen = 0;
  fc.assert(
    fc.property(anyRow, ({ before, now, values }) => {
      const row = encodeRow(before, values);
      for (const current of [now, before]) {
        const [bundle, plan] = planOf(current, before, tensor);
        const numbers = current.features.filter(({ type }) => isNumeric(type));
        expect(tensorPlan(plan).names).toEqual(numbers.map(({ name }) => `v__${name}`));
        if (numbers.length === 0) continue;
        seen += 1;
        const received = (f: Feature, value: Value): Value => asReceived(f.type, value, OIP, tensor);
        const of = plan.roleViews[0]!;
        const cached = new CachedRow(
          of,
          { fetchedUs: 1, order: 1, factor: 1, ready: null },
          0,
          row.toString('latin1'),
        );
        const read = rowValues(bundle, current, row) as (Value | undefined)[];
        const byFeature = new Map(current.features.map((f, i) => [f, read[i]]));
        expect(columnsOf(plan, rowImage(cached, tensorPlan(plan).segments[0]!))).toEqual({
          values: numbers.map((f) =>
            received(f, byFeature.get(f) === undefined ? f.missing : byFeature.get(f)!),
          ),
          statuses: numbers.map((f) => {
            const value = byFeature.get(f);
            return value === undefined ? MISSING : value === null ? NULL : PRESENT;
          }),
        });
        for (const status of [MISSING, OUTSIDE_TTL, UNAVAILABLE]) {
          expect(columnsOf(plan, tensorPlan(plan).segments[0]!.absentImages[status]!)).toEqual({
            values: numbers.map((f) => received(f, f.missing)),
            statuses: numbers.map(() => status),
          });
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(seen).toBeGreaterThan(100);
});

const vectorType = fc.oneof(
  fc.integer({ min: 1, max: 5 }).map((size) => ({ kind: 'embedding', size }) as const),
  number.map((of) => ({ kind: 'list', of }) as const),
);

test('a tensor of a list or an embedding holds what the monitor judges, null and fallback included', () => {
  const anyFeature = vectorType.chain((type) =>
    fc.record({
      type: fc.constant(type),
      missing: anyValueOf(type),
      values: fc.array(anyValueOf(type), { minLength: 1, maxLength: 4 }),
    }),
  );
  let ragged = 0;
  fc.assert(
    fc.property(anyFeature, fc.nat(4), ({ type, missing, values }, absent) => {
      const of = view('v', customer, [feature('f', formatType(type), missing), feature('other', 'int32')]);
      const [, plan] = planOf(of, of, 'float64');
      const [column] = tensorPlan(plan).vectors;
      expect(isVector(type) && column!.name).toBe('v__f');
      // One entity has no row.
      const statuses = [
        ...values.map(() => PRESENT),
        [MISSING, OUTSIDE_TTL, UNAVAILABLE, MISSING, MISSING][absent]!,
      ];
      const count = statuses.length;
      const inFlight = new RequestInFlight(
        new PathExchange(''),
        { plan, count, parts: [], texts: [], inputs: [], passedOver: 0, form: null },
        1,
      );
      for (const [r, status] of statuses.entries()) {
        const row = status === PRESENT ? cachedRow(plan, encodeRow(of, [values[r]!, null])) : null;
        inFlight.setPlace(r, row, 0, status);
      }
      const shown = statuses.map((status, r) => (status === PRESENT ? values[r]! : missing));
      const received = shown.map(
        (value) => asReceived(type, value, OIP, 'float64') as ArrayLike<number> | null,
      );
      const lengths = received.flatMap((items, r) =>
        items === null || (items.length === 0 && statuses[r] !== PRESENT) ? [] : [items.length],
      );
      if (type.kind === 'list' && new Set(lengths).size > 1) {
        ragged += 1;
        expect(() => columnWidth(inFlight, column!)).toThrow(/: no tensor$/);
        return;
      }
      const width = columnWidth(inFlight, column!);
      expect(width).toBe(type.kind === 'embedding' ? type.size : (lengths[0] ?? 0));
      expect(columnNumbers(inFlight, column!, width)).toEqual(
        received.flatMap((items) =>
          items === null ? Array<number>(width).fill(Number.NaN) : widened(items, width),
        ),
      );
      expect(statuses.map((_, r) => columnStatus(inFlight, column!, r))).toEqual(
        statuses.map((status, r) => (status !== PRESENT ? status : values[r] === null ? NULL : PRESENT)),
      );
    }),
    { numRuns: 500 },
  );
  expect(ragged).toBeGreaterThan(20);
});

/** An empty fallback stands in for no list as NaN do. */
function widened(items: ArrayLike<number>, width: number): number[] {
  return items.length === width ? Array.from(items) : Array<number>(width).fill(Number.NaN);
}

function cachedRow(plan: Plan, row: Buffer): CachedRow {
  const times = { fetchedUs: 1, order: 1, factor: 1, ready: null };
  return new CachedRow(plan.roleViews[0]!, times, 0, row.toString('latin1'));
}
