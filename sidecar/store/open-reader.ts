/** Chooses the store reader that the settings name, and loads that one alone: ioredis takes 15 MiB. */
import { redisAddress } from '../../project/connections/redis-address.ts';
import type { Clock } from '../../project/clock.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { OnlineSettings } from '../../project/settings/settings.ts';
import type { LaneLimits } from './read-lane.ts';
import type { StoreReader } from './store-reader.ts';

const TROUBLE_EVERY_MS = 10_000;
/** Different messages within that time. */
const MAX_TROUBLES = 8;

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

/**
 * Every attempt to reach a store that is down fails: each message is told once in ten seconds, so that one fault does
 * not silence another. A cluster has as many messages as nodes, of which the first are told.
 */
export function trouble(logger: Logger): (error: Error) => void {
  const toldMs = new Map<string, number>();
  return ({ message }) => {
    const nowMs = performance.now();
    for (const [told, ms] of toldMs) if (nowMs - ms >= TROUBLE_EVERY_MS) toldMs.delete(told);
    if (toldMs.has(message) || toldMs.size === MAX_TROUBLES) return;
    toldMs.set(message, nowMs);
    logger.warn(`the online store: ${message}`);
  };
}
