/**
 * Callbacks within callbacks: `xs.map((a) => xs.filter((b) => b < a).length)` goes through a list for each item of a
 * list, so that a body of 60 KB takes half a minute. A callback is a function given to a call, in place or by its name.
 */
import { childrenOf, isNode, visitAll } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

const FUNCTIONS = new Set(['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration']);

/** @returns the offsets of calls within a callback that go through a list again */
export function nestedCallbacks(tree: SyntaxNode): number[] {
  const named = namedFunctions(tree);
  const slow = slowNames(named);
  const found: number[] = [];
  const down = (node: SyntaxNode, isWithin: boolean): void => {
    const callbacks = callbacksOf(node, named);
    if (isWithin && (callbacks.length > 0 || isCallOf(node, slow))) found.push(node.start);
    for (const one of callbacks)
      if (one.type === 'Identifier' && slow.has(nameOf(one))) found.push(one.start);
    for (const child of childrenOf(node)) down(child, isWithin || callbacks.includes(child));
  };
  down(tree, false);
  return found;
}

/** @returns the functions that have a name, by it; of two of one name both */
function namedFunctions(tree: SyntaxNode): Map<string, SyntaxNode[]> {
  const named = new Map<string, SyntaxNode[]>();
  visitAll(tree, (node) => {
    const [id, value] = node.type === 'VariableDeclarator' ? [node['id'], node['init']] : [node['id'], node];
    if (!isNode(id) || id.type !== 'Identifier' || !isNode(value) || !FUNCTIONS.has(value.type)) return;
    named.set(nameOf(id), [...(named.get(nameOf(id)) ?? []), value]);
  });
  return named;
}

/** @returns the names of functions that go through a list, or call one that does */
function slowNames(named: ReadonlyMap<string, readonly SyntaxNode[]>): Set<string> {
  const slow = new Set<string>();
  for (let before = -1; before < slow.size;) {
    before = slow.size;
    for (const [name, functions] of named) {
      for (const one of functions)
        visitAll(one, (node) => {
          if (callbacksOf(node, named).length > 0 || isCallOf(node, slow)) slow.add(name);
        });
    }
  }
  return slow;
}

/** @returns those of a call's arguments that are functions */
function callbacksOf(node: SyntaxNode, named: ReadonlyMap<string, unknown>): SyntaxNode[] {
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return [];
  return (node['arguments'] as SyntaxNode[]).filter(
    (one) => FUNCTIONS.has(one.type) || (one.type === 'Identifier' && named.has(nameOf(one))),
  );
}

function isCallOf(node: SyntaxNode, names: ReadonlySet<string>): boolean {
  const callee = node['callee'];
  return isNode(callee) && callee.type === 'Identifier' && names.has(nameOf(callee));
}

function nameOf(node: SyntaxNode): string {
  return String(node['name']);
}
