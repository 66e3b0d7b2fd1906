/** Counts the traffic of one role: by hour of the day, by minute for its availability, and by slice. */
import type { AgreeingTraffic } from '../replay/agreeing-traffic.ts';
import type { SliceCounts } from '../verdict/judged-view.ts';
import type { Availability, HourOfView, SliceBy, ValueCounts } from '../verdict/snapshot.ts';
import { hourOf, slicesOfPlace } from './served-place.ts';
import type { ServedPlace } from './served-place.ts';

type Counts = { -readonly [name in keyof ValueCounts]: ValueCounts[name] };
type Hour = Counts & { unavailable: number; dataAgeUs: number | null };

export class TrafficTally {
  readonly #view: string;
  readonly #hours = new Map<number, Hour>();
  readonly #minutes = new Map<number, { vectors: number; unavailable: number }>();
  readonly #slices = new Map<string, Counts & { readonly by: SliceBy; readonly value: string }>();

  constructor(view: string) {
    this.#view = view;
  }

  /** @param counts  of the vector's present values */
  add(place: ServedPlace, counts: ValueCounts): void {
    const hour = this.#hour(hourOf(place));
    addTo(hour, counts);
    if (place.isUnavailable) hour.unavailable += 1;
    if (place.dataAgeUs !== null) hour.dataAgeUs = Math.max(hour.dataAgeUs ?? 0, place.dataAgeUs);
    const minute = this.#minute(Math.floor(place.servedUs / 60_000_000));
    minute.vectors += 1;
    if (place.isUnavailable) minute.unavailable += 1;
    if (counts.values === 0) return;
    for (const [by, value] of slicesOfPlace(place)) {
      addTo(
        valueIn(this.#slices, `${by} ${value}`, () => ({ ...none(), by, value })),
        counts,
      );
    }
  }

  /** Adds what was counted of vectors that agree with the history in every way. */
  addAgreeing({ slices, hours, minutes }: AgreeingTraffic): void {
    for (const { by, value, values } of slices) {
      valueIn(this.#slices, `${by} ${value}`, () => ({ ...none(), by, value })).values += values;
    }
    for (const { hour: at, values, dataAgeUs } of hours) {
      const hour = this.#hour(at);
      hour.values += values;
      if (dataAgeUs !== null) hour.dataAgeUs = Math.max(hour.dataAgeUs ?? 0, dataAgeUs);
    }
    for (const { minute, vectors } of minutes) this.#minute(minute).vectors += vectors;
  }

  #hour(hour: number): Hour {
    return valueIn(this.#hours, hour, () => ({ ...none(), unavailable: 0, dataAgeUs: null }) as Hour);
  }

  #minute(minute: number): { vectors: number; unavailable: number } {
    return valueIn(this.#minutes, minute, () => ({ vectors: 0, unavailable: 0 }));
  }

  hours(): HourOfView[] {
    return [...this.#hours]
      .map(([hour, counts]) => ({ hour, ...counts }))
      .toSorted((a, b) => a.hour - b.hour);
  }

  availability(): Availability {
    const sums = { vectors: 0, unavailable: 0, minutes: this.#minutes.size, availableMinutes: 0 };
    for (const { vectors, unavailable } of this.#minutes.values()) {
      sums.vectors += vectors;
      sums.unavailable += unavailable;
      sums.availableMinutes += 1 - unavailable / vectors;
    }
    return sums;
  }

  slices(): SliceCounts[] {
    return [...this.#slices.values()].map((slice) => ({ view: this.#view, ...slice }));
  }
}

function none(): Counts {
  return { values: 0, mismatches: 0, beyondPromise: 0 };
}

function addTo(sum: Counts, { values, mismatches, beyondPromise }: ValueCounts): void {
  sum.values += values;
  sum.mismatches += mismatches;
  sum.beyondPromise += beyondPromise;
}

export function valueIn<Key, T>(map: Map<Key, T>, key: Key, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
