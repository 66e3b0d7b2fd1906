/** The functions and constructors of the language that are known to be cheap, by their names. */
import { madeText, nameOfKind, takeNumber, textSize } from './judge.ts';
import type { CheapCall, Judge } from './judge.ts';
import {
  bigint,
  BOOLEAN,
  DATE,
  either,
  ERROR,
  KIND,
  listOf,
  mayBe,
  NUMBER,
  PRIMITIVE,
  sizeOf,
  text,
  UNDEFINED,
} from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, isFixed, NOTHING, ONE, plus, times } from './size.ts';

/** A set or map that is made of what the function is given: more could all meet in one place of its table. */
const MOST_KEYS = 64;
/** A bigint of a number has at most so many bits, and `BigInt.asIntN` may be asked for as many. */
const NUMBER_BITS = 1_024;
const MOST_BITS = 2_048;
const DATE_STEPS = fixed(50);
/** An error keeps where it was made. */
const ERROR_STEPS = fixed(2_500);
/** What an empty one takes of memory, and an entry of it. */
const KEYED_STEPS = fixed(300);
const ENTRY_STEPS = 60;
const TYPED_STEPS = fixed(250);

const mathOf =
  (steps: number): CheapCall =>
  (judge, _, args) => {
    for (const arg of args) takeNumber(judge, arg);
    judge.charge(fixed(steps * (1 + args.length)));
    return NUMBER;
  };
const ofNumbers = mathOf(2);
const ofFirstNumber: CheapCall = (judge, _, [first]) => takeNumber(judge, first);
const isWhat: CheapCall = () => BOOLEAN;
const isNumber: CheapCall = (judge, _, [first]) => {
  takeNumber(judge, first);
  return BOOLEAN;
};

/** By the steps of each argument and of the call itself, at the worst numbers: of an angle of 1e300 some 300 ns. */
const MATH: readonly (readonly [steps: number, names: string])[] = [
  [2, 'abs ceil clz32 floor fround imul max min round sign sqrt trunc'],
  [20, 'acos acosh asin asinh atan atan2 atanh cbrt cosh exp expm1 hypot log log10 log1p log2 pow sinh tanh'],
  [80, 'cos sin tan'],
];

/** `Math.abs(x)`, `Number(x)` */
export const CHEAP_FUNCTIONS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ...MATH.flatMap(([steps, names]) =>
    names.split(' ').map((name) => [`Math.${name}`, mathOf(steps)] as const),
  ),
  ['Number', ofFirstNumber],
  ['Number.isFinite', isWhat],
  ['Number.isInteger', isWhat],
  ['Number.isNaN', isWhat],
  ['Number.isSafeInteger', isWhat],
  ['Number.parseFloat', parsed],
  ['Number.parseInt', parsed],
  ['parseFloat', parsed],
  ['parseInt', parsed],
  ['isFinite', isNumber],
  ['isNaN', isNumber],
  ['Boolean', isWhat],
  ['String', (judge, _, [first]) => madeText(judge, first === undefined ? ONE : textSize(judge, first))],
  ['String.fromCharCode', characters],
  ['String.fromCodePoint', characters],
  ['BigInt', bigintOf],
  ['BigInt.asIntN', wrapped],
  ['BigInt.asUintN', wrapped],
  ['Array.isArray', isWhat],
  ['Array.of', (judge, _, args) => listed(judge, args)],
  ['Object.keys', (judge, _, [first]) => membersOf(judge, first).keys],
  ['Object.values', (judge, _, [first]) => membersOf(judge, first).values],
  ['Object.entries', (judge, _, [first]) => membersOf(judge, first).entries],
  ['Object.hasOwn', hasOwn],
  ['Object.is', isSameValue],
  ['JSON.stringify', jsonText],
  ['Date.UTC', ofNumbers],
  ['Date.parse', (judge, _, [first]) => dateOf(judge, first, NUMBER)],
  ...errorNames().map((name) => [name, errorOf] as const),
]);

/** `new Date(x)` */
export const CHEAP_CONSTRUCTORS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ['Date', (judge, _, [first]) => dateOf(judge, first, DATE)],
  ['Set', (judge, _, [first]) => keyed(judge, first, 'set')],
  ['Map', (judge, _, [first]) => keyed(judge, first, 'map')],
  ...typedNames().map((name) => [name, typedOf] as const),
  ...errorNames().map((name) => [name, errorOf] as const),
]);

export const CHEAP_CONSTANTS: ReadonlySet<string> = new Set([
  ...['E', 'LN10', 'LN2', 'LOG10E', 'LOG2E', 'PI', 'SQRT1_2', 'SQRT2'].map((name) => `Math.${name}`),
  ...['EPSILON', 'MAX_SAFE_INTEGER', 'MAX_VALUE', 'MIN_SAFE_INTEGER', 'MIN_VALUE', 'NaN'].map(
    (name) => `Number.${name}`,
  ),
  'Number.NEGATIVE_INFINITY',
  'Number.POSITIVE_INFINITY',
  'NaN',
  'Infinity',
]);

function errorNames(): string[] {
  return ['Error', 'RangeError', 'TypeError'];
}
function typedNames(): string[] {
  const numbers = [
    'Int8',
    'Uint8',
    'Uint8Clamped',
    'Int16',
    'Uint16',
    'Int32',
    'Uint32',
    'Float32',
    'Float64',
  ];
  return numbers.map((name) => `${name}Array`);
}

function parsed(judge: Judge, _: ValueShape, [first, radix]: readonly ValueShape[]): ValueShape {
  // `parseFloat(x)` makes x a text first.
  if (first !== undefined) takeNumber(judge, text(textSize(judge, first)));
  return takeNumber(judge, radix);
}

function characters(judge: Judge, _: ValueShape, args: readonly ValueShape[]): ValueShape {
  ofNumbers(judge, UNDEFINED, args);
  return text(fixed(2 * args.length));
}

function bigintOf(judge: Judge, _: ValueShape, [first = UNDEFINED]: readonly ValueShape[]): ValueShape {
  const odd = nameOfKind(first, ~PRIMITIVE | KIND.text);
  if (odd !== null) judge.refuse(`makes ${odd} a bigint`);
  judge.charge(fixed(60));
  return bigint(Math.max(NUMBER_BITS, first.bits));
}

function wrapped(
  judge: Judge,
  _: ValueShape,
  [bits = UNDEFINED, value = UNDEFINED]: readonly ValueShape[],
): ValueShape {
  if (typeof bits.value !== 'number' || bits.value > MOST_BITS)
    judge.refuse(`makes a bigint of more than ${MOST_BITS} bits, or of bits that do not stand there`);
  bigintOf(judge, UNDEFINED, [value]);
  return bigint(bits.value);
}

/** The room of an empty list. */
export const LIST_STEPS = 48;

/** A list of what stands there. */
export function listed(judge: Judge, items: readonly ValueShape[]): ValueShape {
  const size = items.reduce((sum, one) => plus(sum, plus(ONE, sizeOf(one, plus))), NOTHING);
  judge.charge(fixed(LIST_STEPS + 8 * items.length));
  const item = items.reduce<ValueShape | null>((all, one) => (all === null ? one : either(all, one)), null);
  return listOf(item, fixed(items.length), size);
}

function membersOf(judge: Judge, shape: ValueShape = UNDEFINED) {
  const odd = nameOfKind(shape, ~(KIND.object | KIND.undefined | KIND.null));
  if (odd !== null) judge.refuse(`lists the members of ${odd}`);
  const fields = [...(shape.fields ?? [])];
  const keys = listed(
    judge,
    fields.map(([name]) => text(fixed(name.length))),
  );
  const entries = fields.map(([name, of]) => listed(judge, [text(fixed(name.length)), of]));
  return {
    keys,
    values: listed(
      judge,
      fields.map(([, of]) => of),
    ),
    entries: listed(judge, entries),
  };
}

function hasOwn(
  judge: Judge,
  _: ValueShape,
  [of = UNDEFINED, name = UNDEFINED]: readonly ValueShape[],
): ValueShape {
  const odd = nameOfKind(of, ~(KIND.object | KIND.undefined | KIND.null));
  if (odd !== null) judge.refuse(`asks for a member of ${odd}`);
  judge.charge(textSize(judge, name));
  return BOOLEAN;
}

function isSameValue(judge: Judge, _: ValueShape, args: readonly ValueShape[]): ValueShape {
  for (const arg of args) if (mayBe(arg, KIND.text)) judge.charge(arg.size);
  return BOOLEAN;
}

/** Of a value that holds no others: a text grows by its escapes. */
function jsonText(judge: Judge, _: ValueShape, args: readonly ValueShape[]): ValueShape {
  const [first = UNDEFINED] = args;
  if (args.length > 1 || mayBe(first, ~(PRIMITIVE & ~KIND.bigint)))
    judge.refuse('calls `JSON.stringify` of more than a number or a text');
  return madeText(judge, plus(times(textSize(judge, first), 6), fixed(2)));
}

function dateOf(judge: Judge, first: ValueShape = UNDEFINED, gives: ValueShape): ValueShape {
  takeNumber(judge, first);
  judge.charge(DATE_STEPS);
  return gives;
}

function keyed(judge: Judge, of: ValueShape = UNDEFINED, kind: 'set' | 'map'): ValueShape {
  const odd = nameOfKind(of, ~(KIND.list | KIND.undefined | KIND.null));
  if (odd !== null) judge.refuse(`makes a ${kind} of ${odd}`);
  if (judge.isCalled && (!isFixed(of.count) || (of.count[0] ?? 0) > MOST_KEYS))
    judge.refuse(`makes a ${kind} of more than ${MOST_KEYS} things that it is given`);
  const entry_ = judge.isCalled ? ENTRY_STEPS + (of.count[0] ?? 0) : ENTRY_STEPS;
  judge.charge(plus(plus(of.size, times(of.count, entry_)), KEYED_STEPS));
  if (kind === 'set') return listOf(of.item, of.count, of.size, 'set');
  const entry = of.item;
  if (entry !== null && entry.kinds !== KIND.list) judge.refuse('makes a map of what are no pairs');
  return listOf(entry?.item ?? null, of.count, of.size, 'map');
}

/** Of a list of numbers; a length would make one as long. */
function typedOf(judge: Judge, _: ValueShape, args: readonly ValueShape[]): ValueShape {
  const [first] = args;
  const isListed = first !== undefined && !mayBe(first, ~(KIND.list | KIND.typed | KIND.null));
  if (args.length !== 1 || !isListed) judge.refuse('makes a typed array of something else than one list');
  takeNumber(judge, first.item ?? undefined);
  judge.charge(plus(times(first.size, 8), TYPED_STEPS));
  return listOf(NUMBER, first.count, first.count, 'typed');
}

function errorOf(judge: Judge, _: ValueShape, args: readonly ValueShape[]): ValueShape {
  if (args.length > 1) judge.refuse('makes an error with a cause');
  if (args[0] !== undefined) judge.charge(textSize(judge, args[0]));
  judge.charge(ERROR_STEPS);
  return ERROR;
}
