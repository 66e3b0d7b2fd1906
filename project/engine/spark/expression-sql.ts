/**
 * Expressions as Spark SQL: what `evaluate.ts` computes, to the bit. Neither piece can fail a job:
 *
 *   value      NULL where the value is null, or where an integer overflowed
 *   overflows  (../overflow-sql.ts) whether one did, which makes the row a bad one
 *
 * Where Spark means something else than the language:
 *
 *   integers   an overflow is an error under ANSI: they are computed as decimals, and cast back by TRY_CAST
 *   /          by zero is an error
 *   round      loses the sign of a zero, and goes by the text of a double, half away from zero
 *   floor      of a double is a BIGINT
 *   parts      of a time are INT
 */
import type { ExpressionEngine } from '../duckdb/sources/row-expressions.ts';
import type { Expression, ExpressionType } from '../../../contract/expression/resolve.ts';
import { castTime } from './exact-cast.ts';
import { sparkText } from './spark-sql.ts';

const SPARK_TYPES: Readonly<Record<ExpressionType, string>> = {
  bool: 'BOOLEAN',
  int64: 'BIGINT',
  float64: 'DOUBLE',
  string: 'STRING',
  timestamp: 'TIMESTAMP',
};
const SMALL = 'abcdefghijklmnopqrstuvwxyz';
const LARGE = SMALL.toUpperCase();
const NAN = `CAST('NaN' AS DOUBLE)`;
/** From here on every double is whole. */
const ALL_WHOLE = '4503599627370496D';

export const SPARK_EXPRESSIONS: ExpressionEngine = {
  valueSql: sparkValueSql,
  columnSql: sparkColumnSql,
  nullSql: (type) => `CAST(NULL AS ${SPARK_TYPES[type]})`,
};

/** @returns the value of a column as the language reads it */
function sparkColumnSql(column: string, duckType: string): string {
  if (duckType === 'FLOAT' || duckType === 'DOUBLE') return `nullif(CAST(${column} AS DOUBLE), ${NAN})`;
  if (duckType.startsWith('DECIMAL')) return `CAST(${column} AS DOUBLE)`;
  if (duckType.startsWith('ENUM') || ['JSON', 'VARCHAR', 'BOOLEAN'].includes(duckType)) return column;
  return castTime(duckType, column)?.sql ?? `try_cast(${column} AS BIGINT)`;
}

function sparkValueSql(node: Expression, column: (name: string) => string): string {
  const sql = (child: Expression): string => sparkValueSql(child, column);
  switch (node.kind) {
    case 'column':
      return column(node.name);
    case 'value':
      return literalSql(node.value, node.type);
    case 'widen':
      return `CAST(${sql(node.operand)} AS DOUBLE)`;
    case 'not':
      return `(NOT ${sql(node.operand)})`;
    case 'minus':
      return node.type === 'int64' ? narrow(`-${wide(sql(node.operand))}`) : `(-${sql(node.operand)})`;
    case 'abs':
      return node.type === 'int64' ? narrow(`abs(${wide(sql(node.operand))})`) : `abs(${sql(node.operand)})`;
    case 'floor': {
      const of = sql(node.operand);
      return `(CASE WHEN ${of} <> 0 AND abs(${of}) < ${ALL_WHOLE} THEN CAST(floor(${of}) AS DOUBLE) ELSE ${of} END)`;
    }
    case 'round': {
      const power = literalSql(10 ** node.digits, 'float64');
      const scaled = `(${sql(node.operand)} * ${power})`;
      const rounded = `CASE WHEN ${scaled} = 0 THEN ${scaled} WHEN ${scaled} < 0 THEN -round(-${scaled}, 0) ELSE round(${scaled}, 0) END`;
      return `nullif((${rounded}) / ${power}, ${NAN})`;
    }
    case 'text':
      if (node.function === 'trim') return `trim(BOTH ' ' FROM ${sql(node.operand)})`;
      return node.function === 'lower'
        ? `translate(${sql(node.operand)}, '${LARGE}', '${SMALL}')`
        : `translate(${sql(node.operand)}, '${SMALL}', '${LARGE}')`;
    case 'substring':
      return `substring(${[sql(node.operand), node.from, ...(node.length === null ? [] : [node.length])].join(', ')})`;
    case 'part':
      return partSql(node.part, sql(node.operand));
    case 'isNull':
      return `(${sql(node.operand)} IS ${node.negated ? 'NOT ' : ''}NULL)`;
    case 'in':
      return `(${sql(node.operand)} ${node.negated ? 'NOT ' : ''}IN (${node.items.map(sql).join(', ')}))`;
    case 'coalesce':
      return `coalesce(${node.items.map(sql).join(', ')})`;
    case 'case': {
      const branches = node.branches.map(({ when, value }) => `WHEN ${sql(when)} THEN ${sql(value)}`);
      return `(CASE ${branches.join(' ')} ELSE ${sql(node.otherwise)} END)`;
    }
    case 'binary':
      return binarySql(node, sql(node.left), sql(node.right));
  }
}

function binarySql({ operator, type }: Expression & { kind: 'binary' }, left: string, right: string): string {
  if (operator === '/') return `nullif(${left} / nullif(${right}, 0D), ${NAN})`;
  const isArithmetic = operator === '+' || operator === '-' || operator === '*';
  if (!isArithmetic) return `(${left} ${operator.toUpperCase()} ${right})`;
  if (type === 'int64') return narrow(`${wide(left)} ${operator} ${wide(right)}`);
  return `nullif(${left} ${operator} ${right}, ${NAN})`;
}

function partSql(part: string, time: string): string {
  return `CAST(extract(${part === 'isodow' ? 'DAYOFWEEK_ISO' : part.toUpperCase()} FROM ${time}) AS BIGINT)`;
}

function literalSql(value: bigint | number | string | boolean | null, type: ExpressionType): string {
  if (value === null) return `CAST(NULL AS ${SPARK_TYPES[type]})`;
  if (typeof value === 'string') return sparkText(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  // As text: 1.5 is a DECIMAL there.
  return `CAST('${Object.is(value, -0) ? '-0.0' : String(value)}' AS ${SPARK_TYPES[type]})`;
}

/** The product of two of them has 38 digits. */
function wide(sql: string): string {
  return `CAST(${sql} AS DECIMAL(19, 0))`;
}

function narrow(sql: string): string {
  return `try_cast(${sql} AS BIGINT)`;
}
