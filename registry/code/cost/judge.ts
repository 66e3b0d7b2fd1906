/** What the lists of cheap calls need of the run that judges a function (sized-run.ts). */
import { KIND, listOf, mayBe, NUMBER, PRIMITIVE, text } from './shape.ts';
import type { Kind, ValueShape } from './shape.ts';
import { fixed, greater, NOTHING, plus, times } from './size.ts';
import type { Pass, Size } from './size.ts';

export interface Judge {
  /** Whether the function was called: before that runs what stands outside of it, once, without any argument. */
  readonly isCalled: boolean;
  /** Counts steps of the call that is judged. */
  charge(steps: Size): void;
  /** Ends all judging. @param what  the function does, after "it": `has a loop` */
  refuse(what: string): never;
  /**
   * Judges what happens for each item, until nothing that is kept from turn to turn grows.
   *
   * @param body  gets the size of the item of its turn
   */
  pass(over: Pass, body: (item: Size) => void): void;
  /** Within a pass: what a size comes to in all its turns. */
  inAll(each: Size): Size;
  /**
   * A value that is kept from turn to turn grew, so that another turn is judged.
   *
   * @param depth  how many passes went on when it was made; all but the innermost unless given
   */
  grew(depth?: number): void;
  /** Within passes: the shape as it is known outside of the innermost one. */
  outside(shape: ValueShape): ValueShape;
  call(code: ValueShape | undefined, args: readonly ValueShape[]): ValueShape;
}

/** What a call does and gives. @param self  of a method; of a function it is undefined's */
export type CheapCall = (judge: Judge, self: ValueShape, args: readonly ValueShape[]) => ValueShape;

const NAMES: Readonly<Record<Kind, string>> = {
  undefined: 'nothing',
  null: 'null',
  boolean: 'a boolean',
  number: 'a number',
  bigint: 'a bigint',
  text: 'a text',
  list: 'a list',
  typed: 'a typed array',
  map: 'a map',
  set: 'a set',
  object: 'an object',
  date: 'a date',
  function: 'a function',
  iterator: 'an iterator',
  error: 'an error',
  inherited: 'what every object has',
};

/** @returns the name of the first of these kinds that it may be; null: it is none */
export function nameOfKind(shape: ValueShape, kinds: number): string | null {
  const found = (Object.keys(KIND) as Kind[]).find((kind) => mayBe(shape, KIND[kind] & kinds));
  return found === undefined ? null : NAMES[found];
}

/** What is made counts by the room that it takes, too. */
export function madeText(judge: Judge, size: Size): ValueShape {
  judge.charge(plus(times(size, TEXT_STEPS), TEXT_ROOM));
  return text(size);
}
export function madeList(judge: Judge, item: ValueShape | null, count: Size, size: Size): ValueShape {
  judge.charge(times(size, ITEM_STEPS));
  return listOf(item, count, size);
}

/** Of each character of a text that is put together, and of each item of a list and what it holds. */
const TEXT_STEPS = 2;
const ITEM_STEPS = 8;
const TEXT_ROOM = fixed(32);

/** A number is made a text by long division where it goes badly, and a text a number likewise. */
export const NUMBER_TEXT_STEPS = 1_500;
const PLACE_TEXT_STEPS = 60;
const TEXT_NUMBER_STEPS = fixed(4_000);
const INHERITED_TEXT_STEPS = 300;

/** Longest texts of a number, and of what else is no text. */
const NUMBER_TEXT = 25;
const OTHER_TEXT = 100;

/** Words of a bigint. */
export function words(bits: number): number {
  return Math.ceil(bits / 64);
}

/** Steps to make what is no text one: of one such value. */
export function textSteps(shape: ValueShape): number {
  let steps = 0;
  if (mayBe(shape, KIND.number)) steps = shape.isPlace ? PLACE_TEXT_STEPS : NUMBER_TEXT_STEPS;
  if (mayBe(shape, KIND.bigint)) steps = Math.max(steps, 100 + 8 * words(shape.bits) ** 2);
  if (mayBe(shape, KIND.inherited)) steps = Math.max(steps, INHERITED_TEXT_STEPS);
  return steps;
}

/** @returns how long its text is; what makes it one is charged */
export function textSize(judge: Judge, shape: ValueShape): Size {
  judge.charge(fixed(textSteps(shape)));
  return lengthOfText(judge, shape);
}

export function lengthOfText(judge: Judge, shape: ValueShape): Size {
  const odd = nameOfKind(shape, ~(PRIMITIVE | KIND.inherited));
  if (odd !== null) judge.refuse(`makes ${odd} a text`);
  let size: Size = NOTHING;
  if (mayBe(shape, KIND.text)) size = greater(size, shape.size);
  if (mayBe(shape, KIND.number)) size = greater(size, fixed(NUMBER_TEXT));
  if (mayBe(shape, KIND.bigint)) size = greater(size, fixed(shape.bits + 2));
  if (mayBe(shape, KIND.inherited)) size = greater(size, fixed(OTHER_TEXT));
  return greater(size, fixed(shape.kinds === KIND.text ? 0 : 9));
}

/** A value that is taken for a number. */
export function takeNumber(judge: Judge, shape: ValueShape | undefined): ValueShape {
  if (shape === undefined) return NUMBER;
  const odd = nameOfKind(shape, ~(PRIMITIVE | KIND.date | KIND.inherited));
  if (odd !== null) judge.refuse(`calculates with ${odd}`);
  if (mayBe(shape, KIND.text)) judge.charge(plus(times(shape.size, 2), TEXT_NUMBER_STEPS));
  return NUMBER;
}
