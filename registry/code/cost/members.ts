/** Members of values: what is read of them, and the methods that are called on them. */
import { anyItem } from './iterable.ts';
import { nameOfKind, textSize } from './judge.ts';
import { KINDRED } from './kindred.ts';
import {
  either,
  INHERITED,
  KIND,
  mayBe,
  NEVER,
  NUMBER,
  PLACE as SMALL,
  text,
  UNDEFINED,
  without,
} from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, plus, times } from './size.ts';
import type { Run } from './run.ts';

const KINDS = [...KINDRED.keys()];
/** `table[name].name`: functions of the language have texts, numbers and each other. */
const OF_INHERITED = either(either(INHERITED, text(fixed(100))), either(NUMBER, UNDEFINED));

/** Of these nobody knows all members: functions have a prototype, and whatever was thrown may have been caught. */
const OPAQUE = KIND.function | KIND.error;
/** `xs['0']` is an item. */
const PLACE = /^\d+$/;

/** `shape.name` */
export function memberOf(run: Run, shape: ValueShape, name: string): ValueShape {
  const opaque = nameOfKind(shape, OPAQUE);
  if (opaque !== null) run.refuse(`reads \`${name}\` of ${opaque}`);
  const isItem = PLACE.test(name) && mayBe(shape, KIND.list | KIND.typed | KIND.text);
  if (isItem) return either(itemAt(run, without(shape, KIND.object), SMALL), ownMember(run, shape, name));
  return ownMember(run, shape, name);
}

function ownMember(run: Run, shape: ValueShape, name: string): ValueShape {
  let out = NEVER;
  for (const kind of KINDS) {
    if (!mayBe(shape, KIND[kind])) continue;
    const field = kind === 'object' ? shape.fields?.get(name) : undefined;
    const { prototypes, numbers } = KINDRED.get(kind)!;
    if (field !== undefined) out = either(out, field);
    else if (numbers.includes(name)) out = either(out, SMALL);
    else if (kind === 'inherited') out = either(out, OF_INHERITED);
    else if (prototypes.some((one) => name in one)) run.refuse(`reads \`${name}\` as a value`);
    else out = either(out, UNDEFINED);
  }
  return out;
}

/** `shape.name(args)` */
export function methodCall(
  run: Run,
  shape: ValueShape,
  name: string,
  args: readonly ValueShape[],
): ValueShape {
  const opaque = nameOfKind(shape, OPAQUE);
  if (opaque !== null) run.refuse(`calls \`${name}\` of ${opaque}`);
  if (PLACE.test(name)) run.refuse('calls a method by a computed name');
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

function isSmall(key: ValueShape): boolean {
  return key.isPlace && !mayBe(key, ~KIND.number);
}

/** `shape[key]` */
export function itemAt(run: Run, shape: ValueShape, key: ValueShape): ValueShape {
  if (typeof key.value === 'string') return memberOf(run, shape, key.value);
  // A place is one; any other number is made a text first.
  if (!isSmall(key)) run.charge(plus(times(textSize(run, key), 2), fixed(60)));
  const isName = mayBe(key, KIND.text | KIND.inherited);
  const odd = nameOfKind(without(shape, KIND.object | KIND.undefined | KIND.null | KIND.inherited), ~0);
  if (isName && odd !== null) run.refuse(`reads a member of ${odd} by a computed name`);
  let out = UNDEFINED;
  if (mayBe(shape, KIND.object)) {
    for (const field of shape.fields?.values() ?? []) out = either(out, field);
    out = either(out, INHERITED);
  }
  if (mayBe(shape, KIND.inherited)) out = either(out, OF_INHERITED);
  if (mayBe(shape, KIND.list | KIND.typed)) out = either(out, anyItem(shape));
  if (mayBe(shape, KIND.text)) out = either(out, text(fixed(2)));
  return out;
}
