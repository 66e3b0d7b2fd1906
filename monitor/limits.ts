/**
 * The limits that decide a verdict. The verdict, the statistics and the report's charts and tables read them here, so
 * that a report never draws a limit that the verdict did not use.
 */
export const LIMITS = {
  /** Shares of exact match within the promise: below the first the monitor alerts, below the second it alarms. */
  alertBelow: 0.99,
  alarmBelow: 0.9,
  /** More than this share of the values without an explanation is an alarm. */
  unexplainedMost: 0.01,
  /** More than this share of the values that could not be judged is not enough data. */
  unjudgedMost: 0.01,
  /** The distance D of two distributions, from which on the report warns, and from which on the monitor alerts. */
  distanceWarn: 0.05,
  distanceAlarm: 0.1,
};

/** @param share  of exact match within the promise */
export function matchLevel(share: number): 'ok' | 'alert' | 'alarm' {
  if (share >= LIMITS.alertBelow) return 'ok';
  return share >= LIMITS.alarmBelow ? 'alert' : 'alarm';
}

/** @param d  the Kolmogorov-Smirnov statistic of served and replayed values, in [0, 1] */
export function distanceLevel(d: number): 'ok' | 'warn' | 'alarm' {
  if (d < LIMITS.distanceWarn) return 'ok';
  return d < LIMITS.distanceAlarm ? 'warn' : 'alarm';
}
