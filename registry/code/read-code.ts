/**
 * Reads the function of an on-demand view: where it stands, what it may not do, what it may cost, and the text
 * by which other programs run it. Called while definitions are compiled; the view itself is not known yet.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { SourceMap } from 'node:module';
import type { SourceMapPayload } from 'node:module';
import type { OnDemandArgument } from '../../contract/on-demand/arguments.ts';
import { ModuleDraft } from '../../contract/definitions/draft.ts';
import type { OnDemandDraft, Place } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import type { OnDemandCode } from '../../contract/model.ts';
import { requireRegularFile } from '../../contract/std/files/regular-file.ts';
import { givenText } from '../../contract/std/given-text.ts';
import { BundleFault } from './bundle-fault.ts';
import { bundleModule } from './bundled-module.ts';
import type { BundledModule, ImportedModule } from './bundled-module.ts';
import { strayBasesIn } from './class-bases.ts';
import { costlyPartOf } from './cost/sized-run.ts';
import type { CostlyPart } from './cost/sized-run.ts';
import { faultOfModule } from './project-files.ts';
import { faultsOfPurity } from './purity.ts';
import { hashOfTrees } from './syntax-hash.ts';
import { CodeSyntaxError, lineAt, parseCommonModule, parseExpression, parseModule } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';
import { withoutTypes } from '../typescript-text.ts';

export interface ReadCode {
  readonly code: OnDemandCode;
  /**
   * @param args  that it is given, with their types
   * @returns     why it is not known to be cheap, e.g. `has a loop (distance.ts:4)`; null: it is
   */
  costlyFor(args: readonly OnDemandArgument[], int64: 'number' | 'bigint'): string | null;
}

/** @returns null when there are mistakes, which are added to the others */
export async function readCode(
  draft: OnDemandDraft,
  folder: string,
  mistakes: Mistakes,
): Promise<ReadCode | null> {
  const compute = draft.options['compute'];
  const what = `on-demand view "${draft.name}"`;
  const add = (place: Place, message: string): void => mistakes.add(place, [], `${what}: ${message}`);
  const before = mistakes.count;
  const at: Place = { file: draft.place.file, lineOf: () => draft.place.lineOf(['compute']) };
  let read: ReadCode | null = null;
  if (compute instanceof ModuleDraft) read = await new ModuleReader(compute, folder, add).read();
  else if (typeof compute === 'function') read = readInline(String(compute), at, folder, add);
  else if (compute === undefined) add(draft.place, 'needs compute: a function, or module("./file.ts")');
  else add(at, `compute: expected a function or module("./file.ts"), got ${givenText(compute)}`);
  return mistakes.count > before ? null : read;
}

type Add = (place: Place, message: string) => void;

const atLine = (file: string, line: number): Place => ({ file, lineOf: () => line });

/** @param text  of the function as JavaScript gives it back: the very characters of the file */
function readInline(text: string, at: Place, folder: string, add: Add): ReadCode | null {
  const found = placeOfText(text, at);
  const wrapped = wrapFunction(text);
  if (wrapped instanceof CodeSyntaxError) {
    const why = /\[native code\]/.test(text) ? 'it is no function of this file' : wrapped.message;
    add(at, `compute cannot be read: ${why}`);
    return null;
  }
  const lineOf = (start: number): number => found.line + lineAt(wrapped.script, start) - 1;
  const { script, fn } = wrapped;
  if (fn['generator'] === true) add(at, 'compute is a generator, and answers with no features');
  const impure = faultsOfPurity(fn, 'inline');
  for (const { start, message } of impure.length > 0 ? impure : strayBasesIn(fn))
    add(atLine(found.file, lineOf(start)), message);
  const file = relative(folder, found.file);
  const code = {
    hash: hashOfTrees([fn]),
    script,
    sourceMap: null,
    anew: null,
    files: null,
    file,
    line: found.line,
  };
  const placeOf = ({ start }: CostlyPart): string => ` (${file}:${lineOf(start)})`;
  return { code, costlyFor: costlyWith(fn, placeOf) };
}

/** An expression that gives the function: as it stands, or as the method that it was written as. */
function wrapFunction(text: string): { readonly script: string; readonly fn: SyntaxNode } | CodeSyntaxError {
  try {
    const script = `(${text})`;
    const fn = parseExpression(script);
    return { script, fn };
  } catch (error) {
    try {
      const object = parseExpression(`({${text}})`);
      const [method] = object['properties'] as SyntaxNode[];
      const { name } = method!['key'] as SyntaxNode;
      const fn = method!['value'] as SyntaxNode;
      return { script: `({${text}}).${String(name)}`, fn };
    } catch {
      return error as CodeSyntaxError;
    }
  }
}

/** Where the text stands in its file, after the line of the option. Types were stripped as blanks, so places hold. */
function placeOfText(text: string, at: Place): { readonly file: string; readonly line: number } {
  const line = at.lineOf([]);
  try {
    const whole = javascriptOf(at.file, readFileSync(at.file, 'utf8'));
    const from = whole.split('\n', line - 1).join('\n').length;
    const start = whole.indexOf(text, from) === -1 ? whole.indexOf(text) : whole.indexOf(text, from);
    if (start !== -1) return { file: at.file, line: lineAt(whole, start) };
  } catch {
    // A file that cannot be read any more: the line of the option still holds.
  }
  return { file: at.file, line };
}

function javascriptOf(file: string, text: string): string {
  return /\.[cm]?ts$/.test(file) ? withoutTypes(text) : text;
}

/** Digits of a file's hash: it only tells which one changed. */
const FILE_HASH = 12;

class ModuleReader {
  readonly #module: ModuleDraft;
  readonly #folder: string;
  readonly #file: string;
  readonly #add: Add;
  readonly #at: Place;

  constructor(module: ModuleDraft, folder: string, add: Add) {
    this.#module = module;
    this.#folder = folder;
    this.#add = add;
    this.#file = resolve(dirname(module.place.file), module.path);
    this.#at = { file: module.place.file, lineOf: () => module.place.lineOf([]) };
  }

  async read(): Promise<ReadCode | null> {
    if (!this.#isReadable()) return null;
    let bundled: BundledModule;
    try {
      bundled = await bundleModule(this.#folder, this.#file);
    } catch (error) {
      if (!Array.isArray(error)) throw error;
      for (const fault of error as BundleFault[]) this.#addFault(fault);
      return null;
    }
    const trees = bundled.modules.map((one) => this.#treeOf(one));
    if (trees.includes(null)) return null;
    for (const { start, message } of strayBasesIn(bundled.tree)) {
      const { file, line } = originOf(bundled, start) ?? {
        file: relative(this.#folder, this.#file),
        line: 1,
      };
      this.#addFault(new BundleFault(message, file, line));
    }
    const links = bundled.modules.map(({ imports }) => imports);
    const { script, sourceMap, changing } = bundled;
    const hash = hashOfTrees(trees as SyntaxNode[], links);
    const anew = changing === null ? null : `${changing.what}${placeIn(bundled, changing)}`;
    const own = bundled.modules.flatMap(({ path, isPackage }, i) =>
      isPackage ? [] : [[path, hashOfTrees([trees[i]!]).slice(0, FILE_HASH)] as const],
    );
    const files = Object.fromEntries(own);
    const code = { hash, script, sourceMap, anew, files, file: relative(this.#folder, this.#file), line: 1 };
    return { code, costlyFor: costlyWith(bundled.tree, (part) => placeIn(bundled, part)) };
  }

  #isReadable(): boolean {
    try {
      requireRegularFile(this.#file);
      readFileSync(this.#file);
      const fault = faultOfModule(this.#folder, this.#file);
      if (fault !== null) this.#add(this.#at, `compute: ${givenText(this.#module.path)}, ${fault}`);
      return fault === null;
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const why = isGone ? 'there is no such file' : (error as Error).message;
      this.#add(this.#at, `compute: ${givenText(this.#module.path)}, beside this file: ${why}`);
      return false;
    }
  }

  #addFault({ file, line, message }: BundleFault): void {
    this.#add(file === null ? this.#at : atLine(join(this.#folder, file), line), message);
  }

  /** @returns null when a module of the project does what it may not */
  #treeOf({ path, isPackage }: ImportedModule): SyntaxNode | null {
    const file = join(this.#folder, path);
    const text = readFileSync(file, 'utf8');
    // As one expression; the text of JSON is no program.
    if (path.endsWith('.json')) return parseExpression(text);
    try {
      const javascript = javascriptOf(path, text);
      if (isPackage) return packageTree(javascript);
      const tree = parseModule(javascript);
      const faults = faultsOfPurity(tree, 'module');
      for (const { start, message } of faults) this.#add(atLine(file, lineAt(javascript, start)), message);
      return faults.length > 0 ? null : tree;
    } catch (error) {
      // The type stripper names no line.
      const line = error instanceof CodeSyntaxError ? error.line : 1;
      this.#add(atLine(file, line), (error as Error).message.trim().split('\n')[0]!);
      return null;
    }
  }
}

function packageTree(text: string): SyntaxNode {
  try {
    return parseModule(text);
  } catch {
    return parseCommonModule(text);
  }
}

function costlyWith(tree: SyntaxNode, placeOf: (part: CostlyPart) => string): ReadCode['costlyFor'] {
  return (args, int64) => {
    const part = costlyPartOf(tree, args, int64);
    return part === null ? null : `${part.what}${placeOf(part)}`;
  };
}

/** @returns ` (file:line)` of the module that a part of the bundled text comes from; '' where none does */
function placeIn(bundled: BundledModule, { start }: { readonly start: number }): string {
  const origin = originOf(bundled, start);
  return origin === null ? '' : ` (${origin.file}:${origin.line})`;
}

/** @returns the file, relative to the project, and the line; null: the bundle made it */
export function originOf(
  { text, sourceMap }: Pick<BundledModule, 'text' | 'sourceMap'>,
  start: number,
): { readonly file: string; readonly line: number } | null {
  const line = lineAt(text, start);
  const column = start - (text.lastIndexOf('\n', start) + 1);
  const entry = new SourceMap(JSON.parse(sourceMap) as SourceMapPayload).findEntry(line - 1, column);
  return 'originalSource' in entry ? { file: entry.originalSource, line: entry.originalLine + 1 } : null;
}
