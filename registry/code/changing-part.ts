/**
 * What of a module could change from one call to the next. Only a module of which nothing can is run once: whatever
 * stands at its top is then of a few known forms, and is frozen before the first call. Every other one is run anew for
 * each call, which needs no knowledge of the ways to keep something. So the list may be short: what it lacks costs
 * time.
 */
import { KEPT } from '../../contract/on-demand/realm.ts';
import { nameUsesOf } from './name-uses.ts';
import { childrenOf, isIdentifier, isNode, memberName, visitAll } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

export interface ChangingPart {
  /** Offset in the text. */
  readonly start: number;
  /** After "since": `\`cache\` may change`. */
  readonly what: string;
}

/**
 * What a value at the top is:
 *
 *   primitive  never runs code of the module where it is computed with
 *   list       a literal
 *   table      a Set or Map: its items cannot be frozen, so only what reads them may stand in the module
 *   class      one that adds nothing to what another constructor made
 *   fixed      anything else that cannot change once it is frozen
 */
type Kind = 'primitive' | 'list' | 'table' | 'class' | 'fixed';

/**
 * @param tree  of a module with all that it imports
 * @returns     null: nothing can change once all at its top is frozen
 */
export function changingPartOf(tree: SyntaxNode): ChangingPart | null {
  const top = new TopOfModule(tree);
  for (const statement of tree['body'] as SyntaxNode[]) {
    const part = top.changingIn(statement);
    if (part !== null) return part;
  }
  return changedName(tree) ?? changedTable(tree, top.kinds) ?? shadowedMethod(tree);
}

/** Names that are declared at the top of a module, in the order of the text. */
export function topNamesOf(tree: SyntaxNode): string[] {
  return (tree['body'] as SyntaxNode[]).flatMap((statement) => {
    const ids =
      statement.type === 'VariableDeclaration' ? (statement['declarations'] as SyntaxNode[]) : [statement];
    return ids.flatMap(({ id }) => (isNode(id) && id.type === 'Identifier' ? [String(id['name'])] : []));
  });
}

/** Of the language: what is called with primitives, runs no code of the module and gives a primitive. */
const PURE_CALLS = new Set([
  'Number',
  'String',
  'Boolean',
  'BigInt',
  'Symbol',
  'parseFloat',
  'parseInt',
  'isNaN',
  'isFinite',
]);
const PURE_OWNERS = new Set(['Math', 'Number', 'BigInt', 'Date']);

class TopOfModule {
  readonly kinds = new Map<string, Kind>();
  readonly #declared: ReadonlySet<string>;

  constructor(tree: SyntaxNode) {
    this.#declared = new Set(topNamesOf(tree));
    // They are there before the first statement runs.
    for (const { type, id } of tree['body'] as SyntaxNode[])
      if (type === 'FunctionDeclaration') this.kinds.set(nameOf(id), 'fixed');
  }

  changingIn(statement: SyntaxNode): ChangingPart | null {
    switch (statement.type) {
      case 'FunctionDeclaration':
      case 'EmptyStatement':
        return null;
      case 'ClassDeclaration':
        return this.#declare(statement, this.#classKind(statement));
      case 'VariableDeclaration':
        for (const one of statement['declarations'] as SyntaxNode[]) {
          const { id, init } = one as unknown as {
            readonly id: SyntaxNode;
            readonly init: SyntaxNode | null;
          };
          if (id.type !== 'Identifier')
            return { start: one.start, what: 'what it takes apart at its top may change' };
          const part = this.#declare(one, init === null ? 'primitive' : this.#kindOf(init));
          if (part !== null) return part;
        }
        return null;
      default:
        if (statement.type === 'ExportNamedDeclaration' && !isNode(statement['declaration'])) return null;
        return { start: statement.start, what: 'it does something at its top' };
    }
  }

  #declare(node: SyntaxNode, kind: Kind | null): ChangingPart | null {
    const name = nameOf(node['id']);
    if (kind === null) return { start: node.start, what: `\`${name}\` may change` };
    this.kinds.set(name, kind);
    return null;
  }

  /** @returns null: it may change, or what it is may hang on code of the module */
  #kindOf(node: SyntaxNode): Kind | null {
    switch (node.type) {
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return 'fixed';
      case 'ClassExpression':
        return this.#classKind(node);
      case 'ArrayExpression':
        return (node['elements'] as (SyntaxNode | null)[]).every((one) => one === null || this.#isItem(one))
          ? 'list'
          : null;
      case 'ObjectExpression':
        return (node['properties'] as SyntaxNode[]).every((one) => this.#isProperty(one)) ? 'fixed' : null;
      case 'Identifier':
        return this.#nameKind(nameOf(node));
      case 'MemberExpression':
        return this.#memberKind(node);
      case 'CallExpression':
        return this.#callKind(node);
      case 'NewExpression':
        return this.#isTable(node) ? 'table' : null;
      case 'Literal':
        if (node['regex'] === undefined) return 'primitive';
        return remembersMatch(node) ? null : 'fixed';
      default:
        return OF_PRIMITIVES.has(node.type) && childrenOf(node).every((one) => this.#isPrimitive(one))
          ? 'primitive'
          : null;
    }
  }

  #isPrimitive(node: SyntaxNode): boolean {
    return node.type === 'TemplateElement' || this.#kindOf(node) === 'primitive';
  }

  /** A value of a list or an object. A table is none: its items would be reached by other ways than its name. */
  #isValue(node: SyntaxNode): boolean {
    const kind = this.#kindOf(node);
    return kind !== null && kind !== 'table';
  }

  #isItem(node: SyntaxNode): boolean {
    if (node.type !== 'SpreadElement') return this.#isValue(node);
    return this.#kindOf(node['argument'] as SyntaxNode) === 'list';
  }

  #isProperty(node: SyntaxNode): boolean {
    if (node.type === 'SpreadElement') return this.#isValue(node['argument'] as SyntaxNode);
    const { key, computed, kind, value } = node as unknown as {
      readonly key: SyntaxNode;
      readonly computed: boolean;
      readonly kind: string;
      readonly value: SyntaxNode;
    };
    // What a getter gives is computed by code of the module, and a prototype is not looked at.
    if (kind !== 'init' || key['name'] === '__proto__' || key['value'] === '__proto__') return false;
    return (!computed || this.#isPrimitive(key)) && this.#isValue(value);
  }

  #nameKind(name: string): Kind | null {
    const kind = this.kinds.get(name);
    if (kind !== undefined) return kind;
    if (!this.#isOfLanguage(name)) return null;
    return /^(undefined|NaN|Infinity)$/.test(name) ? 'primitive' : 'fixed';
  }

  #isOfLanguage(name: string): boolean {
    return !this.#declared.has(name) && (KEPT as readonly string[]).includes(name);
  }

  #memberKind(node: SyntaxNode): Kind | null {
    const object = node['object'] as SyntaxNode;
    const name = memberName(node);
    if (name === null || node['optional'] === true) return null;
    if (object.type === 'Identifier' && this.#isOfLanguage(nameOf(object)))
      return /^[A-Z][A-Z0-9_]*$/.test(name) || nameOf(object) === 'Symbol' ? 'primitive' : 'fixed';
    // Whatever it is, it was frozen where it stands; what has getters is not in a list or an object here.
    return this.#kindOf(object) === 'fixed' && object.type !== 'MemberExpression' ? 'fixed' : null;
  }

  #callKind(node: SyntaxNode): Kind | null {
    const callee = node['callee'] as SyntaxNode;
    const given = node['arguments'] as SyntaxNode[];
    const name = memberName(callee);
    const owner = name === null ? callee : (callee['object'] as SyntaxNode);
    if (owner.type !== 'Identifier' || !this.#isOfLanguage(nameOf(owner))) return null;
    if (name === 'freeze' && nameOf(owner) === 'Object' && given.length === 1)
      return this.#isValue(given[0]!) ? this.#kindOf(given[0]!) : null;
    const isPure = name === null ? PURE_CALLS.has(nameOf(owner)) : PURE_OWNERS.has(nameOf(owner));
    return isPure && given.every((one) => this.#isPrimitive(one)) ? 'primitive' : null;
  }

  #isTable(node: SyntaxNode): boolean {
    const callee = node['callee'] as SyntaxNode;
    const given = node['arguments'] as SyntaxNode[];
    if (!isIdentifier(callee, 'Set') && !isIdentifier(callee, 'Map')) return false;
    if (!this.#isOfLanguage(nameOf(callee)) || given.length > 1) return false;
    return given.every((one) => /^(list|primitive)$/.test(this.#kindOf(one) ?? ''));
  }

  #classKind(node: SyntaxNode): Kind | null {
    const above = node['superClass'];
    if (isNode(above) && (above.type !== 'Identifier' || !this.#isAbove(nameOf(above)))) return null;
    const members = (node['body'] as SyntaxNode)['body'] as SyntaxNode[];
    const isFixed = members.every((one) => {
      if (one.type === 'StaticBlock' || (one.type === 'PropertyDefinition' && one['static'] === true))
        return false;
      return one['computed'] !== true || this.#isPrimitive(one['key'] as SyntaxNode);
    });
    // What another constructor returns gets the private names of this class, frozen or not.
    return isFixed && !(isNode(above) && members.some(isPrivate)) ? 'class' : null;
  }

  #isAbove(name: string): boolean {
    return this.kinds.get(name) === 'class' || this.#isOfLanguage(name);
  }
}

const OF_PRIMITIVES = new Set([
  'TemplateLiteral',
  'UnaryExpression',
  'BinaryExpression',
  'LogicalExpression',
  'ConditionalExpression',
]);

/** A regular expression with g or y keeps where the last match ended. */
export function remembersMatch(node: SyntaxNode): boolean {
  return /[gy]/.test((node['regex'] as { readonly flags: string } | undefined)?.flags ?? '');
}

function isPrivate(member: SyntaxNode): boolean {
  return isNode(member['key']) && member['key'].type === 'PrivateIdentifier';
}

function nameOf(id: unknown): string {
  return String((id as SyntaxNode)['name']);
}

function changedName(tree: SyntaxNode): ChangingPart | null {
  const use = nameUsesOf(tree).uses.find(({ isWrite, binding }) => isWrite && binding?.isTop === true);
  return use === undefined ? null : { start: use.start, what: `\`${use.name}\` may change` };
}

/** Methods of a Set or Map that change nothing and hand out no more than its items. */
const READS = new Set(['has', 'get', 'size', 'keys', 'values', 'entries']);

/** A table that is used in another way than to be read, so that something may come to change it. */
function changedTable(tree: SyntaxNode, kinds: ReadonlyMap<string, Kind>): ChangingPart | null {
  const uses = nameUsesOf(tree).uses.filter(
    ({ name, binding }) => binding?.isTop === true && kinds.get(name) === 'table',
  );
  const starts = new Map(uses.map(({ start, name }) => [start, name]));
  let found: ChangingPart | null = null;
  visitAll(tree, (node, parent) => {
    const name = node.type === 'Identifier' ? starts.get(node.start) : undefined;
    if (name === undefined || parent === null || found !== null || isRead(node, parent)) return;
    found = { start: node.start, what: `\`${name}\` may change` };
  });
  return found;
}

function isRead(node: SyntaxNode, parent: SyntaxNode): boolean {
  if (parent.type === 'VariableDeclarator') return parent['id'] === node;
  if (parent.type === 'SpreadElement') return true;
  if (parent.type === 'ForOfStatement') return parent['right'] === node;
  return parent['object'] === node && READS.has(memberName(parent) ?? '');
}

/** A method of a class that objects are given as a property of their own: of a frozen class they could not be. */
function shadowedMethod(tree: SyntaxNode): ChangingPart | null {
  const methods = new Set<string>();
  const assigned: { readonly name: string; readonly start: number }[] = [];
  visitAll(tree, (node) => {
    if (node.type === 'MethodDefinition' && node['static'] !== true) methods.add(nameOf(node['key']));
    const left = node.type === 'AssignmentExpression' ? (node['left'] as SyntaxNode) : null;
    const name = left === null ? null : memberName(left);
    if (name !== null) assigned.push({ name, start: left!.start });
  });
  const one = assigned.find(({ name }) => methods.has(name));
  return one === undefined ? null : { start: one.start, what: `\`.${one.name}\` of a class may change` };
}
