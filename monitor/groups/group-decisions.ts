/**
 * The decisions about one group of vectors: why its values differ follows from when each vector was served, and where
 * from. Vectors that were decided alike in every value are one part, which is counted as one.
 */
import type { AskedFidelity } from '../as-served/as-served.ts';
import type { GivenRow } from '../as-served/given-row.ts';
import type { ComparedValue, RowFacts } from '../causes/facts.ts';
import type { FidelityAnswer } from '../causes/fidelity.ts';
import { worstOf } from '../on-demand/inherited.ts';
import type { RowOutcome, RowVerdicts } from '../judged-rows/row-verdicts.ts';
import { ExampleBounds } from '../tally/example-bounds.ts';
import type { Candidate, ListsOfCause } from '../tally/example-pool.ts';
import type { Decided, Decisions } from '../tally/decided.ts';
import type { FeatureTally } from '../tally/feature-tally.ts';
import type { Mismatch } from '../tally/incident-tally.ts';
import type { CountedPart, RoleTally } from '../tally/role-tally.ts';
import { hourOf } from '../tally/served-place.ts';
import type { GroupPlace, VectorColumns } from '../tally/served-place.ts';
import { rowFacts } from '../judge/row-facts.ts';
import type { RunIndex } from '../judge/run-index.ts';

/** A value of a group that is not what it should be. */
export interface DifferingValue {
  /** Its place among the features of the role, and its full name. */
  readonly place: number;
  readonly fullName: string;
  readonly tally: FeatureTally;
  readonly value: ComparedValue;
  /** Where the promise is not kept. */
  readonly harm: number;
}

/** Where the mismatches of vectors are offered that have one verdict. */
export interface Offered {
  readonly lists: readonly ListsOfCause[];
  readonly bounds: ExampleBounds;
}

interface Tallied {
  /** By the verdict. */
  readonly offered: Map<number, Offered>;
  readonly role: RoleTally;
  readonly decisions: Decisions;
  readonly verdicts: RowVerdicts;
  readonly runs: RunIndex;
}

interface DifferingGroup {
  readonly given: GivenRow;
  readonly place: GroupPlace;
  readonly mismatches: readonly DifferingValue[];
  readonly faults: readonly DifferingValue[];
  /** What differs of the values that on-demand views use, whether the service lists them or not. */
  readonly used: readonly DifferingValue[];
  readonly present: number;
  readonly outcome: RowOutcome;
  readonly fidelity: FidelityAnswer | null;
}

/** Vectors of a group whose values were decided alike. */
interface Part {
  /** By the kinds of values (`kindsOf`). */
  readonly byKind: readonly (Decided | null)[];
  /** By the place of the feature, of mismatches that are counted; undefined: the value is no such one. */
  readonly decided: readonly (Decided | undefined)[];
  readonly counted: CountedPart;
  /** Of `counted.mismatches`, the values, where they are offered, and the greatest harm. */
  readonly values: readonly DifferingValue[];
  readonly offered: Offered;
  readonly harm: number;
  /** The number of its verdict. */
  readonly verdict: number;
  vectors: number;
}

export class GroupDecisions {
  readonly parts: Part[] = [];
  readonly #tallied: Tallied;
  readonly #group: DifferingGroup;
  /** Values that a decision cannot tell apart: one of each kind. */
  readonly #kinds: DifferingValue[] = [];
  /** The kinds of `mismatches`, of `faults` and of `used`. */
  readonly #mismatchKinds: readonly number[];
  readonly #faultKinds: readonly number[];
  readonly #usedKinds: readonly number[];

  constructor(tallied: Tallied, group: DifferingGroup) {
    this.#tallied = tallied;
    this.#group = group;
    this.#mismatchKinds = group.mismatches.map((value) => this.#kindOf(value));
    this.#faultKinds = group.faults.map((value) => this.#kindOf(value));
    this.#usedKinds = group.used.map((value) => this.#kindOf(value));
  }

  #kindOf(one: DifferingValue): number {
    const { alteration, earlier, isAnswerAltered } = one.value;
    const known = this.#kinds.findIndex(
      ({ value }) =>
        value.alteration === alteration &&
        (value.earlier === null) === (earlier === null) &&
        value.isAnswerAltered === isAnswerAltered,
    );
    return known === -1 ? this.#kinds.push(one) - 1 : known;
  }

  /** Decides one vector of the group, and tells where it stood. */
  add(vectors: VectorColumns, at: number, asked: AskedFidelity | undefined): void {
    const { role, verdicts, runs } = this.#tallied;
    const { given, place } = this.#group;
    const row = this.#kinds.length === 0 ? null : rowFacts(given, asked, runs, { vectors, at });
    const part = row === null ? (this.parts[0] ?? this.#newPart([])) : this.#partOf(row, vectors, at);
    part.vectors += 1;
    role.addVector(part.counted, place, vectors, at);
    verdicts.addVector(vectors.vid[at]!, part.verdict);
    if (row !== null) this.#offer(part, row, vectors, at);
  }

  #partOf(row: RowFacts, vectors: VectorColumns, at: number): Part {
    const { decisions } = this.#tallied;
    const pod = vectors.pods[vectors.pod[at]!]!;
    const isFault = this.#group.faults.length > 0;
    const byKind: (Decided | null)[] = [];
    for (const { value } of this.#kinds) {
      const { alteration, earlier, isAnswerAltered } = value;
      const facts = { row, alteration, earlier, isAnswerAltered };
      byKind.push(isFault ? decisions.ofUnjudged(facts, pod) : decisions.of(facts, pod));
    }
    for (const part of this.parts) if (isSame(part.byKind, byKind)) return part;
    return this.#newPart(byKind);
  }

  #newPart(byKind: readonly (Decided | null)[]): Part {
    const { role, verdicts } = this.#tallied;
    const { mismatches, faults, present, outcome, fidelity } = this.#group;
    const decided: (Decided | undefined)[] = [];
    const counted: Mismatch[] = [];
    const wrong: Mismatch[] = [];
    const values = [...mismatches];
    for (let i = 0; i < mismatches.length; i++) {
      const one = mismatchOf(mismatches[i]!, byKind[this.#mismatchKinds[i]!]!);
      counted.push(one);
      decided[one.place] = one.decided;
    }
    for (const [i, value] of faults.entries()) {
      const own = byKind[this.#faultKinds[i]!]!;
      if (own === null) continue;
      wrong.push(mismatchOf(value, own));
      values.push(value);
    }
    const fault = wrong[0]?.decided ?? null;
    const used = worstOf(this.#usedKinds.flatMap((kind) => byKind[kind] ?? [])) ?? null;
    const told = role.part(present, counted, wrong);
    const verdict = verdicts.endVerdict({ outcome, fidelity, mismatches: counted, fault, used });
    let harm = 0;
    for (const one of told.mismatches) if (one.harm > harm) harm = one.harm;
    const offered = this.#offeredOf(verdict, told, values);
    const part = { byKind, decided, counted: told, values, offered, harm, verdict, vectors: 0 };
    this.parts.push(part);
    return part;
  }

  #offeredOf(verdict: number, { mismatches }: CountedPart, values: readonly DifferingValue[]): Offered {
    const { role, offered } = this.#tallied;
    // A verdict tells of one fault, and there may be more.
    const isTold = this.#group.faults.length === 0;
    const known = isTold ? offered.get(verdict) : undefined;
    if (known !== undefined) return known;
    const decided = mismatches.map((one) => one.decided);
    const lists = decided.map((one, i) => values[i]!.tally.examples.listsOf(one));
    const distinct = [...new Set(decided)];
    const lastOfIncidents = () => distinct.map((one) => role.incidents.lastWorst(one));
    const made = { lists, bounds: new ExampleBounds({ lists, lastOfIncidents }, role.offered) };
    if (isTold) offered.set(verdict, made);
    return made;
  }

  /** Offers the mismatches of a vector to be examples. */
  #offer(
    { counted: { mismatches }, values, offered: { lists, bounds }, harm }: Part,
    row: RowFacts,
    vectors: VectorColumns,
    at: number,
  ): void {
    if (mismatches.length === 0) return;
    const { incidents, offered } = this.#tallied.role;
    const vid = vectors.vid[at]!;
    const hash = vectors.hash[at]!;
    const hour = hourOf(row.servedUs);
    if (!bounds.mayWant(hour, harm, hash, vid)) return;
    for (let i = 0; i < mismatches.length; i++) {
      const mismatch = mismatches[i]!;
      const isWanted = lists[i]!.wants(hour, mismatch.harm, hash);
      if (!isWanted && !incidents.wants(mismatch, vid)) continue;
      offered.offers += 1;
      const { value } = values[i]!;
      const { decided, feature, place } = mismatch;
      const request = vectors.request[at]!;
      const { entity } = this.#group.place;
      const candidate: Candidate = {
        decided,
        harm: mismatch.harm,
        hour,
        vid,
        request,
        entity,
        hash,
        value,
        row,
      };
      if (isWanted) lists[i]!.offer(candidate);
      incidents.offer({ ...candidate, feature, place });
    }
  }
}

function mismatchOf({ place, fullName, harm }: DifferingValue, decided: Decided): Mismatch {
  return { feature: fullName, place, decided, harm: decided.withinPromise ? 0 : harm };
}

function isSame(a: readonly (Decided | null)[], b: readonly (Decided | null)[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
