/**
 * Counts the values of one on-demand view, vector by vector: what was served beside what its function gives over what
 * is replayed, and whether it gives the same over what was logged.
 *
 * The vectors of one entity are one row of the rates (rates.ts): their values hang together by the rows that they are
 * computed of. On a day of two bundles an entity has one in each.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Feature, FeatureService, OnDemandView } from '../../contract/model.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { Value } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { LoggedAnswer } from '../answers/logged-answer.ts';
import type { FidelityCause } from '../../contract/cause.ts';
import type { ComparedValue } from '../causes/facts.ts';
import type { JudgedOutputs } from '../judged-rows/judged-outputs.ts';
import type { KeptRole } from '../kept/kept-role.ts';
import type { Decided } from '../tally/decided.ts';
import type { Candidate } from '../tally/example-pool.ts';
import type { FeatureTally } from '../tally/feature-tally.ts';
import type { Mismatch } from '../tally/incident-tally.ts';
import type { CountedPart, RoleTally } from '../tally/role-tally.ts';
import { hourOf } from '../tally/served-place.ts';
import type { GroupPlace, VectorColumns } from '../tally/served-place.ts';
import type { ComputedViewSnapshot, Example, SliceBy } from '../verdict/snapshot.ts';
import { IS_UNDECODED, NOT_GIVEN, WHY_NOT } from './asked/asked-state.ts';
import { comparedOutput, endedCall, gives, outputOf } from './compared-output.ts';
import type { Output } from './compared-output.ts';
import type { ComputedChunk, Recomputed } from './computed-chunk.ts';
import type { ComputedFacts } from './computed-evidence.ts';
import { inheritedDecision, worstOf } from './inherited.ts';
import type { InputDecision } from './inherited.ts';
import { VectorNumbers } from './vector-numbers.ts';

interface TalliedFeature {
  readonly fullName: string;
  /** In the bundle in force. */
  readonly feature: Feature;
  readonly tally: FeatureTally;
}

/** A feature as the bundle lists it that is counted now. */
interface CountedOutput extends Output, TalliedFeature {
  /** As the bundle calls it. */
  readonly listedName: string;
  /** Its place among the features that are counted. */
  readonly number: number;
  /** Whether it is marked today (hmac or drop): it is judged as it was logged, and none of its values is shown. */
  readonly isMarked: boolean;
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
  readonly counts: Omit<ComputedViewSnapshot, 'role' | 'view' | 'owner'>;
};

interface CountedRole {
  readonly role: number;
  readonly view: string;
  readonly tally: RoleTally;
}

/** A vector of a chunk. */
interface CountedVector {
  readonly at: number;
  readonly vid: number;
  readonly servedUs: number;
  readonly place: GroupPlace;
  readonly surface: number;
  readonly pod: string;
  /** Which of its request's vectors it is. */
  readonly row: number;
  readonly unjudged: boolean;
  readonly isSampled: boolean;
}

/** A value that is not what it should be. */
interface Differing {
  readonly mismatch: Mismatch;
  readonly tally: FeatureTally;
  readonly value: ComparedValue;
  readonly facts: ComputedFacts;
}

/** What is known of the values of a vector, one output after another. */
interface AskedVector {
  readonly vector: CountedVector;
  readonly given: Recomputed;
  readonly inputs: readonly InputDecision[];
  readonly answer: LoggedAnswer | undefined;
  readonly mismatches: Differing[];
  /** Of values that cannot be judged yet. */
  readonly faults: Differing[];
  present: number;
  isAltered: boolean;
  /** Whether the function gives another output over what was logged. */
  isOther: boolean;
}

/** Nothing that a value was computed of was decided to differ, as where the archive lacks a feature. */
const NOT_DECIDED = 'computed of rows of which no cause is known';

export class ComputedTally {
  readonly features: readonly TalliedFeature[];
  readonly #role: CountedRole;
  readonly #written: JudgedOutputs;
  readonly #known = new Map<string, Decided>();
  readonly #numbers = new VectorNumbers();
  /** Of vectors without a mismatch, by how many of their values are present. */
  readonly #quietParts: CountedPart[] = [];
  /** By vid those without a judged value. */
  readonly unjudged: number[] = [];
  #asked = 0;
  #differing = 0;
  #bundle: CountedBundle | null = null;
  /** The entity that is counted now, and its number. */
  #entity: string | null = null;
  #number = -1;

  /** @param written  takes the rows of the Parquet */
  constructor(role: CountedRole, features: readonly TalliedFeature[], written: JudgedOutputs) {
    this.#role = role;
    this.features = features;
    this.#written = written;
  }

  /** @returns those of what a bundle lists that are counted, matched by feature and type */
  matching(
    listed: readonly { readonly fullName: string; readonly feature: Feature }[],
    { features }: Pick<OnDemandView, 'features'>,
  ): CountedOutput[] {
    return this.features.flatMap((one, number) => {
      const own = listed.find(({ feature }) => isSameFeature(feature, one.feature));
      if (own === undefined) return [];
      const place = features.indexOf(own.feature);
      const isMarked = one.feature.log !== 'raw';
      return [{ ...one, feature: own.feature, place, listedName: own.fullName, number, isMarked }];
    });
  }

  /** What is added from now on is of this bundle. */
  begin(bundle: CountedBundle): void {
    this.#bundle = bundle;
    this.#entity = null;
  }

  /**
   * @param recomputed  for each vector of the chunk; null where the function cannot be asked
   * @returns           for each vector whether the function gives another output over what was logged
   */
  add(chunk: ComputedChunk, recomputed: readonly (Recomputed | null)[]): boolean[] {
    const vectors = this.#numbers.of(chunk);
    const states = chunk.column<number>('state');
    const unavailable = chunk.column<boolean>('unavailable');
    return recomputed.map((given, at) => {
      const vector = this.#vectorOf(chunk, vectors, at);
      const ended = given === null ? null : endedCall(given);
      if (unavailable[at] === true) this.#addUnavailable(vectors, vector);
      else if (ended !== null) this.#addNotAsked(`not computed again: ${ended}`, vector);
      else if (given === null) this.#addNotAsked(states[at]!, vector);
      else return this.#addAsked(chunk, vectors, vector, given);
      return false;
    });
  }

  #vectorOf(chunk: ComputedChunk, { vid, servedUs }: VectorColumns, at: number): CountedVector {
    const entity = chunk.column<string>('entity')[at]!;
    if (entity !== this.#entity) {
      this.#entity = entity;
      this.#number += 1;
    }
    const surface = chunk.column<number>('surface')[at]!;
    const place = {
      role: this.#role.role,
      entity: this.#number,
      row: this.#number,
      agreed: 0,
      bundle: this.#bundle!.hash,
      serviceVersion: chunk.column<number>('service_version')[at]!,
      surface: SURFACES[surface] ?? String(surface),
      entityIsNew: false,
      isUnavailable: chunk.column<boolean>('unavailable')[at] === true,
    };
    return {
      at,
      vid: vid[at]!,
      servedUs: servedUs[at]!,
      place,
      surface,
      pod: chunk.column<string>('pod')[at]!,
      row: chunk.column<number>('row_index')[at]!,
      unjudged: chunk.column<boolean>('unjudged')[at] === true,
      isSampled: chunk.column<boolean>('sampled')[at] === true,
    };
  }

  #addUnavailable(vectors: VectorColumns, vector: CountedVector): void {
    this.unjudged.push(vector.vid);
    for (const { tally } of this.#bundle!.outputs) tally.addUnavailable(1);
    this.#addVector(this.#quietPart(0), vectors, vector);
    if (vector.isSampled) this.#written.addWithout(vector.vid, 'unavailable');
  }

  /** @param why  a state, or the end of a sentence such as `8 values are ...` */
  #addNotAsked(why: number | string, { vid, isSampled }: CountedVector): void {
    const isUndecoded = why === IS_UNDECODED;
    this.unjudged.push(vid);
    for (const { tally } of this.#bundle!.outputs) {
      if (isUndecoded) tally.addUndecoded(1);
      else tally.addDropped(typeof why === 'string' ? why : (WHY_NOT[why] ?? WHY_NOT[NOT_GIVEN]!), 1);
    }
    if (isSampled) this.#written.addWithout(vid, isUndecoded ? 'undecoded' : 'withheld');
  }

  #addAsked(chunk: ComputedChunk, vectors: VectorColumns, vector: CountedVector, given: Recomputed): boolean {
    const { outputs, answers } = this.#bundle!;
    const asked: AskedVector = {
      vector,
      given,
      inputs: chunk.decisionsOf(vector.at),
      answer: answers.get(vector.vid),
      mismatches: [],
      faults: [],
      present: 0,
      isAltered: false,
      isOther: false,
    };
    for (const [i, output] of outputs.entries())
      this.#addOutput(asked, output, chunk.outputs[i]![vector.at]!);
    const { mismatches, faults, present } = asked;
    const differing = [...mismatches, ...faults];
    const of = ({ mismatch }: Differing): Mismatch => mismatch;
    const part =
      differing.length === 0
        ? this.#quietPart(present)
        : this.#role.tally.part(present, mismatches.map(of), faults.map(of));
    this.#addVector(part, vectors, vector);
    this.#role.tally.addFidelity(vector.place, null, asked.isAltered, 1);
    for (const one of differing) this.#offer(one, vectors, vector);
    if (differing.length > 0 || vector.isSampled) this.#write(chunk, asked);
    this.#asked += 1;
    if (vector.unjudged) this.unjudged.push(vector.vid);
    if (asked.isOther) this.#differing += 1;
    return asked.isOther;
  }

  #addOutput(asked: AskedVector, output: CountedOutput, logged: Value): void {
    const { vector, given, inputs, answer } = asked;
    const { tally, fullName: feature, number, listedName: name } = output;
    const { type } = output.feature;
    const isAnswerAltered = answer?.says(vector.row, { name, type }, logged) === false;
    const isOther = !gives(output, given.served, logged);
    if (isAnswerAltered) asked.isAltered = true;
    if (isOther) asked.isOther = true;
    const own: FidelityCause[] = isAnswerAltered ? ['answer altered'] : [];
    if (isOther) own.push('on-demand differs');
    const { surface, pod, servedUs } = vector;
    const { tensor, hasAvailable } = this.#bundle!;
    const compared = comparedOutput(output, logged, given, { surface, tensor, hasAvailable });
    const value = { ...compared, isAnswerAltered, ...(output.isMarked ? { isHashed: true } : {}) };
    const differing = (decided: Decided, harm: number): Differing => {
      const facts = { servedUs, logged, again: outputOf(output, given.served), inputs };
      return { mismatch: { feature, place: number, decided, harm }, tally, value, facts };
    };
    if (vector.unjudged) {
      tally.addUnjudged(1);
      if (own.length === 0) return;
      asked.faults.push(differing(this.#decided(own, [], pod), tally.faultHarm(value)));
      return;
    }
    const comparison = tally.compare(value);
    const differs = comparison.isPresent && !comparison.isExact;
    if (differs && own.length === 0 && inputs.length === 0) {
      tally.addDropped(NOT_DECIDED, 1);
      return;
    }
    const decided = differs ? this.#decided(own, inputs, pod) : null;
    tally.add(comparison, vector.place, decided, 1);
    if (comparison.isPresent) asked.present += 1;
    if (decided !== null)
      asked.mismatches.push(differing(decided, decided.withinPromise ? 0 : comparison.harm));
  }

  #addVector(part: CountedPart, vectors: VectorColumns, { at, place }: CountedVector): void {
    this.#role.tally.addVector(part, place, vectors, at);
    this.#role.tally.addGroup(part, place, 1);
  }

  #quietPart(present: number): CountedPart {
    return (this.#quietParts[present] ??= this.#role.tally.part(present, [], []));
  }

  /** Offers a value to be an example. */
  #offer({ mismatch, tally, value, facts }: Differing, vectors: VectorColumns, vector: CountedVector): void {
    if (value.isHashed === true) return;
    const { decided, harm, feature, place } = mismatch;
    const { at, vid, servedUs } = vector;
    const { incidents } = this.#role.tally;
    const [hour, hash] = [hourOf(servedUs), vectors.hash[at]!];
    const list = tally.examples.listsOf(decided);
    const isWanted = list.wants(hour, harm, hash);
    if (!isWanted && !incidents.wants(mismatch, vid)) return;
    const request = vectors.request[at]!;
    const { entity } = vector.place;
    const candidate: Candidate = { decided, harm, hour, vid, request, entity, hash, value, row: facts };
    if (isWanted) list.offer(candidate);
    incidents.offer({ ...candidate, feature, place });
  }

  #write(chunk: ComputedChunk, { vector, given, mismatches, faults }: AskedVector): void {
    const served: Value[] = this.features.map(() => null);
    const replayed: Value[] = this.features.map(() => null);
    for (const [i, output] of this.#bundle!.outputs.entries()) {
      served[output.number] = chunk.outputs[i]![vector.at]!;
      replayed[output.number] = outputOf(output, given.trained) ?? null;
    }
    this.#written.add(vector.vid, {
      outcome: vector.unjudged ? 'unjudged' : 'agrees',
      isReplayed: !(given.trained instanceof OnDemandFault),
      served,
      replayed,
      mismatches: mismatches.map(({ mismatch }) => mismatch),
      fault: faults[0]?.mismatch.decided ?? null,
    });
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

  /** The values that become examples. */
  chosen(): Candidate[] {
    return [...this.features.flatMap(({ tally }) => tally.chosen()), ...this.#role.tally.incidents.chosen()];
  }

  /** @param example  of a candidate of `chosen` */
  told(example: (candidate: Candidate) => Example): JudgedComputed {
    const { pods } = this.#numbers;
    const { tally, view } = this.#role;
    const { hours, availability, alteredAnswers = 0 } = tally.counts();
    return {
      features: this.features.map((one) =>
        one.tally.snapshot(one.fullName, view, undefined, one.tally.chosen().map(example)),
      ),
      incidents: tally.incidents
        .incidents(pods, example)
        .map((incident) => ({ ...incident, slices: incident.slices.filter(isOfVector) })),
      slices: tally.traffic.slices(pods).filter(isOfVector),
      counts: {
        asked: this.#asked,
        differing: this.#differing,
        ...(alteredAnswers > 0 ? { alteredAnswers } : {}),
        hours,
        availability,
      },
    };
  }
}

/** A computed value has no row, which would come from a source and be of a new or known entity. */
function isOfVector({ by }: { readonly by: SliceBy }): boolean {
  return by !== 'source' && by !== 'entityIsNew';
}
