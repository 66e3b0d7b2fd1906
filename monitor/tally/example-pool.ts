/**
 * Chooses examples while the values of a day go by: the worst of each cause, and beside them some of every hour.
 *
 * Of an hour those with the lowest hashes of their requests are kept: a fair sample, the same in every run, without
 * keeping the hour's values. No request and no entity gives more than two. What is chosen is named in the end, and an
 * example made of it (example.ts).
 */
import type { Cause } from '../../contract/cause.ts';
import type { ComparedValue, RowFacts } from '../causes/facts.ts';
import type { ComputedFacts } from '../on-demand/computed-evidence.ts';
import type { Decided } from './decided.ts';

/** A mismatch that may become an example. */
export interface Candidate {
  readonly decided: Decided;
  /** Of `harmOf`; 0 within the promise. */
  readonly harm: number;
  /** Of the day. */
  readonly hour: number;
  /** The vector, which names its request in the end. */
  readonly vid: number;
  /** A hash of the request's id. */
  readonly request: number;
  /** The number of the entity. */
  readonly entity: number;
  /** A hash of the request's id and its row. */
  readonly hash: number;
  readonly value: ComparedValue;
  readonly row: RowFacts | ComputedFacts;
}

type Ranked = Pick<Candidate, 'harm' | 'hash'>;
type Order = (a: Ranked, b: Ranked) => number;
/** Whether one with this harm and hash comes before `b`. */
type Before = (harm: number, hash: number, b: Ranked) => boolean;

const byHarm: Order = (a, b) => b.harm - a.harm || a.hash - b.hash;
const byHash: Order = (a, b) => a.hash - b.hash;
const isWorse: Before = (harm, hash, b) => harm > b.harm || (harm === b.harm && hash < b.hash);
const isLower: Before = (_harm, hash, b) => hash < b.hash;

const WORST = 6;
const IN_AN_HOUR = 3;
const OF_ONE = 2;

export class ExamplePool {
  readonly #within = new Map<Cause, ListsOfCause>();
  readonly #beyond = new Map<Cause, ListsOfCause>();

  /** Where candidates of that decision are offered. */
  listsOf({ cause, withinPromise }: Decided): ListsOfCause {
    const all = withinPromise ? this.#within : this.#beyond;
    let lists = all.get(cause);
    if (lists === undefined) all.set(cause, (lists = new ListsOfCause()));
    return lists;
  }

  /**
   * @param most  of each cause
   * @returns     what is beyond the promise first, then by harm
   */
  chosen(most: number): Candidate[] {
    const all = [...this.#within.values(), ...this.#beyond.values()].flatMap(({ worst, hours }) =>
      [worst, ...hours].flatMap((list) => list?.kept ?? []),
    );
    const ordered = [...new Set(all)].toSorted(
      (a, b) =>
        Number(a.decided.withinPromise) - Number(b.decided.withinPromise) || byHarm(a, b) || a.vid - b.vid,
    );
    const counts = new Map<string, number>();
    return ordered.filter(({ decided, request, entity }) => {
      const limits: [key: string, most: number][] = [
        [`cause ${decided.cause}`, most],
        [`request ${request}`, OF_ONE],
        [`entity ${entity}`, OF_ONE],
      ];
      if (limits.some(([key, limit]) => (counts.get(key) ?? 0) >= limit)) return false;
      for (const [key] of limits) counts.set(key, (counts.get(key) ?? 0) + 1);
      return true;
    });
  }
}

/** Candidates of one cause, within the promise or beyond it. */
export class ListsOfCause {
  readonly worst = new BestList(byHarm, isWorse, WORST);
  /** By the hour of the day; undefined: no candidate was of it. */
  readonly hours: (BestList | undefined)[] = [];

  /** Whether a candidate may be taken. This is asked of every value that differs. */
  wants(hour: number, harm: number, hash: number): boolean {
    return this.worst.mayTake(harm, hash) || (this.hours[hour]?.mayTake(harm, hash) ?? true);
  }

  offer(candidate: Candidate): void {
    this.worst.offer(candidate);
    (this.hours[candidate.hour] ??= new BestList(byHash, isLower, IN_AN_HOUR)).offer(candidate);
  }
}

/** The first few of an order, with at most two of a request or an entity. */
class BestList {
  readonly #order: Order;
  readonly #isBefore: Before;
  readonly #most: number;
  readonly kept: Candidate[] = [];

  /** @param isBefore  says of numbers what the order says */
  constructor(order: Order, isBefore: Before, most: number) {
    this.#order = order;
    this.#isBefore = isBefore;
    this.#most = most;
  }

  /** The last of a full list; undefined: there is room. */
  get last(): Candidate | undefined {
    return this.kept[this.#most - 1];
  }

  /** What is not before the last of a full list is before none of it. */
  mayTake(harm: number, hash: number): boolean {
    return this.kept.length < this.#most || this.#isBefore(harm, hash, this.kept[this.#most - 1]!);
  }

  offer(one: Candidate): void {
    if (!this.mayTake(one.harm, one.hash)) return;
    const rival = this.#rivalOf(one);
    if (rival !== undefined) {
      if (this.#order(one, rival) >= 0) return;
      this.kept.splice(this.kept.indexOf(rival), 1);
    }
    this.kept.push(one);
    this.kept.sort(this.#order);
  }

  /** What would have to go: the last of its request or entity, or of a full list; undefined: there is room. */
  #rivalOf({ request, entity }: Candidate): Candidate | undefined {
    for (const isAlike of [
      (one: Candidate) => one.request === request,
      (one: Candidate) => one.entity === entity,
    ]) {
      const alike = this.kept.filter(isAlike);
      if (alike.length >= OF_ONE) return alike.at(-1);
    }
    return this.kept.length >= this.#most ? this.kept.at(-1) : undefined;
  }
}
