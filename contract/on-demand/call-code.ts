/**
 * The code that stands between a program and a function computed on demand, as text; it runs in the function's realm.
 *
 *   values of the program -> a fresh, frozen object -> compute(object) -> checks of each feature -> outputs
 *
 * It is made from the schema, so that a row of ten takes about 150 ns and not 450 as with loops over the names. The
 * function sees objects of its own realm alone: values are copied in, and out again by the program's `make`.
 */
import type { OnDemandView } from '../model.ts';
import type { ValueType } from '../value-type.ts';
import type { OnDemandArgument } from './arguments.ts';

/** What the message ends with of a function that returned a time which no timestamp is. */
export const OUTSIDE_YEARS = ', and times end with the year 9999, of numbers with 2255';

/** Makes values outside the realm; the code fills them with primitives and bytes. */
interface ValueMaker {
  list(): unknown[];
  map(): Map<string, unknown>;
  struct(): Record<string, unknown>;
  bytes(of: Uint8Array): Uint8Array;
  floats(of: Float32Array): Float32Array;
}

export const VALUE_MAKER: ValueMaker = {
  list: () => [],
  map: () => new Map(),
  struct: () => ({}),
  bytes: (of) => new Uint8Array(of),
  floats: (of) => new Float32Array(of),
};

/**
 * A call in the realm: takes the values of the arguments and the place for the outputs.
 *
 * @returns '' when the outputs are there; else the reason, a line break, and what there is to say of it
 */
export type RealmCall = (values: readonly unknown[], outputs: unknown[]) => string;

/** What the code is an expression of; `framesOf` tells the frames of an error's stack. */
export type JoinInRealm = (
  compute: unknown,
  make: ValueMaker,
  framesOf: (error: unknown) => string,
) => RealmCall;

/** An arrow function that takes the object apart at once, such as `({ cart, spent_1d: spent }) =>`. */
const TAKES_APART = /^\(\{\s*[\w$]+(?:\s*:\s*[\w$]+)?(?:\s*,\s*[\w$]+(?:\s*:\s*[\w$]+)?)*\s*,?\s*\}\)\s*=>/;

/**
 * @param source  of the function: of one that never holds the object it is given that object need not be frozen, which
 *                saves a fifth of what fifty rows cost
 * @returns       the text of an expression, a JoinInRealm
 */
export function callCode(
  args: readonly OnDemandArgument[],
  { features, int64 }: Pick<OnDemandView, 'features' | 'int64'>,
  source: string,
): string {
  const freezing = TAKES_APART.test(source) ? '' : 'freeze';
  const writer = new CodeWriter(int64);
  const entries = args.map(({ name, type }, i) => `${key(name)}: ${writer.given(type, `values[${i}]`)}`);
  const checks = features.map(({ name, type }, i) => {
    const at = JSON.stringify(name);
    return `    const x${i} = result[${at}];${SIZED.has(type.kind) ? ' left = MAX_SIZE;' : ''}
    if (x${i} === null) outputs[${i}] = null;
    else if ((outputs[${i}] = ${writer.returned(type, `x${i}`)}) === NO) return wrong(${at}, x${i}, result);`;
  });
  return `(compute, make, framesOf) => {
  'use strict';
${TOOLS}
  const names = ${JSON.stringify(features.map(({ name }) => name))};
${writer.functions.join('\n')}
  return (values, outputs) => {
    let given;
    try { given = ${freezing}({ ${entries.join(', ')} }); } catch (error) { return 'argument\\n' + textOf(error); }
    try {
    const result = compute(given);
    if (typeof result !== 'object' || result === null) return 'returned\\nit returned ' + shown(result);
${checks.join('\n')}
    if (keys(result).length > ${features.length}) return 'returned\\nit returned ' + unknown(result, names);
    return '';
    } catch (error) { return 'threw\\n' + textOf(error); }
  };
}`;
}

const SIZED = new Set<ValueType['kind']>(['string', 'bytes', 'list', 'map', 'struct']);

/** What the code of every view has. Nothing of the realm can be changed, so its own functions can be relied on. */
const TOOLS = String.raw`  const { freeze, keys, getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Object;
  const { isArray } = Array;
  const { isSafeInteger } = Number;
  const { asIntN } = BigInt;
  const { fround } = Math;
  // Those of the language themselves: the realm's names for them look at each length.
  const Bytes = Uint8Array.prototype.constructor;
  const Floats = Float32Array.prototype.constructor;
  const NO = Symbol('no value of the type');
  // What one feature may still have: a character or byte is 1, an item 8 besides what it holds. It fits a log's record.
  const MAX_SIZE = 65_536;
  let left = MAX_SIZE;
  const fits = (size) => (left -= size) >= 0;
  const tag = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
  const tagOf = (x) => tag.call(x);
  // A function may have given a typed array another length of its own.
  const sizeOf = getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), 'length').get;
  const lengthOf = (x) => sizeOf.call(x);
  // Of "__proto__" an assignment would make a prototype.
  const put = (to, name, value) => defineProperty(to, name, { value, writable: true, enumerable: true, configurable: true });
  const number = (x) => {
    if (x <= 9007199254740991n && x >= -9007199254740991n) return Number(x);
    throw new RangeError(x + ' is past 2^53 - 1, and the function takes numbers (int64: "bigint" takes all, times too)');
  };
  const whole = (x) => {
    if (typeof x === 'number') return isSafeInteger(x) ? BigInt(x) : NO;
    return typeof x === 'bigint' && asIntN(64, x) === x ? x : NO;
  };
  // RFC 3339 has years of four digits, and readers of answers take no others.
  let isOutside = false;
  const time = (x) => {
    const us = whole(x);
    if (us !== NO && us >= -62135596800000000n && us <= 253402300799999999n) return us;
    isOutside = typeof x === 'bigint' || Number.isInteger(x);
    return NO;
  };
  const text = (x) => (typeof x === 'string' && fits(x.length) && x.isWellFormed() ? x : NO);
  // UTF-16 has surrogates below U+E000, UTF-8 their characters above.
  const rank = (unit) => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);
  const byBytes = (a, b) => {
    for (let i = 0; i < a.length && i < b.length; i++) {
      const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
      if (x !== y) return rank(x) - rank(y);
    }
    return a.length - b.length;
  };
  // Of these the language's own order is that of the bytes, and is found without a call for each pair.
  const isBelowSurrogates = (text) => {
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0xd800) return false;
    return true;
  };
  // The keys of a map in byte order, as rows and the log have them: a function must not see another order elsewhere.
  const namesOf = (map) => {
    const names = [];
    let isPlain = true;
    map.forEach((_, k) => { names.push(k); isPlain = isPlain && isBelowSurrogates(k); });
    return isPlain ? names.sort() : names.sort(byBytes);
  };
  const floats = (x, size) => {
    const isFloats = tagOf(x) === 'Float32Array';
    if ((isFloats ? lengthOf(x) : isArray(x) ? x.length : -1) !== size) return NO;
    return isFloats || x.every((item) => typeof item === 'number') ? make.floats(new Floats(x)) : NO;
  };
  const shown = (x) => {
    if (typeof x === 'string') return 'the text ' + JSON.stringify(x.slice(0, 40));
    if (typeof x === 'number') return 'the number ' + (x === 0 && 1 / x < 0 ? '-0' : x);
    if (typeof x === 'bigint') return 'the bigint ' + x;
    if (x === null || typeof x !== 'object') return typeof x === 'boolean' ? String(x) : x === null ? 'null' : typeof x;
    if (typeof x.then === 'function') return 'a promise';
    return isArray(x) ? 'a list of ' + x.length : tagOf(x) === undefined ? 'an object' : 'a ' + tagOf(x) + ' of ' + x.length;
  };
  const wrong = (name, x, result) => {
    const what = left < 0 ? 'more than 64 KiB' : shown(x);
    const why = isOutside ? '${OUTSIDE_YEARS}' : '';
    [left, isOutside] = [MAX_SIZE, false];
    return 'returned\n' + (typeof result.then === 'function' ? 'it returned a promise' : 'it returned ' + what + ' as "' + name + '"' + why);
  };
  const unknown = (result, names) => {
    const more = keys(result).find((name) => !names.includes(name));
    return more === undefined ? 'more than its features' : '"' + more.slice(0, 40) + '", which is no feature of the view';
  };
  const textOf = (error) => {
    try {
      const text = error instanceof Error ? error.name + ': ' + error.message : 'it threw ' + shown(error);
      return text.slice(0, 300).replaceAll('\n', ' ') + '\n' + framesOf(error).slice(0, 4000);
    } catch { return 'it threw what cannot be shown'; }
  };`;

/** The key of an object literal; `__proto__` must be computed, or it would be the prototype. */
function key(name: string): string {
  return name === '__proto__' ? '["__proto__"]' : JSON.stringify(name);
}

/** Writes the conversion of each type; those that need a loop become functions of the code. */
class CodeWriter {
  readonly functions: string[] = [];
  readonly #int64: OnDemandView['int64'];

  constructor(int64: OnDemandView['int64']) {
    this.#int64 = int64;
  }

  /** @returns an expression: the value of `from`, an expression without effects, as the function gets it */
  given(type: ValueType, from: string): string {
    const copied = this.#copied(type, from);
    return copied === from ? from : `${from} === null ? null : ${copied}`;
  }

  #copied(type: ValueType, from: string): string {
    switch (type.kind) {
      case 'timestamp':
      case 'int64':
        return this.#int64 === 'bigint' ? from : `number(${from})`;
      case 'bytes':
        return `new Bytes(${from})`;
      case 'embedding':
        return `new Floats(${from})`;
      case 'list': {
        const item = this.given(type.of, 'from[i]');
        const body = `const to = []; for (let i = 0; i < from.length; i++) to.push(${item}); return freeze(to);`;
        return this.#function('from', body, from);
      }
      case 'map': {
        const body = `const to = new Map(); const names = namesOf(from);
    for (let i = 0; i < names.length; i++) { const x = from.get(names[i]); to.set(names[i], ${this.given(type.of, 'x')}); }
    return to;`;
        return this.#function('from', body, from);
      }
      case 'struct': {
        const fields = type.fields.map(
          (field) => `${key(field.name)}: ${this.given(field.type, `from[${JSON.stringify(field.name)}]`)}`,
        );
        return this.#function('from', `return freeze({ ${fields.join(', ')} });`, from);
      }
      default:
        return from;
    }
  }

  /** @returns an expression: the program's value of `x`, a variable that is not null; NO: it is no value of the type */
  returned(type: ValueType, x: string): string {
    switch (type.kind) {
      case 'bool':
        return `(typeof ${x} === 'boolean' ? ${x} : NO)`;
      case 'int32':
        return `(typeof ${x} === 'number' && (${x} | 0) === ${x} ? ${x} | 0 : NO)`;
      case 'int64':
        return `whole(${x})`;
      case 'timestamp':
        return `time(${x})`;
      case 'float32':
        return `(typeof ${x} === 'number' ? fround(${x}) : NO)`;
      case 'float64':
        return `(typeof ${x} === 'number' ? ${x} : NO)`;
      case 'string':
        return `text(${x})`;
      case 'bytes':
        return `(tagOf(${x}) === 'Uint8Array' && fits(lengthOf(${x})) ? make.bytes(${x}) : NO)`;
      case 'embedding':
        return `floats(${x}, ${type.size})`;
      case 'list':
        return this.#function('x', listBody(this.#item(type.of)), x);
      case 'map':
        return this.#function('x', mapBody(this.#item(type.of)), x);
      case 'struct':
        return this.#function('x', this.#structBody(type.fields), x);
    }
  }

  /** An item of a list, map or struct: null, or what its type makes of it. */
  #item(type: ValueType): string {
    const value = this.returned(type, 'item');
    // An embedding is as large as its type says, but a list may have many.
    const checked = type.kind === 'embedding' ? `(fits(${4 * type.size}) ? ${value} : NO)` : value;
    return `(item === null ? null : ${checked})`;
  }

  #structBody(fields: readonly { readonly name: string; readonly type: ValueType }[]): string {
    const each = fields.map(({ name, type }, i) => {
      const at = JSON.stringify(name);
      return `{ const item = x[${at}]; const y${i} = ${this.#item(type)}; if (y${i} === NO) return NO; put(to, ${at}, y${i}); }`;
    });
    return `if (typeof x !== 'object') return NO; const to = make.struct(); ${each.join(' ')} return to;`;
  }

  /** @returns a call of a new function with this parameter and body */
  #function(parameter: string, body: string, argument: string): string {
    const name = `f${this.functions.length}`;
    this.functions.push(`  const ${name} = (${parameter}) => { ${body} };`);
    return `${name}(${argument})`;
  }
}

function listBody(item: string): string {
  return `if (!isArray(x) || !fits(8 * x.length)) return NO; const to = make.list();
    for (let i = 0; i < x.length; i++) { const item = x[i]; const y = ${item}; if (y === NO) return NO; to.push(y); }
    return to;`;
}

function mapBody(item: string): string {
  return `if (!(x instanceof Map) || !fits(8 * x.size)) return NO; let good = true;
    x.forEach((_, k) => { if (text(k) === NO) good = false; }); if (!good) return NO; const names = namesOf(x); const to = make.map();
    for (let i = 0; i < names.length; i++) {
      const item = x.get(names[i]); const y = ${item}; if (y === NO) return NO; to.set(names[i], y);
    }
    return to;`;
}
