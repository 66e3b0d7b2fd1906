/**
 * Counts the values of one on-demand view, vector by vector: what was served beside what its function gives over the
 * replayed rows, and whether it gives the same over the logged ones.
 *
 * The vectors of one entity are one row of the rates (rates.ts): their values hang together by the rows that they are
 * computed of. On a day of two bundles an entity has one in each.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Feature, FeatureService, OnDemandView } from '../../contract/model.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/isolated-functions.ts';
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { LoggedAnswer } from '../answers/logged-answer.ts';
import type { FidelityCause } from '../causes/cause.ts';
import type { ComparedValue } from '../causes/facts.ts';
import { inheritedDecision, worstOf } from './inherited.ts';
import { isSame } from '../causes/value-equality.ts';
import { stateOf } from '../causes/value-state.ts';
import { asReceived } from '../judge/received-value.ts';
import type { KeptRole } from '../kept/kept-role.ts';
import type { Decided } from '../tally/decided.ts';
import type { FeatureTally } from '../tally/feature-tally.ts';
import type { Mismatch } from '../tally/incident-tally.ts';
import type { RoleTally } from '../tally/role-tally.ts';
import type { GroupPlace, VectorColumns } from '../tally/served-place.ts';
import type { SliceBy } from '../verdict/snapshot.ts';
import type { ComputedChunk, InputDecision } from './computed-chunk.ts';
import {
  ASKED,
  IS_UNAVAILABLE,
  IS_UNDECODED,
  NOT_ARCHIVED,
  OTHER_DEFINITION,
  UNKNOWN_KEY,
} from './computed-vectors.ts';

interface TalliedFeature {
  readonly fullName: string;
  /** In the bundle in force. */
  readonly feature: Feature;
  readonly tally: FeatureTally;
}

/** A feature as the bundle lists it that is counted now. */
interface CountedOutput {
  readonly listed: { readonly fullName: string; readonly feature: Feature };
  /** Its place among the view's features, as the function gives them. */
  readonly output: number;
  readonly place: number;
  readonly fullName: string;
  /** In the bundle in force. */
  readonly feature: Feature;
  readonly tally: FeatureTally;
}

interface CountedBundle {
  readonly hash: string;
  readonly tensor: FeatureService['tensor'];
  readonly outputs: readonly CountedOutput[];
  readonly hasAvailable: boolean;
  /** By vid, where they were logged. */
  readonly answers: ReadonlyMap<number, LoggedAnswer>;
}

/** What the verdict takes of an on-demand view. */
export type JudgedComputed = Pick<KeptRole, 'features' | 'incidents' | 'slices'> & {
  readonly counts: Pick<KeptRole['counts'], 'availability' | 'alteredAnswers'>;
};

interface CountedRole {
  readonly role: number;
  readonly view: string;
  readonly tally: RoleTally;
}

/** A vector of a chunk. */
interface CountedVector {
  readonly at: number;
  readonly place: GroupPlace;
  readonly surface: number;
  readonly pod: string;
  /** Which of its request's vectors it is. */
  readonly row: number;
  readonly unjudged: boolean;
}

type Recomputed = NonNullable<Awaited<ReturnType<ComputedChunk['recompute']>>[number]>;

const WHY: Readonly<Record<number, string>> = {
  [OTHER_DEFINITION]: 'computed of rows that another definition wrote',
  [UNKNOWN_KEY]: 'computed of join keys of which the log has only HMACs',
  [NOT_ARCHIVED]: 'in files that an ingest wrote which knew no on-demand views',
};

/** None of the rows that a value was computed of was decided to differ, as where the archive lacks a feature. */
const NOT_DECIDED = 'computed of rows of which no cause is known';

export class ComputedTally {
  readonly features: readonly TalliedFeature[];
  readonly #role: CountedRole;
  readonly #known = new Map<string, Decided>();
  readonly #pods = new Map<string, number>();
  #bundle: CountedBundle | null = null;
  /** The entity that is counted now, and its number. */
  #entity: string | null = null;
  #number = -1;

  constructor(role: CountedRole, features: readonly TalliedFeature[]) {
    this.#role = role;
    this.features = features;
  }

  /** @returns those of what a bundle lists that are counted, matched by feature and type */
  matching(
    listed: readonly { readonly fullName: string; readonly feature: Feature }[],
    { features }: Pick<OnDemandView, 'features'>,
  ): CountedOutput[] {
    return this.features.flatMap(({ fullName, feature, tally }, place) => {
      const own = listed.find((one) => isSameFeature(one.feature, feature));
      if (own === undefined) return [];
      return [{ listed: own, output: features.indexOf(own.feature), place, fullName, feature, tally }];
    });
  }

  /** What is added from now on is of this bundle. */
  begin(bundle: CountedBundle): void {
    this.#bundle = bundle;
    this.#entity = null;
  }

  /** @param recomputed  for each vector of the chunk; null where the function was not asked */
  add(chunk: ComputedChunk, recomputed: readonly (Recomputed | null)[]): void {
    const vectors = this.#columnsOf(chunk);
    const states = chunk.column<number>('state');
    const surfaces = chunk.column<number>('surface');
    const versions = chunk.column<number>('service_version');
    const entities = chunk.column<string>('entity');
    const pods = chunk.column<string>('pod');
    const rows = chunk.column<number>('row_index');
    const unjudged = chunk.column<boolean>('unjudged');
    for (let at = 0; at < chunk.vectors; at++) {
      if (entities[at] !== this.#entity) {
        this.#entity = entities[at]!;
        this.#number += 1;
      }
      const [state, surface] = [states[at]!, surfaces[at]!];
      const place = this.#placeOf(surface, versions[at]!, state === IS_UNAVAILABLE);
      const own = { pod: pods[at]!, row: rows[at]!, unjudged: unjudged[at] === true };
      const vector = { at, place, surface, ...own };
      if (state === ASKED) this.#addAsked(chunk, vectors, vector, recomputed[at]!);
      else this.#addOther(state);
      if (state === IS_UNAVAILABLE) this.#addVector([], [], vectors, vector);
    }
  }

  #addVector(
    mismatches: readonly Mismatch[],
    faults: readonly Mismatch[],
    vectors: VectorColumns,
    { at, place, present = 0 }: Pick<CountedVector, 'at' | 'place'> & { readonly present?: number },
  ): void {
    const part = this.#role.tally.part(present, mismatches, faults);
    this.#role.tally.addVector(part, place, vectors, at);
    this.#role.tally.addGroup(part, place, 1);
  }

  #addOther(state: number): void {
    for (const { tally } of this.#bundle!.outputs) {
      if (state === IS_UNAVAILABLE) tally.addUnavailable(1);
      else if (state === IS_UNDECODED) tally.addUndecoded(1);
      else tally.addDropped(WHY[state]!, 1);
    }
  }

  #addAsked(chunk: ComputedChunk, vectors: VectorColumns, vector: CountedVector, given: Recomputed): void {
    const { at, place, pod, unjudged } = vector;
    const ended = endedCall(given);
    if (ended !== null) {
      for (const { tally } of this.#bundle!.outputs) tally.addDropped(`not computed again: ${ended}`, 1);
      return;
    }
    const inputs = chunk.decisionsOf(at);
    const mismatches: Mismatch[] = [];
    const faults: Mismatch[] = [];
    const answer = this.#bundle!.answers.get(vectors.vid[at]!);
    let [present, isAltered] = [0, false];
    for (const [i, output] of this.#bundle!.outputs.entries()) {
      const { tally, fullName: feature, place: number } = output;
      const served = chunk.outputs[i]![at]!;
      const {
        fullName: name,
        feature: { type },
      } = output.listed;
      const isAnswerAltered = answer?.says(vector.row, { name, type }, served) === false;
      if (isAnswerAltered) isAltered = true;
      const wrong: FidelityCause[] = isAnswerAltered ? ['answer altered'] : [];
      if (!isOutput(output, served, given.served)) wrong.push('on-demand differs');
      const value = { ...this.#valueOf(output, served, given, vector), isAnswerAltered };
      if (unjudged) {
        tally.addUnjudged(1);
        if (wrong.length === 0) continue;
        const decided = this.#decided(wrong, [], pod);
        faults.push({ feature, place: number, decided, harm: tally.faultHarm(value) });
        continue;
      }
      const comparison = tally.compare(value);
      const differs = comparison.isPresent && !comparison.isExact;
      if (differs && wrong.length === 0 && inputs.length === 0) {
        tally.addDropped(NOT_DECIDED, 1);
        continue;
      }
      const decided = differs ? this.#decided(wrong, inputs, pod) : null;
      tally.add(comparison, place, decided, 1);
      if (comparison.isPresent) present += 1;
      if (decided === null) continue;
      const harm = decided.withinPromise ? 0 : comparison.harm;
      mismatches.push({ feature, place: number, decided, harm });
    }
    this.#addVector(mismatches, faults, vectors, { at, place, present });
    this.#role.tally.addFidelity(place, null, isAltered, 1);
  }

  #valueOf(
    output: CountedOutput,
    served: Value,
    given: Recomputed,
    { surface }: CountedVector,
  ): ComparedValue {
    const { tensor, hasAvailable } = this.#bundle!;
    const { name, type, missing: fallback } = output.listed.feature;
    const received = (value: Value): Value => asReceived(type, value, surface, tensor);
    const replayed = outputOf(output, given.trained);
    return {
      feature: name,
      type,
      fallback,
      served: received(served),
      replayed: received(orFallback(replayed, fallback)),
      servedState: stateOf(PRESENT, served),
      replayedState: replayed === undefined ? stateOf(UNAVAILABLE, null) : stateOf(PRESENT, replayed),
      available: hasAvailable ? received(orFallback(outputOf(output, given.available), fallback)) : undefined,
      alteration: null,
      earlier: null,
      isAnswerAltered: false,
    };
  }

  /** Mismatches are counted by these: what says the same is one object. */
  #decided(own: readonly FidelityCause[], inputs: readonly InputDecision[], by: string): Decided {
    const decision = inheritedDecision(own, inputs);
    const run = own.length > 0 ? null : (worstOf(inputs)?.run ?? null);
    const pod = own.length > 0 ? by : null;
    const name = JSON.stringify([decision, run, pod]);
    let decided = this.#known.get(name);
    if (decided === undefined) this.#known.set(name, (decided = { ...decision, origin: { run, pod } }));
    return decided;
  }

  #placeOf(surface: number, serviceVersion: number, isUnavailable: boolean): GroupPlace {
    return {
      role: this.#role.role,
      entity: this.#number,
      row: this.#number,
      agreed: 0,
      bundle: this.#bundle!.hash,
      serviceVersion,
      surface: SURFACES[surface] ?? String(surface),
      entityIsNew: false,
      isUnavailable,
    };
  }

  #columnsOf(chunk: ComputedChunk): VectorColumns {
    const numbers = (column: readonly number[]): Float64Array => Float64Array.from(column);
    const none = new Float64Array(chunk.vectors).fill(Number.NaN);
    const pods = chunk.column<string>('pod');
    for (const pod of pods) if (!this.#pods.has(pod)) this.#pods.set(pod, this.#pods.size);
    return {
      vid: numbers(chunk.column<number>('vid')),
      servedUs: numbers(chunk.column<number>('served_us')),
      fetchedUs: none,
      watermarkUs: none,
      source: new Float64Array(chunk.vectors),
      pod: Float64Array.from(pods, (pod) => this.#pods.get(pod)!),
      pods: [...this.#pods.keys()],
      request: numbers(chunk.column<number>('request')),
      hash: numbers(chunk.column<number>('hash')),
    };
  }

  /** Examples are of rows, which a computed value has none of: it has no candidates. */
  told(): JudgedComputed {
    const pods = [...this.#pods.keys()];
    const { tally, view } = this.#role;
    const { availability, alteredAnswers = 0 } = tally.counts();
    return {
      features: this.features.map((one) => one.tally.snapshot(one.fullName, view)),
      incidents: tally.incidents
        .incidents(pods, () => {
          throw new TypeError('a computed value has no example');
        })
        .map((incident) => ({ ...incident, slices: incident.slices.filter(isOfVector) })),
      slices: tally.traffic.slices(pods).filter(isOfVector),
      counts: { availability, ...(alteredAnswers > 0 ? { alteredAnswers } : {}) },
    };
  }
}

/** A computed value has no row, which would come from a source and be of a new or known entity. */
function isOfVector({ by }: { readonly by: SliceBy }): boolean {
  return by !== 'source' && by !== 'entityIsNew';
}

/** @returns why a call was ended, which tells nothing of what it would have given; null: none was */
function endedCall({ served, trained, available }: Recomputed): string | null {
  for (const outcome of [served, trained, available]) {
    if (!(outcome instanceof OnDemandFault)) continue;
    if (outcome.reason === 'deadline' || outcome.reason === 'memory') return outcome.message;
  }
  return null;
}

/** @returns undefined where the function gave no values */
function outputOf({ output }: CountedOutput, outcome: OnDemandOutcome): Value | undefined {
  return outcome instanceof OnDemandFault ? undefined : outcome[output]!;
}

/** null is a value. */
function orFallback(value: Value | undefined, fallback: Value): Value {
  return value === undefined ? fallback : value;
}

function isOutput(of: CountedOutput, logged: Value, outcome: OnDemandOutcome): boolean {
  const value = outputOf(of, outcome);
  return value !== undefined && isSame(of.listed.feature.type, logged, value);
}
