/** Chooses the store reader that the settings name, and loads that one alone: ioredis takes 15 MiB. */
import { redisAddress } from '../../project/connections/redis-address.ts';
import type { Clock } from '../../project/clock.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { OnlineSettings } from '../../project/settings/settings.ts';
import type { LaneLimits } from './read-lane.ts';
import type { StoreReader } from './store-reader.ts';

const TROUBLE_EVERY_MS = 10_000;

/** @param limits  how long a node may take to be connected and to answer; null: as long as a request can wait */
export async function openReader(
  online: OnlineSettings,
  clock: Clock,
  logger: Logger,
  limits: LaneLimits | null = null,
): Promise<StoreReader> {
  const onTrouble = trouble(logger);
  const { kind, keyPrefix } = online;
  if (kind !== 'redis' && kind !== 'redis-cluster') {
    const { SqliteReader } = await import('./sqlite-reader.ts');
    return new SqliteReader(online.url, onTrouble);
  }
  const { SERVING_LIMITS } = await import('./redis-rows.ts');
  const address = redisAddress(online.url, online.access);
  const options = { address, keyPrefix, clock, onTrouble, limits: limits ?? SERVING_LIMITS };
  if (kind === 'redis') {
    const { RedisReader } = await import('./redis-reader.ts');
    return new RedisReader(options);
  }
  const { RedisClusterReader } = await import('./redis-cluster-reader.ts');
  return new RedisClusterReader(options);
}

/** Every attempt to reach a store that is down fails; the operator is warned now and then. */
export function trouble(logger: Logger): (error: Error) => void {
  let toldMs = -Infinity;
  return (error) => {
    if (performance.now() - toldMs < TROUBLE_EVERY_MS) return;
    toldMs = performance.now();
    logger.warn(`the online store: ${error.message}`);
  };
}
