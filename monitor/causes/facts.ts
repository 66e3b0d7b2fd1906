/**
 * What is known about one served row and its replay: all that the search for causes may use. Plain values, so that the
 * rules can be held against any engine that decides the same. Times are microseconds; null means that there is none.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { EarlierCommit } from './altered-row.ts';
import type { FidelityCause } from '../../contract/cause.ts';
import type { Fidelity } from './fidelity.ts';
import type { RowTimes } from './row-order.ts';
import type { State } from './value-state.ts';

/** The times of a served row, from its header. */
export interface ServedTimes extends RowTimes {
  readonly definitionId: number;
  readonly writtenUs: number;
}

/** The times of a row of the history. */
export interface ReplayedTimes extends RowTimes {
  readonly definitionId: number;
  readonly runId: string | null;
  /** Whether the row is a tombstone: the entity's events were taken back. */
  readonly deleted?: boolean;
}

/** The run that wrote a row, as far as causes need it. */
export type RunFacts = Pick<RunRecord, 'runId' | 'kind' | 'state' | 'finishedUs'>;

/** A row that serving did not have, and how it came online. */
export interface AskedRow {
  readonly times: ReplayedTimes;
  /** The run that brought it online, if run records tell. */
  readonly run: RunFacts | null;
  /** The last run that should have brought it before that one, and failed; null: none did. */
  readonly failed: RunFacts | null;
}

/**
 * The served time if the pod's clock was wrong by the steps that its log tells of: steps before the answer, which put
 * it wrong, or steps after it, which put it right.
 */
export interface ClockReading {
  /** What is added to the served time; not 0. */
  readonly correctionUs: number;
  /** Whether the clock stood so before the answer, or after it. */
  readonly stands: 'before' | 'after';
  /** The row that training joins at that time, also when it is outside its TTL; null: none, or a tombstone. */
  readonly row: RowTimes | null;
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
  /** The run of the view that was at work at the served row's written time; null: none was, or no row was served. */
  readonly writer: RunFacts | null;
  /** Which row of the history the served one is; null: that is not asked, as no row was given out or can be read. */
  readonly fidelity: Fidelity | null;
  /** What is wrong with an altered row: the first cause, of FIDELITY_CAUSES, among those of its values. */
  readonly alteration: FidelityCause | null;
  /** The row that training joins; also when it is outside its TTL, and when it is a tombstone. */
  readonly replayed: ReplayedTimes | null;
  readonly replayedOutsideTtl: boolean;
  /** The oldest row that the replay sees and serving missed (missed-row.ts); null: it missed none. */
  readonly missed: AskedRow | null;
  /** The replayed row, where serving missed that one. */
  readonly missedReplayed: AskedRow | null;
  /** Only of a foreign row: the row that an honest store had at the fetch. */
  readonly honest: AskedRow | null;
  /** The row that training joins over rows of the served row's definition; null: none, or it is that of the bundle. */
  readonly ofServedDefinition: RowTimes | null;
  /** What the as-of rule gives at the served time as the pod's clock may have to be corrected; empty: it was steady. */
  readonly clocks: readonly ClockReading[];
  /** The first run of the view that ended after the vector was served. */
  readonly nextRun: RunFacts | null;
}

/** What is known about one feature value of a row, whenever it was served. */
export interface ComparedValue {
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
  /** What is wrong with this value of an altered row; null: it is what the history's row has. */
  readonly alteration: FidelityCause | null;
  /** The commit of the history that had this value of an altered row, and is no more; null: none is known. */
  readonly earlier: EarlierCommit | null;
  /** The history's value of an altered row, as evidence shows it; undefined: it is not shown. */
  readonly held?: Value | undefined;
  /** Whether the logged answer has another value than the logged row. */
  readonly isAnswerAltered: boolean;
  /** Whether the log holds HMACs: `served` and `replayed` are texts that tell whether values are equal, and no more. */
  readonly isHashed?: boolean;
}

/** The same with what is known about the row. */
export interface ValueFacts extends ComparedValue {
  readonly row: RowFacts;
}
