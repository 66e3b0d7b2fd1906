/**
 * Twice the requests that a sidecar of its own process can answer, in short; for longer, with its bars, and on both
 * transports, in the long run.
 */
import { test } from 'vitest';
import { overloadSidecar } from '../../support/faults/overload-fault.ts';

const TIMES = { capacityS: 1, overloadS: 2, afterS: 1, sockets: 500, leastPerSecond: 3_000 };

test.each(['uws'])('under overload (%s)', (transport) => overloadSidecar(transport, TIMES));
