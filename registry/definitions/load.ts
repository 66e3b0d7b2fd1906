/**
 * Reads a project's definition files: TypeScript and JavaScript modules by import, YAML by parsing.
 *
 * A module imports its builders from `plumbline` wherever the project lies: while definitions load, a hook resolves
 * that name to this program itself, so that builder and reader are always the same code. The hook also strips the
 * types of definition files, which Node would refuse to do below a node_modules folder.
 */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { requireRegularFile, requireUtf8Name } from '../../contract/std/regular-file.ts';
import type { CodedError } from '../../contract/std/coded-error.ts';
import { registryError } from '../../contract/errors.ts';
import { IMPORT_NAME, dependencyOn, foreignPackage } from '../../project/own-package.ts';
import {
  EntityDraft,
  isDraft,
  madeDrafts,
  SourceDraft,
  ViewDraft,
} from '../../contract/definitions/draft.ts';
import type { Draft, ServiceDraft } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { parseYamlDefinitions } from '../../contract/definitions/yaml-definitions.ts';

/** The module that `plumbline` names: plumbline.ts in the checkout, plumbline.js in the package. */
const SELF = new URL(
  import.meta.url.endsWith('.ts') ? '../../plumbline.ts' : '../../plumbline.js',
  import.meta.url,
).href;

/**
 * @param globs  relative to the project's folder
 * @returns      every definition of the project, in order of file and export; what cannot be read is in `mistakes`
 * @throws       REG_DEFINITIONS when no file matches
 */
export async function loadDrafts(
  folder: string,
  globs: readonly string[],
  mistakes: Mistakes,
): Promise<Draft[]> {
  // What stands for itself in the folder's own name would be a pattern in an absolute one.
  const named = globs.flatMap((glob) => globSync(glob, { cwd: folder, exclude: refuseLostFolder(folder) }));
  const files = [...new Set(named.map((file) => resolve(folder, file)))].toSorted();
  if (files.length === 0) throw noFiles(folder, globs);
  if (files.some((file) => !isYaml(file))) refuseForeignPackage(folder);
  const drafts = new Set<Draft>();
  for (const file of files) {
    if (isFolder(file)) continue;
    for (const draft of await draftsOf(file, mistakes)) addReachable(drafts, draft);
  }
  for (const draft of madeDrafts) {
    if (files.includes(draft.place.file) && !drafts.has(draft)) missExport(draft, mistakes);
  }
  return [...drafts];
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function draftsOf(file: string, mistakes: Mistakes): Promise<Draft[]> {
  try {
    requireUtf8Name(file);
    requireRegularFile(file);
    if (isYaml(file)) return parseYamlDefinitions(file, readFileSync(file, 'utf8'), mistakes);
  } catch (error) {
    mistakes.addUnreadable(file, 1, (error as Error).message);
    return [];
  }
  return await importDefinitions(file, mistakes);
}

/** @returns what sees each path that a pattern looks at, and excludes none */
function refuseLostFolder(folder: string): (path: string) => boolean {
  return (path) => {
    // Without its folder a name says nothing yet: the path follows before the folder is entered.
    if (!path.includes('/')) return false;
    try {
      requireUtf8Name(resolve(folder, path));
    } catch (error) {
      throw registryError('REG_DEFINITIONS', (error as Error).message, { file: folder }, error);
    }
    return false;
  };
}

function isYaml(file: string): boolean {
  return /\.ya?ml$/.test(file);
}

/** Plumb itself would not read it, but editors would show its types, and whoever reads the project is misled. */
function refuseForeignPackage(folder: string): void {
  const foreign = foreignPackage(folder);
  if (foreign === null) return;
  const what = `${foreign.name ?? 'one without a name'} ${foreign.version ?? ''}`.trim();
  const message = `definitions import \`${IMPORT_NAME}\`, and ${foreign.folder} is another package: ${what}`;
  throw registryError('REG_DEFINITIONS', message, {
    file: foreign.folder,
    help: `Remove it, and depend on "${IMPORT_NAME}": "${dependencyOn(folder)}" in package.json.`,
  });
}

/** A definition that nothing reaches would be taken for deleted. */
function missExport(draft: Draft, mistakes: Mistakes): void {
  const kind = draft instanceof ViewDraft ? 'view' : draft instanceof EntityDraft ? 'entity' : null;
  const what = kind ?? (draft instanceof SourceDraft ? 'source' : 'service');
  mistakes.add(
    draft.place,
    [],
    `${what} "${draft.name}" is neither exported nor used by what is; write \`export const ...\`, or delete it`,
  );
}

function noFiles(folder: string, globs: readonly string[]): CodedError {
  return registryError('REG_DEFINITIONS', `no definition file matches ${globs.join(', ')} in ${folder}`, {
    help: 'Write one, or name where they are as `definitions:` in plumbline.yaml.',
  });
}

/** A view brings its entity and its source, a service its views: no definition is lost for want of an `export`. */
function addReachable(drafts: Set<Draft>, draft: Draft): void {
  if (drafts.has(draft)) return;
  if (draft instanceof ViewDraft) {
    for (const option of ['entity', 'source']) {
      const used = draft.options[option];
      if (used instanceof EntityDraft || used instanceof SourceDraft) addReachable(drafts, used);
    }
  } else if ('items' in draft) {
    for (const item of (draft as ServiceDraft).items) {
      if (item.view instanceof ViewDraft) addReachable(drafts, item.view);
    }
  }
  drafts.add(draft);
}

let hooksRegistered = false;

async function importDefinitions(file: string, mistakes: Mistakes): Promise<Draft[]> {
  registerDefinitionHooks();
  const url = pathToFileURL(file).href;
  try {
    const module = await withoutExit(() => import(`${url}?definitions`) as Promise<Record<string, unknown>>);
    const values = Object.values(module).flatMap((value) =>
      Array.isArray(value) ? (value as unknown[]) : [value],
    );
    return values.filter(isDraft);
  } catch (error) {
    const { at, message } = faultOf(file, error);
    mistakes.addUnreadable(at.file, at.line, message);
    return [];
  }
}

/** A definition file that ends the process would end a plan in the middle, and with success. */
async function withoutExit<Result>(load: () => Promise<Result>): Promise<Result> {
  const { exit } = process;
  process.exit = () => {
    throw new Error('process.exit was called, which would end plumb in the middle of its work');
  };
  try {
    return await load();
  } finally {
    process.exit = exit;
  }
}

function registerDefinitionHooks(): void {
  if (hooksRegistered) return;
  hooksRegistered = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'plumbline') return { url: SELF, shortCircuit: true };
      const resolved = next(specifier, context);
      // What a definition file imports from beside it is a definition file too.
      const fromDefinitions = context.parentURL?.endsWith('?definitions') === true;
      const relative = specifier.startsWith('.') && !resolved.url.includes('?');
      if (fromDefinitions && relative) requireRegularFile(fileURLToPath(resolved.url));
      return fromDefinitions && relative ? { ...resolved, url: `${resolved.url}?definitions` } : resolved;
    },
    load(url, context, next) {
      if (!url.endsWith('.ts?definitions')) return next(url, context);
      const text = readFileSync(fileURLToPath(url.slice(0, -'?definitions'.length)), 'utf8');
      return { format: 'module', source: stripTypeScriptTypes(text), shortCircuit: true };
    },
  });
}

/** Finds file and line of an error that loading a definition file ended in; the file's first line if none is known. */
function faultOf(file: string, thrown: unknown): { at: { file: string; line: number }; message: string } {
  const error =
    thrown instanceof Error ? thrown : new Error(`it throws ${inspect(thrown)}, which is no error`);
  const stack = String(error.stack ?? '');
  // A syntax error's stack begins with its place (the type stripper's without the file), a thrown error's has frames.
  const syntax = /^(?:file:\/\/[^\s:?]*)?(?:\?definitions)?:(\d+)\n/.exec(stack);
  if (syntax !== null) return { at: { file, line: Number(syntax[1]) }, message: firstLine(error) };
  const named = [`${pathToFileURL(file).href}?definitions:`, `${file}:`];
  const lines = named.flatMap((name) => stack.split(name).slice(1)).map((rest) => parseInt(rest, 10));
  const line = lines.find((number) => number > 0);
  return { at: { file, line: line ?? 1 }, message: firstLine(error) };
}

const MODULE = /^Cannot find module '([^']+)'/;

function firstLine(error: Error): string {
  const missing = MODULE.exec(error.message)?.[1]?.replace(/\?definitions$/, '');
  if (missing !== undefined) {
    const name = basename(missing);
    const ending = ['.ts', '.mts', '.js', '.mjs'].find((one) => existsSync(`${missing}${one}`));
    const hint =
      ending === undefined ? '' : `: an import names the whole file, did you mean "${name}${ending}"?`;
    return `Cannot find module "${name}"${hint}`;
  }
  return `${error.name}: ${
    error.message
      .trim()
      .split('\n')
      .find((line) => /[A-Za-z]/.test(line)) ?? ''
  }`.trim();
}
