/** Finds the run that brought a row of the history online, if run records tell. */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { ReplayedTimes } from '../causes/facts.ts';

export class RunIndex {
  readonly #byId = new Map<string, RunRecord>();
  readonly #complete: RunRecord[];
  /** The last to start stands first. */
  readonly #failed: RunRecord[];

  /** @param runs  the runs of one view */
  constructor(runs: readonly RunRecord[]) {
    for (const run of runs) this.#byId.set(run.runId, run);
    this.#complete = runs
      .filter((run) => run.state === 'complete' && run.finishedUs !== null)
      .toSorted((a, b) => a.finishedUs! - b.finishedUs!);
    this.#failed = runs.filter((run) => run.state === 'failed').toSorted((a, b) => b.startedUs - a.startedUs);
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
