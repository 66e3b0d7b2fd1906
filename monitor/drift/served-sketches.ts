/**
 * Sketches of what a service's features were served as on a day: one vector an entity, chosen by a hash of where the
 * vector stands in the log, so that an entity that is asked for all day counts once.
 *
 * Values are those of the log after fallbacks, before a tensor rounds them: what training sets hold. UNAVAILABLE is no
 * value. Left out are vectors without the entity's key, those of a bundle whose view has other features, and features
 * that stay out of the log.
 */
import type { BundleBook } from '../judge/bundle-book.ts';
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Feature, FeatureView, ServiceView } from '../../contract/model.ts';
import { takenFrom, takenOf } from '../../contract/sketch.ts';
import type { ColumnSketch } from '../../contract/sketch.ts';
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { sketchColumns } from '../../project/engine/duckdb/column-sketches.ts';
import type { SketchLike } from '../../project/engine/duckdb/column-sketches.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { DayOfService } from '../day/day-tables.ts';

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

type SqlValue = Parameters<DuckDb['append']>[1][number][number];

const SAMPLE = 'drift_sample';
const CHOSEN = 'drift_chosen';
const PAGE_ROWS = 20_480;

/** @returns a sketch for each feature, by its full name */
export async function servedSketches(
  duck: DuckDb,
  day: DayOfService,
  book: BundleBook,
  sketched: SketchedView,
): Promise<Map<string, ColumnSketch>> {
  const columns = sketched.features.map(({ fullName, feature, like }, i) => {
    const column = { name: fullName, taken: takenOf(feature.type), sql: `c${i}`, present: `c${i}` };
    return like === null ? column : { ...column, like };
  });
  const types = columns.map(({ taken, sql }) => {
    return `${sql} ${taken === 'text' || taken === 'nothing' ? 'VARCHAR' : 'DOUBLE'}`;
  });
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SAMPLE} (${types.join(', ')})`);
  await choose(duck, day, book, sketched);
  for (let last = -1n; ;) {
    const rows = await duck.rows(
      `SELECT * FROM ${CHOSEN} WHERE vid > ${last} ORDER BY vid LIMIT ${PAGE_ROWS}`,
    );
    const taken = rows.map((row) => takenValues(row, book, sketched)).filter((values) => values !== null);
    if (taken.length > 0) await duck.append(SAMPLE, taken);
    if (rows.length < PAGE_ROWS) break;
    last = rows.at(-1)!['vid'] as bigint;
  }
  const sketches = await sketchColumns(duck, SAMPLE, columns);
  await duck.run(`DROP TABLE ${SAMPLE}; DROP TABLE ${CHOSEN}`);
  return sketches;
}

/** Lays the row of one vector of each entity into a table. */
async function choose(
  duck: DuckDb,
  { service, vectorTable, rowTable }: DayOfService,
  book: BundleBook,
  { used, view, features }: SketchedView,
): Promise<void> {
  const bundles = await duck.rows(`SELECT DISTINCT bundle FROM ${vectorTable}`);
  const alike = bundles
    .map(({ bundle }) => bundle as string)
    .filter((bundle) => {
      const then = book.servedView(bundle, view).features;
      return features.every(({ feature }) =>
        then.some((one) => isSameFeature(one, feature) && one.log === 'raw'),
      );
    });
  const keys = used.requestKeys.map(
    (name) => `v.key_${service.requestKeys.findIndex((key) => key.name === name)}`,
  );
  // The place in the log is hashed, so that no hour is preferred; the number decides between equal hashes.
  const place = `{h: md5_number_lower(concat_ws(' ', v.epoch, v.sequence, v.part, v.row_index)), vid: v.vid}`;
  const counts = [
    `r.role = ${quoteText(used.role)}`,
    `r.status <> ${UNAVAILABLE}`,
    `v.bundle IN (${['', ...alike].map(quoteText).join(', ')})`,
    ...keys.map((key) => `${key} IS NOT NULL`),
  ];
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${CHOSEN} AS SELECT v.vid, v.bundle, v.served_us, r.status, r.row
      FROM ${vectorTable} v JOIN ${rowTable} r ON r.vid = v.vid AND r.role = ${quoteText(used.role)}
      WHERE v.vid IN (SELECT arg_min(v.vid, ${place}) FROM ${vectorTable} v JOIN ${rowTable} r ON r.vid = v.vid
        WHERE ${counts.join(' AND ')} GROUP BY ${keys.join(', ')})`,
  );
}

/** @returns what the sketches take of a vector's values; null: its row cannot be read */
function takenValues(row: SqlRow, book: BundleBook, { view, features }: SketchedView): SqlValue[] | null {
  const hash = row['bundle'] as string;
  const servedView = book.servedView(hash, view);
  const stored = row['row'] as { readonly bytes: Uint8Array } | null;
  const isPresent = row['status'] === PRESENT && stored !== null;
  const values = isPresent ? book.rowValues(book.bundle(hash), servedView, Buffer.from(stored.bytes)) : null;
  if (isPresent && values === null) return null;
  const servedUs = Number(row['served_us']);
  return features.map(({ feature }) => {
    const at = servedView.features.findIndex((one) => isSameFeature(one, feature));
    // A row of other features than the view's lacks some: they were served as missing.
    const value = values?.[at] === undefined ? servedView.features[at]!.missing : values[at];
    return takenFrom(feature.type, value, servedUs);
  });
}
