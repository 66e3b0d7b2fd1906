/** Requests and answers of the Open Inference Protocol with binary tensors, written apart from the sidecar's code. */

export interface TensorInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: readonly unknown[];
  readonly parameters?: object;
}

interface TensorOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: readonly (number | null)[];
  readonly parameters?: { readonly binary_data_size: number };
}

interface TensorAnswer {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: readonly TensorOutput[];
}

/** @returns the body, and the length of its JSON */
export function binaryRequest(
  request: { readonly inputs: readonly TensorInput[]; readonly [field: string]: unknown },
  tensors: readonly Buffer[],
): { readonly body: Buffer; readonly jsonBytes: number } {
  const inputs = request.inputs.map((input, i) =>
    tensors[i] === undefined
      ? input
      : { parameters: { binary_data_size: tensors[i].length }, ...input, data: undefined },
  );
  const json = Buffer.from(JSON.stringify({ ...request, inputs }));
  return { body: Buffer.concat([json, ...tensors]), jsonBytes: json.length };
}

export function int64Bytes(values: readonly bigint[]): Buffer {
  return Buffer.from(BigInt64Array.from(values).buffer);
}

export function int32Bytes(values: readonly number[]): Buffer {
  return Buffer.from(Int32Array.from(values).buffer);
}

export function textBytes(values: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const bytes = Buffer.from(value);
      return [Buffer.from(Uint32Array.of(bytes.length).buffer), bytes];
    }),
  );
}

/** @returns the JSON, and by name the bytes of the outputs that are binary */
export async function readAnswer(
  response: Response,
): Promise<{ readonly json: TensorAnswer; readonly binary: Readonly<Record<string, Buffer>> }> {
  const body = Buffer.from(await response.arrayBuffer());
  const header = response.headers.get('inference-header-content-length');
  let at = header === null ? body.length : Number(header);
  const json = JSON.parse(body.toString('utf8', 0, at)) as TensorAnswer;
  const binary: Record<string, Buffer> = {};
  for (const { name, parameters } of json.outputs) {
    if (parameters === undefined) continue;
    binary[name] = Buffer.from(body.subarray(at, (at += parameters.binary_data_size)));
  }
  if (at !== body.length) throw new Error(`${body.length - at} bytes behind the last tensor`);
  return { json, binary };
}

export function doubles(bytes: Buffer): number[] {
  return [...new Float64Array(Uint8Array.from(bytes).buffer)];
}

export function floats(bytes: Buffer): number[] {
  return [...new Float32Array(Uint8Array.from(bytes).buffer)];
}
