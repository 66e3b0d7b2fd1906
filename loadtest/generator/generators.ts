/** Runs generator processes (`open-loop.ts`), started together, and puts their counts together. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { loadError } from '../errors.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadDone, LoadJob, LoadMessage } from './load-job.ts';
import { TallyCount } from './tally-count.ts';

// In an installed package this file and the program beside it are JavaScript.
const PROGRAM = join(import.meta.dirname, `open-loop${extname(import.meta.filename)}`);

export interface Counted {
  readonly phases: readonly TallyCount[];
  readonly seconds: readonly TallyCount[];
  readonly late: LatencyHistogram;
  readonly queued: number;
  readonly tookNs: number;
  readonly firstFault: string | null;
}

interface LoadEvents {
  /** The warm-up is over in the first generator. */
  onMeasuring(): void;
  /** @param elapsedNs  since the run began, its warm-up counted */
  onProgress(elapsedNs: number): void;
}

interface Generator {
  readonly child: ChildProcess;
  readonly messages: AsyncIterator<LoadMessage>;
}

/**
 * @param job       its `shard` is filled in here
 * @param launcher  a command and its arguments that starts each generator, such as `taskset -c 1`; empty: none
 * @throws          LOAD_GENERATOR when a generator ends before its time
 */
export async function runGenerators(
  job: LoadJob,
  events: LoadEvents,
  launcher: readonly string[] = [],
): Promise<Counted> {
  const generators = Array.from({ length: job.shards }, (_, shard) =>
    startGenerator({ ...job, shard }, launcher),
  );
  try {
    for (const { messages } of generators) await messages.next();
    for (const { child } of generators) child.stdin!.write('\n');
    return merge(await Promise.all(generators.map((g, i) => resultOf(g, i === 0 ? events : null))));
  } finally {
    await Promise.all(generators.map(({ child }) => end(child)));
  }
}

function startGenerator(job: LoadJob, launcher: readonly string[]): Generator {
  const own = [process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM];
  const [program, ...args] = [...launcher, ...own] as [string, ...string[]];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // A generator that cannot start closes its end; its exit tells why.
  child.stdin.on('error', () => {});
  child.stdin.write(`${JSON.stringify(job)}\n`);
  return { child, messages: messagesOf(child) };
}

async function* messagesOf(child: ChildProcess): AsyncGenerator<LoadMessage, never> {
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
  for await (const line of createInterface({ input: child.stdout! })) yield JSON.parse(line) as LoadMessage;
  throw loadError('LOAD_GENERATOR', `the load generator ended before its time: ${said.trim()}`);
}

async function resultOf({ messages }: Generator, events: LoadEvents | null): Promise<LoadDone> {
  for (;;) {
    const message = (await messages.next()).value as LoadMessage;
    if (message.kind === 'done') return message;
    if (message.kind === 'measuring') events?.onMeasuring();
    else if (message.kind === 'progress') events?.onProgress(message.elapsedNs);
  }
}

function merge(parts: readonly LoadDone[]): Counted {
  const first = parts[0]!;
  const phases = first.phases.map(() => new TallyCount());
  const seconds = first.seconds.map(() => new TallyCount());
  const late = new LatencyHistogram();
  for (const part of parts) {
    for (const [i, tally] of part.phases.entries()) phases[i]!.add(tally);
    for (const [i, tally] of part.seconds.entries()) seconds[i]!.add(tally);
    late.add(part.late);
  }
  return {
    phases,
    seconds,
    late,
    queued: parts.reduce((sum, { queued }) => sum + queued, 0),
    tookNs: Math.max(...parts.map(({ tookNs }) => tookNs)),
    firstFault: parts.find(({ firstFault }) => firstFault !== null)?.firstFault ?? null,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.stdin!.end();
  await exit;
}
