/** What the operators of the language give, and what they cost. */
import { madeText, nameOfKind, takeNumber, textSize, words } from './judge.ts';
import {
  bigint,
  BOOLEAN,
  either,
  KIND,
  mayBe,
  NEVER,
  NUMBER,
  numberOf,
  PLACE,
  PRIMITIVE,
  text,
  UNDEFINED,
} from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, plus, smaller } from './size.ts';
import type { Run } from './run.ts';

/** Longer bigints have no place in a feature. */
const MOST_BITS = 2_048;
/** Numbers of which the remainder takes long are 1e308 and 1e-308. */
const REMAINDER_STEPS = fixed(600);
const POWER_STEPS = fixed(60);
/** Each bigint that is made. */
const BIGINT_STEPS = 40;

export function unary(run: Run, operator: string, of: ValueShape): ValueShape {
  switch (operator) {
    case '!':
      return BOOLEAN;
    case 'typeof':
      return text(fixed(9));
    case 'void':
      return UNDEFINED;
    case '-':
    case '+':
    case '~': {
      takeNumber(run, of);
      if (mayBe(of, KIND.bigint)) run.charge(fixed(BIGINT_STEPS + words(of.bits)));
      const number =
        typeof of.value === 'number' && operator !== '~' ? numberOf(signed(operator, of.value)) : NUMBER;
      return mayBe(of, KIND.bigint) ? either(number, bigint(of.bits + 1)) : number;
    }
    default:
      return run.refuse(`uses \`${operator}\``);
  }
}

function signed(operator: string, value: number): number {
  return operator === '-' ? -value : value;
}

const COMPARISONS = new Set(['<', '<=', '>', '>=']);
const EQUALITIES = new Set(['===', '!==', '==', '!=']);

export function binary(run: Run, operator: string, a: ValueShape, b: ValueShape): ValueShape {
  if (EQUALITIES.has(operator)) return equality(run, operator, a, b);
  if (operator === 'in' || operator === 'instanceof') run.refuse(`uses \`${operator}\``);
  if (operator === '+') return sum(run, a, b);
  if (mayBe(a, KIND.text) && mayBe(b, KIND.text) && COMPARISONS.has(operator)) {
    requireNumbers(run, a, b);
    run.charge(smaller(a.size, b.size));
    if (!mayBe(a, ~KIND.text) && !mayBe(b, ~KIND.text)) return BOOLEAN;
  }
  refuseTextAsBigint(run, a, b);
  takeNumber(run, a);
  takeNumber(run, b);
  if (COMPARISONS.has(operator)) return BOOLEAN;
  const isPlaces = a.isPlace && b.isPlace;
  if (operator === '%' && !isPlaces) run.charge(REMAINDER_STEPS);
  if (operator === '**') run.charge(POWER_STEPS);
  // A number and a bigint throw.
  if (!mayBe(a, KIND.bigint) || !mayBe(b, KIND.bigint)) return operator === '-' ? stepped(a, b) : NUMBER;
  return either(NUMBER, product(run, operator, a.bits, b.bits));
}

/** A place and a number that stands there: `i - 1`. */
function stepped(a: ValueShape, b: ValueShape): ValueShape {
  const isStep = a.isPlace && b.isPlace && (typeof a.value === 'number' || typeof b.value === 'number');
  return isStep && !mayBe(a, ~KIND.number) && !mayBe(b, ~KIND.number) ? PLACE : NUMBER;
}

/** The whole text is made a bigint by long multiplication. */
function refuseTextAsBigint(run: Run, a: ValueShape, b: ValueShape): void {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    if (mayBe(one, KIND.bigint) && mayBe(other, KIND.text)) run.refuse('makes a text a bigint');
}

function requireNumbers(run: Run, ...shapes: readonly ValueShape[]): void {
  for (const shape of shapes) {
    const odd = nameOfKind(shape, ~(PRIMITIVE | KIND.date | KIND.inherited));
    if (odd !== null) run.refuse(`calculates with ${odd}`);
  }
}

/** `==` makes an object a text or number by code of its own; `===` does not. */
function equality(run: Run, operator: string, a: ValueShape, b: ValueShape): ValueShape {
  const isLoose = operator.length === 2;
  const isAbsent = [a, b].some((one) => !mayBe(one, ~(KIND.undefined | KIND.null)));
  if (isLoose && !isAbsent) requireNumbers(run, a, b);
  if (isLoose) refuseTextAsBigint(run, a, b);
  if (mayBe(a, KIND.text) && mayBe(b, KIND.text)) run.charge(smaller(a.size, b.size));
  if (isLoose) for (const one of [a, b]) if (!isAbsent) takeNumber(run, one);
  return BOOLEAN;
}

function sum(run: Run, a: ValueShape, b: ValueShape): ValueShape {
  const odd = KIND.text | KIND.date | KIND.inherited;
  let out = NEVER;
  if (mayBe(a, odd) || mayBe(b, odd)) {
    const size = plus(textSize(run, a), textSize(run, b));
    out = madeText(run, size);
  } else {
    takeNumber(run, a);
    takeNumber(run, b);
  }
  if (mayBe(a, ~KIND.text) && mayBe(b, ~KIND.text)) out = either(out, stepped(a, b));
  if (!mayBe(a, KIND.bigint) || !mayBe(b, KIND.bigint)) return out;
  return either(out, product(run, '-', a.bits, b.bits));
}

function product(run: Run, operator: string, a: number, b: number): ValueShape {
  if (operator === '**' || operator === '<<') run.refuse('has a power or a shift of bigints');
  const bits = operator === '*' ? a + b : Math.max(a, b) + 1;
  if (bits > MOST_BITS) run.refuse(`may make a bigint of over ${MOST_BITS} bits`);
  const isLong = operator === '*' || operator === '/' || operator === '%';
  run.charge(fixed(BIGINT_STEPS + (isLong ? 4 * words(a) * words(b) : words(bits))));
  return bigint(bits);
}

export function templateText(run: Run, length: number, values: readonly ValueShape[]): ValueShape {
  const size = values.reduce((all, one) => plus(all, textSize(run, one)), fixed(length));
  return madeText(run, size);
}
