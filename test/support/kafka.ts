/**
 * A real Kafka for a test, one KRaft node: `const kafka = await startKafka()` ... `await kafka.stop()`.
 *
 *   kafka.brokers      ['127.0.0.1:PORT'], for settings and clients; the port stays through restarts
 *   kafka.kill()       SIGKILL: the broker dies as in a power cut of its machine
 *   kafka.restart()    starts it again on its own data, after a kill or in an orderly way when it runs
 *   kafka.pause()      SIGSTOP: connections stay open, nothing answers; resume() goes on
 *
 * Empty, on loopback, with its own folder; topics must be made (`kafka-topic.ts`). A broker never outlives the test's
 * process, however that ends. The first call may fetch Kafka (kafka-program.ts): give the hook that calls it
 * KAFKA_START_LIMIT_MS.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kafkaProgram } from './kafka-program.ts';
import type { KafkaProgram } from './kafka-program.ts';
import { freePort } from './redis.ts';

const run = promisify(execFile);

export const KAFKA_START_LIMIT_MS = 300_000;

const READY_LIMIT_MS = 90_000;
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
const STARTED = ['-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info'];

export interface KafkaOptions {
  /** What clients speak to it; PLAINTEXT unless given. */
  readonly protocol?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** More of its server.properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Credentials to begin with, e.g. `SCRAM-SHA-256=[name=alice,password=secret]`. */
  readonly scram?: readonly string[];
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
  const program = await kafkaProgram();
  const folder = mkdtempSync(join(tmpdir(), 'plumb-kafka-'));
  const ports = { clients: await freePort(), controller: await freePort(), own: await freePort() };
  const config = join(folder, 'server.properties');
  writeFileSync(config, properties(folder, ports, options));
  await format(program, config, options);
  let broker = await startBroker(program, folder, config);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const { process: server } = broker;
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.ref();
    const ended = once(server, 'exit');
    server.kill('SIGCONT');
    server.kill(signal);
    await ended;
    broker.reaper.kill('SIGKILL');
  };
  return {
    brokers: [`127.0.0.1:${ports.clients}`],
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      broker = await startBroker(program, folder, config);
    },
    pause: () => void broker.process.kill('SIGSTOP'),
    resume: () => void broker.process.kill('SIGCONT'),
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
  { java, classPath }: KafkaProgram,
  config: string,
  options: KafkaOptions,
): Promise<void> {
  const credentials = (options.scram ?? []).flatMap((entry) => ['--add-scram', entry]);
  const tool = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config, ...credentials];
  await run(java, [...JVM, ...TALK, '-cp', classPath, ...tool]);
}

interface Broker {
  readonly process: ChildProcess;
  readonly reaper: ChildProcess;
}

async function startBroker(
  { java, classPath }: KafkaProgram,
  folder: string,
  config: string,
): Promise<Broker> {
  const server = spawn(java, [...JVM, ...TALK, ...STARTED, '-cp', classPath, 'kafka.Kafka', config], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const reaper = startReaper(server.pid ?? 0, folder);
  try {
    await ready(server);
  } catch (error) {
    reaper.kill('SIGKILL');
    server.kill('SIGKILL');
    throw error;
  }
  // A test process that forgets to stop its broker ends all the same.
  for (const handle of [server, server.stdout, server.stderr]) (handle as ChildProcess).unref();
  return { process: server, reaper };
}

/** Ends the broker once this process is gone, even if it was killed: its end of the pipe then closes. */
function startReaper(pid: number, folder: string): ChildProcess {
  const script = 'cat >/dev/null; kill -9 "$1"; rm -rf "$2"';
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', String(pid), folder], {
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
      if (said.length < 100_000) said += text.toString('utf8');
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
