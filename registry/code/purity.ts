/**
 * What a function computed on demand may not do, since its answer would then hang on more than its argument: each with
 * a sentence that says what to do instead. Calls that no rule here sees fail in the realm, or when the view is tried.
 */
import { KEPT } from '../../contract/on-demand/realm.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { remembersMatch } from './changing-part.ts';
import { returnsValue } from './class-bases.ts';
import { nameUsesOf } from './name-uses.ts';
import type { NameUse } from './name-uses.ts';
import { isIdentifier, isNode, memberName, visitAll } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

interface CodeFault {
  /** Offset in the text. */
  readonly start: number;
  readonly message: string;
  /** It keeps something from one call to the next. */
  readonly keeps?: true;
}

const CLOCK = 'the function has no clock; take the time as an input: `now: t.requestTime()`';
const RANDOM = 'the same request must give the same answer; take a random number as an input';
const OUTSIDE = 'the function has the language alone; what it needs of the world is an input';
const TEXT_CODE = 'no code is made of text here; write the function out';
const LATER_CALLS = 'the answer would hang on the calls before';
const LATER = 'the function answers at once, so nothing can be waited for; what it needs is an input';

/** Names of JavaScript and Node that people reach for, and what to do instead. */
const ADVICE: Readonly<Record<string, string>> = {
  performance: CLOCK,
  crypto: RANDOM,
  eval: TEXT_CODE,
  Function: TEXT_CODE,
  Promise: LATER,
  setTimeout: LATER,
  setInterval: LATER,
  setImmediate: LATER,
  queueMicrotask: LATER,
  fetch: LATER,
  Intl: 'texts of a language and a place differ from machine to machine; write the rule out',
  console: 'nothing is printed from here; `samples` show what the function gets and gives',
  require: 'write `import`, in a module: compute: module("./file.ts")',
};

const WORLD = new Set([
  'process',
  'globalThis',
  'global',
  'window',
  'self',
  'Buffer',
  'URL',
  'WebAssembly',
  'structuredClone',
]);

/** Methods of dates that are of the machine's time zone; each has a brother with UTC in its name. */
const LOCAL_DATE =
  /^(?:get|set)(?:Date|Day|FullYear|Hours|Milliseconds|Minutes|Month|Seconds|Year)$|^getTimezoneOffset$|^to(?:Date|Time)String$/;
const LOCALE = /^(?:toLocale\w+|localeCompare)$/;

/**
 * @param text  what the tree was made of
 * @param kind  inline: a function that stands in a definition; module: a file of its own
 * @returns     in the order of the text
 */
export function faultsOfPurity(tree: SyntaxNode, kind: 'inline' | 'module'): CodeFault[] {
  const { uses, strayThis } = nameUsesOf(tree);
  const faults: CodeFault[] = uses.flatMap((use) => {
    const message = use.binding === null ? faultOfFreeName(use.name, kind) : faultOfState(use);
    if (message === null) return [];
    const at = { start: use.start, message };
    return [use.binding === null ? at : { ...at, keeps: true as const }];
  });
  faults.push(...faultsOfMethods(tree, uses));
  for (const start of strayThis)
    faults.push({ start, message: '`this` is nothing here; what the function gets is its argument' });
  visitAll(tree, (node, parent) => {
    const message = faultOfNode(node, parent);
    if (message !== null) faults.push({ start: node.start, message });
  });
  return faults.toSorted((a, b) => a.start - b.start);
}

function faultOfFreeName(name: string, kind: 'inline' | 'module'): string | null {
  if ((KEPT as readonly string[]).includes(name)) return null;
  if (Object.hasOwn(ADVICE, name)) return `"${name}" cannot be used: ${ADVICE[name]!}`;
  if (WORLD.has(name)) return `"${name}" cannot be used: ${OUTSIDE}`;
  const near = didYouMean(name, KEPT);
  if (kind === 'module') return `"${name}" is neither declared nor imported here${near}`;
  return (
    `"${name}" is declared outside of the function, and only the function travels to where it runs: make it an ` +
    `input, or move the function into a module: compute: module("./file.ts")${near}`
  );
}

/** A name at the top that a function changes would remember one call in the next. */
function faultOfState({ name, isWrite, isInFunction, binding }: NameUse): string | null {
  return isWrite && isInFunction && binding!.isTop ? keptSentence(name) : null;
}

function keptSentence(name: string): string {
  return `"${name}" is kept from one call to the next, and ${LATER_CALLS}; declare it in the function`;
}

/** Methods that change what they are called of, by what made it. */
const CHANGES: Readonly<Record<string, RegExp>> = {
  ArrayExpression: /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin)$/,
  NewExpression: /^(set\w*|add|delete|clear|sort|reverse|fill|copyWithin|next)$/,
  CallExpression: /^next$/,
};

/** Calls within functions that change what stands at the top; what goes by another name first is not seen here. */
function faultsOfMethods(tree: SyntaxNode, uses: readonly NameUse[]): CodeFault[] {
  const ofTop = uses.filter(({ isInFunction, binding }) => isInFunction && binding?.isTop === true);
  const names = new Map(ofTop.map(({ start, name }) => [start, name]));
  const made = madeAtTop(tree);
  const faults: CodeFault[] = [];
  visitAll(tree, (node) => {
    const object = node['object'] as SyntaxNode | undefined;
    const method = memberName(node);
    const name = object === undefined ? undefined : names.get(object.start);
    if (method === null || name === undefined || object!.type !== 'Identifier') return;
    const by = made.get(name);
    if (by === undefined) return;
    if (remembersMatch(by) && /^(test|exec)$/.test(method))
      faults.push({
        start: node.start,
        message: `"${name}" remembers where its last match ended, and ${LATER_CALLS}; write it without g and y, or in the function`,
        keeps: true,
      });
    else if (CHANGES[by.type]?.test(method) === true)
      faults.push({ start: node.start, message: keptSentence(name), keeps: true });
  });
  return faults;
}

/** What the names at the top of a module are made of. */
function madeAtTop(tree: SyntaxNode): Map<string, SyntaxNode> {
  const made = new Map<string, SyntaxNode>();
  for (const statement of tree.type === 'Program' ? (tree['body'] as SyntaxNode[]) : []) {
    const declared = isNode(statement['declaration']) ? statement['declaration'] : statement;
    if (declared.type !== 'VariableDeclaration') continue;
    for (const { id, init } of declared['declarations'] as SyntaxNode[])
      if (isNode(init) && isNode(id)) made.set(String(id['name']), init);
  }
  return made;
}

function faultOfNode(node: SyntaxNode, parent: SyntaxNode | null): string | null {
  if (node['async'] === true || node.type === 'AwaitExpression') return `no async and await: ${LATER}`;
  if (node.type === 'ForOfStatement' && node['await'] === true) return `no for await: ${LATER}`;
  if (node.type === 'ImportExpression') return 'no import(): write `import ... from` at the top of a module';
  if (node.type === 'MetaProperty' && isIdentifier(node['meta'], 'import'))
    return `no import.meta: ${OUTSIDE}`;
  if (node.type === 'NewExpression' || node.type === 'CallExpression') return faultOfCall(node);
  if (node.type === 'MethodDefinition' && node['kind'] === 'constructor') return faultOfConstructor(node);
  return node.type === 'MemberExpression' ? faultOfMember(node, parent) : null;
}

/** A class that extends one whose constructor returns `Math` puts its `#` fields on it, frozen or not, for ever. */
function faultOfConstructor(node: SyntaxNode): string | null {
  const body = (node['value'] as SyntaxNode)['body'] as SyntaxNode;
  return returnsValue(body)
    ? 'a constructor that returns something can keep values on what lives longer than a call; return it from a function'
    : null;
}

function faultOfCall(node: SyntaxNode): string | null {
  if (!isIdentifier(node['callee'], 'Date')) return null;
  const count = (node['arguments'] as unknown[]).length;
  if (node.type === 'CallExpression' || count === 0)
    return `Date without an argument reads a clock: ${CLOCK}`;
  if (count === 1) return null;
  return 'new Date(year, month, ...) is of the time zone of a machine; write new Date(Date.UTC(year, month, ...))';
}

function faultOfMember(node: SyntaxNode, parent: SyntaxNode | null): string | null {
  const name = memberName(node);
  if (name === null) return null;
  if (name === 'now' && isIdentifier(node['object'], 'Date')) return `Date.now reads a clock: ${CLOCK}`;
  if (name === 'random' && isIdentifier(node['object'], 'Math')) return `Math.random: ${RANDOM}`;
  if (name === 'fromAsync') return `.fromAsync waits: ${LATER}`;
  if (parent?.type !== 'CallExpression' || parent['callee'] !== node) return null;
  if (LOCALE.test(name)) return `.${name}() hangs on the language of a machine; write the rule out`;
  if (LOCAL_DATE.test(name))
    return `.${name}() is of the time zone of a machine; there are .getUTC...() and .toISOString()`;
  return null;
}
