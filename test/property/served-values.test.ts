/** What the sidecar serves from a row, and what the log's readers make of the same bytes: one meaning, two ways. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { Bundle, FeatureView } from '../../contract/model.ts';
import { rowValues } from '../../contract/served-values.ts';
import { formatType } from '../../contract/value-type.ts';
import { CachedRow } from '../../sidecar/cache/cached-row.ts';
import { planView } from '../../sidecar/plan/view-plan.ts';
import { anyType, anyValueOf } from '../support/fixtures/any-value.ts';
import { bundleContent, customer, encodeRow, feature, view } from '../support/fixtures/serving-fixture.ts';

const MOMENT = { fetchedUs: 1, order: 1, factor: 1, ready: null };

/** Few names, so that two definitions share some; a shared name may have another type. */
const anyView = fc
  .uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), type: anyType }), {
    minLength: 1,
    selector: ({ name }) => name,
  })
  .map((features) =>
    view(
      'v',
      customer,
      features.map(({ name, type }) => feature(name, formatType(type))),
    ),
  );

const anyRow = anyView.chain((before) =>
  fc.record({
    before: fc.constant(before),
    // Half of the features stay, in another order, among new ones.
    now: anyView.map((other) => {
      const kept = before.features.filter((_, i) => i % 2 === 0);
      const added = other.features.filter((f) => kept.every(({ name }) => name !== f.name));
      return view('v', customer, [...added, ...kept]);
    }),
    values: fc.tuple(...before.features.map(({ type }) => anyValueOf(type))),
  }),
);

function bundleOf(now: FeatureView, before: FeatureView): Bundle {
  const schemas = new Map([['v', [rowSchemaOf(before, customer), rowSchemaOf(now, customer)]]]);
  return { ...bundleContent(), views: new Map([['v', now]]), schemas, hash: 'b' };
}

test('the log is read as the sidecar served it, also where a row is older than the definitions', () => {
  fc.assert(
    fc.property(anyRow, ({ before, now, values }) => {
      const row = encodeRow(before, values);
      for (const current of [now, before]) {
        const plan = planView({ view: current, entity: customer, past: [rowSchemaOf(before, customer)] }, 0);
        const served = new CachedRow(plan, MOMENT, 0, row.toString('latin1'));
        expect(rowValues(bundleOf(current, before), current, row)).toEqual(served.values);
      }
    }),
    { numRuns: 300 },
  );
});
