/**
 * A module with all that it imports as one script, by esbuild. Only plan and apply load it: a sidecar runs the script
 * that the bundle carries.
 */
import { isAbsolute, join, relative } from 'node:path';
import { build } from 'esbuild';
import type { BuildFailure, Message, Metafile } from 'esbuild';
import { BundleFault } from './bundle-fault.ts';
import { changingPartOf, topNamesOf } from './changing-part.ts';
import type { ChangingPart } from './changing-part.ts';
import { faultsOfPaths } from './project-files.ts';
import { scriptOf } from './module-script.ts';
import { withoutWaiting } from './no-waiting.ts';
import { parseModule } from './syntax-tree.ts';
import type { SyntaxNode } from './syntax-tree.ts';

export interface BundledModule {
  /** An expression that gives the module's default export. */
  readonly script: string;
  /** Why all of it runs anew for each call; null: it runs once, and what stands at its top is frozen then. */
  readonly changing: ChangingPart | null;
  readonly sourceMap: string;
  /** The modules joined, without what nothing uses: as text, of which the source map is, and as a tree. */
  readonly text: string;
  readonly tree: SyntaxNode;
  /** Every module in it, in the order of the imports, the given one first; paths relative to the folder. */
  readonly modules: readonly ImportedModule[];
}

export interface ImportedModule {
  readonly path: string;
  /** Indexes of the modules that it imports. */
  readonly imports: readonly number[];
  /** Whether it is of a package: in a folder node_modules. */
  readonly isPackage: boolean;
}

/**
 * @param folder  the project's, absolute; paths are relative to it, so that the script is the same wherever it lies
 * @param file    of the module, absolute
 * @throws        BundleFault[]  all that is wrong with it, in the words of a definition's mistakes
 */
export async function bundleModule(folder: string, file: string): Promise<BundledModule> {
  const { outputFiles, metafile } = await built(folder, file);
  const outside = faultsOfPaths(folder, metafile.inputs, relative(folder, file));
  if (outside.length > 0) throw outside;
  const joined = outputFiles.find(({ path }) => path.endsWith('.js'))!.text;
  const sourceMap = outputFiles.find(({ path }) => path.endsWith('.map'))!.text;
  const exports = Object.values(metafile.outputs).flatMap((one) => one.exports);
  if (!exports.includes('default')) {
    const message = 'has no default export: write `export default (given) => ({ ... })`';
    throw [new BundleFault(message, relative(folder, file), 1)];
  }
  const text = withoutWaiting(joined, parseModule(joined));
  const tree = parseModule(text);
  const modules = modulesOf(metafile, relative(folder, file));
  const changing = changingPartOf(tree);
  const script = scriptOf(text, tree, changing === null ? topNamesOf(tree) : null);
  return { script, changing, sourceMap, text, tree, modules };
}

async function built(folder: string, file: string) {
  try {
    return await build({
      absWorkingDir: folder,
      entryPoints: [file],
      outfile: join(folder, 'on-demand.js'),
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      target: 'es2024',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['import', 'default'],
      charset: 'utf8',
      legalComments: 'none',
      sourcemap: 'external',
      sourcesContent: false,
      logLevel: 'silent',
      define: { 'process.env.NODE_ENV': '"production"' },
      // The project's own settings of TypeScript must not change what a module means.
      tsconfigRaw: {},
    });
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    // The program of this platform is missing, or cannot be run.
    if (errors === undefined)
      throw [new BundleFault(`esbuild cannot run: ${(error as Error).message}`, null, 1)];
    throw errors.map((message) => faultOf(message, folder));
  }
}

const ALONE =
  'a function computed on demand has the language alone, and what it needs of the world is an input';

function faultOf({ text, location }: Message, folder: string): BundleFault {
  const file = location === null ? null : location.file;
  const path = file === null ? null : isAbsolute(file) ? relative(folder, file) : file;
  return new BundleFault(sentenceOf(text), path, location?.line ?? 1);
}

function sentenceOf(text: string): string {
  const unresolved = /^Could not resolve "(.*)"/.exec(text)?.[1];
  if (unresolved !== undefined) {
    if (unresolved.startsWith('node:') || NODE_MODULES.has(unresolved))
      return `imports "${unresolved}", which is of Node: ${ALONE}`;
    const where = unresolved.startsWith('.')
      ? 'there is no such file'
      : 'no package of the project has this name';
    return `imports "${unresolved}": ${where}`;
  }
  const loader = /^No loader is configured for "(.*)" files: (.*)$/.exec(text);
  if (loader?.[1] === '.node') return `imports "${loader[2]!}", a native addon: ${ALONE}`;
  if (loader !== null) return `imports "${loader[2]!}", which is no code: import .ts, .js or .json`;
  return text;
}

const NODE_MODULES = new Set([
  'assert',
  'buffer',
  'child_process',
  'crypto',
  'events',
  'fs',
  'http',
  'https',
  'net',
]);
for (const name of ['os', 'path', 'process', 'stream', 'url', 'util', 'v8', 'vm', 'worker_threads', 'zlib'])
  NODE_MODULES.add(name);

/** Each once, where it is first imported. */
function modulesOf({ inputs }: Metafile, first: string): ImportedModule[] {
  const paths: string[] = [];
  const visit = (path: string): void => {
    if (paths.includes(path) || inputs[path] === undefined) return;
    paths.push(path);
    for (const one of inputs[path].imports) visit(one.path);
  };
  visit(first);
  return paths.map((path) => ({
    path,
    imports: inputs[path]!.imports.map((one) => paths.indexOf(one.path)),
    isPackage: /(^|\/)node_modules\//.test(path),
  }));
}
