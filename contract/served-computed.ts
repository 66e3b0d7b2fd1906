/**
 * What a logged vector has of on-demand views: the inputs that the request brought, and what the functions gave. Part
 * of served-values.ts, which knows which features a record has. Pure, as that is: bytes that cannot be read show as
 * null.
 */
import type { Bundle, Feature } from './model.ts';
import type { Value, ValueType } from './value-type.ts';
import { LOG_HMAC, LOG_RAW } from './wire/log/served-record.ts';
import type { LoggedVector, ServedRecord } from './wire/log/served-record.ts';
import { decodeValues } from './wire/online/row-codec.ts';

/** A value that the request brought. */
export interface DecodedInput {
  readonly name: string;
  /** null when no on-demand view of the bundle takes such an input. */
  readonly type: ValueType | null;
  readonly value: Value;
  readonly withheld: 'hmac' | 'drop' | null;
}

export interface DecodedOutput {
  /** The feature's full name. */
  readonly name: string;
  readonly type: ValueType;
  readonly value: Value;
  readonly withheld: 'hmac' | 'drop' | null;
}

/** A feature of the record. */
interface ComputedFeature {
  readonly name: string;
  readonly definition: Feature | null;
  /** Index among the record's on-demand views; -1: it is not computed. */
  readonly onDemand: number;
}

/** What a record's vectors have of on-demand views. */
interface ComputedPlan {
  readonly inputs: readonly {
    readonly name: string;
    readonly type: ValueType | null;
    readonly policy: number;
  }[];
  readonly outputs: readonly (ComputedFeature & { readonly policy: number })[];
}

export function computedPlan(
  bundle: Bundle,
  record: ServedRecord,
  features: readonly ComputedFeature[],
): ComputedPlan {
  const inputs = record.onDemand.flatMap(({ view }) => bundle.onDemand.get(view)?.inputs ?? []);
  const seen = record.onDemand.map(() => 0);
  return {
    inputs: record.inputNames.map((name, i) => ({
      name,
      type: inputs.find((input) => input.name === name)?.type ?? null,
      policy: record.inputPolicies[i] ?? LOG_RAW,
    })),
    outputs: features
      .filter(({ onDemand }) => onDemand !== -1)
      .map((feature) => {
        const place = seen[feature.onDemand]!;
        seen[feature.onDemand] = place + 1;
        return { ...feature, policy: record.onDemand[feature.onDemand]!.outputPolicies[place] ?? LOG_RAW };
      }),
  };
}

/** Values that cannot be read are told as null, as those of a row whose bytes cannot be. */
export function decodeInputs({ inputs }: ComputedPlan, { inputs: bytes }: LoggedVector): DecodedInput[] {
  const types = inputs.map(({ type }) => type);
  const values = types.every((type) => type !== null) ? arrayOf(types, bytes) : null;
  return inputs.map(({ name, type, policy }, i) => {
    return { name, type, value: values?.[i] ?? null, withheld: withheldBy(policy) };
  });
}

export function decodeOutputs({ outputs }: ComputedPlan, { outputs: bytes }: LoggedVector): DecodedOutput[] {
  const types = outputs.map(({ definition }) => definition?.type ?? null);
  const values = types.every((type) => type !== null) ? arrayOf(types, bytes) : null;
  return outputs.flatMap(({ name, definition, policy }, i) => {
    if (definition === null) return [];
    return [{ name, type: definition.type, value: values?.[i] ?? null, withheld: withheldBy(policy) }];
  });
}

function arrayOf(types: readonly ValueType[], bytes: Buffer | null): Value[] | null {
  try {
    return bytes === null ? null : decodeValues(types, bytes);
  } catch {
    return null;
  }
}

function withheldBy(policy: number): 'hmac' | 'drop' | null {
  return policy === LOG_RAW ? null : policy === LOG_HMAC ? 'hmac' : 'drop';
}
