/**
 * The Spark of one command: started with its first job, kept for those that follow, since a start takes ten seconds of
 * a processor and more.
 *
 *   {spark.folder}/{name}-{id}/        of one job: what goes in and comes out
 *   {spark.folder}/{name}-{id}.log     all that Spark and runner.py said; kept
 *   socket in a folder of its own      jobs go to runner.py as lines; where it is closed, Spark ends
 *
 *        run                 all outputs are whole
 *   idle ----> busy ----------------------------------> idle ----> ... ----close----> ended
 *                 `--failed, or Spark has ended--> none; the next job starts another
 *
 * Spark runs in client mode: the driver is a process of this machine, and what it says on stdout is heard here. A plumb
 * that ends takes its Spark along. Where it is killed with SIGKILL, Spark ends with the job that it is at: the socket
 * is closed then.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from '../../../contract/std/logger.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import type { SparkSettings } from '../../settings/spark-settings.ts';
import { sparkError } from './errors.ts';
import type { SparkJob } from './spark-job.ts';

/** Where a job has its files. */
export interface SparkPlace {
  /** For what goes in and comes out. */
  readonly folder: string;
  /** Removes it. */
  close(): void;
}

interface SparkWork {
  readonly job: SparkJob;
  /** By the name of an output, what people are told that Spark does. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What the runner says. */
interface Said {
  readonly step?: string;
  readonly done?: number;
  readonly total?: number;
  readonly written?: string;
  readonly failed?: string;
}

/** A job that is under way. */
interface Awaited extends SparkWork {
  readonly written: Set<string>;
  done(): void;
  failed(error: Error): void;
}

/** A Spark that was started. */
interface Started {
  send(job: SparkJob): void;
  /** Resolves when it is gone and its log is written. */
  readonly ended: Promise<void>;
  /** @param isNow  whether it is not asked to, but killed */
  end(isNow: boolean): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const MARK = 'plumb ';
const RUNNER = join(import.meta.dirname, 'runner.py');

export class SparkSession {
  readonly #settings: SparkSettings;
  readonly #logger: Logger;
  readonly #name: string;
  #started: Started | null = null;
  #awaited: Awaited | null = null;

  /**
   * Starts nothing yet.
   * @param name  of the work, such as `train`: it stands in the names of folders and logs
   */
  constructor(settings: SparkSettings, logger: Logger, name: string) {
    this.#settings = settings;
    this.#logger = logger;
    this.#name = name;
  }

  openPlace(): SparkPlace {
    const folder = this.#path();
    makeFolder(folder);
    return { folder, close: () => rmSync(folder, { recursive: true, force: true }) };
  }

  /**
   * Resolves when all outputs are whole. One job after the other.
   *
   * @throws   SPARK_START when Spark's program cannot be run, SPARK_FAILED when it fails; the log is named
   */
  async run(work: SparkWork): Promise<void> {
    if (this.#awaited !== null) throw new Error('Spark is at another job');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#awaited = { ...work, written: new Set(), done: resolve, failed: reject };
    try {
      this.#started ??= await this.#start();
      this.#started.send(work.job);
      await promise;
    } catch (error) {
      await this.#end(true);
      throw error;
    } finally {
      this.#awaited = null;
    }
  }

  /** Ends Spark. */
  async close(): Promise<void> {
    await this.#end(false);
  }

  async #end(isNow: boolean): Promise<void> {
    const started = this.#started;
    this.#started = null;
    started?.end(isNow);
    await started?.ended;
  }

  #path(): string {
    return join(this.#settings.folder, `${this.#name}-${randomUUID()}`);
  }

  async #start(): Promise<Started> {
    const log = `${this.#path()}.log`;
    makeFolder(this.#settings.folder);
    this.#logger.info(`starting Spark; its log is ${log}`);
    const link = await JobLink.open();
    // Before there is one: what happens in between ends it, too.
    const forget = endsWithUs(() => {
      child.kill();
      link.close();
    });
    const child = spawn(this.#settings.command, argumentsOf(this.#settings, link.path), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const started: Started = {
      send: (job) => link.send(job.toJson()),
      ended: this.#hear(child, log).then((error) => {
        forget();
        link.close();
        // One that has ended between two jobs is not asked again.
        if (this.#started === started) this.#started = null;
        this.#awaited?.failed(error);
      }),
      end(isNow) {
        link.close();
        if (isNow) child.kill();
      },
    };
    return started;
  }

  /** Listens until Spark has ended. @returns why a job would have failed by that */
  async #hear(child: ChildProcess, log: string): Promise<Error> {
    const file = createWriteStream(log);
    const ended = endOf(child, this.#settings);
    child.stderr!.pipe(file, { end: false });
    for await (const line of createInterface({ input: child.stdout! })) {
      file.write(`${line}\n`);
      if (line.startsWith(MARK)) this.#said(JSON.parse(line.slice(MARK.length)) as Said, log);
    }
    const how = await ended;
    await new Promise<void>((resolve) => file.end(() => resolve()));
    return how instanceof Error ? how : failure(`it ended with ${how} before it had done its work`, log);
  }

  #said({ step, done, total, written, failed }: Said, log: string): void {
    const awaited = this.#awaited;
    if (awaited === null) return;
    const labelOf = (name: string): string => awaited.labels[name] ?? name;
    if (step !== undefined) this.#logger.progress(labelOf(step), done!, total!, 'tasks');
    if (failed !== undefined) awaited.failed(failure(failed, log));
    if (written === undefined) return;
    this.#logger.progress(labelOf(written), 1, 1);
    awaited.written.add(written);
    if (awaited.written.size === awaited.job.steps.length) awaited.done();
  }
}

/** The way of jobs to runner.py: lines over a socket that others of this machine cannot reach. */
class JobLink {
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #waiting: string[] = [];
  #socket: Socket | null = null;

  static async open(): Promise<JobLink> {
    // Not beside the jobs: the path of a socket has 107 bytes at most.
    const link = new JobLink(mkdtempSync(join(tmpdir(), 'plumb-spark-')));
    link.#server.listen(link.path);
    await once(link.#server, 'listening');
    return link;
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'jobs');
    this.#server = createServer((socket) => {
      this.#socket = socket;
      // One that breaks is told of by the end of Spark.
      socket.on('error', () => {});
      for (const line of this.#waiting.splice(0)) socket.write(line);
    });
  }

  send(job: string): void {
    const line = `${job}\n`;
    if (this.#socket === null) this.#waiting.push(line);
    else this.#socket.write(line);
  }

  close(): void {
    this.#server.close();
    this.#socket?.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Calls `end` when this process ends, by a signal too. @returns forgets it */
function endsWithUs(end: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    stop();
    end();
    // Without a listener it now does what it does by default.
    process.kill(process.pid, signal);
  };
  const stop = (): void => {
    process.off('exit', end);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  process.once('exit', end);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return stop;
}

/** @returns the files of an output, sorted */
export function sparkFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.parquet'));
  return names.toSorted().map((name) => join(folder, name));
}

function argumentsOf({ master, conf }: SparkSettings, link: string): string[] {
  const options = Object.entries(conf).flatMap(([name, value]) => ['--conf', `${name}=${value}`]);
  return [...(master === null ? [] : ['--master', master]), ...options, RUNNER, link];
}

/** @returns the exit code, or the signal that ended it, or SPARK_START */
function endOf(child: ChildProcess, { command }: SparkSettings): Promise<number | string | Error> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      const why = `${command} cannot be run: ${error.message}`;
      resolve(sparkError('SPARK_START', why, { field: 'spark.command' }, error));
    });
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
}

function failure(why: string, log: string): Error {
  return sparkError('SPARK_FAILED', `Spark failed: ${cut(why)} (log: ${log})`, { file: log });
}

function cut(sentence: string): string {
  return sentence.length <= 300 ? sentence : `${sentence.slice(0, 300)} ...`;
}
