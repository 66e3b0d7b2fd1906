/** Why a function cannot be run again over what was logged: told of all vectors of a bundle at once. Pure. */
import { isSameFeature } from '../../../contract/feature-match.ts';
import type { LogPolicy } from '../../../contract/model.ts';
import { usedFeature } from '../../../contract/on-demand/arguments.ts';
import { DROPPED, HASHED_INPUTS } from '../../verdict/snapshot.ts';
import type { ComputedBundle } from '../computed-vectors.ts';
import type { ComputedRows } from '../computed-rows.ts';

/** As the vectors' bundle has it, and what is known today of what it uses. */
type AskedBundle = Pick<ComputedBundle, 'bundle' | 'service' | 'computed' | 'view' | 'outputs' | 'keys'> & {
  readonly used: Pick<ComputedBundle['used'], 'featuresOf'>;
  readonly others: ReadonlyMap<string, Pick<ComputedRows, 'features' | 'whyNot'>>;
};

/** @returns the end of a sentence such as `8 values are ...`; null: it can be run */
export function whyNotAsked(asked: AskedBundle): string | null {
  const { bundle, service, computed, view, outputs, keys, used, others } = asked;
  const before = computed.uses.flatMap((role) => others.get(role)?.whyNot(bundle.hash) ?? []);
  if (before.length > 0) return before[0]!;
  const taken = view.uses.flatMap((one, i) =>
    one.features.map(({ feature }) => ({
      role: computed.uses[i]!,
      feature: usedFeature(one, feature, bundle),
    })),
  );
  const now = taken.map(({ role, feature }) =>
    (others.get(role)?.features ?? used.featuresOf(role)).find((one) => isSameFeature(one, feature)),
  );
  if (now.includes(undefined)) return 'computed of features that are defined otherwise today';
  const isLost = ({ name }: { readonly name: string }): boolean => keys.every((key) => key.name !== name);
  const takesLost = view.inputs.some(
    (input) => service.requestKeys.some((key) => key.name === input.name) && isLost(input),
  );
  if (takesLost) return 'computed of join keys that the service has no more';
  const marks = new Set<LogPolicy>([
    ...view.inputs.map(({ log }) => log),
    ...taken.map(({ feature }) => feature.log),
    ...outputs.map(({ feature }) => feature.log),
  ]);
  if (marks.has('drop')) return DROPPED;
  return marks.has('hmac') ? HASHED_INPUTS : null;
}
