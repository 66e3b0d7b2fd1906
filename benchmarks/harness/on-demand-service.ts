/** A service with ten on-demand features of arithmetic, from two inputs and two features of one view. */
import { onDemandIdOf } from '../../contract/definitions/definition-json.ts';
import { PLAIN_FEATURE } from '../../contract/definitions/plain-definition.ts';
import type { Bundle, FeatureService, FeatureView, OnDemandView } from '../../contract/model.ts';

type Content = Omit<Bundle, 'hash'>;

export const COMPUTED_INPUTS = ['cart', 'weight'] as const;
const OUTPUTS = 10;
const FLOAT = { kind: 'float64' } as const;
const ROLE = 'trip';

/** @returns the bundle with one more service: `{service}_on_demand`, which has all that `service` has */
export function withOnDemand(content: Content, service: string): Content {
  const plain = content.services.get(service)!;
  const used = content.views.get(plain.views[0]!.view)!;
  const view = computedView(used, plain);
  const computed: FeatureService = {
    ...plain,
    name: onDemandName(service),
    features: [
      ...plain.features,
      ...view.features.map(({ name }) => {
        return { fullName: `${ROLE}__${name}`, view: ROLE, role: ROLE, feature: name };
      }),
    ],
    onDemand: [{ role: ROLE, view: ROLE, uses: [plain.views[0]!.role] }],
    inputs: view.inputs,
  };
  return {
    ...content,
    onDemand: new Map(content.onDemand).set(view.id, view),
    services: new Map(content.services).set(computed.name, computed),
  };
}

export function onDemandName(service: string): string {
  return `${service}_on_demand`;
}

function computedView(used: FeatureView, { requestKeys, views }: FeatureService): OnDemandView {
  const outputs = Array.from(
    { length: OUTPUTS },
    (_, i) => `f${i}: cart * ${i + 1} / total + orders - weight`,
  );
  const script = `({ cart, weight, total, orders }) => ({ ${outputs.join(', ')} })`;
  const [total, orders] = used.features;
  const view: Omit<OnDemandView, 'definitionId'> = {
    id: ROLE,
    name: ROLE,
    version: 1,
    inputs: COMPUTED_INPUTS.map((name) => {
      return { name, type: FLOAT, optional: false, requestTime: false, log: 'raw' as const };
    }),
    uses: [
      {
        role: views[0]!.role,
        view: used.id,
        requestKeys: requestKeys.map(({ name }) => name),
        features: [
          { feature: total!.name, argument: 'total' },
          { feature: orders!.name, argument: 'orders' },
        ],
      },
    ],
    features: Array.from({ length: OUTPUTS }, (_, i) => ({ ...PLAIN_FEATURE, name: `f${i}`, type: FLOAT })),
    code: {
      hash: '0'.repeat(64),
      script,
      sourceMap: null,
      anew: null,
      files: null,
      file: 'trip.ts',
      line: 1,
    },
    costly: null,
    isolated: false,
    int64: 'number',
    samples: [],
    owner: null,
    team: null,
    description: null,
    tags: [],
    deprecated: null,
  };
  return { ...view, definitionId: onDemandIdOf(view) };
}
