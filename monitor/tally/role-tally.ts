/**
 * What is counted of one role of a service over a day beside its features: its traffic, and where its mismatches come
 * from. The judge hands it every vector that asked for the role, group by group.
 */
import type { FidelityAnswer } from '../causes/fidelity.ts';
import type { ValueCounts, ViewSnapshot } from '../verdict/snapshot.ts';
import { IncidentTally } from './incident-tally.ts';
import type { IncidentPart, Mismatch } from './incident-tally.ts';
import { NumberSet } from './number-set.ts';
import type { GroupPlace, VectorColumns } from './served-place.ts';
import { TrafficTally } from './traffic-tally.ts';

/** What vectors of a group that were decided alike count for. */
export interface CountedPart {
  /** Of the values of each. */
  readonly counts: ValueCounts;
  /** Those of the values that are counted; then of those that cannot be judged yet, which incidents have alone. */
  readonly mismatches: readonly Mismatch[];
  readonly incidents: readonly IncidentPart[];
}

export class RoleTally {
  readonly traffic: TrafficTally;
  readonly incidents: IncidentTally;
  /** How many candidates the lists of examples were offered. */
  readonly offered = { offers: 0 };
  /** Entities that were answered with the row of another. */
  readonly #foreign = new NumberSet();
  #alteredAnswers = 0;

  /** @param role  its number in the service, the views' first, then those of on-demand views */
  constructor(role: number, view: string) {
    this.traffic = new TrafficTally(view);
    this.incidents = new IncidentTally(role, view);
  }

  /** @param answer  which row of the history the served one is; null: that was not asked */
  addFidelity(
    { entity }: GroupPlace,
    answer: FidelityAnswer | null,
    isAnswerAltered: boolean,
    vectors: number,
  ): void {
    if (answer === 'foreign' || answer === 'unknown') this.#foreign.add(entity);
    if (isAnswerAltered) this.#alteredAnswers += vectors;
  }

  /**
   * @param values      how many of the values of each vector are present
   * @param mismatches  of those
   * @param faults      of values that cannot be judged: incidents have them, the traffic does not
   */
  part(values: number, mismatches: readonly Mismatch[], faults: readonly Mismatch[]): CountedPart {
    let beyondPromise = 0;
    for (const { decided } of mismatches) if (!decided.withinPromise) beyondPromise += 1;
    const all = faults.length === 0 ? mismatches : [...mismatches, ...faults];
    return {
      counts: { values, mismatches: mismatches.length, beyondPromise },
      mismatches: all,
      incidents: all.length === 0 ? [] : this.incidents.partsOf(all),
    };
  }

  addVector({ counts, incidents }: CountedPart, place: GroupPlace, vectors: VectorColumns, at: number): void {
    this.traffic.addVector(place, vectors, at, counts);
    if (incidents.length > 0) this.incidents.addVector(incidents, vectors, at);
  }

  /** So many vectors of a group, each of which `addVector` has had. */
  addGroup({ counts, incidents, mismatches }: CountedPart, place: GroupPlace, vectors: number): void {
    this.traffic.addGroup(place, counts, vectors);
    if (incidents.length > 0) this.incidents.addGroup(incidents, mismatches, place, vectors);
  }

  counts(): Pick<ViewSnapshot, 'hours' | 'availability' | 'foreignEntities' | 'alteredAnswers'> {
    return {
      hours: this.traffic.hours(),
      availability: this.traffic.availability(),
      ...(this.#foreign.size > 0 ? { foreignEntities: this.#foreign.size } : {}),
      ...(this.#alteredAnswers > 0 ? { alteredAnswers: this.#alteredAnswers } : {}),
    };
  }
}
