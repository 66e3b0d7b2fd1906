/**
 * The views of a training set joined to its labels by Spark, in one job: keys and times of the labels go there as a
 * file, and for each view comes back what its labels found. Everything else (the labels' own columns, fallbacks,
 * statuses, functions computed on demand, the file) is as without it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { countText } from '../../contract/std/count-text.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { readTimes } from '../../project/engine/duckdb/committed-rows.ts';
import { sparkAsOfSql } from '../../project/engine/spark/as-of-join.ts';
import { sparkHistory } from '../../project/engine/spark/history.ts';
import { SparkSession, sparkFiles } from '../../project/engine/spark/spark-session.ts';
import type { SparkPlace } from '../../project/engine/spark/spark-session.ts';
import { SparkJob } from '../../project/engine/spark/spark-job.ts';
import type { Project } from '../../project/project.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';
import { joinView, prepareJoin } from './view-join.ts';
import type { JoinedView, PreparedJoin, TrainingSet } from './view-join.ts';

interface SparkJoined {
  readonly joined: JoinedView[];
  /** One sentence for each view that has bad rows. */
  readonly badRows: string[];
}

/** @throws SPARK_START, SPARK_FAILED, SPARK_LACKS; REG_SOURCE when a view's rows cannot be read */
export async function joinedInSpark(set: TrainingSet, project: Project): Promise<SparkJoined> {
  const { duck, service, labels } = set;
  const { settings, logger } = project;
  const joins: PreparedJoin[] = [];
  for (const used of service.views) joins.push(await prepareJoin(set, used));
  const spark = new SparkSession(settings.spark, logger, 'train');
  const place = spark.openPlace();
  try {
    const job = new SparkJob();
    const file = join(place.folder, 'labels.parquet');
    await duck.run(`COPY (SELECT * FROM ${LABEL_KEYS}) TO ${quoteTarget(file)} (FORMAT parquet)`);
    const from = job.read([file], null);
    const names = joins.map((_, i) => `view_${i}`);
    for (const [i, one] of joins.entries()) {
      const span = { firstUs: labels.firstUs ?? 0, lastUs: (labels.lastUs ?? 0) - one.view.delayUs };
      const { rows, badRows } = sparkHistory(job, one.history, one, span);
      const isFirst = joins.findIndex(({ view }) => view.id === one.view.id) === i;
      if (isFirst && badRows !== null) job.write(`bad_${i}`, badRows, join(place.folder, `bad_${i}`));
      const sql = sparkAsOfSql({ ...one.asOf, labels: one.labelsOf(from), rows });
      job.write(names[i]!, sql, join(place.folder, names[i]!));
    }
    const told = joins.map(({ used }, i) => [names[i]!, `joining ${used.role} in Spark`] as const);
    await spark.run({ job, labels: Object.fromEntries(told) });
    await spark.close();
    const joined: JoinedView[] = [];
    for (const [i, one] of joins.entries()) {
      const found = foundSql(one, sparkFiles(join(place.folder, names[i]!)));
      joined.push(await joinView(set, one, `joined_${i}`, found));
    }
    return { joined, badRows: await badRowNotes(set, joins, place) };
  } finally {
    await spark.close();
    place.close();
  }
}

/** What is wrong with bad rows Spark does not say: `plumb materialize` keeps them with their reasons. */
async function badRowNotes(
  { duck }: TrainingSet,
  joins: readonly PreparedJoin[],
  { folder }: SparkPlace,
): Promise<string[]> {
  const notes: string[] = [];
  for (const [i, { view }] of joins.entries()) {
    const counted = join(folder, `bad_${i}`);
    if (!existsSync(counted)) continue;
    const [row] = await duck.rows(`SELECT n FROM read_parquet(${quotePaths(sparkFiles(counted))})`);
    const rows = Number(row!['n']);
    if (rows > 0)
      notes.push(
        `${countText(rows, 'bad row')} of ${view.id} ${rows === 1 ? 'is' : 'are'} left out (DuckDB says why).`,
      );
  }
  return notes;
}

/** What Spark has found of a view, in the types that DuckDB's own join gives. */
function foundSql({ asOf }: PreparedJoin, files: readonly string[]): string {
  const outputs = asOf.outputs.map(({ feature }, i) => {
    const { type } = asOf.features.find(({ name }) => name === feature)!;
    return `${readTimes(type, `o${i}`)} AS o${i}`;
  });
  const origin =
    'rid, event_us, created_us, run_id, CAST(definition_id AS UINTEGER) AS definition_id, deleted';
  return `SELECT ${[origin, ...outputs].join(', ')} FROM read_parquet(${quotePaths(files)}, hive_partitioning = false)`;
}
