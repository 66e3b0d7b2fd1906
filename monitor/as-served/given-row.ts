/** A vector's row of one view as it was given out: its stored values, by the features of the view that served it. */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Bundle, Feature, FeatureView } from '../../contract/model.ts';
import { PRESENT } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import type { FidelityFacts } from '../causes/fidelity.ts';
import type { BundleBook } from '../judge/bundle-book.ts';
import type { ReplayedVector } from '../judge/replayed-vector.ts';

export interface GivenRow {
  readonly vector: ReplayedVector;
  /** The view as the bundle of the vector defines it. */
  readonly view: FeatureView;
  /** Whether the log has values of it as HMACs, or lacks them. */
  readonly masked: boolean;
  /** By the features of `view`, undefined where the row lacks it; null where no row was given out or can be read. */
  readonly values: readonly (Value | undefined)[] | null;
  /** Whether there is a row that cannot be read. */
  readonly isUndecoded: boolean;
  /** undefined: the row was not masked; null: its HMACs cannot be read. */
  readonly hmacs: readonly (Buffer | undefined)[] | null | undefined;
}

/** A row with its values as they are compared, by the features of today's view. */
export interface ComparedRow {
  readonly given: GivenRow;
  readonly facts: FidelityFacts;
}

/**
 * @param today   the view in the bundle in force, by whose features the vector has its values
 * @param bundle  that of the vector
 * @param lacks   names of features that the service did not take when it answered
 */
export function readGivenRow(
  book: BundleBook,
  {
    today,
    bundle,
    view,
    lacks,
  }: {
    readonly today: FeatureView;
    readonly bundle: Bundle;
    readonly view: FeatureView;
    readonly lacks: ReadonlySet<string>;
  },
  vector: ReplayedVector,
): GivenRow {
  const { served, status, servedValues, servedHmacs, isDecoded } = vector;
  const masked = view.features.some(({ log }) => log !== 'raw');
  const nothing = { vector, view, masked, values: null };
  if (served === null || status !== PRESENT) return { ...nothing, isUndecoded: false, hmacs: undefined };
  const has = isDecoded ? book.rowFeatures(bundle, view, served.definitionId) : null;
  if (has === null) return { ...nothing, isUndecoded: true, hmacs: masked ? null : undefined };
  // Mostly the definition is today's, and the row has all of its features.
  if (!masked && view === today && lacks.size === 0 && has.every(Boolean))
    return { vector, view, masked, values: servedValues, isUndecoded: false, hmacs: undefined };
  const ofRow = <T>(all: readonly (T | undefined)[]): (T | undefined)[] =>
    view.features.map((feature, i) => {
      const at = has[i] && !lacks.has(feature.name) ? sameFeature(today, feature) : -1;
      return at === -1 ? undefined : all[at];
    });
  const hmacs = masked ? ofRow(servedHmacs) : undefined;
  return { vector, view, masked, values: ofRow(servedValues), isUndecoded: false, hmacs };
}

/** By view and feature, since this is asked of every value. */
const SAME = new WeakMap<FeatureView, WeakMap<Feature, number>>();

/** @returns the index of the same feature in the view. With another type it is another feature; -1: not comparable */
export function sameFeature(view: FeatureView, feature: Feature): number {
  let known = SAME.get(view);
  if (known === undefined) SAME.set(view, (known = new WeakMap()));
  let at = known.get(feature);
  if (at === undefined) known.set(feature, (at = view.features.findIndex((f) => isSameFeature(f, feature))));
  return at;
}
