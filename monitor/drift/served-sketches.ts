/**
 * Sketches of what a service's features were served as on a day: one vector an entity, chosen by a hash of where the
 * vector stands in the log, so that an entity that is asked for all day counts once.
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

/** A feature of the service that has a sketch. */
export interface SketchedFeature {
  readonly fullName: string;
  readonly feature: Feature;
  /** What its sketch takes from those that it will be compared with; null: nothing. */
  readonly like: SketchLike | null;
}

/** The features of one view, in its role. */
interface SketchedView {
  readonly used: ServiceView;
  readonly view: FeatureView;
  readonly features: readonly SketchedFeature[];
}

const CHOSEN = 'drift_chosen';
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
  { service, files }: DayOfService,
  book: BundleBook,
  { used, view, features }: SketchedView,
): Promise<string> {
  const nothing = features.map(({ feature }, i) => `NULL::${duckTypeOf(feature.type)} AS c${i}`);
  const none = `SELECT 0::BIGINT AS served_us, ${nothing.join(', ')} WHERE false`;
  const rows = files.rowsOf(
    used.role,
    features.map(({ fullName, feature: { name, type } }) => ({ name, type, columns: [fullName] })),
  );
  const readable = rows === null ? [] : await readableRows(duck, rows, book, { view, features });
  if (rows === null || readable.length === 0) return none;
  const bundles = [...new Set(readable.map(({ bundle }) => bundle))];
  const serviceOf = (bundle: string): FeatureService => book.servedService(bundle, service);
  const entity = book.current.entities.get(view.entity)!;
  const role = { used, entity, requestKeys: service.requestKeys, serviceOf };
  const { keys, withKeys } = roleKeys(role, bundles);
  const only = [...keys.map((key) => `${key} IS NOT NULL`), `status <> ${UNAVAILABLE}`];
  // The place in the log is hashed, so that no hour is preferred; the number decides between equal hashes.
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${CHOSEN} AS
    SELECT arg_min(vid, {h: hash(epoch, sequence, row_index), vid: vid}) AS vid FROM (${withKeys(rows)})
    WHERE bundle IN (${bundles.map(quoteText).join(', ')})
      AND ${only.join(' AND ')} GROUP BY ${keys.join(', ')}`);
  return readable
    .map(({ where, values }) => {
      const columns = values.map((value, i) => `${value} AS c${i}`);
      return `SELECT served_us, ${columns.join(', ')} FROM (${rows}) SEMI JOIN ${CHOSEN} USING (vid) WHERE ${where}`;
    })
    .join(' UNION ALL ');
}

/** Rows of one bundle and definition, and the SQL of their values: one that a row lacks was served as missing. */
interface ReadableRows {
  readonly bundle: string;
  readonly where: string;
  readonly values: readonly string[];
}

/** @returns those of the bundles whose view has the same features, in the log as they are, that can be read */
async function readableRows(
  duck: DuckDb,
  rows: string,
  book: BundleBook,
  { view, features }: Pick<SketchedView, 'view' | 'features'>,
): Promise<ReadableRows[]> {
  const kinds =
    await duck.rows(`SELECT DISTINCT bundle, CASE WHEN status = ${PRESENT} THEN definition_id END AS id
    FROM (${rows}) WHERE status <> ${PRESENT} OR is_decoded ORDER BY ALL`);
  return kinds.flatMap((kind): ReadableRows[] => {
    const bundle = kind['bundle'] as string;
    const id = kind['id'] as number | null;
    const then = book.servedView(bundle, view);
    const own = features.map(({ feature }) => then.features.findIndex((one) => isSameFeature(one, feature)));
    if (own.some((at) => at === -1 || then.features[at]!.log !== 'raw')) return [];
    const has = id === null ? null : book.rowFeatures(book.bundle(bundle), then, id);
    if (id !== null && has === null) return [];
    const values = own.map((at, i) =>
      has?.[at] === true ? `s${i}` : sqlLiteral(then.features[at]!.type, then.features[at]!.missing),
    );
    const state =
      id === null ? `status <> ${PRESENT}` : `status = ${PRESENT} AND is_decoded AND definition_id = ${id}`;
    return [{ bundle, where: `bundle = ${quoteText(bundle)} AND ${state}`, values }];
  });
}
