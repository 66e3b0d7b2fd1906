/**
 * Where an on-demand view takes features from: the rows of a role, or what another on-demand view computed. SQL of what
 * its function was given of it, and of what is known about it. `v` are the vectors.
 *
 *   a role's rows       r{n}: as they were logged (served-files.ts)   u{n}: open ones as replayed (used-rows.ts)
 *   an on-demand view   c{n}: as it was logged and as it is replayed (computed-rows.ts)
 */
import type { Feature, FeatureView } from '../../contract/model.ts';
import { PRESENT } from '../../contract/status.ts';
import { passedSql } from '../../project/engine/duckdb/passed-values.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { restColumn } from '../archive/archive-shape.ts';
import { ROW_OUTCOMES } from '../judged-rows/row-verdicts.ts';
import type { ServedFiles } from '../replay/served-files.ts';
import { ASKED, IS_UNDECODED, NOT_GIVEN, OTHER_DEFINITION } from './asked/asked-state.ts';
import type { ComputedRows } from './computed-rows.ts';
import type { UsedRows } from './used-rows.ts';

/** An argument of a function: as it was served, as trained, as available. */
export interface Argument {
  readonly served: string;
  readonly trained: string;
  readonly available: string;
}

export interface UsedSource {
  readonly join: string;
  /** `WHEN ... THEN` of each reason for which the function cannot be asked. */
  readonly states: readonly string[];
  readonly unjudged: string;
  /** Whether its replayed values may be others than the served ones. */
  readonly differs: string;
  /** What was decided of its values: cause, all causes, run, within the promise; the first is null: none differs. */
  readonly decided: readonly [cause: string, causes: string, run: string, within: string];
  /** Whether it gives nothing as trained, as available, so that a feature without a fallback is not there. */
  readonly fails: { readonly trained: string; readonly available: string };
  /** @param feature  as the bundle has it: its fallback stands in where there is no value to give */
  argument(feature: Feature): Argument;
}

const UNJUDGED = (['unjudged', 'undecoded'] as const).map((outcome) => ROW_OUTCOMES.indexOf(outcome));
const LOST = ROW_OUTCOMES.indexOf('unavailable');

interface RowsOfRole {
  readonly files: ServedFiles;
  readonly used: UsedRows;
  readonly role: string;
  /** As the bundle has it. */
  readonly view: FeatureView;
}

/** @returns null where no vector of the day has a row of the role */
export function rowsSource({ files, used, role, view }: RowsOfRole, n: number): UsedSource | null {
  const features = used.featuresOf(role);
  const rows = files.rowsOf(
    role,
    features.map(({ name, type }) => ({ name, type, columns: [restColumn(role, name), `${role}__${name}`] })),
  );
  if (rows === null) return null;
  const isThere = `r${n}.status = ${PRESENT}`;
  return {
    join: `LEFT JOIN (${rows}) r${n} ON r${n}.vid = v.vid LEFT JOIN ${used.tableOf(role)} u${n} ON u${n}.vid = v.vid`,
    states: [
      `WHEN r${n}.vid IS NULL OR (${isThere} AND NOT r${n}.is_decoded) THEN ${IS_UNDECODED}`,
      `WHEN ${isThere} AND r${n}.definition_id <> ${view.definitionId} THEN ${OTHER_DEFINITION}`,
    ],
    unjudged: `coalesce(u${n}.outcome IN (${UNJUDGED.join(', ')}), false)`,
    differs: `u${n}.vid IS NOT NULL`,
    decided: [
      // What stands in for a row that could not be had differs from the row for that reason.
      `CASE WHEN u${n}.outcome = ${LOST} THEN 'unavailable' ELSE u${n}.cause END`,
      `u${n}.causes`,
      `u${n}.run`,
      `u${n}.within_promise`,
    ],
    fails: { trained: 'false', available: 'false' },
    argument: ({ name, type, missing }) => {
      const at = features.findIndex((one) => one.name === name);
      const fallback = sqlLiteral(type, missing);
      const served = `CASE WHEN ${isThere} THEN r${n}.s${at} ELSE ${fallback} END`;
      const replayed = (is: string, value: string): string =>
        `CASE WHEN u${n}.vid IS NULL THEN ${served} WHEN u${n}.${is} THEN u${n}.${value} ELSE ${fallback} END`;
      return {
        served: passedSql(type, served),
        trained: passedSql(type, replayed('is_trained', `t${at}`)),
        available: passedSql(type, replayed('is_available', `a${at}`)),
      };
    },
  };
}

/** @param isBare  whether a feature that is used has no fallback */
export function computedSource(rows: ComputedRows, isBare: boolean, n: number): UsedSource {
  const fails = (is: string): string => (isBare ? `NOT c${n}.${is}` : 'false');
  return {
    join: `LEFT JOIN ${rows.table} c${n} ON c${n}.vid = v.vid`,
    states: [`WHEN c${n}.vid IS NULL THEN ${NOT_GIVEN}`, `WHEN c${n}.state <> ${ASKED} THEN c${n}.state`],
    unjudged: `coalesce(c${n}.unjudged, false)`,
    differs: `coalesce(c${n}.differs, false)`,
    decided: [`c${n}.cause`, `c${n}.causes`, `c${n}.run`, `c${n}.within_promise`],
    fails: { trained: fails('is_trained'), available: fails('is_available') },
    argument: ({ name, type, missing }) => {
      const at = rows.features.findIndex((one) => one.name === name);
      const fallback = sqlLiteral(type, missing);
      const given = (is: string, value: string): string =>
        passedSql(type, `CASE WHEN c${n}.${is} THEN c${n}.${value} ELSE ${fallback} END`);
      return {
        served: given('is_served', `s${at}`),
        trained: given('is_trained', `t${at}`),
        available: given('is_available', `a${at}`),
      };
    },
  };
}
