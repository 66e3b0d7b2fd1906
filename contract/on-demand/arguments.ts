/**
 * The arguments of an on-demand view's function, in the one order in which every program gives them: the view's inputs,
 * then the features of each view that it uses. The function itself gets one object with these names.
 */
import type { Definitions, Feature, OnDemandView, UsedView } from '../model.ts';
import type { ValueType } from '../value-type.ts';

export interface OnDemandArgument {
  readonly name: string;
  readonly type: ValueType;
}

type Views = Pick<Definitions, 'views' | 'onDemand'>;

/** @throws TypeError when the view uses what the definitions lack */
export function argumentsOf(
  view: Pick<OnDemandView, 'inputs' | 'uses'>,
  definitions: Views,
): OnDemandArgument[] {
  return [
    ...view.inputs.map(({ name, type }) => ({ name, type })),
    ...view.uses.flatMap((used) =>
      used.features.map(({ feature, argument }) => {
        return { name: argument, type: usedFeature(used, feature, definitions).type };
      }),
    ),
  ];
}

/**
 * The definition of a feature that an on-demand view uses: its type and its fallback.
 *
 * @throws TypeError when the definitions lack it
 */
export function usedFeature({ view }: Pick<UsedView, 'view'>, feature: string, definitions: Views): Feature {
  const of = definitions.views.get(view) ?? definitions.onDemand.get(view);
  const found = of?.features.find(({ name }) => name === feature);
  if (found === undefined) throw new TypeError(`there is no feature ${view}:${feature}`);
  return found;
}
