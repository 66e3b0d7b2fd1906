/** On-demand views of numbers, made without the compiler. */
import { onDemandIdOf } from '../../contract/definitions/definition-json.ts';
import { PLAIN_FEATURE } from '../../contract/definitions/plain-definition.ts';
import type { OnDemandView } from '../../contract/model.ts';

export const NO_VIEWS = { views: new Map(), onDemand: new Map() };

export function viewOf(
  name: string,
  script: string,
  inputs: readonly string[],
  features: readonly string[],
): OnDemandView {
  const type = { kind: 'float64' } as const;
  const plain = { optional: false, requestTime: false, log: 'raw' } as const;
  const view = {
    id: name,
    name,
    version: 1,
    inputs: inputs.map((input) => ({ name: input, type, ...plain })),
    uses: [],
    features: features.map((feature) => ({ ...PLAIN_FEATURE, name: feature, type })),
    code: {
      hash: '0'.repeat(64),
      script,
      sourceMap: null,
      anew: null,
      files: null,
      file: `${name}.ts`,
      line: 1,
    },
    costly: null,
    isolated: false,
    int64: 'number' as const,
    samples: [],
    owner: null,
    team: null,
    description: null,
    tags: [],
    deprecated: null,
  };
  return { ...view, definitionId: onDemandIdOf(view) };
}
