/** The times of a view: computed from all its options, with defaults filled in. */
import { usualFreshnessUs } from '../../contract/definitions/definition-meaning.ts';
import type { FeatureView } from '../../contract/model.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import type { ViewOptionValues } from '../../contract/definitions/option-schemas.ts';

const DAY_US = 86_400_000_000;
/** How far a source's events may be out of order when neither it nor the view says so. */
export const OUT_OF_ORDER_US = 5_000_000;

type ViewTimes = Pick<
  FeatureView,
  | 'kind'
  | 'ttlUs'
  | 'hopUs'
  | 'delayUs'
  | 'scheduleUs'
  | 'watermark'
  | 'outOfOrderUs'
  | 'freshnessUs'
  | 'freshnessAlertUs'
  | 'sourceFreshnessUs'
  | 'latenessUs'
  | 'startUs'
>;

/**
 * @param view.outOfOrderUs  over a stream: how far its events may be out of order; null: over files
 * @param fault              called for each mistake, with the option that it concerns
 */
export function viewTimes(
  {
    kind,
    hopUs,
    outOfOrderUs: ofStream,
  }: Pick<FeatureView, 'kind' | 'hopUs'> & { outOfOrderUs: number | null },
  options: ViewOptionValues,
  fault: (option: string | readonly string[], message: string) => void,
): ViewTimes {
  const { ttl, hop, delay, schedule, freshness, sourceFreshness, lateness, outOfOrder } = options;
  const watermark = ofStream === null ? (options.watermark ?? 'cutoff') : 'events';
  const stored = kind !== 'aggregated';
  if (!stored && ttl !== undefined)
    fault('ttl', 'an aggregated view has no ttl: its windows say how old events may be');
  if (stored && ttl === 0)
    fault('ttl', 'ttl must be longer than nothing; a view without ttl keeps its rows for ever');
  if (stored && hop !== undefined) fault('hop', 'a stored view has no hop: nothing is aggregated here');
  if (watermark !== 'events' && outOfOrder !== undefined)
    fault('outOfOrder', 'outOfOrder goes with watermark: events, which it holds back; say both or neither');
  const outOfOrderUs = watermark === 'events' ? (outOfOrder ?? ofStream ?? OUT_OF_ORDER_US) : 0;
  // An edge of a stream is written once its watermark passes it, and read a hop later at the latest.
  const delayUs = delay ?? (ofStream === null ? 0 : outOfOrderUs + hopUs);
  const times = {
    kind,
    ttlUs: ttl ?? null,
    hopUs,
    delayUs,
    scheduleUs: schedule ?? null,
    watermark,
    outOfOrderUs,
  };
  const freshnessUs = freshness?.target ?? usualFreshnessUs(times);
  const leastUs = hopUs + Math.max(delayUs, outOfOrderUs);
  if (!stored && freshnessUs < leastUs) {
    const what = outOfOrderUs > delayUs ? 'hop and outOfOrder' : 'hop and delay';
    fault(
      'freshness',
      `freshness ${formatDuration(freshnessUs)} cannot be kept: ${what} together take ${formatDuration(leastUs)}, the smallest value allowed`,
    );
  }
  const freshnessAlertUs = freshness?.alert ?? 2 * freshnessUs;
  if (freshnessAlertUs < freshnessUs) {
    fault(
      ['freshness', 'alert'],
      `freshness.alert ${formatDuration(freshnessAlertUs)} would alarm of rows that are as fresh as promised; it is at least the target, ${formatDuration(freshnessUs)}`,
    );
  }
  return {
    ...times,
    freshnessUs,
    freshnessAlertUs,
    sourceFreshnessUs: sourceFreshness ?? 2 * freshnessUs,
    latenessUs: lateness ?? DAY_US,
    startUs: options.start ?? null,
  };
}
