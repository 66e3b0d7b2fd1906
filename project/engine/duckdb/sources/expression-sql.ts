/**
 * Expressions as DuckDB SQL. Two pieces of SQL an expression, neither of which can fail:
 *
 *   value      NULL where the value is null, or where an integer overflowed
 *   overflows  whether an integer overflowed on the way, which makes the row a bad one; null: it cannot
 *
 * Integers are computed in 128 bits and cast back. NaN becomes NULL where it appears, so that no comparison meets one.
 * `evaluate.ts` is what both must agree with.
 */
import { quoteText } from '../duckdb.ts';
import { overflowSql as overflows } from '../../overflow-sql.ts';
import type { Expression, ExpressionType } from '../../../../contract/expression/resolve.ts';

const SQL_TYPE: Readonly<Record<ExpressionType, string>> = {
  bool: 'BOOLEAN',
  int64: 'BIGINT',
  float64: 'DOUBLE',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
};
const SMALL = 'abcdefghijklmnopqrstuvwxyz';
const LARGE = SMALL.toUpperCase();
const NAN = `'NaN'::DOUBLE`;

/**
 * @param column  SQL of a column's value
 * @returns       the value as the expression language reads it
 */
export function columnSql(column: string, duckType: string): string {
  if (duckType === 'FLOAT' || duckType === 'DOUBLE') return `nullif(${column}::DOUBLE, ${NAN})`;
  // Through text: a decimal of more than 15 digits would be rounded twice.
  if (duckType.startsWith('DECIMAL')) return `${column}::VARCHAR::DOUBLE`;
  if (duckType.startsWith('ENUM') || duckType === 'JSON' || duckType === 'VARCHAR')
    return `${column}::VARCHAR`;
  if (duckType === 'BOOLEAN') return column;
  if (duckType === 'DATE' || duckType.startsWith('TIMESTAMP')) {
    // Infinite times have no microseconds: NULL.
    return `make_timestamp(epoch_us(${column}))`;
  }
  return `TRY_CAST(${column} AS BIGINT)`;
}

/** @returns an expression over the same columns, each named as the source spells it */
export function valueSql(node: Expression, column: (name: string) => string): string {
  const sql = (child: Expression): string => valueSql(child, column);
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
    case 'floor':
      return `floor(${sql(node.operand)})`;
    case 'round': {
      const power = literalSql(10 ** node.digits, 'float64');
      return `nullif(round(${sql(node.operand)} * ${power}) / ${power}, ${NAN})`;
    }
    case 'text':
      if (node.function === 'trim') return `trim(${sql(node.operand)}, ' ')`;
      return node.function === 'lower'
        ? `translate(${sql(node.operand)}, '${LARGE}', '${SMALL}')`
        : `translate(${sql(node.operand)}, '${SMALL}', '${LARGE}')`;
    case 'substring':
      return `substring(${[sql(node.operand), node.from, ...(node.length === null ? [] : [node.length])].join(', ')})`;
    case 'part':
      return `${node.part}(${sql(node.operand)})`;
    case 'isNull':
      return `(${sql(node.operand)} IS ${node.negated ? 'NOT ' : ''}NULL)`;
    case 'in':
      return `(${sql(node.operand)} ${node.negated ? 'NOT ' : ''}IN (${node.items.map(sql).join(', ')}))`;
    case 'coalesce':
      return `coalesce(${node.items.map(sql).join(', ')})`;
    case 'case': {
      const branches = node.branches.map(({ when, value }) => `WHEN ${sql(when)} THEN ${sql(value)}`);
      return `CASE ${branches.join(' ')} ELSE ${sql(node.otherwise)} END`;
    }
    case 'binary':
      return binarySql(node, sql(node.left), sql(node.right));
  }
}

function binarySql({ operator, type }: Expression & { kind: 'binary' }, left: string, right: string): string {
  if (operator === '/') return `nullif(${left} / nullif(${right}, 0), ${NAN})`;
  const isArithmetic = operator === '+' || operator === '-' || operator === '*';
  if (!isArithmetic) return `(${left} ${operator.toUpperCase()} ${right})`;
  if (type === 'int64') return narrow(`${wide(left)} ${operator} ${wide(right)}`);
  return `nullif(${left} ${operator} ${right}, ${NAN})`;
}

/** As `overflows` of all engines (../../overflow-sql.ts). @param column  as `valueSql` has it */
export function overflowSql(node: Expression, column: (name: string) => string): string | null {
  return overflows(node, (child) => valueSql(child, column));
}

function literalSql(value: bigint | number | string | boolean | null, type: ExpressionType): string {
  if (value === null) return `NULL::${SQL_TYPE[type]}`;
  if (typeof value === 'string') return quoteText(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  // As text: DuckDB reads 1.5 as a DECIMAL, and -0 as 0.
  return `'${Object.is(value, -0) ? '-0.0' : String(value)}'::${SQL_TYPE[type]}`;
}

function wide(sql: string): string {
  return `CAST(${sql} AS HUGEINT)`;
}

function narrow(sql: string): string {
  return `TRY_CAST(${sql} AS BIGINT)`;
}
