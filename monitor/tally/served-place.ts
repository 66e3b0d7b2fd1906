/** Where in the day's traffic vectors stood: what their mismatches are sorted by. */
import type { SliceBy } from '../verdict/snapshot.ts';

/** What vectors of one group have in common, of one role. */
export interface GroupPlace {
  /** The number of the role in its service. */
  readonly role: number;
  /** Of the role's entities, and of their replayed rows: from 0, as the log has them. No row is one row too. */
  readonly entity: number;
  readonly row: number;
  /** How many other vectors agree in every way with the replayed row. */
  readonly agreed: number;
  readonly bundle: string;
  readonly serviceVersion: number;
  readonly surface: string;
  /** Whether the history has no row of the entity from before the day. */
  readonly entityIsNew: boolean;
  readonly isUnavailable: boolean;
}

/** What tells vectors of a group apart, as columns of numbers. NaN: there is none. */
export interface VectorColumns {
  readonly vid: Float64Array;
  readonly servedUs: Float64Array;
  readonly fetchedUs: Float64Array;
  readonly watermarkUs: Float64Array;
  /** Where the sidecar had the row from: index into ROW_SOURCES. */
  readonly source: Float64Array;
  /** The pod that answered: its place in `pods`. */
  readonly pod: Float64Array;
  readonly pods: readonly string[];
  /** Hashes: of the request's id; and of that with the row, by which examples are chosen. */
  readonly request: Float64Array;
  readonly hash: Float64Array;
}

const HOUR_US = 3_600_000_000;

/** @returns the hour of its day, UTC */
export function hourOf(servedUs: number): number {
  return Math.floor(servedUs / HOUR_US) % 24;
}

/** The slices that all vectors of a group are in. */
export function slicesOfGroup(place: GroupPlace): [by: SliceBy, value: string][] {
  return [
    ['bundle', place.bundle],
    ['serviceVersion', String(place.serviceVersion)],
    ['surface', place.surface],
    ['entityIsNew', place.entityIsNew ? 'new' : 'known'],
  ];
}

/** Whether groups are in the same of these slices. */
export function isSlicedAlike(a: GroupPlace, b: GroupPlace): boolean {
  return (
    a.bundle === b.bundle &&
    a.serviceVersion === b.serviceVersion &&
    a.surface === b.surface &&
    a.entityIsNew === b.entityIsNew
  );
}
