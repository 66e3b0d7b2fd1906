/** Other clients leave, idle or smuggle, while an honest one is served by a sidecar of its own process. */
import { describe, test } from 'vitest';
import { CLIENT_FAULTS } from '../../support/faults/client-faults.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';

const SECONDS = 1.5;

describe.each(['uws', 'node'])('clients (%s)', (transport) => {
  // What they do to node:http but smuggling is Node's own business.
  const faults = transport === 'uws' ? CLIENT_FAULTS : CLIENT_FAULTS.slice(-1);
  for (const { name, run } of faults) {
    test(name, { timeout: REDIS_START_LIMIT_MS }, () => run(transport, SECONDS).then(() => {}));
  }
});
