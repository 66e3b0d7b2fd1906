/**
 * Which vector of each entity is sketched (served-sketches.ts): the one with the lowest hash of where it stands in the
 * log, so that no hour is preferred; its number decides between equal hashes.
 *
 *   drift_chosen   vid | served_us, bundle
 *
 * Roles of the same ids have the same ones, so the table is made anew only where something of the choice is another.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';

export const CHOSEN = 'drift_chosen';

export class ChosenVectors {
  readonly #duck: DuckDb;
  /** What the table was made by; empty: it is not there. */
  #laid = '';

  constructor(duck: DuckDb) {
    this.#duck = duck;
  }

  /**
   * @param vectors  SELECT of the vectors to choose from
   * @param keys     columns that give the entity; a vector without one of them is left out
   * @param where    a condition
   */
  async choose(vectors: string, keys: readonly string[], where: string): Promise<void> {
    const there = keys.map((key) => `${key} IS NOT NULL`);
    const told = '{vid: vid, served_us: served_us, bundle: bundle}';
    const place = '{h: hash(epoch, sequence, row_index), vid: vid}';
    const sql = `SELECT c.vid AS vid, c.served_us AS served_us, c.bundle AS bundle
      FROM (SELECT arg_min(${told}, ${place}) AS c FROM (${vectors}) WHERE ${[...there, where].join(' AND ')} GROUP BY ${keys.join(', ')})`;
    if (sql === this.#laid) return;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${CHOSEN} AS ${sql}`);
    this.#laid = sql;
  }
}
