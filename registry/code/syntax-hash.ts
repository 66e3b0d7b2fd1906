/**
 * The hash of code by its syntax trees: comments, blanks, quotes and positions do not count, so that a file may be
 * formatted and moved. `fn.toString()` has comments, and a bundled text has paths.
 */
import { createHash } from 'node:crypto';
import { isNode } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

/** Of every node: where it stands, and the text as it was written. */
const APART = new Set(['type', 'start', 'end', 'raw', 'directive']);

/**
 * @param trees  of a module and all that it imports, in the order of the imports
 * @param links  for each tree which of the trees its imports lead to, in their order
 * @returns      64 hex digits of SHA-256
 */
export function hashOfTrees(
  trees: readonly SyntaxNode[],
  links: readonly (readonly number[])[] = [],
): string {
  const hash = createHash('sha256');
  for (const [i, tree] of trees.entries())
    hash.update(`${JSON.stringify(links[i] ?? [])}${treeText(tree)}\n`);
  return hash.digest('hex');
}

function treeText(node: SyntaxNode): string {
  if (node.type === 'Literal') return literalText(node);
  const parts = Object.entries(node).flatMap(([name, value]) =>
    APART.has(name) ? [] : [`${name}:${partText(value)}`],
  );
  return `${node.type}{${parts.join(',')}}`;
}

function partText(part: unknown): string {
  if (Array.isArray(part)) return `[${part.map(partText).join(',')}]`;
  if (isNode(part)) return treeText(part);
  // Of a template the parts with and without escapes: a tag sees both.
  return JSON.stringify(part) ?? 'undefined';
}

function literalText({ value, regex, bigint }: SyntaxNode): string {
  if (regex !== undefined) return `pattern ${JSON.stringify(regex)}`;
  if (bigint !== undefined) return `bigint ${String(bigint)}`;
  // 1e999 is Infinity, which JSON does not have.
  return typeof value === 'number' ? `number ${value}` : JSON.stringify(value);
}
