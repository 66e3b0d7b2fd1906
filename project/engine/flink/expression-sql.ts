/**
 * Expressions as Flink SQL: what `evaluate.ts` computes, to the bit. Neither piece can fail a job:
 *
 *   value      NULL where the value is null, or where an integer overflowed
 *   overflows  (../overflow-sql.ts) whether one did, which makes the row a bad one
 *
 * Where Flink means something else than the language:
 *
 *   integers    its BIGINT wraps: they are computed as decimals, and cast back by way of text, which gives NULL
 *   NaN         equals nothing, and the planner takes `x = x` for `x IS NOT NULL`: it is told by `ABS(x) >= 0`. It
 *               stays NaN through arithmetic, as NULL would stay NULL, and becomes NULL where a value is compared or
 *               handed on
 *   /           a double by zero is infinite: NULL here
 *   text        literals are CHAR(n), which pads beside a longer one: cast to STRING. LOWER and UPPER know all letters
 *   times       are BIGINT microseconds since 1970 in the whole job
 */
import type { Expression, ExpressionType } from '../../../contract/expression/resolve.ts';

const FLINK_TYPES: Readonly<Record<ExpressionType, string>> = {
  bool: 'BOOLEAN',
  int64: 'BIGINT',
  float64: 'DOUBLE',
  string: 'STRING',
  timestamp: 'BIGINT',
};
const SMALL = 'abcdefghijklmnopqrstuvwxyz';
const LARGE = SMALL.toUpperCase();
/** From here on every double is whole, and ROUND would take infinities for decimals. */
const ALL_WHOLE = '4503599627370496E0';
const DAY_US = 86_400_000_000;

/** SQL of a column: BIGINT, DOUBLE that is not NaN, STRING, BOOLEAN. */
type ColumnSql = (name: string) => string;

/** @returns the value, never NaN */
export function flinkValueSql(node: Expression, column: ColumnSql): string {
  const sql = rawSql(node, column);
  return canBeNaN(node) ? `(CASE WHEN ABS(${sql}) >= 0E0 THEN ${sql} END)` : sql;
}

/** Whether `rawSql` may give NaN: what is compared or handed on is not. */
function canBeNaN(node: Expression): boolean {
  if (node.type !== 'float64') return false;
  if (node.kind === 'binary') return true;
  const strict = ['minus', 'abs', 'floor', 'round'].includes(node.kind);
  return strict && canBeNaN((node as Expression & { kind: 'round' }).operand);
}

/** @returns the value, in which NaN stands for null where `canBeNaN` says so */
function rawSql(node: Expression, column: ColumnSql): string {
  const sql = (child: Expression): string => flinkValueSql(child, column);
  const raw = (child: Expression): string => rawSql(child, column);
  switch (node.kind) {
    case 'column':
      return column(node.name);
    case 'value':
      return flinkLiteral(node.value, node.type);
    case 'widen':
      return `CAST(${sql(node.operand)} AS DOUBLE)`;
    case 'not':
      return `(NOT ${sql(node.operand)})`;
    case 'minus':
      return node.type === 'int64' ? narrow(`-${wide(sql(node.operand))}`) : `(- ${raw(node.operand)})`;
    case 'abs':
      return node.type === 'int64' ? narrow(`ABS(${wide(sql(node.operand))})`) : `ABS(${raw(node.operand)})`;
    case 'floor':
      return `FLOOR(${raw(node.operand)})`;
    case 'round': {
      const power = flinkLiteral(10 ** node.digits, 'float64');
      const scaled = `${raw(node.operand)} * ${power}`;
      return `(${roundSql(`(${scaled})`)} / ${power})`;
    }
    case 'text':
      if (node.function === 'trim') return `TRIM(BOTH ' ' FROM ${sql(node.operand)})`;
      return node.function === 'lower'
        ? `TRANSLATE(${sql(node.operand)}, '${LARGE}', '${SMALL}')`
        : `TRANSLATE(${sql(node.operand)}, '${SMALL}', '${LARGE}')`;
    case 'substring': {
      const { from, length } = node;
      return `SUBSTRING(${[sql(node.operand), from, ...(length === null ? [] : [length])].join(', ')})`;
    }
    case 'part':
      return partSql(node.part, sql(node.operand));
    case 'isNull':
      return `(${sql(node.operand)} IS ${node.negated ? 'NOT ' : ''}NULL)`;
    case 'in': {
      const equal = node.items.map((item) => `${sql(node.operand)} = ${sql(item)}`).join(' OR ');
      return node.negated ? `(NOT (${equal}))` : `(${equal})`;
    }
    case 'coalesce':
      return node.items.length === 1 ? sql(node.items[0]!) : `COALESCE(${node.items.map(sql).join(', ')})`;
    case 'case': {
      const branches = node.branches.map(({ when, value }) => `WHEN ${sql(when)} THEN ${sql(value)}`);
      return `(CASE ${branches.join(' ')} ELSE ${sql(node.otherwise)} END)`;
    }
    case 'binary':
      return binarySql(node, { sql, raw });
  }
}

interface Operands {
  readonly sql: (child: Expression) => string;
  readonly raw: (child: Expression) => string;
}

function binarySql(
  { operator, type, left, right }: Expression & { kind: 'binary' },
  { sql, raw }: Operands,
): string {
  if (operator === '/') {
    const below = raw(right);
    return `(CASE WHEN ${below} <> 0E0 THEN ${raw(left)} / ${below} END)`;
  }
  if (operator !== '+' && operator !== '-' && operator !== '*')
    return `(${sql(left)} ${operator.toUpperCase()} ${sql(right)})`;
  if (type === 'int64') return narrow(`${wide(sql(left))} ${operator} ${wide(sql(right))}`);
  return `(${raw(left)} ${operator} ${raw(right)})`;
}

/** @returns a double rounded to a whole one, half away from zero */
export function roundSql(double: string): string {
  return `(CASE WHEN ABS(${double}) < ${ALL_WHOLE} THEN ROUND(${double}, 0) ELSE ${double} END)`;
}

function partSql(part: string, us: string): string {
  const ofDay = `(((${us} % ${DAY_US}) + ${DAY_US}) % ${DAY_US})`;
  if (part === 'hour') return `(${ofDay} / 3600000000)`;
  if (part === 'minute') return `((${ofDay} / 60000000) % 60)`;
  const days = `((${us} - ${ofDay}) / ${DAY_US})`;
  // 1970-01-01 was a Thursday.
  if (part === 'isodow') return `((((${days} + 3) % 7) + 7) % 7 + 1)`;
  return `EXTRACT(${part.toUpperCase()} FROM TIMESTAMPADD(DAY, CAST(${days} AS INT), DATE '1970-01-01'))`;
}

/** @param value  of the language: bigint, number, string, boolean */
function flinkLiteral(value: bigint | number | string | boolean | null, type: ExpressionType): string {
  if (value === null) return `CAST(NULL AS ${FLINK_TYPES[type]})`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'string') return `CAST(${flinkText(value)} AS STRING)`;
  // As text: a literal with a point is a DECIMAL, and -9223372036854775808 is none.
  return `CAST('${Object.is(value, -0) ? '-0.0' : String(value)}' AS ${FLINK_TYPES[type]})`;
}

export function flinkText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function flinkName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** The product of two of them has 38 digits. */
function wide(sql: string): string {
  return `CAST(${sql} AS DECIMAL(19, 0))`;
}

function narrow(sql: string): string {
  return `TRY_CAST(CAST(${sql} AS STRING) AS BIGINT)`;
}
