/**
 * The syntax of the repository's TypeScript, as its compiler parses it: the functions of a file, what it exports, and
 * what it takes from other files. Nothing is type-checked, so all files together take a few seconds.
 *
 * TypeScript calls this API unstable: a new version of the compiler may need changes here, and only here.
 */
import { SyntaxKind } from 'typescript/unstable/ast';
import type { FunctionLikeDeclaration, Node, SourceFile, Statement } from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';
import { pathOf, resolved } from './files.ts';

interface FunctionSyntax {
  readonly name: string;
  readonly parameters: number;
  readonly lines: number;
}

export interface ExportSyntax {
  readonly name: string;
  readonly isType: boolean;
}

interface ImportSyntax {
  /** From the root where it is one of ours. */
  readonly file: string;
  /** null: the module is taken whole, or while running; then any identifier of the file may be a name of it. */
  readonly names: readonly string[] | null;
}

export interface FileSyntax {
  readonly file: string;
  /** Those that have a body. */
  readonly functions: readonly FunctionSyntax[];
  /** What is declared here. A name that is passed on from another file counts as imported here. */
  readonly exports: readonly ExportSyntax[];
  readonly imports: readonly ImportSyntax[];
  /** How often each name stands in the file. */
  readonly identifiers: ReadonlyMap<string, number>;
}

/** @param files  from the root; all in the project of tsconfig.json */
export function parseFiles(files: readonly string[]): FileSyntax[] {
  const api = new API({ cwd: pathOf('.') });
  try {
    const { program } = api.updateSnapshot({ openProjects: [pathOf('tsconfig.json')] }).getProjects()[0]!;
    return files.map((file) => {
      const source = program.getSourceFile(pathOf(file));
      if (source === undefined) throw new Error(`${file} is not in the project of tsconfig.json`);
      return syntaxOf(file, source);
    });
  } finally {
    api.close();
  }
}

function syntaxOf(file: string, source: SourceFile): FileSyntax {
  const functions: FunctionSyntax[] = [];
  const imports: ImportSyntax[] = [];
  const identifiers = new Map<string, number>();
  const visit = (node: Node): void => {
    if (is.isIdentifier(node)) identifiers.set(node.text, (identifiers.get(node.text) ?? 0) + 1);
    const fun = functionOf(node, source);
    if (fun !== null) functions.push(fun);
    const taken = importOf(node);
    if (taken !== null) imports.push({ ...taken, file: resolved(file, taken.file) });
    node.forEachChild(visit);
  };
  visit(source);
  return { file, functions, exports: source.statements.flatMap(exportsOf), imports, identifiers };
}

function functionOf(node: Node, source: SourceFile): FunctionSyntax | null {
  if (!is.isFunctionLikeDeclaration(node)) return null;
  const { body, parameters } = node as FunctionLikeDeclaration;
  if (body === undefined) return null;
  const own = parameters.filter(({ name }) => !is.isIdentifier(name) || name.text !== 'this');
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const lines = lineAt(node.end) - lineAt(node.getStart(source)) + 1;
  return { name: nameOf(node), parameters: own.length, lines };
}

function nameOf(node: Node): string {
  if (is.isConstructorDeclaration(node)) return `constructor of ${nameOf(node.parent)}`;
  const named = (node as { name?: Node }).name ?? (node.parent as { name?: Node } | undefined)?.name;
  return named !== undefined && (is.isIdentifier(named) || is.isPrivateIdentifier(named))
    ? named.text
    : 'a function without a name';
}

function importOf(node: Node): ImportSyntax | null {
  if (is.isImportDeclaration(node)) {
    const clause = node.importClause;
    const bindings = clause?.namedBindings;
    const own = clause?.name === undefined ? [] : ['default'];
    if (bindings === undefined) return imported(node.moduleSpecifier, own);
    if (!is.isNamedImports(bindings)) return imported(node.moduleSpecifier, null);
    const names = bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
    return imported(node.moduleSpecifier, [...own, ...names]);
  }
  if (is.isExportDeclaration(node)) {
    const clause = node.exportClause;
    const isList = clause !== undefined && is.isNamedExports(clause);
    const names = isList ? clause.elements.map((one) => (one.propertyName ?? one.name).text) : null;
    return imported(node.moduleSpecifier, names);
  }
  if (is.isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
    return imported(node.arguments[0], null);
  }
  if (is.isImportTypeNode(node) && is.isLiteralTypeNode(node.argument)) {
    return imported(node.argument.literal, null);
  }
  return null;
}

function imported(specifier: Node | undefined, names: readonly string[] | null): ImportSyntax | null {
  return specifier !== undefined && is.isStringLiteral(specifier) ? { file: specifier.text, names } : null;
}

function exportsOf(statement: Statement): ExportSyntax[] {
  if (is.isExportDeclaration(statement)) {
    const clause = statement.exportClause;
    if (statement.moduleSpecifier !== undefined || clause === undefined || !is.isNamedExports(clause))
      return [];
    return clause.elements.map(({ name, isTypeOnly }) => ({ name: name.text, isType: isTypeOnly }));
  }
  const modifiers = (statement as { modifiers?: readonly Node[] }).modifiers ?? [];
  if (!modifiers.some(({ kind }) => kind === SyntaxKind.ExportKeyword)) return [];
  if (modifiers.some(({ kind }) => kind === SyntaxKind.DefaultKeyword)) {
    return [{ name: 'default', isType: false }];
  }
  if (is.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      is.isIdentifier(name) ? [{ name: name.text, isType: false }] : [],
    );
  }
  const isType = is.isInterfaceDeclaration(statement) || is.isTypeAliasDeclaration(statement);
  const { name } = statement as { name?: Node };
  return name !== undefined && is.isIdentifier(name) ? [{ name: name.text, isType }] : [];
}
