// `npm run docs`: the documentation as a site, in `.cache/site`. Pages are those of docs/, as they are; this puts them
// where VitePress looks, beside the README and the like, takes out what only GitHub needs, and makes every link
// relative, so that the site can be opened as a file. VitePress lives in a folder of its own: nothing else needs its
// 100 MB.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

const here = import.meta.dirname;
const root = process.env.SITE_ROOT ?? join(here, '..');
const pages = join(here, '.pages');
const out = process.env.SITE_OUT ?? join(root, '.cache/site');
/** Names on the site of pages from elsewhere than docs/, by their path from the root of the repository. */
const OTHERS = new Map([
  ['site/index.md', 'index'],
  ['README.md', 'readme'],
  ['CONTRIBUTING.md', 'contributing'],
  ['SECURITY.md', 'security'],
  ['CHANGELOG.md', 'changelog'],
  ['docs/README.md', 'contents'],
]);

install();
stage();
vitepress();
const count = relativeLinks(out);
console.error(`${count} pages: ${join(out, 'index.html')}`);

function install() {
  const installed = join(here, 'node_modules/.package-lock.json');
  const lock = join(here, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('Installing VitePress (once) ...');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error']);
}

function vitepress() {
  rmSync(out, { recursive: true, force: true });
  run(process.execPath, [
    join(here, 'node_modules/vitepress/bin/vitepress.js'),
    'build',
    pages,
    '--outDir',
    out,
  ]);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  console.error(`error: ${command} ${args[0]} failed${error === undefined ? '' : `: ${error.message}`}`);
  process.exit(4);
}

/** Puts the pages together. */
function stage() {
  rmSync(pages, { recursive: true, force: true });
  const docs = filesBelow(join(root, 'docs'));
  for (const file of docs) {
    const from = relative(root, file);
    const to = join(pages, pageOf(from));
    mkdirSync(dirname(to), { recursive: true });
    if (file.endsWith('.md')) writeFileSync(to, pageText(from));
    else cpSync(file, to);
  }
  for (const from of OTHERS.keys()) writeFileSync(join(pages, pageOf(from)), pageText(from));
  writeFileSync(join(pages, 'sidebar.json'), JSON.stringify(sidebar()));
  mkdirSync(join(pages, '.vitepress'));
  writeFileSync(join(pages, '.vitepress/config.mjs'), `export { default } from '../../config.mjs';\n`);
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @returns the path on the site of a file, both with slashes; null: it is not there */
function pageOf(file) {
  if (OTHERS.has(file)) return `${OTHERS.get(file)}.md`;
  return file.startsWith('docs/') ? file.slice('docs/'.length) : null;
}

/** @returns a page without comments, its links as they are on the site; one to a file that is not there as text */
function pageText(file) {
  const at = posix.dirname(pageOf(file));
  return outsideOfCode(readFileSync(join(root, file), 'utf8'), (text) =>
    text
      .replaceAll(/<!--.*?-->\n?/gs, '')
      .replaceAll('{{', '&#123;&#123;')
      .replaceAll(/(!?)\[([^\]]*)\]\(([^)\s:]*)\)/g, (whole, image, words, link) => {
        const [path, heading] = link.split('#');
        if (path === '') return whole;
        const target = posix.join(posix.dirname(file), path);
        const page = pageOf(target);
        if (page === null || !/\.(md|svg|png)$/.test(page)) return words;
        const way = posix.relative(at, page);
        return `${image}[${words}](${way.startsWith('.') ? way : `./${way}`}${heading === undefined ? '' : `#${heading}`})`;
      }),
  );
}

/** Changes a text, but for its blocks and spans of code, which are set aside meanwhile: links may hold some. */
function outsideOfCode(text, change) {
  const code = [];
  const plain = text.replaceAll(/^```.*?^```$|`[^`\n]+`/gms, (part) => `\ue000${code.push(part) - 1}\ue000`);
  return change(plain).replaceAll(/\ue000(\d+)\ue000/g, (_, i) => code[Number(i)]);
}

/** The groups of docs/README.md, each with its links. */
function sidebar() {
  const [, ...groups] = readFileSync(join(root, 'docs/README.md'), 'utf8').split(/^\*\*(.*)\*\*$/m);
  const listed = [];
  for (let i = 0; i < groups.length; i += 2) {
    const links = [...groups[i + 1].matchAll(/\[([^\]]+)\]\(([^)#\s]+\.md)\)/g)];
    const items = links.flatMap(([, text, path]) => {
      const page = pageOf(posix.join('docs', path));
      return page === null
        ? []
        : [{ text: text[0].toUpperCase() + text.slice(1), link: `/${page.slice(0, -3)}` }];
    });
    listed.push({ text: groups[i], collapsed: i > 0, items });
  }
  return listed;
}

/** Makes links to the site's own pages and files relative, so that a page works wherever its folder lies. */
function relativeLinks(folder) {
  const files = filesBelow(folder).filter((file) => file.endsWith('.html'));
  for (const file of files) {
    const way = relative(dirname(file), folder) || '.';
    const text = readFileSync(file, 'utf8').replaceAll(
      /(\s(?:href|src)=")\/(?!\/)([^"#]*)/g,
      (_, attribute, path) =>
        `${attribute}${way}/${path === '' || path.endsWith('/') ? `${path}index.html` : path}`,
    );
    writeFileSync(file, text);
  }
  return files.length;
}
