/**
 * Reads JSON from front to back and gives each value as it is asked for, never as a whole: numbers keep their own text,
 * names that come twice can be seen, and what nobody asks for makes no objects. `JSON.parse` would round integers past
 * 2^53 and keep the last of two values of one name.
 *
 * A method that meets something else says so in `fault` and returns undefined; nothing throws.
 */
import { isAscii, isUtf8 } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const LOWER_E = 0x65;
const SHOWN = 40;

export class JsonCursor {
  text = '';
  at = 0;
  /** What is wrong, in words that follow "the message"; '' while nothing is. */
  fault = '';

  /** @returns false when the bytes are no UTF-8 */
  open(bytes: Uint8Array): boolean {
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.fault = '';
    if (isAscii(buffer)) {
      this.text = buffer.toString('latin1');
      return true;
    }
    if (!isUtf8(buffer)) {
      this.fault = 'is no UTF-8';
      return false;
    }
    this.text = buffer.toString('utf8');
    // A byte order mark may be ignored (RFC 8259, section 8.1), and some producers write one.
    if (this.text.charCodeAt(0) === 0xfeff) this.at = 1;
    return true;
  }

  /** The code of the next sign that is no blank, which is not taken; NaN at the end. */
  peek(): number {
    const { text } = this;
    let at = this.at;
    let code = text.charCodeAt(at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++at);
    this.at = at;
    return code;
  }

  /** Takes one sign, blanks before it. */
  take(sign: number): boolean {
    if (this.peek() !== sign) return this.expect(`"${String.fromCharCode(sign)}"`);
    this.at += 1;
    return true;
  }

  /** After a member: true when another one follows, false at the end; undefined: neither. */
  more(end: number): boolean | undefined {
    const code = this.peek();
    if (code === 0x2c) {
      this.at += 1;
      return true;
    }
    if (code === end) {
      this.at += 1;
      return false;
    }
    this.expect(`"," or "${String.fromCharCode(end)}"`);
    return undefined;
  }

  /** Takes the brace or bracket that opens; true when it is not closed at once. */
  opened(open: number, close: number): boolean {
    if (!this.take(open)) return false;
    if (this.peek() !== close) return true;
    this.at += 1;
    return false;
  }

  /** Whether the text at the cursor is this name in quotes, which is then taken. */
  takeName(quoted: string): boolean {
    const { text, at } = this;
    for (let i = 0; i < quoted.length; i++)
      if (text.charCodeAt(at + i) !== quoted.charCodeAt(i)) return false;
    this.at = at + quoted.length;
    return true;
  }

  string(): string | undefined {
    if (this.peek() !== QUOTE) return this.expectValue('a text');
    const { text } = this;
    const from = this.at + 1;
    for (let end = from; ; end++) {
      const code = text.charCodeAt(end);
      if (code === QUOTE) {
        this.at = end + 1;
        return text.slice(from, end);
      }
      if (code === BACKSLASH) return this.#escaped(end);
      if (!(code >= 0x20)) return this.#unclosed(end, code);
    }
  }

  /**
   * Takes a number and leaves its text in place.
   *
   * @returns where it began; undefined: there is none
   */
  number(): number | undefined {
    const { text } = this;
    if (Number.isNaN(this.peek())) return this.expectValue('a number');
    const from = this.at;
    let at = from;
    if (text.charCodeAt(at) === MINUS) at += 1;
    const first = text.charCodeAt(at);
    if (!isDigit(first)) return this.expectValue('a number');
    at += 1;
    if (first !== ZERO) while (isDigit(text.charCodeAt(at))) at += 1;
    if (text.charCodeAt(at) === POINT) {
      at += 1;
      if (!isDigit(text.charCodeAt(at))) return this.#broken(at, 'a digit');
      while (isDigit(text.charCodeAt(at))) at += 1;
    }
    if ((text.charCodeAt(at) | 0x20) === LOWER_E) {
      at += 1;
      const sign = text.charCodeAt(at);
      if (sign === PLUS || sign === MINUS) at += 1;
      if (!isDigit(text.charCodeAt(at))) return this.#broken(at, 'a digit');
      while (isDigit(text.charCodeAt(at))) at += 1;
    }
    this.at = at;
    return from;
  }

  /** Takes `true`, `false` or `null` where it stands. */
  word(word: string): boolean {
    this.peek();
    return this.takeName(word);
  }

  /** Takes any value. @returns false when it is none */
  skip(): boolean {
    const code = this.peek();
    if (code === QUOTE) return this.string() !== undefined;
    if (code === OPEN || code === OPEN_LIST) return this.#skipNested();
    if (this.takeName('null') || this.takeName('true') || this.takeName('false')) return true;
    return this.number() !== undefined;
  }

  /** Nothing but blanks may follow. */
  atEnd(): boolean {
    return Number.isNaN(this.peek()) && this.at >= this.text.length ? true : this.expect('its end');
  }

  /** The value at the cursor as text to show, not taken. */
  shown(): string {
    const code = this.peek();
    if (code === OPEN) return 'an object';
    if (code === OPEN_LIST) return 'a list';
    const rest = this.text.slice(this.at, this.at + SHOWN + 1);
    const value = /^(?:"(?:[^"\\]|\\.)*"?|[^\s,\]}]*)/.exec(rest)![0];
    return value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value === '' ? 'nothing' : value;
  }

  /** @returns false */
  expect(what: string): false {
    if (this.fault === '')
      this.fault = `is no JSON: expected ${what} at character ${this.at + 1}, got ${this.shown()}`;
    return false;
  }

  /** What stands there may be JSON, only not of this kind. */
  expectValue(what: string): undefined {
    if (this.fault === '')
      this.fault = `should have ${what} at character ${this.at + 1}, got ${this.shown()}`;
    return undefined;
  }

  #broken(at: number, what: string): undefined {
    this.at = at;
    this.expect(what);
    return undefined;
  }

  #unclosed(end: number, code: number): undefined {
    this.fault = Number.isNaN(code)
      ? `is no JSON: the text at character ${this.at + 1} has no end`
      : `is no JSON: a text holds the control sign ${code} at character ${end + 1}`;
    return undefined;
  }

  /** @param from  of the first backslash of the text at the cursor */
  #escaped(from: number): string | undefined {
    const { text } = this;
    let end = from;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === BACKSLASH) end += 2;
      else if (code === QUOTE) break;
      else if (!(code >= 0x20)) return this.#unclosed(end, code);
      else end += 1;
    }
    let value: string;
    try {
      value = JSON.parse(text.slice(this.at, end + 1)) as string;
    } catch {
      return this.#broken(this.at, 'a text with escapes that there are');
    }
    if (!value.isWellFormed()) {
      this.fault = `has half a surrogate pair in the text at character ${this.at + 1}`;
      return undefined;
    }
    this.at = end + 1;
    return value;
  }

  /** A list or object that nobody reads: its end is found by brackets, then `JSON.parse` says whether it is right. */
  #skipNested(): boolean {
    const { text } = this;
    const from = this.at;
    let depth = 0;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        at = endOfText(text, at);
      } else if (code === OPEN || code === OPEN_LIST) depth += 1;
      else if (code === CLOSE || code === CLOSE_LIST) {
        depth -= 1;
        if (depth > 0) continue;
        this.at = at + 1;
        return isJson(text.slice(from, at + 1)) || this.#wrongNested(from);
      }
    }
    return this.#wrongNested(from);
  }

  #wrongNested(from: number): false {
    this.fault = `is no JSON: the value at character ${from + 1} is none`;
    return false;
  }
}

/** @returns where the closing quote stands, or the end of it all */
function endOfText(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}
