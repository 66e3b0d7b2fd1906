/**
 * What on-demand views use of a role, as it is replayed. Taken of the role's open rows (replay/open-rows.ts) while its
 * tables are there; the served values of every other row are the replayed ones.
 *
 *   used_rows_{role}   vid: the archive's | outcome: of ROW_OUTCOMES | cause, causes, run, within_promise: the worst of
 *                      what was decided of its values that are used, null where none differs
 *                      is_trained, is_available: whether such a row is visible | t0, a0 ...: its values of the features
 */
import type { Bundle, Feature, FeatureService, ServiceView } from '../../contract/model.ts';
import { ROW_FOUND } from '../../project/engine/duckdb/as-of-join.ts';
import { EXACT_FLOATS, duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { DECISIONS, JUDGED_VECTORS, VERDICTS } from '../judged-rows/row-verdicts.ts';
import type { KeptTable } from '../kept/kept-roles.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { BETWEEN_CAUSES } from './inherited.ts';

const OWN = [
  'vid BIGINT',
  'outcome UTINYINT',
  'cause VARCHAR',
  'causes VARCHAR',
  'run VARCHAR',
  'within_promise BOOLEAN',
  'is_trained BOOLEAN',
  'is_available BOOLEAN',
];

export class UsedRows {
  readonly #duck: DuckDb;
  /** By role the features that on-demand views use of it, as the bundle in force has them. */
  readonly #features: ReadonlyMap<string, readonly Feature[]>;
  readonly #roles: readonly string[];

  /**
   * @param service  in the bundle in force
   * @param served   the bundles that answered on the day
   */
  constructor(duck: DuckDb, service: FeatureService, today: Bundle, served: readonly Bundle[]) {
    this.#duck = duck;
    this.#roles = service.views.map(({ role }) => role);
    this.#features = new Map(
      service.views.map((used) => {
        const names = new Set([today, ...served].flatMap((bundle) => namesUsed(service.name, used, bundle)));
        return [used.role, today.views.get(used.view)!.features.filter(({ name }) => names.has(name))];
      }),
    );
  }

  /** @returns empty where no on-demand view uses the role, and where the service has no such role today */
  featuresOf(role: string): readonly Feature[] {
    return this.#features.get(role) ?? [];
  }

  /** The table's name. */
  tableOf(role: string): string {
    return `used_rows_${this.#roles.indexOf(role)}`;
  }

  /**
   * Takes the rows of a role whose tables are still there, and whose verdicts are told.
   *
   * @param isOpen  whether some of its rows are open
   */
  async endRole(role: string, isOpen: boolean): Promise<void> {
    const features = this.featuresOf(role);
    if (features.length === 0) return;
    const table = this.tableOf(role);
    const columns = features.flatMap(({ type }, i) => [
      `t${i} ${duckTypeOf(type)}`,
      `a${i} ${duckTypeOf(type)}`,
    ]);
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${table} (${[...OWN, ...columns].join(', ')})`);
    if (!isOpen) return;
    const values = features.flatMap(({ name }) => [
      `trained_of.${quoteName(name)}`,
      `available_of.${quoteName(name)}`,
    ]);
    // Where none of them differs the number is 0, which no decision has.
    await this.#duck.run(`INSERT INTO ${table}
      SELECT v.origin, j.outcome, d.cause, array_to_string(d.causes, '${BETWEEN_CAUSES}'), d.run, d.within_promise,
        t.asof_state = ${ROW_FOUND}, a.asof_state = ${ROW_FOUND}, ${values.join(', ')}
      FROM ${OPEN_ROWS} v JOIN ${JUDGED_VECTORS} o ON o.vid = v.vid JOIN ${VERDICTS} j ON j.verdict = o.verdict
      LEFT JOIN ${DECISIONS} d ON d.decision = j.used
      JOIN replay_trained t ON t.rid = v.vid LEFT JOIN replay_history trained_of ON trained_of.rowid = t.trained_row
      JOIN replay_available a ON a.rid = v.vid
      LEFT JOIN replay_history available_of ON available_of.rowid = a.available_row`);
  }

  /** The table of a role that has ended, for a run that is killed; null: no on-demand view uses the role. */
  tableToKeep(role: string): KeptTable | null {
    if (this.featuresOf(role).length === 0) return null;
    const table = this.tableOf(role);
    return {
      keep: async (file) =>
        await this.#duck.run(`COPY ${table} TO ${quoteTarget(file)} (FORMAT parquet, ${EXACT_FLOATS})`),
      restore: async (file) =>
        await this.#duck.run(
          `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT * FROM read_parquet(${quotePaths([file])})`,
        ),
      forget: async () => await this.#duck.run(`DROP TABLE IF EXISTS ${table}`),
    };
  }
}

/** @returns the names of the features that a service's on-demand views use of a role, as a bundle has them */
function namesUsed(service: string, { role, view }: ServiceView, bundle: Bundle): string[] {
  const onDemand = bundle.services.get(service)?.onDemand ?? [];
  return onDemand.flatMap(({ view: id, uses: roles }) =>
    (bundle.onDemand.get(id)?.uses ?? []).flatMap((used, i) =>
      roles[i] === role && used.view === view ? used.features.map(({ feature }) => feature) : [],
    ),
  );
}
