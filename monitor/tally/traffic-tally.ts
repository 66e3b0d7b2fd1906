/** Counts the traffic of one role: by hour of the day, by minute for its availability, and by slice. */
import type { AgreeingTraffic } from '../replay/agreeing-traffic.ts';
import type { SliceCounts } from '../verdict/judged-view.ts';
import type { Availability, HourOfView, ValueCounts } from '../verdict/snapshot.ts';
import { hourOf } from './served-place.ts';
import type { GroupPlace, VectorColumns } from './served-place.ts';
import { SliceTally, addTo, noCounts } from './slice-tally.ts';
import type { CountedSlice } from './slice-tally.ts';

type Hour = ReturnType<typeof noCounts> & { unavailable: number; dataAgeUs: number | null };
type Minute = { vectors: number; unavailable: number };

export class TrafficTally {
  readonly #view: string;
  readonly #hours = new Map<number, Hour>();
  readonly #minutes = new Map<number, Minute>();
  readonly #slices = new SliceTally();
  #agreeing: AgreeingTraffic['slices'] = [];

  constructor(view: string) {
    this.#view = view;
  }

  /** @param counts  of the vector's present values */
  addVector(place: GroupPlace, vectors: VectorColumns, at: number, counts: ValueCounts): void {
    const servedUs = vectors.servedUs[at]!;
    const hour = this.#hour(hourOf(servedUs));
    const minute = this.#minute(Math.floor(servedUs / 60_000_000));
    addTo(hour, counts, 1);
    minute.vectors += 1;
    if (place.isUnavailable) {
      hour.unavailable += 1;
      minute.unavailable += 1;
    }
    const dataAgeUs = servedUs - vectors.watermarkUs[at]!;
    if (dataAgeUs > (hour.dataAgeUs ?? 0)) hour.dataAgeUs = dataAgeUs;
    else if (hour.dataAgeUs === null && !Number.isNaN(dataAgeUs)) hour.dataAgeUs = 0;
    if (counts.values > 0) this.#slices.addVector(vectors, at, counts);
  }

  /** So many vectors of a group, each of which `addVector` has had. */
  addGroup(place: GroupPlace, counts: ValueCounts, vectors: number): void {
    if (counts.values > 0) this.#slices.addGroup(place, counts, vectors);
  }

  /** Adds what was counted of vectors that agree with the history in every way. Once. */
  addAgreeing({ slices, hours, minutes }: AgreeingTraffic): void {
    this.#agreeing = slices;
    for (const { hour: at, values, dataAgeUs } of hours) {
      const hour = this.#hour(at);
      hour.values += values;
      if (dataAgeUs !== null) hour.dataAgeUs = Math.max(hour.dataAgeUs ?? 0, dataAgeUs);
    }
    for (const { minute, vectors } of minutes) this.#minute(minute).vectors += vectors;
  }

  #hour(hour: number): Hour {
    return valueIn(this.#hours, hour, () => ({ ...noCounts(), unavailable: 0, dataAgeUs: null }));
  }

  #minute(minute: number): Minute {
    return valueIn(this.#minutes, minute, () => ({ vectors: 0, unavailable: 0 }));
  }

  hours(): HourOfView[] {
    return [...this.#hours]
      .map(([hour, counts]) => ({ hour, ...counts }))
      .toSorted((a, b) => a.hour - b.hour);
  }

  availability(): Availability {
    const sums = { vectors: 0, unavailable: 0, minutes: this.#minutes.size, availableMinutes: 0 };
    const minutes = [...this.#minutes].toSorted(([a], [b]) => a - b);
    for (const [, { vectors, unavailable }] of minutes) {
      sums.vectors += vectors;
      sums.unavailable += unavailable;
      sums.availableMinutes += 1 - unavailable / vectors;
    }
    return sums;
  }

  /** @param pods  the names of the pods, by their numbers */
  slices(pods: readonly string[]): SliceCounts[] {
    const sums = new Map<string, CountedSlice>();
    const agreeing = this.#agreeing.map((one) => ({ ...noCounts(), ...one }));
    for (const { by, value, ...counts } of [...agreeing, ...this.#slices.slices(pods)]) {
      addTo(
        valueIn(sums, `${by} ${value}`, () => ({ ...noCounts(), by, value })),
        counts,
        1,
      );
    }
    return [...sums.values()].map((slice) => ({ view: this.#view, ...slice }));
  }
}

export function valueIn<Key, T>(map: Map<Key, T>, key: Key, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
