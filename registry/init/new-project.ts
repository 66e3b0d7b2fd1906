/** `plumb init`: makes a new project that runs without changes, from a template of this package. */
import { cpSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { registryError } from '../../contract/errors.ts';
import { IMPORT_NAME, OWN_PACKAGE, dependencyOn, isReachedFrom } from '../../project/own-package.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { schemeOf } from '../../contract/std/files/local-path.ts';
import { TEMPLATES } from './template.ts';
import type { TemplateName } from './template-name.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

/** Makes editors read TypeScript definitions as Node does, which strips their types. */
const TSCONFIG = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
  },
  include: ['definitions', 'compute'],
};

/**
 * @param project  the folder of a project, as the user named it
 * @returns        the next commands, to be run where this one was run
 */
export function nextSteps(project: string, template: TemplateName): string[] {
  const { steps } = TEMPLATES[template];
  const named = quoted(project);
  const root = resolve(project);
  const inCheckout = !relative(OWN_PACKAGE.folder, process.cwd()).startsWith('..');
  if (!isReachedFrom(root) && OWN_PACKAGE.isCheckout) {
    const from = inCheckout ? [] : [`cd ${quoted(OWN_PACKAGE.folder)}`];
    const plumb = `npx plumb -C ${inCheckout ? named : quoted(root)}`;
    return [...from, ...steps.map((step) => `${plumb} ${step}`)];
  }
  const into = root === process.cwd() ? [] : [`cd ${named.startsWith('-') ? `./${named}` : named}`];
  const installed = isReachedFrom(root) ? [] : ['npm install'];
  return [...into, ...installed, ...steps.map((step) => `npx plumb ${step}`)];
}

/** @returns the text as one word for a shell: without quotes if no character in it is special there */
export function quoted(text: string): string {
  if (/^[\w./@%+=:,-]+$/.test(text)) return text;
  // Plain quotes would keep a line feed, so that one command would look like several; $'...' escapes it.
  const escapes: Readonly<Record<string, string>> = {
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\\': '\\\\',
    "'": "\\'",
  };
  if (/[\n\r\t]/.test(text)) return `$'${text.replace(/[\n\r\t\\']/g, (sign) => escapes[sign]!)}'`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A package.json with the package that definitions import, for editors; `plumb` itself needs no install there. */
function packageOf(root: string): object {
  const name = basename(root)
    .toLowerCase()
    .replace(/[^a-z0-9._~-]+/g, '-')
    .replace(/^[._-]+/, '');
  return {
    name: name === '' ? 'features' : name,
    private: true,
    type: 'module',
    dependencies: { [IMPORT_NAME]: dependencyOn(root) },
  };
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}

/**
 * Copies a template and makes its data; overwrites nothing that exists. What programs write there (`.plumb/`) is kept
 * out of git.
 *
 * @returns  the files written, relative to the folder
 * @throws   REG_FOLDER when the folder is not empty, REG_STORE when it cannot be written
 */
export async function initProject(folder: string, template: TemplateName): Promise<string[]> {
  const root = resolve(folder);
  if (schemeOf(folder) !== null) {
    const message = `a new project is a folder on this machine, not ${folder}`;
    throw registryError('REG_FOLDER', message, { help: 'Name one: `plumb init my-project`.' });
  }
  try {
    if (existsSync(root) && (!statSync(root).isDirectory() || readdirSync(root).length > 0)) {
      throw registryError('REG_FOLDER', `${root} is not an empty folder`, {
        help: 'Name a folder that does not exist yet: `plumb init my-project`.',
      });
    }
    makeFolder(root);
    const from = TEMPLATES[template].folder;
    for (const name of readdirSync(from)) {
      // If somebody has run the example in the checkout, its stores are not copied.
      if (name !== '.plumb') cpSync(join(from, name), join(root, name), { recursive: true });
    }
    // The template lacks this file, since npm leaves files of this name out of packages.
    writeFileSync(join(root, '.gitignore'), '.plumb/\nnode_modules/\n');
    writeJson(join(root, 'package.json'), packageOf(root));
    writeJson(join(root, 'tsconfig.json'), TSCONFIG);
    await TEMPLATES[template].makeData?.(root, Date.now());
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw registryError(
      'REG_STORE',
      `cannot write the project to ${root}: ${(error as Error).message}`,
      {},
      error,
    );
  }
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}
