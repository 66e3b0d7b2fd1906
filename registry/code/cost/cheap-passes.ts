/** The methods of lists, typed arrays, maps and sets that are known to be cheap: each goes through them once. */
import { anyItem, iterated, keyOfMap } from './iterable.ts';
import {
  lengthOfText,
  madeList,
  madeText,
  nameOfKind,
  takeNumber,
  textSize,
  textSteps,
  words,
} from './judge.ts';
import type { CheapCall, Judge } from './judge.ts';
import {
  BOOLEAN,
  either,
  isSame,
  KIND,
  listOf,
  mayBe,
  PLACE,
  PRIMITIVE,
  sized,
  sizeOf,
  text,
  UNDEFINED,
} from './shape.ts';
import type { Kind, ValueShape } from './shape.ts';
import { fixed, isFixed, ONE, plus, times } from './size.ts';
import type { Size } from './size.ts';

/** A list of a million is put in order by 20 comparisons an item. */
const MOST_COMPARISONS = 20;
const KEY_STEPS = fixed(20);
const TYPED_STEPS = fixed(250);
/** An iterator, or a view of a typed array. */
const VIEW_STEPS = fixed(60);
/** The list of a place and an item. */
const PAIR_STEPS = 32;
/** Each item of a list of lists is asked whether it is one. */
const FLAT_STEPS = 40;

/** Calls what it gets once for each item, as often with what is next to it. */
function each(
  judge: Judge,
  self: ValueShape,
  [code]: readonly ValueShape[],
  take: (given: ValueShape) => void = () => {},
): void {
  const { over, item } = iterated(judge, self);
  judge.pass(over, (size) => take(judge.call(code, [item(size), PLACE, self])));
}

const judged: CheapCall = (judge, self, args) => (each(judge, self, args), BOOLEAN);
const found: CheapCall = (judge, self, args) => (each(judge, self, args), either(UNDEFINED, anyItem(self)));
const place: CheapCall = (judge, self, args) => (each(judge, self, args), PLACE);
const copied: CheapCall = (judge, self) => {
  judge.charge(plus(times(self.count, 8), mayBe(self, KIND.typed) ? TYPED_STEPS : VIEW_STEPS));
  return self;
};

const viewed: CheapCall = (judge, self) => {
  judge.charge(VIEW_STEPS);
  return { ...self, kinds: KIND.iterator };
};

/** Methods of lists and typed arrays. */
const LINED_UP = new Map<string, CheapCall>([
  ['at', (judge, self, args) => (takeNumber(judge, args[0]), either(UNDEFINED, anyItem(self)))],
  ['entries', (judge, self) => pairsOf(judge, self)],
  ['every', judged],
  ['filter', (judge, self, args) => (each(judge, self, args), copied(judge, self, []))],
  ['find', found],
  ['findIndex', place],
  ['findLast', found],
  ['findLastIndex', place],
  ['forEach', (judge, self, args) => (each(judge, self, args), UNDEFINED)],
  ['includes', (judge, self) => (judge.charge(times(self.size, 2)), BOOLEAN)],
  ['indexOf', (judge, self) => (judge.charge(times(self.size, 2)), PLACE)],
  ['keys', (judge, self) => (judge.charge(VIEW_STEPS), listOf(PLACE, self.count, self.count, 'iterator'))],
  ['lastIndexOf', (judge, self) => (judge.charge(times(self.size, 2)), PLACE)],
  ['reduce', reduced],
  ['reduceRight', reduced],
  ['slice', (judge, self, args) => (numbers(judge, args), copied(judge, self, args))],
  ['some', judged],
  ['sort', ordered],
  ['toReversed', copied],
  ['toSorted', ordered],
  ['values', viewed],
]);

export const LIST_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ...LINED_UP,
  ['concat', concatenated],
  ['flat', flat],
  ['flatMap', (judge, self, args) => flat(judge, mapped(judge, self, args), [])],
  ['join', joined],
  ['map', mapped],
  ['reverse', copied],
]);

export const TYPED_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ...LINED_UP,
  [
    'map',
    (judge, self, args) => {
      each(judge, self, args, (given) => void takeNumber(judge, given));
      return copied(judge, self, []);
    },
  ],
  ['reverse', copied],
  ['subarray', (judge, self, args) => (numbers(judge, args), judge.charge(TYPED_STEPS), self)],
]);

export const MAP_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ['entries', (judge, self) => (judge.charge(times(self.count, PAIR_STEPS)), pairsOfMap(self))],
  ['forEach', forEachOfMap],
  ['get', (judge, self, args) => (lookUp(judge, self, args), either(UNDEFINED, anyItem(self)))],
  ['has', (judge, self, args) => (lookUp(judge, self, args), BOOLEAN)],
  [
    'keys',
    (judge, self) => (
      judge.charge(VIEW_STEPS),
      listOf(keyOfMap(self.item, self.size), self.count, self.size, 'iterator')
    ),
  ],
  ['values', viewed],
]);

export const SET_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ['forEach', (judge, self, args) => (each(judge, self, args), UNDEFINED)],
  ['has', (judge, self, args) => (lookUp(judge, self, args), BOOLEAN)],
  ['keys', viewed],
  ['values', viewed],
]);

function numbers(judge: Judge, args: readonly ValueShape[]): void {
  for (const one of args) takeNumber(judge, one);
}

/** Keys may all meet in one place of the table, whoever chose them, so that a look goes through all of them. */
function lookUp(judge: Judge, self: ValueShape, [key = UNDEFINED]: readonly ValueShape[]): void {
  if (mayBe(key, KIND.text)) judge.charge(key.size);
  judge.charge(plus(KEY_STEPS, times(self.count, 4 + words(self.item?.bits ?? 0))));
  if (!isFixed(self.count)) judge.charge(self.size);
}

function mapped(judge: Judge, self: ValueShape, [code]: readonly ValueShape[]): ValueShape {
  const { over, item } = iterated(judge, self);
  let out: ValueShape | null = null;
  let size: Size = ONE;
  judge.pass(over, (one) => {
    const given = judge.call(code, [item(one), PLACE, self]);
    size = judge.inAll(plus(ONE, sizeOf(given, plus)));
    out = judge.outside(given);
  });
  return madeList(judge, out, over.count, size);
}

function reduced(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  const { over, item } = iterated(judge, self);
  let result = args.length > 1 ? args[1]! : anyItem(self);
  judge.pass(over, (size) => {
    const next = either(result, judge.outside(judge.call(args[0], [result, item(size), PLACE, self])));
    if (isSame(next, result)) return;
    result = next;
    judge.grew();
  });
  return result;
}

/** The comparison is called with any two, so it must not look at what is long in them. */
function ordered(judge: Judge, self: ValueShape, [code]: readonly ValueShape[]): ValueShape {
  const { over, item } = iterated(judge, self);
  const rounds = isFixed(over.count)
    ? Math.max(1, Math.ceil(Math.log2(1 + (over.count[0] ?? 0))))
    : MOST_COMPARISONS;
  if (code === undefined) {
    const isTyped = !mayBe(self, ~(KIND.typed | KIND.undefined | KIND.null));
    if (!isTyped) judge.refuse('puts a list in the order of its texts');
    judge.charge(times(over.count, rounds));
    return self;
  }
  const compared = { count: times(over.count, rounds), total: times(over.total, rounds) };
  // As if each item held what all do.
  judge.pass(compared, () => void judge.call(code, [item(self.size), item(self.size)]));
  return self;
}

function concatenated(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  let all = self;
  for (const one of args) {
    const item = mayBe(one, KIND.list)
      ? either({ ...one, kinds: one.kinds & ~KIND.list }, anyItem(one))
      : one;
    const size = plus(all.size, plus(ONE, sizeOf(one, plus)));
    all = listOf(
      all.item === null ? item : either(all.item, item),
      plus(all.count, plus(ONE, one.count)),
      size,
    );
  }
  return madeList(judge, all.item, all.count, all.size);
}

function flat(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  if (args.length > 0) judge.refuse('calls `flat` with a depth');
  const { item } = self;
  if (item === null) return self;
  const rest = { ...item, kinds: item.kinds & ~KIND.list };
  const inner = item.item === null ? rest : either(rest, item.item);
  judge.charge(times(self.size, FLAT_STEPS));
  return madeList(judge, inner, self.size, self.size);
}

function joined(judge: Judge, self: ValueShape, [separator]: readonly ValueShape[]): ValueShape {
  const between = separator === undefined ? ONE : textSize(judge, separator);
  const odd = nameOfKind(self.item ?? UNDEFINED, ~(PRIMITIVE | KIND.inherited));
  if (odd !== null) judge.refuse(`makes ${odd} a text`);
  if (!isFixed(between) && !isFixed(self.count))
    judge.refuse('puts a text of any length between the items of a list');
  const item = { ...(self.item ?? UNDEFINED), size: ONE };
  const long = lengthOfText(judge, item);
  judge.charge(times(self.count, 30 + textSteps(item)));
  const betweens = isFixed(between) ? times(self.count, between[0] ?? 0) : times(between, self.count[0] ?? 0);
  const size = plus(plus(self.size, times(self.count, long[0] ?? 0)), betweens);
  return madeText(judge, size);
}

function pairsOf(judge: Judge, self: ValueShape): ValueShape {
  const item = anyItem(self);
  const pair = listOf(either(PLACE, item), fixed(2), plus(self.size, fixed(3)));
  judge.charge(plus(VIEW_STEPS, times(self.count, PAIR_STEPS)));
  return listOf(pair, self.count, plus(self.size, times(self.count, 3)), 'iterator');
}

function pairsOfMap(self: ValueShape): ValueShape {
  const kind: Kind = 'iterator';
  const pair = listOf(
    self.item === null ? text(self.size) : either(text(self.size), self.item),
    fixed(2),
    self.size,
  );
  return listOf(pair, self.count, plus(self.size, times(self.count, 4)), kind);
}

function forEachOfMap(judge: Judge, self: ValueShape, [code]: readonly ValueShape[]): ValueShape {
  const entries = iterated(judge, self);
  judge.pass(entries.over, (size) => {
    const [value, key] = [self.item ?? UNDEFINED, keyOfMap(self.item, size)];
    judge.call(code, [sized(value, size), key, self]);
  });
  return UNDEFINED;
}
