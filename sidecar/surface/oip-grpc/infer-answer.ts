/**
 * A ModelInferResponse, copied from the images of the cached rows. Its tensors come in the form of the request's: as
 * bytes (raw_output_contents), or as lists of values. Both are the same bytes: doubles and floats are packed little
 * endian, and a status is a varint of one byte.
 *
 *   ModelInferResponse   1 model_name, 2 model_version, 3 id, 4 parameters, 5 outputs, 6 raw_output_contents
 *   InferOutputTensor    1 name, 2 datatype, 3 shape, 5 contents (4 uint_contents, 6 fp32_contents, 7 fp64_contents)
 */
import { MessageWriter } from '../../../contract/wire/proto/message-writer.ts';
import { oldestAgeUs } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import type { TensorForm } from '../oip/oip-request.ts';
import { widthOf, writeTensor } from '../oip/tensor-bytes.ts';
import type { TensorOutput } from '../oip/tensor-output.ts';

export interface InferForm extends TensorForm {
  readonly isRaw: boolean;
}

const PARAMETERS = 4;
const OUTPUTS = 5;
const RAW_CONTENTS = 6;
const CONTENTS = 5;
/** Lists of contents by datatype. */
const LISTS: Readonly<Record<string, number>> = { UINT8: 4, FP32: 6, FP64: 7 };
const NO_HEADERS: ReplyHeaders = [];

const writer = new MessageWriter();

export function answerInfer(
  inFlight: RequestInFlight<InferForm>,
  latencyMs: number,
  out: AnswerBuffer,
): ReplyHeaders {
  const { form, plan } = inFlight.request;
  const { outputs, isRaw } = form;
  const headers = plan.deprecations === null ? NO_HEADERS : plan.deprecations.headers;
  const widths: number[] = [];
  for (let i = 0; i < outputs.length; i++) widths.push(widthOf(inFlight, outputs[i]!));
  writeHead(inFlight, latencyMs);
  if (!isRaw) {
    out.bytes(writer.end());
    for (let i = 0; i < outputs.length; i++) writeTyped(inFlight, outputs[i]!, widths[i]!, out);
    return headers;
  }
  for (let i = 0; i < outputs.length; i++) {
    const opened = writer.open(OUTPUTS);
    describeTensor(inFlight, outputs[i]!, widths[i]!);
    writer.close(opened);
  }
  out.bytes(writer.end());
  for (let i = 0; i < outputs.length; i++) {
    writer.begin();
    writer.lengthOf(RAW_CONTENTS, bytesOf(inFlight, outputs[i]!, widths[i]!));
    out.bytes(writer.end());
    writeTensor(inFlight, outputs[i]!, widths[i]!, out);
  }
  return headers;
}

function writeHead(inFlight: RequestInFlight<InferForm>, latencyMs: number): void {
  const { plan, form } = inFlight.request;
  writer.begin();
  writer.text(1, plan.service);
  writer.text(2, String(plan.version));
  if (form.id !== null) writer.text(3, form.id);
  writeParameter('request_id', inFlight.requestId);
  writeParameter('bundle', plan.bundle);
  writeParameter('latency_ms', latencyMs);
  const oldestUs = oldestAgeUs(inFlight);
  if (oldestUs !== -1) writeParameter('oldest_age_ms', oldestUs / 1_000);
}

/** An entry of a map: 1 key, 2 value (3 string_param, 4 double_param). */
function writeParameter(key: string, value: string | number): void {
  const entry = writer.open(PARAMETERS);
  writer.text(1, key);
  const parameter = writer.open(2);
  if (typeof value === 'string') writer.text(3, value);
  else writer.double(4, value);
  writer.close(parameter);
  writer.close(entry);
}

function describeTensor(inFlight: RequestInFlight, output: TensorOutput, width: number): void {
  writer.text(1, output.name);
  writer.text(2, output.datatype);
  writer.ints(3, [inFlight.request.count, width]);
}

/** Writes a tensor with its values in it: each length stands before what it counts. */
function writeTyped(inFlight: RequestInFlight, output: TensorOutput, width: number, out: AnswerBuffer): void {
  const bytes = bytesOf(inFlight, output, width);
  writer.begin();
  writer.lengthOf(LISTS[output.datatype]!, bytes);
  const list = Buffer.from(writer.end());
  writer.begin();
  describeTensor(inFlight, output, width);
  writer.lengthOf(CONTENTS, list.length + bytes);
  const head = Buffer.from(writer.end());
  writer.begin();
  writer.lengthOf(OUTPUTS, head.length + list.length + bytes);
  out.bytes(writer.end());
  out.bytes(head);
  out.bytes(list);
  writeTensor(inFlight, output, width, out);
}

function bytesOf(inFlight: RequestInFlight, output: TensorOutput, width: number): number {
  return inFlight.request.count * width * output.itemBytes;
}
