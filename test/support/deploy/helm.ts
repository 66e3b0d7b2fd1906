/**
 * Helm, built once from its Go module into `.cache/helm` of the checkout: `const helm = await findHelm()`. Go is found
 * on the path or at /usr/local/go. The build takes many minutes: for the long run only.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../processes/system-package.ts';

const run = promisify(execFile);
const MODULE = 'helm.sh/helm/v3/cmd/helm@v3.19.5';
const FOLDER = join(import.meta.dirname, '../../../.cache/helm');
export const HELM_LIMIT_MS = 3_600_000;

/** @throws Error with one sentence where there is neither Helm nor Go, or the build fails */
export async function findHelm(): Promise<string> {
  const built = join(FOLDER, 'helm');
  if (existsSync(built)) return built;
  const there = findProgram('helm');
  if (there !== null) return there;
  const go = findProgram('go') ?? '/usr/local/go/bin/go';
  if (!existsSync(go)) throw new Error('The charts need Helm, and there is neither Helm nor Go here.');
  mkdirSync(FOLDER, { recursive: true });
  process.stderr.write('Building Helm from its Go module (once, many minutes) ...\n');
  await run(go, ['install', MODULE], {
    env: { ...process.env, GOBIN: FOLDER, GOFLAGS: '-mod=mod' },
    timeout: HELM_LIMIT_MS,
    maxBuffer: 64 << 20,
  });
  return built;
}
