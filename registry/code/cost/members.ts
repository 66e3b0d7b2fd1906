/** Members of values: what is read of them, and the methods that are called on them. */
import {
  BIGINT_METHODS,
  BOOLEAN_METHODS,
  DATE_METHODS,
  NUMBER_METHODS,
  TEXT_METHODS,
} from './cheap-methods.ts';
import { LIST_METHODS, MAP_METHODS, SET_METHODS, TYPED_METHODS } from './cheap-passes.ts';
import { anyItem } from './iterable.ts';
import { nameOfKind, textSize } from './judge.ts';
import type { CheapCall } from './judge.ts';
import { either, INHERITED, KIND, mayBe, NEVER, NUMBER, text, UNDEFINED, without } from './shape.ts';
import type { Kind, Shape } from './shape.ts';
import { fixed } from './size.ts';
import type { SizedRun } from './sized-run.ts';

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

const KINDRED: ReadonlyMap<Kind, Kindred> = new Map<Kind, Kindred>([
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
const KINDS = [...KINDRED.keys()];

/** The methods that are cheap, by the kind of value that has them; for the documentation. */
export const CHEAP_METHODS: ReadonlyMap<Kind, readonly string[]> = new Map(
  [...KINDRED]
    .filter(([, { methods }]) => methods.size > 0)
    .map(([kind, { methods }]) => [kind, [...methods.keys()]]),
);

/** `shape.name` */
export function memberOf(run: SizedRun, shape: Shape, name: string): Shape {
  let out = NEVER;
  for (const kind of KINDS) {
    if (!mayBe(shape, KIND[kind])) continue;
    const field = kind === 'object' ? shape.fields?.get(name) : undefined;
    const { prototypes, numbers } = KINDRED.get(kind)!;
    if (field !== undefined) out = either(out, field);
    else if (numbers.includes(name)) out = either(out, NUMBER);
    else if (kind === 'inherited') out = either(out, either(INHERITED, either(NUMBER, UNDEFINED)));
    else if (prototypes.some((one) => name in one)) run.refuse(`reads \`${name}\` as a value`);
    else out = either(out, UNDEFINED);
  }
  return out;
}

/** `shape.name(args)` */
export function methodCall(run: SizedRun, shape: Shape, name: string, args: readonly Shape[]): Shape {
  let out = NEVER;
  for (const kind of KINDS) {
    if (!mayBe(shape, KIND[kind])) continue;
    const field = kind === 'object' ? shape.fields?.get(name) : undefined;
    const { methods, prototypes } = KINDRED.get(kind)!;
    const method = methods.get(name);
    const self = { ...shape, kinds: KIND[kind] };
    if (field !== undefined) out = either(out, run.call(field, args));
    else if (method !== undefined) out = either(out, method(run, self, args));
    else if (prototypes.some((one) => name in one))
      run.refuse(`calls \`${name}\`, which is not on the list of cheap calls`);
    // Nothing of this kind has such a method, so the call throws.
  }
  return out;
}

/** `shape[key]` */
export function itemAt(run: SizedRun, shape: Shape, key: Shape): Shape {
  if (typeof key.value === 'string') return memberOf(run, shape, key.value);
  run.charge(textSize(run, key));
  const isName = mayBe(key, KIND.text | KIND.inherited);
  const odd = nameOfKind(without(shape, KIND.object | KIND.undefined | KIND.null | KIND.inherited), ~0);
  if (isName && odd !== null) run.refuse(`reads a member of ${odd} by a computed name`);
  let out = UNDEFINED;
  if (mayBe(shape, KIND.object)) {
    for (const field of shape.fields?.values() ?? []) out = either(out, field);
    out = either(out, INHERITED);
  }
  if (mayBe(shape, KIND.inherited)) out = either(out, either(INHERITED, NUMBER));
  if (mayBe(shape, KIND.list | KIND.typed)) out = either(out, anyItem(shape));
  if (mayBe(shape, KIND.text)) out = either(out, text(fixed(2)));
  return out;
}
