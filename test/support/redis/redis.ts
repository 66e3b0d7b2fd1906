/**
 * A real Redis for a test: `const redis = await startRedis()` ... `await redis.stop()`.
 *
 *   redis.url            redis://127.0.0.1:PORT, for settings and clients
 *   redis.kill(signal)   sends a signal to the server's process: SIGKILL ends it, SIGSTOP and SIGCONT pause it
 *   startRedis({ port })         starts another on the port of one that was killed
 *   startRedis({ args: [...] })  more of the server's arguments, e.g. ['--maxmemory', '1mb']
 *
 * Empty, without persistence, on loopback, with its own folder. A server never outlives the test's process, however
 * that ends. The first call may install Redis: give the hook that calls it REDIS_START_LIMIT_MS. Six nodes as a
 * cluster: `redis-cluster.ts`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findContainerEngine, findOrInstall } from '../processes/system-package.ts';

export const REDIS_START_LIMIT_MS = 300_000;

const IMAGE = 'docker.io/library/redis:7';
const PACKAGES = { 'apt-get': 'redis-server', dnf: 'redis', apk: 'redis', brew: 'redis' };
// Below the range that Linux takes for outgoing connections; the cluster's bus is at the port + 10,000.
const PORTS_FROM = 10_000;
const PORTS = 10_000;

export interface RedisOptions {
  /** A free one unless given. */
  readonly port?: number;
  /** More arguments of the server. */
  readonly args?: readonly string[];
  readonly isSentinel?: boolean;
  /** Its configuration file, which a sentinel cannot be without. */
  readonly config?: string;
  /** More of its environment, e.g. LC_ALL. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** The server's process; from a container that of the client that started it: prefer `kill`. */
  readonly pid: number;
  /** What it was started with. */
  readonly args: readonly string[];
  /** Sends a signal to the server; after SIGKILL or SIGTERM resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the server and removes its folder; again is no error. */
  stop(): Promise<void>;
}

/** @throws Error with one sentence when this machine has no Redis and no way to get one */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      return await startOn(port, options);
    } catch (error) {
      // Someone else may have taken the port since it was found free.
      if (options.port !== undefined || attempt === 10 || !/bind|listening/i.test(String(error))) throw error;
    }
  }
}

async function startOn(port: number, options: RedisOptions): Promise<RedisServer> {
  const program = await redisProgram();
  const folder = mkdtempSync(join(tmpdir(), 'plumb-redis-'));
  const args = serverArgs(port, options, folder);
  const container = `plumb-redis-${process.pid}-${port}`;
  const [command, ...commandArgs] =
    program.kind === 'server'
      ? [program.path, ...args]
      : [
          program.path,
          'run',
          '--rm',
          '--name',
          container,
          '--network',
          'host',
          IMAGE,
          'redis-server',
          ...args,
        ];
  const server = spawn(command, commandArgs, {
    cwd: folder,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const reaper = startReaper(program, server.pid ?? 0, container, folder);
  const ended = once(server, 'exit').then(() => {
    reaper.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  await ready(server, port);
  // A test process that forgets to stop its server ends all the same.
  for (const handle of [server, server.stdout, server.stderr]) (handle as ChildProcess).unref();
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.ref();
    if (program.kind === 'server') server.kill(signal);
    else
      await once(spawn(program.path, ['kill', '--signal', signal, container], { stdio: 'ignore' }), 'exit');
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: server.pid!,
    args,
    kill,
    stop: () => kill('SIGKILL'),
  };
}

function serverArgs(port: number, options: RedisOptions, folder: string): string[] {
  const file = join(folder, 'server.conf');
  if (options.config !== undefined) writeFileSync(file, options.config);
  const isTls = options.args?.includes('--tls-cert-file') ?? false;
  const args = [
    ...(options.config === undefined ? [] : [file]),
    ...(options.isSentinel === true ? ['--sentinel'] : []),
  ];
  args.push(...(isTls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]));
  args.push('--bind', '127.0.0.1', '--daemonize', 'no');
  if (options.isSentinel !== true) args.push('--save', '', '--appendonly', 'no');
  return [...args, ...(options.args ?? [])];
}

type RedisProgram = { readonly kind: 'server' | 'container'; readonly path: string };
let program: Promise<RedisProgram> | null = null;

function redisProgram(): Promise<RedisProgram> {
  program ??= findRedis();
  return program;
}

async function findRedis(): Promise<RedisProgram> {
  const found = await findOrInstall('redis-server', PACKAGES);
  if (typeof found === 'string') return { kind: 'server', path: found };
  const engine = await findContainerEngine();
  if (engine !== null) return { kind: 'container', path: engine };
  throw new Error(
    `These tests need a real Redis 6.2 or later, and there is none here: ${found.tried.join('; ')}; ` +
      'no container engine answers. Install redis-server, or start Docker or Podman.',
  );
}

/** Ends the server once this process is gone, even if it was killed: its end of the pipe then closes. */
function startReaper(by: RedisProgram, pid: number, container: string, folder: string): ChildProcess {
  const [script, ...args] =
    by.kind === 'server'
      ? ['cat >/dev/null; kill -9 "$1"; rm -rf "$2"', String(pid), folder]
      : ['cat >/dev/null; "$1" rm -f "$2"; rm -rf "$3"', by.path, container, folder];
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.unref();
  (reaper.stdin as unknown as { unref?: () => void }).unref?.();
  return reaper;
}

/** Resolves when the server says that it takes connections; what it says later is read and forgotten. */
function ready(server: ChildProcess, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => {
      reject(
        new Error(`redis-server on port ${port} ${why}: ${said.trim().split('\n').slice(-4).join(' / ')}`),
      );
    };
    const limit = setTimeout(() => fail('was not ready in time'), REDIS_START_LIMIT_MS - 5_000);
    const hear = (text: Buffer): void => {
      if (said.length < 100_000) said += text.toString('utf8');
      if (!/eady to accept connections|Sentinel ID is/.test(said)) return;
      clearTimeout(limit);
      resolve();
    };
    server.stdout!.on('data', hear);
    server.stderr!.on('data', hear);
    server.on('error', (error) => fail(`cannot be started (${error.message})`));
    server.on('exit', () => {
      clearTimeout(limit);
      fail('ended');
    });
  });
}

/** @returns a port that was free a moment ago, and the cluster bus's port to it free as well */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = PORTS_FROM + Math.floor(Math.random() * PORTS);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
  throw new Error(`no free port between ${PORTS_FROM} and ${PORTS_FROM + PORTS}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
