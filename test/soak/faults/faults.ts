/** All that befalls a soak, and in which order. Pure but for the faults themselves. */
import { DATA_FAULTS } from './data-faults.ts';
import type { SoakFault } from './fault.ts';
import { LOG_FAULTS } from './log-faults.ts';
import { POD_FAULTS } from './pod-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';

export const FAULTS: readonly SoakFault[] = [...REDIS_FAULTS, ...LOG_FAULTS, ...POD_FAULTS, ...DATA_FAULTS];

const GAP_S = { least: 3, most: 9 } as const;

interface Next<F> {
  readonly fault: F;
  /** Seconds of calm before it. */
  readonly gapS: number;
}

/** Yields faults for ever: each once, in an order by chance, then each again in another one. */
export function* inTurn<F>(faults: readonly F[], random: () => number): Generator<Next<F>> {
  for (;;) {
    const left = [...faults];
    while (left.length > 0) {
      const [fault] = left.splice(Math.floor(random() * left.length), 1);
      yield { fault: fault!, gapS: GAP_S.least + random() * (GAP_S.most - GAP_S.least) };
    }
  }
}
