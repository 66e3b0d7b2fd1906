/**
 * What is known about one served row and its replay: the whole input of the comparison and of the search for causes.
 * Times are microseconds; null means that there is none.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { State } from './value-state.ts';

/** A row as it was served: what its header says. */
export interface ServedTimes {
  readonly eventUs: number;
  readonly createdUs: number | null;
  readonly definitionId: number;
  readonly writtenUs: number;
}

/** A row of the history. */
export interface ReplayedTimes {
  readonly eventUs: number;
  readonly createdUs: number | null;
  readonly definitionId: number;
  readonly runId: string | null;
  /** A tombstone: the entity's events were taken back. */
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
  /** As trained; also a row outside its TTL. */
  readonly replayed: ReplayedTimes | null;
  readonly replayedOutsideTtl: boolean;
  /** As available. */
  readonly available: ReplayedTimes | null;
  /** Event time of the first row after the served one (of the first row, where none was served) that the replay
   * could see; null where nothing was missed. */
  readonly oldestMissedUs: number | null;
  /** Whether the history has any row of the entity, whenever. */
  readonly inHistory: boolean;
  /** The run that brought the replayed row online, as far as run records tell; a view without a row has none. */
  readonly run: RunRecord | null;
  /** The first run of the view to end after serving. */
  readonly nextRun: RunRecord | null;
}

/** One value of it. */
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
   * Of a feature that is logged as HMACs, whose values are texts here (hashed-values.ts): all that is known of them
   * beside whether they are equal. undefined: the values are the values.
   */
  readonly hashed?: {
    /** Whether the two are different and the served value is the replayed one rounded to float32. */
    readonly isRounded: boolean;
  };
}
