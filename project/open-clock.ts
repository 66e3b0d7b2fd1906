/** Chooses the clock that the settings name. */
import { systemClock } from './clock.ts';
import type { ProjectClock } from './clock.ts';
import { rehearsalClock } from './rehearsal-clock.ts';

export interface ClockSettings {
  /** The control file of a rehearsal; null: this machine's clock. */
  readonly control: string | null;
  readonly runLastsUs: number;
}

/**
 * @param onStep  told of each step of this machine's wall clock
 * @throws        the control file is missing or holds no time
 */
export function openClock(
  { control, runLastsUs }: ClockSettings,
  onStep?: (stepUs: number) => void,
): ProjectClock {
  return control === null ? systemClock(onStep) : rehearsalClock(control, runLastsUs);
}
