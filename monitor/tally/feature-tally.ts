/**
 * The comparison of one feature over a day: adds up, value by value, what the model received and what the replay gives,
 * and computes the report's numbers in the end. Values come with fallbacks applied, in the number type of the surface
 * that answered.
 *
 * Rates and causes are of values that are present on at least one side. UNAVAILABLE values are a class of their own,
 * and are among neither.
 */
import type { Json } from '../../contract/std/canonical-json.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Feature } from '../../contract/model.ts';
import { ROW_SOURCES } from '../../contract/status.ts';
import { formatType, isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import type { Cause } from '../causes/cause.ts';
import { CAUSES } from '../causes/cause.ts';
import { evidenceOf } from '../causes/explain.ts';
import type { ReplayedTimes, ServedTimes, ValueFacts } from '../causes/facts.ts';
import { NO_PAIRS } from './agreeing-pairs.ts';
import type { AgreeingPairs } from './agreeing-pairs.ts';
import { pairTallyOf } from './pair-tally.ts';
import type { PairTally } from './pair-tally.ts';
import { STATES, isAbsent } from '../causes/value-state.ts';
import type { Decided, RowDecisions } from './decided.ts';
import type { CauseCounts, Example, FeatureSnapshot, SideOfExample } from '../verdict/snapshot.ts';
import type { State } from '../causes/value-state.ts';
import type { LooksLike } from '../likeness/likeness.ts';
import { harmOf } from '../incidents/harm.ts';
import { ExamplePool } from './example-pool.ts';
import type { Candidate } from './example-pool.ts';
import { NO_ROWS, RowTally } from './row-tally.ts';
import type { AgreeingRows } from './row-tally.ts';
import { hourOf } from './served-place.ts';
import type { ServedPlace } from './served-place.ts';
import { exampleValue } from '../verdict/example-value.ts';
import { UNEXPLAINED, rowInterval } from '../verdict/rates.ts';
import { isSame, isWithinTolerance } from '../causes/value-equality.ts';

/** Of each cause; the report draws no more. */
const MOST_EXAMPLES = 20;

/** Which vector a value belongs to, for examples. */
export interface VectorName {
  readonly requestId: string;
  /** Which entity row of the request. */
  readonly row: number;
  readonly pod: string;
  readonly entities: Readonly<Record<string, string | null>>;
}

/** What all values of a judged row have in common. */
interface JudgedRow {
  readonly name: VectorName;
  readonly place: ServedPlace;
  readonly decisions: RowDecisions;
  /** `exampleHash` of its request. */
  readonly hash: number;
}

/** The result of comparing one value. */
interface Judgement {
  /** null where the values are equal, and where none was served (UNAVAILABLE). */
  readonly decided: Decided | null;
  /** Whether there is a value on at least one side. */
  readonly isPresent: boolean;
  /** Of a mismatch of present values. */
  readonly candidate: Candidate | null;
}

const NO_TEXTS: ReadonlySet<string> = new Set();

export class FeatureTally {
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
  readonly #spread: number | null;
  readonly #rows = new RowTally();
  readonly #examples = new ExamplePool();
  #harm = 0;
  readonly #pairs: PairTally;
  #looksLike: readonly LooksLike[] = [];

  /** @param spread  what a difference is measured by (incidents/harm.ts); null: unknown */
  constructor(feature: Feature, spread: number | null = null) {
    this.#feature = feature;
    this.#spread = spread;
    this.#pairs = pairTallyOf(feature.type);
  }

  /**
   * Counts a value that the log does not hold.
   *
   * @param why  see FeatureSnapshot
   */
  addDropped(why: string): void {
    this.#count(this.#withheld, why);
  }

  /** Counts a value in a row that cannot be decoded. */
  addUndecoded(): void {
    this.#undecoded += 1;
  }

  /** Counts a value that was served as UNAVAILABLE. */
  addUnavailable(): void {
    this.#unavailable += 1;
  }

  /** Counts a value whose due edge is later than the history's watermark. */
  addUnjudged(): void {
    this.#unjudged += 1;
  }

  /**
   * Looks at a value that `addUnjudged` counts: what it is not the history's row tells already. It is in no rate.
   *
   * @returns a mismatch for an incident; null: nothing is wrong with it
   */
  faultOf(facts: ValueFacts, row: JudgedRow): Candidate | null {
    const decided = row.decisions.ofUnjudged(facts);
    if (decided === null) return null;
    return this.#offered(facts, row, decided, harmOf(facts.served, facts.held ?? null, this.#spread));
  }

  /**
   * Counts values that are the same on both sides, as in the row that an honest store had.
   *
   * @param hasAvailable  whether the history has created times
   */
  addAgreeing(states: ReadonlyMap<State, number>, hasAvailable: boolean): void {
    for (const [state, count] of states) {
      this.#states[placeOf(state, state)]! += count;
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

  /** What the values that stay unexplained look like. */
  addLikeness(looksLike: readonly LooksLike[]): void {
    this.#looksLike = looksLike;
  }

  add(facts: ValueFacts, row: JudgedRow): Judgement {
    const { servedState, replayedState } = facts;
    this.#states[placeOf(servedState, replayedState)]! += 1;
    if (servedState === 'unavailable') {
      this.#unavailable += 1;
      return UNAVAILABLE_VALUE;
    }
    const exact = !facts.isAnswerAltered && isSame(facts.type, facts.served, facts.replayed);
    const decided = exact ? null : row.decisions.of(facts);
    // What a model was told is a value, whatever the row beside it says.
    const isPresent = facts.isAnswerAltered || !(isAbsent(servedState) && isAbsent(replayedState));
    if (facts.isHashed === true) this.#hashed += 1;
    if (!isPresent) this.#bothAbsent += 1;
    else this.#addPresent(facts, row.place, decided);
    const candidate = isPresent && decided !== null ? this.#candidate(facts, row, decided) : null;
    return { decided, isPresent, candidate };
  }

  #addPresent(facts: ValueFacts, place: ServedPlace, decided: Decided | null): void {
    const kept = decided === null || decided.withinPromise;
    if (decided === null) this.#exact += 1;
    else if (kept) this.#withinPromise += 1;
    else this.#beyondPromise += 1;
    this.#rows.add(place.row, {
      isRight: kept,
      isUnexplained: decided !== null && UNEXPLAINED.has(decided.cause),
      isReplayed: !isAbsent(facts.replayedState),
    });
    const { served, replayed, available, type, isAnswerAltered } = facts;
    // Of an altered answer the row's value is not what the model was told.
    const isTolerated =
      !isAnswerAltered && isWithinTolerance(type, served, replayed, this.#feature.tolerance);
    if (decided === null || isTolerated) {
      this.#tolerated += 1;
    } else if (facts.isHashed === true && this.#feature.tolerance !== null) this.#hasTolerance = false;
    if (available === undefined) this.#hasAvailable = false;
    else if (!isAnswerAltered && isSame(type, served, available)) this.#exactAsAvailable += 1;
    if (facts.isHashed !== true) this.#pairs.add(served, replayed);
  }

  /** Counts a mismatch under its cause, with its harm. */
  #candidate(facts: ValueFacts, row: JudgedRow, decided: Decided): Candidate {
    this.#count(this.#decided, decided);
    const harm = decided.withinPromise ? 0 : harmOf(facts.served, facts.replayed, this.#spread);
    this.#harm += harm;
    return this.#offered(facts, row, decided, harm);
  }

  /** A mismatch as it is offered to be an example. */
  #offered(facts: ValueFacts, { name, place, hash }: JudgedRow, decided: Decided, harm: number): Candidate {
    const { requestId, row } = name;
    let made: Example | null = null;
    // Few mismatches become examples, so evidence is written of these alone.
    const make = (): Example => (made ??= exampleOf(facts, name, decided, harm));
    const candidate = {
      decided,
      harm,
      hour: hourOf(place),
      requestId,
      row,
      entity: place.entity,
      hash,
      make,
    };
    this.#examples.offer(candidate);
    return candidate;
  }

  #count<Key>(counts: Map<Key, number>, key: Key): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  /** The texts of the values that were added: of others the most frequent ones are told alone. */
  get texts(): ReadonlySet<string> {
    return this.#pairs.texts?.() ?? NO_TEXTS;
  }

  /**
   * @param name      the feature's full name in the service
   * @param agreeing  the values that `addAgreeing` counted, and their rows
   */
  snapshot(
    name: string,
    view: string,
    agreeing: AgreeingPairs = NO_PAIRS,
    agreeingRows: AgreeingRows = NO_ROWS,
  ): Omit<FeatureSnapshot, 'level'> {
    this.#pairs.addAgreeing(agreeing);
    const shares = this.#rows.shares(agreeingRows);
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
      ...this.#pairs.differences(),
      ...this.#causes(),
      ...(this.#looksLike.length > 0 ? { looksLike: this.#looksLike } : {}),
      distributions: this.#pairs.distributions(),
      examples: this.#examples.chosen(MOST_EXAMPLES).map(({ example }) => example),
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
      for (const other of also) beside.set(other, (beside.get(other) ?? 0) + count);
    }
    return { causes: inOrder(causes), also: inOrder(beside) };
  }
}

const UNAVAILABLE_VALUE: Judgement = { decided: null, isPresent: false, candidate: null };

const STATE_PLACES = Object.fromEntries(STATES.map((state, place) => [state, place])) as Record<
  State,
  number
>;

function placeOf(served: State, replayed: State): number {
  return STATE_PLACES[served] * STATES.length + STATE_PLACES[replayed];
}

const DOUBLE: ValueType = { kind: 'float64' };

/** The value as JSON; on the tensor surface an integer is a double, which may be a NaN. */
function jsonOf(type: ValueType, value: Value): Json {
  return valueToJson(typeof value === 'number' && isNumeric(type) ? DOUBLE : type, value);
}

function exampleOf(facts: ValueFacts, vector: VectorName, decided: Decided, harm: number): Example {
  const { cause, also, withinPromise } = decided;
  const { row, type, served, replayed, servedState, replayedState } = facts;
  return {
    ...vector,
    servedAt: formatTimestamp(row.servedUs),
    source: ROW_SOURCES[row.source]!,
    served: side(servedState, jsonOf(type, served), row.served),
    replayed: side(replayedState, jsonOf(type, replayed), row.replayed),
    causes: [cause, ...also],
    withinPromise,
    harm,
    evidence: evidenceOf(facts, cause),
  };
}

function side(state: State, value: Json, row: ServedTimes | ReplayedTimes | null): SideOfExample {
  return {
    state,
    ...exampleValue(value),
    eventTime: row === null ? null : formatTimestamp(row.eventUs),
    createdTime: row === null || row.createdUs === null ? null : formatTimestamp(row.createdUs),
  };
}

function inOrder<Count>(counts: ReadonlyMap<Cause, Count>): Partial<Record<Cause, Count>> {
  return Object.fromEntries(
    CAUSES.filter((cause) => counts.has(cause)).map((cause) => [cause, counts.get(cause)!]),
  );
}
