/** Spark's SQL for an expression against the same expression in JavaScript, over random expressions and rows. */
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OverflowFault, compileExpression } from '../../contract/expression/evaluate.ts';
import type { ExpressionValue } from '../../contract/expression/evaluate.ts';
import { resolveExpression } from '../../contract/expression/resolve.ts';
import type { Expression, ExpressionType } from '../../contract/expression/resolve.ts';
import { parseExpression } from '../../contract/expression/syntax.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import type { Value } from '../../contract/value-type.ts';
import { DuckDb, EXACT_FLOATS, quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { overflowSql } from '../../project/engine/overflow-sql.ts';
import { SPARK_EXPRESSIONS } from '../../project/engine/spark/expression-sql.ts';
import { SparkSession, sparkFiles } from '../../project/engine/spark/spark-session.ts';
import { SparkJob } from '../../project/engine/spark/spark-job.ts';
import { COLUMNS, columns, expressionOf, row } from '../support/fixtures/random-expressions.ts';
import { scratchFolder } from '../support/scratch.ts';
import { sparkSettingsHere } from '../support/spark/spark-here.ts';

const EXPRESSIONS = 160;
/** In one statement. */
const TOGETHER = 20;
const ROWS = 60;
const SEED = Number(process.env['PLUMB_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const asked = fc
  .constantFrom<ExpressionType>('bool', 'int64', 'float64', 'string', 'timestamp')
  .chain((type) => fc.tuple(fc.constant(type), expressionOf(type, 3)));

test('any expression of any row is the same in Spark and here, and overflows in the same rows', async () => {
  const duck = await DuckDb.open();
  const spark = new SparkSession(await sparkSettingsHere(scratchFolder()), silentLogger, 'expressions');
  const place = spark.openPlace();
  const rows = fc.sample(row, { numRuns: ROWS, seed: SEED });
  const texts = fc.sample(asked, { numRuns: EXPRESSIONS, seed: SEED });
  const file = join(place.folder, 'rows.parquet');
  const selects = rows.map((one, n) => {
    const values = COLUMNS.map(([name, kind]) => `${sqlLiteral({ kind }, one[name]!)} AS ${quoteName(name)}`);
    return `SELECT ${n} AS n, ${values.join(', ')}`;
  });
  await duck.run(
    `COPY (${selects.join(' UNION ALL ')}) TO ${quoteText(file)} (FORMAT parquet, ${EXACT_FLOATS})`,
  );
  const job = new SparkJob();
  const from = job.read([file], null);
  const column = (name: string): string =>
    SPARK_EXPRESSIONS.columnSql(quoteName(name), COLUMNS.find(([n]) => n === name)![2]);
  const value = (node: Expression): string => SPARK_EXPRESSIONS.valueSql(node, column);
  const nodes = texts.map(([type, text]) => resolveExpression(parseExpression(text), columns, type));
  for (let at = 0; at < nodes.length; at += TOGETHER) {
    const answers = nodes.slice(at, at + TOGETHER).map((node, i) => {
      const sql = node.type === 'timestamp' ? `unix_micros(${value(node)})` : value(node);
      return `${sql} AS v${at + i}, ${overflowSql(node, value) ?? 'false'} AS o${at + i}`;
    });
    job.write(`part_${at}`, `SELECT n, ${answers.join(', ')} FROM ${from}`, join(place.folder, `part_${at}`));
  }
  await spark.run({ job, labels: {} });
  await spark.close();
  const wrong: unknown[] = [];
  let overflowed = 0;
  for (let at = 0; at < nodes.length; at += TOGETHER) {
    const files = sparkFiles(join(place.folder, `part_${at}`));
    const found = await duck.rows(`SELECT * FROM read_parquet(${quotePaths(files)}) ORDER BY n`);
    for (const [i, node] of nodes.slice(at, at + TOGETHER).entries()) {
      const compute = compileExpression(node, readerOf);
      for (const [n, one] of rows.entries()) {
        const right = answerOf(() => compute(one));
        overflowed += right === 'overflow' ? 1 : 0;
        const got = found[n]![`o${at + i}`] === true ? 'overflow' : found[n]![`v${at + i}`];
        if (!Object.is(got, right)) wrong.push({ text: texts[at + i]![1], row: one, got, right });
      }
    }
  }
  duck.close();
  place.close();
  expect(wrong.slice(0, 5), `seed ${SEED}, ${wrong.length} differ`).toEqual([]);
  console.info(
    `${nodes.length} expressions of ${ROWS} rows, ${overflowed} overflows: 0 differ (PLUMB_SEED=${SEED})`,
  );
}, 600_000);

/** NaN is null, as a column is read. */
function readerOf(name: string): (one: Record<string, Value>) => ExpressionValue {
  return (one) => {
    const value = one[name] as ExpressionValue;
    return typeof value === 'number' && Number.isNaN(value) ? null : value;
  };
}

function answerOf(compute: () => ExpressionValue): ExpressionValue | 'overflow' {
  try {
    return compute();
  } catch (fault) {
    if (fault instanceof OverflowFault) return 'overflow';
    throw fault;
  }
}
