/**
 * Reads a project's definition files: imports TypeScript and JavaScript modules, parses YAML.
 *
 * A module imports its builders from `plumbline`, wherever the project is: while definitions load, a hook resolves that
 * name to this program itself, so that builders and reader are always the same code. The hook also strips the types of
 * definition files, which Node refuses to do below a node_modules folder.
 */
import { globSync, readFileSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { requireRegularFile, requireUtf8Name } from '../../contract/std/files/regular-file.ts';
import type { CodedError } from '../../contract/std/coded-error.ts';
import { registryError } from '../../contract/errors.ts';
import { IMPORT_NAME, dependencyOn, foreignPackage } from '../../project/own-package.ts';
import {
  EntityDraft,
  isDraft,
  madeDrafts,
  OnDemandDraft,
  SourceDraft,
  ViewDraft,
  ViewSelection,
} from '../../contract/definitions/draft.ts';
import type { Draft, ServiceDraft } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { parseYamlDefinitions } from '../../contract/definitions/yaml/yaml-definitions.ts';
import { DEFINITIONS_MARK, faultIn, takeBackNames, withoutEnd } from './definition-code.ts';
import { withoutTypes } from '../typescript-text.ts';

/** The module that `plumbline` resolves to: plumbline.ts in the checkout, plumbline.js in the package. */
const SELF = new URL(
  import.meta.url.endsWith('.ts') ? '../../plumbline.ts' : '../../plumbline.js',
  import.meta.url,
).href;

/**
 * @param globs  relative to the project's folder
 * @returns      every definition of the project, in order of file and export; unreadable ones are in `mistakes`
 * @throws       REG_DEFINITIONS when no file matches
 */
export async function loadDrafts(
  folder: string,
  globs: readonly string[],
  mistakes: Mistakes,
): Promise<Draft[]> {
  // Uses relative patterns: in an absolute one, special characters of the folder's own name would count as a pattern.
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

/** @returns a filter that checks each path that a pattern visits and excludes none */
function refuseLostFolder(folder: string): (path: string) => boolean {
  return (path) => {
    // A name without its folder cannot be checked; the full path comes before the folder is entered.
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

/**
 * Refuses another package named `plumbline`: plumb would not read it, but editors would show its types and mislead
 * people.
 */
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

/** Reports a definition that nothing reaches: it would be taken for deleted. */
function missExport(draft: Draft, mistakes: Mistakes): void {
  const what = kindNameOf(draft);
  mistakes.add(
    draft.place,
    [],
    `${what} "${draft.name}" is neither exported nor used by what is; write \`export const ...\`, or delete it`,
  );
}

function kindNameOf(draft: Draft): string {
  if (draft instanceof ViewDraft) return 'view';
  if (draft instanceof OnDemandDraft) return 'on-demand view';
  if (draft instanceof EntityDraft) return 'entity';
  return draft instanceof SourceDraft ? 'source' : 'service';
}

function noFiles(folder: string, globs: readonly string[]): CodedError {
  return registryError('REG_DEFINITIONS', `no definition file matches ${globs.join(', ')} in ${folder}`, {
    help: 'Write one, or name where they are as `definitions:` in plumbline.yaml.',
  });
}

/**
 * Adds what a definition uses (a view its entity and source, a service its views), so that a missing `export` loses
 * none.
 */
function addReachable(drafts: Set<Draft>, draft: Draft): void {
  if (drafts.has(draft)) return;
  if (draft instanceof ViewDraft) {
    for (const option of ['entity', 'source']) {
      const used = draft.options[option];
      if (used instanceof EntityDraft || used instanceof SourceDraft) addReachable(drafts, used);
    }
  } else {
    const uses = draft instanceof OnDemandDraft ? draft.options['uses'] : (draft as ServiceDraft).items;
    for (const item of Array.isArray(uses) ? (uses as unknown[]) : []) {
      const view = item instanceof ViewSelection ? item.view : null;
      // Two that use each other are a mistake, which is reported later.
      if (view instanceof ViewDraft || (view instanceof OnDemandDraft && view !== draft))
        addReachable(drafts, view);
    }
  }
  drafts.add(draft);
}

let hooksRegistered = false;

async function importDefinitions(file: string, mistakes: Mistakes): Promise<Draft[]> {
  registerDefinitionHooks();
  const url = pathToFileURL(file).href;
  try {
    const module = await withoutEnd(() => import(`${url}${DEFINITIONS_MARK}`) as Promise<object>);
    const values: unknown[] = Object.values(module).flatMap((value: unknown) => value);
    return values.filter(isDraft);
  } catch (error) {
    const { line, message } = faultIn(file, error);
    mistakes.addUnreadable(file, line, message);
    return [];
  } finally {
    for (const { of, name } of takeBackNames()) {
      const sentence = `it adds "${name}" to ${of}.prototype, and so to all of plumb: write a function instead`;
      mistakes.addUnreadable(file, lineWith(file, `${of}.prototype`), sentence);
    }
  }
}

function lineWith(file: string, text: string): number {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1 || 1;
}

function registerDefinitionHooks(): void {
  if (hooksRegistered) return;
  hooksRegistered = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'plumbline') return { url: SELF, shortCircuit: true };
      const resolved = next(specifier, context);
      // Files that a definition file imports from beside it are definition files too.
      const fromDefinitions = context.parentURL?.endsWith(DEFINITIONS_MARK) === true;
      const relative = specifier.startsWith('.') && !resolved.url.includes('?');
      if (!fromDefinitions || !relative) return resolved;
      requireRegularFile(fileURLToPath(resolved.url));
      return { ...resolved, url: `${resolved.url}${DEFINITIONS_MARK}` };
    },
    load(url, context, next) {
      if (!url.endsWith(`.ts${DEFINITIONS_MARK}`)) return next(url, context);
      const text = readFileSync(fileURLToPath(url.slice(0, -DEFINITIONS_MARK.length)), 'utf8');
      return { format: 'module', source: withoutTypes(text), shortCircuit: true };
    },
  });
}
