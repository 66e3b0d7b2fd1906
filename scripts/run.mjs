// `node scripts/run.mjs COMMAND ...`: installs what is missing, then runs COMMAND under the Node of this project.
// Plain JavaScript without dependencies: it is the one file that runs before the install, on whatever Node the
// machine has. npm scripts put node_modules/.bin first on the path; there the npm package `node` holds Node 22.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');
const transport = join(root, 'node_modules', 'uWebSockets.js');
/** Says that uWebSockets.js cannot be had on this machine; goes with the next `npm ci`. */
const without = join(root, 'node_modules', '.without-uwebsockets');
const TRANSPORT_ATTEMPTS = 3;
/** npm's default is 2: its package is the largest, and a registry that is slow for minutes was met. */
const TRANSPORT_RETRIES = '--fetch-retries=5';

const path = `${bin}${delimiter}${process.env.PATH}`;

install();
const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } });
child.on('error', (error) => fail(`could not start ${command}: ${error.message}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));

function install() {
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
    console.error('Installing the packages that are missing (once) ...');
    npm(['ci'], process.env.PATH);
    touchInstalled();
  }
  installTransport();
}

/**
 * npm leaves out an optional package in silence, where the Node that runs it does not meet its `engines` and also when
 * a download fails. So uWebSockets.js is looked for at each start, and asked for again on the Node that is installed
 * here.
 */
function installTransport() {
  for (
    let attempt = 1;
    attempt <= TRANSPORT_ATTEMPTS && !existsSync(transport) && !existsSync(without);
    attempt++
  ) {
    console.error('Installing uWebSockets.js, which npm has left out ...');
    npm(['install', '--no-save', TRANSPORT_RETRIES], path);
    touchInstalled();
  }
  if (existsSync(transport) || existsSync(without)) return;
  console.error(
    'warning: uWebSockets.js cannot be had here. The sidecar serves on node:http, at a lower rate; the tests of ' +
      `uWebSockets.js fail. Remove ${without} to try again; npm pack uws-pack says why it cannot.`,
  );
  writeFileSync(without, '');
}

function touchInstalled() {
  const now = new Date();
  utimesSync(installed, now, now);
}

function npm(words, searchPath) {
  const all = [...words, '--no-audit', '--no-fund', '--loglevel', 'error'];
  const env = { ...process.env, PATH: searchPath };
  const result = spawnSync('npm', all, { cwd: root, stdio: ['ignore', process.stderr, process.stderr], env });
  if (result.status !== 0) fail(`npm ${words.join(' ')} failed; is a package registry reachable?`);
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(4);
}
