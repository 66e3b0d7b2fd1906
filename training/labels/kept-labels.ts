/**
 * Some of the labels, as a file of their own: each kept one as it was. In CSV that is its bytes; in Parquet its values,
 * written anew, since the pages of a column hold the others too.
 */
import { join } from 'node:path';
import { EXACT_FLOATS, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { misreadType } from '../../project/engine/duckdb/sources/parquet-columns.ts';
import { trainingError } from '../errors.ts';
import { openLabels } from './label-file.ts';
import type { LabelFile } from './label-file.ts';
import { keepRecords } from './labels-csv.ts';
import { LABEL_KEYS } from './training-labels.ts';

/**
 * @param labels   whose keys and times are in LABEL_KEYS
 * @param which    SQL over LABEL_KEYS that tells the labels to keep
 * @param scratch  a folder for the file
 * @returns        the kept ones, numbered anew, under the name and hash of the file that they are of
 * @throws         TRAIN_LABELS for a column of Parquet that cannot be read right
 */
export async function keepLabels(
  duck: DuckDb,
  labels: LabelFile,
  which: string,
  scratch: string,
): Promise<LabelFile> {
  const { file, format, columns, refs, from, rid, sha256 } = labels;
  const bytes = join(scratch, `kept.${format}`);
  const kept = `SELECT rid FROM ${LABEL_KEYS} WHERE ${which}`;
  if (format === 'csv') {
    await keepRecords(file, bytes, numbers(duck, `${kept} ORDER BY rid`));
  } else {
    refuseMisread(labels);
    const values = columns.map((name, i) => `${refs[i]!} AS ${quoteName(name)}`);
    await duck.run(
      `COPY (SELECT ${values.join(', ')} FROM (SELECT *, ${rid} AS "~rid" FROM ${from})
         WHERE "~rid" IN (${kept}) ORDER BY "~rid")
       TO ${quoteTarget(bytes)} (FORMAT parquet, ${EXACT_FLOATS})`,
    );
  }
  return { ...(await openLabels(duck, bytes, scratch)), file, sha256 };
}

async function* numbers(duck: DuckDb, sql: string): AsyncGenerator<number> {
  for await (const rows of duck.chunks(sql)) for (const row of rows) yield Number(row['rid']);
}

function refuseMisread({ file, columns, types }: LabelFile): void {
  for (const [i, field] of columns.entries()) {
    const type = misreadType(types[i]!);
    if (type === null) continue;
    throw trainingError(
      'TRAIN_LABELS',
      `${file}: column ${field} holds ${type}, of which no more than 38 digits are read right, and labels that are ` +
        'left out have the others written anew. Leave the column out, or train without --cap-to-warm',
      { file, field },
    );
  }
}
