/**
 * How long a cached row is used, as shares of the cache time: what the sidecar's cache does, and what the monitor
 * simulates for another cache time.
 */

/** Each read of a row draws a factor from here to 1, which scales its times, so that rows do not expire together. */
export const LEAST_CACHE_FACTOR = 0.85;
/** A row is read ahead once this share of its fresh time has passed. */
export const REFRESH_SHARE = 0.8;
