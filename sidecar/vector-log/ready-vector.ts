/**
 * The vector of an entity as the log has it, kept with the entity's first row: as long as its rows come from the cache
 * it is the same each time but for their times, and a record copies it with one call.
 */
import { FROM_CACHE } from '../../registry/status.ts';
import type { ServedVector } from '../../registry/wire/served-record.ts';
import { VectorImage } from '../../registry/wire/vector-image.ts';
import type { CachedRow } from '../cached-row.ts';
import type { Plan } from '../plan.ts';
import type { Work } from '../work.ts';

export class ReadyVector {
  readonly vector: ServedVector;
  readonly #image: VectorImage;
  readonly #plan: Plan;
  readonly #rows: readonly (CachedRow | null)[];
  readonly #statuses: readonly number[];

  private constructor(work: Work, at: number, vector: ServedVector) {
    const { plan } = work.asked;
    const end = at + plan.roleViews.length;
    this.#plan = plan;
    this.#rows = work.rows.slice(at, end);
    this.#statuses = work.statuses.slice(at, end);
    this.#image = new VectorImage(vector);
    vector.image = this.#image.ready;
    this.vector = vector;
  }

  /**
   * @param at      where the entity's rows begin in the request's
   * @param vector  made of them
   * @returns       null when one of the rows does not come from the cache, or when they are of several entities, which
   *                others ask for in other pairs: it would serve no other request
   */
  static of(work: Work, at: number, vector: ServedVector): ReadyVector | null {
    const { plan } = work.asked;
    if (plan.groups.length !== 1) return null;
    const end = at + plan.roleViews.length;
    for (let i = at; i < end; i++) if (work.sources[i] !== FROM_CACHE) return null;
    return new ReadyVector(work, at, vector);
  }

  get bytes(): number {
    return this.#image.ready.bytes.length;
  }

  /**
   * Becomes the vector of a request whose rows are these, at the times that they had for it. A row belongs to one entity,
   * so its keys are the same, too.
   *
   * @returns false, unchanged or not, when it cannot
   */
  takes(work: Work, at: number): boolean {
    const rows = this.#rows;
    if (work.asked.plan !== this.#plan) return false;
    for (let i = 0; i < rows.length; i++) {
      const same = work.rows[at + i] === rows[i] && work.statuses[at + i] === this.#statuses[i];
      if (!same || work.sources[at + i] !== FROM_CACHE) return false;
    }
    for (let i = 0; i < rows.length; i++) {
      if (!this.#image.setTimes(i, work.fetchedUsOf(at + i), work.watermarkUsOf(at + i))) return false;
    }
    this.#image.settle();
    return true;
  }
}
