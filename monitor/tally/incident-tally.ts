/**
 * Counts the mismatches of one role of a service by where they come from, so that incidents can be made of them
 * (incidents/incidents.ts): one entry for each view, cause, and run or pod. Distinct entities and rows are kept as sets
 * of numbers, of mismatches alone.
 */
import type { Cause } from '../causes/cause.ts';
import { groupKeys } from '../incidents/incidents.ts';
import type { IncidentCounts, IncidentKey, IncidentOrigin } from '../verdict/judged-view.ts';
import type { SliceBy } from '../verdict/snapshot.ts';
import type { Decided } from './decided.ts';
import type { Candidate, ChosenExample } from './example-pool.ts';
import { NumberSet } from './number-set.ts';
import { slicesOfPlace } from './served-place.ts';
import type { ServedPlace } from './served-place.ts';
import { valueIn } from './traffic-tally.ts';

/** One mismatch of a present value. */
export interface Mismatch {
  /** Full name. */
  readonly feature: string;
  readonly candidate: Candidate;
}

interface Harmed {
  values: number;
  beyondPromise: number;
  harm: number;
}

interface Entry {
  readonly key: { readonly view: string; readonly cause: Cause } & IncidentOrigin;
  fromUs: number;
  toUs: number;
  /** By the role, which numbers its own entities and rows. */
  readonly entities: Map<number, NumberSet>;
  readonly rows: Map<number, NumberSet>;
  readonly features: Map<string, Harmed>;
  readonly slices: Map<string, { readonly by: SliceBy; readonly value: string; mismatches: number }>;
  readonly worst: (ChosenExample & { readonly feature: string })[];
}

/** The mismatches of one view, cause, and run or pod, of one role: plain, so that it can be kept. */
export interface RoleIncident extends Omit<Entry, 'entities' | 'rows'> {
  readonly entities: ReadonlyMap<number, Uint32Array>;
  readonly rows: ReadonlyMap<number, Uint32Array>;
}

const WORST = 4;

export class IncidentTally {
  readonly #entries = new Map<string, Entry>();
  /** The same entries, by the decisions that are counted there. */
  readonly #byDecided = new Map<Decided, Entry>();

  /** @param mismatches  of one row of the view */
  add(view: string, place: ServedPlace, mismatches: readonly Mismatch[]): void {
    const counts = new Map<Entry, number>();
    for (const { feature, candidate } of mismatches) {
      const { decided, harm } = candidate;
      const entry = valueIn(this.#byDecided, decided, () => this.#entryOf(view, decided));
      counts.set(entry, (counts.get(entry) ?? 0) + 1);
      const own = valueIn(entry.features, feature, nothing);
      own.values += 1;
      own.harm += harm;
      if (!decided.withinPromise) own.beyondPromise += 1;
      keepWorst(entry.worst, feature, candidate);
    }
    for (const [entry, values] of counts) addRow(entry, place, values);
  }

  #entryOf(view: string, { cause, origin }: Decided): Entry {
    const key = { view, cause, ...origin };
    return valueIn(this.#entries, `${key.view} ${key.cause} ${key.run ?? ''} ${key.pod ?? ''}`, () => ({
      key,
      fromUs: Infinity,
      toUs: -Infinity,
      entities: new Map(),
      rows: new Map(),
      features: new Map(),
      slices: new Map(),
      worst: [],
    }));
  }

  incidents(): RoleIncident[] {
    return [...this.#entries.values()].map((entry) => {
      return { ...entry, entities: wordsOf(entry.entities), rows: wordsOf(entry.rows) };
    });
  }
}

/**
 * @param roles       of each role of a service, in their order
 * @param scheduleUs  how often a view is brought up to date
 */
export function countedIncidents(
  roles: readonly (readonly RoleIncident[])[],
  scheduleUs: (view: string) => number,
): IncidentCounts[] {
  const entries = roles.flat();
  const keys = entries.map(({ key, fromUs, toUs }): IncidentKey => ({ ...key, fromUs, toUs }));
  // Roles of one view may each have mismatches of one run: they are one, however far apart.
  for (const alike of Map.groupBy(keys, ({ view, cause, run, pod }) =>
    JSON.stringify([view, cause, run, pod]),
  ).values()) {
    const fromUs = Math.min(...alike.map((key) => key.fromUs));
    const toUs = Math.max(...alike.map((key) => key.toUs));
    for (const key of alike) Object.assign(key, { fromUs, toUs });
  }
  const numbers = groupKeys(keys, scheduleUs);
  const groups = Map.groupBy(entries.keys(), (place) => numbers[place]!);
  return [...groups.values()].map((places) => countsOf(places.map((place) => entries[place]!)));
}

function wordsOf(sets: ReadonlyMap<number, NumberSet>): Map<number, Uint32Array> {
  return new Map([...sets].map(([role, set]) => [role, set.words]));
}

function addRow(entry: Entry, place: ServedPlace, values: number): void {
  entry.fromUs = Math.min(entry.fromUs, place.servedUs);
  entry.toUs = Math.max(entry.toUs, place.servedUs);
  valueIn(entry.entities, place.role, () => new NumberSet()).add(place.entity);
  valueIn(entry.rows, place.role, () => new NumberSet()).add(place.row);
  for (const [by, value] of slicesOfPlace(place)) {
    valueIn(entry.slices, `${by} ${value}`, () => ({ by, value, mismatches: 0 })).mismatches += values;
  }
}

function nothing(): Harmed {
  return { values: 0, beyondPromise: 0, harm: 0 };
}

/** The worst of distinct entities; the first of those alike. */
function keepWorst(worst: RoleIncident['worst'], feature: string, candidate: Candidate): void {
  const { harm, entity } = candidate;
  if (worst.length === WORST && harm <= worst[WORST - 1]!.harm) return;
  const same = worst.findIndex((one) => one.entity === entity);
  const rival = same === -1 && worst.length === WORST ? worst.length - 1 : same;
  if (rival !== -1 && harm <= worst[rival]!.harm) return;
  if (rival !== -1) worst.splice(rival, 1);
  worst.push({ feature, harm, entity, example: candidate.make() });
  worst.sort((a, b) => b.harm - a.harm);
}

/** @returns how many numbers are in any of them, role by role */
function distinct(all: readonly ReadonlyMap<number, Uint32Array>[]): number {
  const united = new Map<number, NumberSet>();
  for (const [role, numbers] of all.flatMap((own) => [...own])) {
    valueIn(united, role, () => new NumberSet()).addAll(numbers);
  }
  return [...united.values()].reduce((sum, { size }) => sum + size, 0);
}

function countsOf(entries: readonly RoleIncident[]): IncidentCounts {
  const [{ key }] = entries as [RoleIncident];
  const features = new Map<string, Harmed>();
  const slices: RoleIncident['slices'] = new Map();
  for (const entry of entries) {
    for (const [name, harmed] of entry.features) {
      const sum = valueIn(features, name, nothing);
      sum.values += harmed.values;
      sum.beyondPromise += harmed.beyondPromise;
      sum.harm += harmed.harm;
    }
    for (const [name, { by, value, mismatches }] of entry.slices) {
      valueIn(slices, name, () => ({ by, value, mismatches: 0 })).mismatches += mismatches;
    }
  }
  const sum = (of: (harmed: Harmed) => number): number =>
    [...features.values()].reduce((total, one) => total + of(one), 0);
  const names = (of: (entry: RoleIncident) => string | null): string[] =>
    [...new Set(entries.flatMap((entry) => of(entry) ?? []))].toSorted();
  const worst = entries.flatMap((entry) => entry.worst).toSorted((a, b) => b.harm - a.harm);
  return {
    view: key.view,
    cause: key.cause,
    runs: names((entry) => entry.key.run),
    pods: names((entry) => entry.key.pod),
    fromUs: Math.min(...entries.map(({ fromUs }) => fromUs)),
    toUs: Math.max(...entries.map(({ toUs }) => toUs)),
    entities: distinct(entries.map((entry) => entry.entities)),
    rows: distinct(entries.map((entry) => entry.rows)),
    values: sum(({ values }) => values),
    beyondPromise: sum(({ beyondPromise }) => beyondPromise),
    harm: sum(({ harm }) => harm),
    features: [...features].map(([name, harmed]) => ({ name, ...harmed })),
    slices: [...slices.values()],
    examples: worst.map(({ feature, example }) => ({ feature, ...example })),
  };
}
