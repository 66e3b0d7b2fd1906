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
    const name = `${cause}|${also.join()}|${withinPromise}|${origin.pod ?? ''}|${origin.run ?? ''}`;
    let decided = this.#known.get(name);
    if (decided === undefined) this.#known.set(name, (decided = { ...decision, origin }));
    return decided;
  }
}
