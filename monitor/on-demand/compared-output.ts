/** One output of a vector, as it was logged beside what its function gives now. Pure. */
import type { Feature, FeatureService } from '../../contract/model.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/on-demand-function.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import type { ComparedValue } from '../causes/facts.ts';
import { isSame } from '../causes/value-equality.ts';
import { stateOf } from '../causes/value-state.ts';
import { asReceived } from '../judge/received-value.ts';
import type { Recomputed } from './computed-chunk.ts';

/** A feature of an on-demand view, in the bundle that answered. */
export interface Output {
  readonly feature: Feature;
  /** Its place among the view's features, as the function gives them. */
  readonly place: number;
}

/** How it was answered. */
interface Answered {
  readonly surface: number;
  readonly tensor: FeatureService['tensor'];
  /** Whether it is known what an honest store had. */
  readonly hasAvailable: boolean;
}

export function comparedOutput(
  output: Output,
  logged: Value,
  given: Recomputed,
  { surface, tensor, hasAvailable }: Answered,
): Omit<ComparedValue, 'isAnswerAltered'> {
  const { name, type, missing: fallback } = output.feature;
  const received = (value: Value): Value => asReceived(type, value, surface, tensor);
  const replayed = outputOf(output, given.trained);
  return {
    feature: name,
    type,
    fallback,
    served: received(logged),
    replayed: received(orFallback(replayed, fallback)),
    servedState: stateOf(PRESENT, logged),
    replayedState: replayed === undefined ? stateOf(UNAVAILABLE, null) : stateOf(PRESENT, replayed),
    available: hasAvailable ? received(orFallback(outputOf(output, given.available), fallback)) : undefined,
    alteration: null,
    earlier: null,
  };
}

/** @returns undefined where the function gave no values */
export function outputOf({ place }: Output, outcome: OnDemandOutcome): Value | undefined {
  return outcome instanceof OnDemandFault ? undefined : outcome[place]!;
}

/** Whether the function gave this. */
export function gives(output: Output, outcome: OnDemandOutcome, value: Value): boolean {
  const own = outputOf(output, outcome);
  return own !== undefined && isSame(output.feature.type, value, own);
}

/** @returns why a call was ended, which tells nothing of what it would have given; null: none was */
export function endedCall({ served, trained, available }: Recomputed): string | null {
  for (const outcome of [served, trained, available]) {
    if (!(outcome instanceof OnDemandFault)) continue;
    if (outcome.reason === 'deadline' || outcome.reason === 'memory') return outcome.message;
  }
  return null;
}

/** null is a value. */
function orFallback(value: Value | undefined, fallback: Value): Value {
  return value === undefined ? fallback : value;
}
