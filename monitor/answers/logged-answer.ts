/**
 * The bytes of one answer, as they were logged beside the rows that it was made of: what the model was told, row by row
 * and feature by feature. Compared with the rows, so that a fault between reading a row and answering it is found.
 *
 * An answer that cannot be read at all says of no value what its rows say.
 */
import type { Bundle, FeatureService } from '../../contract/model.ts';
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { NumberText, saysValue } from './answered-value.ts';
import type { AnswerForm, AnswerJson } from './answered-value.ts';

interface AnsweredFeature {
  /** Full. */
  readonly name: string;
  readonly type: ValueType;
}

/** The columns of a tensor: the features that are numbers, in the service's order. */
interface Tensor {
  readonly names: readonly string[];
  readonly numbers: readonly number[];
  readonly isFloat32: boolean;
  /** As JSON, which has null for each number that is not finite. */
  readonly isText: boolean;
}

type Read =
  | { readonly form: AnswerForm; readonly said: (row: number, name: string) => AnswerJson | undefined }
  | { readonly form: 'tensor'; readonly tensor: Tensor | null };

/** The features of a service as the answering bundle lists them: tensors and Feast's columns have no full names. */
export function answeredFeatures(bundle: Bundle, today: FeatureService): AnsweredFeature[] {
  const service = bundle.services.get(today.name) ?? today;
  return service.features.flatMap(({ fullName, view, feature }) => {
    const found = bundle.views.get(view)?.features.find(({ name }) => name === feature);
    return found === undefined ? [] : [{ name: fullName, type: found.type }];
  });
}

export class LoggedAnswer {
  readonly #read: Read | null;
  readonly #names: ReadonlySet<string>;

  /**
   * @param surface   its name in the log
   * @param features  of the service, in its order
   */
  constructor(bytes: Buffer, surface: string, features: readonly AnsweredFeature[]) {
    this.#read = readAnswer(bytes, surface, features);
    this.#names = new Set(features.map(({ name }) => name));
  }

  /**
   * Whether the answer says this of a feature of one of its rows.
   *
   * @param value  as the logged row has it, after fallbacks
   * @returns      null: the answer does not tell, as a tensor does not of what is no number, nor any answer of what its
   *               service did not have then
   */
  says(row: number, { name, type }: AnsweredFeature, value: Value): boolean | null {
    const read = this.#read;
    if (!this.#names.has(name)) return null;
    if (read === null) return false;
    if (read.form !== 'tensor') {
      const said = read.said(row, name);
      return said !== undefined && saysValue(read.form, type, value, said);
    }
    const { tensor } = read;
    if (tensor === null || !isNumeric(type)) return null;
    const said = tensor.numbers[row * tensor.names.length + tensor.names.indexOf(name)];
    const number = value === null ? Number.NaN : Number(value);
    const expected = tensor.isFloat32 ? Math.fround(number) : number;
    const shown = tensor.isText && !Number.isFinite(expected) ? Number.NaN : expected;
    return said !== undefined && Object.is(said, shown);
  }
}

function readAnswer(bytes: Buffer, surface: string, features: readonly AnsweredFeature[]): Read | null {
  try {
    if (surface === 'oip') return { form: 'tensor', tensor: tensorOf(bytes, features) };
    const { results } = parse(bytes.toString('utf8')) as {
      results: { features?: Record<string, AnswerJson>; values?: AnswerJson[] }[];
    };
    if (!Array.isArray(results)) return null;
    if (surface !== 'feast') return { form: 'native', said: (row, name) => results[row]?.features?.[name] };
    // Columns of the join keys come first; names may lack their view there.
    const first = results.length - features.length;
    const columns = new Map(features.map(({ name }, i) => [name, results[first + i]?.values]));
    return { form: 'feast', said: (row, name) => columns.get(name)?.[row] };
  } catch {
    return null;
  }
}

/** @returns null: the features were not among the outputs that were asked for */
function tensorOf(bytes: Buffer, features: readonly AnsweredFeature[]): Tensor | null {
  const end = jsonEnd(bytes);
  const { outputs } = parse(bytes.toString('utf8', 0, end)) as {
    outputs: {
      name: string;
      datatype: string;
      data?: NumberText[];
      parameters?: { binary_data_size: NumberText };
    }[];
  };
  const names = features.filter(({ type }) => isNumeric(type)).map(({ name }) => name);
  let from = end;
  for (const { name, datatype, data, parameters } of outputs) {
    const size = Number(parameters?.binary_data_size.text ?? 0);
    const isFloat32 = datatype === 'FP32';
    if (name === 'features') {
      const numbers =
        data === undefined
          ? numbersOf(bytes.subarray(from, from + size), isFloat32)
          : data.map((item) => (item === null ? Number.NaN : Number(item.text)));
      const isText = data !== undefined;
      return { names, numbers: isFloat32 ? numbers.map(Math.fround) : numbers, isFloat32, isText };
    }
    from += size;
  }
  return null;
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

function parse(text: string): unknown {
  const withDigits = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? new NumberText(context!.source!) : value;
  return JSON.parse(text, withDigits as Parameters<typeof JSON.parse>[1]);
}
