/**
 * The status of a served value. Serving, training and the replay give the same status from the same facts, and the
 * same fallback with it: MISSING, OUTSIDE_TTL and UNAVAILABLE show the feature's `missing`; NULL is a value.
 */

/** In the order of their codes in tensors and in the vector log. */
export const STATUSES = ['PRESENT', 'NULL', 'MISSING', 'OUTSIDE_TTL', 'UNAVAILABLE'] as const;
export type Status = (typeof STATUSES)[number];

export const PRESENT = 0;
export const NULL = 1;
export const MISSING = 2;
export const OUTSIDE_TTL = 3;
export const UNAVAILABLE = 4;

/** Why a row is UNAVAILABLE, in the order of their codes in the vector log; the first: the log does not say. */
export const UNAVAILABLE_REASONS = [null, 'store', 'marker', 'deadline', 'evicted'] as const;

/** The store failed, or what it gave could not be read. */
export const STORE_FAILED = 1;
/** Neither a row nor the view's marker was there: the store may have lost its rows. */
export const NO_MARKER = 2;
/** The read had not ended at the request's deadline. */
export const PAST_DEADLINE = 3;
/** The row is absent, and may be one that the store has evicted. */
export const EVICTED = 4;

/** Where the sidecar took a view's row from, in the order of their codes in the vector log. */
export const ROW_SOURCES = ['none', 'cache', 'store', 'stale'] as const;

export const FROM_NONE = 0;
export const FROM_CACHE = 1;
export const FROM_STORE = 2;
export const FROM_STALE = 3;
