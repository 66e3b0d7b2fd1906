/**
 * The project that is soaked: clicks and orders of a few hundred customers, two views of them that a daemon computes
 * every ten seconds, and one service that takes both.
 *
 * Events come in order and a run looks at none that is younger than a second (`watermark: events`), so that what is
 * computed once is never computed otherwise later: the only mismatches of a calm day are rows that are younger than
 * the promise.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';

export const CUSTOMERS = 200;
export const SERVICE = 'soak';
export const VIEWS = ['activity', 'orders'] as const;
type SoakedView = (typeof VIEWS)[number];
/** Features of each view. */
export const FEATURES = 4;
/** Of each view, one that is null where its window is empty. */
export const NULLED: Readonly<Record<SoakedView, string>> = {
  activity: 'depth_avg_30s',
  orders: 'amount_avg_30s',
};
export const HOP_MS = 5_000;
const SCHEDULE_MS = 10_000;
/** A hop, the landing of its events, a run and the cache take 25 s on a busy machine. */
export const FRESHNESS_MS = 40_000;
export const CACHE_MS = 1_000;
/** An older row that stands in for a store that fails must not break the promise by its age. */
const STALE_MS = 10_000;
/** Events are younger than this for a run that shall not look at them. */
export const OUT_OF_ORDER_MS = 1_000;
const LANDING_MS = 3_000;
/** Customers without a row fill so many in five minutes: from then on memory must be flat. */
const CACHE_ENTRIES = 4_000;
const EVENTS_A_LANDING = 30;
const EVENTS_BEFORE = 3 * CUSTOMERS;
const BEFORE_MS = 120_000;
/** A file must be there before its rows' created time, or a run may have passed that time without it. */
const AHEAD_MS = 500;

/** @param revision  said in a description: another one is another bundle with the same features */
function definitions(revision: number): string {
  const view = (name: string, kind: string, value: string, features: string): string => `---
featureView: ${name}
entity: customer
source: events
where: "kind = '${kind}'"
hop: ${HOP_MS}ms
schedule: ${SCHEDULE_MS}ms
freshness: { target: ${FRESHNESS_MS}ms, alert: 6h }
sourceFreshness: 6h
lateness: 1h
watermark: events
outOfOrder: ${OUT_OF_ORDER_MS}ms
owner: soak
features:
  ${features}_count_30s: { agg: count, window: 30s }
  ${value}_avg_30s: { agg: avg, column: value, window: 30s }
  ${value}_sum_2m: { agg: sum, column: value, window: 2m }
  last_${features}: { agg: last, column: page }
`;
  return `entity: customer
joinKeys: { customer_id: int64 }
---
source: events
parquet: data/*.parquet
eventTime: happened_at
createdTime: loaded_at
${view('activity', 'click', 'depth', 'click')}${view('orders', 'order', 'amount', 'order')}---
featureService: ${SERVICE}
description: Served while everything else breaks, revision ${revision}.
owner: soak
features: [activity, orders]
consumers: [{ model: soaked, owner: soak }]
`;
}

/** Writes plumbline.yaml and the definitions of a revision. */
export function layOut(
  folder: string,
  { online, brokers }: { online: string; brokers: readonly string[] },
): void {
  makeFolder(join(folder, 'definitions'));
  makeFolder(join(folder, 'data'));
  const settings = [
    'project: soak',
    `online: ${online}`,
    `log: { kafka: { brokers: [${brokers.map((one) => `"${one}"`).join(', ')}], graceMs: 20000 }, onFull: reject }`,
    // Requests must not be refused for what a busy machine makes them wait.
    `serve: { deadlineMs: 250, cacheFreshMs: ${CACHE_MS}, staleLimitMs: ${STALE_MS}, cacheEntries: ${CACHE_ENTRIES} }`,
  ];
  writeFileSync(join(folder, 'plumbline.yaml'), `${settings.join('\n')}\n`);
  writeDefinitions(folder, 1);
}

export function writeDefinitions(folder: string, revision: number): void {
  writeFileSync(join(folder, 'definitions', 'soak.yaml'), definitions(revision));
}

/** The events, which land in a file every few seconds. */
export class SoakEvents {
  readonly #duck: DuckDb;
  readonly #folder: string;
  readonly #random: () => number;
  #files = 0;
  #untilMs = Date.now() - BEFORE_MS;
  #stopped = false;
  #landing: Promise<void> = Promise.resolve();

  private constructor(duck: DuckDb, folder: string, random: () => number) {
    this.#duck = duck;
    this.#folder = folder;
    this.#random = random;
  }

  /** Returns once the events of the last two minutes are there; the others follow until `stop`. */
  static async start(folder: string, random: () => number): Promise<SoakEvents> {
    const events = new SoakEvents(await DuckDb.open({ threads: 1 }), join(folder, 'data'), random);
    await events.#land(EVENTS_BEFORE);
    events.#landing = events.#goOn();
    return events;
  }

  /** All events before it have landed. */
  get untilMs(): number {
    return this.#untilMs;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#landing;
    this.#duck.close();
  }

  async #goOn(): Promise<void> {
    while (!this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, LANDING_MS));
      await this.#land(EVENTS_A_LANDING);
    }
  }

  async #land(count: number): Promise<void> {
    const name = join(this.#folder, String(++this.#files).padStart(6, '0'));
    const [fromMs, toMs] = [this.#untilMs, Date.now()];
    const rows = Array.from({ length: count }, (_, i) =>
      this.#event(i, fromMs + this.#random() * (toMs - fromMs)),
    );
    const unfinished = `${name}.unfinished`;
    for (let aheadMs = AHEAD_MS; ; aheadMs *= 2) {
      const createdMs = Date.now() + aheadMs;
      await this.#duck.run(`COPY (
        SELECT make_timestamp(us) AS happened_at, make_timestamp(${createdMs * 1_000}) AS loaded_at, customer_id, kind, value, page
        FROM (VALUES ${rows.join(', ')}) e(us, customer_id, kind, value, page)
      ) TO ${quoteTarget(unfinished)} (FORMAT parquet)`);
      if (Date.now() + AHEAD_MS / 5 < createdMs) break;
    }
    renameSync(unfinished, `${name}.parquet`);
    this.#untilMs = toMs;
  }

  #event(index: number, atMs: number): string {
    const customer = index < CUSTOMERS && this.#files === 1 ? index + 1 : this.#customer();
    const kind = this.#random() < 0.6 ? 'click' : 'order';
    const value = (Math.floor(this.#random() * 10_000) / 100).toFixed(2);
    const page = `page-${Math.floor(this.#random() * 50)}`;
    return `(${Math.round(atMs * 1_000)}::BIGINT, ${customer}::BIGINT, '${kind}', ${value}::DOUBLE, '${page}')`;
  }

  #customer(): number {
    return 1 + Math.floor(this.#random() * CUSTOMERS);
  }
}
