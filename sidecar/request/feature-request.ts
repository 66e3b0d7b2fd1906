/** A request as the surface that it came by has read it: which rows of which service. */
import type { Plan } from '../plan/plan.ts';

/** What a request for tensors asks for beside its rows. */
export interface TensorAsk {
  /** Echoed; null when the request has none. */
  readonly id: string | null;
  readonly outputs: readonly TensorOutputAsk[];
}

export interface TensorOutputAsk {
  readonly name: 'features' | 'status';
  /** Behind the JSON as bytes, or as JSON numbers. */
  readonly binary: boolean;
}

/** What a request asks for. */
export interface FeatureRequest {
  readonly plan: Plan;
  readonly count: number;
  /** By key of the plan, then by row: the canonical part of the id, null for a null key. */
  readonly parts: readonly (readonly (string | null)[])[];
  /** In the same order the JSON text that echoes the key. */
  readonly texts: readonly (readonly string[])[];
  /** Feast's surface: whether names are `view__feature`. */
  readonly fullNames: boolean;
  /** The surface of tensors: which outputs, and in which form; null on the others. */
  readonly tensors: TensorAsk | null;
}
