import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { NO_VIEW, allFeatureRuns, featureRuns } from '../../../../sidecar/plan/feature-runs.ts';
import { COMPUTED } from '../../../../sidecar/plan/plan.ts';
import { onDemandContent } from '../../../support/fixtures/on-demand-bundle.ts';
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
      const named = runs.flatMap(({ role, features, definitions }) => {
        const { id, view } = plan.roleViews[role]!;
        expect(definitions).toEqual(features.map((index) => view.features[index]!));
        return definitions.map(({ name }) => `${id}:${name}`);
      });
      expect(named).toEqual(references);
      expect(runs.flatMap(({ fullNames }) => fullNames)).toEqual(plan.fullNames);
      for (const [i, { role }] of runs.entries()) expect(role).not.toBe(runs[i + 1]?.role);
    }),
  );
});

test('features of one on-demand view are a run of their own, wherever their views stand', () => {
  const ofBundle = new BundlePlans({ ...onDemandContent(), hash: 'b' }, '', new ViewSlots());
  const plan = ofBundle.service('ordered');
  const runs = allFeatureRuns(plan).map(({ role, onDemand, features }) => [role, onDemand, features]);
  expect(runs).toEqual([
    [COMPUTED, 0, [0]],
    [0, NO_VIEW, [0]],
    [COMPUTED, 0, [1, 2]],
    [COMPUTED, 1, [4, 5]],
    [COMPUTED, 0, [3]],
  ]);
  expect(plan.columnCount).toBe(6);
});

test('features that an answer leaves out do not part those beside them', () => {
  const plan = plans.featureList(['spend:total', 'profile:name', 'spend:orders']);
  expect(featureRuns(plan, [0, 2])).toMatchObject([
    { features: [0, 1], fullNames: ['spend__total', 'spend__orders'] },
  ]);
});
