/**
 * Passes over a list that may run once for each item of another: `xs.map((a) => xs.filter((b) => b < a).length)` takes
 * time in proportion to the square of its argument. Names are told apart by their text alone, so a function that no
 * pass calls may be taken for another of its name: it is then isolated without need.
 */
import { KEPT } from '../../contract/on-demand/realm.ts';
import { isNode, memberName, visitAll } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

/** Methods that call what they get once for each item. */
const ITERATING = words(
  'map filter reduce reduceRight forEach some every find findIndex findLast findLastIndex sort toSorted groupBy',
);
/** Methods that go through a whole list, map or text in one call. */
const SCANNING = words(
  'includes indexOf lastIndexOf join concat slice splice toSpliced with reverse toReversed fill copyWithin',
  'shift unshift split keys values entries fromEntries assign parse stringify replace replaceAll from of',
);
const FUNCTIONS = words('ArrowFunctionExpression FunctionExpression');
const SHORT = words('Date Error RangeError TypeError');

/** @returns the offset of the first pass within a pass; null: there is none */
export function nestedPassOf(tree: SyntaxNode): number | null {
  const helpers = helpersOf(tree);
  let first: number | null = null;
  visitAll(tree, (node) => {
    const name = node.type === 'CallExpression' ? memberName(node['callee'] as SyntaxNode) : null;
    if (name === null || !ITERATING.has(name)) return;
    const callback = (node['arguments'] as SyntaxNode[])[name === 'groupBy' ? 1 : 0];
    if (callback === undefined || !isSlow(callback, helpers)) return;
    if (first === null || node.start < first) first = node.start;
  });
  return first;
}

/** The code of each name of a function, or of an object that has some. */
type Helpers = ReadonlyMap<string, readonly SyntaxNode[]>;

function helpersOf(tree: SyntaxNode): Helpers {
  const helpers = new Map<string, SyntaxNode[]>();
  const add = (name: unknown, code: unknown): void => {
    if (!isNode(name) || !isNode(code)) return;
    const own = name.type === 'Identifier' ? functionsIn(code) : [];
    if (own.length > 0)
      helpers.set(String(name['name']), [...(helpers.get(String(name['name'])) ?? []), ...own]);
  };
  visitAll(tree, (node) => {
    if (node.type === 'VariableDeclarator') add(node['id'], node['init']);
    if (node.type === 'AssignmentExpression') add(node['left'], node['right']);
    if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') add(node['id'], node);
  });
  return helpers;
}

function functionsIn(code: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  visitAll(code, (node) => {
    if (FUNCTIONS.has(node.type) || node.type === 'FunctionDeclaration') found.push(node);
  });
  return found;
}

/** Whether what runs for each item of a list may itself go through one, or calls what is not seen here. */
function isSlow(code: SyntaxNode, helpers: Helpers): boolean {
  if (isUnseen(code, helpers)) return true;
  const passes: SyntaxNode[] = [];
  const seen = new Set<string>();
  const left = [code];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    visitAll(next, (node) => {
      if (isPass(node, helpers)) passes.push(node);
      const name = node.type === 'Identifier' ? String(node['name']) : '';
      if (seen.has(name)) return;
      seen.add(name);
      left.push(...(helpers.get(name) ?? []));
    });
  }
  return passes.length > 0;
}

function isPass(node: SyntaxNode, helpers: Helpers): boolean {
  if (node.type === 'SpreadElement') return true;
  if (node.type === 'ArrayPattern' || node.type === 'ObjectPattern') return hasRest(node);
  const callee = node['callee'];
  if (!isNode(callee)) return false;
  if (node.type === 'NewExpression') {
    return (node['arguments'] as SyntaxNode[]).length > 0 && !SHORT.has(String(callee['name']));
  }
  const name = memberName(callee);
  return name === null ? isUnseen(callee, helpers) : ITERATING.has(name) || SCANNING.has(name);
}

function hasRest(pattern: SyntaxNode): boolean {
  const parts = (pattern['elements'] ?? pattern['properties']) as (SyntaxNode | null)[];
  return parts.some((part) => part?.type === 'RestElement');
}

/** A function by a name that the code gives no function: a parameter, for example. */
function isUnseen(callee: SyntaxNode, helpers: Helpers): boolean {
  if (callee.type !== 'Identifier') return false;
  const name = String(callee['name']);
  return !helpers.has(name) && !(KEPT as readonly string[]).includes(name);
}

function words(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.join(' ').split(' '));
}
