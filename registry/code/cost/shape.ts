/**
 * What is known of a value before the function runs: of which kinds it may be, and how large at most. Shapes never
 * change, as the values that they stand for do not: code that changes a list or an object in place is not judged.
 */
import type { ValueType } from '../../../contract/value-type.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { after, fixed, GIVEN, givenItems, greater, isSame as isSameSize, NOTHING, ONE } from './size.ts';
import type { Pass, Size } from './size.ts';

/** A bit for each kind of value. */
export const KIND = {
  undefined: 1,
  null: 2,
  boolean: 4,
  number: 8,
  bigint: 16,
  text: 32,
  list: 64,
  /** Typed arrays: bytes and embeddings. */
  typed: 128,
  map: 256,
  set: 512,
  object: 1024,
  date: 2048,
  function: 4096,
  /** What `map.values()` and its like give. */
  iterator: 8192,
  error: 16_384,
  /** What every object has without being asked: `table[name]` is one of these for the name "toString". */
  inherited: 32_768,
} as const;
export type Kind = keyof typeof KIND;

export const ABSENT = KIND.undefined | KIND.null;
const SCALAR = ABSENT | KIND.boolean | KIND.number | KIND.bigint;
export const PRIMITIVE = SCALAR | KIND.text;

export interface ValueShape {
  readonly kinds: number;
  /** Of a text its characters, of what has items these and what they hold; bigints have bits of their own. */
  readonly size: Size;
  /** Of what has items: how many. */
  readonly count: Size;
  /** Each item; its own sizes say nothing, since all together are in `size`. Of a map its values. */
  readonly item: ValueShape | null;
  /** Of objects whose members are known. */
  readonly fields: ReadonlyMap<string, ValueShape> | null;
  /** Of a bigint: how many bits it has at most. */
  readonly bits: number;
  /** The very number or short text that it is; null: it may be others. */
  readonly value: number | string | null;
  /** Whether, as far as it is a number, it is a small whole one, as places in lists and lengths are. */
  readonly isPlace: boolean;
  /** The function that it is; null: nobody knows which. */
  readonly code: Code | null;
}

/** A function: one of the project with the names that it sees (scope.ts), or the name of one of the language. */
export type Code = { readonly node: SyntaxNode; readonly scope: object } | string;

const BARE: ValueShape = {
  kinds: 0,
  size: ONE,
  count: NOTHING,
  item: null,
  fields: null,
  bits: 0,
  value: null,
  isPlace: false,
  code: null,
};

const LONGEST_LITERAL = 100;
const MOST_PLACE = 1_000_000;

function plain(kinds: number): ValueShape {
  return { ...BARE, kinds };
}

/** Of what throws before it has a value. */
export const NEVER = plain(0);
export const UNDEFINED = plain(KIND.undefined);
export const NULL = plain(KIND.null);
export const BOOLEAN = plain(KIND.boolean);
export const NUMBER = plain(KIND.number);
export const PLACE: ValueShape = { ...NUMBER, isPlace: true };
export const DATE = plain(KIND.date);
export const ERROR = plain(KIND.error);
export const INHERITED: ValueShape = { ...plain(KIND.inherited), size: fixed(100) };

export function numberOf(value: number): ValueShape {
  return { ...NUMBER, value, isPlace: Number.isInteger(value) && Math.abs(value) <= MOST_PLACE };
}
/** @param value  as it stands in the code */
export function literalText(value: string): ValueShape {
  return { ...text(fixed(value.length)), value: value.length <= LONGEST_LITERAL ? value : null };
}
export function bigint(bits: number): ValueShape {
  return { ...plain(KIND.bigint), bits };
}
export function text(size: Size): ValueShape {
  return { ...plain(KIND.text), size };
}
/** @param size  of all that it holds, items counted */
export function listOf(item: ValueShape | null, count: Size, size: Size, kind: Kind = 'list'): ValueShape {
  return { ...plain(KIND[kind]), item, count, size };
}
export function objectOf(fields: ReadonlyMap<string, ValueShape>): ValueShape {
  return { ...plain(KIND.object), fields };
}
export function functionOf(code: Code | null): ValueShape {
  return { ...plain(KIND.function), code };
}

/** The same value where it is none of these kinds. */
export function without(shape: ValueShape, kinds: number): ValueShape {
  return mayBe(shape, kinds) ? { ...shape, kinds: shape.kinds & ~kinds } : shape;
}

export function mayBe(shape: ValueShape, kinds: number): boolean {
  return (shape.kinds & kinds) !== 0;
}

/** What may be either. */
export function either(a: ValueShape, b: ValueShape): ValueShape {
  if (a === b) return a;
  return {
    kinds: a.kinds | b.kinds,
    size: greater(a.size, b.size),
    count: greater(a.count, b.count),
    item: a.item === null ? b.item : b.item === null ? a.item : either(a.item, b.item),
    fields: eitherFields(a, b),
    bits: Math.max(a.bits, b.bits),
    value: a.value === b.value ? a.value : null,
    isPlace: [a, b].every((one) => one.isPlace || !mayBe(one, KIND.number)),
    code: eitherCode(a, b),
  };
}

function eitherCode(a: ValueShape, b: ValueShape): Code | null {
  if (!mayBe(a, KIND.function)) return b.code;
  return !mayBe(b, KIND.function) || a.code === b.code ? a.code : null;
}

function eitherFields(a: ValueShape, b: ValueShape): ReadonlyMap<string, ValueShape> | null {
  if (a.fields === null || b.fields === null) {
    // Without members of its own it is no object, or one that was not known before.
    if (mayBe(a, KIND.object) && mayBe(b, KIND.object)) return null;
    return a.fields ?? b.fields;
  }
  const names = new Set([...a.fields.keys(), ...b.fields.keys()]);
  const of = (shape: ValueShape, name: string): ValueShape => shape.fields!.get(name) ?? UNDEFINED;
  return new Map([...names].map((name) => [name, either(of(a, name), of(b, name))]));
}

export function isSame(a: ValueShape | null, b: ValueShape | null): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  return (
    a.kinds === b.kinds &&
    isSameSize(a.size, b.size) &&
    isSameSize(a.count, b.count) &&
    a.bits === b.bits &&
    a.value === b.value &&
    a.isPlace === b.isPlace &&
    a.code === b.code &&
    isSame(a.item, b.item) &&
    isSameFields(a.fields, b.fields)
  );
}

function isSameFields(a: ValueShape['fields'], b: ValueShape['fields']): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.size !== b.size) return false;
  return [...a].every(([name, shape]) => isSame(shape, b.get(name) ?? null));
}

/** The same with all that has a size at most so large; which functions are in it is not known any more. */
export function sized(shape: ValueShape, size: Size): ValueShape {
  return withSizes(shape, (own) => (isSameSize(own, ONE) || own.length === 0 ? own : size));
}

/** The same once passes have ended. @param depth  of the pass that goes on */
export function afterPasses(shape: ValueShape, passes: readonly Pass[], depth: number): ValueShape {
  return passes.length <= depth ? shape : withSizes(shape, (own) => after(own, passes, depth));
}

function withSizes(shape: ValueShape, resize: (own: Size) => Size): ValueShape {
  const { item, fields } = shape;
  return {
    ...shape,
    size: resize(shape.size),
    count: resize(shape.count),
    item: item === null ? null : withSizes(item, resize),
    fields:
      fields === null
        ? null
        : new Map([...fields].map(([name, of]) => [name, withSizes(of, resize)] as const)),
    code: typeof shape.code === 'string' ? shape.code : null,
  };
}

/** All that it holds, members of objects included. */
export function sizeOf(shape: ValueShape, add: (a: Size, b: Size) => Size): Size {
  let size = shape.size;
  for (const field of shape.fields?.values() ?? []) size = add(size, sizeOf(field, add));
  return size;
}

const parts = new WeakMap<ValueShape, number>();

/** @returns how many values an object holds, deep down: `{ a: o, b: o }` has twice those of o */
export function partsOf(shape: ValueShape): number {
  const known = parts.get(shape);
  if (known !== undefined) return known;
  let sum = 1 + (shape.item === null ? 0 : partsOf(shape.item));
  for (const field of shape.fields?.values() ?? []) sum += partsOf(field);
  parts.set(shape, sum);
  return sum;
}

/** What a function is given of a type. */
export function shapeOfType(type: ValueType, int64: 'number' | 'bigint'): ValueShape {
  return either(NULL, shapeOfValue(type, int64));
}

function shapeOfValue(type: ValueType, int64: 'number' | 'bigint'): ValueShape {
  switch (type.kind) {
    case 'bool':
      return BOOLEAN;
    case 'int64':
    case 'timestamp':
      return int64 === 'bigint' ? bigint(64) : NUMBER;
    case 'string':
      return text(GIVEN);
    case 'bytes':
      return listOf(NUMBER, GIVEN, GIVEN, 'typed');
    case 'embedding':
      return listOf(NUMBER, fixed(type.size), fixed(type.size), 'typed');
    case 'list':
      return listOf(shapeOfType(type.of, int64), givenItems(leastBytes(type.of)), sizeOfItems(type.of));
    case 'map':
      return listOf(shapeOfType(type.of, int64), givenItems(3 + leastBytes(type.of)), GIVEN, 'map');
    case 'struct':
      return objectOf(new Map(type.fields.map((one) => [one.name, shapeOfType(one.type, int64)])));
    case 'int32':
      return PLACE;
    default:
      return NUMBER;
  }
}

/** Bytes that an item of a list takes at least in a request, its comma among them: `1,`, `"",`, `[],`, `{},`. */
function leastBytes(type: ValueType): number {
  return /^(string|bytes|list|map|struct|embedding)$/.test(type.kind) ? 3 : 2;
}

/** Of items that hold no texts each takes two bytes, however deep they lie. */
function sizeOfItems(type: ValueType): Size {
  return holdsTexts(type) ? GIVEN : givenItems(2);
}

function holdsTexts(type: ValueType): boolean {
  if (type.kind === 'list') return holdsTexts(type.of);
  if (type.kind === 'struct') return type.fields.some((one) => holdsTexts(one.type));
  return type.kind === 'string' || type.kind === 'bytes' || type.kind === 'map';
}
