/** What is wrong with each value of an altered row. */
import { FIDELITY_CAUSES } from '../../contract/cause.ts';
import type { FidelityCause } from '../../contract/cause.ts';
import type { Fidelity, FidelityFacts, HeldRow } from './fidelity.ts';
import { isOfTimes } from './row-order.ts';
import { alterationOf } from './stored-value.ts';
import { isSame } from './value-equality.ts';

/** An entry of the history's log, and the one that took out what it had brought. */
export interface EarlierCommit {
  readonly version: number;
  readonly atUs: number;
  readonly until: { readonly version: number; readonly atUs: number };
}

/** A row that the history had by an earlier commit, and that its newest one has no more. */
export interface EarlierRow extends HeldRow {
  readonly commit: EarlierCommit;
}

export interface Alterations {
  /** By feature; null: the value is what the history has, or the row is not altered. */
  readonly alterations: readonly (FidelityCause | null)[];
  /** The first of them in the order of FIDELITY_CAUSES; null: the row is not altered. */
  readonly alteration: FidelityCause | null;
  /** By feature the commit that had an altered value as it was served; null: none is known. */
  readonly earlier: readonly (EarlierCommit | null)[];
}

/**
 * @param answer   of these facts
 * @param earlier  rows of the entity and the served event by earlier commits
 */
export function alterationsOf(
  { features, served }: FidelityFacts,
  answer: Fidelity,
  earlier: readonly EarlierRow[] = [],
): Alterations {
  if (answer.answer !== 'altered') {
    const none = features.map(() => null);
    return { alterations: none, alteration: null, earlier: none };
  }
  const ofTimes = earlier.filter((row) => isOfTimes(row, served));
  const commits: (EarlierCommit | null)[] = [];
  const alterations = features.map(({ type, fallback }, i): FidelityCause | null => {
    const [value, held] = [served.values[i], answer.row.values[i]!];
    const isHeld = value === undefined || isSame(type, value, held);
    const commit = isHeld ? undefined : ofTimes.find((row) => isSame(type, value, row.values[i]!))?.commit;
    commits.push(commit ?? null);
    if (isHeld) return null;
    const known = alterationOf(type, value, held, fallback);
    return known ?? (commit === undefined ? 'unexplained' : 'changed in place');
  });
  const alteration = FIDELITY_CAUSES.find((cause) => alterations.includes(cause)) ?? null;
  return { alterations, alteration, earlier: commits };
}
