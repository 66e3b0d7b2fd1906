/**
 * What becomes of the data: runs that are late, and three jobs that write into the online store past everything that
 * Plumbline guards. Such rows are repaired by a full run.
 */
import { fillNullsWithZero } from '../../../examples/retail/careless-writer.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { entityKeyOf } from '../../../contract/wire/online/entity-key.ts';
import { fieldOf } from '../../../contract/wire/online/online-layout.ts';
import { readHeader } from '../../../contract/wire/online/row-header.ts';
import { clusterClient } from '../../../project/connections/redis-client.ts';
import type { Cluster } from '../../../project/connections/redis-client.ts';
import { redisAddress } from '../../../project/connections/redis-address.ts';
import type { Project } from '../../../project/project.ts';
import { CUSTOMERS, FRESHNESS_MS, NULLED, VIEWS } from '../soak-project.ts';
import { oneOf, sleepS } from './fault.ts';
import type { SoakFault } from './fault.ts';

const ROWS = 30;
/** Past the promise by enough to be seen in many rows. */
const LATE_S = FRESHNESS_MS / 1_000 + 25;

/** @returns the keys of so many customers */
function someKeys({ settings }: Project, count: number, random: () => number): string[] {
  const customer = loadCurrentBundle(settings.bundles).entities.get('customer')!;
  const ids = new Set<number>();
  while (ids.size < count) ids.add(1 + Math.floor(random() * CUSTOMERS));
  return [...ids].map((id) => entityKeyOf('', customer, [BigInt(id)]));
}

async function writing<T>({ settings }: Project, write: (store: Cluster) => Promise<T>): Promise<T> {
  const { url, access } = settings.online;
  const store = clusterClient(redisAddress(url, access), {}, () => {});
  await store.connect();
  try {
    return await write(store);
  } finally {
    store.disconnect();
  }
}

/** Rows of another customer in place of their own, never newer than these: a full run takes them away. */
async function swap(store: Cluster, keys: readonly string[], field: Buffer): Promise<number> {
  const rows = await Promise.all(keys.map((key) => store.hgetBuffer(key, field)));
  const order = rows.flatMap((row, i) => {
    const header = row === null ? null : readHeader(row);
    return header === null ? [] : [{ key: keys[i]!, row: row!, eventUs: header.eventUs }];
  });
  const byAge = order.toSorted((a, b) => a.eventUs - b.eventUs);
  const half = Math.floor(byAge.length / 2);
  for (let i = 0; i < half; i++) await store.hset(byAge[half + i]!.key, field, byAge[i]!.row);
  return half;
}

export const DATA_FAULTS: readonly SoakFault[] = [
  {
    name: 'runs are late',
    kind: 'data',
    seconds: LATE_S,
    async run(set, seconds) {
      set.daemon.signal('SIGSTOP');
      await sleepS(seconds);
      set.daemon.signal('SIGCONT');
      await set.untilRunSince(Date.now());
      return {
        what: `by ${seconds} s, promised are ${FRESHNESS_MS / 1_000}`,
        // A view so late is withheld at last, and its new rows are cached by turns.
        expects: { view: null, cause: 'materialization lag', beside: ['TTL boundary', 'cache age'] },
      };
    },
  },
  {
    name: 'a job writes zeros for nulls',
    kind: 'data',
    seconds: 10,
    async run(set, seconds, random) {
      const view = oneOf(VIEWS, random);
      const rows = await fillNullsWithZero(set.project, view, NULLED[view]);
      await sleepS(seconds);
      await set.repair();
      const what = `${rows} rows of ${view}`;
      return rows === 0 ? { what } : { what, expects: { view, cause: 'null or default substituted' } };
    },
  },
  {
    name: 'rows are deleted online',
    kind: 'data',
    seconds: 10,
    async run(set, seconds, random) {
      const view = oneOf(VIEWS, random);
      const keys = someKeys(set.project, ROWS, random);
      const gone = await writing(set.project, (store) =>
        Promise.all(keys.map((key) => store.hdel(key, fieldOf(view)))),
      );
      await sleepS(seconds);
      await set.repair();
      const rows = gone.reduce((sum, count) => sum + count, 0);
      return { what: `${rows} rows of ${view}`, expects: { view, cause: 'missing online' } };
    },
  },
  {
    name: 'rows get the values of others',
    kind: 'data',
    seconds: 10,
    async run(set, seconds, random) {
      const view = oneOf(VIEWS, random);
      const keys = someKeys(set.project, 2 * ROWS, random);
      const rows = await writing(set.project, (store) => swap(store, keys, fieldOf(view)));
      await sleepS(seconds);
      await set.repair();
      return {
        what: `${rows} rows of ${view}`,
        // Where the customer has a row of the very same times the values are said to be altered.
        expects: {
          view,
          cause: 'foreign row',
          beside: ['null or default substituted', 'precision / type', 'unexplained'],
        },
      };
    },
  },
];
