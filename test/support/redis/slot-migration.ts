/** Moves slots from one primary of a cluster to another, as redis-cli does for a reshard, but slowly. */
import { Redis } from 'ioredis';

const KEYS_AT_ONCE = 10;
const LIMIT_MS = 120_000;

interface Migration {
  readonly from: number;
  readonly to: number;
  readonly slots: readonly number[];
}

/**
 * All slots are open first (`MIGRATING`, `IMPORTING`): from then on each key is on one node or the other, and a client
 * that asks the wrong one is sent on. Then the keys move, one slot's after the other, and the slots last.
 *
 * @param between  called before each slot's keys move
 */
export async function migrateSlots(
  ports: readonly number[],
  { from, to, slots }: Migration,
  between: () => Promise<void>,
): Promise<void> {
  const clients = ports.map((port) => new Redis(port, '127.0.0.1'));
  const [source, target] = [clients[ports.indexOf(from)]!, clients[ports.indexOf(to)]!];
  const [sourceId, targetId] = await Promise.all([source, target].map((client) => client.cluster('MYID')));
  const set = (client: Redis, slot: number, state: string, id: unknown): Promise<unknown> =>
    client.call('CLUSTER', 'SETSLOT', String(slot), state, String(id));
  for (const slot of slots) {
    await set(target, slot, 'IMPORTING', sourceId);
    await set(source, slot, 'MIGRATING', targetId);
  }
  for (const slot of slots) {
    await between();
    for (;;) {
      const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_AT_ONCE)) as string[];
      if (keys.length === 0) break;
      await source.call('MIGRATE', '127.0.0.1', to, '', 0, LIMIT_MS, 'KEYS', ...keys);
    }
  }
  for (const slot of slots) {
    await set(target, slot, 'NODE', targetId);
    for (const client of clients) if (client !== target) await set(client, slot, 'NODE', targetId);
  }
  for (const client of clients) client.disconnect();
}
