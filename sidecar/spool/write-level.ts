/** What became of a tick's frames. */
export const REFUSED = 0;
export const QUEUED = 1;
export const WRITTEN = 2;
/** Not known yet. */
export const AWAITED = 3;
export type WriteLevel = typeof REFUSED | typeof QUEUED | typeof WRITTEN | typeof AWAITED;
