/**
 * Ids of requests: the check of those that come from clients, and those of requests that bring none, a random start for
 * each process and a count, so that no request draws a random number.
 */
import { randomBytes } from 'node:crypto';
import { sidecarError } from '../errors.ts';
import { parseTraceparent } from '../traces/trace-context.ts';
import type { RequestHead } from '../transport/transport.ts';

const MAX_REQUEST_ID = 128;

export function requestIds(): () => string {
  const start = randomBytes(8).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${start}-${count}`;
  };
}

/**
 * @returns the caller's id; else, where it sent `traceparent`, that of its trace and span, so that the vector log and
 *          `plumb explain` know the request by it; else one of ours
 * @throws  SRV_REQUEST
 */
export function requestIdOf({ requestId, traceparent }: RequestHead, next: () => string): string {
  if (requestId !== '') return checkRequestId(requestId);
  const trace = traceparent === '' ? null : parseTraceparent(traceparent);
  return trace === null ? next() : `${trace.traceId}-${trace.parentId}`;
}

/** Ids come from clients and stand in answers and logs: printable ASCII without what JSON would escape. */
function checkRequestId(id: string): string {
  let good = id.length <= MAX_REQUEST_ID;
  for (let i = 0; i < id.length && good; i++) {
    const code = id.charCodeAt(i);
    good = code > 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c;
  }
  if (good) return id;
  throw sidecarError(
    'SRV_REQUEST',
    `x-request-id should be at most ${MAX_REQUEST_ID} printable ASCII characters without quotes`,
    { field: 'x-request-id' },
  );
}
