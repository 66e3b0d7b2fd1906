/** Other clients leave, idle or smuggle, while an honest one is served by a sidecar of its own process. */
import { describe, test } from 'vitest';
import { CLIENT_FAULTS } from '../../support/faults/client-faults.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';

const SECONDS = 1.5;

describe.each(['uws', 'node'])('clients (%s)', (transport) => {
  for (const { name, run } of CLIENT_FAULTS) {
    test(name, { timeout: REDIS_START_LIMIT_MS }, () => run(transport, SECONDS).then(() => {}));
  }
});
