/**
 * Objectives of a load test: `p99=10ms`, `p99.9=50ms`, `errors=0.1%`, several with commas between.
 *
 * A request without a good answer counts as one that never came: with 2 % of them there is no p99.
 */
import { loadError } from './errors.ts';
import type { LatencyHistogram } from './generator/latency-histogram.ts';

export type Objective =
  | { readonly kind: 'latency'; readonly text: string; readonly share: number; readonly limitNs: number }
  | { readonly kind: 'errors'; readonly text: string; readonly limitShare: number };

export interface ObjectiveResult {
  readonly objective: string;
  readonly holds: boolean;
  /** Milliseconds of a latency (null: that share was never answered), or the share of errors in [0, 1]. */
  readonly actual: number | null;
  readonly limit: number;
}

const LATENCY = /^p(\d{1,2}(?:\.\d{1,4})?|100)=(\d+(?:\.\d+)?)(us|ms|s)$/;
const ERRORS = /^errors=(\d+(?:\.\d+)?)%$/;
const UNIT_NS: Readonly<Record<string, number>> = { us: 1e3, ms: 1e6, s: 1e9 };

/** @throws LOAD_USAGE with the part that does not fit */
export function parseObjectives(text: string): Objective[] {
  return text.split(',').map((part) => parseObjective(part.trim()));
}

function parseObjective(text: string): Objective {
  const latency = LATENCY.exec(text);
  if (latency !== null) {
    const [, percent, amount, unit] = latency;
    return { kind: 'latency', text, share: Number(percent) / 100, limitNs: Number(amount) * UNIT_NS[unit!]! };
  }
  const errors = ERRORS.exec(text);
  if (errors !== null && Number(errors[1]) <= 100) {
    return { kind: 'errors', text, limitShare: Number(errors[1]) / 100 };
  }
  throw loadError('LOAD_USAGE', `--slo: expected p99=10ms or errors=0.1%, got ${JSON.stringify(text)}`, {
    field: 'slo',
  });
}

/** @param failed  requests without a good answer; they are not in the histogram */
export function checkObjective(
  objective: Objective,
  latencies: LatencyHistogram,
  failed: number,
): ObjectiveResult {
  if (objective.kind === 'errors') {
    const all = latencies.count + failed;
    const actual = all === 0 ? 1 : failed / all;
    return {
      objective: objective.text,
      holds: actual <= objective.limitShare,
      actual,
      limit: objective.limitShare,
    };
  }
  const ns = latencies.quantileNs(objective.share, failed);
  const answered = Number.isFinite(ns) && latencies.count > 0;
  return {
    objective: objective.text,
    holds: answered && ns <= objective.limitNs,
    actual: answered ? ns / 1e6 : null,
    limit: objective.limitNs / 1e6,
  };
}
