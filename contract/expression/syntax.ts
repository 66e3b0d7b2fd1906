/**
 * Reads the text of an expression into its syntax tree. From what binds loosest to what binds tightest:
 *
 *   or | and | not | = <> < <= > >= , is null, in (..) | + - | * / | - (sign) | literal, column, call, case, (..)
 *
 * Comparisons do not chain: `a < b < c` is a mistake. Pure; knows no columns and no types (`resolve.ts` does).
 */
import { ExpressionFault, tokensOf } from './token.ts';
import type { Token } from './token.ts';

export type BinaryOperator = 'or' | 'and' | Comparison | Arithmetic;
export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';
type Arithmetic = '+' | '-' | '*' | '/';

/** `at`: index of the character that a mistake about the node points to. */
export type Syntax = { readonly at: number } & (
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'not' | 'minus'; readonly operand: Syntax }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Syntax;
      readonly right: Syntax;
    }
  | { readonly kind: 'isNull'; readonly operand: Syntax; readonly negated: boolean }
  | {
      readonly kind: 'in';
      readonly operand: Syntax;
      readonly items: readonly Syntax[];
      readonly negated: boolean;
    }
  | { readonly kind: 'case'; readonly branches: readonly Branch[]; readonly otherwise: Syntax | null }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Syntax[] }
);

export interface Branch {
  readonly when: Syntax;
  readonly value: Syntax;
}

const MAX_DEPTH = 100;
const INT64_MAX = 2n ** 63n - 1n;
const COMPARISONS = ['=', '<>', '<', '<=', '>', '>='];

/** @throws ExpressionFault */
export function parseExpression(text: string): Syntax {
  const parser = new Parser(tokensOf(text));
  const tree = parser.expression();
  parser.expectEnd();
  return tree;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  expression(): Syntax {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new ExpressionFault(`more than ${MAX_DEPTH} levels of brackets`, this.#token.at);
    }
    const tree = this.#or();
    this.#depth -= 1;
    return tree;
  }

  expectEnd(): void {
    if (this.#token.kind !== 'end') throw this.#unexpected('the end, or an operator');
  }

  #or(): Syntax {
    let left = this.#and();
    for (let at = this.#token.at; this.#take('or'); at = this.#token.at) {
      left = { kind: 'binary', operator: 'or', left, right: this.#and(), at };
    }
    return left;
  }

  #and(): Syntax {
    let left = this.#not();
    for (let at = this.#token.at; this.#take('and'); at = this.#token.at) {
      left = { kind: 'binary', operator: 'and', left, right: this.#not(), at };
    }
    return left;
  }

  #not(): Syntax {
    const negations: number[] = [];
    for (let at = this.#token.at; this.#take('not'); at = this.#token.at) negations.push(at);
    return negations.reduceRight<Syntax>((operand, at) => ({ kind: 'not', operand, at }), this.#comparison());
  }

  #comparison(): Syntax {
    const left = this.#sum();
    const { at, text } = this.#token;
    if (this.#takeSign(...COMPARISONS)) {
      return { kind: 'binary', operator: text as Comparison, left, right: this.#sum(), at };
    }
    if (this.#take('is')) {
      const negated = this.#take('not');
      if (!this.#take('null')) throw this.#unexpected('null');
      return { kind: 'isNull', operand: left, negated, at };
    }
    const negated = this.#token.text === 'not' && this.#tokens[this.#next + 1]!.text === 'in';
    if (negated) this.#next += 1;
    return this.#take('in') ? { kind: 'in', operand: left, items: this.#list(), negated, at } : left;
  }

  #sum(): Syntax {
    let left = this.#product();
    for (let { at, text } = this.#token; this.#takeSign('+', '-'); { at, text } = this.#token) {
      left = { kind: 'binary', operator: text as Arithmetic, left, right: this.#product(), at };
    }
    return left;
  }

  #product(): Syntax {
    let left = this.#signed();
    for (let { at, text } = this.#token; this.#takeSign('*', '/'); { at, text } = this.#token) {
      left = { kind: 'binary', operator: text as Arithmetic, left, right: this.#signed(), at };
    }
    return left;
  }

  #signed(): Syntax {
    const { at } = this.#token;
    if (!this.#takeSign('-')) return this.#primary();
    // -9223372036854775808 is an integer, though the digits alone are none.
    if (this.#token.kind === 'int') return { kind: 'int', value: -this.#integer(INT64_MAX + 1n), at };
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new ExpressionFault(`more than ${MAX_DEPTH} signs in a row`, at);
    const operand = this.#signed();
    this.#depth -= 1;
    return { kind: 'minus', operand, at };
  }

  #primary(): Syntax {
    const { kind, text, at } = this.#token;
    if (kind === 'int') return { kind: 'int', value: this.#integer(INT64_MAX), at };
    if (kind === 'float') return { kind: 'float', value: this.#float(), at };
    if (kind === 'string' || kind === 'quoted') {
      this.#next += 1;
      return kind === 'string' ? { kind, value: text, at } : { kind: 'column', name: text, at };
    }
    if (kind === 'name') {
      this.#next += 1;
      if (this.#token.text !== '(') return { kind: 'column', name: text, at };
      return { kind: 'call', name: text.toLowerCase(), args: this.#list(), at };
    }
    if (this.#take('null')) return { kind: 'null', at };
    if (this.#take('true')) return { kind: 'bool', value: true, at };
    if (this.#take('false')) return { kind: 'bool', value: false, at };
    if (this.#take('case')) return this.#case(at);
    if (this.#takeSign('(')) {
      const inner = this.expression();
      this.#expectSign(')');
      return inner;
    }
    throw this.#unexpected('a column, a value or "("');
  }

  #case(at: number): Syntax {
    const branches: Branch[] = [];
    while (this.#take('when')) {
      const when = this.expression();
      if (!this.#take('then')) throw this.#unexpected('then');
      branches.push({ when, value: this.expression() });
    }
    if (branches.length === 0) throw this.#unexpected('when');
    const otherwise = this.#take('else') ? this.expression() : null;
    if (!this.#take('end')) throw this.#unexpected('when, else or end');
    return { kind: 'case', branches, otherwise, at };
  }

  #list(): Syntax[] {
    this.#expectSign('(');
    const items: Syntax[] = [];
    if (this.#takeSign(')')) return items;
    do items.push(this.expression());
    while (this.#takeSign(','));
    this.#expectSign(')');
    return items;
  }

  #integer(max: bigint): bigint {
    const { text, at } = this.#token;
    // 20 digits are past every integer of 64 bits.
    const value = text.length > 30 ? max + 1n : BigInt(text);
    if (value > max) throw new ExpressionFault(`${text.slice(0, 30)} is no integer of 64 bits`, at);
    this.#next += 1;
    return value;
  }

  #float(): number {
    const { text, at } = this.#token;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new ExpressionFault(`${text.slice(0, 30)} is past every float64`, at);
    this.#next += 1;
    return value;
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(keyword: string): boolean {
    const { kind, text } = this.#token;
    const is = kind === 'keyword' && text === keyword;
    if (is) this.#next += 1;
    return is;
  }

  #takeSign(...signs: readonly string[]): boolean {
    const { kind, text } = this.#token;
    const is = kind === 'sign' && signs.includes(text);
    if (is) this.#next += 1;
    return is;
  }

  #expectSign(sign: string): void {
    if (!this.#takeSign(sign)) throw this.#unexpected(`"${sign}"`);
  }

  #unexpected(expected: string): ExpressionFault {
    const { kind, text, at } = this.#token;
    const got = kind === 'end' ? 'the end' : kind === 'string' ? `the text '${text}'` : `"${text}"`;
    return new ExpressionFault(`expected ${expected}, got ${got.slice(0, 60)}`, at);
  }
}
