/** The names of a function that is judged, and what is known of their values: all that they may ever be. */
import { childrenOf, isNode } from '../syntax-tree.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { UNDEFINED } from './shape.ts';
import type { ValueShape } from './shape.ts';

export interface BoundName {
  shape: ValueShape;
  /** How many passes were going on when it was made. */
  readonly depth: number;
}

export class Scope {
  readonly #parent: Scope | null;
  readonly #names = new Map<string, BoundName>();
  readonly #depth: number;

  /** @param depth  how many passes are going on */
  constructor(parent: Scope | null, depth: number) {
    this.#parent = parent;
    this.#depth = depth;
  }

  find(name: string): BoundName | null {
    return this.#names.get(name) ?? this.#parent?.find(name) ?? null;
  }

  /** @returns the name's place in this very scope, made if it is new */
  declare(name: string): BoundName {
    let binding = this.#names.get(name);
    if (binding === undefined) this.#names.set(name, (binding = { shape: UNDEFINED, depth: this.#depth }));
    return binding;
  }
}

/** Declares what `let`, `const`, `class` and `function` name in a block. @returns its functions */
export function declareLexical(statements: readonly SyntaxNode[], scope: Scope): SyntaxNode[] {
  const functions: SyntaxNode[] = [];
  for (const node of statements) {
    if (node.type === 'VariableDeclaration' && node['kind'] !== 'var')
      for (const name of namesOf(node)) scope.declare(name);
    if (!/^(Class|Function)Declaration$/.test(node.type)) continue;
    scope.declare(String((node['id'] as SyntaxNode)['name']));
    if (node.type === 'FunctionDeclaration') functions.push(node);
  }
  return functions;
}

/** Declares what `var` names in a function, however deep in blocks it stands. */
export function declareVars(node: SyntaxNode, scope: Scope): void {
  if (/Function|^Class/.test(node.type)) return;
  if (node.type === 'VariableDeclaration' && node['kind'] === 'var')
    for (const name of namesOf(node)) scope.declare(name);
  for (const child of childrenOf(node)) declareVars(child, scope);
}

function namesOf(declaration: SyntaxNode): string[] {
  return (declaration['declarations'] as SyntaxNode[]).flatMap((one) => namesIn(one['id']));
}

/** The names that a pattern declares. */
function namesIn(pattern: unknown): string[] {
  if (!isNode(pattern)) return [];
  if (pattern.type === 'Identifier') return [String(pattern['name'])];
  if (pattern.type === 'AssignmentPattern') return namesIn(pattern['left']);
  if (pattern.type === 'Property') return namesIn(pattern['value']);
  return childrenOf(pattern).flatMap(namesIn);
}
