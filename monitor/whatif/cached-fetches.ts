/**
 * Simulates the caches of the pods: from when the row is that each vector would be answered with.
 *
 *   age of the copy   0 ......... 0.8 of the fresh time ......... fresh time
 *                     the copy    the copy, and it is read again   read anew, then answered
 *
 * All services of a pod share its cache, so the rows of a view are walked in the order of pod start, entity and time. A
 * cache is empty when its pod starts and when the day begins. While the store is down the copy stands in however old it
 * is. It knows neither the bounds of the cache nor hot keys. The fresh time is the mean of what the sidecar draws.
 */
import { LEAST_CACHE_FACTOR, REFRESH_SHARE } from '../../contract/cache-times.ts';
import { CHUNK_ROWS, Column } from '../../project/engine/duckdb/column.ts';
import type { ColumnPage, DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { ASKED } from './asked-rows.ts';

/** place | x0, x1, ...: the fetched time with each of the cache times. */
export const FETCHES = 'whatif_fetches';

/** One cache time. */
interface CacheTime {
  /** 0: no row is kept. */
  readonly us: number;
  readonly readAhead: boolean;
}

const PAGE_ROWS = 64 * CHUNK_ROWS;
/** DuckDB keeps the first table of pages that has a name. */
let lastTable = 0;
const MEAN_FACTOR = (1 + LEAST_CACHE_FACTOR) / 2;

/** @param rows  how many there are in ASKED */
export async function layFetches(duck: DuckDb, rows: number, times: readonly CacheTime[]): Promise<void> {
  const columns = times.map((_, i) => `x${i}`);
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${FETCHES} (place BIGINT, ${columns.map((x) => `${x} BIGINT`).join(', ')})`,
  );
  const caches = times.map((time) => new SimulatedCache(time));
  let pages: ColumnPage[] = [];
  const types = ['BIGINT', ...columns.map(() => 'BIGINT')];
  lastTable += 1;
  const table = `whatif_fetched_${lastTable}`;
  await duck.tableOf(table, types, () => pages);
  let entity = -1;
  let origin = -1;
  for (let from = 0; from < rows; from += PAGE_ROWS) {
    pages = [];
    let place = from;
    const asked =
      duck.numbers(`SELECT origin::DOUBLE, e::DOUBLE, served_us::DOUBLE, fetched_us::DOUBLE, is_down::INTEGER::DOUBLE
      FROM ${ASKED} WHERE place >= ${from} AND place < ${from + PAGE_ROWS} ORDER BY place`);
    for await (const [origins, entities, served, fetched, down] of asked) {
      const page = [new Column('bits64'), ...columns.map(() => new Column('bits64'))];
      for (let i = 0; i < served!.length; i++) {
        if (entities![i] !== entity || origins![i] !== origin) for (const cache of caches) cache.clear();
        entity = entities![i]!;
        origin = origins![i]!;
        page[0]!.setWhole(i, place++);
        for (const [c, cache] of caches.entries()) {
          const us = down![i] === 0 ? cache.ask(served![i]!) : cache.standIn(fetched![i]!);
          page[c + 1]!.setWhole(i, us);
        }
      }
      pages.push({ columns: page, rows: served!.length });
    }
    await duck.run(`INSERT INTO ${FETCHES} SELECT * FROM ${table}()`);
  }
  // The table function stays until the day closes.
  pages = [];
}

/** One entity's row in the cache of a pod. */
class SimulatedCache {
  readonly #freshUs: number;
  readonly #aheadUs: number;
  /** NaN: there is no copy. */
  #fetchedUs = Number.NaN;

  constructor({ us, readAhead }: CacheTime) {
    this.#freshUs = us * MEAN_FACTOR;
    this.#aheadUs = readAhead ? this.#freshUs * REFRESH_SHARE : this.#freshUs;
  }

  clear(): void {
    this.#fetchedUs = Number.NaN;
  }

  /** @returns when the row was fetched that a vector of that time is answered with */
  ask(us: number): number {
    const fetchedUs = this.#fetchedUs;
    // Also true of NaN.
    if (!(us - fetchedUs < this.#aheadUs)) this.#fetchedUs = us;
    return us - fetchedUs < this.#freshUs ? fetchedUs : us;
  }

  /** The same while the store is down. @param loggedUs  when the row that was served had been fetched */
  standIn(loggedUs: number): number {
    return Number.isNaN(this.#fetchedUs) ? loggedUs : this.#fetchedUs;
  }
}
