/**
 * A day that the monitor can judge: a project with the views `orders` (aggregated, by customer) and `driver_stats`
 * (stored, by driver), a service of both, a history on disk, run records, and a spool written by the real vector log.
 * A test says row by row what the history holds and what was served, so that it knows every cause beforehand.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runMonitor } from '../../monitor/run.ts';
import type { Snapshot } from '../../monitor/verdict/snapshot.ts';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { definitionIdOf, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { historyFile, historyFolder, writeHistoryWatermark } from '../../project/engine/duckdb/history.ts';
import { RowMask } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { Entity, FeatureService, FeatureView, LogPolicy } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { dayOf } from '../../contract/std/timestamp.ts';
import { ROW_SOURCES, STATUSES } from '../../contract/status.ts';
import type { RowSource, Status } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { readHeader } from '../../contract/wire/online/row-header.ts';
import type { ServedRequest, ServedRow } from '../../contract/wire/log/served-record.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { DAY, at } from './day-time.ts';
import { bundleOf, customer, driver, driverStats, makeProject, orders } from './materialized-project.ts';
import type { TestProject } from './materialized-project.ts';

/** A row of `orders`: values in the order of the view's features. */
export interface OrderRow {
  readonly customer: string;
  readonly event: string;
  readonly created: string;
  readonly run: string;
  readonly values: readonly [bigint | null, number | null];
  /** A tombstone. */
  readonly deleted?: boolean;
}

export interface DriverRow {
  readonly driver: number;
  readonly event: string;
  readonly created: string;
  readonly convRate: number | null;
}

/** What the sidecar had of one view. */
export interface Served {
  readonly status?: Status;
  readonly source?: RowSource;
  readonly fetched?: string;
  readonly watermark?: string;
  readonly row?: { readonly event: string; readonly created: string; readonly values: readonly Value[] };
  /** Of the row; the view's own unless given. */
  readonly definition?: FeatureView;
}

/** An earlier definition of `orders`: another hop, hence another id. */
export const earlierOrders: FeatureView = (() => {
  const view = orders();
  const changed = { ...view, hopUs: view.hopUs / 2 };
  return { ...changed, definitionId: definitionIdOf(changed, customer.joinKeys) };
})();

/** The secret of the log of a day whose definitions have marks. */
export const LOG_KEY: HmacKey = { id: 'k1', secret: Buffer.from('a secret of 20 bytes') };

/** Takes both views for the keys of their names. */
export const SERVICE: FeatureService = {
  name: 'churn',
  version: 1,
  features: [
    { fullName: 'orders__orders_1d', view: 'orders', role: 'orders', feature: 'orders_1d' },
    { fullName: 'orders__spent_1d', view: 'orders', role: 'orders', feature: 'spent_1d' },
    { fullName: 'driver_stats__conv_rate', view: 'driver_stats', role: 'driver_stats', feature: 'conv_rate' },
  ],
  views: [
    { role: 'orders', view: 'orders', requestKeys: ['customer_id'] },
    { role: 'driver_stats', view: 'driver_stats', requestKeys: ['driver_id'] },
  ],
  requestKeys: [...customer.joinKeys, ...driver.joinKeys],
  consumers: [],
  tensor: 'float64',
  description: null,
  owner: null,
  tags: [],
};

export class MonitoredDay {
  readonly project: TestProject;
  orders: FeatureView;
  driverStats: FeatureView;
  #log: VectorLog | null = null;
  #requests = 0;

  private constructor(project: TestProject, ordersView: FeatureView, driverView: FeatureView) {
    this.project = project;
    this.orders = ordersView;
    this.driverStats = driverView;
  }

  static async make(
    ordersChange: Parameters<typeof orders>[0] = {},
    driverChange: Parameters<typeof driverStats>[0] = {},
  ): Promise<MonitoredDay> {
    const project = await makeProject();
    const day = new MonitoredDay(project, orders(ordersChange), driverStats(driverChange));
    day.publish(day.orders);
    await day.openLog();
    return day;
  }

  /** Publishes a bundle with this definition of `orders`; what is served from now on names it. */
  publish(
    ordersView: FeatureView,
    service = SERVICE,
    ids: LogPolicy = 'raw',
    more: readonly Entity[] = [],
  ): void {
    this.orders = ordersView;
    const bundle = bundleOf(ordersView, [earlierOrders]);
    this.#bundle = publishBundle(this.project.settings.bundles, {
      ...bundle,
      entities: new Map(
        [...bundle.entities.values(), ...more].map((entity) => [entity.name, { ...entity, log: ids }]),
      ),
      views: new Map([ordersView, this.driverStats].map((view) => [view.id, view])),
      services: new Map([[service.name, service]]),
      schemas: new Map([...bundle.schemas, [this.driverStats.id, [rowSchemaOf(this.driverStats)]]]),
    }).hash;
  }
  #bundle = '';

  /** The same with another definition of `driver_stats`. */
  publishDrivers(driverView: FeatureView): void {
    this.driverStats = driverView;
    this.publish(this.orders);
  }

  async openLog(): Promise<void> {
    const { settings, clock, talk } = this.project;
    this.#log = await VectorLog.open({
      folder: settings.log.spool,
      pod: 'pod-1',
      clock,
      durability: 'written',
      maxBytes: 2 ** 30,
      onFull: 'shed-log',
      talk,
    });
  }

  /** Appends rows to the history of `orders`, a file for each run and day of event times. */
  async appendOrders(rows: readonly OrderRow[]): Promise<void> {
    const files = Map.groupBy(rows, (row) => `${dayOf(at(row.event))} ${row.run}`);
    const duck = await DuckDb.open();
    for (const [name, own] of files) {
      const [day, run] = name.split(' ') as [string, string];
      const file = historyFile(this.project.settings.history, this.orders, day, run);
      mkdirSync(join(historyFolder(this.project.settings.history, this.orders), `day=${day}`), {
        recursive: true,
      });
      const selects = own.map(
        ({ customer: id, event, created, values: [count, spent], deleted = false }) =>
          `SELECT ${quoteText(id)} AS customer_id, make_timestamp(${at(event)}) AS event_time,
           make_timestamp(${at(created)}) AS created_time, ${quoteText(run)} AS run_id,
           ${this.orders.definitionId}::UINTEGER AS definition_id, ${deleted} AS deleted, ${count ?? 'NULL'}::BIGINT AS orders_1d,
           ${spent === null ? 'NULL' : `'${spent}'`}::DOUBLE AS spent_1d`,
      );
      await duck.run(`COPY (${selects.join(' UNION ALL ')}) TO ${quoteText(file)} (FORMAT parquet)`);
    }
    duck.close();
  }

  setWatermark(time: string): void {
    writeHistoryWatermark(this.project.settings.history, this.orders, {
      watermarkUs: at(time),
      runId: 'r',
      definitionId: this.orders.definitionId,
    });
  }

  async writeDrivers(rows: readonly DriverRow[]): Promise<void> {
    const selects = rows.map(
      (row) =>
        `SELECT ${row.driver}::BIGINT AS driver_id, make_timestamp(${at(row.event)}) AS event_timestamp,
         make_timestamp(${at(row.created)}) AS created, ${row.convRate ?? 'NULL'}::DOUBLE AS conv_rate,
         NULL::BIGINT AS trips, NULL::VARCHAR[] AS tags`,
    );
    await this.project.writeParquet('drivers', selects.join(' UNION ALL '));
  }

  async record(view: FeatureView, run: Pick<RunRecord, 'runId'> & Partial<RunRecord>): Promise<void> {
    const whole: RunRecord = {
      view: view.id,
      kind: 'ordinary',
      definitionId: view.definitionId,
      engine: 'duckdb',
      bundle: '0'.repeat(16),
      fromUs: null,
      toUs: run.watermarkUs ?? 0,
      horizonUs: null,
      latenessUs: view.latenessUs,
      ttlUs: view.ttlUs,
      newestEventUs: at('23:59:59'),
      newestCreatedUs: null,
      read: 0,
      counted: 0,
      excluded: 0,
      waiting: 0,
      watermarkUs: 0,
      historyRows: 0,
      written: 0,
      older: 0,
      equal: 0,
      conflict: 0,
      superseded: 0,
      rejected: 0,
      rejectReasons: {},
      lateEvents: 0,
      latenessNeededUs: null,
      startedUs: 0,
      finishedUs: null,
      state: 'complete',
      error: null,
      ...run,
    };
    await this.project.database.startRun(whole);
  }

  /** Logs one request for a customer and a driver. @returns its request id */
  serve(
    time: string,
    customerId: string | null,
    ordersRow: Served,
    driverId = 1,
    driverRow: Served = {},
  ): string {
    return this.append(time, { customer_id: customerId, driver_id: String(driverId) }, [
      servedRow(this.orders, time, ordersRow),
      servedRow(this.driverStats, time, driverRow),
    ]);
  }

  /** Logs one request of one vector. @param surface index into SURFACES */
  append(
    time: string,
    keys: Readonly<Record<string, string | null>>,
    rows: ServedRow[],
    surface = 0,
    privacy: Pick<ServedRequest, 'keyPolicies' | 'hmacKeyId'> = {},
  ): string {
    const requestId = `q-${++this.#requests}`;
    const logged = rows.map((row) => this.#masked(row));
    this.#log!.append({
      requestId,
      servedUs: at(time),
      surface,
      service: SERVICE.name,
      serviceVersion: 1,
      bundle: this.#bundle,
      keyNames: Object.keys(keys),
      features: [],
      vectors: [{ keys: Object.values(keys), rows: logged }],
      answer: null,
      hmacKeyId: logged.some(({ masked }) => masked) ? LOG_KEY.id : '',
      ...privacy,
    });
    this.#log!.commit();
    return requestId;
  }

  /** As the sidecar takes out what its definitions mark. */
  #masked(row: ServedRow): ServedRow {
    const view = row.view === this.orders.id ? this.orders : this.driverStats;
    const mask = RowMask.of(view, LOG_KEY);
    if (mask === null) return row;
    if (!Buffer.isBuffer(row.row)) return { ...row, masked: true };
    const { definitionId } = readHeader(row.row)!;
    const definition = [view, earlierOrders].find((one) => one.definitionId === definitionId)!;
    return { ...row, ...mask.mask(rowSchemaOf(definition), row.row), masked: true };
  }

  async closeLog(): Promise<void> {
    await this.#log?.close();
    this.#log = null;
  }

  /** Judges the day as seen at a time. @param keyId  under which the monitor has the secret; null: it has none */
  async judge(now: string, keyId: string | null = null): Promise<Snapshot> {
    await this.closeLog();
    this.project.setClock(at(now));
    const { settings } = this.project;
    const file = join(settings.folder, 'hmac.key');
    writeFileSync(file, LOG_KEY.secret);
    const log = { ...settings.log, hmacKey: keyId === null ? null : { id: keyId, file } };
    const project = { ...this.project, settings: { ...settings, log } };
    const [snapshot] = await runMonitor(project, this.project.database, { dateDay: DAY });
    return snapshot!;
  }

  async remove(): Promise<void> {
    await this.closeLog();
    await this.project.remove();
  }
}

/** A view's row as the sidecar logs it. */
export function servedRow(view: FeatureView, time: string, served: Served, role = view.name): ServedRow {
  const { row, definition = view } = served;
  const status = served.status ?? (row === undefined ? 'MISSING' : 'PRESENT');
  const bytes =
    row === undefined
      ? null
      : new RowEncoder(rowSchemaOf(definition)).encode(
          at(row.event),
          at(row.created),
          at(time) / 1_000,
          row.values,
        );
  return {
    role,
    view: view.id,
    status: STATUSES.indexOf(status),
    source: ROW_SOURCES.indexOf(served.source ?? 'store'),
    fetchedUs: at(served.fetched ?? time),
    watermarkUs: served.watermark === undefined ? 0 : at(served.watermark),
    row: bytes,
  };
}
