/**
 * One vector with its row of one view, as served and as replayed: the columns that replay.ts selects, and how they are
 * read. Both are in this file so that every column is read the way it was selected.
 */
import { ROW_FOUND, ROW_OUTSIDE_TTL } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { FeatureService, FeatureView } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import type { ClockReading, ReplayedTimes, ServedTimes } from '../causes/facts.ts';
import type { RowTimes } from '../causes/row-order.ts';
import type { ServedFeature } from '../replay/served-files.ts';

/** One vector's row of one view, served and replayed. */
export interface ReplayedVector {
  readonly vid: number;
  readonly requestId: string;
  readonly rowIndex: number;
  readonly pod: string;
  readonly serviceVersion: number;
  readonly surface: number;
  readonly bundle: string;
  readonly servedUs: number;
  /** The ids of the request as text, in the order of the service's request keys. */
  readonly keys: readonly (string | null)[];
  readonly status: number;
  readonly source: number;
  readonly fetchedUs: number | null;
  readonly watermarkUs: number | null;
  readonly served: ServedTimes | null;
  /** False: the row's values could not be read when it was ingested. */
  readonly isDecoded: boolean;
  /** By the features of today's view, as they were stored; undefined where the archive does not have the feature. */
  readonly servedValues: readonly (Value | undefined)[];
  /** The HMACs of values that the log holds as such. */
  readonly servedHmacs: readonly (Buffer | undefined)[];
  /** Id of the secret of the record's HMACs; empty: the record has none. */
  readonly hmacKeyId: string;
  readonly trained: ReplayedRow | null;
  readonly available: ReplayedRow | null;
  /** The oldest row that serving missed, by the header of the row that it had. */
  readonly missed: ReplayedTimes | null;
  /** What training joins over rows of the definition that wrote the served row, where another one served it. */
  readonly ofServedDefinition: RowTimes | null;
  /** What training joins as the pod's clock may have to be corrected; empty: it was steady (pod-clocks.ts). */
  readonly clocks: readonly ClockReading[];
  /** Whether the history has any row of the entity but tombstones, and its last tombstone. */
  readonly isKnown: boolean;
  readonly gone: RowTimes | null;
  /** The first event time that the history has of the entity; null: it has none. */
  readonly firstEventUs: number | null;
}

export interface ReplayedRow {
  readonly times: ReplayedTimes;
  readonly outsideTtl: boolean;
  /** Whether the row is a tombstone, which says that the entity has no row. */
  readonly deleted: boolean;
  /** In the order of the view's features; all null when the row is outside its TTL or a tombstone. */
  readonly values: readonly Value[];
}

/**
 * @param features  what the archive has of the role's rows, in the order of s0, h0 ...
 * @returns SQL of the columns that `readVector` reads, from `v` (the vector with its served row), `trained` and
 *          `available` and `own` (its replayed rows), `m` (the oldest row missed) and `known` (the entity's history)
 */
export function vectorColumns(
  service: FeatureService,
  view: FeatureView,
  features: readonly ServedFeature[],
): string {
  const columns = [
    us('v.vid', 'vid'),
    'v.request_id, v.row_index, v.pod, v.service_version, v.surface, v.bundle, v.hmac_key',
    us('v.served_us', 'served_us'),
    ...service.requestKeys.map((_, i) => `coalesce(v.shown_${i}, CAST(v.key_${i} AS VARCHAR)) AS key_${i}`),
    'v.status, v.source, v.definition_id, v.is_decoded',
    ...features.map((_, i) => `v.s${i}, v.h${i}`),
    us('v.fetched_us', 'fetched_us'),
    us('v.watermark_us', 'watermark_us'),
    us('v.event_us', 'event_us'),
    us('v.created_us', 'created_us'),
    us('v.written_ms', 'written_ms'),
    ...replayedColumns('trained', view),
    ...replayedColumns('available', view),
    us('m.event_us', 'missed_event_us'),
    us('m.created_us', 'missed_created_us'),
    'm.run_id AS missed_run_id, m.definition_id AS missed_definition_id, m.deleted AS missed_deleted',
    us('own.asof_event_us', 'own_event_us'),
    us('own.asof_created_us', 'own_created_us'),
    'coalesce(known.is_known, false) AS is_known',
    us('known.gone.e', 'gone_event_us'),
    us('known.gone.c', 'gone_created_us'),
    us('known.first_us', 'first_us'),
  ];
  return columns.join(', ');
}

function replayedColumns(mode: AsOfRule['mode'], view: FeatureView): string[] {
  return [
    `${mode}.asof_state AS ${mode}_state`,
    `${mode}.asof_deleted AS ${mode}_deleted`,
    us(`${mode}.asof_event_us`, `${mode}_event_us`),
    us(`${mode}.asof_created_us`, `${mode}_created_us`),
    `${mode}.asof_run_id AS ${mode}_run_id`,
    `${mode}.asof_definition_id AS ${mode}_definition_id`,
    ...view.features.map(({ name }) => `${mode}.${quoteName(`${mode}_${name}`)}`),
  ];
}

/** SQL of a time as a double: exact for microseconds up to the year 2255, and a plain number in JavaScript. */
function us(sql: string, as: string): string {
  return `CAST(${sql} AS DOUBLE) AS ${as}`;
}

const NO_CLOCKS: readonly ClockReading[] = [];

/** @returns all of a vector but the readings of its pod's clock */
export function readVector(
  row: SqlRow,
  service: FeatureService,
  view: FeatureView,
  features: readonly ServedFeature[],
): ReplayedVector {
  const places = view.features.map(({ name }) => features.findIndex((one) => one.name === name));
  const number = (name: string): number | null => row[name] as number | null;
  const eventUs = number('event_us');
  return {
    vid: number('vid')!,
    requestId: row['request_id'] as string,
    rowIndex: number('row_index')!,
    pod: row['pod'] as string,
    serviceVersion: number('service_version')!,
    surface: number('surface')!,
    bundle: row['bundle'] as string,
    servedUs: number('served_us')!,
    keys: service.requestKeys.map((_, i) => row[`key_${i}`] as string | null),
    status: number('status')!,
    source: number('source')!,
    fetchedUs: number('fetched_us'),
    watermarkUs: number('watermark_us'),
    served:
      eventUs === null
        ? null
        : {
            eventUs,
            createdUs: number('created_us'),
            definitionId: number('definition_id')!,
            writtenUs: number('written_ms')! * 1_000,
          },
    isDecoded: row['is_decoded'] as boolean,
    servedValues: view.features.map(({ type }, i) =>
      places[i] === -1 ? undefined : valueFromDuck(type, row[`s${places[i]}`]!),
    ),
    servedHmacs: places.map((place) =>
      place === -1 ? undefined : (bytesOf(row[`h${place}`]!) ?? undefined),
    ),
    hmacKeyId: row['hmac_key'] as string,
    trained: replayedOf(row, 'trained', view),
    available: replayedOf(row, 'available', view),
    missed: missedOf(row, view),
    ofServedDefinition: rowTimes(row, 'own'),
    clocks: NO_CLOCKS,
    isKnown: row['is_known'] === true,
    gone: rowTimes(row, 'gone'),
    firstEventUs: number('first_us'),
  };
}

function rowTimes(row: SqlRow, of: string): RowTimes | null {
  const eventUs = row[`${of}_event_us`] as number | null;
  return eventUs === null ? null : { eventUs, createdUs: row[`${of}_created_us`] as number | null };
}

/** @param row  has the columns `missed_...` */
export function missedOf(row: SqlRow, view: FeatureView): ReplayedTimes | null {
  const times = rowTimes(row, 'missed');
  if (times === null) return null;
  return {
    ...times,
    definitionId: (row['missed_definition_id'] as number | null) ?? view.definitionId,
    runId: row['missed_run_id'] as string | null,
    ...(row['missed_deleted'] === true ? { deleted: true } : {}),
  };
}

function bytesOf(value: SqlRow[string]): Buffer | null {
  if (value === null) return null;
  const { bytes } = value as unknown as { readonly bytes: Uint8Array };
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function replayedOf(row: SqlRow, mode: AsOfRule['mode'], view: FeatureView): ReplayedRow | null {
  const state = row[`${mode}_state`] as number;
  const deleted = row[`${mode}_deleted`] === true;
  if (state !== ROW_FOUND && state !== ROW_OUTSIDE_TTL && !deleted) return null;
  return {
    times: {
      eventUs: row[`${mode}_event_us`] as number,
      createdUs: row[`${mode}_created_us`] as number | null,
      // The history of a stored view is its source, read by today's definition.
      definitionId: (row[`${mode}_definition_id`] as number | null) ?? view.definitionId,
      runId: row[`${mode}_run_id`] as string | null,
      ...(deleted ? { deleted } : {}),
    },
    deleted,
    outsideTtl: state === ROW_OUTSIDE_TTL,
    values: view.features.map((f) => valueFromDuck(f.type, row[`${mode}_${f.name}`]!)),
  };
}
