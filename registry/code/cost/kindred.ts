/** What values of each kind have: the methods that are cheap, and what else the language has for them. */
import {
  BIGINT_METHODS,
  BOOLEAN_METHODS,
  DATE_METHODS,
  NUMBER_METHODS,
  TEXT_METHODS,
} from './cheap-methods.ts';
import { LIST_METHODS, MAP_METHODS, SET_METHODS, TYPED_METHODS } from './cheap-passes.ts';
import type { CheapCall } from './judge.ts';
import type { Kind } from './shape.ts';

interface Kindred {
  readonly methods: ReadonlyMap<string, CheapCall>;
  /** What the language has for values of the kind, whether cheap or not. */
  readonly prototypes: readonly object[];
  /** Members that are numbers. */
  readonly numbers: readonly string[];
}

const NO_METHODS: ReadonlyMap<string, CheapCall> = new Map();
const kindred = (
  prototype: object,
  methods: ReadonlyMap<string, CheapCall> = NO_METHODS,
  ...numbers: readonly string[]
): Kindred => ({ methods, prototypes: [prototype], numbers });

export const KINDRED: ReadonlyMap<Kind, Kindred> = new Map<Kind, Kindred>([
  ['boolean', kindred(Boolean.prototype, BOOLEAN_METHODS)],
  ['number', kindred(Number.prototype, NUMBER_METHODS)],
  ['bigint', kindred(BigInt.prototype, BIGINT_METHODS)],
  ['text', kindred(String.prototype, TEXT_METHODS, 'length')],
  ['list', kindred(Array.prototype, LIST_METHODS, 'length')],
  ['typed', kindred(Uint8Array.prototype, TYPED_METHODS, 'length', 'byteLength')],
  ['map', kindred(Map.prototype, MAP_METHODS, 'size')],
  ['set', kindred(Set.prototype, SET_METHODS, 'size')],
  ['object', kindred(Object.prototype)],
  ['date', kindred(Date.prototype, DATE_METHODS)],
  ['function', kindred(Function.prototype, NO_METHODS, 'length')],
  ['iterator', kindred([].values(), NO_METHODS)],
  ['error', kindred(Error.prototype)],
  [
    'inherited',
    { methods: NO_METHODS, prototypes: [Function.prototype, Object.prototype, Object], numbers: [] },
  ],
]);
