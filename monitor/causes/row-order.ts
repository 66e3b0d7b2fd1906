/**
 * The order of an entity's rows: by event time, then by created time. A row without a created time says nothing about
 * its place among the rows of its event, so there the event time alone is compared.
 */

/** The times of a row, microseconds; a null created time: it has none. */
export interface RowTimes {
  readonly eventUs: number;
  readonly createdUs: number | null;
}

/** Whether two rows bear the same times: that of the event alone where one has no created time. */
export function isOfTimes(a: RowTimes, b: RowTimes): boolean {
  if (a.eventUs !== b.eventUs) return false;
  return a.createdUs === null || b.createdUs === null || a.createdUs === b.createdUs;
}

/** Whether `a` comes after `b`: of a later event, or of the same one and created later. */
export function isAfter(a: RowTimes, b: RowTimes): boolean {
  if (a.eventUs !== b.eventUs) return a.eventUs > b.eventUs;
  return a.createdUs !== null && b.createdUs !== null && a.createdUs > b.createdUs;
}
