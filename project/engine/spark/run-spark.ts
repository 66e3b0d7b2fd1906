/**
 * Starts Spark for one job and waits for its end.
 *
 *   {spark.folder}/{name}-{id}/job.json   what runner.py does
 *   {spark.folder}/{name}-{id}.log        all that Spark and the runner said; kept
 *
 * Spark runs in client mode: the driver is a process of this machine, and what it says on stdout is heard here. A plumb
 * that ends takes its Spark along; one that is killed with SIGKILL does not, and what Spark then writes nobody reads.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createWriteStream, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Logger } from '../../../contract/std/logger.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import type { SparkSettings } from '../../settings/spark-settings.ts';
import { sparkError } from './errors.ts';
import type { SparkJob } from './spark-job.ts';

/** Where a job has its files while it runs, and its log afterwards. */
export interface SparkPlace {
  /** For what goes in and comes out; gone once the job is closed. */
  readonly folder: string;
  readonly log: string;
  /** Removes the folder. The log stays. */
  close(): void;
}

/** @param name  of the work, such as `train`: it stands in the names of folder and log */
export function openSparkPlace({ folder: home }: SparkSettings, name: string): SparkPlace {
  const folder = join(home, `${name}-${randomUUID()}`);
  makeFolder(folder);
  return { folder, log: `${folder}.log`, close: () => rmSync(folder, { recursive: true, force: true }) };
}

interface SparkWork {
  readonly job: SparkJob;
  readonly place: SparkPlace;
  readonly logger: Logger;
  /** By the name of an output, what people are told that Spark does. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What the runner says. */
interface Said {
  readonly step?: string;
  readonly done?: number;
  readonly total?: number;
  readonly written?: string;
  readonly rows?: number;
  readonly failed?: string;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const MARK = 'plumb ';
const RUNNER = join(import.meta.dirname, 'runner.py');

/**
 * @returns  by the name of each output how many rows it has
 * @throws   SPARK_START when Spark's program cannot be run, SPARK_FAILED when it fails; the log is named
 */
export async function runSpark(
  settings: SparkSettings,
  { job, place, logger, labels }: SparkWork,
): Promise<ReadonlyMap<string, number>> {
  const file = join(place.folder, 'job.json');
  writeFileSync(file, job.toJson());
  const log = createWriteStream(place.log);
  const written = new Map<string, number>();
  let failed: string | null = null;
  logger.info(`starting Spark; its log is ${place.log}`);
  const child = spawn(settings.command, argumentsOf(settings, file), { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = endsWithUs(child);
  try {
    const ended = endOf(child, settings);
    child.stderr.pipe(log, { end: false });
    for await (const line of createInterface({ input: child.stdout })) {
      log.write(`${line}\n`);
      if (!line.startsWith(MARK)) continue;
      const said = JSON.parse(line.slice(MARK.length)) as Said;
      if (said.step !== undefined)
        logger.progress(labels[said.step] ?? said.step, said.done!, said.total!, 'tasks');
      if (said.written !== undefined) {
        logger.progress(labels[said.written] ?? said.written, 1, 1);
        written.set(said.written, said.rows!);
      }
      failed = said.failed ?? failed;
    }
    const code = await ended;
    if (failed === null && code === 0 && written.size === job.steps.length) return written;
    const why = failed ?? `it ended with ${code} before it had done its work`;
    throw sparkError('SPARK_FAILED', `Spark failed: ${cut(why)} (log: ${place.log})`, { file: place.log });
  } finally {
    stop();
    await closed(log);
  }
}

/** Ends the child when this process ends, by a signal too. @returns ends it now, and forgets it */
function endsWithUs(child: ChildProcess): () => void {
  const end = (): void => void child.kill();
  const onSignal = (signal: NodeJS.Signals): void => {
    stop();
    // Without a listener it now does what it does by default.
    process.kill(process.pid, signal);
  };
  const stop = (): void => {
    process.off('exit', end);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    end();
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

function argumentsOf({ master, conf }: SparkSettings, job: string): string[] {
  const options = Object.entries(conf).flatMap(([name, value]) => ['--conf', `${name}=${value}`]);
  return [...(master === null ? [] : ['--master', master]), ...options, RUNNER, job];
}

/** @returns the exit code, or the signal that ended it. @throws SPARK_START */
function endOf(child: ChildProcess, { command }: SparkSettings): Promise<number | string> {
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', (error) => {
      reject(
        sparkError(
          'SPARK_START',
          `${command} cannot be run: ${error.message}`,
          { field: 'spark.command' },
          error,
        ),
      );
    });
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'));
  });
  // It is waited for once stdout has ended; a failure before that is no unhandled one.
  ended.catch(() => {});
  return ended;
}

function cut(sentence: string): string {
  return sentence.length <= 300 ? sentence : `${sentence.slice(0, 300)} ...`;
}

function closed(log: WriteStream): Promise<void> {
  return new Promise((resolve) => log.end(() => resolve()));
}
