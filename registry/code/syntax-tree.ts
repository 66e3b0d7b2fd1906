/** JavaScript as a syntax tree (ESTree), by acorn. Positions are offsets in the text that was parsed. */
import { parse, parseExpressionAt } from 'acorn';

export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [part: string]: unknown;
}

/** What acorn cannot read, with the line on which it stumbled, from 1. */
export class CodeSyntaxError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** @throws CodeSyntaxError */
export function parseModule(text: string): SyntaxNode {
  return parsed(() => parse(text, { ecmaVersion: 'latest', sourceType: 'module' }));
}

/** A file of a package in the older form, with `require` and `module.exports`; @throws CodeSyntaxError */
export function parseCommonModule(text: string): SyntaxNode {
  return parsed(() =>
    parse(text, {
      ecmaVersion: 'latest',
      sourceType: 'script',
      allowReturnOutsideFunction: true,
      allowHashBang: true,
    }),
  );
}

/** @throws CodeSyntaxError */
export function parseExpression(text: string): SyntaxNode {
  return parsed(() => parseExpressionAt(text, 0, { ecmaVersion: 'latest', sourceType: 'module' }));
}

/** A text as it runs where it is no module; @throws CodeSyntaxError */
export function parseScript(text: string): SyntaxNode {
  return parsed(() => parse(text, { ecmaVersion: 'latest', sourceType: 'script' }));
}

function parsed(parser: () => unknown): SyntaxNode {
  try {
    return parser() as SyntaxNode;
  } catch (error) {
    const { message, loc } = error as Error & { readonly loc?: { readonly line: number } };
    throw new CodeSyntaxError(message.replace(/ \(\d+:\d+\)$/, ''), loc?.line ?? 1);
  }
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string';
}

/** @returns the nodes right below a node, in the order of the text */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node).flatMap((part) => {
    if (Array.isArray(part)) return part.filter(isNode);
    return isNode(part) ? [part] : [];
  });
}

/** Visits a node and all below it, each before those below it. */
export function visitAll(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | null) => void,
): void {
  const down = (one: SyntaxNode, parent: SyntaxNode | null): void => {
    visit(one, parent);
    for (const child of childrenOf(one)) down(child, one);
  };
  down(node, null);
}

/** @returns the name of a member written `x.name` or `x['name']`; null: it is computed, or the node is no member */
export function memberName(node: SyntaxNode): string | null {
  if (node.type !== 'MemberExpression') return null;
  const property = node['property'] as SyntaxNode;
  if (node['computed'] !== true) return property.type === 'Identifier' ? String(property['name']) : null;
  return property.type === 'Literal' && typeof property['value'] === 'string' ? property['value'] : null;
}

export function isIdentifier(node: unknown, name: string): boolean {
  return isNode(node) && node.type === 'Identifier' && node['name'] === name;
}

/** @returns the line of an offset, from 1 */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1)) line += 1;
  return line;
}
