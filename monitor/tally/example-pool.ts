/**
 * Chooses examples while the values of a day go by: the worst of each cause, and beside them some of every hour.
 *
 * Of an hour those with the lowest hashes of their requests are kept: a fair sample, the same in every run, without
 * keeping the hour's values. No request and no entity gives more than two. An example is made only of what is kept.
 */
import type { Cause } from '../causes/cause.ts';
import type { Example } from '../verdict/snapshot.ts';

/** A mismatch that may become an example. */
export interface Candidate {
  readonly cause: Cause;
  readonly withinPromise: boolean;
  /** Of `harmOf`; 0 within the promise. */
  readonly harm: number;
  readonly hour: number;
  readonly requestId: string;
  /** Which entity row of the request. */
  readonly row: number;
  /** The number of the entity. */
  readonly entity: number;
  make(): Example;
}

export type ChosenExample = Pick<Candidate, 'harm' | 'entity'> & { readonly example: Example };

interface Kept extends ChosenExample, Omit<Candidate, 'make'> {
  readonly hash: number;
}

type Ranked = Pick<Kept, 'harm' | 'hash' | 'requestId' | 'entity'>;
type Order = (a: Ranked, b: Ranked) => number;

const byHarm: Order = (a, b) => b.harm - a.harm || a.hash - b.hash;
const byHash: Order = (a, b) => a.hash - b.hash;

const WORST = 6;
const IN_AN_HOUR = 3;
const OF_ONE = 2;

export class ExamplePool {
  readonly #lists = new Map<string, BestList>();

  offer(candidate: Candidate): void {
    const { cause, withinPromise, hour, requestId, row } = candidate;
    const ranked = { ...candidate, hash: hashOf(`${requestId} ${row}`) };
    const among = `${cause} ${withinPromise}`;
    const lists = [
      this.#list(`${among} worst`, byHarm, WORST),
      this.#list(`${among} ${hour}`, byHash, IN_AN_HOUR),
    ];
    const takers = lists.filter((list) => list.takes(ranked));
    if (takers.length === 0) return;
    const kept = { ...ranked, example: candidate.make() };
    for (const list of takers) list.add(kept);
  }

  #list(name: string, order: Order, most: number): BestList {
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    const made = new BestList(order, most);
    this.#lists.set(name, made);
    return made;
  }

  /**
   * @param most  of each cause
   * @returns     what is beyond the promise first, then by harm
   */
  chosen(most: number): ChosenExample[] {
    const all = [...this.#lists.values()].flatMap(({ kept }) => kept);
    const each = new Map(all.map((one) => [`${one.requestId} ${one.row} ${one.cause}`, one]));
    const ordered = [...each.values()].toSorted(
      (a, b) => Number(a.withinPromise) - Number(b.withinPromise) || byHarm(a, b),
    );
    const counts = new Map<string, number>();
    return ordered.filter(({ cause, requestId, entity }) => {
      const limits: [key: string, most: number][] = [
        [`cause ${cause}`, most],
        [`request ${requestId}`, OF_ONE],
        [`entity ${entity}`, OF_ONE],
      ];
      if (limits.some(([key, limit]) => (counts.get(key) ?? 0) >= limit)) return false;
      for (const [key] of limits) counts.set(key, (counts.get(key) ?? 0) + 1);
      return true;
    });
  }
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

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
