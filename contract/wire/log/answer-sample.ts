/**
 * Which requests have the bytes of their answer in the log: one in 1,000, chosen by a hash of the request's id, so that
 * a repeated request is chosen again.
 */
const ONE_IN = 1_000;
/** FNV-1a's, of 32 bits. */
const START = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/** @param buffer  has the id's field of the record in [from, to) */
export function isSampled(buffer: Buffer, from: number, to: number): boolean {
  let hash = START;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ buffer[at]!, PRIME);
  return (hash >>> 0) % ONE_IN === 0;
}
