/**
 * The health of a service as it was at the end of a judged day or hour, as its snapshot holds it: what run records and
 * the verdict itself tell. What the sidecars count is asked by `plumb monitor health` alone.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { HealthCheck } from './health-check.ts';
import { verdictHealth } from './verdict-health.ts';
import type { JudgedFeatures } from './verdict-health.ts';
import { viewHealth } from './view-health.ts';

/** @param endUs  the end of what was judged, or now, if that is earlier */
export function dayHealth(
  service: string,
  views: readonly { readonly view: FeatureView; readonly runs: readonly RunRecord[] }[],
  judged: JudgedFeatures,
  endUs: number,
): HealthCheck[] {
  return [
    ...views.flatMap(({ view, runs }) => viewHealth(view, runs.flatMap(knownBy(endUs)), endUs)),
    ...verdictHealth(service, [judged], endUs),
  ];
}

/** @returns the run as its record was then: none before its start, and running until its end */
function knownBy(us: number): (run: RunRecord) => RunRecord[] {
  return (run) => {
    if (run.startedUs > us) return [];
    return run.finishedUs === null || run.finishedUs <= us
      ? [run]
      : [{ ...run, state: 'running', finishedUs: null }];
  };
}
