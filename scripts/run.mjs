// `node scripts/run.mjs COMMAND ...`: installs what is missing, then runs COMMAND under the Node of this project.
// Plain JavaScript without dependencies: it is the one file that runs before the install, on whatever Node the
// machine has. npm scripts put node_modules/.bin first on the path; there the npm package `node` holds Node 22.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');

const path = `${bin}${delimiter}${process.env.PATH}`;

install();
const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } });
child.on('error', (error) => fail(`could not start ${command}: ${error.message}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));

function install() {
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error('Installing the packages that are missing (once) ...');
  npm(['ci'], process.env.PATH);
  // npm leaves out an optional package whose `engines` the Node that runs it does not meet. On a machine with an
  // older Node that is uWebSockets.js, so npm runs once more on the Node that the first run has installed.
  if (!existsSync(join(root, 'node_modules', 'uWebSockets.js'))) npm(['install', '--no-save'], path);
  const now = new Date();
  utimesSync(installed, now, now);
}

function npm(words, searchPath) {
  const all = [...words, '--no-audit', '--no-fund', '--loglevel', 'error'];
  const env = { ...process.env, PATH: searchPath };
  const result = spawnSync('npm', all, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env });
  if (result.status !== 0) fail(`npm ${words.join(' ')} failed; is a package registry reachable?`);
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(4);
}
