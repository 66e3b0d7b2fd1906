/** Runs the statements of a judged function: all branches, one after the other, and loops that go through something. */
import { childrenOf, isIdentifier, isNode, memberName, visitAll } from '../syntax-tree.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { iterated } from './iterable.ts';
import { bindPattern } from './patterns.ts';
import { declareLexical } from './scope.ts';
import type { Scope } from './scope.ts';
import { ERROR, functionOf, KIND, mayBe, PLACE, UNDEFINED } from './shape.ts';
import { binary } from './operators.ts';
import { fixed, isSame } from './size.ts';
import type { Size } from './size.ts';
import type { Run } from './run.ts';

/** To catch costs an error, which keeps where it was made. */
const CATCH_STEPS = fixed(2_500);
const MOST_COUNTED = 10_000;

/** @param scope  their own: their names are declared in it */
export function statementsOf(run: Run, statements: readonly SyntaxNode[], scope: Scope): void {
  for (const node of declareLexical(statements, scope)) {
    if (node['async'] === true || node['generator'] === true) run.refuse('has a function that answers later');
    scope.declare(String((node['id'] as SyntaxNode)['name'])).shape = functionOf({ node, scope });
  }
  for (const one of statements) statement(run, one, scope);
}

const part = (node: SyntaxNode, name: string): SyntaxNode => node[name] as SyntaxNode;

function maybe(run: Run, node: unknown, scope: Scope): void {
  if (isNode(node)) statement(run, node, scope);
}

function statement(run: Run, node: SyntaxNode, scope: Scope): void {
  run.visit(node);
  switch (node.type) {
    case 'ExpressionStatement':
      return void run.value(part(node, 'expression'), scope);
    case 'VariableDeclaration':
      return declaration(run, node, scope);
    case 'BlockStatement':
      return statementsOf(run, node['body'] as SyntaxNode[], run.scope(scope));
    case 'ReturnStatement':
      return run.answer(isNode(node['argument']) ? run.value(node['argument'], scope) : UNDEFINED);
    case 'IfStatement':
      run.value(part(node, 'test'), scope);
      maybe(run, node['consequent'], scope);
      return maybe(run, node['alternate'], scope);
    case 'ThrowStatement':
      return void run.value(part(node, 'argument'), scope);
    case 'LabeledStatement':
      return statement(run, part(node, 'body'), scope);
    case 'SwitchStatement':
      return cases(run, node, scope);
    case 'TryStatement':
      return attempt(run, node, scope);
    case 'ForOfStatement':
      return forOf(run, node, scope);
    case 'ForStatement':
      return counted(run, node, scope);
    case 'ClassDeclaration':
      return classOf(run, node, scope);
    case 'FunctionDeclaration':
    case 'EmptyStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
      return;
    default:
      run.refuse(/^(While|DoWhile|ForIn)Statement$/.test(node.type) ? 'has a loop' : `has a ${node.type}`);
  }
}

function declaration(run: Run, node: SyntaxNode, scope: Scope): void {
  const isVar = node['kind'] === 'var';
  for (const one of node['declarations'] as SyntaxNode[]) {
    const init = one['init'];
    if (isVar && !isNode(init)) continue;
    const shape = isNode(init) ? run.value(init, scope) : UNDEFINED;
    bindPattern({ run, scope, isNew: !isVar }, part(one, 'id'), shape);
  }
}

function cases(run: Run, node: SyntaxNode, scope: Scope): void {
  const value = run.value(part(node, 'discriminant'), scope);
  const inner = run.scope(scope);
  const each = node['cases'] as SyntaxNode[];
  const statements = each.flatMap((one) => one['consequent'] as SyntaxNode[]);
  for (const { test } of each as unknown as { readonly test: unknown }[])
    if (isNode(test)) binary(run, '===', value, run.value(test, inner));
  statementsOf(run, statements, inner);
}

function attempt(run: Run, node: SyntaxNode, scope: Scope): void {
  run.charge(CATCH_STEPS);
  statement(run, part(node, 'block'), scope);
  const handler = node['handler'];
  if (isNode(handler)) {
    const inner = run.scope(scope);
    if (isNode(handler['param'])) bindPattern({ run, scope: inner, isNew: true }, handler['param'], ERROR);
    statement(run, part(handler, 'body'), inner);
  }
  maybe(run, node['finalizer'], scope);
}

function forOf(run: Run, node: SyntaxNode, scope: Scope): void {
  if (node['await'] === true) run.refuse('waits for something');
  const { over, item } = iterated(run, run.value(part(node, 'right'), scope));
  const left = part(node, 'left');
  const isNew = left.type === 'VariableDeclaration' && left['kind'] !== 'var';
  const target =
    left.type === 'VariableDeclaration' ? part((left['declarations'] as SyntaxNode[])[0]!, 'id') : left;
  run.pass(over, (size) => {
    const inner = run.scope(scope);
    bindPattern({ run, scope: inner, isNew }, target, item(size));
    statement(run, part(node, 'body'), inner);
  });
}

/** `for (let i = 0; i < xs.length; i++)`, in which nothing else sets i */
function counted(run: Run, node: SyntaxNode, scope: Scope): void {
  const turns = turnsOf(run, node, scope);
  const unknown = 'has a loop that does not count up to a length';
  if (turns === null) run.refuse(unknown);
  const name = String(part((part(node, 'init')['declarations'] as SyntaxNode[])[0]!, 'id')['name']);
  run.pass({ count: turns, total: turns }, () => {
    const inner = run.scope(scope);
    inner.declare(name).shape = PLACE;
    run.value(part(node, 'test'), inner);
    statement(run, part(node, 'body'), inner);
  });
  // What it counts up to may have grown in it.
  const again = turnsOf(run, node, scope);
  if (again === null || !isSame(again, turns)) run.refuse(unknown);
}

/** @returns null: how often it turns is not known */
function turnsOf(run: Run, node: SyntaxNode, scope: Scope): Size | null {
  const { init, test, update, body } = node as unknown as Record<string, unknown>;
  if (!isNode(init) || init.type !== 'VariableDeclaration' || init['kind'] !== 'let') return null;
  const [first, ...more] = init['declarations'] as SyntaxNode[];
  const id = part(first!, 'id');
  const start = first!['init'];
  if (more.length > 0 || id.type !== 'Identifier' || !isFromZero(start)) return null;
  const name = String(id['name']);
  if (!isStep(update, name) || !isNode(body) || sets(body, name)) return null;
  if (!isNode(test) || test.type !== 'BinaryExpression') return null;
  if (!isIdentifier(test['left'], name) || !/^<=?$/.test(String(test['operator']))) return null;
  const end = part(test, 'right');
  if (memberName(end) === 'length' && isNode(end['object']) && end['object'].type === 'Identifier') {
    const of = run.value(end['object'], scope);
    if (!mayBe(of, KIND.list | KIND.typed | KIND.text)) return null;
    const { over } = iterated(run, of);
    return [(over.count[0] ?? 0) + 1, ...over.count.slice(1)];
  }
  if (end.type !== 'Literal' && end.type !== 'Identifier') return null;
  const { value } = run.value(end, scope);
  return typeof value === 'number' && value <= MOST_COUNTED ? fixed(Math.max(0, value) + 1) : null;
}

function isFromZero(node: unknown): boolean {
  const value = isNode(node) && node.type === 'Literal' ? node['value'] : null;
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST_COUNTED;
}

/** `i++`, `i += 1` */
function isStep(node: unknown, name: string): boolean {
  if (!isNode(node)) return false;
  if (node.type === 'UpdateExpression')
    return node['operator'] === '++' && isIdentifier(node['argument'], name);
  const by = node['right'];
  return (
    node.type === 'AssignmentExpression' &&
    node['operator'] === '+=' &&
    isIdentifier(node['left'], name) &&
    isNode(by) &&
    by.type === 'Literal' &&
    Number.isInteger(by['value']) &&
    Number(by['value']) >= 1
  );
}

/** Whether code sets a name, or declares another one like it. */
function sets(code: SyntaxNode, name: string): boolean {
  let does = false;
  visitAll(code, (node) => {
    const target =
      node.type === 'AssignmentExpression' || node.type === 'ForOfStatement'
        ? node['left']
        : node.type === 'UpdateExpression'
          ? node['argument']
          : node['id'];
    if (isNode(target) && (isIdentifier(target, name) || holds(target, name))) does = true;
  });
  return does;
}

function holds(pattern: SyntaxNode, name: string): boolean {
  return childrenOf(pattern).some((one) => isIdentifier(one, name) || holds(one, name));
}

/** A class that nothing makes anything of costs nothing, unless it runs code where it stands. */
function classOf(run: Run, node: SyntaxNode, scope: Scope): void {
  scope.declare(String(part(node, 'id')['name'])).shape = functionOf(null);
  const members = part(node, 'body')['body'] as SyntaxNode[];
  const runs = members.some(
    (one) => one['static'] === true || one['computed'] === true || one.type === 'StaticBlock',
  );
  if (runs || isNode(node['superClass'])) run.refuse('has a class that runs code where it stands');
}
