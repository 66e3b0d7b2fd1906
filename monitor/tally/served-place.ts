/** Where in the day's traffic a vector stood: what its mismatches are sorted by. */
import type { SliceBy } from '../verdict/snapshot.ts';
import type { RowNumber } from './row-numbers.ts';

/** One vector's row of one role. */
export interface ServedPlace extends RowNumber {
  /** The number of the role in its service. */
  readonly role: number;
  readonly servedUs: number;
  readonly pod: string;
  readonly bundle: string;
  readonly serviceVersion: number;
  readonly surface: string;
  /** Where the sidecar had the row from. */
  readonly source: string;
  /** Whether the history has no row of the entity from before the day. */
  readonly entityIsNew: boolean;
  /** How old the view's data online was; null: unknown. */
  readonly dataAgeUs: number | null;
  readonly isUnavailable: boolean;
}

const HOUR_US = 3_600_000_000;

/** @returns the hour of its day, UTC */
export function hourOf({ servedUs }: Pick<ServedPlace, 'servedUs'>): number {
  return Math.floor(servedUs / HOUR_US) % 24;
}

/** The slices that a place is in, one of each kind. */
export function slicesOfPlace(place: ServedPlace): [by: SliceBy, value: string][] {
  return [
    ['hour', String(hourOf(place)).padStart(2, '0')],
    ['pod', place.pod],
    ['bundle', place.bundle],
    ['serviceVersion', String(place.serviceVersion)],
    ['surface', place.surface],
    ['source', place.source],
    ['entityIsNew', place.entityIsNew ? 'new' : 'known'],
  ];
}
