/**
 * Counts the mismatches of one role of a service by where they come from, so that incidents can be made of them
 * (incidents/incidents.ts): one entry for each view, cause, and run or pod. Distinct entities and rows are kept as sets
 * of numbers, of mismatches alone.
 */
import type { Cause } from '../../contract/cause.ts';
import { groupKeys } from '../incidents/incidents.ts';
import type { IncidentCounts, IncidentKey, IncidentOrigin } from '../verdict/judged-view.ts';
import type { Example, SliceBy, ValueCounts } from '../verdict/snapshot.ts';
import type { Decided } from './decided.ts';
import type { Candidate } from './example-pool.ts';
import { NumberSet } from './number-set.ts';
import type { GroupPlace, VectorColumns } from './served-place.ts';
import { SliceTally, noCounts } from './slice-tally.ts';
import { valueIn } from './traffic-tally.ts';

/** What is wrong with one value of a group's vectors that were decided alike. */
export interface Mismatch {
  /** Full name, and its place among the features of the role. */
  readonly feature: string;
  readonly place: number;
  readonly decided: Decided;
  /** 0 within the promise. */
  readonly harm: number;
}

interface Harmed {
  values: number;
  beyondPromise: number;
  harm: number;
}

interface Counted {
  readonly key: { readonly view: string; readonly cause: Cause } & IncidentOrigin;
  fromUs: number;
  toUs: number;
  readonly features: Map<string, Harmed>;
}

/** Rows with a value beyond the promise, and when the first and the last of these was served. */
interface Beyond<Rows> {
  fromUs: number;
  toUs: number;
  readonly rows: Rows;
}

interface Entry extends Counted {
  readonly beyond: Beyond<NumberSet>;
  readonly entities: NumberSet;
  readonly rows: NumberSet;
  readonly slices: SliceTally;
  readonly worst: Worst[];
  /** The first vector that it has, by which entries are ordered. */
  firstVid: number;
}

type Worst = Candidate & Pick<Mismatch, 'feature' | 'place'>;

/** The mismatches of one view, cause, and run or pod, of one role: plain, so that it can be kept. */
export interface RoleIncident extends Counted {
  readonly role: number;
  /** Sets of numbers, by which the role calls its entities and rows. */
  readonly entities: Uint32Array;
  readonly rows: Uint32Array;
  readonly beyond: Beyond<Uint32Array>;
  readonly slices: IncidentCounts['slices'];
  readonly worst: IncidentCounts['examples'];
}

/** The mismatches of a row that belong to one incident. */
export interface IncidentPart {
  readonly entry: Entry;
  /** `mismatches` of each vector. */
  readonly counts: ValueCounts;
  /** Whether any is beyond the promise. */
  readonly isBeyond: boolean;
}

/** One that is being counted. */
interface CountedIncident extends IncidentPart {
  readonly counts: ReturnType<typeof noCounts>;
  isBeyond: boolean;
}

const WORST = 4;

export class IncidentTally {
  readonly #role: number;
  readonly #view: string;
  readonly #entries = new Map<string, Entry>();
  /** The same entries, by the decisions that are counted there. */
  readonly #byDecided = new Map<Decided, Entry>();

  constructor(role: number, view: string) {
    this.#role = role;
    this.#view = view;
  }

  /** @returns the incidents that the mismatches of one row belong to */
  partsOf(mismatches: readonly Mismatch[]): IncidentPart[] {
    const parts: CountedIncident[] = [];
    let last: Decided | null = null;
    let part: CountedIncident | undefined;
    for (const { decided } of mismatches) {
      if (part === undefined || decided !== last) {
        let entry = this.#byDecided.get(decided);
        if (entry === undefined) this.#byDecided.set(decided, (entry = this.#entryOf(decided)));
        part = parts.find((one) => one.entry === entry);
        if (part === undefined) parts.push((part = { entry, counts: noCounts(), isBeyond: false }));
        last = decided;
      }
      part.counts.mismatches += 1;
      if (!decided.withinPromise) part.isBeyond = true;
    }
    return parts;
  }

  addVector(parts: readonly IncidentPart[], vectors: VectorColumns, at: number): void {
    const servedUs = vectors.servedUs[at]!;
    const vid = vectors.vid[at]!;
    for (const { entry, counts, isBeyond } of parts) {
      extend(entry, servedUs);
      if (isBeyond) extend(entry.beyond, servedUs);
      if (vid < entry.firstVid) entry.firstVid = vid;
      entry.slices.addVector(vectors, at, counts);
    }
  }

  /** So many vectors of a group, each of which `addVector` has had. */
  addGroup(
    parts: readonly IncidentPart[],
    mismatches: readonly Mismatch[],
    place: GroupPlace,
    vectors: number,
  ): void {
    for (const { entry, counts, isBeyond } of parts) {
      entry.entities.add(place.entity);
      entry.rows.add(place.row);
      if (isBeyond) entry.beyond.rows.add(place.row);
      entry.slices.addGroup(place, counts, vectors);
    }
    let last: Decided | null = null;
    let features: Map<string, Harmed> | undefined;
    for (const { feature, decided, harm } of mismatches) {
      if (features === undefined || decided !== last) ({ features } = this.#byDecided.get(decided)!);
      last = decided;
      let own = features.get(feature);
      if (own === undefined) features.set(feature, (own = nothing()));
      own.values += vectors;
      own.harm += harm * vectors;
      if (!decided.withinPromise) own.beyondPromise += vectors;
    }
  }

  /** @returns the last of the worst of a decision's incident; undefined: there is room */
  lastWorst(decided: Decided): Pick<Candidate, 'harm' | 'vid'> | undefined {
    return this.#byDecided.get(decided)!.worst[WORST - 1];
  }

  /** Whether a mismatch may be among the worst of its incident. */
  wants({ decided, harm }: Mismatch, vid: number): boolean {
    const { worst } = this.#byDecided.get(decided)!;
    if (worst.length < WORST) return true;
    const last = worst[WORST - 1]!;
    return harm > last.harm || (harm === last.harm && vid <= last.vid);
  }

  offer(worst: Worst): void {
    keepWorst(this.#byDecided.get(worst.decided)!.worst, worst);
  }

  #entryOf({ cause, origin }: Decided): Entry {
    return valueIn(this.#entries, `${cause} ${origin.run ?? ''} ${origin.pod ?? ''}`, () => ({
      key: { view: this.#view, cause, ...origin },
      fromUs: Infinity,
      toUs: -Infinity,
      beyond: { fromUs: Infinity, toUs: -Infinity, rows: new NumberSet() },
      entities: new NumberSet(),
      rows: new NumberSet(),
      features: new Map(),
      slices: new SliceTally(),
      worst: [],
      firstVid: Infinity,
    }));
  }

  /** The mismatches that become examples. */
  chosen(): Candidate[] {
    return [...this.#entries.values()].flatMap(({ worst }) => worst);
  }

  /**
   * @param pods     the names of the pods, by their numbers
   * @param example  of a candidate of `chosen`
   */
  incidents(pods: readonly string[], example: (candidate: Candidate) => Example): RoleIncident[] {
    const entries = [...this.#entries.values()].toSorted((a, b) => a.firstVid - b.firstVid);
    return entries.map(({ key, fromUs, toUs, features, entities, rows, beyond, slices, worst }) => ({
      role: this.#role,
      key,
      fromUs,
      toUs,
      features,
      entities: entities.words,
      rows: rows.words,
      beyond: { ...beyond, rows: beyond.rows.words },
      slices: slices.slices(pods).map(({ by, value, mismatches }) => ({ by, value, mismatches })),
      worst: worst.map((one) => ({ feature: one.feature, ...example(one) })),
    }));
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

function extend(span: { fromUs: number; toUs: number }, us: number): void {
  if (us < span.fromUs) span.fromUs = us;
  if (us > span.toUs) span.toUs = us;
}

function nothing(): Harmed {
  return { values: 0, beyondPromise: 0, harm: 0 };
}

/** The worst of distinct entities; of those alike the first of the day. */
function keepWorst(worst: Worst[], one: Worst): void {
  const same = worst.findIndex(({ entity }) => entity === one.entity);
  const rival = same === -1 && worst.length === WORST ? worst.length - 1 : same;
  if (rival !== -1) {
    if (byHarm(worst[rival]!, one) <= 0) return;
    worst.splice(rival, 1);
  }
  worst.push(one);
  worst.sort(byHarm);
}

function byHarm(a: Worst, b: Worst): number {
  return b.harm - a.harm || a.vid - b.vid || a.place - b.place;
}

/** @returns how many numbers are in any of them, role by role */
function distinct(entries: readonly RoleIncident[], of: (entry: RoleIncident) => Uint32Array): number {
  const united = new Map<number, NumberSet>();
  for (const entry of entries) valueIn(united, entry.role, () => new NumberSet()).addAll(of(entry));
  return [...united.values()].reduce((sum, { size }) => sum + size, 0);
}

function countsOf(entries: readonly RoleIncident[]): IncidentCounts {
  const [{ key }] = entries as [RoleIncident];
  const features = new Map<string, Harmed>();
  const slices = new Map<string, { by: SliceBy; value: string; mismatches: number }>();
  for (const entry of entries) {
    for (const [name, harmed] of entry.features) {
      const sum = valueIn(features, name, nothing);
      sum.values += harmed.values;
      sum.beyondPromise += harmed.beyondPromise;
      sum.harm += harmed.harm;
    }
    for (const { by, value, mismatches } of entry.slices) {
      valueIn(slices, `${by} ${value}`, () => ({ by, value, mismatches: 0 })).mismatches += mismatches;
    }
  }
  const sum = (of: (harmed: Harmed) => number): number =>
    [...features.values()].reduce((total, one) => total + of(one), 0);
  const names = (of: (entry: RoleIncident) => string | null): string[] =>
    [...new Set(entries.flatMap((entry) => of(entry) ?? []))].toSorted();
  return {
    view: key.view,
    cause: key.cause,
    runs: names((entry) => entry.key.run),
    pods: names((entry) => entry.key.pod),
    fromUs: Math.min(...entries.map(({ fromUs }) => fromUs)),
    toUs: Math.max(...entries.map(({ toUs }) => toUs)),
    entities: distinct(entries, (entry) => entry.entities),
    rows: distinct(entries, (entry) => entry.rows),
    beyond: {
      fromUs: Math.min(...entries.map(({ beyond }) => beyond.fromUs)),
      toUs: Math.max(...entries.map(({ beyond }) => beyond.toUs)),
      rows: distinct(entries, ({ beyond }) => beyond.rows),
    },
    values: sum(({ values }) => values),
    beyondPromise: sum(({ beyondPromise }) => beyondPromise),
    harm: sum(({ harm }) => harm),
    features: [...features].map(([name, harmed]) => ({ name, ...harmed })),
    slices: [...slices.values()],
    examples: examplesOf(entries),
  };
}

/** The worst of each run or pod first, so that where several made one incident two of them are shown. */
function examplesOf(entries: readonly RoleIncident[]): IncidentCounts['examples'] {
  const moreHarm = (a: Pick<Example, 'harm'>, b: Pick<Example, 'harm'>): number => b.harm - a.harm;
  const origins = Map.groupBy(entries, ({ key: { run, pod } }) => JSON.stringify([run, pod]));
  const worst = [...origins.values()].map((own) => own.flatMap((entry) => entry.worst).toSorted(moreHarm));
  const firsts = new Set(worst.flatMap(([first]) => (first?.withinPromise === false ? first : [])));
  const others = worst.flat().filter((one) => !firsts.has(one));
  return [...[...firsts].toSorted(moreHarm), ...others.toSorted(moreHarm)];
}
