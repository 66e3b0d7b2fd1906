/**
 * A realm of its own for one function computed on demand: the language without clock, randomness, locale and process,
 * and frozen, so that nothing stays behind from call to call. It guards against mistakes, not against attackers.
 *
 *   left      what KEPT names; Math without random; Date with one argument and its UTC methods; lists, buffers and
 *             texts of a million at most where a length makes them
 *   hidden    the frames of a stack: they hold paths of the program, and are others in each program
 *   gone      eval and Function (no code is made of text), Promise, Proxy, Reflect, Intl, WeakRef, console, timers, ...
 *   undone    what a function leaves to be done after its call, as async functions do: the realm has a queue of its own
 *             for that, which runs after its scripts and never after a call
 *
 * Its global object is an ordinary one (DONT_CONTEXTIFY): in a contextified realm each use of `Math` would go through
 * an interceptor. Making a realm takes about 1 ms.
 */
import { constants, createContext, Script } from 'node:vm';
import type { Context } from 'node:vm';

/** The names that a function may use besides its own. */
export const KEPT = [
  'undefined',
  'NaN',
  'Infinity',
  'Object',
  'Array',
  'String',
  'Number',
  'Boolean',
  'BigInt',
  'Symbol',
  'Math',
  'JSON',
  'Map',
  'Set',
  'RegExp',
  'Date',
  'Error',
  'AggregateError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'isNaN',
  'isFinite',
  'parseInt',
  'parseFloat',
  'encodeURIComponent',
  'decodeURIComponent',
  'encodeURI',
  'decodeURI',
] as const;

interface Realm {
  readonly context: Context;
  /** @returns the frames of the stack of an error that was made in the realm, one a line; '' where there are none */
  readonly framesOf: (error: unknown) => string;
}

export function makeRealm(): Realm {
  // The types know no realm without a context object before Node 24.
  const bare = constants.DONT_CONTEXTIFY as unknown as Context;
  const context = createContext(bare, {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: 'afterEvaluate',
  });
  const framesOf = HIDE_FRAMES.runInContext(context) as Realm['framesOf'];
  for (const step of SET_UP) step.runInContext(context);
  return { context, framesOf };
}

/** Its text runs in the realm, so it uses the language alone. */
function inRealm(step: (global: never, kept: readonly string[]) => unknown): Script {
  return new Script(`'use strict';(${step.toString()})(this, ${JSON.stringify(KEPT)})`);
}

const HIDE_FRAMES = inRealm(hideFrames);
const SET_UP = [limitDate, limitSizes, removeTheRest, freezeAll].map(inRealm);

/** Leaves of Date what depends on its argument alone: no clock, and no time zone of the machine. */
function limitDate(global: object): void {
  const Whole = Date;
  const { construct, ownKeys, deleteProperty } = Reflect;
  const { parse } = Date;
  const refused = (what: string): never => {
    throw new TypeError(`${what}; take the time as an input, t.requestTime()`);
  };
  const zoned = /^[+-]?\d{4,6}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;
  const timeOf = (value: unknown): unknown => {
    if (typeof value !== 'string') return value;
    return zoned.test(value) ? parse(value) : refused(`a date without a time zone, "${value}"`);
  };
  const limited = function LimitedDate(...given: unknown[]): unknown {
    if (new.target === undefined || given.length === 0) refused('there is no clock here');
    if (given.length > 1)
      refused('new Date(year, month, ...) is of a time zone: write new Date(Date.UTC(...))');
    return construct(Whole, [timeOf(given[0])], new.target as never);
  };
  const own = {
    name: 'Date',
    prototype: Whole.prototype,
    UTC: Whole.UTC,
    parse: (text: unknown) => timeOf(String(text)),
    now: () => refused('there is no clock here'),
  };
  for (const [name, value] of Object.entries(own)) Object.defineProperty(limited, name, { value });
  for (const name of ownKeys(Whole.prototype)) {
    const stays = /^(constructor|getTime|setTime|valueOf|[gs]etUTC\w+|toISOString|toJSON)$/;
    if (typeof name === 'string' && !stays.test(name)) deleteProperty(Whole.prototype, name);
  }
  Object.defineProperty(Whole.prototype, 'constructor', { value: limited });
  Object.defineProperty(global, 'Date', { value: limited });
}

/**
 * Refuses single lists, buffers and texts of more than a million: a native method fills one without a pause, however
 * much memory that takes, and the memory of buffers has no other bound.
 */
function limitSizes(global: Record<string, unknown>, kept: readonly string[]): void {
  const {
    apply,
    construct,
    defineProperty,
    getOwnPropertyDescriptor,
    getPrototypeOf,
    ownKeys,
    setPrototypeOf,
  } = Reflect;
  const most = 1_048_576;
  type Native = new (...given: unknown[]) => object;
  type Sized = { readonly length?: unknown } | null | undefined;
  const check = (size: unknown, what: string): void => {
    if (typeof size === 'number' && size > most)
      throw new RangeError(`${what} of ${size}: a function may have ${most} at once`);
  };
  for (const name of kept.filter((one) => /^(Array|ArrayBuffer|\w+\d+(Clamped)?Array)$/.test(one))) {
    const Whole = global[name] as Native & { from?(...given: unknown[]): unknown };
    const limited = function Limited(this: unknown, ...given: unknown[]): unknown {
      const [first] = given;
      if (given.length === 1) check(typeof first === 'object' ? (first as Sized)?.length : first, name);
      return new.target === undefined
        ? apply(Whole, this, given)
        : construct(Whole, given, new.target as never);
    };
    setPrototypeOf(limited, getPrototypeOf(Whole));
    for (const key of ownKeys(Whole)) defineProperty(limited, key, getOwnPropertyDescriptor(Whole, key)!);
    if (Whole.from !== undefined) {
      const from = function (this: unknown, ...given: unknown[]): unknown {
        check((given[0] as Sized)?.length, name);
        return apply(Whole.from!, this === limited ? Whole : this, given);
      };
      defineProperty(limited, 'from', { value: from });
    }
    defineProperty(Whole.prototype as object, 'constructor', { value: limited });
    defineProperty(global, name, { value: limited });
  }
  const texts = String.prototype as unknown as Record<string, (this: string, ...given: unknown[]) => unknown>;
  const sizeOf: Readonly<Record<string, (text: string, given: unknown) => number>> = {
    repeat: (text, times) => text.length * Number(times),
    padStart: (_, length) => Number(length),
    padEnd: (_, length) => Number(length),
    split: (text) => text.length,
  };
  for (const [name, size] of Object.entries(sizeOf)) {
    const whole = texts[name]!;
    const limited = function (this: string, ...given: unknown[]): unknown {
      check(size(this, given[0]), 'a text');
      return apply(whole, this, given);
    };
    defineProperty(texts, name, { value: limited });
  }
}

/** Takes away every other name, and what hangs on a locale, makes promises, remembers the last match or the stack. */
function removeTheRest(global: object, kept: readonly string[]): void {
  const { ownKeys, deleteProperty, getPrototypeOf } = Reflect;
  const numbers = getPrototypeOf(Uint8Array.prototype) as object;
  const classes: object[] = [Object, String, Number, BigInt, Array].map((one) => one.prototype as object);
  for (const prototype of [...classes, numbers]) {
    for (const name of ownKeys(prototype)) {
      if (typeof name === 'string' && /locale/i.test(name)) deleteProperty(prototype, name);
    }
  }
  for (const name of ownKeys(RegExp)) {
    if (typeof name === 'string' && !['length', 'name', 'prototype'].includes(name))
      deleteProperty(RegExp, name);
  }
  // It makes another expression of one, frozen or not.
  deleteProperty(RegExp.prototype, 'compile');
  deleteProperty(Math, 'random');
  deleteProperty(Array, 'fromAsync');
  const promises = getPrototypeOf((async () => {})()) as object;
  Object.defineProperty(promises, 'constructor', { value: undefined });
  deleteProperty(Error, 'captureStackTrace');
  for (const name of ownKeys(global)) {
    if (typeof name !== 'string' || !kept.includes(name)) deleteProperty(global, name);
  }
}

/** Makes `stack` name and message alone. V8 asks for the text of a stack when it is first read. */
function hideFrames(): (error: unknown) => string {
  const frames = new WeakMap<object, string>();
  const prepareStackTrace = (error: Error, trace: readonly unknown[]): string => {
    frames.set(error, trace.join('\n'));
    try {
      return `${String(error.name)}: ${String(error.message)}`;
    } catch {
      return 'Error';
    }
  };
  Object.defineProperty(Error, 'prepareStackTrace', { value: prepareStackTrace });
  return (error) => {
    try {
      void (error as Error).stack;
      return frames.get(error as Error) ?? '';
    } catch {
      return '';
    }
  };
}

/** Freezes all that can be reached. Names that libraries commonly give to their own objects can still be given. */
function freezeAll(global: object): void {
  const { freeze, getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, getPrototypeOf } =
    Object;
  const { defineProperty } = Object;
  const leaveOpen = (of: object, names: readonly string[]): void => {
    for (const name of names) {
      const { value } = getOwnPropertyDescriptor(of, name)! as { value: unknown };
      const set = function setOwn(this: object, given: unknown): void {
        if (this === of) throw new TypeError(`"${name}" of the language cannot be changed`);
        defineProperty(this, name, { value: given, writable: true, enumerable: true, configurable: true });
      };
      defineProperty(of, name, { get: () => value, set });
    }
  };
  leaveOpen(Object.prototype, ['constructor', 'toString', 'valueOf']);
  leaveOpen(Error.prototype, ['constructor', 'name', 'message', 'toString']);
  const seen = new Set<unknown>();
  const freezeFrom = (value: unknown): void => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value))
      return;
    seen.add(value);
    freeze(value);
    freezeFrom(getPrototypeOf(value));
    for (const key of [...getOwnPropertyNames(value), ...getOwnPropertySymbols(value)]) {
      const { value: inner, get, set } = getOwnPropertyDescriptor(value, key)!;
      for (const one of [inner, get, set, given(value, get)] as unknown[]) freezeFrom(one);
    }
  };
  const given = (of: object, get: (() => unknown) | undefined): unknown => {
    try {
      return get?.call(of);
    } catch {
      // Most accessors of a prototype are of what is made with it.
      return undefined;
    }
  };
  const iterator = [].values() as unknown as {
    drop(count: number): unknown;
    readonly constructor: { from(of: object): unknown };
  };
  // No global name leads to these.
  const made: unknown[] = [
    function* generator() {},
    async () => {},
    (async () => {})(),
    async function* generator() {},
    [][Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    ''[Symbol.iterator](),
    'x'.matchAll(/x/g),
    // Of iterators, which the types do not have yet.
    iterator.drop(0),
    iterator.constructor.from({ next() {} }),
  ];
  for (const one of made) freezeFrom(getPrototypeOf(one));
  freezeFrom(global);
}
