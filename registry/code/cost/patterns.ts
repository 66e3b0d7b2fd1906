/** What names get of a value that is taken apart: `const { a, b: [c = 1] } = x`. */
import { isNode } from '../syntax-tree.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { iterated } from './iterable.ts';
import { nameOfKind } from './judge.ts';
import { memberOf } from './members.ts';
import type { Scope } from './scope.ts';
import { ABSENT, either, KIND, listOf, objectOf, UNDEFINED, without } from './shape.ts';
import type { Shape } from './shape.ts';
import { fixed } from './size.ts';
import type { SizedRun } from './sized-run.ts';

/** @param isNew  whether the names are declared by it: they have had no value before */
export function bindPattern(
  run: SizedRun,
  pattern: SyntaxNode,
  shape: Shape,
  scope: Scope,
  isNew: boolean,
): void {
  run.visit(pattern);
  switch (pattern.type) {
    case 'Identifier': {
      const name = String(pattern['name']);
      if (isNew) scope.declare(name).shape = shape;
      else {
        const binding = scope.find(name);
        if (binding === null) run.refuse(`sets \`${name}\`, which it does not declare`);
        run.assign(binding, shape);
      }
      return;
    }
    case 'AssignmentPattern': {
      const given = run.value(pattern['right'] as SyntaxNode, scope);
      const either_ = either(without(shape, KIND.undefined), given);
      return bindPattern(run, pattern['left'] as SyntaxNode, either_, scope, isNew);
    }
    case 'ObjectPattern':
      return bindMembers(run, pattern['properties'] as SyntaxNode[], shape, scope, isNew);
    case 'ArrayPattern':
      return bindItems(run, pattern['elements'] as (SyntaxNode | null)[], shape, scope, isNew);
    default:
      run.refuse('changes a list or an object in place');
  }
}

function bindMembers(
  run: SizedRun,
  properties: readonly SyntaxNode[],
  shape: Shape,
  scope: Scope,
  isNew: boolean,
): void {
  const taken = new Set<string>();
  for (const property of properties) {
    if (property.type === 'RestElement') {
      const odd = nameOfKind(shape, ~(KIND.object | ABSENT));
      if (odd !== null) run.refuse(`copies the members of ${odd}`);
      const rest = [...(shape.fields ?? [])].filter(([name]) => !taken.has(name));
      run.charge(fixed(rest.length));
      bindPattern(run, property['argument'] as SyntaxNode, objectOf(new Map(rest)), scope, isNew);
      continue;
    }
    const name = keyOf(run, property);
    taken.add(name);
    bindPattern(run, property['value'] as SyntaxNode, memberOf(run, shape, name), scope, isNew);
  }
}

/** The name of a member in a literal or a pattern, which must stand there. */
export function keyOf(run: SizedRun, property: SyntaxNode): string {
  const key = property['key'] as SyntaxNode;
  if (key.type === 'Literal') return String(key['value']);
  if (property['computed'] === true || key.type !== 'Identifier')
    run.refuse('names a member by a computed name');
  return String(key['name']);
}

function bindItems(
  run: SizedRun,
  elements: readonly (SyntaxNode | null)[],
  shape: Shape,
  scope: Scope,
  isNew: boolean,
): void {
  const { over, item } = iterated(run, shape);
  const any = either(UNDEFINED, item(over.total));
  for (const element of elements) {
    if (!isNode(element)) continue;
    if (element.type !== 'RestElement') bindPattern(run, element, any, scope, isNew);
    else {
      run.charge(over.total);
      const rest = listOf(item(over.total), over.count, over.total);
      bindPattern(run, element['argument'] as SyntaxNode, rest, scope, isNew);
    }
  }
}
