/**
 * The entities of a service's vectors, for the roles that ask for them by the same ids: these are most often all of its
 * roles, so the table is made anew only where the ids are others.
 *
 *   served_entities   k0 ...: the keys of each entity once
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';

export const ENTITIES = 'served_entities';

export class ServedEntities {
  readonly #duck: DuckDb;
  /** What the table was made by; empty: it is not there. */
  #laid = '';

  constructor(duck: DuckDb) {
    this.#duck = duck;
  }

  /**
   * @param vectors  SELECT of the service's vectors, with the columns `keys`
   * @param keys     in the order of the entity's
   */
  async lay(vectors: string, keys: readonly string[]): Promise<void> {
    const sql = entitiesSql(vectors, keys);
    if (sql === this.#laid) return;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${ENTITIES} AS ${sql}`);
    this.#laid = sql;
  }
}

/** @returns a SELECT of what the table has, on any engine */
export function entitiesSql(vectors: string, keys: readonly string[]): string {
  const there = keys.map((key) => `${key} IS NOT NULL`).join(' AND ');
  return `SELECT DISTINCT ${keys.map((key, i) => `${key} AS k${i}`).join(', ')} FROM (${vectors}) WHERE ${there}`;
}
