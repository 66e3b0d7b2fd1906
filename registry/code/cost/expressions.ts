/** What an expression of a judged function may be. */
import { isNode, memberName } from '../syntax-tree.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { CHEAP_CONSTANTS, CHEAP_CONSTRUCTORS, CHEAP_FUNCTIONS, LIST_STEPS } from './cheap-functions.ts';
import { iterated } from './iterable.ts';
import { nameOfKind } from './judge.ts';
import { binary, templateText, unary } from './operators.ts';
import { itemAt, memberOf, methodCall } from './members.ts';
import { bindPattern, keyOf, MEMBERS_STEPS } from './patterns.ts';
import type { Scope } from './scope.ts';
import * as shapes from './shape.ts';
import {
  ABSENT,
  either,
  functionOf,
  KIND,
  listOf,
  mayBe,
  NUMBER,
  objectOf,
  sizeOf,
  UNDEFINED,
  without,
} from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, ONE, plus, times } from './size.ts';
import type { Run } from './run.ts';

/** Functions of the language that take any number of arguments, each of them for itself. */
const SPREAD_INTO = new Set(['Math.max', 'Math.min', 'Math.hypot']);

/** All values of one object, deep down. */
const MOST_PARTS = 2_000;

type Evaluated = (run: Run, node: SyntaxNode, scope: Scope) => ValueShape;

export function valueOf(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const evaluated = EXPRESSIONS.get(node.type);
  if (evaluated === undefined) run.refuse(ODD_SYNTAX.get(node.type) ?? `has a ${node.type}`);
  return evaluated(run, node, scope);
}

const ODD_SYNTAX: ReadonlyMap<string, string> = new Map([
  ['ThisExpression', 'uses `this`'],
  ['ClassExpression', 'has a class'],
  ['TaggedTemplateExpression', 'has a text with a tag'],
  ['Super', 'uses `super`'],
]);

const part = (node: SyntaxNode, name: string): SyntaxNode => node[name] as SyntaxNode;

const EXPRESSIONS: ReadonlyMap<string, Evaluated> = new Map<string, Evaluated>([
  ['Literal', literal],
  ['TemplateLiteral', template],
  ['Identifier', named],
  ['MemberExpression', member],
  ['CallExpression', called],
  ['NewExpression', constructed],
  ['ObjectExpression', object],
  ['ArrayExpression', list],
  ['ArrowFunctionExpression', ownFunction],
  ['FunctionExpression', ownFunction],
  ['AssignmentExpression', assignment],
  ['UpdateExpression', update],
  ['ChainExpression', (run, node, scope) => run.value(part(node, 'expression'), scope)],
  ['ParenthesizedExpression', (run, node, scope) => run.value(part(node, 'expression'), scope)],
  ['UnaryExpression', unaryOf],
  [
    'BinaryExpression',
    (run, node, scope) => {
      const left = run.value(part(node, 'left'), scope);
      const right = run.value(part(node, 'right'), scope);
      run.at = node.start;
      return binary(run, String(node['operator']), left, right);
    },
  ],
  [
    'LogicalExpression',
    (run, node, scope) => {
      const left = run.value(part(node, 'left'), scope);
      return logical(String(node['operator']), left, run.value(part(node, 'right'), scope));
    },
  ],
  [
    'ConditionalExpression',
    (run, node, scope) => {
      run.value(part(node, 'test'), scope);
      return either(run.value(part(node, 'consequent'), scope), run.value(part(node, 'alternate'), scope));
    },
  ],
  [
    'SequenceExpression',
    (run, node, scope) =>
      (node['expressions'] as SyntaxNode[]).reduce((_, one) => run.value(one, scope), UNDEFINED),
  ],
]);

function literal(run: Run, node: SyntaxNode): ValueShape {
  const { value } = node;
  if (isPlain(node['regex'])) run.refuse('has a regular expression');
  switch (typeof value) {
    case 'number':
      return shapes.numberOf(value);
    case 'string':
      run.charge(fixed(value.length));
      return shapes.literalText(value);
    case 'boolean':
      return shapes.BOOLEAN;
    case 'bigint':
      return shapes.bigint(value.toString(2).length + 1);
    default:
      return shapes.NULL;
  }
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function template(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const texts = (node['quasis'] as SyntaxNode[]).map((one) => (one['value'] as { cooked: string }).cooked);
  const values = (node['expressions'] as SyntaxNode[]).map((one) => run.value(one, scope));
  run.at = node.start;
  if (values.length === 0) return shapes.literalText(texts.join(''));
  return templateText(run, texts.join('').length, values);
}

function named(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const name = String(node['name']);
  const binding = scope.find(name);
  if (binding !== null && mayBe(binding.shape, KIND.error))
    run.refuse('uses an error that it caught or made');
  if (binding !== null) return binding.shape;
  if (name === 'undefined') return UNDEFINED;
  return ofLanguage(run, name);
}

function ofLanguage(run: Run, name: string): ValueShape {
  if (CHEAP_CONSTANTS.has(name)) return NUMBER;
  if (CHEAP_FUNCTIONS.has(name)) return functionOf(name);
  return run.refuse(`uses \`${name}\`, which is not on the list of cheap calls`);
}

/** @returns `Math.abs` of the language, whose first name the code does not declare; null: it is something else */
function nameInLanguage(node: SyntaxNode, scope: Scope): string | null {
  const owner = node['object'];
  const name = memberName(node);
  if (!isNode(owner) || owner.type !== 'Identifier' || name === null) return null;
  const space = String(owner['name']);
  return scope.find(space) !== null || space === 'undefined' ? null : `${space}.${name}`;
}

function member(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const language = nameInLanguage(node, scope);
  if (language !== null) return ofLanguage(run, language);
  const of = run.value(part(node, 'object'), scope);
  const name = memberName(node);
  const read =
    name === null ? itemAt(run, of, run.value(part(node, 'property'), scope)) : memberOf(run, of, name);
  return node['optional'] === true || mayBe(of, ABSENT) ? either(UNDEFINED, read) : read;
}

function called(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const callee = part(node, 'callee');
  const isMethod = callee.type === 'MemberExpression' && nameInLanguage(callee, scope) === null;
  if (!isMethod) {
    const code = run.value(callee, scope);
    const args = argumentsOf(run, node, scope, typeof code.code === 'string' ? code.code : null);
    run.at = node.start;
    return mayBe(code, ABSENT) ? either(UNDEFINED, run.call(code, args)) : run.call(code, args);
  }
  const of = run.value(part(callee, 'object'), scope);
  const name = memberName(callee);
  if (name === null) run.refuse('calls a method by a computed name');
  const args = argumentsOf(run, node, scope, null);
  run.at = callee.start;
  const result = methodCall(run, of, name, args);
  return mayBe(of, ABSENT) ? either(UNDEFINED, result) : result;
}

/** @param language  the function of the language that is called; null: it is another one */
function argumentsOf(run: Run, node: SyntaxNode, scope: Scope, language: string | null): ValueShape[] {
  return (node['arguments'] as SyntaxNode[]).map((arg) => {
    if (arg.type !== 'SpreadElement') return run.value(arg, scope);
    if (language === null || !SPREAD_INTO.has(language))
      run.refuse('calls something with as many arguments as a list has');
    const { over, item } = iterated(run, run.value(part(arg, 'argument'), scope));
    run.charge(times(over.total, 8));
    return item(over.total);
  });
}

function constructed(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const callee = part(node, 'callee');
  const name = String(callee['name']);
  const make =
    callee.type === 'Identifier' && scope.find(name) === null ? CHEAP_CONSTRUCTORS.get(name) : undefined;
  if (make === undefined) run.refuse(`makes a \`new ${name}\`, which is not on the list of cheap calls`);
  const args = argumentsOf(run, node, scope, null);
  run.at = node.start;
  return make(run, UNDEFINED, args);
}

function unaryOf(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const operator = String(node['operator']);
  const of = part(node, 'argument');
  // Of a name that nothing declares it is 'undefined'.
  const isBare = operator === 'typeof' && of.type === 'Identifier' && scope.find(String(of['name'])) === null;
  return unary(run, operator, isBare ? UNDEFINED : run.value(of, scope));
}

function object(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const fields = new Map<string, ValueShape>();
  for (const property of node['properties'] as SyntaxNode[]) {
    if (property.type === 'SpreadElement') {
      const of = run.value(part(property, 'argument'), scope);
      const odd = nameOfKind(of, ~(KIND.object | ABSENT));
      if (odd !== null) run.refuse(`copies the members of ${odd}`);
      for (const [name, shape] of of.fields ?? [])
        fields.set(name, either(fields.get(name) ?? UNDEFINED, shape));
      run.charge(fixed(16 * (of.fields?.size ?? 0)));
      continue;
    }
    const name = keyOf(run, property);
    if (property['kind'] !== 'init') run.refuse('has a member that is computed when it is read');
    if (name === '__proto__') run.refuse('gives an object another prototype');
    fields.set(name, run.value(part(property, 'value'), scope));
  }
  run.charge(fixed(MEMBERS_STEPS + 16 * fields.size));
  const made = objectOf(fields);
  if (shapes.partsOf(made) > MOST_PARTS)
    run.refuse('makes objects within objects that are too many to be judged');
  return made;
}

function list(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  let all = listOf(null, [], []);
  run.charge(fixed(LIST_STEPS));
  for (const element of node['elements'] as (SyntaxNode | null)[]) {
    const isMany = element?.type === 'SpreadElement';
    const shape =
      element === null ? UNDEFINED : run.value(isMany ? part(element, 'argument') : element, scope);
    const over = isMany ? iterated(run, shape) : null;
    const item = over === null ? shape : over.item(over.over.total);
    const size = over === null ? plus(ONE, sizeOf(shape, plus)) : plus(over.over.total, over.over.count);
    run.charge(over === null ? fixed(8) : times(size, 8));
    const count = over === null ? ONE : over.over.count;
    all = listOf(
      all.item === null ? item : either(all.item, item),
      plus(all.count, count),
      plus(all.size, size),
    );
  }
  return all;
}

function ownFunction(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  if (node['async'] === true || node['generator'] === true) run.refuse('has a function that answers later');
  run.charge(fixed(40));
  return functionOf({ node, scope });
}

function logical(operator: string, left: ValueShape, right: ValueShape): ValueShape {
  return either(operator === '&&' ? left : without(left, ABSENT), right);
}

function assignment(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const left = part(node, 'left');
  const operator = String(node['operator']).slice(0, -1);
  if (operator === '') {
    const shape = run.value(part(node, 'right'), scope);
    bindPattern({ run, scope, isNew: false }, left, shape);
    return shape;
  }
  if (left.type !== 'Identifier') run.refuse('changes a list or an object in place');
  const before = run.value(left, scope);
  const right = run.value(part(node, 'right'), scope);
  const isLogical = operator === '&&' || operator === '||' || operator === '??';
  const after = isLogical ? logical(operator, before, right) : binary(run, operator, before, right);
  bindPattern({ run, scope, isNew: false }, left, after);
  return after;
}

function update(run: Run, node: SyntaxNode, scope: Scope): ValueShape {
  const target = part(node, 'argument');
  if (target.type !== 'Identifier') run.refuse('changes a list or an object in place');
  const before = run.value(target, scope);
  const after = binary(
    run,
    '-',
    before,
    mayBe(before, KIND.bigint) ? either(NUMBER, shapes.bigint(1)) : NUMBER,
  );
  bindPattern({ run, scope, isNew: false }, target, after);
  return either(before, after);
}
