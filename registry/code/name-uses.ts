/**
 * Which names a piece of code uses, and what each stands for: a declaration of the code, or nothing that it declares.
 * Scopes are those of strict JavaScript.
 */
import { childrenOf, isNode } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

/** A name that the code declares. */
interface Binding {
  readonly name: string;
  /** Declared at the top of the code, and so kept from one call to the next. */
  readonly isTop: boolean;
  /** The class, or what the variable is given where it is declared; null: anything else, or it is declared twice. */
  made: SyntaxNode | null;
}

export interface NameUse {
  readonly name: string;
  readonly start: number;
  /** Assigned to, or a member of it is: `x = 1`, `x.y.z += 1`, `delete x.y`. */
  readonly isWrite: boolean;
  /** Whether it stands within a function. */
  readonly isInFunction: boolean;
  /** null: the code does not declare the name. */
  readonly binding: Binding | null;
}

interface NameUses {
  readonly uses: readonly NameUse[];
  /** Where `this` stands for no object of the code's own: outside of classes and of methods of objects. */
  readonly strayThis: readonly number[];
}

export function nameUsesOf(tree: SyntaxNode): NameUses {
  const walk = new NameWalk();
  walk.visit(tree, { scope: null, isInFunction: false, hasThis: false });
  return walk;
}

class Scope {
  readonly parent: Scope | null;
  readonly names = new Map<string, Binding>();

  constructor(parent: Scope | null) {
    this.parent = parent;
  }

  find(name: string): Binding | null {
    return this.names.get(name) ?? this.parent?.find(name) ?? null;
  }
}

/** Where the walk is. */
interface At {
  readonly scope: Scope | null;
  readonly isInFunction: boolean;
  readonly hasThis: boolean;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const BLOCKS = new Set([
  'BlockStatement',
  'StaticBlock',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
]);

const PATTERNS = new Set(['AssignmentPattern', 'Property', 'ObjectPattern', 'ArrayPattern', 'RestElement']);

class NameWalk implements NameUses {
  readonly uses: NameUse[] = [];
  readonly strayThis: number[] = [];

  visit(node: SyntaxNode, at: At): void {
    if (FUNCTIONS.has(node.type)) this.#function(node, at, false);
    else if (BLOCKS.has(node.type)) this.#block(node, at);
    else this.#other(node, at);
  }

  #other(node: SyntaxNode, at: At): void {
    switch (node.type) {
      case 'Program':
        return this.#program(node, at);
      case 'ClassDeclaration':
      case 'ClassExpression':
        return this.#class(node, at);
      case 'CatchClause':
        return this.#catch(node, at);
      case 'VariableDeclarator':
        return this.#declarator(node, at);
      case 'AssignmentExpression':
        this.#pattern(part(node, 'left'), at);
        return this.visit(part(node, 'right'), at);
      case 'UpdateExpression':
        return this.#pattern(part(node, 'argument'), at);
      case 'UnaryExpression':
        if (node['operator'] === 'delete') return this.#pattern(part(node, 'argument'), at);
        return this.visit(part(node, 'argument'), at);
      case 'Identifier':
        return this.#use(node, at, false);
      case 'ThisExpression':
        if (!at.hasThis) this.strayThis.push(node.start);
        return;
      case 'MemberExpression':
        return this.#memberOf(node, at, false);
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        return this.#member(node, at);
      case 'ExportNamedDeclaration':
        if (isNode(node['declaration'])) this.visit(node['declaration'], at);
        if (isNode(node['source'])) return;
        for (const one of node['specifiers'] as SyntaxNode[]) this.visit(part(one, 'local'), at);
        return;
      case 'LabeledStatement':
        return this.visit(part(node, 'body'), at);
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return;
      default:
        for (const child of childrenOf(node)) this.visit(child, at);
    }
  }

  #program(node: SyntaxNode, at: At): void {
    const scope = new Scope(at.scope);
    const body = node['body'] as SyntaxNode[];
    for (const one of body) {
      this.#declareVars(one, scope, true);
      this.#declareLexical(one, scope, true);
    }
    for (const one of body) this.visit(one, { ...at, scope });
  }

  /** @param isMethod  of a class or an object, whose `this` is its own */
  #function(node: SyntaxNode, at: At, isMethod: boolean): void {
    const scope = new Scope(at.scope);
    const isArrow = node.type === 'ArrowFunctionExpression';
    if (node.type === 'FunctionExpression' && isNode(node['id'])) this.#declare(scope, node['id'], false);
    if (!isArrow) this.#declareNamed(scope, 'arguments', false);
    const params = node['params'] as SyntaxNode[];
    for (const param of params) this.#declarePattern(param, scope, false);
    const body = part(node, 'body');
    const statements = body.type === 'BlockStatement' ? (body['body'] as SyntaxNode[]) : [];
    for (const one of statements) {
      this.#declareVars(one, scope, false);
      this.#declareLexical(one, scope, false);
    }
    const inner = {
      scope,
      isInFunction: true,
      hasThis: isArrow ? at.hasThis : isMethod,
    };
    for (const param of params) this.#defaults(param, inner);
    if (body.type === 'BlockStatement') for (const one of statements) this.visit(one, inner);
    else this.visit(body, inner);
  }

  #class(node: SyntaxNode, at: At): void {
    const scope = new Scope(at.scope);
    // The name of a declaration is that of the scope around it.
    if (node.type === 'ClassExpression' && isNode(node['id'])) this.#declare(scope, node['id'], false, node);
    const inner = { ...at, scope, hasThis: true };
    if (isNode(node['superClass'])) this.visit(node['superClass'], at);
    this.visit(part(node, 'body'), inner);
  }

  #member(node: SyntaxNode, at: At): void {
    if (node['computed'] === true) this.visit(part(node, 'key'), at);
    const value = node['value'];
    if (!isNode(value)) return;
    if (value.type === 'FunctionExpression') this.#function(value, at, true);
    else this.visit(value, at);
  }

  #catch(node: SyntaxNode, at: At): void {
    const scope = new Scope(at.scope);
    if (isNode(node['param'])) this.#declarePattern(node['param'], scope, false);
    this.visit(part(node, 'body'), { ...at, scope });
  }

  #block(node: SyntaxNode, at: At): void {
    const scope = new Scope(at.scope);
    const inner = { ...at, scope };
    const lists = [
      node['body'],
      ...((node['cases'] as SyntaxNode[] | undefined) ?? []).map((one) => one['consequent']),
    ];
    for (const list of lists) {
      for (const one of Array.isArray(list) ? (list as SyntaxNode[]) : [])
        this.#declareLexical(one, scope, false);
    }
    for (const head of [node['init'], node['left']]) {
      if (isNode(head) && head.type === 'VariableDeclaration') this.#declareLexical(head, scope, false);
    }
    const { left } = node as { readonly left?: unknown };
    for (const child of childrenOf(node)) {
      if (child === left && child.type !== 'VariableDeclaration') this.#pattern(child, inner);
      else this.visit(child, inner);
    }
  }

  #declarator(node: SyntaxNode, at: At): void {
    const id = part(node, 'id');
    this.#defaults(id, at);
    if (isNode(node['init'])) this.visit(node['init'], at);
  }

  #memberOf(node: SyntaxNode, at: At, isWrite: boolean): void {
    const object = part(node, 'object');
    if (isWrite) this.#pattern(object, at);
    else this.visit(object, at);
    if (node['computed'] === true) this.visit(part(node, 'property'), at);
  }

  /** What is assigned to. */
  #pattern(node: SyntaxNode, at: At): void {
    if (node.type === 'Identifier') this.#use(node, at, true);
    else if (node.type === 'MemberExpression') this.#memberOf(node, at, true);
    else if (!PATTERNS.has(node.type)) this.visit(node, at);
    else if (node.type === 'AssignmentPattern') {
      this.#pattern(part(node, 'left'), at);
      this.visit(part(node, 'right'), at);
    } else if (node.type === 'Property') {
      if (node['computed'] === true) this.visit(part(node, 'key'), at);
      this.#pattern(part(node, 'value'), at);
    } else for (const child of childrenOf(node)) this.#pattern(child, at);
  }

  /** The defaults and computed keys within a pattern that declares names. */
  #defaults(node: SyntaxNode, at: At): void {
    if (node.type === 'Identifier') return;
    if (node.type === 'AssignmentPattern') {
      this.#defaults(part(node, 'left'), at);
      this.visit(part(node, 'right'), at);
    } else if (node.type === 'Property') {
      if (node['computed'] === true) this.visit(part(node, 'key'), at);
      this.#defaults(part(node, 'value'), at);
    } else for (const child of childrenOf(node)) this.#defaults(child, at);
  }

  #use(node: SyntaxNode, { scope, isInFunction }: At, isWrite: boolean): void {
    const name = String(node['name']);
    const binding = scope?.find(name) ?? null;
    this.uses.push({ name, start: node.start, isWrite, isInFunction, binding });
  }

  #declare(scope: Scope, id: SyntaxNode, isTop: boolean, made: SyntaxNode | null = null): void {
    this.#declareNamed(scope, String(id['name']), isTop, made);
  }

  #declareNamed(scope: Scope, name: string, isTop: boolean, made: SyntaxNode | null = null): void {
    const known = scope.names.get(name);
    if (known === undefined) scope.names.set(name, { name, isTop, made });
    else known.made = null;
  }

  #declareVariable(node: SyntaxNode, scope: Scope, isTop: boolean): void {
    const [id, init] = [part(node, 'id'), node['init']];
    if (id.type === 'Identifier') this.#declare(scope, id, isTop, isNode(init) ? init : null);
    else this.#declarePattern(id, scope, isTop);
  }

  #declarePattern(pattern: SyntaxNode, scope: Scope, isTop: boolean): void {
    for (const id of namesIn(pattern)) this.#declare(scope, id, isTop);
  }

  /** `let`, `const`, classes, functions and imports of one statement. */
  #declareLexical(node: SyntaxNode, scope: Scope, isTop: boolean): void {
    const declaration = node.type.startsWith('Export') ? node['declaration'] : node;
    if (!isNode(declaration)) return;
    if (declaration.type === 'VariableDeclaration' && declaration['kind'] !== 'var') {
      for (const one of declaration['declarations'] as SyntaxNode[]) this.#declareVariable(one, scope, isTop);
    } else if (declaration.type === 'ImportDeclaration') {
      for (const one of declaration['specifiers'] as SyntaxNode[])
        this.#declare(scope, part(one, 'local'), isTop);
    } else if (/^(Class|Function)Declaration$/.test(declaration.type) && isNode(declaration['id'])) {
      this.#declare(scope, declaration['id'], isTop, declaration);
    }
  }

  /** `var` belongs to the function, however deep in blocks it stands. */
  #declareVars(node: SyntaxNode, scope: Scope, isTop: boolean): void {
    if (FUNCTIONS.has(node.type) || node.type.startsWith('Class')) return;
    if (node.type === 'VariableDeclaration' && node['kind'] === 'var') {
      for (const one of node['declarations'] as SyntaxNode[]) this.#declareVariable(one, scope, isTop);
    }
    for (const child of childrenOf(node)) this.#declareVars(child, scope, isTop);
  }
}

function part(node: SyntaxNode, name: string): SyntaxNode {
  return node[name] as SyntaxNode;
}

/** The names that a pattern declares. */
function namesIn(pattern: SyntaxNode): SyntaxNode[] {
  if (pattern.type === 'Identifier') return [pattern];
  if (pattern.type === 'AssignmentPattern') return namesIn(part(pattern, 'left'));
  if (pattern.type === 'Property') return namesIn(part(pattern, 'value'));
  return childrenOf(pattern).flatMap(namesIn);
}
