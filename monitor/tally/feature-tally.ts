/**
 * The comparison of one feature over a day: adds up what the models received and what the replay gives, and computes
 * the report's numbers in the end. A value is compared once for all vectors of its group, and counted for as many as
 * were decided alike. Values come with fallbacks applied, in the number type of the surface that answered.
 *
 * Rates and causes are of values that are present on at least one side. UNAVAILABLE values are a class of their own,
 * and are among neither.
 */
import type { Feature } from '../../contract/model.ts';
import { formatType } from '../../contract/value-type.ts';
import type { Cause } from '../../contract/cause.ts';
import { CAUSES } from '../../contract/cause.ts';
import type { ComparedValue } from '../causes/facts.ts';
import { NO_PAIRS } from './agreeing-pairs.ts';
import type { AgreeingPairs } from './agreeing-pairs.ts';
import { pairTallyOf } from './pair-tally.ts';
import type { PairTally } from './pairs/pair-differences.ts';
import { STATES, isAbsent } from '../causes/value-state.ts';
import type { Decided } from './decided.ts';
import type { CauseCounts, Example, FeatureSnapshot } from '../verdict/snapshot.ts';
import type { State } from '../causes/value-state.ts';
import type { LooksLike } from '../likeness/likeness.ts';
import { harmOf } from '../incidents/harm.ts';
import { ExamplePool } from './example-pool.ts';
import type { Candidate } from './example-pool.ts';
import { RowTally } from './row-tally.ts';
import type { GroupPlace } from './served-place.ts';
import { UNEXPLAINED, rowInterval } from '../verdict/rates.ts';
import { isSame, isWithinTolerance } from '../causes/value-equality.ts';

/** Of each cause; the report draws no more. */
const MOST_EXAMPLES = 20;

/** What comparing a value tells, whichever vector of its group had it. */
export interface FeatureComparison {
  readonly value: ComparedValue;
  /** Of values that are answered as UNAVAILABLE nothing is compared. */
  readonly isUnavailable: boolean;
  readonly isExact: boolean;
  /** Whether there is a value on at least one side. */
  readonly isPresent: boolean;
  readonly isTolerated: boolean;
  /** Whether it is what an honest store had; undefined: the history has no created times. */
  readonly isAsAvailable: boolean | undefined;
  /** Of `harmOf`, where the promise is not kept. */
  readonly harm: number;
}

const NO_TEXTS: ReadonlySet<string> = new Set();

export class FeatureTally {
  readonly examples = new ExamplePool();
  readonly #feature: Feature;
  #undecoded = 0;
  #unavailable = 0;
  #unjudged = 0;
  #bothAbsent = 0;
  #exact = 0;
  #withinPromise = 0;
  #beyondPromise = 0;
  #tolerated = 0;
  #exactAsAvailable = 0;
  #hasAvailable = true;
  #hashed = 0;
  /** False once a hashed value differed: tolerance cannot be judged on HMACs. */
  #hasTolerance = true;
  /** Number of withheld values for each reason. */
  readonly #withheld = new Map<string, number>();
  /** By the place of both states in STATES. */
  readonly #states = new Float64Array(STATES.length ** 2);
  /** Mismatches by what was decided. */
  readonly #decided = new Map<Decided, number>();
  #spread: number | null = null;
  readonly #rows = new RowTally();
  #harm = 0;
  readonly #pairs: PairTally;
  #isAgreeingWithheld = false;
  #looksLike: readonly LooksLike[] = [];

  constructor(feature: Feature) {
    this.#feature = feature;
    this.#pairs = pairTallyOf(feature.type);
  }

  /**
   * Called before anything is compared.
   *
   * @param spread  what a difference is measured by (incidents/harm.ts); null: unknown
   */
  measureBy(spread: number | null): void {
    this.#spread = spread;
  }

  /**
   * Counts values that the log does not hold.
   *
   * @param why  see FeatureSnapshot
   */
  addDropped(why: string, vectors: number): void {
    addCount(this.#withheld, why, vectors);
  }

  /** Counts values in rows that cannot be decoded. */
  addUndecoded(vectors: number): void {
    this.#undecoded += vectors;
  }

  /** Counts values that were served as UNAVAILABLE. */
  addUnavailable(vectors: number): void {
    this.#unavailable += vectors;
  }

  /** Counts values whose due edge is later than the history's watermark. */
  addUnjudged(vectors: number): void {
    this.#unjudged += vectors;
  }

  /** How far a value that cannot be judged yet is from what the history holds in its row. */
  faultHarm({ served, held }: ComparedValue): number {
    return harmOf(served, held ?? null, this.#spread);
  }

  /**
   * Counts values that are the same on both sides, as in the row that an honest store had.
   *
   * @param hasAvailable  whether the history has created times
   * @param isHashed      whether they were compared as HMACs
   */
  addAgreeing(states: ReadonlyMap<State, number>, hasAvailable: boolean, isHashed = false): void {
    for (const [state, count] of states) {
      this.#states[placeOf(state, state)]! += count;
      if (isHashed) this.#hashed += count;
      if (isAbsent(state)) {
        this.#bothAbsent += count;
        continue;
      }
      this.#exact += count;
      this.#tolerated += count;
      if (hasAvailable) this.#exactAsAvailable += count;
      else this.#hasAvailable = false;
    }
  }

  /** Of rows that agree the feature's values are withheld: they are no observations of it. */
  withholdAgreeing(): void {
    this.#isAgreeingWithheld = true;
  }

  /** What the values that stay unexplained look like. */
  addLikeness(looksLike: readonly LooksLike[]): void {
    this.#looksLike = looksLike;
  }

  /** Compares a value; `add` counts it. */
  compare(value: ComparedValue): FeatureComparison {
    const { type, served, replayed, available, servedState, replayedState, isAnswerAltered } = value;
    const isExact = !isAnswerAltered && isSame(type, served, replayed);
    return {
      value,
      isUnavailable: servedState === 'unavailable',
      isExact,
      // What a model was told is a value, whatever the row beside it says.
      isPresent: isAnswerAltered || !(isAbsent(servedState) && isAbsent(replayedState)),
      // Of an altered answer the row's value is not what the model was told.
      isTolerated:
        isExact || (!isAnswerAltered && isWithinTolerance(type, served, replayed, this.#feature.tolerance)),
      isAsAvailable:
        available === undefined ? undefined : !isAnswerAltered && isSame(type, served, available),
      harm: isExact ? 0 : harmOf(served, replayed, this.#spread),
    };
  }

  /**
   * Counts a value for the vectors of its group that were decided alike.
   *
   * @param decided  null where the values are equal, and where none was served (UNAVAILABLE)
   */
  add(compared: FeatureComparison, place: GroupPlace, decided: Decided | null, vectors: number): void {
    const { value, isUnavailable, isPresent } = compared;
    this.#states[placeOf(value.servedState, value.replayedState)]! += vectors;
    if (isUnavailable) {
      this.#unavailable += vectors;
      return;
    }
    if (value.isHashed === true) this.#hashed += vectors;
    if (!isPresent) this.#bothAbsent += vectors;
    else this.#addPresent(compared, place, decided, vectors);
  }

  #addPresent(
    compared: FeatureComparison,
    place: GroupPlace,
    decided: Decided | null,
    vectors: number,
  ): void {
    const { value, isTolerated, isAsAvailable } = compared;
    const kept = decided === null || decided.withinPromise;
    if (decided === null) this.#exact += vectors;
    else {
      if (kept) this.#withinPromise += vectors;
      else this.#beyondPromise += vectors;
      addCount(this.#decided, decided, vectors);
      if (!kept) this.#harm += compared.harm * vectors;
    }
    this.#rows.add(this.#isAgreeingWithheld ? { row: place.row, agreed: 0 } : place, {
      vectors,
      isRight: kept,
      isUnexplained: decided !== null && UNEXPLAINED.has(decided.cause),
      isReplayed: !isAbsent(value.replayedState),
    });
    if (decided === null || isTolerated) {
      this.#tolerated += vectors;
    } else if (value.isHashed === true && this.#feature.tolerance !== null) this.#hasTolerance = false;
    if (isAsAvailable === undefined) this.#hasAvailable = false;
    else if (isAsAvailable) this.#exactAsAvailable += vectors;
    if (value.isHashed !== true) this.#pairs.add(value.served, value.replayed, vectors);
  }

  /** The mismatches that become examples. */
  chosen(): Candidate[] {
    return this.examples.chosen(MOST_EXAMPLES);
  }

  /** The texts of the values that were added: of others the most frequent ones are told alone. */
  get texts(): ReadonlySet<string> {
    return this.#pairs.texts?.() ?? NO_TEXTS;
  }

  /**
   * @param name      the feature's full name in the service
   * @param agreeing  the values that `addAgreeing` counted, and how many rows have them
   * @param examples  those of `chosen`
   */
  snapshot(
    name: string,
    view: string,
    agreeing: { readonly pairs: AgreeingPairs; readonly rows: number } = { pairs: NO_PAIRS, rows: 0 },
    examples: readonly Example[] = [],
  ): Omit<FeatureSnapshot, 'level'> {
    this.#pairs.addAgreeing(agreeing.pairs);
    const { differences, distributions } = this.#pairs.told();
    const shares = this.#rows.shares(agreeing.rows);
    const present = this.#exact + this.#withinPromise + this.#beyondPromise;
    const rate = (count: number): number | null => (present === 0 ? null : count / present);
    const dropped = [...this.#withheld.values()].reduce((sum, count) => sum + count, 0);
    const counted = { undecoded: this.#undecoded, unavailable: this.#unavailable, unjudged: this.#unjudged };
    const bothAbsent = this.#bothAbsent;
    return {
      name,
      view,
      type: formatType(this.#feature.type),
      description: this.#feature.description,
      rows: dropped + this.#undecoded + this.#unavailable + this.#unjudged + bothAbsent + present,
      dropped,
      ...counted,
      bothAbsent,
      present,
      exact: this.#exact,
      withinPromise: this.#withinPromise,
      beyondPromise: this.#beyondPromise,
      ...(this.#hashed > 0 ? { hashed: this.#hashed } : {}),
      ...(this.#withheld.size > 0 ? { withheld: Object.fromEntries(this.#withheld) } : {}),
      exactMatch: rate(this.#exact),
      exactMatchWithinPromise: rate(this.#exact + this.#withinPromise),
      ...shares,
      interval: rowInterval(shares),
      harm: this.#harm,
      toleranceMatch: this.#hasTolerance ? rate(this.#tolerated) : null,
      availableMatch: this.#hasAvailable ? rate(this.#exactAsAvailable) : null,
      states: this.#stateTable(),
      ...differences,
      ...this.#causes(),
      ...(this.#looksLike.length > 0 ? { looksLike: this.#looksLike } : {}),
      distributions,
      examples,
    };
  }

  #stateTable(): FeatureSnapshot['states'] {
    return STATES.flatMap((served) =>
      STATES.flatMap((replayed) => {
        const rows = this.#states[placeOf(served, replayed)]!;
        return rows === 0 ? [] : [{ served, replayed, rows }];
      }),
    );
  }

  #causes(): Pick<FeatureSnapshot, 'causes' | 'also'> {
    const causes = new Map<Cause, CauseCounts>();
    const beside = new Map<Cause, number>();
    for (const [{ cause, also, withinPromise }, count] of this.#decided) {
      const { values, beyondPromise } = causes.get(cause) ?? { values: 0, beyondPromise: 0 };
      causes.set(cause, {
        values: values + count,
        beyondPromise: beyondPromise + (withinPromise ? 0 : count),
      });
      for (const other of also) addCount(beside, other, count);
    }
    return { causes: inOrder(causes), also: inOrder(beside) };
  }
}

const STATE_PLACES = Object.fromEntries(STATES.map((state, place) => [state, place])) as Record<
  State,
  number
>;

function placeOf(served: State, replayed: State): number {
  return STATE_PLACES[served] * STATES.length + STATE_PLACES[replayed];
}

function addCount<Key>(counts: Map<Key, number>, key: Key, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}

function inOrder<Count>(counts: ReadonlyMap<Cause, Count>): Partial<Record<Cause, Count>> {
  return Object.fromEntries(
    CAUSES.filter((cause) => counts.has(cause)).map((cause) => [cause, counts.get(cause)!]),
  );
}
