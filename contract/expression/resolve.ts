/**
 * Gives the nodes of a syntax tree their types, from the columns of a source. The result means the same on every
 * engine: integers are int64, all other numbers float64, an integer beside a float is widened by a node of its own, and
 * nothing is cast to or from text.
 */
import { didYouMean } from '../std/did-you-mean.ts';
import type { Branch, BinaryOperator, Comparison, Syntax } from './syntax.ts';
import { ExpressionFault } from './token.ts';

const EXPRESSION_TYPES = ['bool', 'int64', 'float64', 'string', 'timestamp'] as const;
export type ExpressionType = (typeof EXPRESSION_TYPES)[number];

/** Functions of one argument whose result has a type of its own, whatever it is given. */
export type DatePart = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'isodow';
type TextFunction = 'lower' | 'upper' | 'trim';

/** A typed expression. null is a value of every type. */
export type Expression = { readonly type: ExpressionType } & (
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'value'; readonly value: bigint | number | string | boolean | null }
  | { readonly kind: 'widen' | 'not' | 'minus' | 'abs' | 'floor'; readonly operand: Expression }
  | { readonly kind: 'part'; readonly part: DatePart; readonly operand: Expression }
  | { readonly kind: 'text'; readonly function: TextFunction; readonly operand: Expression }
  | { readonly kind: 'round'; readonly operand: Expression; readonly digits: number }
  | {
      readonly kind: 'substring';
      readonly operand: Expression;
      readonly from: number;
      readonly length: number | null;
    }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'isNull'; readonly operand: Expression; readonly negated: boolean }
  | {
      readonly kind: 'in';
      readonly operand: Expression;
      readonly items: readonly Expression[];
      readonly negated: boolean;
    }
  | { readonly kind: 'case'; readonly branches: readonly TypedBranch[]; readonly otherwise: Expression }
  | { readonly kind: 'coalesce'; readonly items: readonly Expression[] }
);

interface TypedBranch {
  readonly when: Expression;
  readonly value: Expression;
}

/** The columns that an expression may read, by name. null: the column's type is one that no expression takes. */
export type Columns = ReadonlyMap<string, ExpressionType | null>;

const FUNCTIONS =
  'abs floor round coalesce lower upper trim substring year month day hour minute isodow'.split(' ');
const MAX_ROUND_DIGITS = 15;
/** One operation makes about five levels of SQL, and DuckDB takes 1,000. */
const MAX_DEPTH = 100;
/** In a text, whose characters DuckDB counts in 32 bits. */
const MAX_POSITION = 2 ** 31 - 1;

/**
 * @param expected  the type that the expression should have; null: any
 * @throws          ExpressionFault
 */
export function resolveExpression(
  syntax: Syntax,
  columns: Columns,
  expected: ExpressionType | null = null,
): Expression {
  return new Resolver(columns).typed(syntax, expected);
}

/** @returns the columns that an expression reads, each once, as the source spells them */
export function columnsOf(expression: Expression): Set<string> {
  const found = new Set<string>();
  visit(expression, (node) => {
    if (node.kind === 'column') found.add(node.name);
  });
  return found;
}

function visit(node: Expression, look: (node: Expression) => void): void {
  look(node);
  for (const child of childrenOf(node)) visit(child, look);
}

export function childrenOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case 'column':
    case 'value':
      return [];
    case 'binary':
      return [node.left, node.right];
    case 'in':
      return [node.operand, ...node.items];
    case 'case':
      return [...node.branches.flatMap(({ when, value }) => [when, value]), node.otherwise];
    case 'coalesce':
      return node.items;
    default:
      return [node.operand];
  }
}

type Typeable = Exclude<Syntax, { readonly kind: 'null' }>;

class Resolver {
  readonly #columns: Columns;
  /** Names are compared without case, as engines do. */
  readonly #spelled: ReadonlyMap<string, string>;
  #depth = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
    this.#spelled = new Map([...columns.keys()].map((name) => [name.toLowerCase(), name]));
  }

  /** @param expected  an integer is widened where a float is expected */
  typed(syntax: Syntax, expected: ExpressionType | null): Expression {
    if (syntax.kind === 'null') {
      if (expected === null) throw new ExpressionFault('null alone has no type', syntax.at);
      return { kind: 'value', value: null, type: expected };
    }
    const found = this.#any(syntax, expected);
    return expected === null ? found : fitted(found, expected, syntax.at);
  }

  #any(syntax: Typeable, expected: ExpressionType | null): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new ExpressionFault(`more than ${MAX_DEPTH} operations within each other`, syntax.at);
    }
    const found = this.#node(syntax, expected);
    this.#depth -= 1;
    return found;
  }

  #node(syntax: Typeable, expected: ExpressionType | null): Expression {
    switch (syntax.kind) {
      case 'column':
        return this.#column(syntax.name, syntax.at);
      case 'int':
        return { kind: 'value', value: syntax.value, type: 'int64' };
      case 'float':
        return { kind: 'value', value: syntax.value, type: 'float64' };
      case 'string':
        return { kind: 'value', value: syntax.value, type: 'string' };
      case 'bool':
        return { kind: 'value', value: syntax.value, type: 'bool' };
      case 'not':
        return { kind: 'not', operand: this.typed(syntax.operand, 'bool'), type: 'bool' };
      case 'minus': {
        const operand = this.#number(syntax.operand);
        return { kind: 'minus', operand, type: operand.type };
      }
      case 'isNull':
        return {
          kind: 'isNull',
          operand: this.#known(syntax.operand),
          negated: syntax.negated,
          type: 'bool',
        };
      case 'binary':
        return this.#binary(syntax.operator, syntax.left, syntax.right, syntax.at);
      case 'in': {
        if (syntax.items.length === 0) throw new ExpressionFault('"in" has no values', syntax.at);
        const [operand, ...items] = this.#alike([syntax.operand, ...syntax.items], null, syntax.at);
        return { kind: 'in', operand: operand!, items, negated: syntax.negated, type: 'bool' };
      }
      case 'case':
        return this.#case(syntax.branches, syntax.otherwise, expected, syntax.at);
      case 'call':
        return this.#call(syntax.name, syntax.args, expected, syntax.at);
    }
  }

  #column(name: string, at: number): Expression {
    const spelled = this.#spelled.get(name.toLowerCase());
    if (spelled === undefined) {
      const known = [...this.#columns.keys()];
      throw new ExpressionFault(`the source has no column ${name}${didYouMean(name, known)}`, at);
    }
    const type = this.#columns.get(spelled)!;
    if (type === null)
      throw new ExpressionFault(`the column ${spelled} has a type that no expression takes`, at);
    return { kind: 'column', name: spelled, type };
  }

  #binary(operator: BinaryOperator, left: Syntax, right: Syntax, at: number): Expression {
    if (operator === 'and' || operator === 'or') {
      const sides = [this.typed(left, 'bool'), this.typed(right, 'bool')] as const;
      return { kind: 'binary', operator, left: sides[0], right: sides[1], type: 'bool' };
    }
    if (operator === '/') {
      const sides = [this.typed(left, 'float64'), this.typed(right, 'float64')] as const;
      return { kind: 'binary', operator, left: sides[0], right: sides[1], type: 'float64' };
    }
    const sides = [left, right];
    if (operator === '+' || operator === '-' || operator === '*') {
      const found = this.#each(sides, 'int64');
      const other = found.find((side) => side !== null && !isNumber(side.type));
      if (other != null) throw new ExpressionFault(`"${operator}" takes numbers, got ${a(other.type)}`, at);
      const [first, second] = unified(found, sides, 'int64', at);
      return { kind: 'binary', operator, left: first!, right: second!, type: first!.type };
    }
    const [first, second] = this.#alike(sides, null, at);
    if (first!.type === 'bool' && !isEquality(operator)) {
      throw new ExpressionFault(`"${operator}" does not order true and false`, at);
    }
    return { kind: 'binary', operator, left: first!, right: second!, type: 'bool' };
  }

  #case(
    branches: readonly Branch[],
    otherwise: Syntax | null,
    expected: ExpressionType | null,
    at: number,
  ): Expression {
    const last: Syntax = otherwise ?? { kind: 'null', at };
    const values = this.#alike([...branches.map(({ value }) => value), last], expected, at);
    const typed = branches.map(({ when }, i) => ({ when: this.typed(when, 'bool'), value: values[i]! }));
    return { kind: 'case', branches: typed, otherwise: values.at(-1)!, type: values[0]!.type };
  }

  #call(name: string, args: readonly Syntax[], expected: ExpressionType | null, at: number): Expression {
    const only = (): Syntax => {
      if (args.length === 1) return args[0]!;
      throw new ExpressionFault(`${name} takes one value, got ${args.length}`, at);
    };
    switch (name) {
      case 'abs':
      case 'floor': {
        const operand = this.#number(only());
        // The floor of an integer is the integer.
        return name === 'floor' && operand.type === 'int64'
          ? operand
          : { kind: name, operand, type: operand.type };
      }
      case 'round':
        return this.#round(args, at);
      case 'coalesce': {
        if (args.length === 0) throw new ExpressionFault('coalesce takes values', at);
        const items = this.#alike(args, expected, at);
        return { kind: 'coalesce', items, type: items[0]!.type };
      }
      case 'lower':
      case 'upper':
      case 'trim':
        return { kind: 'text', function: name, operand: this.typed(only(), 'string'), type: 'string' };
      case 'substring':
        return this.#substring(args, at);
      case 'year':
      case 'month':
      case 'day':
      case 'hour':
      case 'minute':
      case 'isodow':
        return { kind: 'part', part: name, operand: this.typed(only(), 'timestamp'), type: 'int64' };
      default:
        throw new ExpressionFault(`there is no function ${name}${didYouMean(name, FUNCTIONS)}`, at);
    }
  }

  #round(args: readonly Syntax[], at: number): Expression {
    if (args.length < 1 || args.length > 2)
      throw new ExpressionFault('round takes a number and its decimals', at);
    const operand = this.#number(args[0]!);
    const digits = args.length === 1 ? 0 : literalInt(args[1]!, 0, MAX_ROUND_DIGITS, 'the decimals of round');
    return operand.type === 'int64' ? operand : { kind: 'round', operand, digits, type: 'float64' };
  }

  #substring(args: readonly Syntax[], at: number): Expression {
    if (args.length < 2 || args.length > 3) {
      throw new ExpressionFault('substring takes a text, where it begins (from 1) and perhaps a length', at);
    }
    const operand = this.typed(args[0]!, 'string');
    const from = literalInt(args[1]!, 1, MAX_POSITION, 'the beginning of substring');
    const length =
      args.length === 2 ? null : literalInt(args[2]!, 0, MAX_POSITION, 'the length of substring');
    return { kind: 'substring', operand, from, length, type: 'string' };
  }

  #number(syntax: Syntax): Expression {
    const found = this.#known(syntax);
    if (isNumber(found.type)) return found;
    throw new ExpressionFault(`expected a number, got ${a(found.type)}`, syntax.at);
  }

  #known(syntax: Syntax): Expression {
    return this.typed(syntax, null);
  }

  #alike(items: readonly Syntax[], expected: ExpressionType | null, at: number): Expression[] {
    return unified(this.#each(items, expected), items, expected, at);
  }

  /** @returns null for a literal null, which takes the type of its neighbours */
  #each(items: readonly Syntax[], expected: ExpressionType | null): (Expression | null)[] {
    return items.map((item) => (item.kind === 'null' ? null : this.#any(item, expected)));
  }
}

/** @returns the expressions in one type: that of the typed ones, or the expected one when all are null */
function unified(
  found: readonly (Expression | null)[],
  items: readonly Syntax[],
  expected: ExpressionType | null,
  at: number,
): Expression[] {
  const types = found.flatMap((item) => (item === null ? [] : [item.type]));
  const first = types[0] ?? expected;
  if (first === null) throw new ExpressionFault('null alone has no type', at);
  const type = types.includes('float64') && types.every(isNumber) ? 'float64' : first;
  return found.map((item, i) =>
    item === null ? { kind: 'value', value: null, type } : fitted(item, type, items[i]!.at),
  );
}

/** @returns the expression in a type: an integer is widened where a float is expected */
function fitted(found: Expression, expected: ExpressionType, at: number): Expression {
  if (found.type === expected) return found;
  if (expected === 'float64' && found.type === 'int64') return widened(found);
  throw new ExpressionFault(`expected ${a(expected)}, got ${a(found.type)}`, at);
}

function literalInt(syntax: Syntax, least: number, most: number, what: string): number {
  if (syntax.kind === 'int' && syntax.value >= BigInt(least) && syntax.value <= BigInt(most)) {
    return Number(syntax.value);
  }
  throw new ExpressionFault(`${what} is a literal from ${least} to ${most}`, syntax.at);
}

function widened(operand: Expression): Expression {
  if (operand.kind === 'value' && typeof operand.value === 'bigint') {
    return { kind: 'value', value: Number(operand.value), type: 'float64' };
  }
  return { kind: 'widen', operand, type: 'float64' };
}

function isNumber(type: ExpressionType): boolean {
  return type === 'int64' || type === 'float64';
}

function isEquality(operator: Comparison | BinaryOperator): boolean {
  return operator === '=' || operator === '<>';
}

/** A value of the type, in the words of a message. */
function a(type: ExpressionType): string {
  return type === 'bool'
    ? 'true or false'
    : type === 'string'
      ? 'a text'
      : type === 'int64'
        ? 'an int64'
        : `a ${type}`;
}
