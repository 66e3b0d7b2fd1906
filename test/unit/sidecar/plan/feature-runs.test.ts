import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { allFeatureRuns, featureRuns } from '../../../../sidecar/plan/feature-runs.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';

const plans = new BundlePlans({ ...bundleContent(), hash: 'b' }, '', new ViewSlots());
const REFERENCES = [...plans.views.values()].flatMap(({ id, view }) =>
  view.features.map(({ name }) => `${id}:${name}`),
);

test('the runs of any list of features are the list, cut where the row changes and nowhere else', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(REFERENCES, { minLength: 1 }), (references) => {
      const plan = plans.featureList(references);
      const runs = allFeatureRuns(plan);
      const named = runs.flatMap(({ view, features }) =>
        features.map((index) => `${view.id}:${view.view.features[index]!.name}`),
      );
      expect(named).toEqual(references);
      expect(runs.flatMap(({ fullNames }) => fullNames)).toEqual(plan.fullNames);
      for (const [i, { role }] of runs.entries()) expect(role).not.toBe(runs[i + 1]?.role);
    }),
  );
});

test('features that an answer leaves out do not part those beside them', () => {
  const plan = plans.featureList(['spend:total', 'profile:name', 'spend:orders']);
  expect(featureRuns(plan, [0, 2])).toMatchObject([
    { features: [0, 1], fullNames: ['spend__total', 'spend__orders'] },
  ]);
});
