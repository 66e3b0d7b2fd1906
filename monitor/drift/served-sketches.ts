/**
 * Sketches of what a service's features were served as on a day: one vector an entity (chosen-vectors.ts), so that an
 * entity that is asked for all day counts once.
 *
 * Values are those of the log after fallbacks, before a tensor rounds them: what training sets hold. UNAVAILABLE is no
 * value. An entity is told by the keys that its role had when it was asked for. Left out are vectors without them,
 * those of a bundle whose view has other features, and features that stay out of the log.
 */
import type { BundleBook } from '../judge/bundle-book.ts';
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Feature, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import type { ColumnSketch } from '../../contract/sketch.ts';
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { sketchColumns, sketchedColumn } from '../../project/engine/duckdb/column-sketches.ts';
import type { SketchLike } from '../../project/engine/duckdb/column-sketches.ts';
import { duckTypeOf, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { roleKeys } from '../replay/role-keys.ts';
import { CHOSEN } from './chosen-vectors.ts';
import type { ChosenVectors } from './chosen-vectors.ts';
import { laidSample, ofReadable, valuesSql } from './laid-sample.ts';
import type { ReadableRows } from './laid-sample.ts';

/** A feature of the service that has a sketch. */
export interface SketchedFeature {
  readonly fullName: string;
  readonly feature: Feature;
  /** Its place among what the service takes from the role. */
  readonly place: number;
  /** What its sketch takes from those that it will be compared with; null: nothing. */
  readonly like: SketchLike | null;
}

/** The features of one view, in its role. */
interface SketchedView {
  readonly used: ServiceView;
  readonly view: FeatureView;
  readonly features: readonly SketchedFeature[];
  /** Shared by the roles of the service. */
  readonly chosen: ChosenVectors;
  /** Whether the tables of the role's replay are there: else the archive is read. */
  readonly isLaid: boolean;
}

const SAMPLE = 'drift_sample';

/** @returns a sketch for each feature, by its full name */
export async function servedSketches(
  duck: DuckDb,
  day: DayOfService,
  book: BundleBook,
  sketched: SketchedView,
): Promise<Map<string, ColumnSketch>> {
  const { features } = sketched;
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SAMPLE} AS ${await sampleSql(duck, day, book, sketched)}`);
  const columns = features.map(({ fullName, feature, like }, i) => {
    const column = sketchedColumn(fullName, feature.type, `c${i}`, 'served_us');
    return like === null ? column : { ...column, like };
  });
  const sketches = await sketchColumns(duck, SAMPLE, columns);
  await duck.run(`DROP TABLE ${SAMPLE}`);
  return sketches;
}

/** @returns a SELECT of served_us and the values c0 ... of one vector of each entity */
async function sampleSql(
  duck: DuckDb,
  { service, files, servers }: DayOfService,
  book: BundleBook,
  { used, view, features, chosen, isLaid }: SketchedView,
): Promise<string> {
  const nothing = features.map(({ feature }, i) => `NULL::${duckTypeOf(feature.type)} AS c${i}`);
  const none = `SELECT 0::BIGINT AS served_us, ${nothing.join(', ')} WHERE false`;
  const rows = files.rowsOf(
    used.role,
    features.map(({ fullName, feature: { name, type } }) => ({ name, type, columns: [fullName] })),
  );
  if (rows === null) return none;
  const kinds = await rowKindsOf(duck, rows);
  const readable = readableRows(kinds, book, { view, features });
  if (readable.length === 0) return none;
  const bundles = [...new Set(readable.map(({ bundle }) => bundle))];
  const serviceOf = (bundle: string): FeatureService => book.servedService(bundle, service);
  const entity = book.current.entities.get(view.entity)!;
  const role = { used, entity, requestKeys: service.requestKeys, serviceOf };
  const { keys, withKeys } = roleKeys(role, bundles);
  const ofBundles = `bundle IN (${bundles.map(quoteText).join(', ')})`;
  const answered = kinds.filter((kind) => bundles.includes(kind.bundle) && !kind.isUnavailable);
  const there = servers.filter(({ bundle }) => bundles.includes(bundle));
  // Where each vector has a row, the choice is that of all roles with these keys.
  if (vectorsOf(answered) === vectorsOf(there)) await chosen.choose(withKeys(files.vectors), keys, ofBundles);
  else await chosen.choose(withKeys(rows), keys, `${ofBundles} AND status <> ${UNAVAILABLE}`);
  const definedBy = (bundle: string): number => book.servedView(bundle, view).definitionId;
  const selects = isLaid
    ? await laidSample(duck, readable, features, definedBy)
    : readable.map(
        (one) => `SELECT served_us, ${valuesSql(one, (i) => `s${i}`)} FROM (${rows})
          SEMI JOIN (SELECT vid FROM ${CHOSEN}) c USING (vid)
          WHERE ${ofReadable(one)}`,
      );
  return selects.join(' UNION ALL ');
}

/** Rows of one bundle that are read alike. */
interface KindOfRows {
  readonly bundle: string;
  /** The definition that wrote them; null: none was given out. */
  readonly id: number | null;
  readonly isReadable: boolean;
  readonly isUnavailable: boolean;
  readonly vectors: number;
}

async function rowKindsOf(duck: DuckDb, rows: string): Promise<KindOfRows[]> {
  const kinds = await duck.rows(`SELECT bundle, CASE WHEN status = ${PRESENT} THEN definition_id END AS id,
      status <> ${PRESENT} OR is_decoded AS is_readable, status = ${UNAVAILABLE} AS is_unavailable, count(*)::DOUBLE AS n
    FROM (${rows}) GROUP BY ALL ORDER BY ALL`);
  return kinds.map((kind) => ({
    bundle: kind['bundle'] as string,
    id: kind['id'] as number | null,
    isReadable: kind['is_readable'] === true,
    isUnavailable: kind['is_unavailable'] === true,
    vectors: kind['n'] as number,
  }));
}

function vectorsOf(parts: readonly { readonly vectors: number }[]): number {
  return parts.reduce((sum, { vectors }) => sum + vectors, 0);
}

/** @returns those of the bundles whose view has the same features, in the log as they are, that can be read */
function readableRows(
  kinds: readonly KindOfRows[],
  book: BundleBook,
  { view, features }: Pick<SketchedView, 'view' | 'features'>,
): ReadableRows[] {
  const names = new Map(
    kinds.flatMap(({ bundle, id, isReadable }) => (isReadable ? [[`${bundle} ${id}`, { bundle, id }]] : [])),
  );
  return [...names.values()].flatMap(({ bundle, id }): ReadableRows[] => {
    const then = book.servedView(bundle, view);
    const own = features.map(({ feature }) => then.features.findIndex((one) => isSameFeature(one, feature)));
    if (own.some((at) => at === -1 || then.features[at]!.log !== 'raw')) return [];
    const has = id === null ? null : book.rowFeatures(book.bundle(bundle), then, id);
    if (id !== null && has === null) return [];
    // One that a row lacks was served as missing.
    const values: ReadableRows['values'] = (column) =>
      own.map((at, i) => {
        const { type, missing } = then.features[at]!;
        return has?.[at] === true ? column(i) : sqlLiteral(type, missing);
      });
    return [{ bundle, id, values }];
  });
}
