/**
 * An answer of the Open Inference Protocol over HTTP, copied from the images of the cached rows: JSON that describes
 * the tensors, and behind it the bytes of those that were asked for as bytes.
 */
import { PRESENT } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { JSON_HEADERS } from '../../transport/transport.ts';
import { NO_VIEW } from '../../plan/feature-runs.ts';
import { oldestAgeUs, statusOfRun } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { float32Text, float64Text } from '../value-text.ts';
import type { TensorForm } from './oip-request.ts';
import { widthOf, writeTensor } from './tensor-bytes.ts';
import { DATATYPE_BYTES } from './tensor-image.ts';
import type { TensorDatatype } from './tensor-image.ts';
import { computedImage } from './tensor-computed.ts';
import { FEATURES, tensorPlan } from './tensor-plan.ts';
import type { TensorSegment } from './tensor-plan.ts';
import type { TensorOutput } from './tensor-output.ts';
import { rowImage } from './tensor-row.ts';
import { columnNumbers, columnStatus } from './vector-column.ts';

export function answerOip(
  inFlight: RequestInFlight<TensorForm>,
  latencyMs: number,
  out: AnswerBuffer,
): ReplyHeaders {
  const { count, form, plan } = inFlight.request;
  const { id, outputs } = form;
  const { deprecations } = plan;
  const widths: number[] = [];
  for (let i = 0; i < outputs.length; i++) widths.push(widthOf(inFlight, outputs[i]!));
  out.text(headText(inFlight, latencyMs, id));
  let binary = false;
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i]!;
    const head = `${output.headText}${count},${widths[i]}],`;
    out.text(i === 0 ? head : `,${head}`);
    if (output.binary) {
      binary = true;
      const size = count * widths[i]! * output.itemBytes;
      out.text(`"parameters":{"binary_data_size":${size}}}`);
    } else {
      out.text(`"data":[${tensorText(inFlight, output, widths[i]!)}]}`);
    }
  }
  out.text(']}');
  if (!binary) return deprecations === null ? JSON_HEADERS : deprecations.jsonHeaders;
  const jsonBytes = out.length;
  for (let i = 0; i < outputs.length; i++)
    if (outputs[i]!.binary) writeTensor(inFlight, outputs[i]!, widths[i]!, out);
  const type = ['content-type', 'application/octet-stream'] as const;
  const length = ['inference-header-content-length', String(jsonBytes)] as const;
  return deprecations === null ? [type, length] : [type, length, deprecations.header];
}

function headText(inFlight: RequestInFlight, latencyMs: number, id: string | null): string {
  const { plan } = inFlight.request;
  const oldestUs = oldestAgeUs(inFlight);
  const age = oldestUs === -1 ? '' : `,"oldest_age_ms":${oldestUs / 1_000}`;
  const idText = id === null ? '' : `"id":${JSON.stringify(id)},`;
  return (
    `{"model_name":${JSON.stringify(plan.service)},"model_version":"${plan.version}",${idText}` +
    `"parameters":{"request_id":"${inFlight.requestId}","bundle":"${plan.bundle}",` +
    `"latency_ms":${latencyMs.toFixed(3)}${age}},"outputs":[`
  );
}

/** The same values as text, read from the same images. */
function tensorText(inFlight: RequestInFlight, { name, column }: TensorOutput, width: number): string {
  if (column !== null) return columnNumbers(inFlight, column, width).map(float32Text).join(',');
  return name === FEATURES ? featuresText(inFlight) : statusText(inFlight);
}

function featuresText(inFlight: RequestInFlight): string {
  const { datatype, segments } = tensorPlan(inFlight.request.plan);
  const texts: string[] = [];
  for (let r = 0; r < inFlight.request.count; r++) {
    for (const segment of segments) {
      const image = imageOf(inFlight, segment, r);
      for (let i = 0; i < segment.features.length; i++) texts.push(valueText(image, datatype, i));
    }
  }
  return texts.join(',');
}

function valueText(image: Buffer, datatype: TensorDatatype, i: number): string {
  if (datatype === 'FP32') return float32Text(image.readFloatLE(i * DATATYPE_BYTES.FP32));
  return float64Text(image.readDoubleLE(i * DATATYPE_BYTES.FP64));
}

function statusText(inFlight: RequestInFlight): string {
  const { segments, vectors } = tensorPlan(inFlight.request.plan);
  const codes: number[] = [];
  for (let r = 0; r < inFlight.request.count; r++) {
    for (const segment of segments) {
      const image = imageOf(inFlight, segment, r);
      for (let at = segment.valueBytes; at < image.length; at++) codes.push(image[at]!);
    }
    for (const column of vectors) codes.push(columnStatus(inFlight, column, r));
  }
  return codes.join(',');
}

function imageOf(inFlight: RequestInFlight, segment: TensorSegment, r: number): Buffer {
  const status = statusOfRun(inFlight, segment, r);
  if (status !== PRESENT) return segment.absentImages[status]!;
  if (segment.onDemand !== NO_VIEW) return computedImage(inFlight.computed!, r, segment);
  return rowImage(inFlight.rows[r * inFlight.request.plan.roleViews.length + segment.role]!, segment);
}
