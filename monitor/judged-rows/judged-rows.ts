/**
 * The judged rows of a day and service, in Parquet beside the report: one row a vector and view, typed, for whoever
 * wants to ask more than the page tells. Whole are those with a mismatch, those whose row is not what the history
 * holds, and those whose answer was altered; of the others there is one in a hundred, chosen by a hash of request and
 * row, with 100 as its `_weight`.
 *
 *   {place} 0.rows, 0.verdicts   Parquet of the first role that has ended: its rows without what was decided, and the
 *                                verdicts that they name. They are put together once, when all roles are judged
 *
 * The values stay in DuckDB: the judge tells decisions alone (row-verdicts.ts), so this costs what writing costs.
 * Values of features that a definition marks (hmac, drop) are null; ids that are hashed stand as HMACs.
 */
import { chmodSync, copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Feature, JoinKey } from '../../contract/model.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { EXACT_FLOATS } from '../../project/engine/duckdb/duckdb.ts';
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

/** Small, since a row has as many columns as its service has features, and a group of rows stands in memory. */
const ROW_GROUP = 20_480;

interface EndedRole extends Pick<JudgedRole, 'role' | 'view'> {
  readonly features: readonly { readonly fullName: string; readonly feature: Feature }[];
  /** Those that answered. */
  readonly bundles: readonly string[];
  /** Whether a feature is marked (hmac or drop) today, or was in the bundle that answered. */
  isMarked(feature: Feature, bundle: string): boolean;
}

/** What of a role is a file. */
type Part = 'rows' | 'verdicts';

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
    await this.#writePart('rows', selects.join(' UNION ALL '));
    await this.#writePart('verdicts', verdictsSql(named));
    this.#roles += 1;
  }

  /** Takes the rows of an on-demand view, whose tables are whole. */
  async endOutputs({ role, view, features }: Pick<EndedRole, 'role' | 'view' | 'features'>): Promise<void> {
    const hashedKeys = this.#keys.map(({ name }) => this.#files.hasHmacs(name));
    const withheld = features.map(({ feature }) => feature.log !== 'raw');
    const named = { role, view, features, keys: this.#keys, hashedKeys, withheld };
    await this.verdicts.end();
    const vectors = this.#files.vectorsWith([{ name: statusColumn(role), type: 'VARCHAR' }]);
    await this.#writePart('rows', `${noRowsSql(named)} UNION ALL ${outputRowsSql(named, vectors)}`);
    await this.#writePart('verdicts', verdictsSql(named));
    this.#roles += 1;
  }

  async #writePart(part: Part, sql: string): Promise<void> {
    const file = this.#fileOf(this.#roles, part);
    // What was restored there and taken back may be a link to what is kept.
    rmSync(file, { force: true });
    await this.#duck.run(
      `COPY (${sql}) TO ${quoteTarget(file)} (FORMAT parquet, ROW_GROUP_SIZE ${ROW_GROUP}, ${EXACT_FLOATS})`,
    );
  }

  #fileOf(role: number, part: Part): string {
    return `${this.#place} ${role}.${part}`;
  }

  /** The files of the role that has ended; its rows are restored first. */
  readonly tables: Readonly<Record<Part, KeptTable>> = {
    rows: {
      keep: async (file) => linkOrCopy(this.#fileOf(this.#roles - 1, 'rows'), file),
      restore: async (file) => {
        this.#roles += 1;
        await this.#restore(file, 'rows').catch((error: unknown) => {
          this.#roles -= 1;
          throw error;
        });
      },
      forget: async () => {
        this.#roles -= 1;
      },
    },
    verdicts: {
      keep: async (file) => linkOrCopy(this.#fileOf(this.#roles - 1, 'verdicts'), file),
      restore: async (file) => await this.#restore(file, 'verdicts'),
      forget: async () => {},
    },
  };

  async #restore(file: string, part: Part): Promise<void> {
    const own = this.#fileOf(this.#roles - 1, part);
    rmSync(own, { force: true });
    linkOrCopy(file, own);
    await this.#duck.run(`SELECT max(hash(t)) FROM read_parquet(${quotePaths([own])}) t`);
  }

  async #someAgree(): Promise<boolean> {
    const found = await this.#duck.rows(`SELECT 1 FROM ${SPLIT} WHERE agrees <> ${OPEN} LIMIT 1`);
    return found.length > 0;
  }

  /** Writes the file aside and renames it. @throws MON_REPORTS when it cannot be written */
  async write(file: string): Promise<void> {
    const aside = `${file}.${process.pid}.tmp`;
    const roles: string[] = [];
    for (let role = 0; role < this.#roles; role++) roles.push(await this.#roleSql(role));
    try {
      makeFolder(dirname(file), 0o700);
      await this.#duck.run(`COPY (${roles.join(' UNION ALL BY NAME ')}) TO ${quoteTarget(aside)}
        (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${ROW_GROUP}, ${EXACT_FLOATS})`);
      chmodSync(aside, 0o600);
      renameSync(aside, file);
    } catch (error) {
      if (existsSync(aside)) rmSync(aside);
      const why = (error as Error).message.split('\n')[0];
      throw monitorError('MON_REPORTS', `${file} cannot be written: ${why}`, { file }, error);
    }
  }

  async #roleSql(role: number): Promise<string> {
    const [rows, verdicts] = (['rows', 'verdicts'] as const).map(
      (part) => `read_parquet(${quotePaths([this.#fileOf(role, part)])})`,
    ) as [string, string];
    const columns = await this.#duck.rows(`DESCRIBE FROM ${verdicts}`);
    const names = columns.map((column) => column['column_name'] as string);
    return judgedRowsSql(
      rows,
      verdicts,
      names.filter((name) => !name.startsWith('_')),
    );
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
