/** How a day of a service was judged: the monitor writes it, its reports and the catalogue show it. */

/** pass; alert; alarm, which is an alert at once; too few vectors to say. */
export type Verdict = 'pass' | 'alert' | 'alarm' | 'not-enough-data';

/** Below this share of values that match, exactly or within the promise, the monitor alerts. */
export const ALERT_BELOW = 0.99;
