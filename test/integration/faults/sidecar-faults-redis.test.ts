/** Redis hangs, answers slowly, dies and comes back empty, while a sidecar of its own process is under load. */
import { describe, test } from 'vitest';
import { shortFaults } from '../../support/faults/fault.ts';
import { REDIS_FAULTS } from '../../support/redis/redis-faults.ts';
import { REDIS_START_LIMIT_MS } from '../../support/redis/redis.ts';

const SECONDS = 2;

describe('Redis', () => {
  for (const { name, run } of shortFaults(REDIS_FAULTS)) {
    test(name, { timeout: REDIS_START_LIMIT_MS }, () => run(null, SECONDS).then(() => {}));
  }
});
