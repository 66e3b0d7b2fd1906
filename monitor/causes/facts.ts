/**
 * What is known about one served row and its replay: all that the comparison and the search for causes may use. Times
 * are microseconds; null means that there is none.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { State } from './value-state.ts';

/** The times of a served row, from its header. */
export interface ServedTimes {
  readonly eventUs: number;
  readonly createdUs: number | null;
  readonly definitionId: number;
  readonly writtenUs: number;
}

/** The times of a row of the history. */
export interface ReplayedTimes {
  readonly eventUs: number;
  readonly createdUs: number | null;
  readonly definitionId: number;
  readonly runId: string | null;
  /** Whether the row is a tombstone: the entity's events were taken back. */
  readonly deleted?: boolean;
}

/** One vector's row of one view. */
export interface RowFacts {
  readonly view: Pick<FeatureView, 'id' | 'kind' | 'hopUs' | 'delayUs' | 'ttlUs' | 'freshnessUs'>;
  readonly servedUs: number;
  /** Code of `contract/status.ts`. */
  readonly status: number;
  /** Index into ROW_SOURCES. */
  readonly source: number;
  readonly fetchedUs: number | null;
  /** The online watermark that the sidecar knew when it read the row. */
  readonly watermarkUs: number | null;
  readonly served: ServedTimes | null;
  /** The row that training joins; also when it is outside its TTL. */
  readonly replayed: ReplayedTimes | null;
  readonly replayedOutsideTtl: boolean;
  /** The row that the store could have had at the time of serving (as available). */
  readonly available: ReplayedTimes | null;
  /**
   * Event time of the first row after the served one that the replay could see (of the very first row, where none was
   * served); null: serving missed no row.
   */
  readonly oldestMissedUs: number | null;
  /** Whether the history has any row of the entity, at any time. */
  readonly inHistory: boolean;
  /** The run that brought the replayed row online, if run records tell; null where the replay has no row. */
  readonly run: RunRecord | null;
  /** The first run of the view that ended after the vector was served. */
  readonly nextRun: RunRecord | null;
}

/** What is known about one feature value of the row. */
export interface ValueFacts {
  readonly row: RowFacts;
  readonly feature: string;
  readonly type: ValueType;
  /** What stands in for an absent value. */
  readonly fallback: Value;
  /** What the model received, and what the replay gives, both after fallbacks. */
  readonly served: Value;
  readonly replayed: Value;
  readonly servedState: State;
  readonly replayedState: State;
  /** What the replay as available gives; undefined where the history has no created times. */
  readonly available: Value | undefined;
  /**
   * Only for a feature that is logged as HMACs: its values above are then texts (hashed-values.ts), and beside their
   * equality only this is known. undefined: the values are not hashed.
   */
  readonly hashed?: {
    /** Whether the values differ because the served one is the replayed one rounded to float32. */
    readonly isRounded: boolean;
  };
}
