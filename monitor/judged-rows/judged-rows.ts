/**
 * The judged rows of a day and service, in Parquet beside the report: one row a vector and view, typed, for whoever
 * wants to ask more than the page tells. Whole are those with a mismatch, and those whose row is not what the history
 * holds; of the others there is one in a hundred, chosen by a hash of request and row, with 100 as its `_weight`.
 *
 * The values stay in DuckDB: the judge tells decisions alone (row-verdicts.ts), so this costs what writing costs.
 * Values of features that a definition marks (hmac, drop) are null; ids that are hashed stand as HMACs.
 */
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Feature, JoinKey } from '../../contract/model.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { EXACT_FLOATS } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { monitorError } from '../errors.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { OPEN, SPLIT } from '../replay/row-split.ts';
import type { ServedFiles } from '../replay/served-files.ts';
import { agreeingRowsSql, noRowsSql, openRowsSql } from './judged-columns.ts';
import type { JudgedRole } from './judged-columns.ts';
import { RowVerdicts } from './row-verdicts.ts';

/** Of rows without a mismatch one in so many is kept. */
const SAMPLED = 100;
/** Small, since a row has as many columns as its service has features, and a group of rows stands in memory. */
const ROW_GROUP = 20_480;

interface EndedRole extends Pick<JudgedRole, 'role' | 'view'> {
  readonly features: readonly { readonly fullName: string; readonly feature: Feature }[];
  /** Whether a feature is marked (hmac or drop) today, or was in the bundle that answered. */
  isMarked(feature: Feature, bundle: string): boolean;
}

export class JudgedRows {
  readonly verdicts: RowVerdicts;
  readonly #duck: DuckDb;
  readonly #files: ServedFiles;
  readonly #keys: readonly JoinKey[];
  /** Tables, one a role that has ended. */
  readonly #parts: string[] = [];

  /** @param keys  the service's request keys */
  constructor(duck: DuckDb, files: ServedFiles, keys: readonly JoinKey[]) {
    this.verdicts = new RowVerdicts(duck);
    this.#duck = duck;
    this.#files = files;
    this.#keys = keys;
  }

  /**
   * Takes the rows of a role, whose tables are still there.
   *
   * @param has  whether vectors of the day have a row of the role, and whether some are open
   */
  async endRole(
    { role, view, features, isMarked }: EndedRole,
    has: { readonly rows: boolean; readonly open: boolean },
  ): Promise<void> {
    const hashedKeys = this.#keys.map(({ name }) => this.#files.hasHmacs(name));
    const bundles = has.open ? await this.#duck.rows(`SELECT DISTINCT bundle FROM ${OPEN_ROWS}`) : [];
    const withheld = features.map(({ feature }) =>
      bundles.some(({ bundle }) => isMarked(feature, bundle as string)),
    );
    const named = { role, view, features, keys: this.#keys, hashedKeys, withheld };
    const part = `judged_rows_${this.#parts.length}`;
    this.#parts.push(part);
    await this.#duck.run(`CREATE OR REPLACE TABLE ${part} AS ${noRowsSql(named)}`);
    if (has.open) {
      await this.verdicts.end();
      await this.#duck.run(`INSERT INTO ${part} ${openRowsSql(named, SAMPLED)}`);
    }
    const rows = has.rows ? this.#files.rowsOf(role, []) : null;
    if (rows === null || !(await this.#someAgree())) return;
    await this.#duck.run(`INSERT INTO ${part} ${agreeingRowsSql(named, rows, SAMPLED)}`);
  }

  /** Writes the rows of the role that has ended to a Parquet file. */
  async keep(file: string): Promise<void> {
    const part = this.#parts.at(-1)!;
    await this.#duck.run(`COPY (FROM ${part}) TO ${quoteTarget(file)} (FORMAT parquet, ${EXACT_FLOATS})`);
  }

  /** Takes the rows of a role from such a file. */
  async restore(file: string): Promise<void> {
    const part = `judged_rows_${this.#parts.length}`;
    await this.#duck.run(`CREATE OR REPLACE TABLE ${part} AS FROM read_parquet(${quotePaths([file])})`);
    this.#parts.push(part);
  }

  /** Takes back the last role that was restored. */
  async forget(): Promise<void> {
    await this.#duck.run(`DROP TABLE ${this.#parts.pop()!}`);
  }

  async #someAgree(): Promise<boolean> {
    const found = await this.#duck.rows(`SELECT 1 FROM ${SPLIT} WHERE agrees <> ${OPEN} LIMIT 1`);
    return found.length > 0;
  }

  /** Writes the file aside and renames it. @throws MON_REPORTS when it cannot be written */
  async write(file: string): Promise<void> {
    const aside = `${file}.${process.pid}.tmp`;
    const all = this.#parts.map((part) => `SELECT * FROM ${part}`).join(' UNION ALL BY NAME ');
    try {
      makeFolder(dirname(file), 0o700);
      await this.#duck.run(`COPY (${all}) TO ${quoteTarget(aside)}
        (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP}, ${EXACT_FLOATS});
        ${this.#parts.map((part) => `DROP TABLE ${part}`).join('; ')}`);
      chmodSync(aside, 0o600);
      renameSync(aside, file);
    } catch (error) {
      if (existsSync(aside)) rmSync(aside);
      const why = (error as Error).message.split('\n')[0];
      throw monitorError('MON_REPORTS', `${file} cannot be written: ${why}`, { file }, error);
    }
  }
}
