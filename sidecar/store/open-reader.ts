/** Chooses the store reader that the settings name. */
import type { Clock } from '../../registry/std/clock.ts';
import type { Talk } from '../../registry/std/talk.ts';
import type { OnlineSettings } from '../../registry/settings.ts';
import { RedisClusterReader } from './redis-cluster-reader.ts';
import { RedisReader } from './redis-reader.ts';
import { SqliteReader } from './sqlite-reader.ts';
import type { StoreReader } from './store-reader.ts';

const TROUBLE_EVERY_MS = 10_000;

export function openReader(online: OnlineSettings, clock: Clock, talk: Talk): StoreReader {
  const onTrouble = trouble(talk);
  switch (online.kind) {
    case 'redis':
      return new RedisReader(online.url, online.keyPrefix, clock, onTrouble);
    case 'redis-cluster':
      return new RedisClusterReader(online.url, online.keyPrefix, clock, onTrouble);
    default:
      return new SqliteReader(online.url);
  }
}

/** A store that is down says so with every attempt; people are told now and then. */
export function trouble(talk: Talk): (error: Error) => void {
  let toldMs = -Infinity;
  return (error) => {
    if (performance.now() - toldMs < TROUBLE_EVERY_MS) return;
    toldMs = performance.now();
    talk.warn(`the online store: ${error.message}`);
  };
}
