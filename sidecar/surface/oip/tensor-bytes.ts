/** The tensors of an answer as bytes, copied from the images of the cached rows: over HTTP and over gRPC. */
import { PRESENT, STATUSES } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { TensorOutput } from './oip-request.ts';
import { DATATYPE_BYTES } from './tensor-image.ts';
import { FEATURES, STATUS, tensorPlan } from './tensor-plan.ts';
import { writeStatuses, writeValues } from './tensor-row.ts';
import { columnStatus, columnWidth, writeColumn } from './vector-column.ts';

/** Of one byte each. */
const STATUS_BYTES = STATUSES.map((_, status) => Buffer.of(status));

/**
 * The second dimension of an output's tensor. To be asked of every output before any is written.
 *
 * @throws SRV_LIST_LENGTHS
 */
export function widthOf(inFlight: RequestInFlight, { name, column }: TensorOutput): number {
  if (column !== null) return columnWidth(inFlight, column);
  const { names, vectors } = tensorPlan(inFlight.request.plan);
  return name === FEATURES ? names.length : names.length + vectors.length;
}

export function datatypeOf(inFlight: RequestInFlight, { name, column }: TensorOutput): string {
  if (column !== null) return 'FP32';
  return name === STATUS ? 'UINT8' : tensorPlan(inFlight.request.plan).datatype;
}

/** @returns bytes of a value */
export function itemBytes(inFlight: RequestInFlight, { name, column }: TensorOutput): number {
  if (column !== null) return DATATYPE_BYTES.FP32;
  return name === STATUS ? 1 : DATATYPE_BYTES[tensorPlan(inFlight.request.plan).datatype];
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
      const at = r * roles + segment.role;
      const status = inFlight.statuses[at]!;
      if (status === PRESENT) writeValues(inFlight.rows[at]!, segment, out);
      else out.range(segment.absentImages[status]!, 0, segment.valueBytes);
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
      const at = r * roles + segment.role;
      const status = inFlight.statuses[at]!;
      const absent = segment.absentImages[status]!;
      if (status === PRESENT) writeStatuses(inFlight.rows[at]!, segment, out);
      else out.range(absent, segment.valueBytes, absent.length);
    }
    for (let v = 0; v < vectors.length; v++) out.bytes(STATUS_BYTES[columnStatus(inFlight, vectors[v]!, r)]!);
  }
}
