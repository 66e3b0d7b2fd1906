/**
 * A real PostgreSQL for a test: `const postgres = await startPostgres()` ... `await postgres.stop()`.
 *
 *   postgres.url                 postgres://plumb:…@127.0.0.1:PORT/registry, for settings and clients
 *   postgres.kill(signal)        SIGQUIT ends it at once, as a crash does; SIGSTOP and SIGCONT pause it
 *   postgres.startAgain()        the same data on the same port
 *   postgres.database()          the URL of a new, empty database
 *
 * On loopback, with its own folder, never past the test's process. The first call may install it: give the hook that
 * calls it POSTGRES_START_LIMIT_MS.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { findOrInstall, findProgram } from '../processes/system-package.ts';
import { freePort } from '../redis/redis.ts';

export const POSTGRES_START_LIMIT_MS = 300_000;

const PACKAGES = { 'apt-get': 'postgresql', dnf: 'postgresql-server', apk: 'postgresql', brew: 'postgresql' };
/** Where Debian keeps the programs, a folder a version, off the path. */
const DEBIAN = '/usr/lib/postgresql';
const PASSWORD = 'top secret/1';
/** PostgreSQL does not run as root: nobody, on every system. */
const NOBODY = 65_534;

const execute = promisify(execFile);

export interface PostgresServer {
  /** Of its first database. */
  readonly url: string;
  database(): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  startAgain(): Promise<void>;
  /** Ends it and removes its folder; again is no error. */
  stop(): Promise<void>;
}

/** @throws Error with one sentence when this machine has no PostgreSQL and no way to get one */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = await findPostgres();
  const folder = mkdtempSync(join(tmpdir(), 'plumb-postgres-'));
  const as = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const password = join(folder, 'password');
  writeFileSync(password, PASSWORD);
  if ('uid' in as) for (const path of [folder, password]) chownSync(path, NOBODY, NOBODY);
  const data = join(folder, 'data');
  const init = [
    '-D',
    data,
    '-U',
    'plumb',
    '-A',
    'scram-sha-256',
    '--pwfile',
    password,
    '-E',
    'UTF8',
    '--no-sync',
  ];
  await execute(join(programs, 'initdb'), [...init, '--no-locale'], { ...as, cwd: folder });
  const port = await freePort();
  // Nothing of a test outlives the machine, so that nothing is synced.
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', fsync: 'off' };
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const run = (): ChildProcess =>
    spawn(join(programs, 'postgres'), args, { ...as, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let server = run();
  let reaper = startReaper(server.pid ?? 0, folder);
  await ready(server);
  const urlOf = (name: string): string =>
    `postgres://plumb:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.ref();
    server.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') server.unref();
    else await ended;
  };
  let databases = 0;
  const database = async (): Promise<string> => {
    const client = new pg.Client(urlOf('postgres'));
    await client.connect();
    const name = databases === 0 ? 'registry' : `registry_${databases}`;
    databases += 1;
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    return urlOf(name);
  };
  return {
    url: await database(),
    database,
    kill,
    async startAgain() {
      reaper.kill('SIGKILL');
      server = run();
      reaper = startReaper(server.pid ?? 0, folder);
      await ready(server);
    },
    async stop() {
      await kill('SIGQUIT');
      reaper.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @returns the folder of its programs */
export async function findPostgres(): Promise<string> {
  const find = async (): Promise<string | null> => {
    const initdb = findProgram('initdb');
    if (initdb !== null) return join(initdb, '..');
    const [newest] = versionsOf(DEBIAN);
    return newest === undefined ? null : join(DEBIAN, newest, 'bin');
  };
  const found = await findOrInstall('initdb', PACKAGES, find);
  if (typeof found === 'string') return found;
  throw new Error(
    `These tests need a real PostgreSQL, and there is none here: ${found.tried.join('; ')}. Install postgresql.`,
  );
}

function versionsOf(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted((a, b) => Number(b) - Number(a));
  } catch {
    return [];
  }
}

/** Ends the server once this process is gone, even if it was killed: its end of the pipe then closes. */
function startReaper(pid: number, folder: string): ChildProcess {
  const script = 'cat >/dev/null; kill -9 "$1"; sleep 1; rm -rf "$2"';
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.unref();
  (reaper.stdin as unknown as { unref?: () => void }).unref?.();
  return reaper;
}

/** Resolves when the server says that it takes connections; what it says later is read and forgotten. */
function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr!.on('data', (text: Buffer) => {
      if (said.length < 100_000) said += text.toString('utf8');
      if (!said.includes('ready to accept connections')) return;
      for (const handle of [server, server.stderr]) (handle as ChildProcess).unref();
      resolve();
    });
    server.once('error', reject);
    server.once('exit', () =>
      reject(new Error(`postgres ended: ${said.trim().split('\n').slice(-4).join(' / ')}`)),
    );
  });
}
