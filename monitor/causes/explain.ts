/**
 * Why a value differs: the cause that it is counted under, the causes beside it, and whether the view's promise of
 * freshness was kept all the same. Pure: it uses nothing but the `ValueFacts` it gets.
 *
 * `decide` says which, `evidenceOf` says why in one sentence: where all values of a day differ, few are shown.
 */
import { UNAVAILABLE } from '../../contract/status.ts';
import type { Cause, CurrencyCause, FidelityCause } from '../../contract/cause.ts';
import { currency } from './currency.ts';
import { currencyEvidence } from './currency-evidence.ts';
import type { AskedRow, RowFacts, ValueFacts } from './facts.ts';
import { fidelityEvidence } from './fidelity-evidence.ts';
import { isWithinPromise } from './promise.ts';

export interface Decision {
  readonly cause: Cause;
  /** Other causes that hold, each once, in the order of their weight. */
  readonly also: readonly Cause[];
  /** Whether the view kept its promise of freshness although the value differs. */
  readonly withinPromise: boolean;
}

interface Explanation extends Decision {
  /** One sentence with the times that prove the cause. */
  readonly evidence: string;
}

/** All that a decision follows from: values of one row that share these have the same causes. */
export type DecidedBy = Pick<ValueFacts, 'row' | 'alteration' | 'earlier' | 'isAnswerAltered'>;

/** @returns the causes of a mismatch; must not be called for equal values, which have none */
export function decide(facts: DecidedBy): Decision {
  const { row } = facts;
  if (row.status === UNAVAILABLE) return { cause: 'unavailable', also: [], withinPromise: false };
  const causes: Cause[] = wrongOf(facts);
  const [oldest, replayed] = askedRows(row);
  const timing = currency(row, oldest);
  if (timing !== 'not proved') addOnce(causes, timing);
  if (replayed !== undefined) {
    const other = currency(row, replayed);
    if (other !== 'not proved') addOnce(causes, other);
  }
  const cause = causes.shift() ?? 'not proved';
  // The oldest row missed decides: where nothing proves why that one was, no younger one keeps the promise.
  const withinPromise = timing === cause && isWithinPromise(row, cause);
  return { cause, also: causes, withinPromise };
}

function addOnce<T>(all: T[], one: T): void {
  if (!all.includes(one)) all.push(one);
}

/** What is wrong with a value whose currency cannot be judged yet: its fidelity alone. @returns null: nothing */
export function decideUnjudged(facts: DecidedBy): Decision | null {
  if (storedCause(facts) === null && !facts.isAnswerAltered) return null;
  const [cause, ...also] = wrongOf(facts);
  return { cause: cause!, also, withinPromise: false };
}

/** All that is wrong with the answer or the row, each once; a right value in a wrong row has what is wrong with it. */
function wrongOf(facts: DecidedBy): FidelityCause[] {
  const causes: FidelityCause[] = facts.isAnswerAltered ? ['answer altered'] : [];
  const stored = storedCause(facts) ?? rowCause(facts.row);
  if (stored !== null) addOnce(causes, stored);
  if (facts.earlier !== null) addOnce(causes, 'changed in place');
  return causes;
}

/** `decide` with the sentence that proves it. */
export function explain(facts: ValueFacts): Explanation {
  const decision = decide(facts);
  return { ...decision, evidence: evidenceOf(facts, decision.cause) };
}

/** @returns one sentence that proves a cause of `decide` */
export function evidenceOf(facts: ValueFacts, cause: Cause): string {
  if (cause === 'unavailable' || fidelityCause(facts) === cause) {
    return fidelityEvidence(facts, cause);
  }
  const missed = missedBy(facts.row, cause);
  return rowCause(facts.row) === cause
    ? fidelityEvidence(facts, cause)
    : currencyEvidence(facts, cause as CurrencyCause, missed);
}

/** @returns the row that serving missed in which `decide` found a cause; null: it missed none */
export function missedBy(row: RowFacts, cause: Cause): AskedRow | null {
  return askedRows(row).find((missed) => currency(row, missed) === cause) ?? null;
}

/** What is wrong with the served value itself; null: it is what the history has in the served row. */
function fidelityCause(facts: DecidedBy): FidelityCause | null {
  return facts.isAnswerAltered ? 'answer altered' : storedCause(facts);
}

/** The same of the value as the store had it, whatever was answered. */
function storedCause({ row, alteration }: DecidedBy): FidelityCause | null {
  return row.fidelity?.answer === 'altered' ? alteration : rowCause(row);
}

/** What is wrong with the served row; null: nothing, or it was not asked. */
function rowCause({ fidelity, alteration }: RowFacts): FidelityCause | null {
  switch (fidelity?.answer) {
    case 'foreign':
    case 'unknown':
      return 'foreign row';
    case 'altered':
      return alteration ?? 'unexplained';
    case 'missingInHistory':
      return 'missing in history';
    default:
      return null;
  }
}

/** The rows that the currency is asked of: the oldest missed one, then the replayed one. */
function askedRows({
  fidelity,
  honest,
  missed,
  missedReplayed,
}: RowFacts): readonly [AskedRow | null] | readonly [AskedRow | null, AskedRow] {
  // The times of another entity's row tell nothing of what this one missed.
  const isForeign = fidelity?.answer === 'foreign' || fidelity?.answer === 'unknown';
  const first = isForeign ? honest : missed;
  return missedReplayed === null || missedReplayed === first ? [first] : [first, missedReplayed];
}
