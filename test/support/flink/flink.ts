/**
 * A real Apache Flink for a test: a cluster in one process of Java that runs the statements of a file.
 *
 *   const flink = await startFlink({ sql, checkpoints })    resolves once the job is handed over
 *   await flink.kill()                                      SIGKILL: it dies as in a power cut of its machine
 *
 * Started again with the same folder of checkpoints it goes on from the newest. Its jars come from Maven Central, once
 * a machine; it takes a Java with its compiler, of version 17.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findJava } from '../kafka/kafka-program.ts';
import { mavenJars } from '../kafka/maven-jars.ts';
import { findOrInstall } from '../processes/system-package.ts';

export const FLINK_START_LIMIT_MS = 600_000;

const FLINK_VERSION = '2.2.0';
const COMPILER = { 'apt-get': 'default-jdk-headless', dnf: 'java-21-openjdk-devel', apk: 'openjdk21-jdk' };
const FLINK = [
  'flink-clients',
  'flink-streaming-java',
  'flink-table-api-java-bridge',
  'flink-table-planner-loader',
  'flink-table-runtime',
  'flink-connector-files',
  'flink-json',
  'flink-statebackend-rocksdb',
];
const LIBRARIES = [
  ...FLINK.map((artifact) => ({ group: 'org.apache.flink', artifact, version: FLINK_VERSION })),
  { group: 'org.apache.flink', artifact: 'flink-sql-connector-kafka', version: '4.0.1-2.0' },
  { group: 'org.slf4j', artifact: 'slf4j-simple', version: '1.7.36' },
];
const OPENED = ['lang', 'util', 'time', 'nio', 'util.concurrent'];
const SAID_CHARS = 20_000;
const PROGRAM = join(import.meta.dirname, 'SqlJob.java');

export interface FlinkJob {
  /** Ends it at once; again is no error. */
  kill(): Promise<void>;
  /** Resolves when it has ended by itself. @throws Error with what it said, where it failed */
  ended(): Promise<void>;
  /** What it printed so far. */
  said(): string;
}

interface FlinkOptions {
  /** A folder for the statements and the checkpoints, empty at the first start. */
  readonly folder: string;
  readonly sql: string;
  readonly configuration?: Readonly<Record<string, string>>;
}

/** @throws Error with one sentence when this machine has no Flink and no way to get one */
export async function startFlink({ folder, sql, configuration = {} }: FlinkOptions): Promise<FlinkJob> {
  const jars = await flinkJars();
  const file = join(folder, 'job.sql');
  writeFileSync(file, sql);
  const newest = newestCheckpoint(folder);
  const all = {
    'parallelism.default': '2',
    'state.backend.type': 'rocksdb',
    'execution.checkpointing.storage': 'filesystem',
    'execution.checkpointing.dir': `file://${folder}/checkpoints`,
    'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
    'execution.checkpointing.num-retained': '2',
    ...(newest === null ? {} : { 'execution.state-recovery.path': `file://${newest}` }),
    ...configuration,
  };
  const open = OPENED.map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`);
  const talk = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
  const entries = Object.entries(all).map(([name, value]) => `${name}=${value}`);
  const args = [
    '-Xmx1g',
    '-XX:+UseSerialGC',
    ...open,
    talk,
    '-cp',
    join(jars, '*'),
    PROGRAM,
    file,
    ...entries,
  ];
  const log = openSync(join(folder, 'flink.log'), 'w');
  const child = spawn('java', args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const said = (): string => readFileSync(join(folder, 'flink.log'), 'utf8').slice(-SAID_CHARS);
  const exit = once(child, 'exit');
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  // A test process that is killed leaves no cluster behind.
  const reaper = spawn('/bin/sh', ['-c', 'cat >/dev/null; kill -9 "$1"', 'reaper', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.unref();
  (reaper.stdin as unknown as { unref?: () => void }).unref?.();
  return {
    async kill() {
      if (!isOver()) child.kill('SIGKILL');
      await exit;
      reaper.kill('SIGKILL');
    },
    async ended() {
      await exit;
      reaper.kill('SIGKILL');
      if (child.exitCode !== 0) throw new Error(`Flink ended: ${said()}`);
    },
    said: () => (isOver() ? `(ended) ${said()}` : said()),
  };
}

async function flinkJars(): Promise<string> {
  const compiler = await findOrInstall('javac', COMPILER);
  const java = await findJava();
  const jars = await mavenJars(`flink-${FLINK_VERSION}`, LIBRARIES);
  if (typeof compiler === 'string' && java !== null && typeof jars === 'string') return jars;
  const tried = typeof jars === 'string' ? [] : jars.tried;
  throw new Error(
    `These tests need Apache Flink ${FLINK_VERSION}, and there is none here: ${[...tried, 'or no Java 17 with javac'].join('; ')}. ` +
      'Install a JDK of version 17 and Maven, and let Maven reach Maven Central or a mirror of it.',
  );
}

/** @returns the folder of the newest checkpoint that is whole; null: there is none */
export function newestCheckpoint(folder: string): string | null {
  const root = join(folder, 'checkpoints');
  if (!existsSync(root)) return null;
  const whole = readdirSync(root)
    .flatMap((job) => readdirSync(join(root, job)).map((name) => join(root, job, name)))
    .filter((path) => /chk-\d+$/.test(path) && existsSync(join(path, '_metadata')))
    .map((path) => ({ path, ms: statSync(join(path, '_metadata')).mtimeMs }));
  return whole.toSorted((a, b) => b.ms - a.ms)[0]?.path ?? null;
}
