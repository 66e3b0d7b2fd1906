/** The words of an expression: names, numbers, texts and signs, each with its place. */

type TokenKind = 'name' | 'quoted' | 'keyword' | 'int' | 'float' | 'string' | 'sign' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** The word in one form: a keyword in lower case, a quoted name or a text without its quotes. */
  readonly text: string;
  /** Index of its first character. */
  readonly at: number;
}

/** What is wrong with an expression, and where. */
export class ExpressionFault extends Error {
  /** Index into the expression's text. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = 'ExpressionFault';
    this.at = at;
  }
}

const MAX_EXPRESSION = 10_000;

const KEYWORDS = new Set('and or not in is null true false case when then else end'.split(' '));
const SPACE = /[ \t\r\n]+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const FLOAT = /\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y;
const INT = /\d+/y;
const TEXT = /'(?:[^']|'')*'/y;
const QUOTED = /"(?:[^"]|"")*"/y;
const SIGN = /<>|!=|<=|>=|[-+*/=<>(),]/y;

/** @returns whether a column of that name needs no quotes */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toLowerCase());
}

/**
 * @returns  the words in order, and one of kind `end`
 * @throws   ExpressionFault
 */
export function tokensOf(text: string): Token[] {
  if (text.length > MAX_EXPRESSION) {
    throw new ExpressionFault(`an expression has at most ${MAX_EXPRESSION} characters`, MAX_EXPRESSION);
  }
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const blank = matchAt(SPACE, text, at);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const [token, length] = tokenAt(text, at);
    tokens.push(token);
    at += length;
  }
  tokens.push({ kind: 'end', text: '', at: text.length });
  return tokens;
}

function tokenAt(text: string, at: number): [Token, number] {
  const name = matchAt(NAME, text, at);
  if (name !== null) {
    const word = name.toLowerCase();
    const token = KEYWORDS.has(word) ? { kind: 'keyword', text: word, at } : { kind: 'name', text: name, at };
    return [token as Token, name.length];
  }
  const float = matchAt(FLOAT, text, at);
  if (float !== null) return [{ kind: 'float', text: float, at }, float.length];
  const int = matchAt(INT, text, at);
  if (int !== null) return [{ kind: 'int', text: int, at }, int.length];
  const quoted = matchAt(QUOTED, text, at);
  if (quoted !== null) {
    return [{ kind: 'quoted', text: quoted.slice(1, -1).replaceAll('""', '"'), at }, quoted.length];
  }
  const string = matchAt(TEXT, text, at);
  if (string !== null) {
    const value = string.slice(1, -1).replaceAll("''", "'");
    if (!value.isWellFormed() || value.includes('\0')) {
      throw new ExpressionFault('a text holds no NUL and no lone surrogate', at);
    }
    return [{ kind: 'string', text: value, at }, string.length];
  }
  const sign = matchAt(SIGN, text, at);
  if (sign !== null) return [{ kind: 'sign', text: sign === '!=' ? '<>' : sign, at }, sign.length];
  const char = String.fromCodePoint(text.codePointAt(at)!);
  if (char === "'" || char === '"') throw new ExpressionFault(`the ${char} is never closed`, at);
  const hint = char === '%' ? '; there is no remainder' : char === ';' ? '; one expression is one value' : '';
  throw new ExpressionFault(`${JSON.stringify(char)} means nothing here${hint}`, at);
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
