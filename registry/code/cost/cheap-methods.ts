/** The methods that are known to be cheap, by the kind of what they are called on; those of lists: cheap-passes.ts. */
import { madeText, NUMBER_TEXT_STEPS, takeNumber, textSize } from './judge.ts';
import type { CheapCall, Judge } from './judge.ts';
import { BOOLEAN, either, listOf, NULL, NUMBER, text, UNDEFINED } from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, isFixed, ONE, plus, smaller, times } from './size.ts';
import type { Size } from './size.ts';

/** `(1e20).toFixed(20)` */
const NUMBER_TEXT = fixed(50);
const MOST_DIGITS = 20;
/** A text with its part or a character of it that is made. */
const PART_STEPS = fixed(40);
const CHARACTER_STEPS = fixed(12);
/** Other case of letters that are no ASCII, which take two bytes or more. */
const CASE_STEPS = 20;
const SPLIT_STEPS = 16;
/** Each place where something else is put in. */
const REPLACE_STEPS = 140;
/** A text of many may be repeated, filled up and put in so often, as far as its number stands there. */
const MOST_TIMES = 1_000;

const same: CheapCall = (_, self) => self;
const character: CheapCall = (judge, _, [first]) => {
  takeNumber(judge, first);
  judge.charge(CHARACTER_STEPS);
  return text(fixed(2));
};
const number: CheapCall = (judge, _, [first]) => takeNumber(judge, first);
const changed =
  (factor: number, steps: number): CheapCall =>
  (judge, self) => {
    judge.charge(plus(times(self.size, steps), PART_STEPS));
    return text(times(self.size, factor));
  };

export const TEXT_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ['at', (judge, self, args) => either(UNDEFINED, character(judge, self, args))],
  ['charAt', character],
  ['charCodeAt', number],
  ['codePointAt', (judge, self, args) => either(UNDEFINED, number(judge, self, args))],
  ['concat', joined],
  ['endsWith', startsWith],
  ['includes', (judge, self, args) => (searched(judge, self, args), BOOLEAN)],
  ['indexOf', (judge, self, args) => (searched(judge, self, args), NUMBER)],
  ['isWellFormed', (judge, self) => (judge.charge(self.size), BOOLEAN)],
  ['lastIndexOf', (judge, self, args) => (searched(judge, self, args, 2), NUMBER)],
  ['padEnd', filledUp],
  ['padStart', filledUp],
  ['repeat', repeated],
  ['replace', replaced],
  ['replaceAll', replacedAll],
  ['slice', (judge, self, args) => part(judge, self, args, true)],
  ['split', split],
  ['startsWith', startsWith],
  ['substring', (judge, self, args) => part(judge, self, args, false)],
  // Of some letters the other case has three.
  ['toLowerCase', changed(3, CASE_STEPS)],
  ['toUpperCase', changed(3, CASE_STEPS)],
  ['toString', same],
  ['toWellFormed', changed(1, 2)],
  ['trim', changed(1, 2)],
  ['trimEnd', changed(1, 2)],
  ['trimStart', changed(1, 2)],
  ['valueOf', same],
]);

/** Beyond 20 digits, and to another base than 10, a number takes long. */
const written: CheapCall = (judge, _, [digits]) => {
  if (digits !== undefined && !(typeof digits.value === 'number' && digits.value <= MOST_DIGITS))
    judge.refuse(`writes a number with over ${MOST_DIGITS} digits, or with as many as do not stand there`);
  judge.charge(fixed(2 * NUMBER_TEXT_STEPS));
  return madeText(judge, NUMBER_TEXT);
};

function requireDecimal(judge: Judge, radix: ValueShape | undefined): void {
  if (radix !== undefined && radix.value !== 10) judge.refuse('writes a number to another base than 10');
}

export const NUMBER_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ['toExponential', written],
  ['toFixed', written],
  ['toPrecision', written],
  [
    'toString',
    (judge, self, args) => {
      requireDecimal(judge, args[0]);
      return madeText(judge, textSize(judge, self));
    },
  ],
  ['valueOf', same],
]);

export const BIGINT_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  [
    'toString',
    (judge, self, [radix]) => {
      requireDecimal(judge, radix);
      return madeText(judge, textSize(judge, self));
    },
  ],
  ['valueOf', same],
]);

export const BOOLEAN_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ['toString', () => text(fixed(5))],
  ['valueOf', same],
]);

const iso: CheapCall = (judge) => {
  judge.charge(fixed(400));
  return text(fixed(27));
};

export const DATE_METHODS: ReadonlyMap<string, CheapCall> = new Map<string, CheapCall>([
  ...['Date', 'Day', 'FullYear', 'Hours', 'Milliseconds', 'Minutes', 'Month', 'Seconds'].map(
    (name) => [`getUTC${name}`, (judge: Judge) => (judge.charge(fixed(50)), NUMBER)] as const,
  ),
  ['getTime', () => NUMBER],
  ['toISOString', iso],
  ['toJSON', (judge, self, args) => either(NULL, iso(judge, self, args))],
  ['valueOf', () => NUMBER],
]);

function joined(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  const size = args.reduce((sum, one) => plus(sum, textSize(judge, one)), self.size);
  return madeText(judge, size);
}

function startsWith(
  judge: Judge,
  self: ValueShape,
  [needle = UNDEFINED, from]: readonly ValueShape[],
): ValueShape {
  takeNumber(judge, from);
  judge.charge(smaller(self.size, textSize(judge, needle)));
  return BOOLEAN;
}

/**
 * A search takes the product of both lengths where it goes badly.
 *
 * @param each  steps of each comparison of two characters
 */
function searched(
  judge: Judge,
  self: ValueShape,
  [needle = UNDEFINED, from]: readonly ValueShape[],
  each = 1,
): void {
  takeNumber(judge, from);
  const size = textSize(judge, needle);
  if (isFixed(size)) judge.charge(times(self.size, 1 + each * (size[0] ?? 0)));
  else if (isFixed(self.size)) judge.charge(fixed(1 + each * (self.size[0] ?? 0) ** 2));
  else judge.refuse('looks for a text of any length in another');
}

function filledUp(
  judge: Judge,
  self: ValueShape,
  [length = UNDEFINED, by]: readonly ValueShape[],
): ValueShape {
  if (typeof length.value !== 'number' || length.value > MOST_TIMES)
    judge.refuse(`fills a text up to a length that does not stand there, or of over ${MOST_TIMES}`);
  if (by !== undefined) judge.charge(textSize(judge, by));
  const size = plus(self.size, fixed(Math.max(0, length.value)));
  return madeText(judge, size);
}

function repeated(judge: Judge, self: ValueShape, [count = UNDEFINED]: readonly ValueShape[]): ValueShape {
  if (typeof count.value !== 'number' || count.value > MOST_TIMES)
    judge.refuse(`repeats a text so often as does not stand there, or over ${MOST_TIMES} times`);
  const size = times(self.size, Math.max(0, count.value));
  return madeText(judge, size);
}

/** What is put in may name the text before and behind (`$\``), once for each two characters. */
function replaced(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  searched(judge, self, [args[0] ?? UNDEFINED]);
  const by = textSize(judge, args[1] ?? UNDEFINED);
  if (!isFixed(by) && !isFixed(self.size)) judge.refuse('puts a text of any length into another');
  const [many, few] = isFixed(by) ? [self.size, by] : [by, self.size];
  const size = plus(times(many, 1 + (few[0] ?? 0) / 2), few);
  return madeText(judge, size);
}

function replacedAll(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  const by = args[1]?.value;
  if (typeof by !== 'string' || by.includes('$'))
    judge.refuse('replaces all by a text that does not stand there, or that has a $');
  searched(judge, self, [args[0] ?? UNDEFINED]);
  judge.charge(times(plus(self.size, ONE), REPLACE_STEPS));
  const size = plus(times(self.size, 1 + by.length), fixed(by.length));
  return madeText(judge, size);
}

/** @param fromEnd  whether a place below 0 counts from the end, as `substring` does not have it */
function part(judge: Judge, self: ValueShape, args: readonly ValueShape[], fromEnd: boolean): ValueShape {
  for (const one of args) takeNumber(judge, one);
  judge.charge(PART_STEPS);
  const known = lengthOfPart(args, fromEnd);
  return text(known === null ? self.size : smaller(fixed(known), self.size));
}

/** Of places that stand there: `slice(2, 5)`, `slice(-3)`. */
function lengthOfPart([from, to]: readonly ValueShape[], fromEnd: boolean): number | null {
  const first = from?.value;
  if (typeof first !== 'number') return null;
  if (to === undefined) return first < 0 && fromEnd ? -first : null;
  const last = to.value;
  return typeof last === 'number' && first >= 0 && last >= 0 ? Math.abs(last - first) : null;
}

function split(judge: Judge, self: ValueShape, args: readonly ValueShape[]): ValueShape {
  takeNumber(judge, args[1]);
  searched(judge, self, [args[0] ?? UNDEFINED]);
  judge.charge(plus(times(self.size, SPLIT_STEPS), PART_STEPS));
  const count: Size = plus(self.size, ONE);
  return listOf(text(self.size), count, plus(count, count));
}
