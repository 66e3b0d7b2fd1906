/**
 * A real Kafka for a test, one KRaft node: `const kafka = await startKafka()` ... `await kafka.stop()`.
 *
 *   kafka.brokers      ['127.0.0.1:PORT'], for settings and clients; the port stays through restarts
 *   kafka.kill()       SIGKILL: the broker dies as in a power cut of its machine
 *   kafka.restart()    starts it again on its own data, after a kill or in an orderly way when it runs
 *   kafka.pause()      SIGSTOP: connections stay open, nothing answers; resume() goes on
 *
 * Empty, on loopback, with its own folder; topics must be made (`kafka-topic.ts`). A broker never outlives the test's
 * process, however that ends. It runs on this machine's Java or in a container, whichever can be had; the first call
 * may fetch it (kafka-program.ts): give the hook that calls it KAFKA_START_LIMIT_MS.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { javaCommand, kafkaProgram } from './kafka-program.ts';
import type { KafkaProgram } from './kafka-program.ts';
import { freePort } from '../redis/redis.ts';

const run = promisify(execFile);

export const KAFKA_START_LIMIT_MS = 300_000;

const READY_LIMIT_MS = 280_000;
const SAID_CHARS = 20_000;
const CLUSTER_ID = 'cGx1bWJsaW5lLXRlc3RzMQ';
// A broker of a test lives for seconds: the JVM's second compiler would only take the tests' processor time.
const JVM = [
  '-Xmx512m',
  '-Xms128m',
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-Djava.awt.headless=true',
];
const TALK = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];
// That it has started is said at level info: to slf4j-simple of the jars, to log4j2 of the image.
const STARTED = [
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  '-Dorg.apache.logging.log4j.level=INFO',
];

interface KafkaOptions {
  /** What clients speak to it; PLAINTEXT unless given. */
  readonly protocol?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** More of its server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Credentials to begin with, e.g. `SCRAM-SHA-256=[name=alice,password=secret]`. */
  readonly scram?: readonly string[];
  /** Where the files lie that its properties name. */
  readonly files?: string;
  /** What runs it; what this machine has unless given. */
  readonly program?: KafkaProgram;
}

export interface KafkaServer {
  readonly brokers: readonly string[];
  /** Ends the broker at once; resolves when it has ended. */
  kill(): Promise<void>;
  /** Starts it again on its own data and resolves when it takes requests. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends the broker and removes its folder; again is no error. */
  stop(): Promise<void>;
}

/** @throws Error with one sentence when this machine has no Kafka and no way to get one */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const program = options.program ?? (await kafkaProgram());
  const folder = mkdtempSync(join(tmpdir(), 'plumb-kafka-'));
  const ports = { clients: await freePort(), controller: await freePort(), own: await freePort() };
  const config = join(folder, 'server.properties');
  writeFileSync(config, properties(folder, ports, options));
  await format(program, folder, config, options);
  const folders = [folder, ...(options.files === undefined ? [] : [options.files])] as const;
  let broker = await startBroker(program, folders, config);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const { process: server, reaper } = broker;
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.ref();
    const ended = once(server, 'exit');
    broker.signal('SIGCONT');
    broker.signal(signal);
    await ended;
    reaper.kill('SIGKILL');
  };
  return {
    brokers: [`127.0.0.1:${ports.clients}`],
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      broker = await startBroker(program, folders, config);
    },
    pause: () => broker.signal('SIGSTOP'),
    resume: () => broker.signal('SIGCONT'),
    async stop() {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Ports {
  readonly clients: number;
  readonly controller: number;
  /** What the broker says to itself goes in the clear, whatever its clients speak. */
  readonly own: number;
}

function properties(folder: string, ports: Ports, options: KafkaOptions): string {
  const { protocol = 'PLAINTEXT' } = options;
  const clients = `CLIENTS://127.0.0.1:${ports.clients}`;
  const controller = `127.0.0.1:${ports.controller}`;
  const own = `OWN://127.0.0.1:${ports.own}`;
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${controller}`,
    listeners: `${clients},CONTROLLER://${controller},${own}`,
    'advertised.listeners': `${clients},${own}`,
    'listener.security.protocol.map': `CLIENTS:${protocol},CONTROLLER:PLAINTEXT,OWN:PLAINTEXT`,
    'inter.broker.listener.name': 'OWN',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    // A broker that was killed may come back only when the controller has given up its last session.
    'broker.session.timeout.ms': '1500',
    'broker.heartbeat.interval.ms': '300',
    ...options.properties,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function format(
  program: KafkaProgram,
  folder: string,
  config: string,
  options: KafkaOptions,
): Promise<void> {
  const credentials = (options.scram ?? []).flatMap((entry) => ['--add-scram', entry]);
  const tool = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config, ...credentials];
  const [command, ...args] = javaCommand(program, 'java', [...JVM, ...TALK, ...tool], [folder]);
  await run(command, args);
}

interface Broker {
  /** The server's, or of the client that waits for its container. */
  readonly process: ChildProcess;
  readonly reaper: ChildProcess;
  signal(signal: NodeJS.Signals): void;
}

let starts = 0;

/** @param folders  its own first, then those of its files */
async function startBroker(
  program: KafkaProgram,
  folders: readonly [string, ...string[]],
  config: string,
): Promise<Broker> {
  const container = `plumb-kafka-${process.pid}-${++starts}`;
  const server = [...JVM, ...TALK, ...STARTED, 'kafka.Kafka', config];
  const [command, ...args] = javaCommand(program, 'java', server, folders, container);
  const child = spawn(command, args, { cwd: folders[0], stdio: ['ignore', 'pipe', 'pipe'] });
  const signal = (name: NodeJS.Signals): void => {
    if (program.kind === 'java') child.kill(name);
    else spawnSync(program.engine, ['kill', '--signal', name, container], { stdio: 'ignore' });
  };
  const reaper = startReaper(program, child.pid ?? 0, container, folders[0]);
  try {
    await ready(child);
  } catch (error) {
    signal('SIGKILL');
    child.kill('SIGKILL');
    reaper.kill('SIGKILL');
    throw error;
  }
  // A test process that forgets to stop its broker ends all the same.
  for (const handle of [child, child.stdout, child.stderr]) (handle as ChildProcess).unref();
  return { process: child, reaper, signal };
}

/** Ends the broker once this process is gone, even if it was killed: its end of the pipe then closes. */
function startReaper(by: KafkaProgram, pid: number, container: string, folder: string): ChildProcess {
  const [script, ...args] =
    by.kind === 'java'
      ? ['cat >/dev/null; kill -9 "$1"; rm -rf "$2"', String(pid), folder]
      : ['cat >/dev/null; "$1" rm -f "$2"; rm -rf "$3"', by.engine, container, folder];
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.unref();
  (reaper.stdin as unknown as { unref?: () => void }).unref?.();
  return reaper;
}

/** Resolves when the broker says that it has started; what it says later is read and forgotten. */
function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => {
      reject(new Error(`Kafka ${why}: ${said.trim().split('\n').slice(-6).join(' / ')}`));
    };
    const limit = setTimeout(() => fail('was not ready in time'), READY_LIMIT_MS);
    const hear = (text: Buffer): void => {
      said = (said + text.toString('utf8')).slice(-SAID_CHARS);
      if (!said.includes('Kafka Server started')) return;
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
