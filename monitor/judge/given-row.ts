/**
 * A vector's row of one view as it was given out: its stored values, by the features of today's view, so that they can
 * be compared with rows of the history.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Bundle, Feature, FeatureView } from '../../contract/model.ts';
import { PRESENT } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import type { FidelityFacts } from '../causes/fidelity.ts';
import type { BundleBook } from './bundle-book.ts';
import type { ReplayedVector } from './replayed-vector.ts';

export interface GivenRow {
  readonly vector: ReplayedVector;
  /** The view as the bundle of the vector defines it. */
  readonly view: FeatureView;
  /** By the features of `view`; null where no row was given out, or it cannot be read. */
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

/** @param bundle  that of the vector */
export function readGivenRow(
  book: BundleBook,
  bundle: Bundle,
  view: FeatureView,
  vector: ReplayedVector,
): GivenRow {
  const { served, status, servedRow, masked, hmacs } = vector;
  if (served === null || status !== PRESENT) {
    return { vector, view, values: null, isUndecoded: false, hmacs: undefined };
  }
  const row = servedRow!;
  const values = book.rowValues(bundle, view, row);
  return {
    vector,
    view,
    values,
    isUndecoded: values === null,
    hmacs: masked ? book.rowHmacs(bundle, view, { row, hmacs }) : undefined,
  };
}

/** @returns the index of the same feature in the view. With another type it is another feature; -1: not comparable */
export function sameFeature(view: FeatureView, feature: Feature): number {
  return view.features.findIndex((f) => isSameFeature(f, feature));
}
