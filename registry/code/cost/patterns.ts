/** What names get of a value that is taken apart: `const { a, b: [c = 1] } = x`. */
import { isNode } from '../syntax-tree.ts';
import type { SyntaxNode } from '../syntax-tree.ts';
import { iterated } from './iterable.ts';
import { nameOfKind } from './judge.ts';
import { memberOf } from './members.ts';
import type { Scope } from './scope.ts';
import { ABSENT, either, KIND, listOf, objectOf, UNDEFINED, without } from './shape.ts';
import type { ValueShape } from './shape.ts';
import { fixed, times } from './size.ts';
import type { Run } from './run.ts';

/** The room of an object, besides its members. */
export const MEMBERS_STEPS = 16;

/** Where names get their values. */
interface Into {
  readonly run: Run;
  readonly scope: Scope;
  /** Whether the names are declared by it: they have had no value before. */
  readonly isNew: boolean;
}

export function bindPattern(into: Into, pattern: SyntaxNode, shape: ValueShape): void {
  const { run, scope, isNew } = into;
  run.visit(pattern);
  switch (pattern.type) {
    case 'Identifier': {
      const name = String(pattern['name']);
      if (isNew) scope.declare(name).shape = shape;
      else {
        const binding = scope.find(name);
        if (binding === null) return run.refuse(`sets \`${name}\`, which it does not declare`);
        run.assign(binding, shape);
      }
      return;
    }
    case 'AssignmentPattern': {
      const given = run.value(pattern['right'] as SyntaxNode, scope);
      const either_ = either(without(shape, KIND.undefined), given);
      return bindPattern(into, pattern['left'] as SyntaxNode, either_);
    }
    case 'ObjectPattern':
      return bindMembers(into, pattern['properties'] as SyntaxNode[], shape);
    case 'ArrayPattern':
      return bindItems(into, pattern['elements'] as (SyntaxNode | null)[], shape);
    default:
      run.refuse('changes a list or an object in place');
  }
}

function bindMembers(into: Into, properties: readonly SyntaxNode[], shape: ValueShape): void {
  const { run } = into;
  const taken = new Set<string>();
  for (const property of properties) {
    if (property.type === 'RestElement') {
      const odd = nameOfKind(shape, ~(KIND.object | ABSENT));
      if (odd !== null) run.refuse(`copies the members of ${odd}`);
      const rest = [...(shape.fields ?? [])].filter(([name]) => !taken.has(name));
      run.charge(fixed(MEMBERS_STEPS + 16 * rest.length));
      bindPattern(into, property['argument'] as SyntaxNode, objectOf(new Map(rest)));
      continue;
    }
    const name = keyOf(run, property);
    taken.add(name);
    bindPattern(into, property['value'] as SyntaxNode, memberOf(run, shape, name));
  }
}

/** The name of a member in a literal or a pattern, which must stand there. */
export function keyOf(run: Run, property: SyntaxNode): string {
  const key = property['key'] as SyntaxNode;
  if (key.type === 'Literal') return String(key['value']);
  if (property['computed'] === true || key.type !== 'Identifier')
    run.refuse('names a member by a computed name');
  return String(key['name']);
}

function bindItems(into: Into, elements: readonly (SyntaxNode | null)[], shape: ValueShape): void {
  const { run } = into;
  const { over, item } = iterated(run, shape);
  run.charge(fixed(16));
  const any = either(UNDEFINED, item(over.total));
  for (const element of elements) {
    run.charge(fixed(2));
    if (!isNode(element)) continue;
    if (element.type !== 'RestElement') bindPattern(into, element, any);
    else {
      run.charge(times(over.total, 16));
      const rest = listOf(item(over.total), over.count, over.total);
      bindPattern(into, element['argument'] as SyntaxNode, rest);
    }
  }
}
