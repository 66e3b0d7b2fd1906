/** The outputs of a service as a model, ready for every request: what each is, and its JSON up to the shape. */
import { encoderPlan } from '../../plan/encoder-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { DATATYPE_BYTES } from './tensor-image.ts';
import { FEATURES, STATUS, tensorPlan } from './tensor-plan.ts';
import type { VectorColumn } from './vector-column.ts';

export interface TensorOutput {
  readonly name: string;
  readonly datatype: string;
  /** Bytes of a value. */
  readonly itemBytes: number;
  /** The second dimension; null: lists, which have one length within an answer. */
  readonly width: number | null;
  /** What it holds, where that is one feature; null: `features` or `status`. */
  readonly column: VectorColumn | null;
  /** Whether it is answered in bytes behind the JSON; else as numbers in the JSON. */
  readonly binary: boolean;
  /** `{"name":"features","datatype":"FP64","shape":[` */
  readonly headText: string;
}

const outputsPlan = encoderPlan((plan: Plan) => ({
  inText: outputsOf(plan, false),
  inBytes: outputsOf(plan, true),
}));

/** In the order of an answer that does not name its outputs. */
export function allOutputs(plan: Plan, binary: boolean): readonly TensorOutput[] {
  const { inText, inBytes } = outputsPlan(plan);
  return binary ? inBytes : inText;
}

export function outputNames(plan: Plan): string[] {
  return allOutputs(plan, false).map(({ name }) => name);
}

function outputsOf(plan: Plan, binary: boolean): TensorOutput[] {
  const { datatype, names, vectors } = tensorPlan(plan);
  const of = (name: string, type: string, itemBytes: number, width: number): TensorOutput => {
    return { name, datatype: type, itemBytes, width, column: null, binary, headText: headText(name, type) };
  };
  return [
    of(FEATURES, datatype, DATATYPE_BYTES[datatype], names.length),
    of(STATUS, 'UINT8', 1, names.length + vectors.length),
    ...vectors.map((column): TensorOutput => {
      const { name, size } = column;
      return { ...of(name, 'FP32', DATATYPE_BYTES.FP32, 0), width: size, column };
    }),
  ];
}

function headText(name: string, datatype: string): string {
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[`;
}
