/**
 * The judged rows of a day and service, in Parquet beside the report: one row a vector and view, typed, for whoever
 * wants to ask more than the page tells. Whole are those with a mismatch, those whose row is not what the history
 * holds, and those whose answer was altered; of the others there is one in a hundred, chosen by a hash of request and
 * row, with 100 as its `_weight`.
 *
 *   {place} 0.rows        Parquet of the first role that has ended, without the columns of other roles
 *   {place} nothing 17    of 17 rows, null in the columns of all roles
 *
 * When all roles are judged, their files are put below each other (stacked-parquet.ts).
 *
 * The values stay in DuckDB: the judge tells decisions alone (row-verdicts.ts), so this costs what writing costs.
 * Values of features that a definition marks (hmac, drop) are null; ids that are hashed stand as HMACs.
 */
import { copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Feature, JoinKey } from '../../contract/model.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { CHUNK_ROWS } from '../../project/engine/duckdb/column.ts';
import { EXACT_FLOATS, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { statusColumn } from '../archive/computed-shape.ts';
import { monitorError } from '../errors.ts';
import type { KeptTable } from '../kept/kept-roles.ts';
import { OPEN, SPLIT } from '../replay/row-split.ts';
import type { ServedFiles } from '../replay/served-files.ts';
import {
  agreeingRowsSql,
  judgedRowsSql,
  noRowsSql,
  openRowsSql,
  outputRowsSql,
  verdictsSql,
} from './judged-columns.ts';
import type { JudgedRole } from './judged-columns.ts';
import { RowVerdicts } from './row-verdicts.ts';
import { stackParquet } from './stacked-parquet.ts';

/** Small, since a row has as many columns as its service has features, and a group of rows stands in memory. */
const ROW_GROUP = 20_480;
/** What the verdicts of a role say. */
const SAID = 'judged_said';

interface EndedRole extends Pick<JudgedRole, 'role' | 'view'> {
  readonly features: readonly { readonly fullName: string; readonly feature: Feature }[];
  /** Those that answered. */
  readonly bundles: readonly string[];
  /** Whether a feature is marked (hmac or drop) today, or was in the bundle that answered. */
  isMarked(feature: Feature, bundle: string): boolean;
}

export class JudgedRows {
  readonly verdicts: RowVerdicts;
  readonly #duck: DuckDb;
  readonly #files: ServedFiles;
  readonly #keys: readonly JoinKey[];
  readonly #place: string;
  /** How many roles have ended. */
  #roles = 0;

  /**
   * @param keys   the service's request keys
   * @param place  where files of the run may lie: a folder and the beginning of their names
   */
  constructor(duck: DuckDb, files: ServedFiles, keys: readonly JoinKey[], place: string) {
    this.verdicts = new RowVerdicts(duck);
    this.#duck = duck;
    this.#files = files;
    this.#keys = keys;
    this.#place = place;
  }

  /**
   * Takes the rows of a role, whose tables are still there, and whose verdicts are told.
   *
   * @param has  whether vectors of the day have a row of the role, and whether some are open
   */
  async endRole(
    { role, view, features, bundles, isMarked }: EndedRole,
    has: { readonly rows: boolean; readonly open: boolean },
  ): Promise<void> {
    const hashedKeys = this.#keys.map(({ name }) => this.#files.hasHmacs(name));
    const withheld = features.map(({ feature }) => bundles.some((bundle) => isMarked(feature, bundle)));
    const named = { role, view, features, keys: this.#keys, hashedKeys, withheld };
    await this.verdicts.end();
    const selects = [noRowsSql(named)];
    if (has.open) selects.push(openRowsSql(named));
    const rows = has.rows ? this.#files.rowsOf(role, []) : null;
    if (rows !== null && (await this.#someAgree())) selects.push(agreeingRowsSql(named, rows));
    await this.#writeRole(named, selects);
  }

  /** Takes the rows of an on-demand view, whose tables are whole. */
  async endOutputs({ role, view, features }: Pick<EndedRole, 'role' | 'view' | 'features'>): Promise<void> {
    const hashedKeys = this.#keys.map(({ name }) => this.#files.hasHmacs(name));
    const withheld = features.map(({ feature }) => feature.log !== 'raw');
    const named = { role, view, features, keys: this.#keys, hashedKeys, withheld };
    await this.verdicts.end();
    const vectors = this.#files.vectorsWith([{ name: statusColumn(role), type: 'VARCHAR' }]);
    await this.#writeRole(named, [noRowsSql(named), outputRowsSql(named, vectors)]);
  }

  async #writeRole(named: JudgedRole, selects: readonly string[]): Promise<void> {
    const file = this.#fileOf(this.#roles);
    // What was restored there and taken back may be a link to what is kept.
    rmSync(file, { force: true });
    const names = named.features.map(({ fullName }) => fullName);
    // In one statement the decisions of each feature would be joined with the rows.
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${SAID} AS ${verdictsSql(named)}`);
    const sql = judgedRowsSql(`(${selects.join(' UNION ALL ')})`, SAID, names);
    await this.#writeParquet(sql, file, ROW_GROUP);
    await this.#duck.run(`DROP TABLE ${SAID}`);
    this.#roles += 1;
  }

  async #writeParquet(sql: string, file: string, groupRows: number): Promise<void> {
    await this.#duck.run(`COPY (${sql}) TO ${quoteTarget(file)}
      (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${groupRows}, ${EXACT_FLOATS})`);
  }

  #fileOf(role: number): string {
    return `${this.#place} ${role}.rows`;
  }

  /** The file of the role that has ended. */
  readonly tables: Readonly<Record<'rows', KeptTable>> = {
    rows: {
      keep: async (file) => linkOrCopy(this.#fileOf(this.#roles - 1), file),
      restore: async (file) => {
        const own = this.#fileOf(this.#roles);
        rmSync(own, { force: true });
        linkOrCopy(file, own);
        await this.#duck.run(`SELECT max(hash(t)) FROM read_parquet(${quotePaths([own])}) t`);
        this.#roles += 1;
      },
      forget: async () => {
        this.#roles -= 1;
      },
    },
  };

  async #someAgree(): Promise<boolean> {
    const found = await this.#duck.rows(`SELECT 1 FROM ${SPLIT} WHERE agrees <> ${OPEN} LIMIT 1`);
    return found.length > 0;
  }

  /** Writes the file aside and renames it. @throws MON_REPORTS when it cannot be written */
  async write(file: string): Promise<void> {
    const aside = `${file}.${process.pid}.tmp`;
    const roles = Array.from({ length: this.#roles }, (_, role) => this.#fileOf(role));
    const nothings = new Map<number, string>();
    try {
      const types = await this.#columnsOf(roles);
      makeFolder(dirname(file), 0o700);
      const nothing = async (rows: number): Promise<string> => {
        const known = nothings.get(rows);
        if (known !== undefined) return known;
        const made = await this.#writeNothing(rows, types);
        nothings.set(rows, made);
        return made;
      };
      await stackParquet(roles, nothing, aside);
      renameSync(aside, file);
    } catch (error) {
      if (existsSync(aside)) rmSync(aside);
      const why = (error as Error).message.split('\n')[0];
      throw monitorError('MON_REPORTS', `${file} cannot be written: ${why}`, { file }, error);
    }
  }

  /** @returns the columns of all roles, with their types */
  async #columnsOf(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const types = new Map<string, string>();
    for (const file of files) {
      const columns = await this.#duck.rows(`DESCRIBE FROM read_parquet(${quotePaths([file])})`);
      for (const column of columns)
        types.set(column['column_name'] as string, column['column_type'] as string);
    }
    return types;
  }

  async #writeNothing(rows: number, types: ReadonlyMap<string, string>): Promise<string> {
    const columns = [...types].map(([name, type]) => `NULL::${type} AS ${quoteName(name)}`);
    const file = `${this.#place} nothing ${rows}`;
    // A list is unnested by one thread, which makes one row group.
    const sql = `SELECT ${columns.join(', ')} FROM (SELECT unnest(range(${rows})))`;
    await this.#writeParquet(sql, file, Math.max(rows, CHUNK_ROWS));
    return file;
  }
}

/** Both names lie in the folder of the setting `monitor.scratch`, which may have a file system without links. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
