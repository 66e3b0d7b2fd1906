/** One question of `plumb monitor health`, and its answer. What could not be read is unknown, and that is not good. */

export interface HealthCheck {
  readonly check: 'freshness' | 'last run' | 'skew' | 'coverage' | 'p99' | 'availability' | 'metrics';
  /** A view's id, a service, or where metrics were asked for. */
  readonly of: string;
  readonly state: HealthState;
  /** In the unit; null: not known. */
  readonly value: number | null;
  /** null: there is none. */
  readonly limit: number | null;
  readonly unit: 'seconds' | 'share';
  /** A sentence with what the answer rests on. */
  readonly why: string;
}

export type HealthState = 'good' | 'bad' | 'unknown';

/** @returns the exit code: 1 where something is bad, else 3 where something is not known, else 0 */
export function exitCodeOfHealth(checks: readonly HealthCheck[]): 0 | 1 | 3 {
  if (checks.some(({ state }) => state === 'bad')) return 1;
  return checks.some(({ state }) => state === 'unknown') ? 3 : 0;
}
