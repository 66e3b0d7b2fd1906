/** A commit of the vector log, followed to its end as answers follow it. */
import type { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';

/** @returns whether what was appended since the last commit was taken; one at a time */
export function commitAndWait(log: VectorLog): Promise<boolean> {
  const { sequence } = log;
  return new Promise((resolve) => {
    log.onSettled = (to, committed) => {
      if (to >= sequence) resolve(committed === 'taken');
    };
    const committed = log.commit();
    if (committed !== 'held') resolve(committed === 'taken');
  });
}
