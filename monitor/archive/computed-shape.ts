/**
 * The columns that the archive has of a service's on-demand views:
 *
 *   _input__{name}        a value that the request brought          {name}__hmac beside it where it is hashed
 *   {full name}           a feature as the function gave it, before its fallback; null where the view is UNAVAILABLE
 *   _status__{role}       PRESENT or UNAVAILABLE, of each on-demand view
 *   _outputs__{role}      the full names of the view's features, since a service may call them as it likes
 *   _undecoded__inputs    the bytes of those that cannot be read, as without the bundle; the same of outputs
 *
 * What they use of other views stands in the columns of these views' rows.
 */
import type { Bundle, FeatureService } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type { ServedRecord } from '../../contract/wire/log/served-record.ts';

/** An input or an output, in the order of the array that has it. */
export interface ShapeValue {
  readonly column: string;
  readonly type: ValueType;
  /** Whether its values stand in the log as HMACs. */
  readonly hashed: boolean;
}

export interface ShapeComputed {
  /** In the order of the statuses of a vector. */
  readonly views: readonly {
    readonly role: string;
    /** The full names of its outputs. */
    readonly outputs: readonly string[];
  }[];
  /** null: some have no known type, so that none can be read. */
  readonly inputs: readonly ShapeValue[] | null;
  readonly outputs: readonly ShapeValue[] | null;
}

type ComputedHead = Pick<ServedRecord, 'service' | 'inputNames' | 'inputPolicies' | 'onDemand'>;

// No input, role or feature begins with `_`, so none of these names is another's.
export const inputColumn = (name: string): string => `_input__${name}`;
export const statusColumn = (role: string): string => `_status__${role}`;
export const outputsColumn = (role: string): string => `_outputs__${role}`;
export const UNDECODED_INPUTS = '_undecoded__inputs';
export const UNDECODED_OUTPUTS = '_undecoded__outputs';

/** @returns null where no on-demand view was computed */
export function computedShape(head: ComputedHead, bundle: Bundle | null): ShapeComputed | null {
  if (head.onDemand.length === 0) return null;
  const service = bundle?.services.get(head.service) ?? null;
  const outputs = outputsOf(head, bundle, service);
  const named = outputs ?? [];
  return {
    views: head.onDemand.map(({ role }) => ({
      role,
      outputs: named.filter((one) => one.role === role).map(({ column }) => column),
    })),
    inputs: inputsOf(head, bundle),
    outputs,
  };
}

function inputsOf({ inputNames, inputPolicies, onDemand }: ComputedHead, bundle: Bundle | null) {
  const known = onDemand.flatMap(({ view }) => bundle?.onDemand.get(view)?.inputs ?? []);
  const inputs: ShapeValue[] = [];
  for (const [i, name] of inputNames.entries()) {
    const type = known.find((input) => input.name === name)?.type;
    if (type === undefined) return null;
    inputs.push({ column: inputColumn(name), type, hashed: (inputPolicies[i] ?? LOG_RAW) === LOG_HMAC });
  }
  return inputs;
}

/** The service's on-demand features in its order, as they stand in the log. */
function outputsOf(
  { onDemand }: ComputedHead,
  bundle: Bundle | null,
  service: FeatureService | null,
): (ShapeValue & { readonly role: string })[] | null {
  if (bundle === null || service === null) return null;
  const seen = new Map<string, number>();
  const outputs: (ShapeValue & { readonly role: string })[] = [];
  for (const { fullName: column, role, feature } of service.features) {
    const logged = onDemand.find((one) => one.role === role);
    if (logged === undefined) continue;
    const type = bundle.onDemand.get(logged.view)?.features.find(({ name }) => name === feature)?.type;
    if (type === undefined) return null;
    const place = seen.get(role) ?? 0;
    seen.set(role, place + 1);
    const hashed = (logged.outputPolicies[place] ?? LOG_RAW) === LOG_HMAC;
    outputs.push({ column, type, hashed, role });
  }
  return outputs;
}
