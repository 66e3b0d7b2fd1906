/** An example of a mismatch: what a candidate that was chosen becomes, once its request is named. */
import type { Json } from '../../contract/std/canonical-json.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { ROW_SOURCES } from '../../contract/status.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { evidenceOf } from '../causes/explain.ts';
import type { ReplayedTimes, ServedTimes } from '../causes/facts.ts';
import type { State } from '../causes/value-state.ts';
import { computedEvidence } from '../on-demand/computed-evidence.ts';
import { exampleValue } from '../verdict/example-value.ts';
import type { Example, SideOfExample } from '../verdict/snapshot.ts';
import type { Candidate } from './example-pool.ts';

/** Which vector a value belongs to. */
export interface VectorName {
  readonly requestId: string;
  /** Which entity row of the request. */
  readonly row: number;
  readonly pod: string;
  readonly entities: Readonly<Record<string, string | null>>;
}

export function exampleOf({ value, row, decided, harm }: Candidate, vector: VectorName): Example {
  const { cause, also, withinPromise } = decided;
  const { type, served, replayed, servedState, replayedState } = value;
  const isComputed = 'inputs' in row;
  return {
    ...vector,
    servedAt: formatTimestamp(row.servedUs),
    source: isComputed ? 'computed' : ROW_SOURCES[row.source]!,
    served: side(servedState, jsonOf(type, served), isComputed ? null : row.served),
    replayed: side(replayedState, jsonOf(type, replayed), isComputed ? null : row.replayed),
    causes: [cause, ...also],
    withinPromise,
    harm,
    evidence: isComputed ? computedEvidence(type, row, cause) : evidenceOf({ ...value, row }, cause),
  };
}

const DOUBLE: ValueType = { kind: 'float64' };

/** The value as JSON; on the tensor surface an integer is a double, which may be a NaN. */
function jsonOf(type: ValueType, value: Value): Json {
  return valueToJson(typeof value === 'number' && isNumeric(type) ? DOUBLE : type, value);
}

function side(state: State, value: Json, row: ServedTimes | ReplayedTimes | null): SideOfExample {
  return {
    state,
    ...exampleValue(value),
    eventTime: row === null ? null : formatTimestamp(row.eventUs),
    createdTime: row === null || row.createdUs === null ? null : formatTimestamp(row.createdUs),
  };
}
