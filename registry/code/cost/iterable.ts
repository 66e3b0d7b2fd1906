/** What can be gone through, item by item: lists, typed arrays, maps, sets, texts, and what maps say that they hold. */
import { nameOfKind } from './judge.ts';
import type { Judge } from './judge.ts';
import { ABSENT, either, KIND, listOf, mayBe, NEVER, sized, text } from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, greater } from './size.ts';
import type { Pass, Size } from './size.ts';

const ITERABLE =
  KIND.list | KIND.typed | KIND.map | KIND.set | KIND.text | KIND.iterator | KIND.inherited | ABSENT;

interface Iterated {
  readonly over: Pass;
  /** @param size  of one item, or of all where it may be any of them */
  item(size: Size): ValueShape;
}

/** What else it may be throws when it is gone through. */
export function iterated(judge: Judge, shape: ValueShape): Iterated {
  const odd = nameOfKind(shape, ~ITERABLE);
  if (odd !== null) judge.refuse(`goes through ${odd}`);
  const isText = mayBe(shape, KIND.text);
  return {
    over: { count: isText ? greater(shape.count, shape.size) : shape.count, total: shape.size },
    item: (size) => itemOf(shape, size),
  };
}

function itemOf(shape: ValueShape, size: Size): ValueShape {
  const items: ValueShape[] = [];
  const item = shape.item === null ? [] : [sized(shape.item, size)];
  if (mayBe(shape, KIND.list | KIND.typed | KIND.set | KIND.iterator)) items.push(...item);
  if (mayBe(shape, KIND.map)) items.push(entryOf(item[0] ?? null, size));
  if (mayBe(shape, KIND.text)) items.push(text(fixed(2)));
  return items.reduce((all, one) => either(all, one), NEVER);
}

/** `[key, value]`: a key is a text, or like a value where the code made the map. */
function entryOf(value: ValueShape | null, size: Size): ValueShape {
  return listOf(keyOfMap(value, size), fixed(2), greater(size, fixed(4)));
}

export function keyOfMap(value: ValueShape | null, size: Size): ValueShape {
  return value === null ? text(size) : either(text(size), sized(value, size));
}

/** @returns any item of it: `xs[i]`; what it holds is at most what all do */
export function anyItem(shape: ValueShape): ValueShape {
  return shape.item === null ? NEVER : sized(shape.item, shape.size);
}
