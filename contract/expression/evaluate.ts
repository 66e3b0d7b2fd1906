/**
 * Expressions computed in JavaScript: of the events of a stream, and the reference that the SQL is tested against. An
 * expression is compiled once into nested functions; a row then costs no parsing and makes no objects but its values.
 *
 *   bool boolean | int64, timestamp bigint (microseconds since 1970) | float64 number, never NaN | string
 */
import type { BinaryOperator } from './syntax.ts';
import type { DatePart, Expression } from './resolve.ts';

export type ExpressionValue = boolean | bigint | number | string | null;
/** @returns what reads a column of a row: null where it is null, NaN or an infinite time */
type ColumnReader<Row> = (column: string) => Compiled<Row>;

/** An integer does not fit 64 bits: the row is a bad row. */
export class OverflowFault extends Error {}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const DAY_US = 86_400_000_000n;

type Compiled<Row> = (row: Row) => ExpressionValue;

/** @returns a function that gives the expression's value of a row, or throws OverflowFault */
export function compileExpression<Row>(node: Expression, reader: ColumnReader<Row>): Compiled<Row> {
  const of = (child: Expression): Compiled<Row> => compileExpression(child, reader);
  switch (node.kind) {
    case 'column':
      return reader(node.name);
    case 'value': {
      const { value } = node;
      return () => value;
    }
    case 'isNull': {
      const [operand, negated] = [of(node.operand), node.negated];
      return (row) => (operand(row) === null) !== negated;
    }
    case 'in':
      return compileIn(of(node.operand), node.items.map(of), node.negated);
    case 'coalesce':
      return compileCoalesce(node.items.map(of));
    case 'case': {
      const branches = node.branches.map(({ when, value }) => ({ when: of(when), value: of(value) }));
      const otherwise = of(node.otherwise);
      return (row) => (branches.find(({ when }) => when(row) === true)?.value ?? otherwise)(row);
    }
    case 'binary':
      return compileBinary(node.operator, of(node.left), of(node.right));
    default: {
      const [operand, compute] = [of(node.operand), unary(node)];
      return (row) => {
        const value = operand(row);
        return value === null ? null : compute(value);
      };
    }
  }
}

type Unary = Exclude<
  Expression,
  { readonly kind: 'column' | 'value' | 'isNull' | 'in' | 'coalesce' | 'case' | 'binary' }
>;

function unary(node: Unary): (value: Exclude<ExpressionValue, null>) => ExpressionValue {
  switch (node.kind) {
    case 'widen':
      return (value) => Number(value);
    case 'not':
      return (value) => value === false;
    case 'minus':
      return (value) => (typeof value === 'bigint' ? inRange(-value) : -(value as number));
    case 'abs':
      return (value) =>
        typeof value === 'bigint' ? inRange(value < 0n ? -value : value) : Math.abs(value as number);
    case 'floor':
      return (value) => Math.floor(value as number);
    case 'round': {
      const power = 10 ** node.digits;
      return (value) => noNaN(roundAway((value as number) * power) / power);
    }
    case 'text':
      return textFunction(node.function);
    case 'substring': {
      const { from, length } = node;
      return (value) => {
        const points = [...(value as string)];
        return points.slice(from - 1, length === null ? undefined : from - 1 + length).join('');
      };
    }
    case 'part': {
      const { part } = node;
      return (value) => partOf(part, value as bigint);
    }
  }
}

function textFunction(name: 'lower' | 'upper' | 'trim'): (value: unknown) => string {
  if (name === 'trim') return (value) => (value as string).replace(/^ +/, '').replace(/ +$/, '');
  if (name === 'lower') return (value) => (value as string).replace(/[A-Z]+/g, (part) => part.toLowerCase());
  return (value) => (value as string).replace(/[a-z]+/g, (part) => part.toUpperCase());
}

function compileIn<Row>(operand: Compiled<Row>, items: Compiled<Row>[], negated: boolean): Compiled<Row> {
  return (row) => {
    const value = operand(row);
    // Every item is computed, since an overflow in any of them makes the row a bad row.
    let isThere = false;
    let hasNull = false;
    for (const compute of items) {
      const item = compute(row);
      if (item === null) hasNull = true;
      else if (item === value) isThere = true;
    }
    if (value === null) return null;
    if (isThere) return !negated;
    return hasNull ? null : negated;
  };
}

function compileCoalesce<Row>(items: Compiled<Row>[]): Compiled<Row> {
  return (row) => {
    for (const item of items) {
      const value = item(row);
      if (value !== null) return value;
    }
    return null;
  };
}

function compileBinary<Row>(
  operator: BinaryOperator,
  left: Compiled<Row>,
  right: Compiled<Row>,
): Compiled<Row> {
  if (operator === 'and' || operator === 'or') {
    const decisive = operator === 'or';
    return (row) => {
      const [a, b] = [left(row), right(row)];
      if (a === decisive || b === decisive) return decisive;
      return a === null || b === null ? null : !decisive;
    };
  }
  const compute = BINARY[operator];
  return (row) => {
    const [a, b] = [left(row), right(row)];
    return a === null || b === null ? null : compute(a, b);
  };
}

type Value = Exclude<ExpressionValue, null>;

const BINARY: Readonly<
  Record<Exclude<BinaryOperator, 'and' | 'or'>, (a: Value, b: Value) => ExpressionValue>
> = {
  // -0 equals 0, and of two texts neither is normalised.
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => compare(a, b) < 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>': (a, b) => compare(a, b) > 0,
  '>=': (a, b) => compare(a, b) >= 0,
  '+': (a, b) => (typeof a === 'bigint' ? inRange(a + (b as bigint)) : noNaN((a as number) + (b as number))),
  '-': (a, b) => (typeof a === 'bigint' ? inRange(a - (b as bigint)) : noNaN((a as number) - (b as number))),
  '*': (a, b) => (typeof a === 'bigint' ? inRange(a * (b as bigint)) : noNaN((a as number) * (b as number))),
  '/': (a, b) => (b === 0 ? null : noNaN((a as number) / (b as number))),
};

/** Texts by their UTF-8 bytes. */
function compare(a: Value, b: Value): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  return a < b ? -1 : a > b ? 1 : 0;
}

function inRange(value: bigint): bigint {
  if (value < INT64_MIN || value > INT64_MAX) throw new OverflowFault('an integer left 64 bits');
  return value;
}

function noNaN(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Half away from zero. */
function roundAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}

function partOf(part: DatePart, us: bigint): bigint {
  const days = floorDiv(us, DAY_US);
  const ofDay = us - days * DAY_US;
  switch (part) {
    case 'hour':
      return ofDay / 3_600_000_000n;
    case 'minute':
      return (ofDay / 60_000_000n) % 60n;
    case 'isodow':
      // 1970-01-01 was a Thursday.
      return ((((days + 3n) % 7n) + 7n) % 7n) + 1n;
    default:
      return civil(days)[part];
  }
}

/**
 * Days since 1970 as a date of the Gregorian calendar.
 * Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
function civil(days: bigint): { readonly year: bigint; readonly month: bigint; readonly day: bigint } {
  const shifted = days + 719_468n;
  const era = floorDiv(shifted, 146_097n);
  const ofEra = shifted - era * 146_097n;
  const yearOfEra = (ofEra - ofEra / 1_460n + ofEra / 36_524n - ofEra / 146_096n) / 365n;
  const ofYear = ofEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const shiftedMonth = (5n * ofYear + 2n) / 153n;
  const day = ofYear - (153n * shiftedMonth + 2n) / 5n + 1n;
  const month = shiftedMonth < 10n ? shiftedMonth + 3n : shiftedMonth - 9n;
  return { year: yearOfEra + era * 400n + (month <= 2n ? 1n : 0n), month, day };
}

function floorDiv(a: bigint, b: bigint): bigint {
  return a / b - (a % b < 0n ? 1n : 0n);
}
