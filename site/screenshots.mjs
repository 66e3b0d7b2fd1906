// `npm run screenshots -- PROJECT`: pictures of a project's largest report and of its catalogue, as PNG in
// docs/pictures; without a name of the demo's (`npm run demo`). The pages show the tutorial's. Needs a Chromium.
import { spawn } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const pictures = join(root, 'docs/pictures');
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const WINDOW = { width: 1_200, height: 860 };

const project = resolve(process.argv[2] ?? join(root, '.plumb/demo'));
const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: WINDOW });
  await take(page, pathToFileURL(largestReport()).href, 'report.png');
  await withCatalogue((url) => take(page, url, 'catalogue.png'));
} finally {
  await browser.close();
}

async function take(page, url, name) {
  await page.goto(url, { waitUntil: 'load' });
  await page.screenshot({ path: join(pictures, name) });
  console.error(`${name}: ${url}`);
}

function chromiumPath() {
  for (const folder of process.env.PATH.split(delimiter)) {
    for (const name of PROGRAMS) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not there.
      }
    }
  }
  return fail(`no Chromium on the path: one of ${PROGRAMS.join(', ')}`);
}

function largestReport() {
  const folder = join(project, '.plumb/reports');
  const files = readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.html'))
    .map((file) => join(folder, file))
    .toSorted((a, b) => statSync(b).size - statSync(a).size);
  return files[0] ?? fail(`no report in ${folder}: run \`npm run demo\` first`);
}

/** Runs the catalogue as long as `use` takes. */
async function withCatalogue(use) {
  const args = [
    '--disable-warning=ExperimentalWarning',
    join(root, 'plumb.ts'),
    '-C',
    project,
    '--json',
    'ui',
    '--port',
    '0',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const line of createInterface({ input: child.stdout })) return await use(JSON.parse(line).url);
    fail('the catalogue did not start');
  } finally {
    child.kill();
  }
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(4);
}
