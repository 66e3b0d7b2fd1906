/** What is wrong with each value of an altered row. */
import { FIDELITY_CAUSES } from './cause.ts';
import type { FidelityCause } from './cause.ts';
import type { Fidelity, FidelityFacts } from './fidelity.ts';
import { alterationOf } from './stored-value.ts';
import { isSame } from './value-equality.ts';

export interface Alterations {
  /** By feature; null: the value is what the history has, or the row is not altered. */
  readonly alterations: readonly (FidelityCause | null)[];
  /** The first of them in the order of FIDELITY_CAUSES; null: the row is not altered. */
  readonly alteration: FidelityCause | null;
}

/** @param answer  of these facts */
export function alterationsOf({ features, served }: FidelityFacts, answer: Fidelity): Alterations {
  if (answer.answer !== 'altered') return { alterations: features.map(() => null), alteration: null };
  const alterations = features.map(({ type, fallback }, i): FidelityCause | null => {
    const [value, held] = [served.values[i], answer.row.values[i]!];
    if (value === undefined || isSame(type, value, held)) return null;
    return alterationOf(type, value, held, fallback) ?? 'unexplained';
  });
  const alteration = FIDELITY_CAUSES.find((cause) => alterations.includes(cause)) ?? null;
  return { alterations, alteration };
}
