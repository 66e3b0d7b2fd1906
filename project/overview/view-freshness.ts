/** How fresh the views are, by their runs and streams: up to when each is complete, and what that is worth now. */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { lastAchieved } from '../../contract/run-set.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';

/** `fresh` up to the target, `late` up to the alert age, then `stale`; `never`: no run was complete. */
type FreshnessState = 'fresh' | 'late' | 'stale' | 'never';

export interface ViewFreshness {
  /** Null: no run was complete. */
  readonly watermarkUs: number | null;
  /** Of the watermark. */
  readonly ageUs: number | null;
  readonly state: FreshnessState;
}

/** @param runs  of the view, oldest first */
export function freshnessOf(
  { freshnessUs, freshnessAlertUs }: Pick<FeatureView, 'freshnessUs' | 'freshnessAlertUs'>,
  runs: readonly RunRecord[],
  nowUs: number,
): ViewFreshness {
  const watermarkUs = lastAchieved(runs)?.watermarkUs ?? null;
  if (watermarkUs === null) return { watermarkUs, ageUs: null, state: 'never' };
  const ageUs = Math.max(0, nowUs - watermarkUs);
  const state = ageUs <= freshnessUs ? 'fresh' : ageUs <= freshnessAlertUs ? 'late' : 'stale';
  return { watermarkUs, ageUs, state };
}

export function freshnessToJson({ watermarkUs, ageUs, state }: ViewFreshness): object {
  return {
    watermark: watermarkUs === null ? null : formatTimestamp(watermarkUs),
    ageSeconds: ageUs === null ? null : ageUs / 1e6,
    state,
  };
}

/** @returns `2h ago: late, past its freshness of 1h` */
export function freshnessText(
  { freshnessUs, freshnessAlertUs }: FeatureView,
  freshness: ViewFreshness,
): string {
  const { ageUs, state, watermarkUs } = freshness;
  if (ageUs === null || watermarkUs === null) return 'complete up to no time yet';
  const since = `complete up to ${formatTimestamp(watermarkUs)}, ${ageText(ageUs)} ago`;
  if (state === 'fresh') return `${since}: within its freshness`;
  const [limit, name] =
    state === 'late' ? [freshnessUs, 'its freshness'] : [freshnessAlertUs, 'its alert age'];
  return `${since}: ${state}, past ${name} of ${formatDuration(limit)}`;
}

/** Whole seconds, and past an hour whole minutes: nobody reads more. */
export function ageText(us: number): string {
  const unit = us >= 3_600_000_000 ? 60_000_000 : 1_000_000;
  return formatDuration(Math.floor(us / unit) * unit);
}
