// Packages of many modules, each joined into one file: to load the 620 modules of these five took a third of the
// processor time of `plumb plan`. They stay dependencies: a checkout runs without joined files, and their types are
// read from them. The tests' processes load the same files as the package (test/support/processes/stripped-once.mjs).
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const FOLDER = 'packages';
const LICENSES = 'LICENSES.txt';
/** What is imported, each from the file that stands for it. */
const IMPORTED = { kysely: 'kysely.js', zod: 'zod.js', yaml: 'yaml.js', commander: 'commander.js' };
/** What is required, of one package: both names mean the same modules. */
const REQUIRED = {
  '@duckdb/node-api': 'duckdb-client.cjs',
  '@duckdb/node-api/lib/vectors/dataAccessors.js': 'duckdb-accessors.cjs',
};
const REQUIRED_WHOLE = 'duckdb.cjs';
/** By the name that code says, the file of the joined package. */
export const JOINED = { ...IMPORTED, ...REQUIRED };

/** Another one when other packages are installed, or they are joined in another way. */
export function joinedKey() {
  const made = [join(root, 'node_modules/.package-lock.json'), import.meta.filename];
  return made.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0).join('-');
}

/** Joins the packages, and writes them and their licences into a folder. */
export async function joinPackages(folder) {
  const { build } = await import('esbuild');
  const holders = new Set();
  const joinInto = async (file, text, options) => {
    const { metafile } = await build({
      stdin: { contents: text, resolveDir: root },
      outfile: join(folder, file),
      bundle: true,
      platform: 'node',
      target: 'node22',
      legalComments: 'none',
      metafile: true,
      absWorkingDir: root,
      logLevel: 'warning',
      ...options,
    });
    for (const path of Object.keys(metafile.inputs)) {
      const holder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
      if (holder !== undefined) holders.add(holder);
    }
  };
  mkdirSync(folder, { recursive: true });
  // What is CommonJS inside asks for Node's own modules by `require`.
  const js = `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);`;
  for (const [name, file] of Object.entries(IMPORTED)) {
    const names = Object.keys(await import(name)).filter((one) => one !== 'module.exports');
    await joinInto(file, `export { ${names.join(', ')} } from '${name}';`, { format: 'esm', banner: { js } });
  }
  const parts = Object.entries(REQUIRED).map(([name, file]) => `'${file}': require('${name}')`);
  // Its native part finds the engine beside itself.
  const external = ['@duckdb/node-bindings'];
  await joinInto(REQUIRED_WHOLE, `module.exports = { ${parts.join(', ')} };`, { format: 'cjs', external });
  for (const file of Object.values(REQUIRED))
    writeFileSync(join(folder, file), `module.exports = require('./${REQUIRED_WHOLE}')['${file}'];\n`);
  writeFileSync(join(folder, LICENSES), [...holders].toSorted().map(licenseOf).join('\n'));
}

function licenseOf(holder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, holder, 'package.json'), 'utf8'));
  const file = readdirSync(join(root, holder)).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} ${version} has no file that says its license`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(root, holder, file), 'utf8').trim()}\n`;
}

/** Joins the packages into a build, and makes its modules load them from there. */
export async function useJoined(dist) {
  await joinPackages(join(dist, FOLDER));
  for (const path of readdirSync(dist, { recursive: true })) {
    if (!path.endsWith('.js') || path.startsWith(FOLDER)) continue;
    const file = join(dist, path);
    const text = readFileSync(file, 'utf8');
    const to = (name) => {
      const way = relative(dirname(file), join(dist, FOLDER, JOINED[name]));
      return way.startsWith('.') ? way : `./${way}`;
    };
    const joined = text.replace(/\b(from |import |import\(|require\()'([^']+)'/g, (said, before, name) =>
      Object.hasOwn(JOINED, name) ? `${before}'${to(name)}'` : said,
    );
    if (joined !== text) writeFileSync(file, joined);
  }
}
