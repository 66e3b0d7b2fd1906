/**
 * Counts the steps that a function takes at most, while it is judged: one for each node of its code that runs, and for
 * what a call of the language does at worst: for each character, item and byte that it goes through or makes.
 *
 *   steps <= fixed + factor * (all that it is given)
 *
 * A function of more than these is costly, and so is one for which no such sum is found.
 */
import { afterPasses } from './shape.ts';
import type { ValueShape } from './shape.ts';
import { after, fixed, inAll, itemOf, NOTHING, ONE, plus } from './size.ts';
import type { Pass, Size } from './size.ts';

/** A step takes some 2 ns, and makes some two bytes at most. Of a call, whatever it is given: about 0.2 ms. */
const MOST_STEPS = 100_000;
/** Steps for each byte of a request that it is given: those of the longest take less than 0.1 s. */
const MOST_STEPS_EACH = 40;
/** Of each turn of a pass. */
const TURN_STEPS = fixed(4);
/** Steps of what stands outside of the function, once. */
const MOST_STEPS_BEFORE = 1_000_000;
/** A chain of calls that is longer than this is not judged, and neither is a value that grows for so many turns. */
const MOST_VISITS = 1_000_000;
const MOST_TURNS = 5;

/** Why a function is not known to be cheap. */
export class Costly extends Error {
  /** What it does, after "it": `has a loop`. */
  readonly what: string;
  /** Offset in the text. */
  readonly start: number;

  constructor(what: string, start: number) {
    super(what);
    this.what = what;
    this.start = start;
  }
}

export class Steps {
  /** Offset of the code that is judged now. */
  at = 0;
  isCalled = false;
  #visits = 0;
  /** Steps of a turn of each pass that goes on, the outermost first; before them those of the call. */
  #steps: Size[] = [NOTHING];
  #passes: Pass[] = [];
  /** Of each pass that goes on: whether something that is kept from turn to turn grew in this one. */
  readonly #grew: boolean[] = [];

  /** How many passes go on. */
  get depth(): number {
    return this.#passes.length;
  }

  /** From now on steps are those of a call. */
  begin(): void {
    this.isCalled = true;
    this.#steps = [NOTHING];
  }

  refuse(what: string): never {
    throw new Costly(what, this.at);
  }

  /** A node of the code is judged. */
  visit(node: { readonly start: number }): void {
    this.at = node.start;
    this.#visits += 1;
    if (this.#visits > MOST_VISITS) this.refuse('calls so much that it cannot be judged');
    this.charge(ONE);
  }

  charge(steps: Size): void {
    const sum = plus(this.#steps.pop()!, steps);
    this.#steps.push(sum);
    const most = this.isCalled ? MOST_STEPS : MOST_STEPS_BEFORE;
    if ((sum[0] ?? 0) > most) this.refuse(`may take over ${most} steps, whatever it is given`);
    if (sum.some((one, i) => i > 0 && one > MOST_STEPS_EACH))
      this.refuse(`may take over ${MOST_STEPS_EACH} steps for each byte that it is given`);
  }

  pass(over: Pass, body: (item: Size) => void): void {
    const { at } = this;
    this.#passes.push(over);
    let steps = NOTHING;
    for (let turn = 0; ; turn++) {
      this.#grew[this.depth - 1] = false;
      this.#steps.push(NOTHING);
      body(itemOf(this.depth));
      steps = this.#steps.pop()!;
      if (this.#grew[this.depth - 1] !== true) break;
      if (turn === MOST_TURNS) this.refuse('keeps a value that may grow with each item');
    }
    this.at = at;
    steps = this.inAll(plus(steps, TURN_STEPS));
    this.#passes.pop();
    this.charge(steps);
  }

  inAll(each: Size): Size {
    const size = inAll(each, this.#passes.at(-1)!, this.depth);
    return size ?? this.refuse('goes through something of any length for each item of a list');
  }

  grew(depth = this.depth - 1): void {
    for (let i = depth; i < this.depth; i++) this.#grew[i] = true;
  }

  outside(shape: ValueShape): ValueShape {
    return this.known(shape, this.depth - 1);
  }

  /** The shape as it is known once no more than so many passes go on. */
  known(shape: ValueShape, depth: number): ValueShape {
    return afterPasses(shape, this.#passes, depth);
  }

  sizeKnown(size: Size, depth: number): Size {
    return after(size, this.#passes, depth);
  }
}
