/**
 * `where` and `select` in Flink against the same expressions in JavaScript, over random expressions and rows of JSON
 * whose values are hard: to the bit, and overflowing in the same rows.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileExpression, OverflowFault } from '../../contract/expression/evaluate.ts';
import type { ExpressionValue } from '../../contract/expression/evaluate.ts';
import { resolveExpression } from '../../contract/expression/resolve.ts';
import type { Expression, ExpressionType } from '../../contract/expression/resolve.ts';
import { parseExpression } from '../../contract/expression/syntax.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { flinkName, flinkValueSql } from '../../project/engine/flink/expression-sql.ts';
import { fieldSql } from '../../project/engine/flink/field-sql.ts';
import { overflowSql } from '../../project/engine/overflow-sql.ts';
import { COLUMNS, columns, expressionOf, row } from '../support/fixtures/random-expressions.ts';
import { FLINK_START_LIMIT_MS, startFlink } from '../support/flink/flink.ts';

const EXPRESSIONS = Number(process.env['PLUMB_FLINK_EXPRESSIONS'] ?? 120);
const ROWS = 60;
const A_STATEMENT = 20;
/** Past it a statement is refused; random ones of depth 3 can be. */
const MOST = 20_000;

type Row = Readonly<Record<string, Value>>;

test(
  'any expression of any row is the same in Flink and here, and overflows in the same rows',
  async () => {
    const seed = Number(process.env['PLUMB_SEED'] ?? 7);
    const rows = fc.sample(row, { numRuns: ROWS, seed }).map(
      // No message holds what is not finite.
      (one) => Object.fromEntries(Object.entries(one).map(([name, value]) => [name, finite(value)])) as Row,
    );
    const type = fc.constantFrom<ExpressionType>('bool', 'int64', 'float64', 'string', 'timestamp');
    const asked = type.chain((of) => fc.tuple(fc.constant(of), expressionOf(of, 3)));
    const expressions = fc
      .sample(asked, { numRuns: EXPRESSIONS, seed })
      .map(([of, text]) => ({ text, node: resolveExpression(parseExpression(text), columns, of) }))
      .filter(({ node }) => sqlOf(node).length + (overflowOf(node)?.length ?? 0) < MOST);
    expect(expressions.length).toBeGreaterThan(EXPRESSIONS / 2);
    const found = await inFlink(
      rows,
      expressions.map(({ node }) => node),
    );
    const read = (name: string) => (one: Row) => one[name] as ExpressionValue;
    let [overflowed, computed] = [0, 0];
    const wrong: unknown[] = [];
    for (const [e, { text, node }] of expressions.entries()) {
      const compute = compileExpression(node, read);
      for (const [n, one] of rows.entries()) {
        let expected: ExpressionValue | 'overflow';
        try {
          expected = compute(one);
        } catch (fault) {
          if (!(fault instanceof OverflowFault)) throw fault;
          expected = 'overflow';
        }
        const got = found[n]![e]!;
        if (expected === 'overflow') overflowed += 1;
        else computed += 1;
        // 0 has no sign in a tile, and none in a comparison: rounding gives it one here and not there.
        if (got !== expected && wrong.length < 20) wrong.push({ text, row: one, got, expected });
      }
    }
    console.log(`${computed} values and ${overflowed} overflows of ${expressions.length} expressions`);
    expect(wrong).toEqual([]);
    expect(overflowed).toBeGreaterThan(20);
  },
  FLINK_START_LIMIT_MS,
);

function finite(value: Value): Value {
  return typeof value === 'number' && !Number.isFinite(value) ? 1e308 : value;
}

const FIELDS = COLUMNS.map(([name, kind]) => {
  const type = { kind } as ValueType;
  return { name, ...fieldSql({ name, type, unit: kind === 'timestamp' ? 'us' : null }) };
});
const sqlOf = (node: Expression): string => flinkValueSql(node, flinkName);
const overflowOf = (node: Expression): string | null => overflowSql(node, sqlOf);

async function inFlink(
  rows: readonly Row[],
  nodes: readonly Expression[],
): Promise<(ExpressionValue | 'overflow')[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-flink-'));
  try {
    const lines = rows.map(
      (one, n) =>
        `{"n": ${n}, ${COLUMNS.map(([name]) => `"${name}": ${jsonText(one[name]!)}`).join(', ')}}\n`,
    );
    writeFileSync(join(folder, 'rows.json'), lines.join(''));
    const parts = Array.from({ length: Math.ceil(nodes.length / A_STATEMENT) }, (_, i) =>
      nodes.slice(i * A_STATEMENT, (i + 1) * A_STATEMENT),
    );
    const table = (name: string, list: readonly string[]): string =>
      `CREATE TABLE ${name} (n BIGINT, ${list.map((column) => `${flinkName(column)} STRING`).join(', ')})
WITH ('connector' = 'filesystem', 'path' = 'file://${folder}/${name === 'message' ? 'rows.json' : name}', 'format' = 'json');\n\n`;
    const inserts = parts.map((part, i) => {
      const shown = part.map((node) => {
        const text = `CAST(${sqlOf(node)} AS STRING)`;
        const overflow = overflowOf(node);
        return overflow === null ? text : `CASE WHEN ${overflow} THEN 'overflow' ELSE ${text} END`;
      });
      return `INSERT INTO part${i} SELECT n, ${shown.join(', ')} FROM event;\n`;
    });
    const sql =
      table(
        'message',
        COLUMNS.map(([name]) => name),
      ) +
      `CREATE TEMPORARY VIEW event AS SELECT n, ${FIELDS.map(({ name, value }) => `${value} AS ${flinkName(name)}`).join(', ')} FROM message WHERE ${FIELDS.flatMap(({ fits }) => fits ?? []).join(' AND ')};\n\n` +
      parts
        .map((part, i) =>
          table(
            `part${i}`,
            part.map((_, e) => `e${e}`),
          ),
        )
        .join('') +
      `EXECUTE STATEMENT SET BEGIN\n${inserts.join('')}END;\n`;
    const job = await startFlink({
      folder,
      sql,
      configuration: { 'execution.runtime-mode': 'BATCH', 'parallelism.default': '1' },
    });
    await job.ended();
    const found: (ExpressionValue | 'overflow')[][] = rows.map(() => []);
    for (const [i, part] of parts.entries())
      for (const file of readdirSync(join(folder, `part${i}`)))
        for (const line of readFileSync(join(folder, `part${i}`, file), 'utf8')
          .split('\n')
          .filter(Boolean)) {
          const json = JSON.parse(line) as { n: number } & Record<string, string | null>;
          for (const [e, node] of part.entries())
            found[json.n]![i * A_STATEMENT + e] = valueOf(
              node.type,
              (json[`e${e}`] ?? null) as string | null,
            );
        }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function jsonText(value: Value): string {
  if (typeof value === 'bigint') return value.toString();
  return Object.is(value, -0) ? '-0.0' : JSON.stringify(value);
}

function valueOf(type: ExpressionType, text: string | null): ExpressionValue | 'overflow' {
  if (text === null || (text === 'overflow' && type !== 'string')) return text;
  switch (type) {
    case 'bool':
      return text === 'TRUE';
    case 'float64':
      return Number(text);
    case 'string':
      return text;
    default:
      return BigInt(text);
  }
}
