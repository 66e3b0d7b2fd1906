/**
 * Decisions about the mismatches of one role, each with what brought it about. A day has few that differ, so each is
 * one object, by which mismatches are counted.
 */
import { decide, decideUnjudged } from '../causes/explain.ts';
import type { DecidedBy, Decision } from '../causes/explain.ts';
import type { RowFacts } from '../causes/facts.ts';
import { originOf } from '../incidents/origin.ts';
import type { IncidentOrigin } from '../verdict/judged-view.ts';

export interface Decided extends Decision {
  readonly origin: IncidentOrigin;
}

export class Decisions {
  readonly #known = new Map<string, Decided>();

  /** @param pod  that answered */
  ofRow(row: RowFacts, pod: string): RowDecisions {
    return new RowDecisions(row, (decision) => this.#one(decision, originOf(row, decision.cause, pod)));
  }

  #one(decision: Decision, origin: IncidentOrigin): Decided {
    const { cause, also, withinPromise } = decision;
    const name = JSON.stringify([cause, also, withinPromise, origin.run, origin.pod]);
    let decided = this.#known.get(name);
    if (decided === undefined) this.#known.set(name, (decided = { ...decision, origin }));
    return decided;
  }
}

/** The decisions about the values of one row: they differ only in what is wrong with a value itself. */
export class RowDecisions {
  readonly #row: RowFacts;
  readonly #one: (decision: Decision) => Decided;
  readonly #byAlteration = new Map<string, Decided>();

  constructor(row: RowFacts, one: (decision: Decision) => Decided) {
    this.#row = row;
    this.#one = one;
  }

  of({ alteration, earlier, isAnswerAltered }: Omit<DecidedBy, 'row'>): Decided {
    const what = `${isAnswerAltered} ${alteration ?? ''} ${earlier !== null}`;
    const known = this.#byAlteration.get(what);
    if (known !== undefined) return known;
    const decided = this.#one(decide({ row: this.#row, alteration, earlier, isAnswerAltered }));
    this.#byAlteration.set(what, decided);
    return decided;
  }

  /** Of a value whose currency cannot be judged yet; null: nothing is wrong with it. */
  ofUnjudged(value: Omit<DecidedBy, 'row'>): Decided | null {
    const decision = decideUnjudged({ ...value, row: this.#row });
    return decision === null ? null : this.#one(decision);
  }
}
