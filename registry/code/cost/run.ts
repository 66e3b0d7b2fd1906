/** The run over shapes as those who judge parts of the code see it (sized-run.ts). */
import type { SyntaxNode } from '../syntax-tree.ts';
import type { Judge } from './judge.ts';
import type { BoundName, Scope } from './scope.ts';
import type { ValueShape } from './shape.ts';

export interface Run extends Judge {
  /** Offset of the code that is judged now. */
  at: number;
  /** A node of the code is judged: one step. */
  visit(node: SyntaxNode): void;
  /** @returns what an expression may be */
  value(node: SyntaxNode, scope: Scope): ValueShape;
  /** @returns room for the names of a block */
  scope(parent: Scope | null): Scope;
  /** A name gets a value beside those that it may have had. */
  assign(name: BoundName, shape: ValueShape): void;
  /** The function that is being called returns. */
  answer(shape: ValueShape): void;
}
