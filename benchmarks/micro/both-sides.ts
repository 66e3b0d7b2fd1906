/**
 * What a service was served as on an ingested day, beside what training sees of the same entities at the same times: a
 * file for contenders/evidently_drift.py. The served values come of the archive, the others of `plumb train`.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/both-sides.ts PROJECT SERVICE DATE BOTH.parquet
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { isNumeric } from '../../contract/value-type.ts';
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quoteFilesIn, quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { openProject } from '../../project/project.ts';
import { ROOT } from '../harness/contender.ts';
import { measuredRun } from '../harness/measured-run.ts';
import { print } from '../harness/report.ts';

const [project, name, date, both] = process.argv.slice(2) as [string, string, string, string];
const logger = { info() {}, warn: print, progress() {} };
const { settings } = openProject(project, logger, {});
const bundle = loadCurrentBundle(settings.bundles);
const service = bundle.services.get(name)!;
const features = service.features.flatMap(({ fullName, view, feature }) => {
  const found = bundle.views.get(view)!.features.find((one) => one.name === feature)!;
  return isNumeric(found.type) ? [fullName] : [];
});
const keys = service.requestKeys.map((key) => quoteName(key.name)).join(', ');
const folder = mkdtempSync(join(tmpdir(), 'plumb-both-'));
const duck = await DuckDb.open({ threads: 2 });
try {
  const [labels, trained] = [join(folder, 'labels.parquet'), join(folder, 'trained.parquet')];
  const files = quoteFilesIn(join(settings.served, name), `v*/date=${date}/hour=*/*.parquet`);
  await duck.run(`CREATE TABLE served AS SELECT row_number() OVER () AS n, *
      FROM read_parquet(${files}, union_by_name = true, hive_partitioning = false);
    COPY (SELECT n, _served_time AS event_timestamp, ${keys} FROM served ORDER BY n) TO ${quoteTarget(labels)} (FORMAT parquet)`);
  await measuredRun(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    join(ROOT, 'plumb.ts'),
    '-C',
    resolve(project),
    'train',
    '--labels',
    labels,
    '--service',
    name,
    '--out',
    trained,
  ]);
  const columns = features.flatMap((feature) => [
    `s.${quoteName(feature)} AS ${quoteName(`served__${feature}`)}`,
    `t.${quoteName(feature)} AS ${quoteName(`replayed__${feature}`)}`,
  ]);
  await duck.run(`COPY (SELECT ${columns.join(', ')} FROM served s JOIN read_parquet(${quotePaths([trained])}) t USING (n)
    ORDER BY n) TO ${quoteTarget(both)} (FORMAT parquet)`);
  print(features.join(' '));
} finally {
  duck.close();
  rmSync(folder, { recursive: true, force: true });
}
