/**
 * The bytes of one answer, as they were logged beside the rows that it was made of: what the model was told, row by row
 * and feature by feature. Compared with the rows, so that a fault between reading a row and answering it is found.
 *
 * An answer that cannot be read at all says of no value what its rows say.
 */
import type { Bundle, FeatureService } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { answerJson, saysValue } from './answered-value.ts';
import type { AnswerForm, AnswerJson } from './answered-value.ts';
import { messageSays, valuesOfMessage } from './logged-message.ts';
import { LoggedTensors, tensorsOfBody, tensorsOfMessage } from './logged-tensors.ts';
import type { ToldFeature } from './logged-tensors.ts';

type Read =
  | { readonly form: AnswerForm; readonly said: (row: number, name: string) => AnswerJson | undefined }
  | { readonly form: 'message'; readonly said: (row: number, name: string) => Buffer | undefined }
  | { readonly form: 'tensor'; readonly tensors: LoggedTensors };

/** The features of a service as the answering bundle lists them: tensors and Feast's columns have no full names. */
export function answeredFeatures(bundle: Bundle, today: FeatureService): ToldFeature[] {
  const service = bundle.services.get(today.name) ?? today;
  return service.features.flatMap(({ fullName, view, feature }) => {
    const of = bundle.views.get(view) ?? bundle.onDemand.get(view);
    const found = of?.features.find(({ name }) => name === feature);
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
  constructor(bytes: Buffer, surface: string, features: readonly ToldFeature[]) {
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
  says(row: number, { name, type }: ToldFeature, value: Value): boolean | null {
    const read = this.#read;
    if (!this.#names.has(name)) return null;
    if (read === null) return false;
    if (read.form === 'tensor') return read.tensors.says(row, { name, type }, value);
    if (read.form === 'message') {
      const said = read.said(row, name);
      return said !== undefined && isMessageOf(type, value, said);
    }
    const said = read.said(row, name);
    return said !== undefined && saysValue(read.form, type, value, said);
  }
}

function isMessageOf(type: ValueType, value: Value, message: Buffer): boolean {
  try {
    return messageSays(type, value, message);
  } catch {
    return false;
  }
}

function readAnswer(bytes: Buffer, surface: string, features: readonly ToldFeature[]): Read | null {
  try {
    if (surface === 'oip')
      return { form: 'tensor', tensors: new LoggedTensors(tensorsOfBody(bytes), features) };
    if (surface === 'oip-grpc')
      return { form: 'tensor', tensors: new LoggedTensors(tensorsOfMessage(bytes), features) };
    if (surface === 'feast-grpc') {
      const columns = featureColumns(valuesOfMessage(bytes), features);
      return { form: 'message', said: (row, name) => columns.get(name)?.[row] };
    }
    const { results } = answerJson(bytes.toString('utf8')) as unknown as {
      results: { features?: Record<string, AnswerJson>; values?: AnswerJson[] }[];
    };
    if (!Array.isArray(results)) return null;
    if (surface !== 'feast') return { form: 'native', said: (row, name) => results[row]?.features?.[name] };
    const columns = featureColumns(
      results.map(({ values }) => values),
      features,
    );
    return { form: 'feast', said: (row, name) => columns.get(name)?.[row] };
  } catch {
    return null;
  }
}

/** Columns of the join keys come first, and names may lack their view there. */
function featureColumns<Column>(
  results: readonly Column[],
  features: readonly ToldFeature[],
): Map<string, Column | undefined> {
  const first = results.length - features.length;
  return new Map(features.map(({ name }, i) => [name, results[first + i]]));
}
