/**
 * Decisions about the mismatches of one role, each with what brought it about. A day has few that differ, so each is
 * one object, by which mismatches are counted.
 */
import { decide, decideUnjudged } from '../causes/explain.ts';
import type { DecidedBy, Decision } from '../causes/explain.ts';
import { originOf } from '../incidents/origin.ts';
import type { IncidentOrigin } from '../verdict/judged-view.ts';

export interface Decided extends Decision {
  readonly origin: IncidentOrigin;
}

export class Decisions {
  readonly #known = new Map<string, Decided>();
  /** The one before: the next is mostly the same, and need not be looked for. */
  #last: Decided | null = null;

  /** @param pod  that answered */
  of(facts: DecidedBy, pod: string): Decided {
    return this.#one(facts, decide(facts), pod);
  }

  /** Of a value whose currency cannot be judged yet; null: nothing is wrong with it. */
  ofUnjudged(facts: DecidedBy, pod: string): Decided | null {
    const decision = decideUnjudged(facts);
    return decision === null ? null : this.#one(facts, decision, pod);
  }

  #one({ row }: DecidedBy, decision: Decision, by: string): Decided {
    const { cause, also, withinPromise } = decision;
    const origin = originOf(row, cause, by);
    if (this.#last !== null && isAlike(this.#last, decision, origin)) return this.#last;
    const name = `${cause}|${also.join()}|${withinPromise}|${origin.pod ?? ''}|${origin.run ?? ''}`;
    let decided = this.#known.get(name);
    if (decided === undefined) this.#known.set(name, (decided = { ...decision, origin }));
    return (this.#last = decided);
  }
}

function isAlike(
  one: Decided,
  { cause, also, withinPromise }: Decision,
  { pod, run }: IncidentOrigin,
): boolean {
  const { origin } = one;
  if (one.cause !== cause || one.withinPromise !== withinPromise || origin.pod !== pod || origin.run !== run)
    return false;
  return one.also.length === also.length && also.every((other, i) => other === one.also[i]);
}
