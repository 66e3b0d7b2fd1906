/**
 * Ids for requests that bring none: a random start for each process and a count, so that no request draws a random
 * number.
 */
import { randomBytes } from 'node:crypto';

export function requestIds(): () => string {
  const start = randomBytes(8).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${start}-${count}`;
  };
}
