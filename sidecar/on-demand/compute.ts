/**
 * Computes the on-demand views of a request, one after the other: each behind those that it uses.
 *
 *   arguments (on-demand-plan.ts) of each row -> function -> values and status (computed-values.ts)
 *
 * Where a row that a view uses is UNAVAILABLE and the feature has no fallback, the function is not called. Called by
 * serve.ts, which waits for isolated views, and by get.ts.
 */
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/on-demand-function.ts';
import type { Value } from '../../contract/value-type.ts';
import { keyValueOf } from '../../contract/wire/online/entity-key.ts';
import type { CachedRow } from '../cache/cached-row.ts';
import { NO_PIECE } from '../cache/ready-ring.ts';
import type { OnDemandPlan, UsedColumns, UsedRow } from '../plan/on-demand-plan.ts';
import type { FeatureRequest } from '../request/feature-request.ts';
import type { ComputedValues } from './computed-values.ts';
import type { FailureReason } from './on-demand-tally.ts';

/**
 * How long the views of a request may hold the thread in all, and then as long once more in processor time, since a
 * machine that stood still is not the functions' doing. Many rows may share one long list, and many views one body;
 * rows behind are UNAVAILABLE (slow).
 */
const MOST_MS = 50;
const LOOK_ROWS = 64;
const LATE =
  'its process had not answered at the deadline of the request (serve.deadlineMs): ' +
  'it is slow, waits behind others, or the machine is busy';

/** What functions are given of a request that is being served. */
export interface ComputedRequest {
  readonly request: Pick<FeatureRequest, 'plan' | 'count' | 'parts' | 'inputs'>;
  readonly nowUs: number;
  readonly rows: readonly (CachedRow | null)[];
  readonly statuses: readonly number[];
  readonly computed: ComputedValues | null;
}

/** Some rows of a request for an isolated function. */
interface IsolatedRows {
  /** Indexes of the rows that it is called for. */
  readonly rows: readonly number[];
  readonly values: readonly (readonly Value[])[];
}

/** Computes a view in this thread. @param v  its index in the plan, of one that is not isolated */
export function computeHere(of: ComputedRequest, v: number): void {
  const { plan, count } = of.request;
  const onDemand = plan.onDemand[v]!;
  const { runner } = onDemand;
  const startMs = performance.now();
  if (runner.isOff(startMs)) return runner.failed('slow', count, null, startMs);
  const computed = of.computed!;
  const { given, outputs } = onDemand;
  const width = outputs.length;
  setRequestTime(of, onDemand);
  let calls = 0;
  let used = 0;
  const { heldMs } = computed;
  let cpu: NodeJS.CpuUsage | null = null;
  for (let r = 0; r < count; r++) {
    if (isLook(r) && heldMs + performance.now() - startMs > MOST_MS) {
      cpu ??= process.cpuUsage();
      if (computed.heldCpuUs + usSince(cpu) > MOST_MS * 1_000) {
        runner.failed('slow', count - r, `the request's views take over ${2 * MOST_MS} ms in all`, startMs);
        break;
      }
    }
    if (!setArguments(of, onDemand, r)) {
      used += 1;
      continue;
    }
    calls += 1;
    const failed = runner.call(given, outputs);
    if (failed !== null) {
      runner.failed(failed.reason, 1, failed.message, startMs);
      continue;
    }
    const at = r * computed.columns + onDemand.firstColumn;
    for (let i = 0; i < width; i++) computed.values[at + i] = outputs[i]!;
    computed.statuses[r * computed.views + v] = PRESENT;
  }
  if (used > 0) runner.failed('used', used, null, startMs);
  const endMs = performance.now();
  computed.heldMs = heldMs + endMs - startMs;
  if (cpu !== null) computed.heldCpuUs += usSince(cpu);
  runner.ran(calls, endMs - startMs, endMs);
}

/** Whether to look at the clock before a row: before 0, 1, 2, 4, ... 64, and each 64 from there on. */
function isLook(r: number): boolean {
  return (r & (r - 1)) === 0 || r % LOOK_ROWS === 0;
}

function usSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** @returns the rows that an isolated view is called for; null: none */
export function isolatedRows(of: ComputedRequest, v: number): IsolatedRows | null {
  const { plan, count } = of.request;
  const onDemand = plan.onDemand[v]!;
  const rows: number[] = [];
  const values: Value[][] = [];
  setRequestTime(of, onDemand);
  for (let r = 0; r < count; r++) {
    if (!setArguments(of, onDemand, r)) continue;
    rows.push(r);
    values.push(onDemand.given.slice());
  }
  if (rows.length < count) onDemand.runner.failed('used', count - rows.length, null, performance.now());
  return rows.length === 0 ? null : { rows, values };
}

/** Takes what an isolated view gave. @param outcomes  one for each of `rows` */
export function takeIsolated(
  of: ComputedRequest,
  v: number,
  rows: readonly number[],
  outcomes: readonly OnDemandOutcome[],
): void {
  const computed = of.computed!;
  const { firstColumn, runner } = of.request.plan.onDemand[v]!;
  for (let i = 0; i < rows.length; i++) {
    const outcome = outcomes[i]!;
    if (outcome instanceof OnDemandFault) {
      runner.failed(outcome.reason, 1, outcome.message, performance.now());
      continue;
    }
    const at = rows[i]! * computed.columns + firstColumn;
    for (let c = 0; c < outcome.length; c++) computed.values[at + c] = outcome[c]!;
    computed.statuses[rows[i]! * computed.views + v] = PRESENT;
  }
}

/** A view is not waited for any longer, or could not be computed: its rows stay UNAVAILABLE. */
export function giveUp(of: ComputedRequest, v: number, reason: FailureReason, rows: number): void {
  const message = reason === 'late' ? LATE : null;
  of.request.plan.onDemand[v]!.runner.failed(reason, rows, message, performance.now());
}

function setRequestTime({ nowUs }: ComputedRequest, { times, given }: OnDemandPlan): void {
  for (let i = 0; i < times.length; i++) given[times[i]!] = BigInt(nowUs);
}

/** @returns false where a value that the function needs is not known: it must not be called */
function setArguments(of: ComputedRequest, onDemand: OnDemandPlan, r: number): boolean {
  const { inputs, keys, rows, computed, given } = onDemand;
  const { request } = of;
  for (let i = 0; i < inputs.length; i++) {
    const column = request.inputs[inputs[i]!.input]!;
    given[inputs[i]!.argument] = column[column.length === 1 ? 0 : r]!;
  }
  for (let i = 0; i < keys.length; i++) {
    const { argument, key } = keys[i]!;
    const part = request.parts[key]![r]!;
    given[argument] = part === null ? null : keyValueOf(request.plan.keys[key]!, part);
  }
  for (let i = 0; i < rows.length; i++) if (!setFromRow(of, rows[i]!, r, given)) return false;
  for (let i = 0; i < computed.length; i++) if (!setFromColumns(of, computed[i]!, r, given)) return false;
  return true;
}

function setFromRow(of: ComputedRequest, used: UsedRow, r: number, given: Value[]): boolean {
  const { role, argument, features, fallbacks } = used;
  const place = r * of.request.plan.roleViews.length + role;
  const status = of.statuses[place]!;
  if (status !== PRESENT) {
    return setFallbacks(given, argument, fallbacks, status === UNAVAILABLE);
  }
  const row = of.rows[place]!;
  if (used.areNumbers && row.isWhole) {
    setNumbers(row, used, given);
    return true;
  }
  const { values } = row;
  for (let i = 0; i < features.length; i++) {
    const value = values[features[i]!];
    // The row's older definition lacks the feature.
    given[argument + i] = value === undefined ? fallbacks[i]! : value;
  }
  return true;
}

/**
 * Of a row that lacks no value. Kept as doubles in the ready ring, since decoding a row takes several times as long:
 *
 *   piece = f64 little endian of each feature
 */
function setNumbers(row: CachedRow, { argument, features, kind }: UsedRow, given: Value[]): void {
  const from = row.findReady(kind);
  if (from !== NO_PIECE) {
    const { view } = row.ready!;
    for (let i = 0; i < features.length; i++) given[argument + i] = view.getFloat64(from + i * 8, true);
    return;
  }
  const { values } = row;
  const piece = Buffer.allocUnsafe(features.length * 8);
  for (let i = 0; i < features.length; i++) {
    const value = values[features[i]!] as number;
    given[argument + i] = value;
    piece.writeDoubleLE(value, i * 8);
  }
  row.keep(kind, piece);
}

function setFromColumns(of: ComputedRequest, used: UsedColumns, r: number, given: Value[]): boolean {
  const { onDemand, argument, columns, fallbacks } = used;
  const computed = of.computed!;
  if (computed.statuses[r * computed.views + onDemand] === UNAVAILABLE) {
    return setFallbacks(given, argument, fallbacks, true);
  }
  for (let i = 0; i < columns.length; i++) {
    given[argument + i] = computed.values[r * computed.columns + columns[i]!]!;
  }
  return true;
}

/** @returns false where one is needed, since the value is not known, and there is none */
function setFallbacks(
  given: Value[],
  argument: number,
  fallbacks: readonly Value[],
  isNeeded: boolean,
): boolean {
  for (let i = 0; i < fallbacks.length; i++) {
    if (isNeeded && fallbacks[i] === null) return false;
    given[argument + i] = fallbacks[i]!;
  }
  return true;
}
