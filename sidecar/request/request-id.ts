/** Ids for requests that bring none: a random start a process and a count, unique without a random draw a request. */
import { randomBytes } from 'node:crypto';

export function requestIds(): () => string {
  const start = randomBytes(8).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${start}-${count}`;
  };
}
