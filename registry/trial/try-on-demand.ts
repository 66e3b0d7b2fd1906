/**
 * Tries the functions of on-demand views before they are applied: over the samples and over generated rows, in two
 * fresh realms, in the second in another order and each row twice. A function that keeps something between calls
 * answers differently there. Each realm has a process of its own with a limit for a call, so that a loop that never
 * ends is found too.
 *
 *   a mistake   two answers, a wrong type, an end by the limit, a throw over a sample or over every row, slowness
 *   a warning   a throw over some generated rows, a number out of range over extreme ones, a time outside of the years
 *               1 to 9999: UNAVAILABLE when served
 */
import { availableParallelism } from 'node:os';
import { Mistakes } from '../../contract/definitions/mistake.ts';
import type { Definitions, OnDemandView } from '../../contract/model.ts';
import { argumentsOf } from '../../contract/on-demand/arguments.ts';
import type { OnDemandArgument } from '../../contract/on-demand/arguments.ts';
import { OUTSIDE_YEARS } from '../../contract/on-demand/call-code.ts';
import { EndedCalls } from '../../contract/on-demand/ended-calls.ts';
import { IsolatedFunctions } from '../../contract/on-demand/isolated-functions.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/on-demand-function.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { generatedRows } from './generated-rows.ts';
import type { TrialRow } from './generated-rows.ts';

const SEED = 20_260_101;
const ROWS = { seed: SEED, ordinary: 240, extreme: 60 };
/** A call that takes longer is ended. */
const CALL_MS = 1_000;
const WARM_CALLS = 200;
/** The median of warm calls may take so long. */
const MEDIAN_MS = 1;
/** Where the first rows take so long, the others are not waited for. */
const FIRST_ROWS = 20;
const FAR_TOO_LONG_MS = 20;
const SHOWN = 300;

/** More at once, and calls would wait for memory and caches in place of the processor that they are timed on. */
const MOST_AT_ONCE = 4;

interface TrialProject {
  readonly folder: string;
  readonly logger: Pick<Logger, 'warn' | 'progress'>;
}

/**
 * @param views        to try: those that are new, and those whose meaning changed
 * @param definitions  that they stand in
 * @throws             REG_DEFINITIONS with every mistake, each with the row that shows it
 */
export async function tryOnDemand(
  views: readonly OnDemandView[],
  definitions: Definitions,
  project: TrialProject,
): Promise<void> {
  const mistakes = new Mistakes(project.folder);
  for (const [i, { mistake, warning }] of (await findingsOf(views, definitions, project)).entries()) {
    const { name, code } = views[i]!;
    const place = { file: `${project.folder}/${code.file}`, lineOf: () => code.line };
    if (mistake !== null) mistakes.add(place, [], `on-demand view "${name}": ${mistake}`);
    else if (warning !== null) project.logger.warn(`on-demand view "${name}": ${warning}`);
  }
  if (mistakes.count > 0) throw mistakes.toError();
}

/** @returns what was found of each view, in their order; as many are tried at once as there are processors */
async function findingsOf(
  views: readonly OnDemandView[],
  definitions: Definitions,
  { logger }: TrialProject,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const left = [...views.entries()];
  const trying = new Set<string>();
  let done = 0;
  const tell = (): void => logger.progress(`trying ${[...trying].join(', ')}`, done, views.length, 'views');
  const tryAll = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [i, view] = next;
      trying.add(view.name);
      tell();
      findings[i] = await new Trial(view, definitions).run();
      trying.delete(view.name);
      done += 1;
      if (trying.size > 0) tell();
    }
  };
  const atOnce = Math.min(availableParallelism(), MOST_AT_ONCE);
  await Promise.all(Array.from({ length: atOnce }, tryAll));
  // Beside others a call may have waited for its processor: what is refused for its time was timed alone.
  const slow = [...findings.keys()].filter((i) => findings[i]!.isSlow && atOnce > 1 && views.length > 1);
  for (const [again, i] of slow.entries()) {
    logger.progress(`timing ${views[i]!.name} alone`, again, slow.length, 'views');
    findings[i] = await new Trial(views[i]!, definitions).run();
  }
  logger.progress('trying', views.length, views.length);
  return findings;
}

interface Finding {
  readonly mistake: string | null;
  readonly warning: string | null;
  /** Whether the mistake is that its calls take too long. */
  readonly isSlow: boolean;
}

const mistakeOf = (mistake: string): Finding => ({ mistake, warning: null, isSlow: false });

class Trial {
  readonly #view: OnDemandView;
  readonly #definitions: Definitions;
  readonly #args: readonly OnDemandArgument[];
  readonly #rows: readonly TrialRow[];
  readonly #samples: number;

  constructor(view: OnDemandView, definitions: Definitions) {
    this.#view = view;
    this.#definitions = definitions;
    this.#args = argumentsOf(view, definitions);
    const { samples, inputs } = view;
    // What is used may always be null: its row may be missing.
    const mayBeNull = this.#args.map((_, i) => inputs[i]?.optional ?? true);
    const own = samples.map((values) => ({ values, isExtreme: false }));
    this.#samples = own.length;
    this.#rows = [...own, ...generatedRows(this.#args, mayBeNull, ROWS)];
  }

  async run(): Promise<Finding> {
    const first = await this.#inOrder();
    if (typeof first === 'string') return mistakeOf(first);
    const faults = this.#faults(first.outcomes);
    const slowness = this.#slowness(first.tookMs);
    if (first.outcomes.length < this.#rows.length)
      return { mistake: faults.mistake ?? slowness, warning: null, isSlow: faults.mistake === null };
    const second = await this.#otherwise();
    if (typeof second === 'string') return mistakeOf(second);
    const differing = first.outcomes.findIndex((outcome, i) =>
      second[i]!.some((other) => !this.#isSame(outcome, other)),
    );
    const mistake =
      faults.mistake ??
      (differing === -1 ? null : this.#differs(differing, first.outcomes[differing]!, second[differing]!));
    return {
      mistake: mistake ?? slowness,
      warning: faults.warning,
      isSlow: mistake === null && slowness !== null,
    };
  }

  /**
   * @returns outcomes of all rows and times of warm calls; of the first rows alone where these take too long; why none
   *          can be called
   */
  async #inOrder(): Promise<{ outcomes: readonly OnDemandOutcome[]; tookMs: readonly number[] } | string> {
    return await this.#within(async (functions) => {
      const { id } = this.#view;
      const values = this.#rows.map((row) => row.values);
      const probe = await functions.timedRows(id, values.slice(0, FIRST_ROWS));
      if (medianOf(probe.tookMs) > FAR_TOO_LONG_MS) return probe;
      const outcomes = [...probe.outcomes, ...(await functions.rows(id, values.slice(FIRST_ROWS)))];
      const warm = Array.from({ length: WARM_CALLS }, (_, i) => values[i % values.length]!);
      const isEnded = outcomes.some((one) => one instanceof OnDemandFault && one.reason === 'deadline');
      return { outcomes, tookMs: isEnded ? [] : (await functions.timedRows(id, warm)).tookMs };
    });
  }

  /** @returns for each row its two outcomes; why none can be called */
  async #otherwise(): Promise<(readonly OnDemandOutcome[])[] | string> {
    return await this.#within(async (functions) => {
      // Backwards, and each row twice, the second time after all others.
      const order = [...this.#rows.keys()].toReversed();
      const twice = [...order, ...order];
      const outcomes = await functions.rows(
        this.#view.id,
        twice.map((row) => this.#rows[row]!.values),
      );
      const found: OnDemandOutcome[][] = this.#rows.map(() => []);
      for (const [i, row] of twice.entries()) found[row]!.push(outcomes[i]!);
      return found;
    });
  }

  async #within<Result>(work: (functions: IsolatedFunctions) => Promise<Result>): Promise<Result | string> {
    const functions = new IsolatedFunctions([this.#view], this.#definitions, {
      callMs: CALL_MS,
      // One row that is ended tells enough.
      ended: new EndedCalls({ rest: { ends: 1, withinMs: 600_000, restMs: 600_000 } }),
    });
    try {
      return (await functions.start()) ?? (await work(functions));
    } finally {
      await functions.close();
    }
  }

  #faults(outcomes: readonly OnDemandOutcome[]): Omit<Finding, 'isSlow'> {
    const found = outcomes.flatMap((outcome, row) =>
      outcome instanceof OnDemandFault && outcome.reason !== 'resting' ? [{ fault: outcome, row }] : [],
    );
    const [first] = found;
    if (first === undefined) return { mistake: null, warning: null };
    const isMistake = ({ fault, row }: (typeof found)[number]): boolean =>
      fault.reason === 'deadline' ||
      fault.reason === 'memory' ||
      row < this.#samples ||
      (fault.reason === 'returned' && !this.#rows[row]!.isExtreme && !isTimeOutside(fault));
    const grave = found.find(isMistake) ?? (found.length === outcomes.length ? first : undefined);
    const told = ({ fault, row }: (typeof found)[number]): string =>
      `${fault.message}, over ${this.#rowText(row)}`;
    if (grave !== undefined) return { mistake: told(grave), warning: null };
    const share = `${found.length} of ${outcomes.length} rows that it was tried with`;
    return { mistake: null, warning: `UNAVAILABLE over ${share}: ${told(first)}` };
  }

  #differs(row: number, first: OnDemandOutcome, second: readonly OnDemandOutcome[]): string {
    const other = second.find((one) => !this.#isSame(first, one))!;
    const answers = `${this.#outcomeText(first)} and ${this.#outcomeText(other)}`;
    return `two answers to one row: ${answers}, over ${this.#rowText(row)}; it keeps something from call to call`;
  }

  #slowness(tookMs: readonly number[]): string | null {
    const median = medianOf(tookMs);
    if (median <= MEDIAN_MS) return null;
    return `half of ${tookMs.length} calls take over ${median.toFixed(1)} ms; at most ${MEDIAN_MS} ms fits into an answer`;
  }

  #isSame(a: OnDemandOutcome, b: OnDemandOutcome): boolean {
    if (b instanceof OnDemandFault || a instanceof OnDemandFault) {
      // A view that was ended rests, and says nothing of the rows after.
      const reasons = [a, b].map((one) => (one instanceof OnDemandFault ? one.reason : null));
      return reasons.includes('resting') || reasons[0] === reasons[1];
    }
    return this.#outcomeText(a) === this.#outcomeText(b);
  }

  #outcomeText(outcome: OnDemandOutcome): string {
    if (outcome instanceof OnDemandFault) return outcome.message;
    return recordText(this.#view.features, outcome);
  }

  #rowText(row: number): string {
    const what = row < this.#samples ? `sample ${row + 1}` : `generated row ${row + 1}`;
    const text = recordText(this.#args, this.#rows[row]!.values);
    return `${what}: ${text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text}`;
  }
}

/** Rows that no request will bring lead far from today. */
function isTimeOutside({ message }: OnDemandFault): boolean {
  return message.endsWith(OUTSIDE_YEARS);
}

function medianOf(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function recordText(
  names: readonly { readonly name: string; readonly type: ValueType }[],
  values: readonly Value[],
): string {
  return canonicalJson(
    Object.fromEntries(names.map(({ name, type }, i) => [name, valueToJson(type, values[i]!)])),
  );
}
