/**
 * Applies that a share of the pods takes first. One is under way at a time; it ends when it is promoted, or when
 * another apply takes it back.
 */
import type { Kysely, Transaction } from 'kysely';

export interface RolloutTables {
  rollout: { sequence: number; share: number; salt: string; revision: number; state: RolloutState };
}

type RolloutState = 'staged' | 'promoted' | 'taken back';

/** The apply of that number, and what became of it. */
export interface Rollout {
  readonly sequence: number;
  /** Of the pods, above 0 and below 1. */
  readonly share: number;
  readonly salt: string;
  /** Grows with each change of share or state. */
  readonly revision: number;
  readonly state: RolloutState;
}

export class RolloutTable {
  readonly #db: Kysely<RolloutTables>;

  /** @param db  also a transaction, within which all is done then */
  constructor(db: Kysely<RolloutTables> | Transaction<RolloutTables>) {
    this.#db = db;
  }

  /** @returns the one that is under way, or null */
  async underWay(): Promise<Rollout | null> {
    const staged = this.#db.selectFrom('rollout').selectAll().where('state', '=', 'staged');
    return (await staged.executeTakeFirst()) ?? null;
  }

  /** @returns every one, in the order of their applies */
  async all(): Promise<Rollout[]> {
    return this.#db.selectFrom('rollout').selectAll().orderBy('sequence').execute();
  }

  async begin(sequence: number, share: number, salt: string): Promise<void> {
    await this.#db
      .insertInto('rollout')
      .values({ sequence, share, salt, revision: 0, state: 'staged' })
      .execute();
  }

  /** @returns whether that one was under way: else nothing is changed */
  async change(
    sequence: number,
    to: { readonly share?: number; readonly state?: RolloutState },
  ): Promise<boolean> {
    const changed = await this.#db
      .updateTable('rollout')
      .set(({ eb }) => ({ ...to, revision: eb('revision', '+', 1) }))
      .where('sequence', '=', sequence)
      .where('state', '=', 'staged')
      .executeTakeFirst();
    return changed.numUpdatedRows === 1n;
  }
}
