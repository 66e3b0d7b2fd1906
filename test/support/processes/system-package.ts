/**
 * Programs that tests need on this machine: found on the path, or installed with the system's package manager where
 * that needs no question (root, or sudo without a password), or run from a container image.
 *
 * Never skips in silence: where nothing works the caller gets one sentence that says what was tried.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_LIMIT_MS = 300_000;
const LOCK_POLL_MS = 1_000;
/** As apt, dpkg, apk and brew say it; dnf waits by itself. */
const LOCK_IS_HELD = /could not get lock|unable to (acquire|lock)|is held by|already (locked|running)/i;

interface PackageManager {
  readonly program: string;
  /** Commands in order; `PACKAGE` stands for the package's name. */
  readonly commands: readonly (readonly string[])[];
  readonly needsRoot: boolean;
}

const MANAGERS: readonly PackageManager[] = [
  {
    program: 'apt-get',
    commands: [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', 'PACKAGE'],
    ],
    needsRoot: true,
  },
  { program: 'dnf', commands: [['install', '-y', '-q', 'PACKAGE']], needsRoot: true },
  { program: 'apk', commands: [['add', '--no-progress', 'PACKAGE']], needsRoot: true },
  { program: 'brew', commands: [['install', '--quiet', 'PACKAGE']], needsRoot: false },
];

/** Names of one package, by the package manager's program. */
type PackageNames = Readonly<Record<string, string>>;

/** @returns the program's absolute path, or null when the path has none */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder; the next one may have it.
    }
  }
  return null;
}

/**
 * Finds a program, or installs the package that has it. Workers that need it at once wait for the first.
 *
 * @param find  where a name on the path is not enough, e.g. since the version matters: the path of one that will do
 * @returns     its absolute path, or why it could not be had: one entry for each thing tried
 */
export async function findOrInstall(
  program: string,
  packages: PackageNames,
  find: () => Promise<string | null> = async () => findProgram(program),
): Promise<string | { readonly tried: readonly string[] }> {
  const found = await find();
  if (found !== null) return found;
  const lock = await takeLock(join(tmpdir(), 'plumb-install.lock'));
  try {
    const tried = [`${program} is not on the path`];
    for (const manager of MANAGERS) {
      const now = await find();
      if (now !== null) return now;
      const name = packages[manager.program];
      if (name !== undefined && findProgram(manager.program) !== null)
        tried.push(await install(manager, name));
    }
    return (await find()) ?? { tried };
  } finally {
    lock.close();
  }
}

/** @returns what went wrong, or that the package was installed */
async function install(manager: PackageManager, name: string): Promise<string> {
  const root = process.getuid?.() === 0 || !manager.needsRoot;
  const prefix = root ? [] : ['sudo', '-n'];
  // RUNLEVEL=1 keeps Debian's scripts from starting the installed server as a service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    if (!root) await run('sudo', ['-n', 'true']);
    for (const command of manager.commands) {
      const [program, ...args] = [...prefix, manager.program, ...command];
      await onceFree(() =>
        run(
          program!,
          args.map((arg) => (arg === 'PACKAGE' ? name : arg)),
          { env, timeout: INSTALL_LIMIT_MS, maxBuffer: 64 << 20 },
        ),
      );
    }
    return `${manager.program} installed ${name}`;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    return `${manager.program} failed (${(stderr.trim() || message).split('\n').at(-1)!.slice(0, 200)})`;
  }
}

/** Runs a package manager, again and again while another program holds its lock: an update of the system, say. */
async function onceFree<T>(command: () => Promise<T>): Promise<T> {
  for (const endMs = performance.now() + INSTALL_LIMIT_MS; ;) {
    try {
      return await command();
    } catch (error) {
      const { stderr = '' } = error as Error & { stderr?: string };
      if (!LOCK_IS_HELD.test(stderr) || performance.now() > endMs) throw error;
      await sleep(LOCK_POLL_MS);
    }
  }
}

/** @returns a container engine that answers, or null */
export async function findContainerEngine(): Promise<string | null> {
  for (const engine of ['docker', 'podman']) {
    const program = findProgram(engine);
    if (program === null) continue;
    try {
      await run(program, ['info'], { timeout: 10_000 });
      return program;
    } catch {
      // The client is there but no engine answers; the other one may.
    }
  }
  return null;
}

/**
 * An exclusive transaction on a small file: the kernel frees it when its holder dies.
 *
 * @returns  what frees it when closed
 */
export async function takeLock(file: string, limitMs = INSTALL_LIMIT_MS): Promise<{ close(): void }> {
  for (const endMs = performance.now() + limitMs; ;) {
    const database = new DatabaseSync(file);
    try {
      database.exec('BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database.close();
      if (performance.now() > endMs) throw error;
      await sleep(100);
    }
  }
}
