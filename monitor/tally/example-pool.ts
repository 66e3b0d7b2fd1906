/**
 * Chooses examples while the values of a day go by: the worst of each cause, and beside them some of every hour.
 *
 * Of an hour those with the lowest hashes of their requests are kept: a fair sample, the same in every run, without
 * keeping the hour's values. No request and no entity gives more than two. An example is made only of what is kept.
 */
import { textHash } from '../text-hash.ts';
import type { Cause } from '../causes/cause.ts';
import type { Example } from '../verdict/snapshot.ts';
import type { Decided } from './decided.ts';

/** A mismatch that may become an example. */
export interface Candidate {
  readonly decided: Decided;
  /** Of `harmOf`; 0 within the promise. */
  readonly harm: number;
  readonly hour: number;
  readonly requestId: string;
  /** Which entity row of the request. */
  readonly row: number;
  /** The number of the entity. */
  readonly entity: number;
  /** Of the request and its row (`exampleHash`). */
  readonly hash: number;
  make(): Example;
}

export type ChosenExample = Pick<Candidate, 'harm' | 'entity'> & { readonly example: Example };

interface Kept extends ChosenExample, Omit<Candidate, 'make'> {}

type Ranked = Pick<Kept, 'harm' | 'hash' | 'requestId' | 'entity'>;
type Order = (a: Ranked, b: Ranked) => number;

const byHarm: Order = (a, b) => b.harm - a.harm || a.hash - b.hash;
const byHash: Order = (a, b) => a.hash - b.hash;

const WORST = 6;
const IN_AN_HOUR = 3;
const OF_ONE = 2;

export class ExamplePool {
  readonly #within = new Map<Cause, ListsOfCause>();
  readonly #beyond = new Map<Cause, ListsOfCause>();

  offer(candidate: Candidate): void {
    const { decided, hour } = candidate;
    const lists = this.#listsOf(decided);
    const inHour = (lists.hours[hour] ??= new BestList(byHash, IN_AN_HOUR));
    const [isWorst, isOfHour] = [lists.worst.takes(candidate), inHour.takes(candidate)];
    if (!isWorst && !isOfHour) return;
    const kept = { ...candidate, example: candidate.make() };
    if (isWorst) lists.worst.add(kept);
    if (isOfHour) inHour.add(kept);
  }

  #listsOf({ cause, withinPromise }: Decided): ListsOfCause {
    const all = withinPromise ? this.#within : this.#beyond;
    let lists = all.get(cause);
    if (lists === undefined) all.set(cause, (lists = { worst: new BestList(byHarm, WORST), hours: [] }));
    return lists;
  }

  /**
   * @param most  of each cause
   * @returns     what is beyond the promise first, then by harm
   */
  chosen(most: number): ChosenExample[] {
    const all = [...this.#within.values(), ...this.#beyond.values()].flatMap(({ worst, hours }) =>
      [worst, ...hours].flatMap((list) => list?.kept ?? []),
    );
    const each = new Map(all.map((one) => [`${one.requestId} ${one.row} ${one.decided.cause}`, one]));
    const ordered = [...each.values()].toSorted(
      (a, b) => Number(a.decided.withinPromise) - Number(b.decided.withinPromise) || byHarm(a, b),
    );
    const counts = new Map<string, number>();
    return ordered.filter(({ decided, requestId, entity }) => {
      const limits: [key: string, most: number][] = [
        [`cause ${decided.cause}`, most],
        [`request ${requestId}`, OF_ONE],
        [`entity ${entity}`, OF_ONE],
      ];
      if (limits.some(([key, limit]) => (counts.get(key) ?? 0) >= limit)) return false;
      for (const [key] of limits) counts.set(key, (counts.get(key) ?? 0) + 1);
      return true;
    });
  }
}

/** Candidates of one cause, within the promise or beyond it. */
interface ListsOfCause {
  readonly worst: BestList;
  /** By the hour of the day; undefined: no candidate was of it. */
  readonly hours: (BestList | undefined)[];
}

/** The first few of an order, with at most two of a request or an entity. */
class BestList {
  readonly #order: Order;
  readonly #most: number;
  readonly kept: Kept[] = [];

  constructor(order: Order, most: number) {
    this.#order = order;
    this.#most = most;
  }

  takes(one: Ranked): boolean {
    // What is not before the last of a full list is before none of it. This is asked of every value that differs.
    const last = this.kept.length < this.#most ? undefined : this.kept[this.#most - 1]!;
    if (last !== undefined && this.#order(one, last) >= 0) return false;
    const rival = this.#rivalOf(one);
    return rival === undefined || this.#order(one, rival) < 0;
  }

  add(one: Kept): void {
    const rival = this.#rivalOf(one);
    if (rival !== undefined) this.kept.splice(this.kept.indexOf(rival), 1);
    this.kept.push(one);
    this.kept.sort(this.#order);
  }

  /** What would have to go: the last of its request or entity, or of a full list; undefined: there is room. */
  #rivalOf({ requestId, entity }: Ranked): Kept | undefined {
    for (const isAlike of [
      (one: Kept) => one.requestId === requestId,
      (one: Kept) => one.entity === entity,
    ]) {
      const alike = this.kept.filter(isAlike);
      if (alike.length >= OF_ONE) return alike.at(-1);
    }
    return this.kept.length >= this.#most ? this.kept.at(-1) : undefined;
  }
}

/** What orders examples of equal harm: FNV-1a, 32 bits. */
export function exampleHash(requestId: string, row: number): number {
  return textHash(`${requestId} ${row}`);
}
