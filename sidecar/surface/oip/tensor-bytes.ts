/** The tensors of an answer as bytes, copied from the images of the cached rows: over HTTP and over gRPC. */
import { PRESENT, STATUSES } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { NO_VIEW } from '../../plan/feature-runs.ts';
import { statusOfRun } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { TensorOutput } from './tensor-output.ts';
import { FEATURES, tensorPlan } from './tensor-plan.ts';
import { writeComputedStatuses, writeComputedValues } from './tensor-computed.ts';
import { writeStatuses, writeValues } from './tensor-row.ts';
import { columnStatus, columnWidth, writeColumn } from './vector-column.ts';

/** Of one byte each. */
const STATUS_BYTES = STATUSES.map((_, status) => Buffer.of(status));

/**
 * The second dimension of an output's tensor. To be asked of every output before any is written.
 *
 * @throws SRV_LIST_LENGTHS
 */
export function widthOf(inFlight: RequestInFlight, { width, column }: TensorOutput): number {
  return width ?? columnWidth(inFlight, column!);
}

/** @param width  from `widthOf` */
export function writeTensor(
  inFlight: RequestInFlight,
  output: TensorOutput,
  width: number,
  out: AnswerBuffer,
): void {
  if (output.column !== null) writeColumn(inFlight, output.column, width, out);
  else if (output.name === FEATURES) writeFeatures(inFlight, out);
  else writeStatus(inFlight, out);
}

function writeFeatures(inFlight: RequestInFlight, out: AnswerBuffer): void {
  const { plan, count } = inFlight.request;
  const { segments } = tensorPlan(plan);
  const roles = plan.roleViews.length;
  for (let r = 0; r < count; r++) {
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      const status = statusOfRun(inFlight, segment, r);
      if (status !== PRESENT) out.range(segment.absentImages[status]!, 0, segment.valueBytes);
      else if (segment.onDemand !== NO_VIEW) writeComputedValues(inFlight.computed!, r, segment, out);
      else writeValues(inFlight.rows[r * roles + segment.role]!, segment, out);
    }
  }
}

function writeStatus(inFlight: RequestInFlight, out: AnswerBuffer): void {
  const { plan, count } = inFlight.request;
  const { segments, vectors } = tensorPlan(plan);
  const roles = plan.roleViews.length;
  for (let r = 0; r < count; r++) {
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      const status = statusOfRun(inFlight, segment, r);
      const absent = segment.absentImages[status]!;
      if (status !== PRESENT) out.range(absent, segment.valueBytes, absent.length);
      else if (segment.onDemand !== NO_VIEW) writeComputedStatuses(inFlight.computed!, r, segment, out);
      else writeStatuses(inFlight.rows[r * roles + segment.role]!, segment, out);
    }
    for (let v = 0; v < vectors.length; v++) out.bytes(STATUS_BYTES[columnStatus(inFlight, vectors[v]!, r)]!);
  }
}
