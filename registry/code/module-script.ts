/**
 * The script of an on-demand view: how a module becomes one expression, and what a script holds that came from
 * elsewhere. It is parsed as it runs (compile-function.ts), so that nothing in it stands outside of what is judged.
 */
import { topNamesOf } from './changing-part.ts';
import { hashOfTrees } from './syntax-hash.ts';
import {
  CodeSyntaxError,
  isIdentifier,
  isNode,
  memberName,
  parseModule,
  parseScript,
} from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

/**
 * The module as an expression that gives a function. Lines stay where they are.
 *
 * @param frozen  names that are frozen once it has run; null: it runs anew for each call, and keeps nothing
 */
export function scriptOf(text: string, tree: SyntaxNode, frozen: readonly string[] | null): string {
  const last = (tree['body'] as SyntaxNode[]).findLast((node) => node.type === 'ExportNamedDeclaration')!;
  const named = (last['specifiers'] as SyntaxNode[]).find(
    (one) => (one['exported'] as SyntaxNode)['name'] === 'default',
  )!;
  const local = String((named['local'] as SyntaxNode)['name']);
  const given = frozen === null ? local : `[${[local, ...frozen].join(', ')}]`;
  const load = `() => { ${text.slice(0, last.start)}return ${given};${text.slice(last.end).trimEnd()}\n}`;
  return frozen === null ? `(${RUN_ANEW})(${load})` : `(${FREEZE})((${load})())`;
}

const RUN_ANEW = `(load) => (given) => { const compute = load(); if (typeof compute !== 'function')
throw new TypeError('expected a function, its default export, got ' + typeof compute); return compute(given); }`.replace(
  '\n',
  ' ',
);

/** Freezes all that the values lead to, and gives the first. Prototypes are of the language, or among the values. */
const FREEZE = `(values) => { const seen = new Set(); const freeze = (x) => {
if ((typeof x !== 'object' && typeof x !== 'function') || x === null || seen.has(x)) return; seen.add(x);
Object.freeze(x); if (x instanceof Map || x instanceof Set) x.forEach((item, key) => { freeze(item); freeze(key); });
for (const key of [...Object.getOwnPropertyNames(x), ...Object.getOwnPropertySymbols(x)]) {
const { value, get, set } = Object.getOwnPropertyDescriptor(x, key); freeze(value); freeze(get); freeze(set); } };
freeze(values); return values[0]; }`.replaceAll('\n', ' ');

interface ReadScript {
  /** Of the function that stands in it, or of the module, as the bundler had it. */
  readonly tree: SyntaxNode;
  /** What positions in the tree are of. */
  readonly text: string;
  readonly kind: 'inline' | 'module';
  /** The module runs anew for each call. */
  readonly isAnew: boolean;
}

/** @returns what a script holds; null: it is none that a plan makes */
export function readScript(script: string): ReadScript | null {
  const text = `'use strict';(${script}\n)`;
  try {
    const body = parseScript(text)['body'] as SyntaxNode[];
    const given = body.length === 2 ? body[1]!['expression'] : null;
    if (!isNode(given)) return null;
    const tree = functionOf(given);
    return tree === null ? moduleOf(given, text) : { tree, text, kind: 'inline', isAnew: false };
  } catch (error) {
    if (error instanceof CodeSyntaxError) return null;
    throw error;
  }
}

/** A function, or the only method of an object that is taken out of it: nothing runs before the call. */
function functionOf(node: SyntaxNode): SyntaxNode | null {
  if (node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression') return node;
  const object = node['object'];
  if (node.type !== 'MemberExpression' || !isNode(object) || object.type !== 'ObjectExpression') return null;
  const [method, ...more] = object['properties'] as SyntaxNode[];
  if (method?.['method'] !== true || method['computed'] === true || more.length > 0) return null;
  return isIdentifier(method['key'], memberName(node) ?? '') ? (method['value'] as SyntaxNode) : null;
}

function moduleOf(given: SyntaxNode, text: string): ReadScript | null {
  const form = callOf(given);
  const wrapper = form === null ? '' : text.slice(form.callee.start, form.callee.end);
  const isAnew = wrapper === RUN_ANEW;
  if (form?.given.length !== 1 || (!isAnew && wrapper !== FREEZE)) return null;
  const loading = isAnew ? { callee: form.given[0]!, given: [] } : callOf(form.given[0]!);
  if (loading === null || loading.given.length > 0) return null;
  const { type, async: waits, params, body } = loading.callee as unknown as Loading;
  if (type !== 'ArrowFunctionExpression' || waits || params.length > 0 || body.type !== 'BlockStatement')
    return null;
  const statements = body['body'] as SyntaxNode[];
  const last = statements.at(-1);
  const returned = last?.type === 'ReturnStatement' ? last['argument'] : null;
  if (!isNode(returned)) return null;
  const names = isAnew ? [returned] : ((returned['elements'] ?? []) as (SyntaxNode | null)[]);
  if (names.length === 0 || !names.every((one) => one?.type === 'Identifier')) return null;
  const [local, ...frozen] = names.map((one) => String(one!['name']));
  const module = `${text.slice(body.start + '{ '.length, last!.start)}export { ${local} as default };`;
  const tree = parseModule(module);
  // A module has no comments as <!-- is one in a script: what runs has to be what is judged.
  const isSame =
    hashOfTrees(statements.slice(0, -1)) === hashOfTrees((tree['body'] as SyntaxNode[]).slice(0, -1));
  if (!isSame || (!isAnew && frozen.join() !== topNamesOf(tree).join())) return null;
  return { tree, text: module, kind: 'module', isAnew };
}

interface Loading {
  readonly type: string;
  readonly async: boolean;
  readonly params: readonly SyntaxNode[];
  readonly body: SyntaxNode;
}

function callOf(
  node: SyntaxNode,
): { readonly callee: SyntaxNode; readonly given: readonly SyntaxNode[] } | null {
  if (node.type !== 'CallExpression' || node['optional'] === true) return null;
  return { callee: node['callee'] as SyntaxNode, given: node['arguments'] as SyntaxNode[] };
}
