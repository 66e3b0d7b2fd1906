/**
 * A Python environment with the clients of other ecosystems, made once in `.cache/python-clients` of the checkout and
 * made anew when its requirements change:
 *
 *   const python = await pythonEnvironment();
 *   const answer = await python.run('test/clients/feast_client.py', { input: text });
 *   const other = await pythonEnvironment('models');      one apart, of requirements-models.txt
 *
 * Python 3.10 or later is found on the path, or installed with the system's package manager. Never skips: where there
 * is none, or a package cannot be had, the caller gets one sentence. The first call installs: give the hook that makes
 * it PYTHON_LIMIT_MS.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { findOrInstall, takeLock } from './system-package.ts';

export const PYTHON_LIMIT_MS = 600_000;

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const CACHE = join(root, '.cache');

// Debian splits what makes environments from the interpreter; elsewhere it is part of it.
const PACKAGES = { 'apt-get': 'python3-venv', dnf: 'python3', apk: 'python3', brew: 'python3' };
const PROBE =
  'import sys, venv, ensurepip; assert sys.version_info >= (3, 10); print(sys.version.split()[0])';
const RUN_LIMIT_MS = 120_000;

export interface PythonEnvironment {
  /** Absolute path of a program of the environment: `python`, `feast`. */
  program(name: string): string;
  /** The environment of a process that runs in it. */
  readonly variables: NodeJS.ProcessEnv;
  /**
   * Runs a script to its end.
   *
   * @param script  relative to the root of the checkout
   * @param options  what it reads, and after how long it is ended; 2 minutes unless given
   * @returns       what it printed
   * @throws        Error with the end of what it complained when it fails
   */
  run(script: string, options?: { readonly input?: string; readonly limitMs?: number }): Promise<string>;
}

type PlaceName = 'clients' | 'models' | 'pandas';

interface Place {
  readonly folder: string;
  readonly requirements: string;
  /** Written last: an environment without it is unfinished. */
  readonly mark: string;
}

/** @throws Error with one sentence when this machine has no such Python and no way to get one, or pip fails */
export async function pythonEnvironment(name: PlaceName = 'clients'): Promise<PythonEnvironment> {
  const folder = join(CACHE, `python-${name}`);
  const file = name === 'clients' ? 'requirements.txt' : `requirements-${name}.txt`;
  const place = {
    folder,
    requirements: join(root, 'test', 'clients', file),
    mark: join(folder, 'made-of.txt'),
  };
  if (!isMade(place)) await makeOnce(place);
  // Feast's own log lines and progress bars would only bury what a failing script says.
  const variables = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
    TQDM_DISABLE: '1',
  };
  const program = (one: string): string => join(folder, 'bin', one);
  return {
    program,
    variables,
    run: (script, { input = '', limitMs: timeout = RUN_LIMIT_MS } = {}) =>
      runScript([program('python'), join(root, script)], input, { env: variables, timeout }),
  };
}

function isMade(place: Place): boolean {
  try {
    return (
      readFileSync(place.mark, 'utf8') === wantedMark(place) && existsSync(join(place.folder, 'bin/python'))
    );
  } catch {
    return false;
  }
}

/** What is to be installed, and where: the programs of an environment know its path and cannot be moved. */
function wantedMark({ folder, requirements }: Place): string {
  return createHash('sha256').update(readFileSync(requirements)).update(folder).digest('hex');
}

/** Test files run in processes of their own: the first makes the environment, the others wait for it. */
async function makeOnce(place: Place): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const lock = await takeLock(`${place.folder}.lock`, PYTHON_LIMIT_MS);
  try {
    if (!isMade(place)) await make(place);
  } finally {
    lock.close();
  }
}

async function make(place: Place): Promise<void> {
  const { folder, requirements } = place;
  const python = await findOrInstall('Python 3.10 or later with venv', PACKAGES, findPython);
  if (typeof python !== 'string') {
    throw new Error(
      `Tests with the clients of other ecosystems need Python 3.10 or later with its module venv, and there is ` +
        `none here: ${python.tried.join('; ')}. Install python3 and, on Debian and Ubuntu, python3-venv.`,
    );
  }
  process.stderr.write(`Installing ${basename(requirements)} for the tests (once) ...\n`);
  rmSync(folder, { recursive: true, force: true });
  const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--prefer-binary'];
  try {
    await execute(python, ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', ...quiet, '--requirement', requirements];
    await execute(join(folder, 'bin/python'), pip, { timeout: PYTHON_LIMIT_MS, maxBuffer: 64 << 20 });
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    const said = lastLines(stderr || stdout || message, 3);
    throw new Error(
      `A Python environment of ${requirements} cannot be made with ${python}: ${said}. ` +
        'Is a package index reachable for pip?',
      { cause: error },
    );
  }
  writeFileSync(place.mark, wantedMark(place));
}

/** @returns the first Python on the path that is new enough and can make environments */
async function findPython(): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of pythonsIn(folder)) {
      try {
        await execute(join(folder, name), ['-c', PROBE], { timeout: 20_000 });
        return join(folder, name);
      } catch {
        // Too old, without venv, or a shim that points nowhere; the next one may do.
      }
    }
  }
  return null;
}

/** @returns `python3` first, then those with a version in their name, newest first */
function pythonsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^python3(\.\d+)?$/.test(name))
      .toSorted((a, b) => minorOf(b) - minorOf(a));
  } catch {
    return [];
  }
}

function minorOf(name: string): number {
  return Number(name.split('.')[1] ?? Infinity);
}

function runScript(
  [python, script]: readonly [string, string],
  input: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly timeout: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    let complained = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
    // A script that fails before it has read everything closes its end; its exit tells why.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(said);
      else reject(new Error(`${script} ended with ${signal ?? code}:\n${lastLines(complained, 30)}`));
    });
  });
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
