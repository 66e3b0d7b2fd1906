/**
 * How many vectors of a service have a judged value: all but those whose every row is without one. Few are, so these
 * are what is kept, a row a role.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { OPEN_ROWS } from './open-rows.ts';
import { OPEN, SPLIT } from './row-split.ts';

const TABLE = 'unjudged_vectors';
const BATCH_ROWS = 20_480;

export class JudgedVectors {
  readonly #duck: DuckDb;
  readonly #day: DayOfService;
  /** Open rows of the role without a judged value. */
  #unjudged: number[] = [];
  #roles = 0;

  constructor(duck: DuckDb, day: DayOfService) {
    this.#duck = duck;
    this.#day = day;
  }

  async begin(): Promise<void> {
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${TABLE} (role INTEGER, vid BIGINT)`);
  }

  /** @param vid  of the open rows */
  addUnjudged(vid: number): void {
    this.#unjudged.push(vid);
  }

  async #layRole(vids: readonly number[]): Promise<void> {
    this.#roles += 1;
    await this.#duck.run('CREATE OR REPLACE TEMP TABLE role_unjudged (vid BIGINT)');
    for (let from = 0; from < vids.length; from += BATCH_ROWS) {
      const batch = vids.slice(from, from + BATCH_ROWS);
      await this.#duck.append(
        'role_unjudged',
        batch.map((vid) => [BigInt(vid)]),
      );
    }
  }

  /**
   * Takes what the role has told; its tables are still there.
   *
   * @param isAgreeingJudged  whether a row that agrees has a judged value
   */
  async endRole(isAgreeingJudged: boolean): Promise<void> {
    await this.#layRole(this.#unjudged);
    this.#unjudged = [];
    await this.#duck.run(
      `INSERT INTO ${TABLE} SELECT ${this.#roles}, origin FROM ${OPEN_ROWS} JOIN role_unjudged USING (vid)`,
    );
    if (!isAgreeingJudged)
      await this.#duck.run(
        `INSERT INTO ${TABLE} SELECT ${this.#roles}, vid FROM ${SPLIT} WHERE agrees <> ${OPEN}`,
      );
    const [split] = await this.#duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${SPLIT}`);
    // Most often every vector has a row of the role.
    if (split!['n'] === this.#day.vectors) return;
    await this.#duck.run(`INSERT INTO ${TABLE} SELECT ${this.#roles}, vid FROM (${this.#day.files.vectors})
      ANTI JOIN ${SPLIT} USING (vid)`);
  }

  /**
   * Takes what was told of an on-demand view, which counts as a role does.
   *
   * @param vids     of the archive: its vectors without a judged value
   * @param bundles  under which none has one
   */
  async endComputed(vids: readonly number[], bundles: readonly string[]): Promise<void> {
    await this.#layRole(vids);
    const role = this.#roles;
    const under = bundles.length === 0 ? 'false' : `bundle IN (${bundles.map(quoteText).join(', ')})`;
    await this.#duck.run(`INSERT INTO ${TABLE} SELECT ${role}, vid FROM role_unjudged
      UNION ALL SELECT ${role}, vid FROM (${this.#day.files.vectors}) WHERE ${under}`);
  }

  /** Writes what the role that has ended has told to a Parquet file. */
  async keep(file: string): Promise<void> {
    await this.#duck.run(
      `COPY (SELECT vid FROM ${TABLE} WHERE role = ${this.#roles}) TO ${quoteTarget(file)} (FORMAT parquet)`,
    );
  }

  /** Takes what a role has told from such a file. */
  async restore(file: string): Promise<void> {
    await this.#duck.run(
      `INSERT INTO ${TABLE} SELECT ${this.#roles + 1}, vid FROM read_parquet(${quotePaths([file])})`,
    );
    this.#roles += 1;
  }

  /** Takes back the last role that was restored. */
  async forget(): Promise<void> {
    await this.#duck.run(`DELETE FROM ${TABLE} WHERE role = ${this.#roles}`);
    this.#roles -= 1;
  }

  async count(): Promise<number> {
    const [row] = await this.#duck.rows(`SELECT count(*)::DOUBLE AS n FROM
      (SELECT vid FROM ${TABLE} GROUP BY vid HAVING count(*) = ${this.#roles})`);
    return this.#roles === 0 ? 0 : this.#day.vectors - (row!['n'] as number);
  }
}
