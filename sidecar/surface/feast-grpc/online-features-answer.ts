/**
 * A GetOnlineFeaturesResponse: a vector for each join key, then one for each feature, as over HTTP. Called by
 * feast-grpc.ts.
 *
 *   GetOnlineFeaturesResponse   1 metadata (1 feature_names: 1 name, repeated), 2 results
 *   FeatureVector               1 values, 2 statuses, 3 event_timestamps (1 seconds, 2 nanos), each one a row
 */
import { MISSING, NULL, PRESENT } from '../../../contract/status.ts';
import type { Value } from '../../../contract/value-type.ts';
import type { Feature } from '../../../contract/model.ts';
import { MessageWriter } from '../../../contract/wire/proto/message-writer.ts';
import { sidecarError } from '../../errors.ts';
import { featureRuns } from '../../plan/feature-runs.ts';
import { COMPUTED } from '../../plan/plan.ts';
import { statusOfRun } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { writeValue } from './value-message.ts';

export interface OnlineFeaturesForm {
  /** In the order of the results: keys, then features. */
  readonly names: readonly string[];
}

const METADATA = 1;
const RESULTS = 2;
const VALUES = 1;
const STATUSES = 2;
const TIMES = 3;
/** Feast's codes of our statuses: PRESENT, NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE, INVALID. */
const FIELD_STATUS = [1, 2, 3, 4, 0];
const KEY_STATUS = FIELD_STATUS[PRESENT]!;
const NO_HEADERS: ReplyHeaders = [];

const writer = new MessageWriter();

/** @throws SRV_NO_FORM */
export function answerOnlineFeatures(
  inFlight: RequestInFlight<OnlineFeaturesForm>,
  _latencyMs: number,
  out: AnswerBuffer,
): ReplyHeaders {
  const { plan, form } = inFlight.request;
  writer.begin();
  const metadata = writer.open(METADATA);
  const names = writer.open(1);
  for (const name of form.names) writer.text(1, name);
  writer.close(names);
  writer.close(metadata);
  for (let k = 0; k < plan.keys.length; k++) writeKey(inFlight, k);
  for (let f = 0; f < plan.featureCount; f++) writeFeature(inFlight, f);
  out.bytes(writer.end());
  return plan.deprecations === null ? NO_HEADERS : plan.deprecations.headers;
}

function writeKey(inFlight: RequestInFlight, k: number): void {
  const { plan, count, texts } = inFlight.request;
  const { type } = plan.keys[k]!;
  const result = writer.open(RESULTS);
  for (let r = 0; r < count; r++) {
    const text = texts[k]![r]!;
    const value =
      type === 'string' ? (JSON.parse(text) as string) : type === 'int32' ? Number(text) : BigInt(text);
    writeValue(writer, VALUES, { kind: type }, value);
  }
  writer.ints(
    STATUSES,
    Array.from({ length: count }, () => KEY_STATUS),
  );
  for (let r = 0; r < count; r++) writeTime(0);
  writer.close(result);
}

function writeFeature(inFlight: RequestInFlight, f: number): void {
  const { plan, count } = inFlight.request;
  const role = plan.featureRoles[f]!;
  if (role === COMPUTED) return writeComputed(inFlight, f);
  const index = plan.featureIndexes[f]!;
  const feature = plan.featureDefinitions[f]!;
  const roles = plan.roleViews.length;
  const statuses: number[] = [];
  const result = writer.open(RESULTS);
  for (let at = role, r = 0; r < count; at += roles, r++) {
    const rowStatus = inFlight.statuses[at]!;
    const value = rowStatus === PRESENT ? inFlight.rows[at]!.values[index] : undefined;
    statuses.push(FIELD_STATUS[rowStatus === PRESENT ? valueStatus(value) : rowStatus]!);
    const shown = value === undefined ? feature.missing : value;
    if (!writeValue(writer, VALUES, feature.type, shown)) throw nullItem(plan.fullNames[f]!, feature, r);
  }
  writer.ints(STATUSES, statuses);
  for (let at = role, r = 0; r < count; at += roles, r++) {
    const row = inFlight.rows[at]!;
    writeTime(row === null || row.raw === null ? 0 : row.eventUs);
  }
  writer.close(result);
}

/** A feature of an on-demand view, which has no time. */
function writeComputed(inFlight: RequestInFlight, f: number): void {
  const { plan, count } = inFlight.request;
  const { values, columns } = inFlight.computed!;
  const column = plan.featureIndexes[f]!;
  const feature = plan.featureDefinitions[f]!;
  const run = featureRuns(plan, [f])[0]!;
  const statuses: number[] = [];
  const result = writer.open(RESULTS);
  for (let r = 0; r < count; r++) {
    const status = statusOfRun(inFlight, run, r);
    const value = status === PRESENT ? values[r * columns + column]! : undefined;
    statuses.push(FIELD_STATUS[status === PRESENT ? valueStatus(value) : status]!);
    const shown = value === undefined ? feature.missing : value;
    if (!writeValue(writer, VALUES, feature.type, shown)) throw nullItem(plan.fullNames[f]!, feature, r);
  }
  writer.ints(STATUSES, statuses);
  for (let r = 0; r < count; r++) writeTime(0);
  writer.close(result);
}

function valueStatus(value: Value | undefined): number {
  return value === undefined ? MISSING : value === null ? NULL : PRESENT;
}

function writeTime(us: number): void {
  const opened = writer.open(TIMES);
  const seconds = Math.floor(us / 1_000_000);
  if (seconds !== 0) writer.int(1, seconds);
  if (us !== seconds * 1_000_000) writer.uint(2, (us - seconds * 1_000_000) * 1_000);
  writer.close(opened);
}

function nullItem(name: string, { type }: Feature, row: number): Error {
  const message = `${name} (${type.kind}) of row ${row} holds a null in a list, for which Feast's Value has no form`;
  return sidecarError('SRV_NO_FORM', message, { field: name });
}
