/**
 * Whether a function could run for very long: then it runs in a process of its own that can be ended. What is found
 * here is a loop, recursion, a regular expression, text or lists of a computed length, powers of bigints, and a pass
 * over a list for each item of another. Code without any of them takes time in proportion to its argument, as a rule.
 */
import { nameUsesOf } from './name-uses.ts';
import type { Binding } from './name-uses.ts';
import { nestedPassOf } from './nested-passes.ts';
import { isIdentifier, isNode, memberName, visitAll } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

interface EndlessPart {
  /** `a loop` */
  readonly what: string;
  /** Offset in the text. */
  readonly start: number;
}

/** @returns the first part that could run for very long; null: there is none */
export function endlessPartOf(tree: SyntaxNode): EndlessPart | null {
  const found: EndlessPart[] = [];
  visitAll(tree, (node) => {
    const what = endlessNode(node);
    if (what !== null) found.push({ what, start: node.start });
  });
  const nested = nestedPassOf(tree);
  if (nested !== null) found.push({ what: 'a pass over a list for each item of one', start: nested });
  const recursive = nameUsesOf(tree).bindings.find(isRecursive);
  if (recursive !== undefined)
    found.push({ what: `recursion ("${recursive.name}")`, start: recursive.start });
  return found.reduce<EndlessPart | null>(
    (first, one) => (first === null || one.start < first.start ? one : first),
    null,
  );
}

/** A name whose value leads back to it. */
function isRecursive(binding: Binding): boolean {
  const seen = new Set<Binding>();
  const left = [...binding.refersTo];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next === binding) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    left.push(...next.refersTo);
  }
  return false;
}

const LOOPS = new Set([
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
]);
/** Methods of texts that take a text for a regular expression, and those that make a text as long as asked for. */
const BY_PATTERN = new Set(['match', 'matchAll', 'search']);
const BY_LENGTH = new Set(['repeat', 'padStart', 'padEnd']);
/** Methods whose result is as long as the product of what they take, or that call what is not seen. */
const BY_PRODUCT = new Set(['flatMap', 'flat']);
const BY_VALUE = new Set(['call', 'apply', 'bind']);
/** A list of so many places is no long one. */
const MOST_PLACES = 10_000;
const SIZED = /^(Array|ArrayBuffer|\w+\d+(?:Clamped)?Array)$/;

function endlessNode(node: SyntaxNode): string | null {
  if (LOOPS.has(node.type)) return 'a loop';
  if (node.type === 'Literal' && isPattern(node)) return 'a regular expression';
  if (isIdentifier(node, 'RegExp')) return 'a regular expression';
  const member = memberName(node);
  if (member === 'iterator') return 'an iterator of its own';
  if (member === 'constructor') return 'a constructor that is not named (.constructor)';
  const lengthened = lengthenedBy(node);
  if (lengthened !== null) return lengthened;
  if (node.type === 'BinaryExpression' || node.type === 'AssignmentExpression') return powerOfBigints(node);
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return null;
  const callee = node['callee'] as SyntaxNode;
  const args = node['arguments'] as SyntaxNode[];
  if (callee.type === 'Identifier' && SIZED.test(String(callee['name']))) return sizedList(args);
  const name = memberName(callee);
  if (name === null) return callee.type === 'MemberExpression' ? 'a method by a computed name' : null;
  if (BY_PATTERN.has(name)) return `a regular expression (.${name})`;
  if (BY_LENGTH.has(name)) return `a text of any length (.${name})`;
  if (BY_PRODUCT.has(name)) return `a list of lists made flat (.${name})`;
  if (BY_VALUE.has(name)) return `a function called by .${name}`;
  if (isSetting(name, args)) return `a length that may be set (.${name})`;
  if (isProduct(name, args)) return `a text put in many times (.${name})`;
  if (name === 'from' && isIdentifier(callee['object'], 'Array')) return 'a list of any length (Array.from)';
  if (isNode(callee['object']) && callee['object'].type === 'ThisExpression') return `a call of this.${name}`;
  return null;
}

/** `xs.join(separator)`, `text.replaceAll(part, other)`: long times many, unless the texts stand there. */
function isProduct(name: string, args: readonly SyntaxNode[]): boolean {
  if (name !== 'join' && name !== 'replaceAll' && name !== 'replace') return false;
  const texts = name === 'replace' ? args.slice(0, 1) : args;
  return texts.some((arg) => arg.type !== 'Literal');
}

/** `xs.length = n`, `xs[n] = x`, also within a pattern: a list is as long as its last place, whether filled or not. */
function lengthenedBy(node: SyntaxNode): string | null {
  if (node.type !== 'AssignmentExpression' && node.type !== 'UpdateExpression') return null;
  for (const target of targetsOf(node['left'] ?? node['argument'])) {
    if (memberName(target) === 'length') return 'a length that is set';
    if (memberName(target) === null && !isNearPlace(target['property'])) return 'a place by a computed name';
  }
  return null;
}

/** The members that an assignment sets. */
function targetsOf(left: unknown): SyntaxNode[] {
  if (!isNode(left)) return [];
  switch (left.type) {
    case 'MemberExpression':
      return [left];
    case 'ArrayPattern':
      return (left['elements'] as unknown[]).flatMap(targetsOf);
    case 'ObjectPattern':
      return (left['properties'] as SyntaxNode[]).flatMap((one) => targetsOf(one['value'] ?? one));
    case 'AssignmentPattern':
      return targetsOf(left['left']);
    case 'RestElement':
      return targetsOf(left['argument']);
    default:
      return [];
  }
}

/** `xs[3]` */
function isNearPlace(property: unknown): boolean {
  return isNode(property) && property.type === 'Literal' && Number(property['value']) <= MOST_PLACES;
}

/** `Object.assign(xs, { length: n })` and its like; into an object that stands there nothing can be too long. */
function isSetting(name: string, args: readonly SyntaxNode[]): boolean {
  if (name === 'assign') return args[0]?.type !== 'ObjectExpression';
  return /^(defineProperty|defineProperties|set)$/.test(name) && args.length > 2;
}

function isPattern(node: SyntaxNode): boolean {
  return typeof node['regex'] === 'object' && node['regex'] !== null;
}

/** `new Float64Array(n)`: a short one, a list of what stands there, and `new Array()` are fine. */
function sizedList(args: readonly SyntaxNode[]): string | null {
  const [first] = args;
  if (first === undefined || args.length > 1 || first.type === 'ArrayExpression') return null;
  return isNearPlace(first) ? null : 'a list of any length';
}

function powerOfBigints(node: SyntaxNode): string | null {
  if (!/^(\*\*|<<)=?$/.test(String(node['operator']))) return null;
  const sides = [node['left'], node['right']].filter(isNode);
  // A number never meets a bigint in one operation, so a side that is surely a number makes both numbers.
  const isNumber = (side: SyntaxNode): boolean =>
    side.type === 'Literal' && typeof side['value'] === 'number';
  return sides.some(isNumber) ? null : 'a power that may be one of bigints';
}
