/**
 * Containers without an engine, on Linux as root: each process has a network, mounts and a root of its own, made of
 * this machine's files. Services reach each other by name at their own ports, and nothing else reaches them.
 *
 *   const engine = await startEngine(['redis', 'web']);
 *   const web = await engine.run('web', { command: ['node', 'server.js'], user: 1_000, isReadOnly: true, ... });
 *   await web.exec(['wget', 'http://redis:6379'])      what it prints, and its exit code
 *   await engine.stop()
 *
 * The root is an overlay over `/`: what a container writes is in memory and ends with it. A process never outlives the
 * test's. What only a real engine shows is not shown: the base images, limits of memory, restarts.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../until.ts';

const execute = promisify(execFile);
/** Of the private network, which no other machine is in. */
const NETWORK = '10.89.7';
const FIRST_HOST = 10;
const ROOT = '/mnt/root';
/** As images have it. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const SAID_CHARS = 20_000;

export interface ContainerOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** Root unless given. */
  readonly user?: number;
  readonly isReadOnly?: boolean;
  readonly mounts?: readonly { readonly from: string; readonly to: string; readonly isReadOnly: boolean }[];
  /** Folders in memory that may be written. */
  readonly tmpfs?: readonly string[];
  /** Path in the root -> text of a program. */
  readonly programs?: Readonly<Record<string, string>>;
}

interface Said {
  readonly code: number;
  readonly output: string;
}

export interface Container {
  /** Runs one more command in it, as its user. */
  exec(command: readonly string[]): Promise<Said>;
  /** Its exit code; null: ended by a signal. */
  readonly ended: Promise<number | null>;
  isOver(): boolean;
  /** What it printed last. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface Engine {
  run(name: string, options: ContainerOptions): Promise<Container>;
  stop(): Promise<void>;
}

/** @throws Error where this machine makes no namespaces: not Linux, or not root */
export async function startEngine(names: readonly string[]): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-engine-'));
  const hosts = join(folder, 'hosts');
  const lines = names.map((name, i) => `${NETWORK}.${FIRST_HOST + i} ${name}\n`);
  writeFileSync(hosts, `127.0.0.1 localhost\n::1 localhost\n${lines.join('')}`);
  const bridge = await startBridge();
  const running = new Set<ChildProcess>();
  return {
    async run(name, options) {
      const at = `${NETWORK}.${FIRST_HOST + names.indexOf(name)}`;
      const child = spawn(
        'unshare',
        ['--net', '--mount', '--uts', 'sh', '-ec', scriptOf(name, options, hosts)],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
          env: { PATH, ...options.env },
        },
      );
      running.add(child);
      const container = containerOf(child, options);
      void container.ended.then(() => running.delete(child));
      await connect(bridge, { pid: child.pid!, name: `v${names.indexOf(name)}`, at });
      return container;
    },
    async stop() {
      const all = [...running, bridge];
      const ended = all.map((one) => once(one, 'close'));
      for (const one of all) end(one, 'SIGKILL');
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A network with a switch in it, that of no service. */
async function startBridge(): Promise<ChildProcess> {
  const script =
    'ip link set lo up; ip link add plumb type bridge; ip link set plumb up; echo ready; exec setpriv --pdeathsig KILL sleep infinity';
  const bridge = spawn('unshare', ['--net', 'sh', '-ec', script], { detached: true });
  let said = '';
  bridge.stderr.on('data', (text: Buffer) => (said += text.toString('utf8')));
  const [heard] = await Promise.race([once(bridge.stdout, 'data'), once(bridge, 'close')]);
  if (!Buffer.isBuffer(heard)) throw new Error(`these tests need namespaces, and here are none: ${said}`);
  return bridge;
}

interface Cable {
  readonly pid: number;
  readonly name: string;
  readonly at: string;
}

/** A cable from the switch into the container's network: the container waits for its address. */
async function connect(bridge: ChildProcess, { pid, name, at }: Cable): Promise<void> {
  const inBridge = (words: string): Promise<unknown> =>
    execute('nsenter', ['--net', '-t', String(bridge.pid), ...words.split(' ')]);
  const own = (await execute('readlink', ['/proc/self/ns/net'])).stdout;
  const isApart = async (): Promise<boolean> =>
    (await execute('readlink', [`/proc/${pid}/ns/net`])).stdout !== own;
  await until(isApart, 'a container has a network of its own');
  await inBridge(`ip link delete ${name}`).catch(() => {});
  await inBridge(`ip link add ${name} type veth peer name eth0 netns ${pid}`);
  await inBridge(`ip link set ${name} master plumb up`);
  const words = `ip address add ${at}/24 dev eth0`;
  await execute('nsenter', ['--net', '-t', String(pid), ...words.split(' ')]);
}

/** Makes the root and the network, then becomes the command. */
function scriptOf(name: string, options: ContainerOptions, hosts: string): string {
  const { command, mounts = [], tmpfs = [], programs = {}, isReadOnly = false } = options;
  const folder = (path: string): string => `mkdir -p ${quoted(ROOT + path)}`;
  return [
    `echo ${name} > /proc/sys/kernel/hostname`,
    'mount --make-rprivate /',
    'mount -t tmpfs -o mode=755 tmpfs /mnt',
    'mkdir /mnt/upper /mnt/work /mnt/root',
    `mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay ${ROOT}`,
    `mount --rbind /dev ${ROOT}/dev`,
    `mount --rbind /proc ${ROOT}/proc`,
    `mount --bind ${quoted(hosts)} ${ROOT}/etc/hosts`,
    ...Object.entries(programs).flatMap(([path, text]) => [
      folder(join(path, '..')),
      `printf %s ${quoted(text)} > ${quoted(ROOT + path)}`,
      `chmod 755 ${quoted(ROOT + path)}`,
    ]),
    ...tmpfs.flatMap((path) => [folder(path), `mount -t tmpfs -o mode=1777 tmpfs ${quoted(ROOT + path)}`]),
    ...mounts.flatMap(({ from, to, isReadOnly: isShut }) => [
      `if [ -d ${quoted(from)} ]; then ${folder(to)}; else ${folder(join(to, '..'))}; touch ${quoted(ROOT + to)}; fi`,
      `mount --bind ${quoted(from)} ${quoted(ROOT + to)}`,
      ...(isShut ? [`mount -o remount,ro,bind ${quoted(ROOT + to)}`] : []),
    ]),
    folder(options.workdir ?? '/'),
    ...(isReadOnly ? [`mount -o remount,ro ${ROOT}`] : []),
    'until ip -4 address show dev eth0 2>/dev/null | grep -q inet; do sleep 0.05; done',
    'ip link set lo up; ip link set eth0 up',
    `exec ${enter(options).map(quoted).join(' ')} ${command.map(quoted).join(' ')}`,
  ].join('\n');
}

/** @returns the words before a command that is to run in the root */
function enter({ user = 0, workdir = '/' }: ContainerOptions): string[] {
  const as = ['--reuid', String(user), '--regid', String(user), '--clear-groups', '--pdeathsig', 'KILL'];
  return ['chroot', ROOT, 'setpriv', ...as, 'env', '-C', workdir];
}

function containerOf(child: ChildProcess, options: ContainerOptions): Container {
  let said = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (text: Buffer) => (said = (said + text.toString('utf8')).slice(-SAID_CHARS)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    ended,
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    said: () => said,
    kill: (signal) => end(child, signal),
    async exec(command) {
      const words = ['--net', '--mount', '-t', String(child.pid), ...enter(options), ...command];
      const env = { PATH, ...options.env };
      const done = await execute('nsenter', words, { env }).then(
        ({ stdout }) => ({ code: 0, output: stdout }),
        (error: Error & { code?: number; stdout?: string; stderr?: string }) => {
          return { code: error.code ?? 1, output: `${error.stdout}${error.stderr}` };
        },
      );
      return done;
    },
  };
}

/** A container's command is the first of a group of its own. */
function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid!, signal);
  } catch {
    // It has ended.
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
