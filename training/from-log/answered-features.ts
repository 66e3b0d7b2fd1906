/**
 * The features of the vectors that labels have met, as they were answered: after fallbacks, with what became of each.
 *
 *   MET + archive -> ANSWERED: rid, served_us | v0 s0 | v1 s1 | ...      a value and a state a feature, a row a label
 *
 * A value is what the row held where it was PRESENT, and the fallback of the vector's own bundle where there was no row
 * to give. Where a service version lacks a feature, and where no vector was found, it is null.
 */
import type { Bundle, FeatureService, ServiceFeature } from '../../contract/model.ts';
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, STATUSES, UNAVAILABLE } from '../../contract/status.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { formatType } from '../../contract/value-type.ts';
import { duckTypeOf, quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import type { JoinedColumn, JoinedFeatures } from '../training-output.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';
import { MET } from './met-vectors.ts';
import { LACKING, LOG_STATES, NO_VECTOR, UNDECODED } from './served-bundles.ts';
import type { ServedBundles } from './served-bundles.ts';
import {
  FILE_OF_VID,
  UNDECODED_OUTPUTS,
  computedStatusColumn,
  servedField,
  viewColumn,
} from './served-folder.ts';
import type { ServedFolder } from './served-folder.ts';

const ANSWERED = 'answered_features';

/** What some of the met vectors of a folder have in common. */
interface ServedUnder {
  readonly folder: ServedFolder;
  readonly bundle: string;
  /** Definition ids of their rows, by role; those that no vector had a row of are not in it. */
  readonly definitions: ReadonlyMap<string, readonly number[]>;
  readonly lastUs: number;
}

/** A feature that the set gets. */
export interface AnsweredFeature extends ServiceFeature {
  readonly type: ValueType;
}

/** The vectors that were met, and by what they are read. */
export interface AnsweredVectors {
  readonly duck: DuckDb;
  readonly folders: readonly ServedFolder[];
  /** Numbers of the files that have some of them. */
  readonly files: readonly number[];
  readonly under: readonly ServedUnder[];
  readonly bundles: ServedBundles;
}

/** @returns the numbers of the files that have a vector of MET */
export async function metFiles(duck: DuckDb): Promise<number[]> {
  const rows = await duck.rows(`SELECT DISTINCT (${FILE_OF_VID})::DOUBLE AS n FROM ${MET} ORDER BY n`);
  return rows.map(({ n }) => n as number);
}

/** @returns the bundles and row definitions of the met vectors, folder by folder */
export async function servedUnder(
  duck: DuckDb,
  folders: readonly ServedFolder[],
  files: readonly number[],
  roles: readonly string[],
): Promise<ServedUnder[]> {
  const found: ServedUnder[] = [];
  for (const folder of folders) {
    const own = roles.filter((role) => folder.has(viewColumn(role)));
    const ids = own.map(
      (role, i) =>
        `CASE WHEN ${servedField(role, 'status')} = 'PRESENT' THEN ${servedField(role, 'definition_id')} END AS d${i}`,
    );
    const from = folder.selectFrom(files, ['_bundle', ...ids]);
    if (from === null) continue;
    const lists = own.map((_, i) => `list(DISTINCT d${i}) FILTER (d${i} IS NOT NULL)::VARCHAR AS l${i}`);
    const rows = await folder.reading(duck, () =>
      duck.rows(`SELECT ${['_bundle', ...lists, 'max(m.served_us)::DOUBLE AS last'].join(', ')}
        FROM (${from}) a JOIN ${MET} m USING (vid) GROUP BY _bundle ORDER BY _bundle`),
    );
    for (const row of rows) {
      const definitions = own.map((role, i) => {
        const text = (row[`l${i}`] as string | null) ?? '[]';
        return [role, (JSON.parse(text) as number[]).toSorted((a, b) => a - b)] as const;
      });
      found.push({
        folder,
        bundle: row['_bundle'] as string,
        definitions: new Map(definitions),
        lastUs: row['last'] as number,
      });
    }
  }
  return found;
}

/** Makes ANSWERED. @returns its columns, as they are written */
export async function answeredFeatures(
  vectors: AnsweredVectors,
  features: readonly AnsweredFeature[],
): Promise<JoinedFeatures> {
  const { duck, folders, files } = vectors;
  const columns = features.flatMap(({ type }, i) => [`v${i} ${duckTypeOf(type)}`, `s${i} UTINYINT`]);
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${ANSWERED} (${['rid BIGINT', 'served_us BIGINT', ...columns].join(', ')})`,
  );
  const names = features.flatMap((_, i) => [`v${i}`, `s${i}`]);
  for (const folder of folders) {
    const roles = [...new Set(features.map(({ role }) => role))].filter((role) =>
      folder.has(viewColumn(role)),
    );
    const given = features.map((feature, i) =>
      givenOf(vectors, folder, feature, { value: `f${i}`, row: `r${roles.indexOf(feature.role)}` }),
    );
    const from = folder.selectFrom(files, [
      '_bundle',
      ...roles.map((role, i) => `${quoteName(viewColumn(role))} AS r${i}`),
      ...given.flatMap(({ reads }) => reads),
    ]);
    if (from === null) continue;
    const states = given.map(({ state }, i) => `${state} AS s${i}`);
    const values = given.map(({ value }, i) => `${value(`s${i}`)} AS v${i}`);
    await folder.reading(duck, () =>
      duck.run(`INSERT INTO ${ANSWERED} SELECT ${['rid', 'served_us', ...names].join(', ')}
        FROM (SELECT *, ${values.join(', ')} FROM (SELECT *, ${states.join(', ')}
          FROM (${from}) a JOIN ${MET} m USING (vid)))`),
    );
  }
  const none = features.map(() => `NULL, ${NO_VECTOR}`);
  await duck.run(`INSERT INTO ${ANSWERED} SELECT ${['rid', 'NULL', ...none].join(', ')} FROM ${LABEL_KEYS}
    ANTI JOIN ${MET} USING (rid)`);
  return {
    from: ANSWERED,
    rid: 'rid',
    columns: features.map(({ fullName: name, type }, i) => ({ name, type, table: ANSWERED, sql: `v${i}` })),
    askedUs: 'served_us',
  };
}

/** @returns a column a feature that says what became of it; null where it was not answered */
export function statusColumns(features: readonly AnsweredFeature[]): JoinedColumn[] {
  const texts = LOG_STATES.map((state) => (state === null ? 'NULL' : quoteText(state)));
  return features.map(({ fullName }, i) => ({
    name: statusColumn(fullName),
    type: { kind: 'string' },
    table: ANSWERED,
    sql: `([${texts.join(', ')}]::VARCHAR[])[s${i} + 1]`,
  }));
}

function statusColumn(fullName: string): string {
  return `_status__${fullName}`;
}

/** @returns for each feature how many labels are in each of LOG_STATES */
export async function countStates(duck: DuckDb, features: readonly AnsweredFeature[]): Promise<number[][]> {
  if (features.length === 0) return [];
  const counts = features.flatMap((_, i) =>
    LOG_STATES.map((_state, code) => `count_if(s${i} = ${code})::DOUBLE AS n${i}_${code}`),
  );
  const [row] = await duck.rows(`SELECT ${counts.join(', ')} FROM ${ANSWERED}`);
  return features.map((_, i) => LOG_STATES.map((_state, code) => row![`n${i}_${code}`] as number));
}

interface GivenFeature {
  /** What is read for it of the archive. */
  readonly reads: readonly string[];
  /** SQL of one of LOG_STATES. */
  readonly state: string;
  /** SQL of the value, by the SQL of its state. */
  value(state: string): string;
}

/**
 * @param value  what its value is called
 * @param row    what the struct of its view's row is called
 */
function givenOf(
  vectors: AnsweredVectors,
  folder: ServedFolder,
  feature: AnsweredFeature,
  { value, row }: { readonly value: string; readonly row: string },
): GivenFeature {
  const { fullName, role, type } = feature;
  const own = vectors.under.filter((one) => one.folder === folder);
  const isComputed = folder.has(computedStatusColumn(role));
  if ((!isComputed && !folder.has(viewColumn(role))) || !folder.hasOfType(fullName, type))
    return { reads: [], state: String(LACKING), value: () => `NULL::${duckTypeOf(type)}` };
  if (isComputed) return computedOf(feature, value, fallbackSql(own, vectors.bundles, feature));
  const without = withoutSql(own, vectors.bundles, feature, row);
  const absent = [MISSING, OUTSIDE_TTL, UNAVAILABLE];
  const state = [
    `CASE WHEN ${row}.status IS NULL THEN ${LACKING}`,
    ...absent.map((code) => `WHEN ${row}.status = ${quoteText(STATUSES[code]!)} THEN ${code}`),
    `WHEN ${row}.undecoded IS NOT NULL THEN ${UNDECODED}`,
    ...(without === null ? [] : [`WHEN ${without} THEN ${MISSING}`]),
    `WHEN ${value} IS NULL THEN ${NULL} ELSE ${PRESENT} END`,
  ];
  const fallback = fallbackSql(own, vectors.bundles, feature);
  return {
    reads: [`${quoteName(fullName)} AS ${value}`],
    state: state.join(' '),
    value: (code) =>
      `CASE WHEN ${code} = ${PRESENT} THEN ${value} WHEN ${code} IN (${absent.join(', ')}) THEN ${fallback} END`,
  };
}

/** A feature that was computed on demand: it has the status of its view. */
function computedOf({ fullName, role }: AnsweredFeature, value: string, fallback: string): GivenFeature {
  const [status, lost] = [`${value}_status`, `${value}_lost`];
  return {
    reads: [
      `${quoteName(fullName)} AS ${value}`,
      `${quoteName(computedStatusColumn(role))} AS ${status}`,
      `${UNDECODED_OUTPUTS} IS NOT NULL AS ${lost}`,
    ],
    state: `CASE WHEN ${status} IS NULL THEN ${LACKING}
      WHEN ${status} = ${quoteText(STATUSES[UNAVAILABLE]!)} THEN ${UNAVAILABLE}
      WHEN ${lost} THEN ${UNDECODED} WHEN ${value} IS NULL THEN ${NULL} ELSE ${PRESENT} END`,
    value: (code) =>
      `CASE WHEN ${code} = ${PRESENT} THEN ${value} WHEN ${code} = ${UNAVAILABLE} THEN ${fallback} END`,
  };
}

/** @returns SQL that tells rows of definitions that have not the feature; null: all have it */
function withoutSql(
  under: readonly ServedUnder[],
  bundles: ServedBundles,
  { role, feature }: ServiceFeature,
  row: string,
): string | null {
  const parts = under.flatMap(({ bundle, definitions }) => {
    const ids = (definitions.get(role) ?? []).filter((id) => !bundles.hasFeature(bundle, role, feature, id));
    const of = `_bundle = ${quoteText(bundle)} AND ${row}.definition_id`;
    return ids.length === 0 ? [] : [`${of} IN (${ids.join(', ')})`];
  });
  return parts.length === 0 ? null : `(${parts.join(' OR ')})`;
}

/** @returns SQL of the fallback, which may be another one in another bundle */
function fallbackSql(
  under: readonly ServedUnder[],
  bundles: ServedBundles,
  { role, feature, type }: AnsweredFeature,
): string {
  const byLiteral = Map.groupBy(under, ({ bundle }) => {
    const defined = bundles.feature(bundle, role, feature);
    const missing: Value =
      defined !== null && formatType(defined.type) === formatType(type) ? defined.missing : null;
    return sqlLiteral(type, missing);
  });
  const literals = [...byLiteral];
  if (literals.length === 1) return literals[0]![0];
  const cases = literals.map(
    ([literal, own]) =>
      `WHEN _bundle IN (${own.map(({ bundle }) => quoteText(bundle)).join(', ')}) THEN ${literal}`,
  );
  return literals.length === 0 ? `NULL::${duckTypeOf(type)}` : `CASE ${cases.join(' ')} END`;
}

/** The newest service version among the vectors, as the bundle of its last vector has it. */
export function newestService(
  under: readonly ServedUnder[],
  bundles: ServedBundles,
  name: string,
): { readonly version: number; readonly found: { bundle: Bundle; service: FeatureService } | null } | null {
  if (under.length === 0) return null;
  const version = Math.max(...under.map(({ folder }) => folder.version));
  const own = under
    .filter(({ folder }) => folder.version === version)
    .toSorted((a, b) => b.lastUs - a.lastUs);
  for (const { bundle: hash } of own) {
    const bundle = bundles.kept(hash);
    const service = bundle?.services.get(name);
    if (bundle !== null && service !== undefined) return { version, found: { bundle, service } };
  }
  return { version, found: null };
}
