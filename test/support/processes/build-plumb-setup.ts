/**
 * The command line as it is published, for the processes that tests start: plain JavaScript starts in half the
 * processor time of TypeScript whose types Node strips. Built once for each state of the sources, before the tests run.
 *
 *   .cache/plumb/HASH/   package.json, dist/, and links to node_modules, examples and deploy: the layout of the package
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { joinPackages, joinedKey, useJoined } from '../../../scripts/joined-packages.mjs';
import { copyRunTimeFiles } from '../../../scripts/run-time-files.mjs';

const ROOT = join(import.meta.dirname, '../../..');
const CACHE = join(ROOT, '.cache/plumb');
/** What stripped-once.mjs keeps. */
const LOADED = join(ROOT, '.cache/loaded');
const KEPT_MS = 24 * 60 * 60 * 1_000;
/** What a build does not depend on, and what is large. */
const APART = new Set(['node_modules', 'test', 'dist', 'docs', 'benchmarks', 'clients']);

export default async function setup(project: TestProject): Promise<void> {
  forgetLoaded();
  await madeOnce(join(LOADED, 'joined', joinedKey()), joinPackages);
  mkdirSync(CACHE, { recursive: true });
  for (const name of readdirSync(CACHE)) {
    const old = join(CACHE, name);
    if (isOld(old)) rmSync(old, { recursive: true, force: true });
  }
  const built = join(CACHE, sourcesHash());
  await madeOnce(built, build);
  project.provide('plumb', join(built, 'dist/plumb.js'));
}

/** Another run may be as fast: it makes the same. */
async function madeOnce(path: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const folder = mkdtempSync(join(dirname(path), 'new-'));
  await make(folder);
  try {
    renameSync(folder, path);
  } catch {
    rmSync(folder, { recursive: true });
  }
}

function forgetLoaded(): void {
  mkdirSync(LOADED, { recursive: true });
  for (const entry of readdirSync(LOADED, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && isOld(file)) rmSync(file, { force: true });
  }
}

/** Another run may have removed it. */
function isOld(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.mtimeMs < Date.now() - KEPT_MS;
}

async function build(folder: string): Promise<void> {
  const dist = join(folder, 'dist');
  const options = ['-p', 'tsconfig.build.json', '--outDir', dist, '--declaration', 'false', '--noCheck'];
  const tsc = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), options, { cwd: ROOT, encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`the command line for the tests could not be built: ${tsc.stdout}`);
  copyRunTimeFiles(dist);
  await useJoined(dist);
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  for (const name of ['node_modules', 'examples', 'deploy'])
    symlinkSync(join(ROOT, name), join(folder, name));
}

/** Of names, sizes and times of all sources, and of the packages that are joined into the build. */
function sourcesHash(): string {
  const hash = createHash('sha256').update(joinedKey());
  const add = (folder: string): void => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      if (entry.name.startsWith('.') || APART.has(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) add(path);
      else if (/\.(?:ts|json|proto)$/.test(entry.name)) {
        const { size, mtimeMs } = statSync(join(ROOT, path));
        hash.update(`${path} ${size} ${mtimeMs}\n`);
      }
    }
  };
  add('.');
  return hash.digest('hex').slice(0, 16);
}
