/**
 * The tensors of a logged answer of the Open Inference Protocol, over HTTP (JSON, and bytes behind it) and over gRPC,
 * and what they say of a feature: a column of `features`, or a tensor of its own.
 */
import { isNumeric, isVector } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { MessageReader } from '../../contract/wire/proto/message-reader.ts';
import { answerJson } from './answered-value.ts';
import type { NumberText } from './answered-value.ts';

interface LoggedTensor {
  readonly name: string;
  /** Numbers in each row. */
  readonly width: number;
  readonly numbers: readonly number[];
  readonly isFloat32: boolean;
  /** As JSON, which has null for each number that is not finite. */
  readonly isText: boolean;
}

/** A feature of the answering service. */
export interface ToldFeature {
  /** Full. */
  readonly name: string;
  readonly type: ValueType;
}

export class LoggedTensors {
  readonly #tensors: readonly LoggedTensor[];
  /** The columns of `features`: those that are numbers, in the service's order. */
  readonly #columns: readonly string[];

  /** @param features  of the service, in its order */
  constructor(tensors: readonly LoggedTensor[], features: readonly ToldFeature[]) {
    this.#tensors = tensors;
    this.#columns = features.filter(({ type }) => isNumeric(type)).map(({ name }) => name);
  }

  /** @returns null: no tensor tells of that feature */
  says(row: number, { name, type }: ToldFeature, value: Value): boolean | null {
    if (isNumeric(type)) {
      const tensor = this.#tensors.find((each) => each.name === 'features');
      return tensor === undefined
        ? null
        : saysNumber(tensor, row * tensor.width + this.#columns.indexOf(name), value);
    }
    const tensor = isVector(type) ? this.#tensors.find((each) => each.name === name) : undefined;
    return tensor === undefined ? null : saysItems(tensor, row, value);
  }
}

function saysItems(tensor: LoggedTensor, row: number, value: Value): boolean {
  const { width } = tensor;
  // An absent one is as wide as those of the other rows.
  const items = value === null ? null : (value as Float32Array | readonly Value[]);
  if (items !== null && items.length !== width) return false;
  for (let i = 0; i < width; i++) {
    if (!saysNumber(tensor, row * width + i, items === null ? null : items[i]!)) return false;
  }
  return tensor.numbers.length >= (row + 1) * width;
}

function saysNumber({ numbers, isFloat32, isText }: LoggedTensor, at: number, value: Value): boolean {
  const said = numbers[at];
  const number = value === null ? Number.NaN : Number(value);
  const expected = isFloat32 ? Math.fround(number) : number;
  const shown = isText && !Number.isFinite(expected) ? Number.NaN : expected;
  return said !== undefined && Object.is(said, shown);
}

/** @throws Error for what is no such answer */
export function tensorsOfBody(bytes: Buffer): LoggedTensor[] {
  const end = jsonEnd(bytes);
  const { outputs } = answerJson(bytes.toString('utf8', 0, end)) as unknown as {
    outputs: {
      name: string;
      datatype: string;
      shape: readonly NumberText[];
      data?: readonly (NumberText | null)[];
      parameters?: { binary_data_size: NumberText };
    }[];
  };
  let from = end;
  return outputs.map(({ name, datatype, shape, data, parameters }) => {
    const size = Number(parameters?.binary_data_size.text ?? 0);
    const isFloat32 = datatype === 'FP32';
    const numbers =
      data === undefined
        ? numbersOf(bytes.subarray(from, from + size), isFloat32)
        : data.map((item) => (item === null ? Number.NaN : Number(item.text)));
    from += size;
    return {
      name,
      width: Number(shape[1]!.text),
      numbers: isFloat32 ? numbers.map(Math.fround) : numbers,
      isFloat32,
      isText: data !== undefined,
    };
  });
}

/** Of a ModelInferResponse. @throws as `tensorsOfBody` */
export function tensorsOfMessage(bytes: Buffer): LoggedTensor[] {
  const outputs: { name: string; datatype: string; width: number; contents: Buffer }[] = [];
  const raw: Buffer[] = [];
  const reader = new MessageReader(bytes);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 5) outputs.push(readOutput(reader.message()));
    else if (field === 6) raw.push(reader.bytes());
    else reader.skip();
  }
  return outputs.map(({ name, datatype, width, contents }, i) => {
    const isFloat32 = datatype === 'FP32';
    return { name, width, numbers: numbersOf(raw[i] ?? contents, isFloat32), isFloat32, isText: false };
  });
}

function readOutput(reader: MessageReader): {
  name: string;
  datatype: string;
  width: number;
  contents: Buffer;
} {
  let [name, datatype, width] = ['', '', 0];
  let contents: Buffer = Buffer.alloc(0);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) datatype = reader.text();
    else if (field === 3) width = Number(reader.varints().at(-1));
    else if (field === 5) contents = readContents(reader.message());
    else reader.skip();
  }
  return { name, datatype, width, contents };
}

/** @returns the packed numbers; none of a tensor of statuses */
function readContents(reader: MessageReader): Buffer {
  let contents: Buffer = Buffer.alloc(0);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 6 || field === 7) contents = reader.bytes();
    else reader.skip();
  }
  return contents;
}

function numbersOf(bytes: Buffer, isFloat32: boolean): number[] {
  const size = isFloat32 ? 4 : 8;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) =>
    isFloat32 ? bytes.readFloatLE(i * size) : bytes.readDoubleLE(i * size),
  );
}

/** Where the JSON that stands before the bytes of tensors ends: at the brace that closes the first one. */
function jsonEnd(bytes: Buffer): number {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inText) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b) depth += 1;
    else if (byte === 0x7d && --depth === 0) return i + 1;
  }
  return bytes.length;
}
