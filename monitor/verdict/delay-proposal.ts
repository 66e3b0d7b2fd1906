/**
 * The delay that serving would have needed on a day: the time within which 99 % of its edges were online, each counted
 * to the end of the run that first covered it.
 *
 * With this delay in the view, hardly a vector would have been behind its run: training would see a row only once
 * serving had it. Vectors served after a quicker run but before that delay has passed are then ahead of training, which
 * no single delay avoids. One late run is no reason to train with its delay: where a day has too few edges
 * for a 99th percentile, the slowest run is left out. The sentence names it beside the others, so that a reader can
 * tell a slow pipeline from one late run. Backfills fill the past and are left out.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { spanText, timeText } from '../causes/evidence-text.ts';

/** With as many edges their 99th percentile leaves one out by itself. */
const ENOUGH_EDGES = 100;
const SHARE = 0.99;
/** So many edges of other runs tell how long a run usually takes. */
const LEAST_OTHERS = 10;

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
  const [slowest] = waits as [Wait];
  const others = waits.filter((wait) => wait.run !== slowest.run);
  const counted = waits.length < ENOUGH_EDGES && others.length >= LEAST_OTHERS ? others : waits;
  const { waitUs: delayUs } = counted[counted.length - Math.ceil(SHARE * counted.length)]!;
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
