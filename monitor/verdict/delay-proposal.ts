/**
 * The delay with which training would have seen what serving showed on most of a day: the time within which half of its
 * edges were online, each counted to the end of the run that first covered it.
 *
 * An edge that was online after w is another one in serving than in training for |w - delay|: before the delay has
 * passed serving is ahead, after it serving is behind. The middle of all w makes the sum of that least, and one late
 * run does not move it. The sentence names the slowest run, so that a reader can tell a slow pipeline from that.
 * Backfills fill the past and are left out. What-if simulates the delay over the vectors (whatif/asked-settings.ts).
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

/** How long an edge was waited for. */
interface Wait {
  readonly edgeUs: number;
  readonly waitUs: number;
  readonly run: RunRecord;
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
  const waits: Wait[] = [];
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
  const { waitUs: delayUs } = waits[waits.length >> 1]!;
  return { delayUs, why: whyText(waits, delayUs, served.lastUs) };
}

/** @param waits  the longest first */
function whyText(waits: readonly Wait[], delayUs: number, lastUs: number): string {
  const [{ run, edgeUs, waitUs }] = waits as [Wait];
  const within = waits.filter((wait) => wait.waitUs <= delayUs).length;
  const online = `online within ${spanText(delayUs)}`;
  const edge = `over edge ${timeText(edgeUs, lastUs)}`;
  if (within < waits.length) {
    const were = within === 1 ? 'was' : 'were';
    return `of ${waits.length} edges ${within} ${were} ${online}; run ${run.runId} took ${spanText(waitUs)} ${edge}`;
  }
  const all = within === 1 ? 'its one edge was' : `all ${within} edges were`;
  const next = waits.find((wait) => wait.run !== run);
  const rest = next === undefined ? '' : `; the others took at most ${spanText(next.waitUs)}`;
  return `${all} ${online}, which run ${run.runId} took ${edge}${rest}`;
}
