/** The servers that a benchmark measures: each a fresh process for each round, its CPU time and memory from /proc. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
const START_LIMIT_MS = 90_000;
const CLOCK_TICKS_PER_S = 100;
const PAGE_BYTES = 4_096;
const POLL_MS = 50;

export interface Contender {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** The port it listens on; null: it says `listening PORT` or `serves on URL`. */
  readonly port: number | null;
  /** Answers 200 once it is ready, where it does not say so. */
  readonly healthPath: string | null;
  /** Where it keeps its vector log: emptied before it starts, so that no round inherits a full one. */
  readonly spool: string | null;
}

export interface MeasuredServer {
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number | null;
  /** User and system time so far, with its child processes; null where there is no /proc. */
  cpuSeconds(): number | null;
  /** How long its first thread, which answers, was ready to run and did not; null where there is no /proc. */
  waitedSeconds(): number | null;
  /** Resident memory; null where there is no /proc. */
  residentBytes(): number | null;
  /** What the vector log says of the requests so far; null where there is none. */
  logged(): Promise<Logged | null>;
  /** The last of what it wrote to its outputs. */
  said(): string;
  stop(): Promise<void>;
}

/** Counts of requests. */
interface Logged {
  readonly records: number;
  /** Of these, answered before they were written, since the disk was slow. */
  readonly queued: number;
  readonly shed: number;
}

/** @param flags  of Node, such as --cpu-prof */
export function nodeContender(
  name: string,
  args: readonly string[],
  flags: readonly string[] = [],
): Contender {
  const all = ['--disable-warning=ExperimentalWarning', ...flags, ...args];
  return { name, program: process.execPath, args: all, port: null, healthPath: null, spool: null };
}

interface SidecarOptions {
  /** Such as `log.enabled=false`. */
  readonly settings?: readonly string[];
  /** Of Node, such as --cpu-prof. */
  readonly flags?: readonly string[];
  /** Another build's plumb.ts, and the Node that runs it. */
  readonly entry?: string;
  readonly program?: string;
}

/** In a closed loop at the highest rate requests wait for each other: none is refused for that. */
export const NO_HURRY = ['serve.deadlineMs=1000'];

/** `plumb serve` on a project, on free ports. */
export function sidecarContender(name: string, project: string, options: SidecarOptions = {}): Contender {
  const { settings = [], flags = [], entry = 'plumb.ts', program = process.execPath } = options;
  // Another build may not know the setting.
  const own = entry === 'plumb.ts' ? ['serve.drainMs=0'] : [];
  const all = ['serve.transport=uws', 'serve.port=0', 'serve.adminPort=0', ...own, ...settings];
  const sets = all.flatMap((setting) => ['--set', setting]);
  const contender = nodeContender(name, [entry, '-C', project, ...sets, 'serve'], flags);
  return { ...contender, program, spool: join(project, '.plumb', 'spool') };
}

/** @throws Error with what the server said when it ends or is not ready in time */
export async function startServer(contender: Contender): Promise<MeasuredServer> {
  if (contender.spool !== null) rmSync(contender.spool, { recursive: true, force: true });
  const child = spawn(contender.program, contender.args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-20_000)));
  }
  const limitMs = performance.now() + START_LIMIT_MS;
  while (performance.now() < limitMs && child.exitCode === null) {
    const ports = contender.healthPath === null ? portsOf(said) : await healthyPort(contender);
    if (ports !== null) return serverOf(child, ports, () => said);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  child.kill('SIGKILL');
  throw new Error(`${contender.name} did not start:\n${said}`);
}

interface Ports {
  readonly port: number;
  readonly adminPort: number | null;
}

function portsOf(said: string): Ports | null {
  const found =
    /listening (\d+)|serves on http:\/\/127\.0\.0\.1:(\d+) .*admin on http:\/\/127\.0\.0\.1:(\d+)/.exec(said);
  if (found === null) return null;
  const admin = found[3];
  return {
    port: Number(found[1] ?? found[2]),
    adminPort: admin === undefined ? null : Number(admin),
  };
}

async function healthyPort({ port, healthPath }: Contender): Promise<Ports | null> {
  const answer = await fetch(`http://127.0.0.1:${port}${healthPath}`).catch(() => null);
  return answer?.status === 200 ? { port: port!, adminPort: null } : null;
}

function serverOf(child: ChildProcess, ports: Ports, said: () => string): MeasuredServer {
  return {
    ...ports,
    pid: child.pid!,
    said,
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    waitedSeconds() {
      const fields = procFile(child.pid!, 'schedstat');
      return fields === null ? null : Number(fields.split(' ')[1]) / 1e9;
    },
    residentBytes() {
      const fields = procFile(child.pid!, 'statm');
      return fields === null ? null : Number(fields.split(' ')[1]) * PAGE_BYTES;
    },
    logged: () => loggedBy(ports.adminPort),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function loggedBy(adminPort: number | null): Promise<Logged | null> {
  if (adminPort === null) return null;
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const of = (sample: string): number | null => {
    const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
    return line === undefined ? null : Number(line.slice(sample.length));
  };
  const records = of('plumbline_log_records_total');
  if (records === null) return null;
  const queued = of('plumbline_log_level_records_total{level="queued"}') ?? 0;
  return { records, queued, shed: of('plumbline_log_shed_records_total') ?? 0 };
}

/** With its child processes: Feast's server works in one. */
function cpuSecondsOf(pid: number): number | null {
  const fields = procFile(pid, 'stat');
  if (fields === null) return null;
  const numbers = fields.slice(fields.lastIndexOf(')') + 2).split(' ');
  const own = (Number(numbers[11]) + Number(numbers[12])) / CLOCK_TICKS_PER_S;
  const children = procFile(pid, `task/${pid}/children`)?.trim().split(' ') ?? [];
  return children.reduce((sum, child) => sum + (child === '' ? 0 : (cpuSecondsOf(Number(child)) ?? 0)), own);
}

function procFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
}

/** @returns a port of loopback that was free a moment ago */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
