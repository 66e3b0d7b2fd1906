import { expect, test } from 'vitest';
import { isRetriable } from '../../../../../materializer/online/redis/redis-reply.ts';

const of = (message: string, code?: string): Error => Object.assign(new Error(message), code && { code });

test.each([
  of('This socket has been ended by the other party', 'EPIPE'),
  of('write EPIPE', 'EPIPE'),
  of('read ECONNRESET', 'ECONNRESET'),
  of('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'),
  of('Connection is closed.'),
  of('MOVED 12 127.0.0.1:7000'),
  of('CLUSTERDOWN Hash slot not served'),
])('$message: another try may succeed', (error) => {
  expect(isRetriable(error)).toBe(true);
});

test.each([
  of("OOM command not allowed when used memory > 'maxmemory'."),
  of('NOPERM this user has no permissions'),
  of('WRONGTYPE Operation against a key', 'ERR'),
])('$message: no retry mends it', (error) => {
  expect(isRetriable(error)).toBe(false);
});
