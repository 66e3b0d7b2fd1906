/**
 * The vectors of one bundle as one on-demand view computed them: SQL of what its function was given, as it was logged
 * and as it is replayed, and of what was logged of its outputs.
 *
 *   archive: inputs, outputs, status --+--> vid, who answered | state, why | what was decided of what it uses
 *   what it uses (used-source.ts) -----'    g0 ...: its arguments as served, t0 ...: as trained, a0 ...: as available
 *                                           o0 ...: its outputs
 */
import type {
  Bundle,
  Feature,
  FeatureService,
  OnDemandView,
  ServiceOnDemand,
  UsedView,
} from '../../contract/model.ts';
import { usedFeature } from '../../contract/on-demand/arguments.ts';
import { STATUSES, UNAVAILABLE } from '../../contract/status.ts';
import { duckTypeOf, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { passedSql } from '../../project/engine/duckdb/passed-values.ts';
import { UNDECODED_INPUTS, UNDECODED_OUTPUTS, inputColumn, statusColumn } from '../archive/computed-shape.ts';
import type { OtherEngine } from '../day/day-of-log.ts';
import { isSampled } from '../judged-rows/judged-columns.ts';
import { shownKeySql } from '../judge/replayed-vector.ts';
import type { ServedFiles } from '../replay/served-files.ts';
import { ASKED, IS_UNDECODED, NOT_ARCHIVED, OTHER_ENGINE, UNKNOWN_KEY } from './asked/asked-state.ts';
import type { ComputedRows } from './computed-rows.ts';
import { computedSource, rowsSource } from './used-source.ts';
import type { Argument, UsedSource } from './used-source.ts';
import type { UsedRows } from './used-rows.ts';

export interface ComputedBundle extends AskedVectors {
  readonly used: UsedRows;
  /** By role what on-demand views before it gave. */
  readonly others: ReadonlyMap<string, ComputedRows>;
}

/** The vectors of one bundle. */
interface AskedVectors {
  readonly files: ServedFiles;
  readonly bundle: Bundle;
  /** The service, the view as it uses it, and the view, as the bundle has them. */
  readonly service: FeatureService;
  readonly computed: ServiceOnDemand;
  readonly view: OnDemandView;
  /** The listed features of the view that are judged, with their full names by that bundle. */
  readonly outputs: readonly { readonly fullName: string; readonly feature: Feature }[];
  /** Starts of sidecars whose functions are not asked again. */
  readonly otherEngines: readonly Pick<OtherEngine, 'pod' | 'epoch'>[];
  /** The request keys of the service in force, in whose order the vectors have `key_0` ... */
  readonly keys: readonly { readonly name: string }[];
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
  'sampled',
  'state',
  'unavailable',
  'unjudged',
  'differs',
  'fails_trained',
  'fails_available',
] as const;

/**
 * @param sources  of `usedRoles`, in their order
 * @param every    one of so many vectors is wanted, chosen by a hash
 * @returns        SQL of the vectors, those of one entity one after the other
 */
export function computedVectorsSql(of: AskedVectors, sources: readonly UsedSource[], every = 1): string {
  const { files, bundle, service, computed, view, outputs, keys } = of;
  const roles = usedRoles(computed);
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
  const taken = view.uses.flatMap((uses, i) => {
    const source = sources[roles.indexOf(computed.uses[i]!)]!;
    return uses.features.map(({ feature }) => source.argument(usedFeature(uses, feature, bundle)));
  });
  const args = [...given, ...taken];
  const columns = [
    ...vectorColumns(of, sources),
    ...args.map(({ served }, i) => `${served} AS g${i}`),
    ...args.map(({ trained }, i) => `${trained} AS t${i}`),
    ...args.map(({ available }, i) => `${available} AS a${i}`),
    ...outputs.map(({ feature: { type } }, i) => `${passedSql(type, `v.w${3 + i}`)} AS o${i}`),
    ...sources.map(
      ({ decided: [cause, causes, run, within] }, n) =>
        `${cause} AS c${n}, coalesce(${causes}, '') AS all${n}, ${run} AS run${n}, coalesce(${within}, false) AS p${n}`,
    ),
  ];
  return `SELECT ${columns.join(', ')} FROM (${files.vectorsWith(wanted)}) v
    ${sources.map(({ join }) => join).join(' ')}
    WHERE v.bundle = ${quoteText(bundle.hash)}${every === 1 ? '' : ` AND hash(v.vid) % ${every} = 0`}
    ORDER BY entity, v.vid`;
}

/** @returns what it uses, each once, in the order in which a chunk has what was decided of it */
export function usedRoles({ uses }: ServiceOnDemand): string[] {
  return [...new Set(uses)];
}

/** @returns where what it uses is, as it was logged and as it is replayed; null: no vector of the day has rows of it */
export function usedSources(of: ComputedBundle): readonly UsedSource[] | null {
  const sources = usedRoles(of.computed).map((role, n) => sourceOf(of, role, n));
  return sources.every((source) => source !== null) ? sources : null;
}

function sourceOf(of: ComputedBundle, role: string, n: number): UsedSource | null {
  const { files, used, others, bundle, computed, view } = of;
  const uses = view.uses.filter((_, i) => computed.uses[i] === role);
  const rows = bundle.views.get(uses[0]!.view);
  if (rows !== undefined) return rowsSource({ files, used, role, view: rows }, n);
  return computedSource(others.get(role)!, isBare(uses, bundle), n);
}

/** Whether one of the features that are used has no fallback. */
export function isBare(uses: readonly UsedView[], bundle: Bundle): boolean {
  return uses.some((one) =>
    one.features.some(({ feature }) => usedFeature(one, feature, bundle).missing === null),
  );
}

/** In the order of VECTOR_COLUMNS. */
function vectorColumns(of: AskedVectors, sources: readonly UsedSource[]): string[] {
  const shown = of.keys.map((_, i) => `coalesce(${shownKeySql(i)}, '')`);
  const any = (sql: (source: UsedSource) => string): string =>
    sources.length === 0 ? 'false' : `(${sources.map(sql).join(' OR ')})`;
  return [
    'v.vid::DOUBLE AS vid, v.row_index::INTEGER AS row_index, v.served_us::DOUBLE AS served_us, v.pod AS pod',
    'v.surface::INTEGER AS surface, v.service_version::INTEGER AS service_version',
    // Where a request has no join keys each vector is an entity of its own.
    `${shown.length === 0 ? 'v.vid::VARCHAR' : `concat_ws(chr(31), ${shown.join(', ')})`} AS entity`,
    '(hash(v.request_id) >> 11)::DOUBLE AS request, (hash(v.request_id, v.row_index) >> 11)::DOUBLE AS hash',
    `${isSampled} AS sampled`,
    `${stateSql(of, sources)} AS state`,
    `coalesce(v.w0 = ${quoteText(STATUSES[UNAVAILABLE]!)}, false) AS unavailable`,
    `${any(({ unjudged }) => unjudged)} AS unjudged`,
    `${any(({ differs }) => differs)} AS differs`,
    `coalesce(${any(({ fails }) => fails.trained)}, false) AS fails_trained`,
    `coalesce(${any(({ fails }) => fails.available)}, false) AS fails_available`,
  ];
}

function stateSql(
  { service, view, keys, otherEngines }: AskedVectors,
  sources: readonly UsedSource[],
): string {
  const hashed = keys.flatMap(({ name }, key) => {
    const isTaken = [view.inputs, service.requestKeys].every((list) => list.some((one) => one.name === name));
    return isTaken ? [`(v.key_${key} IS NULL AND v.shown_${key} IS NOT NULL)`] : [];
  });
  const cases = [
    `WHEN v.w0 IS NULL THEN ${NOT_ARCHIVED}`,
    ...otherEngines.map(
      ({ pod, epoch }) =>
        `WHEN v.pod = ${quoteText(pod)} AND v.epoch = ${quoteText(epoch)} THEN ${OTHER_ENGINE}`,
    ),
    `WHEN v.w1 IS NOT NULL OR v.w2 IS NOT NULL THEN ${IS_UNDECODED}`,
    ...sources.flatMap(({ states }) => states),
    ...hashed.map((sql) => `WHEN ${sql} THEN ${UNKNOWN_KEY}`),
  ];
  return `CASE ${cases.join(' ')} ELSE ${ASKED} END`;
}
