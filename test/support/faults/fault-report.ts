/**
 * What must hold of a sidecar under a fault, judged over a whole run:
 *
 *   time     99.9 % of the answers within the deadline plus 2 ms, none later than the deadline plus 50 ms. On a busy
 *            machine a server that only waits for a timer misses that, the control: so there may be twice as many late
 *            answers more as the control had (three standard deviations of such counts are allowed for), and an answer
 *            may be ten times as late as the control's latest. The middle one of the answers that waited for the
 *            deadline shows a deadline that is kept too late on a busy machine too: it may be three times as late
 *            A request that is refused for its age counts as an answer that came too late.
 *   values   an answer is 200; every value is the one that was written, or UNAVAILABLE and null; an entity that has
 *            rows is never MISSING; what was answered once, and so is cached, is never UNAVAILABLE afterwards
 *   log      every answer is in the log, once, with the values and statuses that it had
 *   back     whole answers again within 2 s of the store's own recovery
 *
 * Times, and what hangs on them, decide in the long run only. In the short one answers must be whole again at some
 * time, and what a full disk costs is told to the last record, but not when it ends.
 */
import { BENCH_KEY, benchValueOf } from '../../../benchmarks/harness/project.ts';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { catLog } from '../../../sidecar/vector-log/log-cat.ts';
import type { FaultLine } from './fault-client.ts';
import { IS_LONG_RUN } from '../long-run.ts';
import {
  FAULT_CUSTOMERS,
  FAULT_DEADLINE_MS,
  FAULT_VIEWS,
  USUALLY_OVER_MS,
  isLate,
  isOverload,
} from './fault-load.ts';

const NEVER_OVER_MS = 50;
const LATE_SHARE = 0.001;
const DEVIATIONS = 3;
const TIMES_AS_MANY = 2;
const TIMES_AS_LATE = 10;
const TIMES_AS_LATE_IN_THE_MIDDLE = 3;
const FEWEST_THAT_WAITED = 20;
const BACK_LIMIT_MS = 2_000;
/** Of each kind of fault so many are shown. */
const SHOWN = 3;

interface Run {
  /** In the order in which they were answered. */
  readonly lines: readonly FaultLine[];
  readonly calmMs: number;
  readonly brokeMs: number;
  readonly mendedMs: number;
  readonly backMs: number;
  /** What a full disk may cost, from the fault on and in the long run until 2 s past its end; null: nothing. */
  readonly onFull: 'shed-log' | 'reject' | null;
  /** The share of requests whose connection may be lost. */
  readonly mayLose: number;
  readonly spool: string;
  readonly bundles: string;
  /** What the sidecar wrote to its outputs. */
  readonly said: string;
}

/** Answers of a stretch of the run. */
interface Stretch {
  readonly answers: number;
  /** With at least one value UNAVAILABLE. */
  readonly unavailable: number;
  readonly p50Ms: number;
  /** Of those with a value UNAVAILABLE. */
  readonly waitedP50Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Later than the deadline and 2 ms, and the same of the control. */
  readonly late: number;
  readonly controlLate: number;
  readonly controlP50Ms: number;
  readonly controlP999Ms: number;
  readonly controlMaxMs: number;
}

export interface FaultReport {
  /** What did not hold, a sentence each. */
  readonly broken: readonly string[];
  /** What came too late, a sentence each. */
  readonly late: readonly string[];
  readonly calm: Stretch;
  readonly faulty: Stretch;
  readonly backAfterMs: number;
  /** Answers that are not in the log, which has told of their loss. */
  readonly shed: number;
  readonly refused: number;
  /** Requests in the log that the run did not make. */
  readonly strangers: readonly string[];
  readonly said: string;
}

interface Vector {
  readonly features: Readonly<Record<string, unknown>>;
  readonly statuses: Readonly<Record<string, string>>;
}

export async function judgeRun(run: Run): Promise<FaultReport> {
  const calm = stretch(run.lines.filter(({ sentMs }) => sentMs >= run.calmMs && sentMs < run.brokeMs));
  const faulty = stretch(run.lines.filter(({ sentMs }) => sentMs >= run.brokeMs));
  const all = run.lines.filter(({ from }) => from === 'sidecar');
  const answers = all.filter(
    (line) => !isOverload(line) && !(line.status === 503 && run.onFull === 'reject' && isExcused(line, run)),
  );
  const log = await judgeLog(answers, run);
  const backAfterMs = run.backMs - run.mendedMs;
  const broken = [...judgeValues(answers, run.mayLose), ...log.broken];
  const late = judgeTimes(faulty);
  if (backAfterMs > BACK_LIMIT_MS) {
    late.push(`it was back after ${backAfterMs.toFixed(0)} ms, the limit is ${BACK_LIMIT_MS}`);
  }
  const { shed, strangers } = log;
  const refused = all.length - answers.length - all.filter(isOverload).length;
  return { broken, late, calm, faulty, backAfterMs, shed, refused, strangers, said: run.said };
}

function isExcused({ sentMs }: FaultLine, { brokeMs, mendedMs }: Run): boolean {
  return sentMs >= brokeMs && (!IS_LONG_RUN || sentMs < mendedMs + BACK_LIMIT_MS);
}

function stretch(lines: readonly FaultLine[]): Stretch {
  const of = (from: FaultLine['from']): number[] => sorted(lines.filter((line) => line.from === from));
  const [sidecar, control] = [of('sidecar'), of('control')];
  const waited = lines.filter(({ body }) => body.includes('"UNAVAILABLE"'));
  const late = (from: FaultLine['from']): number =>
    lines.filter((line) => line.from === from && isLate(line)).length;
  return {
    answers: sidecar.length,
    unavailable: waited.length,
    p50Ms: quantile(sidecar, 0.5),
    waitedP50Ms: quantile(sorted(waited), 0.5),
    p999Ms: quantile(sidecar, 1 - LATE_SHARE),
    maxMs: sidecar.at(-1) ?? 0,
    late: late('sidecar'),
    controlLate: late('control'),
    controlP50Ms: quantile(control, 0.5),
    controlP999Ms: quantile(control, 1 - LATE_SHARE),
    controlMaxMs: control.at(-1) ?? 0,
  };
}

function sorted(lines: readonly FaultLine[]): number[] {
  return lines.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
}

function quantile(ascending: readonly number[], q: number): number {
  return ascending[Math.min(ascending.length - 1, Math.ceil(q * ascending.length) - 1)] ?? 0;
}

function judgeTimes(of: Stretch): string[] {
  const broken: string[] = [];
  const expected = of.answers * LATE_SHARE + TIMES_AS_MANY * of.controlLate;
  const mostLate = expected + DEVIATIONS * Math.sqrt(expected);
  if (of.late > mostLate) {
    broken.push(
      `${of.late} of ${of.answers} answers came later than the deadline and ${USUALLY_OVER_MS} ms, ` +
        `${of.controlLate} of the control's: at most ${Math.floor(mostLate)} may`,
    );
  }
  const middleMs =
    FAULT_DEADLINE_MS +
    USUALLY_OVER_MS +
    TIMES_AS_LATE_IN_THE_MIDDLE * Math.max(0, of.controlP50Ms - FAULT_DEADLINE_MS);
  if (of.unavailable >= FEWEST_THAT_WAITED && of.waitedP50Ms > middleMs) {
    broken.push(
      `the middle one of the answers that waited took ${of.waitedP50Ms.toFixed(1)} ms, of the control's ` +
        `${of.controlP50Ms.toFixed(1)} ms: it may take ${middleMs.toFixed(1)} ms`,
    );
  }
  const overMs = Math.max(NEVER_OVER_MS, TIMES_AS_LATE * (of.controlMaxMs - FAULT_DEADLINE_MS));
  const latestMs = FAULT_DEADLINE_MS + overMs;
  if (of.maxMs > latestMs) {
    broken.push(
      `an answer took ${of.maxMs.toFixed(1)} ms, the control's latest ${of.controlMaxMs.toFixed(1)} ms: ` +
        `none may take more than ${latestMs.toFixed(1)} ms`,
    );
  }
  return broken;
}

function judgeValues(answers: readonly FaultLine[], mayLose: number): string[] {
  const faults = new FaultList();
  const isTooMany = answers.filter(({ status }) => status === 0).length > answers.length * mayLose;
  /** When each entity was first answered with all its values, and so stood in the cache. */
  const cachedMs = new Map<number, number>();
  for (const { status, ids, body, requestId, sentMs, latencyMs } of answers) {
    if (status === 0 && !isTooMany) continue;
    if (status !== 200) {
      faults.add(`status ${status}`, `${requestId} ended with status ${status} ${body.slice(0, 200)}`);
      continue;
    }
    const { results } = JSON.parse(body) as { results: Vector[] };
    for (const [i, id] of ids.entries()) {
      const kind = kindOf(results[i]!, id);
      if (kind === 'whole') {
        if (!cachedMs.has(id)) cachedMs.set(id, sentMs + latencyMs);
        continue;
      }
      const isKnown = id <= FAULT_CUSTOMERS;
      if (kind === 'unavailable') {
        if (isKnown && sentMs > (cachedMs.get(id) ?? Infinity)) {
          faults.add('not cached', `${requestId} lacks customer ${id}, who had been answered before`);
        }
      } else if (kind !== 'missing' || isKnown) {
        const told = `${requestId}, customer ${id}: ${kind} ${JSON.stringify(results[i]).slice(0, 300)}`;
        faults.add(kind, told);
      }
    }
  }
  return faults.sentences();
}

/** Views fail apart from each other, so a vector may lack the values of some: those must be null. */
function kindOf({ features, statuses }: Vector, id: number): 'whole' | 'unavailable' | 'missing' | 'wrong' {
  const seen = new Set<string>();
  let at = 0;
  const names = Object.keys(features);
  for (const [view, count] of FAULT_VIEWS.entries()) {
    for (let f = 0; f < count; f++, at++) {
      const status = statuses[names[at]!]!;
      const expected = status === 'PRESENT' ? benchValueOf(id, view, f) : null;
      if (features[names[at]!] !== expected) return 'wrong';
      seen.add(status);
    }
  }
  if (at !== names.length) return 'wrong';
  if (seen.has('MISSING')) return seen.size === 1 || !seen.has('PRESENT') ? 'missing' : 'wrong';
  if (seen.has('UNAVAILABLE')) return 'unavailable';
  return seen.size === 1 && seen.has('PRESENT') && id <= FAULT_CUSTOMERS ? 'whole' : 'wrong';
}

interface Logged {
  readonly requestId: string;
  readonly vectors: readonly (Vector & { readonly entities: Readonly<Record<string, string>> })[];
}

async function judgeLog(
  answers: readonly FaultLine[],
  run: Run,
): Promise<{ readonly broken: string[]; readonly shed: number; readonly strangers: string[] }> {
  const { spool, bundles } = run;
  const faults = new FaultList();
  const logged = new Map<string, Logged>();
  for await (const item of catLog({ spool, bundles, warn: (line) => faults.add('damage', line) })) {
    const record = item as Logged;
    if (logged.has(record.requestId)) faults.add('twice', `${record.requestId} is in the log twice`);
    logged.set(record.requestId, record);
  }
  let shed = 0;
  const asked = new Set(answers.map(({ requestId }) => requestId));
  for (const line of answers) {
    const { status, requestId, ids, body } = line;
    if (status !== 200) continue;
    const record = logged.get(requestId);
    if (record === undefined) {
      shed += 1;
      if (run.onFull !== 'shed-log' || !isExcused(line, run))
        faults.add('lost', `${requestId} was answered and is not in the log`);
      continue;
    }
    const { results } = JSON.parse(body) as { results: Vector[] };
    const same = results.every(({ features, statuses }, i) => {
      const vector = record.vectors[i];
      return (
        vector?.entities[BENCH_KEY] === String(ids[i]) &&
        isSame(vector.features, features) &&
        isSame(vector.statuses, statuses)
      );
    });
    if (!same || record.vectors.length !== ids.length) {
      faults.add('differs', `${requestId} was logged with other values than it was answered with`);
    }
  }
  const told = shed === 0 ? 0 : toldLost(spool);
  if (shed > told) faults.add('untold', `${shed} answers are not in the log, which tells of ${told} lost`);
  const strangers = [...logged.keys()].filter((requestId) => !asked.has(requestId));
  return { broken: faults.sentences(), shed, strangers };
}

function isSame(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function toldLost(spool: string): number {
  let told = 0;
  for (const item of readServedLog(spool)) {
    if (item.kind !== 'heartbeat' && item.kind !== 'last') continue;
    for (const range of item.heartbeat.ranges) told += range.toSequence - range.fromSequence + 1;
  }
  return told;
}

/** Faults by kind: how many there were, and the first of them. */
class FaultList {
  readonly #kinds = new Map<string, string[]>();

  add(kind: string, sentence: string): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, [sentence]);
    else known.push(sentence);
  }

  sentences(): string[] {
    return [...this.#kinds.values()].flatMap((all) =>
      all.length <= SHOWN ? all : [...all.slice(0, SHOWN), `... and ${all.length - SHOWN} more of this kind`],
    );
  }
}
