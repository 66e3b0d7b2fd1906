/**
 * Takes out of a module what makes promises: async functions and import(), which packages may have. What waits is never
 * done after a call, and would stay in memory; it throws instead, with its line. Own modules are refused before.
 */
import { childrenOf, isNode } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

const THROW = "throw new TypeError('nothing can be waited for in a function computed on demand')";
const ASYNC = 'async';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** @returns the text with as many lines; the very text where nothing in it waits */
export function withoutWaiting(text: string, tree: SyntaxNode): string {
  const edits: Edit[] = [];
  collect(tree, null, { text, edits });
  let to = '';
  let from = 0;
  for (const { start, end, text: instead } of edits.toSorted((a, b) => a.start - b.start)) {
    to += text.slice(from, start) + instead;
    from = end;
  }
  return to + text.slice(from);
}

interface Found {
  readonly text: string;
  readonly edits: Edit[];
}

function collect(node: SyntaxNode, parent: SyntaxNode | null, found: Found): void {
  if (node['async'] === true) return takeOut(node, parent, found);
  if (node.type === 'ImportExpression') {
    const end = node.start + 'import'.length;
    found.edits.push({ start: node.start, end, text: `(() => { ${THROW}; })` });
  }
  for (const child of childrenOf(node)) collect(child, node, found);
}

/** The word `async` goes, and the body throws. */
function takeOut(node: SyntaxNode, parent: SyntaxNode | null, found: Found): void {
  const { text, edits } = found;
  const isMethod =
    parent !== null && parent['value'] === node && isNode(parent['key']) && node.start > parent.start;
  const before = isMethod ? (parent['key'] as SyntaxNode).start : node.start + ASYNC.length;
  const word = text.lastIndexOf(ASYNC, before - ASYNC.length);
  edits.push({ start: word, end: word + ASYNC.length, text: '' });
  for (const param of node['params'] as SyntaxNode[]) collect(param, node, found);
  const body = node['body'] as SyntaxNode;
  // A body that is an expression may stand in brackets.
  const start = node.type === 'ArrowFunctionExpression' ? text.lastIndexOf('=>', body.start) + 2 : body.start;
  const lines = text.slice(start, node.end).split('\n').length - 1;
  edits.push({ start, end: node.end, text: `{ ${THROW}; ${'\n'.repeat(lines)}}` });
}
