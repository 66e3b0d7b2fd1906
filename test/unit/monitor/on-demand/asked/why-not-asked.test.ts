/** Why functions are not run again, by the definitions alone. */
import { expect, test } from 'vitest';
import type { Bundle, Feature, LogPolicy, OnDemandView } from '../../../../../contract/model.ts';
import { whyNotAsked } from '../../../../../monitor/on-demand/asked/why-not-asked.ts';
import { bare, fee, onDemandContent, trip } from '../../../../support/fixtures/on-demand-bundle.ts';

const bundle: Bundle = { ...onDemandContent(), hash: '0123456789abcdef' };

const service = bundle.services.get('ordered')!;

function why(
  view: OnDemandView,
  today: Bundle = bundle,
  { keys = service.requestKeys, whyNotTrip = null as string | null } = {},
): string | null {
  const outputs = view.features.map((feature) => ({ fullName: feature.name, feature }));
  const computed = service.onDemand.find((one) => one.view === view.id) ?? { role: '', view: '', uses: [] };
  // What any on-demand view uses of a role, as it is today.
  const featuresOf = (role: string): readonly Feature[] => {
    const used = service.views.find((one) => one.role === role);
    return used === undefined ? [] : (today.views.get(used.view)?.features ?? []);
  };
  const others = new Map([['trip', { features: trip.features, whyNot: () => whyNotTrip }]]);
  return whyNotAsked({
    bundle,
    service,
    computed,
    view,
    outputs,
    keys,
    used: { featuresOf },
    others,
  });
}

const marked = (features: readonly Feature[], log: LogPolicy): Feature[] =>
  features.map((feature) => ({ ...feature, log }));

test('a view of raw inputs and rows is run again, and so is one over it, unless that one is not', () => {
  expect([why(trip), why(bare), why(fee)]).toEqual([null, null, null]);
  const whyNotTrip = 'computed of what nobody knows';
  expect([why(trip, bundle, { whyNotTrip }), why(fee, bundle, { whyNotTrip })]).toEqual([null, whyNotTrip]);
});

test.each<[LogPolicy, string]>([
  ['hmac', 'only HMACs'],
  ['drop', 'dropped'],
])(
  'what was marked %s, on any side, keeps a view from being run again; what is marked since does not',
  (log, text) => {
    const inputs = trip.inputs.map((input) => (input.name === 'city' ? { ...input, log } : input));
    expect(why({ ...trip, inputs })).toContain(text);
    expect(why({ ...trip, features: marked(trip.features, log) })).toContain(text);
    const spend = bundle.views.get('spend')!;
    const views = new Map([...bundle.views, ['spend', { ...spend, features: marked(spend.features, log) }]]);
    expect(why(trip, { ...bundle, views })).toBeNull();
  },
);

test('a used feature that is gone today, or has another type, keeps it from being run again', () => {
  const spend = bundle.views.get('spend')!;
  const changed = spend.features.map((feature) =>
    feature.name === 'total' ? { ...feature, type: { kind: 'string' as const } } : feature,
  );
  for (const features of [changed, spend.features.filter(({ name }) => name !== 'total')]) {
    const views = new Map([...bundle.views, ['spend', { ...spend, features }]]);
    expect(why(trip, { ...bundle, views })).toContain('defined otherwise today');
  }
});

test('a role or a join key that the service has no more keeps it from being run again', () => {
  expect(why(trip, { ...bundle, views: new Map() })).toContain('defined otherwise today');
  const keyed = { ...bare, inputs: [{ ...trip.inputs[0]!, name: 'customer_id' }] };
  expect([why(keyed), why(keyed, bundle, { keys: [] })]).toEqual([null, expect.stringContaining('no more')]);
});
