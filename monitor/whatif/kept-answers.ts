/**
 * What the simulation of a view answered each vector, kept for the on-demand views that use it:
 *
 *   whatif_kept_{view}_{setting}   role | vid | sn, tn: the rows served and trained, null: none | is_within: the
 *                                  promise
 *   whatif_kept_{view}_values      n | v0, v1, ... the values of the view's features
 */
import type { FeatureService, FeatureView } from '../../contract/model.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { UsedSource } from '../on-demand/used-source.ts';
import { passedSql } from '../../project/engine/duckdb/passed-values.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { NOT_GIVEN } from '../on-demand/asked/asked-state.ts';
import { sameValueSql } from '../../project/engine/duckdb/same-value-sql.ts';
import { VALUES } from './known-rows.ts';
import type { Setting, SettingsNow } from './setting.ts';

/** A setting of the view, and the table with what it answers. */
interface KeptSetting extends Setting {
  readonly table: string;
}

export interface KeptView {
  /** In the bundle in force. */
  readonly view: FeatureView;
  readonly now: SettingsNow;
  readonly values: string;
  /** The settings as they are. */
  readonly same: string;
  readonly settings: readonly KeptSetting[];
  /** By service and role, the number of the role in the tables. */
  readonly roles: ReadonlyMap<FeatureService, ReadonlyMap<string, number>>;
}

/** The names of the tables of one view. @param place  of the view among those that are simulated */
export class KeptTables {
  readonly #place: number;
  #count = 0;

  constructor(place: number) {
    this.#place = place;
  }

  get values(): string {
    return `whatif_kept_${this.#place}_values`;
  }

  next(): string {
    return `whatif_kept_${this.#place}_${this.#count++}`;
  }
}

/** Keeps the values of the view that was simulated last. */
export async function keepValues(duck: DuckDb, as: string): Promise<void> {
  await duck.run(
    `DROP TABLE IF EXISTS ${as}; CREATE TEMP TABLE ${as} AS FROM ${VALUES}; DROP TABLE ${VALUES}`,
  );
}

/**
 * The rows of a role under one setting, as an on-demand view takes them. `v` are the vectors.
 *
 * @param used  the names of the features that it takes
 * @param n     of the role among those that it uses
 */
export function simulatedSource(
  { view, values }: KeptView,
  { table, role }: { readonly table: string; readonly role: number },
  used: readonly string[],
  n: number,
): UsedSource {
  const placeOf = (name: string): number => view.features.findIndex((one) => one.name === name);
  const differs = used.map((name) => {
    const [at, { type, missing }] = [placeOf(name), view.features[placeOf(name)]!];
    const sides = ['s', 't'].map((side) => valueSql(side, n, at, sqlLiteral(type, missing))) as [
      string,
      string,
    ];
    return `NOT ${sameValueSql(type, ...sides)}`;
  });
  const isOther = `coalesce(r${n}.sn IS DISTINCT FROM r${n}.tn AND (${['false', ...differs].join(' OR ')}), false)`;
  return {
    join: `LEFT JOIN ${table} r${n} ON r${n}.vid = v.vid AND r${n}.role = ${role}
      LEFT JOIN ${values} s${n} ON s${n}.n = r${n}.sn LEFT JOIN ${values} t${n} ON t${n}.n = r${n}.tn`,
    states: [`WHEN r${n}.vid IS NULL THEN ${NOT_GIVEN}`],
    unjudged: 'false',
    differs: isOther,
    // The simulation knows no cause, only whether it keeps the promise.
    decided: [`CASE WHEN ${isOther} THEN 'not proved' END`, `''`, 'NULL', `r${n}.is_within`],
    fails: { trained: 'false', available: 'false' },
    argument: ({ name, type, missing }) => {
      const fallback = sqlLiteral(type, missing);
      const [served, trained] = ['s', 't'].map((side) =>
        passedSql(type, valueSql(side, n, placeOf(name), fallback)),
      ) as [string, string];
      return { served, trained, available: trained };
    },
  };
}

function valueSql(side: string, n: number, at: number, fallback: string): string {
  return `CASE WHEN ${side}${n}.n IS NULL THEN ${fallback} ELSE ${side}${n}.v${at} END`;
}
