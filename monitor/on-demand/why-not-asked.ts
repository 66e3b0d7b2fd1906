/** Why a function cannot be run again over what was logged: told of all vectors of a bundle at once. Pure. */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Definitions, LogPolicy, OnDemandView } from '../../contract/model.ts';
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { DROPPED, HASHED_INPUTS } from '../verdict/snapshot.ts';
import type { ComputedBundle } from './computed-vectors.ts';

/**
 * @param of     as the vectors' bundle has it
 * @param today  the definitions in force
 * @returns      the end of a sentence such as `8 values are ...`; null: it can be run
 */
export function whyNotAsked(
  { bundle, view, outputs }: Pick<ComputedBundle, 'bundle' | 'view' | 'outputs'>,
  today: Pick<Definitions, 'views' | 'onDemand'>,
): string | null {
  if (isChained(view, bundle)) return 'computed of another on-demand view, which is not replayed yet';
  const taken = view.uses.flatMap((used) =>
    used.features.map(({ feature }) => ({ view: used.view, feature: usedFeature(used, feature, bundle) })),
  );
  const now = taken.map(({ view: id, feature }) =>
    today.views.get(id)?.features.find((one) => isSameFeature(one, feature)),
  );
  if (now.includes(undefined)) return 'computed of features that are defined otherwise today';
  const marks: LogPolicy[] = [
    ...view.inputs.map(({ log }) => log),
    ...taken.map(({ feature }) => feature.log),
    ...now.map((feature) => feature!.log),
    ...outputs.map(({ feature }) => feature.log),
  ];
  if (marks.includes('drop')) return DROPPED;
  return marks.includes('hmac') ? HASHED_INPUTS : null;
}

/** Whether it uses what another on-demand view computes. */
export function isChained({ uses }: OnDemandView, { onDemand }: Pick<Definitions, 'onDemand'>): boolean {
  return uses.some(({ view }) => onDemand.has(view));
}
