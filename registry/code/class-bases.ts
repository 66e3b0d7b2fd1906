/**
 * Classes that could put their `#` members on what is not theirs. `super()` gives whatever the constructor above
 * returns, and what that is gets the members, frozen or not, for ever: `Math` would grow with each call. So a class
 * with such members extends a class that is declared in the code, which returns nothing from its constructor, or one of
 * the language. Of a class without them nothing stays: what is frozen takes no other property.
 */
import { nameUsesOf } from './name-uses.ts';
import type { NameUse } from './name-uses.ts';
import { childrenOf, isNode, visitAll } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

interface StrayBase {
  /** Offset in the text. */
  readonly start: number;
  readonly message: string;
}

/** @param tree  of a function, or of a module with all that it imports */
export function strayBasesIn(tree: SyntaxNode): StrayBase[] {
  const classes: { readonly node: SyntaxNode; readonly parent: SyntaxNode | null }[] = [];
  visitAll(tree, (node, parent) => {
    if (isClass(node) && isNode(node['superClass']) && hasOwnPrivate(node)) classes.push({ node, parent });
  });
  if (classes.length === 0) return [];
  const known = new KnownClasses(tree);
  const stray = classes.filter(({ node }) => !known.isKnown(node['superClass'] as SyntaxNode));
  return stray.map(({ node, parent }) => {
    // A bundle writes `var Size = class extends ...`.
    const id = node['id'] ?? parent?.['id'];
    const name = isNode(id) && id.type === 'Identifier' ? `"${String(id['name'])}"` : 'a class';
    const message =
      `${name} has # members and extends what is not known to be a class: they would stay for ever on whatever its ` +
      'constructor returns; extend a class that is declared in the code and returns nothing, or one of the language';
    return { start: node.start, message };
  });
}

/** Whether a `return` of a function's own gives a value; functions and classes in it have their own. */
export function returnsValue(node: SyntaxNode): boolean {
  if (node.type === 'ReturnStatement') return isNode(node['argument']);
  return childrenOf(node).some((part) => !/Function|Class/.test(part.type) && returnsValue(part));
}

class KnownClasses {
  readonly #uses: ReadonlyMap<number, NameUse>;
  readonly #written: ReadonlySet<NameUse['binding']>;
  readonly #asked = new Set<SyntaxNode>();

  constructor(tree: SyntaxNode) {
    const { uses } = nameUsesOf(tree);
    this.#uses = new Map(uses.map((use) => [use.start, use]));
    this.#written = new Set(uses.filter(({ isWrite }) => isWrite).map(({ binding }) => binding));
  }

  /** @param node  what is extended */
  isKnown(node: SyntaxNode): boolean {
    if (isClass(node)) return this.#isHonest(node);
    if (node.type === 'Literal') return true;
    const binding = this.#uses.get(node.start)?.binding;
    if (node.type !== 'Identifier' || binding === undefined) return false;
    // Where it runs, a name that is not declared is of the language, or nothing.
    if (binding === null) return true;
    const { made } = binding;
    return made !== null && isClass(made) && !this.#written.has(binding) && this.#isHonest(made);
  }

  #isHonest(node: SyntaxNode): boolean {
    if (this.#asked.has(node)) return true;
    this.#asked.add(node);
    const above = node['superClass'];
    const isHonest = !returnsSomething(node) && (!isNode(above) || this.isKnown(above));
    if (!isHonest) this.#asked.delete(node);
    return isHonest;
  }
}

function isClass(node: SyntaxNode): boolean {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
}

function membersOf(node: SyntaxNode): SyntaxNode[] {
  return (node['body'] as SyntaxNode)['body'] as SyntaxNode[];
}

/** Those of the class itself are its own. */
function hasOwnPrivate(node: SyntaxNode): boolean {
  return membersOf(node).some(
    ({ key, static: isStatic }) => isNode(key) && key.type === 'PrivateIdentifier' && isStatic !== true,
  );
}

function returnsSomething(node: SyntaxNode): boolean {
  const made = membersOf(node).find(({ kind }) => kind === 'constructor');
  return made !== undefined && returnsValue((made['value'] as SyntaxNode)['body'] as SyntaxNode);
}
