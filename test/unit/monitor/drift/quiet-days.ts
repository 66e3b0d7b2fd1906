/** Days on which nothing drifts: how many of them are flagged all the same. */
import { driftOfSketches } from '../../../../monitor/drift/day-drift.ts';
import { uniformSketch, uniformsFrom } from './sketched-values.ts';

const FEATURES = 200;
const ROWS = 10_000;

/** @returns on how many days any of 200 features is flagged beside one training set and its weekdays */
export function flaggedDays(days: number, seed: number): number {
  const uniform = uniformsFrom(seed);
  const sketches = () =>
    new Map(
      Array.from({ length: FEATURES }, (_, i) => {
        return [`f${i}`, { type: 'float64', sketch: uniformSketch(ROWS, uniform) }] as const;
      }),
    );
  const trained = sketches();
  const before: ReturnType<typeof sketches>[] = [];
  let flagged = 0;
  for (let day = 0; day < days; day++) {
    const own = sketches();
    const weekdays = [7, 14, 21, 28].flatMap((ago) => before[day - ago] ?? []);
    before.push(own);
    const drifts = [...driftOfSketches(own, [trained], weekdays).values()];
    const levels = drifts.flatMap(({ training, weekday }) => [training?.level, weekday?.level]);
    if (levels.some((level) => level === 'flagged' || level === 'alarm')) flagged += 1;
  }
  return flagged;
}
