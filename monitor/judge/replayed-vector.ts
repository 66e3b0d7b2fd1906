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
import type { ServedKinds } from '../groups/served-kinds.ts';
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
  readonly kinds: ServedKinds;
}

/** @returns SQL of what `vectorReader` reads of a vector as it was served: from `v`, the vector with its served row */
export function servedColumns({ service, features, hashed, kinds }: ReadRole): string {
  const columns = [
    us('v.row_index', 'row_index'),
    us('v.service_version', 'service_version'),
    us('v.surface', 'surface'),
    kinds.columns,
    us('v.served_us', 'served_us'),
    ...service.requestKeys.map((_, i) => `${shownKeySql(i)} AS key_${i}`),
    us('v.status', 'status'),
    us('v.definition_id', 'definition_id'),
    'v.is_decoded',
    ...features.flatMap((_, i) => (hashed.has(i) ? [`v.s${i}`, `v.h${i}`] : [`v.s${i}`])),
    us('v.event_us', 'event_us'),
    us('v.created_us', 'created_us'),
    us('v.written_ms', 'written_ms'),
  ];
  return columns.join(', ');
}

/** @returns SQL of the values of a replayed row: from `h`, the row of the history */
export function replayedValues({ features }: FeatureView): string {
  return features.map(({ name }, i) => `h.${quoteName(name)} AS v${i}`).join(', ');
}

/**
 * @param modes  those that are joined: without `available` an honest store had what training sees
 * @returns      SQL of the rest: from `trained` and `available` and `own` (its replayed rows), `m` (the oldest row
 *               missed), `crowded` (the event has several rows) and `known` (the entity's history)
 */
export function replayedColumns(modes: readonly AsOfRule['mode'][]): string {
  const columns = [
    ...modes.flatMap(replayedTimes),
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
const NO_HMACS: readonly undefined[] = [];

/** Values of replayed rows, and where those of each group of a page stand. */
interface PlacedValues {
  readonly columns: SqlColumns;
  /** By the group's place in the page; -1: it has none. */
  readonly at: Int32Array;
}

/** @param columns  with `place`; @param places  of the page */
export function valuesByPlace(
  columns: SqlColumns,
  [from, until]: readonly [from: number, until: number],
): PlacedValues {
  const at = new Int32Array(until - from).fill(-1);
  for (const [i, place] of (columns['place'] as number[]).entries()) at[place - from] = i;
  return { columns, at };
}

/** A page of what is laid of groups (groups/group-pages.ts), one row a group. */
export interface VectorTables {
  readonly firsts: SqlColumns;
  readonly given: SqlColumns;
  readonly trained: PlacedValues;
  readonly available: PlacedValues;
}

/** @returns how to read all of a vector, by its place in the page, but the readings of its pod's clock */
export function vectorReader(
  { firsts, given, trained, available }: VectorTables,
  { service, view, features, hashed, kinds }: ReadRole,
): (at: number) => ReplayedVector {
  const places = view.features.map(({ name }) => features.findIndex((one) => one.name === name));
  const numbers = (name: string): number[] => (given[name] ?? firsts[name]) as number[];
  const isJoined = firsts['available_state'] !== undefined;
  const ofTrained = replayedColumnsOf(firsts, 'trained', view, trained);
  const page: VectorPage = {
    view,
    kinds,
    vid: numbers('vid'),
    rowIndex: numbers('row_index'),
    serviceVersion: numbers('service_version'),
    surface: numbers('surface'),
    bundle: numbers('bundle_n'),
    hmacKey: numbers('hmac_key_n'),
    servedUs: numbers('served_us'),
    status: numbers('status'),
    definitionId: numbers('definition_id'),
    eventUs: numbers('event_us'),
    createdUs: numbers('created_us'),
    writtenMs: numbers('written_ms'),
    firstUs: numbers('first_us'),
    isDecoded: given['is_decoded']!,
    isCrowded: firsts['is_crowded']!,
    isKnown: firsts['is_known']!,
    keys: service.requestKeys.map((_, i) => given[`key_${i}`]!) as (string | null)[][],
    served: view.features.map(({ type }, i) => valuesOf(type, given[`s${places[i]}`])),
    hmacs: hashed.size === 0 ? null : places.map((place) => bytesOf(given[`h${place}`])),
    trained: ofTrained,
    available: isJoined ? replayedColumnsOf(firsts, 'available', view, available) : ofTrained,
    missed: missedColumns(firsts),
    own: timesOf(firsts, 'own'),
    gone: timesOf(firsts, 'gone'),
  };
  return (at) => readVector(page, at);
}

/** Columns of a page of vectors, by what a vector has of them. */
interface VectorPage {
  readonly view: FeatureView;
  readonly kinds: ServedKinds;
  readonly vid: readonly number[];
  readonly rowIndex: readonly number[];
  readonly serviceVersion: readonly number[];
  readonly surface: readonly number[];
  readonly bundle: readonly number[];
  readonly hmacKey: readonly number[];
  readonly servedUs: readonly number[];
  readonly status: readonly number[];
  readonly definitionId: readonly (number | null)[];
  readonly eventUs: readonly (number | null)[];
  readonly createdUs: readonly (number | null)[];
  readonly writtenMs: readonly (number | null)[];
  readonly firstUs: readonly (number | null)[];
  readonly isDecoded: SqlColumns[string];
  readonly isCrowded: SqlColumns[string];
  readonly isKnown: SqlColumns[string];
  readonly keys: readonly (readonly (string | null)[])[];
  /** By the features of the view; undefined: there is none. */
  readonly served: readonly (readonly Value[] | undefined)[];
  /** null: the log has none of the role. */
  readonly hmacs: readonly (readonly (Buffer | undefined)[] | undefined)[] | null;
  readonly trained: ReplayedColumns;
  readonly available: ReplayedColumns;
  readonly missed: MissedColumns;
  readonly own: TimesColumns;
  readonly gone: TimesColumns;
}

interface TimesColumns {
  readonly eventUs: readonly (number | null)[];
  readonly createdUs: readonly (number | null)[];
}

export interface MissedColumns extends TimesColumns {
  readonly definitionIds: readonly (number | null)[];
  readonly runIds: readonly (string | null)[];
  readonly deleted: readonly boolean[];
}

interface ReplayedColumns extends TimesColumns {
  readonly states: readonly number[];
  readonly deleted: readonly boolean[];
  readonly runIds: readonly (string | null)[];
  readonly definitionIds: readonly (number | null)[];
  readonly values: readonly (readonly Value[])[];
  /** Where the values of a group stand; -1: all are null. */
  readonly at: Int32Array;
}

function readVector(page: VectorPage, at: number): ReplayedVector {
  const { view, kinds } = page;
  const eventUs = page.eventUs[at]!;
  const trained = replayedOf(page.trained, at, view);
  return {
    vid: page.vid[at]!,
    rowIndex: page.rowIndex[at]!,
    serviceVersion: page.serviceVersion[at]!,
    surface: page.surface[at]!,
    bundle: kinds.bundles[page.bundle[at]!]!,
    servedUs: page.servedUs[at]!,
    keys: page.keys.map((ids) => ids[at]!),
    status: page.status[at]!,
    served:
      eventUs === null
        ? null
        : {
            eventUs,
            createdUs: page.createdUs[at]!,
            definitionId: page.definitionId[at]!,
            writtenUs: page.writtenMs[at]! * 1_000,
          },
    isDecoded: page.isDecoded[at] === true,
    servedValues: page.served.map((values) => values?.[at]),
    servedHmacs: page.hmacs?.map((hmacs) => hmacs?.[at]) ?? NO_HMACS,
    hmacKeyId: kinds.hmacKeys[page.hmacKey[at]!]!,
    trained,
    available: page.available === page.trained ? trained : replayedOf(page.available, at, view),
    missed: missedAt(page.missed, at, view),
    isCrowded: page.isCrowded[at] === true,
    ofServedDefinition: rowTimes(page.own, at),
    clocks: NO_CLOCKS,
    isKnown: page.isKnown[at] === true,
    gone: rowTimes(page.gone, at),
    firstEventUs: page.firstUs[at]!,
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
export function missedColumns(columns: SqlColumns): MissedColumns {
  return {
    ...timesOf(columns, 'missed'),
    definitionIds: columns['missed_definition_id'] as (number | null)[],
    runIds: columns['missed_run_id'] as (string | null)[],
    deleted: columns['missed_deleted'] as boolean[],
  };
}

/** @returns null: the vector at that place missed none */
export function missedAt(missed: MissedColumns, at: number, view: FeatureView): ReplayedTimes | null {
  const eventUs = missed.eventUs[at]!;
  if (eventUs === null) return null;
  return {
    eventUs,
    createdUs: missed.createdUs[at]!,
    definitionId: missed.definitionIds[at] ?? view.definitionId,
    runId: missed.runIds[at]!,
    ...(missed.deleted[at] === true ? { deleted: true } : {}),
  };
}

function replayedColumnsOf(
  columns: SqlColumns,
  mode: AsOfRule['mode'],
  { features }: FeatureView,
  { columns: values, at }: PlacedValues,
): ReplayedColumns {
  return {
    ...timesOf(columns, mode),
    states: columns[`${mode}_state`] as number[],
    deleted: columns[`${mode}_deleted`] as boolean[],
    runIds: columns[`${mode}_run_id`] as (string | null)[],
    definitionIds: columns[`${mode}_definition_id`] as (number | null)[],
    values: features.map(({ type }, i) => valuesOf(type, values[`v${i}`]!)),
    at,
  };
}

function replayedOf(of: ReplayedColumns, at: number, view: FeatureView): ReplayedRow | null {
  const state = of.states[at]!;
  const deleted = of.deleted[at] === true;
  if (state !== ROW_FOUND && state !== ROW_OUTSIDE_TTL && !deleted) return null;
  const row = of.at[at]!;
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
    values: of.values.map((values) => (row === -1 ? null : values[row]!)),
  };
}
