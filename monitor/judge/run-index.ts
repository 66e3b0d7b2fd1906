/** Finds the run that brought a row of the history online, if run records tell. */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { ReplayedTimes } from '../causes/facts.ts';

export class RunIndex {
  readonly #byId = new Map<string, RunRecord>();
  readonly #complete: RunRecord[];
  /** All, by their start. */
  readonly #started: RunRecord[];
  /** The last to start stands first. A backfill brings no row that was due. */
  readonly #failed: RunRecord[];

  /** @param runs  the runs of one view */
  constructor(runs: readonly RunRecord[]) {
    for (const run of runs) this.#byId.set(run.runId, run);
    this.#complete = runs
      .filter((run) => run.state === 'complete' && run.finishedUs !== null)
      .toSorted((a, b) => a.finishedUs! - b.finishedUs!);
    this.#started = runs.toSorted((a, b) => a.startedUs - b.startedUs);
    this.#failed = this.#started
      .filter((run) => run.state === 'failed' && run.kind !== 'backfill')
      .toReversed();
  }

  /**
   * An aggregated row names its run. A stored row came online with the first run to end whose cut-off is not before the
   * row: runs read new rows by created time, and a row counts from the later of its two times on. A run whose source
   * had no row as new as this one cannot have read it: the file landed later.
   *
   * @returns null when no run record tells
   */
  bringing(view: Pick<FeatureView, 'kind'>, row: ReplayedTimes): RunRecord | null {
    if (view.kind === 'aggregated') return row.runId === null ? null : (this.#byId.get(row.runId) ?? null);
    const knownUs = Math.max(row.eventUs, row.createdUs ?? row.eventUs);
    const hasSeen = ({ toUs, newestCreatedUs }: RunRecord): boolean =>
      toUs >= knownUs &&
      (row.createdUs === null || newestCreatedUs === null || newestCreatedUs >= row.createdUs);
    return this.#complete.find(hasSeen) ?? null;
  }

  /** @returns the last run that should have brought a row, began before it was missed, and failed; null: none did */
  failedOver(view: Pick<FeatureView, 'kind'>, row: ReplayedTimes, servedUs: number): RunRecord | null {
    const knownUs =
      view.kind === 'aggregated' ? row.eventUs : Math.max(row.eventUs, row.createdUs ?? row.eventUs);
    const covers = ({ startedUs, watermarkUs, toUs }: RunRecord): boolean =>
      startedUs <= servedUs && (view.kind === 'aggregated' ? watermarkUs : toUs) >= knownUs;
    return this.#failed.find(covers) ?? null;
  }

  /** @returns the run that was at work at a time, which is rounded down to a millisecond; null: none was */
  workingAt(us: number): RunRecord | null {
    const [from, to] = [us, us + 999];
    let low = 0;
    let high = this.#started.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#started[middle]!.startedUs <= to) low = middle + 1;
      else high = middle;
    }
    // A view has one writer at a time, so the last to start is the one.
    const run = this.#started[low - 1];
    return run === undefined || (run.finishedUs ?? Infinity) < from ? null : run;
  }

  /** @returns the first run that ended after a time and brought the view further; null: none has */
  nextToEnd(atUs: number): RunRecord | null {
    let low = 0;
    let high = this.#complete.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#complete[middle]!.finishedUs! <= atUs) low = middle + 1;
      else high = middle;
    }
    return this.#complete[low] ?? null;
  }
}
