/** Chooses the writer of a project's online store; each store's client is loaded only where it is used. */
import type { OnlineSettings } from '../../project/settings/settings.ts';
import type { OnlineWriter } from './online-writer.ts';

/** @throws MAT_ONLINE when the store cannot be reached */
export async function openOnlineWriter(online: OnlineSettings): Promise<OnlineWriter> {
  switch (online.kind) {
    case 'redis':
      return (await import('./redis/redis-writer.ts')).openRedisWriter(online);
    case 'redis-cluster':
      return (await import('./redis/redis-cluster-writer.ts')).openRedisClusterWriter(online);
    default:
      return (await import('./sqlite-writer.ts')).openSqliteWriter(online);
  }
}
