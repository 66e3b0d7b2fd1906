/**
 * One vector with its row of one view, as served and as replayed: the columns that replay.ts selects, and how they are
 * read. Both are in this file so that every column is read the way it was selected.
 */
import { ROW_FOUND, ROW_OUTSIDE_TTL } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlColumns } from '../../project/engine/duckdb/duckdb.ts';
import type { FeatureService, FeatureView } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { ClockReading, ReplayedTimes, ServedTimes } from '../causes/facts.ts';
import type { RowTimes } from '../causes/row-order.ts';
import type { ServedFeature } from '../replay/served-files.ts';

/** One vector's row of one view, served and replayed; without what each vector of its group has of its own. */
export interface ReplayedVector {
  readonly vid: number;
  readonly rowIndex: number;
  readonly serviceVersion: number;
  readonly surface: number;
  readonly bundle: string;
  readonly servedUs: number;
  /** The ids of the request as text, in the order of the service's request keys. */
  readonly keys: readonly (string | null)[];
  readonly status: number;
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
  /** Whether the history has several rows of the served event, under whatever definition. */
  readonly isCrowded: boolean;
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

/** What vectors are read from. */
interface ReadRole {
  readonly service: FeatureService;
  /** In the bundle in force. */
  readonly view: FeatureView;
  /** What the archive has of the role's rows, in the order of s0, h0 ... */
  readonly features: readonly ServedFeature[];
  /** The places of those of which the log has HMACs. */
  readonly hashed: ReadonlySet<number>;
  /** Whether an honest store had another row than training sees, of any of the vectors. */
  readonly isAvailableOther: boolean;
}

/**
 * @returns SQL of what `vectorReader` reads of a vector as it was served, and of its values as replayed: from `v` (the
 *          vector with its served row), `trained_of` and `available_of` (its replayed rows in the history)
 */
export function servedColumns({ service, view, features, hashed, isAvailableOther }: ReadRole): string {
  const columns = [
    us('v.row_index', 'row_index'),
    us('v.service_version', 'service_version'),
    us('v.surface', 'surface'),
    'v.bundle, v.hmac_key',
    us('v.served_us', 'served_us'),
    ...service.requestKeys.map((_, i) => `${shownKeySql(i)} AS key_${i}`),
    us('v.status', 'status'),
    us('v.definition_id', 'definition_id'),
    'v.is_decoded',
    ...features.flatMap((_, i) => (hashed.has(i) ? [`v.s${i}`, `v.h${i}`] : [`v.s${i}`])),
    us('v.event_us', 'event_us'),
    us('v.created_us', 'created_us'),
    us('v.written_ms', 'written_ms'),
    ...replayedValues('trained', view),
    ...(isAvailableOther ? replayedValues('available', view) : []),
  ];
  return columns.join(', ');
}

/**
 * @returns SQL of the rest: from `trained` and `available` and `own` (its replayed rows), `m` (the oldest row missed),
 *          `crowded` (the event has several rows) and `known` (the entity's history)
 */
export function replayedColumns(): string {
  const columns = [
    ...replayedTimes('trained'),
    ...replayedTimes('available'),
    us('m.event_us', 'missed_event_us'),
    us('m.created_us', 'missed_created_us'),
    us('m.definition_id', 'missed_definition_id'),
    'm.run_id AS missed_run_id, m.deleted AS missed_deleted',
    us('own.asof_event_us', 'own_event_us'),
    us('own.asof_created_us', 'own_created_us'),
    'crowded.event_us IS NOT NULL AS is_crowded',
    'coalesce(known.is_known, false) AS is_known',
    us('known.gone.e', 'gone_event_us'),
    us('known.gone.c', 'gone_created_us'),
    us('known.first_us', 'first_us'),
  ];
  return columns.join(', ');
}

/** SQL of an id of the request of `v`, as reports show it. */
export function shownKeySql(key: number): string {
  return `coalesce(v.shown_${key}, CAST(v.key_${key} AS VARCHAR))`;
}

function replayedValues(mode: AsOfRule['mode'], view: FeatureView): string[] {
  return view.features.map(({ name }) => `${mode}_of.${quoteName(name)} AS ${quoteName(`${mode}_${name}`)}`);
}

function replayedTimes(mode: AsOfRule['mode']): string[] {
  return [
    us(`${mode}.asof_state`, `${mode}_state`),
    `${mode}.asof_deleted AS ${mode}_deleted`,
    us(`${mode}.asof_event_us`, `${mode}_event_us`),
    us(`${mode}.asof_created_us`, `${mode}_created_us`),
    `${mode}.asof_run_id AS ${mode}_run_id`,
    us(`${mode}.asof_definition_id`, `${mode}_definition_id`),
  ];
}

/** SQL of a time as a double: exact for microseconds up to the year 2255, and a plain number in JavaScript. */
function us(sql: string, as: string): string {
  return `CAST(${sql} AS DOUBLE) AS ${as}`;
}

const NO_CLOCKS: readonly ClockReading[] = [];

/** @returns how to read all of a vector, by its place in the columns, but the readings of its pod's clock */
export function vectorReader(
  columns: SqlColumns,
  { service, view, features, isAvailableOther }: ReadRole,
): (at: number) => ReplayedVector {
  const places = view.features.map(({ name }) => features.findIndex((one) => one.name === name));
  const trained = replayedColumnsOf(columns, 'trained', view);
  const page: VectorPage = {
    columns,
    view,
    keys: service.requestKeys.map((_, i) => columns[`key_${i}`]!) as (string | null)[][],
    served: view.features.map(({ type }, i) => valuesOf(type, columns[`s${places[i]}`])),
    hmacs: places.map((place) => bytesOf(columns[`h${place}`])),
    trained,
    available: isAvailableOther
      ? replayedColumnsOf(columns, 'available', view)
      : { ...replayedColumnsOf(columns, 'available', null), values: trained.values },
    own: timesOf(columns, 'own'),
    gone: timesOf(columns, 'gone'),
  };
  return (at) => readVector(page, at);
}

/** Columns of a page of vectors, by what a vector has of them. */
interface VectorPage {
  readonly columns: SqlColumns;
  readonly view: FeatureView;
  readonly keys: readonly (readonly (string | null)[])[];
  /** By the features of the view; undefined: there is none. */
  readonly served: readonly (readonly Value[] | undefined)[];
  readonly hmacs: readonly (readonly (Buffer | undefined)[] | undefined)[];
  readonly trained: ReplayedColumns;
  readonly available: ReplayedColumns;
  readonly own: TimesColumns;
  readonly gone: TimesColumns;
}

interface TimesColumns {
  readonly eventUs: readonly (number | null)[];
  readonly createdUs: readonly (number | null)[];
}

interface ReplayedColumns extends TimesColumns {
  readonly states: readonly number[];
  readonly deleted: readonly boolean[];
  readonly runIds: readonly (string | null)[];
  readonly definitionIds: readonly (number | null)[];
  readonly values: readonly (readonly Value[])[];
}

function readVector(page: VectorPage, at: number): ReplayedVector {
  const { columns, view } = page;
  const number = (name: string): number | null => columns[name]![at] as number | null;
  const text = (name: string): string => columns[name]![at] as string;
  const eventUs = number('event_us');
  return {
    vid: number('vid')!,
    rowIndex: number('row_index')!,
    serviceVersion: number('service_version')!,
    surface: number('surface')!,
    bundle: text('bundle'),
    servedUs: number('served_us')!,
    keys: page.keys.map((ids) => ids[at]!),
    status: number('status')!,
    served:
      eventUs === null
        ? null
        : {
            eventUs,
            createdUs: number('created_us'),
            definitionId: number('definition_id')!,
            writtenUs: number('written_ms')! * 1_000,
          },
    isDecoded: columns['is_decoded']![at] === true,
    servedValues: page.served.map((values) => values?.[at]),
    servedHmacs: page.hmacs.map((hmacs) => hmacs?.[at]),
    hmacKeyId: text('hmac_key'),
    trained: replayedOf(page.trained, at, view),
    available: replayedOf(page.available, at, view),
    missed: missedOf(columns, at, view),
    isCrowded: columns['is_crowded']![at] === true,
    ofServedDefinition: rowTimes(page.own, at),
    clocks: NO_CLOCKS,
    isKnown: columns['is_known']![at] === true,
    gone: rowTimes(page.gone, at),
    firstEventUs: number('first_us'),
  };
}

/** Types whose values come from DuckDB as they are. */
const PLAIN: ReadonlySet<ValueType['kind']> = new Set([
  'bool',
  'int32',
  'int64',
  'float32',
  'float64',
  'string',
]);

function valuesOf(type: ValueType, raw: SqlColumns[string]): readonly Value[];
function valuesOf(type: ValueType, raw: SqlColumns[string] | undefined): readonly Value[] | undefined;
function valuesOf(type: ValueType, raw: SqlColumns[string] | undefined): readonly Value[] | undefined {
  return PLAIN.has(type.kind)
    ? (raw as Value[] | undefined)
    : raw?.map((value) => valueFromDuck(type, value));
}

/** @returns undefined where there is no column, or nothing in it */
function bytesOf(raw: SqlColumns[string] | undefined): (Buffer | undefined)[] | undefined {
  if (raw === undefined || raw.every((value) => value === null)) return undefined;
  return raw.map((value) => {
    if (value === null) return undefined;
    const { bytes } = value as unknown as { readonly bytes: Uint8Array };
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  });
}

function timesOf(columns: SqlColumns, of: string): TimesColumns {
  const numbers = (name: string): (number | null)[] => columns[`${of}_${name}`] as (number | null)[];
  return { eventUs: numbers('event_us'), createdUs: numbers('created_us') };
}

function rowTimes({ eventUs, createdUs }: TimesColumns, at: number): RowTimes | null {
  const event = eventUs[at]!;
  return event === null ? null : { eventUs: event, createdUs: createdUs[at]! };
}

/** @param columns  have `missed_...` */
export function missedOf(columns: SqlColumns, at: number, view: FeatureView): ReplayedTimes | null {
  const eventUs = columns['missed_event_us']![at] as number | null;
  if (eventUs === null) return null;
  return {
    eventUs,
    createdUs: columns['missed_created_us']![at] as number | null,
    definitionId: (columns['missed_definition_id']![at] as number | null) ?? view.definitionId,
    runId: columns['missed_run_id']![at] as string | null,
    ...(columns['missed_deleted']![at] === true ? { deleted: true } : {}),
  };
}

/** @param view  null: without values */
function replayedColumnsOf(
  columns: SqlColumns,
  mode: AsOfRule['mode'],
  view: FeatureView | null,
): ReplayedColumns {
  return {
    ...timesOf(columns, mode),
    states: columns[`${mode}_state`] as number[],
    deleted: columns[`${mode}_deleted`] as boolean[],
    runIds: columns[`${mode}_run_id`] as (string | null)[],
    definitionIds: columns[`${mode}_definition_id`] as (number | null)[],
    values: (view?.features ?? []).map(({ name, type }) => valuesOf(type, columns[`${mode}_${name}`]!)),
  };
}

function replayedOf(of: ReplayedColumns, at: number, view: FeatureView): ReplayedRow | null {
  const state = of.states[at]!;
  const deleted = of.deleted[at] === true;
  if (state !== ROW_FOUND && state !== ROW_OUTSIDE_TTL && !deleted) return null;
  return {
    times: {
      eventUs: of.eventUs[at]!,
      createdUs: of.createdUs[at]!,
      // The history of a stored view is its source, read by today's definition.
      definitionId: of.definitionIds[at] ?? view.definitionId,
      runId: of.runIds[at]!,
      ...(deleted ? { deleted } : {}),
    },
    deleted,
    outsideTtl: state === ROW_OUTSIDE_TTL,
    values: of.values.map((values) => values[at]!),
  };
}
