/**
 * Runs a function over shapes in place of values (shape.ts), once, both branches of each condition, and counts the
 * steps that it takes at most (steps.ts). What it meets that is on no list of what is cheap ends the run: such a
 * function is costly, though it may well be fast.
 *
 *   expressions.ts   what a value may be        statements.ts   what runs, and what names hold
 *   patterns.ts      what is taken apart        cheap-*.ts      the calls of the language
 */
import type { OnDemandArgument } from '../../../contract/on-demand/arguments.ts';
import { isNode } from '../syntax-tree.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { CHEAP_FUNCTIONS, listed } from './cheap-functions.ts';
import { valueOf } from './expressions.ts';
import { bindPattern } from './patterns.ts';
import type { Run } from './run.ts';
import { declareVars, Scope } from './scope.ts';
import type { BoundName } from './scope.ts';
import { either, functionOf, isSame, KIND, mayBe, NEVER, objectOf, shapeOfType, UNDEFINED } from './shape.ts';
import type { Code, ValueShape } from './shape.ts';
import { fixed } from './size.ts';
import { statementsOf } from './statements.ts';
import { Costly, Steps } from './steps.ts';

const CALL_STEPS = fixed(4);

/** A function that is being called. */
interface Frame {
  readonly node: SyntaxNode;
  readonly depth: number;
  result: ValueShape;
}

export interface CostlyPart {
  /** What it does, after "it": `calls \`normalize\`, which is not on the list of cheap calls`. */
  readonly what: string;
  /** Offset in the text. */
  readonly start: number;
}

/**
 * @param tree  of a function, or of a module whose default export is one
 * @param args  that it is given
 * @returns     the first part that is not known to be cheap; null: the function is
 */
export function costlyPartOf(
  tree: SyntaxNode,
  args: readonly OnDemandArgument[],
  int64: 'number' | 'bigint',
): CostlyPart | null {
  const run = new SizedRun();
  try {
    const compute = run.compute(tree);
    run.begin();
    const given = args.map(({ name, type }) => [name, shapeOfType(type, int64)] as const);
    run.call(compute, [objectOf(new Map(given))]);
    return null;
  } catch (error) {
    if (error instanceof Costly) return { what: error.what, start: error.start };
    // Code within code within code.
    if (error instanceof RangeError) return { what: 'is too deep to be judged', start: run.at };
    throw error;
  }
}

class SizedRun extends Steps implements Run {
  readonly #frames: Frame[] = [];

  /** @returns the function that a tree stands for */
  compute(tree: SyntaxNode): ValueShape {
    const scope = this.scope(null);
    if (tree.type !== 'Program') return this.value(tree, scope);
    const body = tree['body'] as SyntaxNode[];
    declareVars(tree, scope);
    statementsOf(this, body, scope);
    const exported = body.flatMap((node) => (node['specifiers'] as SyntaxNode[] | undefined) ?? []);
    const one = exported.find((each) => (each['exported'] as SyntaxNode)['name'] === 'default');
    return one === undefined ? UNDEFINED : this.value(one['local'] as SyntaxNode, scope);
  }

  scope(parent: Scope | null): Scope {
    return new Scope(parent, this.depth);
  }

  value(node: SyntaxNode, scope: Scope): ValueShape {
    this.visit(node);
    return valueOf(this, node, scope);
  }

  /** A name gets a value beside those that it may have had. */
  assign(binding: BoundName, shape: ValueShape): void {
    const next = either(binding.shape, this.known(shape, binding.depth));
    if (isSame(next, binding.shape)) return;
    binding.shape = next;
    this.grew(binding.depth);
  }

  answer(shape: ValueShape): void {
    const frame = this.#frames.at(-1)!;
    frame.result = either(frame.result, this.known(shape, frame.depth));
  }

  call(callee: ValueShape | undefined, args: readonly ValueShape[]): ValueShape {
    const { at } = this;
    const code = callee?.code ?? null;
    // What is no function throws.
    if (callee !== undefined && !mayBe(callee, KIND.function | KIND.inherited)) return NEVER;
    if (code === null || mayBe(callee!, KIND.inherited)) this.refuse('calls a function that is not known');
    const result =
      typeof code === 'string'
        ? CHEAP_FUNCTIONS.get(code)!(this, UNDEFINED, args)
        : this.#callOwn(code, args);
    this.at = at;
    return result;
  }

  #callOwn(code: Exclude<Code, string>, args: readonly ValueShape[]): ValueShape {
    const { node } = code;
    if (this.#frames.some((frame) => frame.node === node)) this.refuse('calls itself');
    this.charge(CALL_STEPS);
    const scope = this.scope(code.scope as Scope);
    const frame = { node, depth: this.depth, result: NEVER };
    this.#frames.push(frame);
    const own = node['id'];
    if (node.type === 'FunctionExpression' && isNode(own))
      scope.declare(String(own['name'])).shape = functionOf(code);
    this.#takeArguments(node['params'] as SyntaxNode[], args, scope);
    const body = node['body'] as SyntaxNode;
    if (body.type === 'BlockStatement') {
      declareVars(body, scope);
      statementsOf(this, body['body'] as SyntaxNode[], scope);
      frame.result = either(frame.result, UNDEFINED);
    } else this.answer(this.value(body, scope));
    this.#frames.pop();
    return frame.result;
  }

  #takeArguments(params: readonly SyntaxNode[], args: readonly ValueShape[], scope: Scope): void {
    const into = { run: this, scope, isNew: true };
    for (const [i, param] of params.entries()) {
      if (param.type !== 'RestElement') bindPattern(into, param, args[i] ?? UNDEFINED);
      else bindPattern(into, param['argument'] as SyntaxNode, listed(this, args.slice(i)));
    }
  }
}
