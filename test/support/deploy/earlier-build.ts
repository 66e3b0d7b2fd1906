/**
 * The command line as it was before: an earlier commit, built once into `.cache/earlier/COMMIT` of the checkout on
 * today's packages. Until a version is released it is the commit below; from then on the newest tag.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const CACHE = join(ROOT, '.cache/earlier');
const COMMIT = '55e8e6fa4a5ef8166f7cb0ddfc811e3693aea67e';

/** @returns its `dist/plumb.js`. @throws Error where the checkout has no such commit, or it cannot be built */
export function earlierPlumb(): string {
  const built = join(CACHE, COMMIT);
  const program = join(built, 'dist/plumb.js');
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'new-'));
  const archive = execFileSync('git', ['archive', COMMIT], { cwd: ROOT, maxBuffer: 1 << 30 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const options = ['-p', 'tsconfig.build.json', '--declaration', 'false', '--noCheck'];
  const tsc = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), options, { cwd: folder, encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`commit ${COMMIT} could not be built: ${tsc.stdout}`);
  const proto = 'contract/wire/log/served.proto';
  cpSync(join(folder, proto), join(folder, 'dist', proto));
  renameSync(folder, built);
  return program;
}
