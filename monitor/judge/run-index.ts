/** Finds the run that brought a row of the history online, if run records tell. */
import { hasHistory } from '../../contract/model.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { AskedRow, ReplayedTimes } from '../causes/facts.ts';
import { firstPast, highestSoFar } from './bisection.ts';

/** So many times as long as the longest run of its kind that ended, a run without an end counts as at work. */
const LONGEST_TIMES = 2;

export class RunIndex {
  readonly #byId = new Map<string, RunRecord>();
  readonly #complete: RunRecord[];
  /** Of each complete run how far it and those before it have read: by cut-off, and by the newest row of the source. */
  readonly #readTo: number[];
  readonly #seenTo: number[];
  /** All, by their start. */
  readonly #started: RunRecord[];
  /** By kind of run, the longest time that one took which ended. */
  readonly #longestUs = new Map<RunRecord['kind'], number>();
  /** The last to start stands first. A backfill brings no row that was due. */
  readonly #failed: RunRecord[];
  /** What was at work at the time that was asked last: vectors of a group ask for one. */
  #working: { readonly us: number; readonly run: RunRecord | null } = { us: NaN, run: null };

  /** @param runs  the runs of one view */
  constructor(runs: readonly RunRecord[]) {
    for (const run of runs) {
      this.#byId.set(run.runId, run);
      const { kind, startedUs, finishedUs } = run;
      if (finishedUs === null) continue;
      this.#longestUs.set(kind, Math.max(this.#longestUs.get(kind) ?? 0, finishedUs - startedUs));
    }
    this.#complete = runs
      .filter((run) => run.state === 'complete' && run.finishedUs !== null)
      .toSorted((a, b) => a.finishedUs! - b.finishedUs!);
    this.#started = runs.toSorted((a, b) => a.startedUs - b.startedUs);
    this.#failed = this.#started
      .filter((run) => run.state === 'failed' && run.kind !== 'backfill')
      .toReversed();
    this.#readTo = highestSoFar(this.#complete.map(({ toUs }) => toUs));
    this.#seenTo = highestSoFar(this.#complete.map(({ newestCreatedUs }) => newestCreatedUs ?? Infinity));
  }

  /**
   * A row of a history names its run. A stored row came online with the first run to end whose cut-off is not before
   * the row: runs read new rows by created time, and a row counts from the later of its two times on. A run whose
   * source had no row as new as this one cannot have read it: the file landed later.
   *
   * @returns null when no run record tells
   */
  bringing(view: Pick<FeatureView, 'kind'>, row: ReplayedTimes): RunRecord | null {
    if (hasHistory(view)) return row.runId === null ? null : (this.#byId.get(row.runId) ?? null);
    const knownUs = Math.max(row.eventUs, row.createdUs ?? row.eventUs);
    const hasSeen = ({ toUs, newestCreatedUs }: RunRecord): boolean =>
      toUs >= knownUs &&
      (row.createdUs === null || newestCreatedUs === null || newestCreatedUs >= row.createdUs);
    // None before these two places can have seen it.
    const from = Math.max(
      firstPast(this.#readTo, (us) => us >= knownUs),
      firstPast(this.#seenTo, (us) => us >= (row.createdUs ?? -Infinity)),
    );
    for (let i = from; i < this.#complete.length; i++) {
      if (hasSeen(this.#complete[i]!)) return this.#complete[i]!;
    }
    return null;
  }

  /** @returns a row that serving missed, with the run that brought it and the last that had failed over it before */
  asked(view: Pick<FeatureView, 'kind'>, times: ReplayedTimes, servedUs: number): AskedRow {
    const run = this.bringing(view, times);
    const byUs = run === null ? servedUs : Math.min(servedUs, run.startedUs - 1);
    return { times, run, failed: this.failedOver(view, times, byUs) };
  }

  /** @returns the last run that should have brought a row, began by a time, and failed; null: none did */
  failedOver(view: Pick<FeatureView, 'kind'>, row: ReplayedTimes, byUs: number): RunRecord | null {
    const knownUs = hasHistory(view) ? row.eventUs : Math.max(row.eventUs, row.createdUs ?? row.eventUs);
    const covers = ({ startedUs, watermarkUs, toUs }: RunRecord): boolean =>
      startedUs <= byUs && (hasHistory(view) ? watermarkUs : toUs) >= knownUs;
    const first = firstPast(this.#failed, ({ startedUs }) => startedUs <= byUs);
    for (let i = first; i < this.#failed.length; i++) if (covers(this.#failed[i]!)) return this.#failed[i]!;
    return null;
  }

  /** @returns the run that was at work at a time, which is rounded down to a millisecond; null: none was */
  workingAt(us: number): RunRecord | null {
    if (us !== this.#working.us) this.#working = { us, run: this.#findWorking(us) };
    return this.#working.run;
  }

  #findWorking(us: number): RunRecord | null {
    const [from, to] = [us, us + 999];
    // A view has one writer at a time, so the last to start is the one.
    const run = this.#started[firstPast(this.#started, ({ startedUs }) => startedUs > to) - 1];
    return run === undefined || this.#atWorkUntil(run) < from ? null : run;
  }

  /** The record of a run that was killed has no end: until the next one begins, nobody knows that it is no more. */
  #atWorkUntil({ kind, startedUs, finishedUs }: RunRecord): number {
    return finishedUs ?? startedUs + LONGEST_TIMES * (this.#longestUs.get(kind) ?? Infinity);
  }

  /** @returns the first run that ended after a time and brought the view further; null: none has */
  nextToEnd(atUs: number): RunRecord | null {
    return this.#complete[firstPast(this.#complete, (run) => run.finishedUs! > atUs)] ?? null;
  }
}
