/**
 * A sidecar of its own process under load while something breaks:
 *
 *   const run = await FaultRun.start({ online: redis.url });   serving, hot entities cached
 *   await run.calm();                                          answers without a fault
 *   run.breaks();
 *   await redis.kill('SIGSTOP');
 *   await run.answers(2);                                      seconds' worth of answers
 *   await redis.kill('SIGCONT');
 *   run.mended();
 *   const report = await run.end();                            waits until it is back, stops, reads the log
 *   expect(report.broken).toEqual([]);
 *
 * What must hold is judged by `fault-report.ts`. Rows are those of a benchmark's project, so that every value can be
 * computed from its customer's id.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { nodeContender, sidecarContender, startServer } from '../../../benchmarks/harness/contender.ts';
import type { MeasuredServer } from '../../../benchmarks/harness/contender.ts';
import {
  BENCH_KEY,
  BENCH_SERVICE,
  fillBenchStore,
  makeBenchProject,
} from '../../../benchmarks/harness/project.ts';
import type { BenchShape } from '../../../benchmarks/harness/project.ts';
import { loadSettings } from '../../../project/settings/settings.ts';
import type { FaultJob, FaultLine } from './fault-client.ts';
import { FAULT_CUSTOMERS, FAULT_DEADLINE_MS, FAULT_VIEWS, isLate } from './fault-load.ts';
import { judgeRun } from './fault-report.ts';
import type { FaultReport } from './fault-report.ts';
import { IS_LONG_RUN } from '../long-run.ts';
import { QUIET_NODE } from '../processes/plumb-process.ts';
import { until } from '../until.ts';

/** Longer waits are made of such: `until` has a limit. */
const PIECE_S = 5;
/** Shorter than any fault, so that cached rows go stale in it: then they stand in while the store fails. */
const FRESH_MS = 1_000;
const HOT = 10;
const ABSENT = 1_000_000;
/** Of one broken node of three it would be a wonder if it did not show in so many answers. */
const ANSWERS_TO_TELL = 50;
/** Modest: a machine that is shared with others must not be overloaded by this alone. */
const PER_SECOND = 100;

interface FaultOptions {
  readonly online: string;
  /** Entities asked for once each, in this order, after the hot ones; all customers unless given. */
  readonly cold?: readonly number[];
  /** As `log.onFull=reject`. */
  readonly settings?: readonly string[];
  /** Of the sidecar's Node. */
  readonly flags?: readonly string[];
  /** What a disk that is full may cost: answers that are not in the log, which tells of them, or refused requests. */
  readonly onFull?: 'shed-log' | 'reject';
  /** The share of requests whose connection may be lost; none unless given. */
  readonly mayLose?: number;
  /** Called when the rows are written and before the sidecar starts. */
  readonly prepare?: (folder: string) => Promise<void>;
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export class FaultRun {
  readonly folder: string;
  readonly server: MeasuredServer;
  readonly #options: FaultOptions;
  readonly #client: ChildProcess;
  readonly #lines: FaultLine[] = [];
  #calmMs = 0;
  #brokeMs = 0;
  #mendedMs = 0;

  /** Returns once hot entities are cached and answers are whole. The run ends with the test at the latest. */
  static async start(options: FaultOptions): Promise<FaultRun> {
    const folder = await makeBenchProject(shapeOf(options));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { settings, flags } = options;
    await options.prepare?.(folder);
    const sets = [
      `serve.deadlineMs=${FAULT_DEADLINE_MS}`,
      `serve.cacheFreshMs=${FRESH_MS}`,
      ...(settings ?? []),
    ];
    const sidecar = sidecarContender('sidecar', folder, { settings: sets, ...(flags && { flags }) });
    const server = await startServer(sidecar);
    onTestFinished(() => server.stop());
    const program = 'test/support/http/timed-answer.ts';
    const control = await startServer(nodeContender('control', [program, String(FAULT_DEADLINE_MS)]));
    onTestFinished(() => control.stop());
    const run = new FaultRun(folder, server, control, options);
    await run.#whole(0);
    return run;
  }

  private constructor(
    folder: string,
    server: MeasuredServer,
    control: MeasuredServer,
    options: FaultOptions,
  ) {
    this.folder = folder;
    this.server = server;
    this.#options = options;
    const program = join(import.meta.dirname, 'fault-client.ts');
    this.#client = spawn(process.execPath, [QUIET_NODE, program], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void this.#client.kill('SIGKILL'));
    const hot = Array.from({ length: HOT }, (_, i) => i + 1);
    const all = Array.from({ length: FAULT_CUSTOMERS - HOT }, (_, i) => HOT + i + 1);
    const job: FaultJob = {
      port: server.port,
      controlPort: control.port,
      perSecond: PER_SECOND,
      service: BENCH_SERVICE,
      key: BENCH_KEY,
      hot,
      cold: options.cold ?? all,
      absent: Array.from({ length: 5_000 }, (_, i) => ABSENT + i),
    };
    this.#client.stdin!.write(`${JSON.stringify(job)}\n`);
    createInterface({ input: this.#client.stdout! }).on('line', (line) =>
      this.#lines.push(JSON.parse(line) as FaultLine),
    );
  }

  /** A second of answers without a fault. */
  async calm(seconds = 1): Promise<void> {
    this.#calmMs = nowMs();
    await this.answers(seconds);
  }

  /** What follows is the fault's doing. */
  breaks(): void {
    this.#brokeMs = nowMs();
  }

  /** The store itself, or the disk, is well again. */
  mended(): void {
    this.#mendedMs = nowMs();
  }

  /** Waits for as many answers as are due in so many seconds. */
  async answers(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= PIECE_S) {
      const enough = this.#lines.length + 2 * Math.min(left, PIECE_S) * PER_SECOND;
      await until(() => this.#lines.length >= enough, 'answers come');
    }
  }

  /** Writes rows and markers again, as a materializer does that finds the markers gone. */
  refill(): Promise<void> {
    return fillBenchStore(this.folder, shapeOf(this.#options));
  }

  /** Waits until the sidecar is back, ends the load, stops the sidecar and judges. */
  async end(): Promise<FaultReport> {
    const backMs = await this.#whole(this.#mendedMs);
    this.#client.stdin!.end('\n');
    await once(this.#client.stdout!, 'close');
    await this.server.stop();
    const settings = loadSettings(this.folder, {}, settingsOf(this.#options.settings ?? []));
    const report = await judgeRun({
      lines: this.#lines,
      calmMs: this.#calmMs,
      brokeMs: this.#brokeMs,
      mendedMs: this.#mendedMs,
      backMs,
      onFull: this.#options.onFull ?? null,
      mayLose: this.#options.mayLose ?? 0,
      spool: settings.log.spool,
      bundles: settings.bundles,
      said: this.server.said(),
    });
    // Times decide in the long run only; in the short one its reader sees what would not have held.
    if (IS_LONG_RUN) process.stderr.write(`${JSON.stringify(report)}\n`);
    else if (report.late.length > 0) process.stderr.write(`late here: ${report.late.join('; ')}\n`);
    return report;
  }

  /** @returns when the first answer was asked for from which on, after `fromMs`, answers were whole */
  async #whole(fromMs: number): Promise<number> {
    let found: number | null = null;
    await until(
      () => (found = firstWhole(this.#lines, fromMs)) !== null,
      'the sidecar answers with every value',
    );
    return found!;
  }
}

/** Whole but for one answer, and as many as the control was late for: those a busy machine may have cost. */
function firstWhole(lines: readonly FaultLine[], fromMs: number): number | null {
  const answers = lines.filter(({ from, sentMs }) => from === 'sidecar' && sentMs >= fromMs);
  const late = new Set(
    lines.flatMap((line) => (line.from === 'control' && isLate(line) ? [line.requestId] : [])),
  );
  for (let first = 0; first + ANSWERS_TO_TELL <= answers.length; first++) {
    if (!isWhole(answers[first]!)) continue;
    const seen = answers.slice(first, first + ANSWERS_TO_TELL);
    const lacking = seen.filter((answer) => !isWhole(answer)).length;
    if (lacking <= 1 + seen.filter(({ requestId }) => late.has(requestId)).length)
      return answers[first]!.sentMs;
  }
  return null;
}

function isWhole({ status, body }: FaultLine): boolean {
  return status === 200 && !body.includes('"UNAVAILABLE"');
}

function shapeOf({ online }: FaultOptions): BenchShape {
  return { views: FAULT_VIEWS, customers: FAULT_CUSTOMERS, online };
}

function settingsOf(sets: readonly string[]): Record<string, string> {
  return Object.fromEntries(sets.map((set) => set.split(/=(.*)/s).slice(0, 2)));
}
