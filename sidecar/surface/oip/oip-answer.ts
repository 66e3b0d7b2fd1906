/**
 * An answer of the Open Inference Protocol, copied from the images of the cached rows: JSON that describes the tensors,
 * and behind it the bytes of those that were asked for as bytes.
 */
import { PRESENT } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { JSON_HEADERS } from '../../transport/transport.ts';
import { oldestAgeUs } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { float32Text, float64Text } from '../value-text.ts';
import type { TensorForm, TensorOutput } from './oip-request.ts';
import { DATATYPE_BYTES } from './tensor-image.ts';
import type { TensorDatatype } from './tensor-image.ts';
import { tensorPlan } from './tensor-plan.ts';
import type { TensorSegment } from './tensor-plan.ts';
import { rowImage, writeStatuses, writeValues } from './tensor-row.ts';

export function answerOip(
  inFlight: RequestInFlight<TensorForm>,
  latencyMs: number,
  out: AnswerBuffer,
): ReplyHeaders {
  const { plan, count, form } = inFlight.request;
  const { datatype, names } = tensorPlan(plan);
  const values = count * names.length;
  const { id, outputs } = form;
  out.text(headText(inFlight, latencyMs, id));
  let binary = false;
  for (let i = 0; i < outputs.length; i++) {
    const output = outputs[i]!;
    const ofFeatures = output.name === 'features';
    const type = ofFeatures ? datatype : 'UINT8';
    const head = `{"name":"${output.name}","datatype":"${type}","shape":[${count},${names.length}],`;
    out.text(i === 0 ? head : `,${head}`);
    if (output.binary) {
      binary = true;
      const size = values * (ofFeatures ? DATATYPE_BYTES[datatype] : 1);
      out.text(`"parameters":{"binary_data_size":${size}}}`);
    } else {
      out.text(`"data":[${ofFeatures ? featuresText(inFlight) : statusText(inFlight)}]}`);
    }
  }
  out.text(']}');
  if (!binary) return JSON_HEADERS;
  const jsonBytes = out.length;
  for (let i = 0; i < outputs.length; i++)
    if (outputs[i]!.binary) copyTensor(inFlight, outputs[i]!.name, out);
  return [
    ['content-type', 'application/octet-stream'],
    ['inference-header-content-length', String(jsonBytes)],
  ];
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

function copyTensor(inFlight: RequestInFlight, name: TensorOutput['name'], out: AnswerBuffer): void {
  const { plan, count } = inFlight.request;
  const { segments } = tensorPlan(plan);
  const roles = plan.roleViews.length;
  const ofFeatures = name === 'features';
  for (let r = 0; r < count; r++) {
    for (let s = 0; s < segments.length; s++) {
      const segment = segments[s]!;
      const at = r * roles + segment.role;
      const status = inFlight.statuses[at]!;
      const absent = status === PRESENT ? null : segment.absentImages[status]!;
      if (ofFeatures) {
        if (absent === null) writeValues(inFlight.rows[at]!, segment, out);
        else out.range(absent, 0, segment.valueBytes);
      } else if (absent === null) writeStatuses(inFlight.rows[at]!, segment, out);
      else out.range(absent, segment.valueBytes, absent.length);
    }
  }
}

function imageOf(inFlight: RequestInFlight, segment: TensorSegment, r: number): Buffer {
  const at = r * inFlight.request.plan.roleViews.length + segment.role;
  const status = inFlight.statuses[at]!;
  return status === PRESENT ? rowImage(inFlight.rows[at]!, segment) : segment.absentImages[status]!;
}

/** The same values as text, read from the same images. */
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
  const codes: number[] = [];
  for (let r = 0; r < inFlight.request.count; r++) {
    for (const segment of tensorPlan(inFlight.request.plan).segments) {
      const image = imageOf(inFlight, segment, r);
      for (let at = segment.valueBytes; at < image.length; at++) codes.push(image[at]!);
    }
  }
  return codes.join(',');
}
