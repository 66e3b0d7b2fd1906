/**
 * The vectors of one bundle as one on-demand view computed them: SQL of what its function was given, as it was logged
 * and as it is replayed, and of what was logged of its outputs.
 *
 *   archive: inputs, outputs, status --+
 *   archive: rows of the used roles  --+--> vid, who answered | state, why | what was decided of the used rows
 *   used_rows_{role} (used-rows.ts)  --'    g0 ...: its arguments as served, t0 ...: as trained, a0 ...: as available
 *                                           o0 ...: its outputs
 */
import { restColumn } from '../archive/archive-shape.ts';
import { UNDECODED_INPUTS, UNDECODED_OUTPUTS, inputColumn, statusColumn } from '../archive/computed-shape.ts';
import type { Bundle, Feature, FeatureService, OnDemandView, ServiceOnDemand } from '../../contract/model.ts';
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { PRESENT, STATUSES, UNAVAILABLE } from '../../contract/status.ts';
import { duckTypeOf, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { passedSql } from '../../project/engine/duckdb/passed-values.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { ROW_OUTCOMES } from '../judged-rows/row-verdicts.ts';
import { shownKeySql } from '../judge/replayed-vector.ts';
import type { ServedFiles } from '../replay/served-files.ts';
import type { UsedRows } from './used-rows.ts';

/** What can be asked of a vector, in column `state`. */
export const ASKED = 0;
export const IS_UNAVAILABLE = 1;
/** Its inputs, its outputs or a row that it uses cannot be read. */
export const IS_UNDECODED = 2;
/** A row that it uses is of another definition than the bundle's, so that it is not known which features it has. */
export const OTHER_DEFINITION = 3;
/** A join key that it takes is logged as an HMAC, and nobody knows whose it is. */
export const UNKNOWN_KEY = 4;
/** Nothing of the view is in the archive, which was written by an ingest that did not know on-demand views. */
export const NOT_ARCHIVED = 5;

export interface ComputedBundle {
  readonly files: ServedFiles;
  readonly used: UsedRows;
  readonly bundle: Bundle;
  /** The service, the view as it uses it, and the view, as the bundle has them. */
  readonly service: FeatureService;
  readonly computed: ServiceOnDemand;
  readonly view: OnDemandView;
  /** The listed features of the view that are judged, with their full names by that bundle. */
  readonly outputs: readonly { readonly fullName: string; readonly feature: Feature }[];
  /** The request keys of the service in force, in whose order the vectors have `key_0` ... */
  readonly keys: readonly { readonly name: string }[];
}

/** An argument of the function: SQL as it was served, as trained, as available. */
interface Argument {
  readonly served: string;
  readonly trained: string;
  readonly available: string;
}

/** Columns before the arguments, in the order of the SELECT. */
export const VECTOR_COLUMNS = [
  'vid',
  'row_index',
  'served_us',
  'pod',
  'surface',
  'service_version',
  'entity',
  'request',
  'hash',
  'state',
  'unjudged',
  'differs',
] as const;

/** @returns SQL of the vectors, those of one entity one after the other; null: no vector of the day has rows it uses */
export function computedVectorsSql(of: ComputedBundle): string | null {
  const { files, bundle, service, computed, view, outputs, keys } = of;
  const roles = [...new Set(computed.uses)];
  const rows = roles.map((role) => files.rowsOf(role, servedFeatures(of, role)));
  if (rows.includes(null)) return null;
  const isKey = (name: string): boolean => service.requestKeys.some((key) => key.name === name);
  const inputs = view.inputs.filter(({ name, requestTime }) => !requestTime && !isKey(name));
  const wanted = [
    { name: statusColumn(computed.role), type: 'VARCHAR' },
    { name: UNDECODED_INPUTS, type: 'BLOB' },
    { name: UNDECODED_OUTPUTS, type: 'BLOB' },
    ...outputs.map(({ fullName, feature }) => ({ name: fullName, type: duckTypeOf(feature.type) })),
    ...inputs.map(({ name, type }) => ({ name: inputColumn(name), type: duckTypeOf(type) })),
  ];
  const firstInput = 3 + outputs.length;
  const given = view.inputs.map((input): Argument => {
    const own = input.requestTime
      ? 'make_timestamp(v.served_us)'
      : isKey(input.name)
        ? `v.key_${keys.findIndex(({ name }) => name === input.name)}`
        : `v.w${firstInput + inputs.indexOf(input)}`;
    const sql = passedSql(input.type, own);
    return { served: sql, trained: sql, available: sql };
  });
  const taken = view.uses.flatMap((uses, i) =>
    uses.features.map(({ feature }) =>
      takenSql(of, computed.uses[i]!, usedFeature(uses, feature, bundle), roles),
    ),
  );
  const args = [...given, ...taken];
  const shown = keys.map((_, i) => `coalesce(${shownKeySql(i)}, '')`);
  const columns = [
    'v.vid::DOUBLE AS vid, v.row_index::INTEGER AS row_index, v.served_us::DOUBLE AS served_us, v.pod',
    'v.surface::INTEGER AS surface, v.service_version::INTEGER AS service_version',
    `${shown.length === 0 ? "''" : `concat_ws(chr(31), ${shown.join(', ')})`} AS entity`,
    '(hash(v.request_id) >> 11)::DOUBLE AS request, (hash(v.request_id, v.row_index) >> 11)::DOUBLE AS hash',
    `${stateSql(of, roles)} AS state`,
    `${anyOf(roles, (r) => `coalesce(u${r}.outcome IN (${UNJUDGED.join(', ')}), false)`)} AS unjudged`,
    `${anyOf(roles, (r) => `u${r}.vid IS NOT NULL`)} AS differs`,
    ...args.map(({ served }, i) => `${served} AS g${i}`),
    ...args.map(({ trained }, i) => `${trained} AS t${i}`),
    ...args.map(({ available }, i) => `${available} AS a${i}`),
    ...outputs.map(({ feature: { type } }, i) => `${passedSql(type, `v.w${3 + i}`)} AS o${i}`),
    ...roles.map(
      // What stands in for a row that could not be had differs from the row for that reason.
      (_, r) => `CASE WHEN u${r}.outcome = ${LOST} THEN 'unavailable' ELSE u${r}.cause END AS c${r},
        coalesce(u${r}.causes, '') AS all${r}, u${r}.run AS run${r}, coalesce(u${r}.within_promise, false) AS p${r}`,
    ),
  ];
  const joins = roles.map(
    (role, r) =>
      `LEFT JOIN (${rows[r]!}) r${r} ON r${r}.vid = v.vid LEFT JOIN ${of.used.tableOf(role)} u${r} ON u${r}.vid = v.vid`,
  );
  return `SELECT ${columns.join(', ')} FROM (${files.vectorsWith(wanted)}) v ${joins.join(' ')}
    WHERE v.bundle = ${quoteText(bundle.hash)} ORDER BY entity, v.vid`;
}

const UNJUDGED = (['unjudged', 'undecoded'] as const).map((outcome) => ROW_OUTCOMES.indexOf(outcome));

const LOST = ROW_OUTCOMES.indexOf('unavailable');

function anyOf(roles: readonly string[], sql: (role: number) => string): string {
  return roles.length === 0 ? 'false' : `(${roles.map((_, r) => sql(r)).join(' OR ')})`;
}

/** What the role's rows are read with: the features that are used of it, today's, s0 ... in their order. */
function servedFeatures({ used }: ComputedBundle, role: string) {
  return used.featuresOf(role).map(({ name, type }) => {
    return { name, type, columns: [restColumn(role, name), `${role}__${name}`] };
  });
}

/** A feature of a stored row: its fallback stands in where there is no row to give. */
function takenSql(
  { used }: ComputedBundle,
  role: string,
  { name, type, missing }: Feature,
  roles: readonly string[],
): Argument {
  const r = roles.indexOf(role);
  const at = used.featuresOf(role).findIndex((one) => one.name === name);
  const fallback = sqlLiteral(type, missing);
  const served = `CASE WHEN r${r}.status = ${PRESENT} THEN r${r}.s${at} ELSE ${fallback} END`;
  const replayed = (is: string, value: string): string =>
    `CASE WHEN u${r}.vid IS NULL THEN ${served} WHEN u${r}.${is} THEN u${r}.${value} ELSE ${fallback} END`;
  return {
    served: passedSql(type, served),
    trained: passedSql(type, replayed('is_trained', `t${at}`)),
    available: passedSql(type, replayed('is_available', `a${at}`)),
  };
}

function stateSql(
  { bundle, service, computed, view, keys }: ComputedBundle,
  roles: readonly string[],
): string {
  const hashed = keys.flatMap(({ name }, key) => {
    const isTaken = [view.inputs, service.requestKeys].every((list) => list.some((one) => one.name === name));
    return isTaken ? [`(v.key_${key} IS NULL AND v.shown_${key} IS NOT NULL)`] : [];
  });
  const unread = [
    'v.w1 IS NOT NULL',
    'v.w2 IS NOT NULL',
    ...roles.map((_, r) => `r${r}.vid IS NULL OR (r${r}.status = ${PRESENT} AND NOT r${r}.is_decoded)`),
  ];
  const others = roles.map((role, r) => {
    const { view: id } = view.uses[computed.uses.indexOf(role)]!;
    return `(r${r}.status = ${PRESENT} AND r${r}.definition_id <> ${bundle.views.get(id)!.definitionId})`;
  });
  const cases = [
    `WHEN v.w0 IS NULL THEN ${NOT_ARCHIVED}`,
    `WHEN v.w0 = ${quoteText(STATUSES[UNAVAILABLE]!)} THEN ${IS_UNAVAILABLE}`,
    `WHEN ${unread.join(' OR ')} THEN ${IS_UNDECODED}`,
    ...others.map((sql) => `WHEN ${sql} THEN ${OTHER_DEFINITION}`),
    ...hashed.map((sql) => `WHEN ${sql} THEN ${UNKNOWN_KEY}`),
  ];
  return `CASE ${cases.join(' ')} ELSE ${ASKED} END`;
}
