/** Columns that are copied piece by piece against columns that are put together as text, for rows in any state. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { FeatureView } from '../../contract/model.ts';
import { FROM_CACHE, MISSING, NULL, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { formatType } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { decodeRowValues } from '../../contract/wire/online/row-codec.ts';
import { AnswerBuffer } from '../../sidecar/transport/answer-buffer.ts';
import { CachedRow } from '../../sidecar/cache/cached-row.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import type { ViewPlan } from '../../sidecar/plan/view-plan.ts';
import { feastSurface } from '../../sidecar/surface/feast/feast.ts';
import { FEAST_STATUSES, feastEventTime, feastText } from '../../sidecar/surface/feast/feast-text.ts';
import { RequestInFlight } from '../../sidecar/request/request-in-flight.ts';
import { anyType, anyValueOf } from '../support/fixtures/any-value.ts';
import { PathExchange } from '../support/faults/path-exchange.ts';
import {
  NOON_US,
  bundleContent,
  customer,
  encodeRow,
  feature,
  view,
} from '../support/fixtures/serving-fixture.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const MOMENT = { fetchedUs: NOON_US, order: 1, factor: 1, ready: null };

interface RowState {
  /** Null: the store has no row. */
  readonly values: readonly Value[] | null;
  readonly older: boolean;
  readonly eventUs: number;
  /** When the row is there; another status has no row. */
  readonly status: number;
}

const anyView = fc
  .tuple(...NAMES.map(() => anyType))
  .chain((types) => fc.tuple(fc.constant(types), fc.tuple(...types.map(anyValueOf))))
  .map(([types, missing]) =>
    view(
      'v',
      customer,
      NAMES.map((name, i) => feature(name, formatType(types[i]!), missing[i]!)),
    ),
  );

/** The same features but the first two, in another order. */
function olderOf({ features }: FeatureView): FeatureView {
  return view('v', customer, features.slice(2).toReversed());
}

const anyCase = anyView.chain((now) => {
  const values = fc.tuple(...now.features.map(({ type }) => anyValueOf(type)));
  const whole = values.map((all) => all.map((value, i) => value ?? now.features[i]!.missing));
  const state: fc.Arbitrary<RowState> = fc.record({
    // Maps come back from the store in the order of their keys.
    values: fc.oneof(values, whole, fc.constant(null)).map((all) => all && stored(now, all)),
    older: fc.boolean(),
    eventUs: fc.oneof(fc.constant(NOON_US), fc.integer({ min: 0, max: NOON_US })),
    status: fc.constantFrom(PRESENT, PRESENT, PRESENT, OUTSIDE_TTL, UNAVAILABLE),
  });
  const asked = fc.shuffledSubarray(NAMES, { minLength: 1 });
  return fc.record({
    now: fc.constant(now),
    asked: fc.oneof(fc.constant(NAMES), asked),
    rows: fc.array(state, { minLength: 1, maxLength: 8 }),
  });
});

function stored(now: FeatureView, values: readonly Value[]): Value[] {
  return decodeRowValues(now, encodeRow(now, values));
}

function rowOf(of: ViewPlan, now: FeatureView, { values, older, eventUs }: RowState): CachedRow {
  if (values === null) return new CachedRow(of, MOMENT, 0, null);
  const written = older ? olderOf(now) : now;
  const own = older ? values.slice(2).toReversed() : values;
  const raw = encodeRow(written, own, { eventUs });
  return new CachedRow(of, MOMENT, 0, raw.toString('latin1'));
}

/** One column as text, value by value. */
function column(now: FeatureView, rows: readonly RowState[], name: string): string {
  const index = NAMES.indexOf(name);
  const { type, missing } = now.features[index]!;
  const shown = rows.map(({ values, older, status, eventUs }) => {
    const time =
      status === UNAVAILABLE || values === null ? '"1970-01-01T00:00:00Z"' : feastEventTime(eventUs);
    if (values === null && status !== UNAVAILABLE) return { value: missing, status: MISSING, time };
    if (status !== PRESENT) return { value: missing, status, time };
    if (older && index < 2) return { value: missing, status: MISSING, time };
    return { value: values![index]!, status: values![index] === null ? NULL : PRESENT, time };
  });
  const list = (texts: readonly string[]): string => `[${texts.join(',')}]`;
  return (
    `{"values":${list(shown.map(({ value }) => feastText(type, value)))},` +
    `"statuses":${list(shown.map(({ status }) => JSON.stringify(FEAST_STATUSES[status])))},` +
    `"event_timestamps":${list(shown.map(({ time }) => time))}}`
  );
}

test("Feast's answers hold each value, status and time in its place, whatever state the rows are in", () => {
  const out = new AnswerBuffer();
  fc.assert(
    fc.property(anyCase, ({ now, asked, rows }) => {
      const bundle = {
        ...bundleContent([now]),
        schemas: new Map([['v', [rowSchemaOf(olderOf(now), customer), rowSchemaOf(now, customer)]]]),
        hash: 'b',
      };
      const plans = new BundlePlans(bundle, '', new ViewSlots());
      const request = {
        features: asked.map((name) => `v:${name}`),
        entities: { customer_id: rows.map((_, r) => r) },
      };
      const exchange = new PathExchange();
      const parsed = feastSurface.parse(Buffer.from(JSON.stringify(request)), plans, exchange);
      const inFlight = new RequestInFlight(exchange, parsed, NOON_US);
      for (const [r, state] of rows.entries()) {
        const isThere = state.status !== UNAVAILABLE;
        inFlight.rows[r] = isThere ? rowOf(parsed.plan.roleViews[0]!, now, state) : null;
        inFlight.sources[r] = FROM_CACHE;
        inFlight.statuses[r] = isThere && state.values === null ? MISSING : state.status;
      }
      out.begin();
      feastSurface.answer(inFlight, 0, out);
      const answer = out.end().toString();
      const columns = asked.map((name) => column(now, rows, name));
      const keys = `{"values":[${rows.map((_, r) => r).join(',')}],"statuses":`;
      expect(answer.startsWith(`{"results":[${keys}`)).toBe(true);
      const names = JSON.stringify(['customer_id', ...asked]);
      expect(answer.endsWith(`,${columns.join(',')}],"metadata":{"feature_names":${names}}}`)).toBe(true);
      expect(() => JSON.parse(answer) as unknown).not.toThrow();
    }),
    { numRuns: 150 },
  );
});
