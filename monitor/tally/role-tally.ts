/**
 * What is counted of one role of a service over a day beside its features: its traffic, and where its mismatches come
 * from. The judge hands it every vector that asked for the role.
 */
import type { FeatureService, ServiceView } from '../../contract/model.ts';
import { ROW_SOURCES, UNAVAILABLE } from '../../contract/status.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { FidelityAnswer } from '../causes/fidelity.ts';
import type { ReplayedVector } from '../judge/replayed-vector.ts';
import type { ViewSnapshot } from '../verdict/snapshot.ts';
import { IncidentTally } from './incident-tally.ts';
import type { Mismatch, RoleIncident } from './incident-tally.ts';
import { RowNumbers } from './row-numbers.ts';
import type { ServedPlace } from './served-place.ts';
import { TrafficTally } from './traffic-tally.ts';

export class RoleTally {
  readonly traffic: TrafficTally;
  /** Entities that were answered with the row of another. */
  readonly #foreign = new Set<number>();
  #alteredAnswers = 0;
  readonly #role: number;
  readonly #view: string;
  readonly #fromUs: number;
  readonly #incidents = new IncidentTally();
  readonly #numbers = new RowNumbers();
  readonly #agreed = new Map<number, number>();

  /** @param fromUs  when the day begins */
  constructor(service: FeatureService, used: ServiceView, fromUs: number) {
    this.traffic = new TrafficTally(used.view);
    this.#role = service.views.indexOf(used);
    this.#view = used.view;
    this.#fromUs = fromUs;
  }

  /** How many vectors agree in every way with rows that others were served as well, by the number of the row. */
  get agreed(): ReadonlyMap<number, number> {
    return this.#agreed;
  }

  /**
   * @param keys    the ids of the role's entity
   * @param agreed  how many vectors agree in every way with the replayed row
   */
  placeOf(vector: ReplayedVector, keys: readonly (string | null)[], agreed = 0): ServedPlace {
    const { servedUs, pod, bundle, serviceVersion, surface, source, watermarkUs, firstEventUs } = vector;
    const number = this.#numbers.numberOf(keys, vector.trained?.times ?? null);
    if (agreed > 0) this.#agreed.set(number.row, agreed);
    return {
      ...number,
      role: this.#role,
      servedUs,
      pod,
      bundle,
      serviceVersion,
      surface: SURFACES[surface] ?? String(surface),
      source: ROW_SOURCES[source] ?? String(source),
      entityIsNew: firstEventUs === null || firstEventUs >= this.#fromUs,
      dataAgeUs: watermarkUs === null ? null : servedUs - watermarkUs,
      isUnavailable: vector.status === UNAVAILABLE,
    };
  }

  /** @param answer  which row of the history the served one is; null: that was not asked */
  addFidelity({ entity }: ServedPlace, answer: FidelityAnswer | null, isAnswerAltered: boolean): void {
    if (answer === 'foreign' || answer === 'unknown') this.#foreign.add(entity);
    if (isAnswerAltered) this.#alteredAnswers += 1;
  }

  /** @param values  how many of the vector's values are present */
  add(place: ServedPlace, values: number, mismatches: readonly Mismatch[]): void {
    const beyond = mismatches.filter(({ candidate }) => !candidate.decided.withinPromise).length;
    this.traffic.add(place, { values, mismatches: mismatches.length, beyondPromise: beyond });
    if (mismatches.length > 0) this.#incidents.add(this.#view, place, mismatches);
  }

  /** @param faults  of values that cannot be judged: incidents have them, the traffic does not */
  addFaults(place: ServedPlace, faults: readonly Mismatch[]): void {
    if (faults.length > 0) this.#incidents.add(this.#view, place, faults);
  }

  incidents(): RoleIncident[] {
    return this.#incidents.incidents();
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
