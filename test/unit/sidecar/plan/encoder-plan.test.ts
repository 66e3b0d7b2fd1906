import { expect, test } from 'vitest';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { encoderPlan } from '../../../../sidecar/plan/encoder-plan.ts';
import type { Plan } from '../../../../sidecar/plan/plan.ts';
import { feastSurface } from '../../../../sidecar/surface/feast/feast.ts';
import { PathExchange } from '../../../support/faults/path-exchange.ts';
import { bundleContent } from '../../../support/fixtures/serving-fixture.ts';

const newPlans = (): BundlePlans => new BundlePlans({ ...bundleContent(), hash: 'b' }, '', new ViewSlots());

test('each encoder has a part of its own of each plan, made once', () => {
  const made: string[] = [];
  const first = encoderPlan(({ service }: Plan) => {
    made.push(service);
    return { first: service };
  });
  const second = encoderPlan(({ service }: Plan) => ({ second: service }));
  const plans = newPlans();
  for (let times = 0; times < 2; times++) {
    for (const service of ['everything', 'twice']) {
      const plan = plans.service(service);
      expect([first(plan), second(plan)]).toEqual([{ first: service }, { second: service }]);
    }
  }
  expect(made).toEqual(['everything', 'twice']);
});

test('a list of single features has the part of the surface that took it, and no other', () => {
  const body = { features: ['spend:total'], entities: { customer_id: [7] } };
  const { plan } = feastSurface.parse(Buffer.from(JSON.stringify(body)), newPlans(), new PathExchange());
  expect(plan.encoderPlans.filter((part) => part !== undefined)).toHaveLength(1);
});
