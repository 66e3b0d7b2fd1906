/**
 * The delay that serving would have needed on a day: the longest time from an edge to the end of the run that first
 * covered it.
 *
 * With this delay in the view, no vector would have been behind its run: training would see a row only once serving had
 * it. Vectors served after a quicker run but before that delay has passed are then ahead of training, which no single
 * delay avoids. The sentence therefore names the run that decides and the longest of the others, so that a reader can
 * tell a slow pipeline from one late run. Backfills fill the past and are left out.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { spanText, timeText } from '../causes/evidence-text.ts';

interface DelayProposal {
  readonly delayUs: number | null;
  readonly why: string | null;
}

/** When the first and the last vector of a day were served. */
export interface ServedSpan {
  readonly firstUs: number;
  readonly lastUs: number;
}

/**
 * @param runs    the view's runs, in any order
 * @param served  only edges that were the newest edge of some vector in this span count
 */
export function proposeDelay(
  view: Pick<FeatureView, 'kind' | 'hopUs'>,
  runs: readonly RunRecord[],
  served: ServedSpan,
): DelayProposal {
  if (view.kind !== 'aggregated') return { delayUs: null, why: null };
  const done = runs
    .filter((run) => run.kind !== 'backfill' && run.state === 'complete' && run.finishedUs !== null)
    .toSorted((a, b) => a.finishedUs! - b.finishedUs!);
  const waits: { readonly edgeUs: number; readonly waitUs: number; readonly run: RunRecord }[] = [];
  const fromUs = Math.floor(served.firstUs / view.hopUs) * view.hopUs;
  let coveredUs: number | null = null;
  for (const run of done) {
    // The very first run counts for its last edge only: it could not have served the earlier ones in time.
    const firstUs = coveredUs === null ? run.watermarkUs : coveredUs + view.hopUs;
    const lastUs = Math.min(run.watermarkUs, served.lastUs);
    for (let edgeUs = Math.max(firstUs, fromUs); edgeUs <= lastUs; edgeUs += view.hopUs) {
      waits.push({ edgeUs, waitUs: run.finishedUs! - edgeUs, run });
    }
    coveredUs = Math.max(coveredUs ?? run.watermarkUs, run.watermarkUs);
  }
  if (waits.length === 0)
    return { delayUs: null, why: 'no run completed an edge that a vector of that day could have shown' };
  waits.sort((a, b) => b.waitUs - a.waitUs);
  const longest = waits[0]!;
  const others = waits.filter((wait) => wait.run !== longest.run);
  const rest =
    others.length === 0
      ? ''
      : `; the other ${others.length === 1 ? 'edge' : `${others.length} edges`} took at most ` +
        spanText(others[0]!.waitUs);
  const why =
    `run ${longest.run.runId} had edge ${timeText(longest.edgeUs, served.lastUs)} online at ` +
    `${timeText(longest.run.finishedUs!, served.lastUs)}, ${spanText(longest.waitUs)} after it${rest}`;
  return { delayUs: longest.waitUs, why };
}
