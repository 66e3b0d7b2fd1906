/**
 * Sketches of what on-demand views gave on a day: one vector an entity, chosen by a hash of where the vector stands in
 * the log, as of stored features (served-sketches.ts). An entity is told by all keys of the request; where a service
 * has none each vector counts.
 *
 * UNAVAILABLE is no value. Left out are vectors of a bundle whose view has other features, or marks them.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { ServiceOnDemand } from '../../contract/model.ts';
import type { ColumnSketch } from '../../contract/sketch.ts';
import { PRESENT, STATUSES } from '../../contract/status.ts';
import { sketchColumns, sketchedColumn } from '../../project/engine/duckdb/column-sketches.ts';
import { duckTypeOf, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { UNDECODED_OUTPUTS, statusColumn } from '../archive/computed-shape.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { bundlesOf } from '../day/servers.ts';
import type { BundleBook } from '../judge/bundle-book.ts';
import { shownKeySql } from '../judge/replayed-vector.ts';
import type { SketchedFeature } from './served-sketches.ts';

const CHOSEN = 'drift_computed_chosen';
const SAMPLE = 'drift_computed';

/** @returns a sketch for each feature, by its full name */
export async function computedSketches(
  duck: DuckDb,
  { service, files, servers }: DayOfService,
  book: BundleBook,
  sketched: { readonly computed: ServiceOnDemand; readonly features: readonly SketchedFeature[] },
): Promise<Map<string, ColumnSketch>> {
  const { computed, features } = sketched;
  const bundles = bundlesOf(servers).filter((hash) => hasFeatures(book, hash, service.name, sketched));
  const vectors = files.vectorsWith([
    { name: statusColumn(computed.role), type: 'VARCHAR' },
    { name: UNDECODED_OUTPUTS, type: 'BLOB' },
    ...features.map(({ fullName, feature: { type } }) => ({ name: fullName, type: duckTypeOf(type) })),
  ]);
  const keys = service.requestKeys.map((_, i) => shownKeySql(i));
  const among = [
    `v.w0 = ${quoteText(STATUSES[PRESENT]!)} AND v.w1 IS NULL`,
    bundles.length === 0 ? 'false' : `v.bundle IN (${bundles.map(quoteText).join(', ')})`,
  ];
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${CHOSEN} AS
    SELECT arg_min(v.vid, {h: hash(v.epoch, v.sequence, v.row_index), vid: v.vid}) AS vid FROM (${vectors}) v
    WHERE ${among.join(' AND ')} GROUP BY ${keys.length === 0 ? 'v.vid' : keys.join(', ')}`);
  const values = features.map((_, i) => `w${2 + i} AS c${i}`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${SAMPLE} AS
    SELECT served_us, ${values.join(', ')} FROM (${vectors}) SEMI JOIN ${CHOSEN} USING (vid)`);
  const columns = features.map(({ fullName, feature, like }, i) => {
    const column = sketchedColumn(fullName, feature.type, `c${i}`, 'served_us');
    return like === null ? column : { ...column, like };
  });
  const sketches = await sketchColumns(duck, SAMPLE, columns);
  await duck.run(`DROP TABLE ${SAMPLE}`);
  return sketches;
}

/** Whether a bundle gives the same features under these names, in the log as they are. */
function hasFeatures(
  book: BundleBook,
  hash: string,
  service: string,
  { computed, features }: Parameters<typeof computedSketches>[3],
): boolean {
  const bundle = book.bundle(hash);
  const listed = bundle.services.get(service)?.features ?? [];
  return features.every(({ fullName, feature }) => {
    const own = listed.find((one) => one.fullName === fullName && one.role === computed.role);
    const then = bundle.onDemand.get(own?.view ?? '')?.features.find(({ name }) => name === own!.feature);
    return then !== undefined && isSameFeature(then, feature) && then.log === 'raw';
  });
}
