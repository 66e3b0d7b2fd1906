/** A request as the surface that it came by has read it: which rows of which service. */
import type { InputColumn } from './inputs.ts';
import type { Plan } from '../plan/plan.ts';

/** @typeParam Form  what the surface alone knows of its request */
export interface FeatureRequest<Form = unknown> {
  readonly plan: Plan;
  readonly count: number;
  /** By key of the plan, then by row: the canonical part of the id, null for a null key. */
  readonly parts: readonly (readonly (string | null)[])[];
  /** In the same order the JSON text that echoes the key; empty on a surface that echoes none. */
  readonly texts: readonly (readonly string[])[];
  /** By input of the plan: one value for each row, or one for all. */
  readonly inputs: readonly InputColumn[];
  /** How many columns the request has that the service does not ask for, where the surface takes such. */
  readonly passedOver: number;
  /** How the answer is to be written: filled and read by the surface alone. */
  readonly form: Form;
}
