/**
 * The replay of one view of a service over a day: for every vector both as-of joins of its entity with the history at
 * the served time, beside the row that was served. The same join as in training (project/engine/duckdb/as-of-join.ts).
 */
import { ROW_OUTSIDE_TTL, ROW_FOUND, joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import { quoteName, quoteText, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { ViewHistory } from '../../project/engine/duckdb/history.ts';
import type { Entity, FeatureView, ServiceView } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import type { DayOfService } from '../day/day-tables.ts';
import type { ReplayedTimes, ServedTimes } from '../causes/facts.ts';
import type { DefinedView, ServedHistory } from './served-history.ts';

/** One vector's row of one view, served and replayed. */
export interface ReplayedVector {
  readonly vid: number;
  readonly requestId: string;
  readonly rowIndex: number;
  readonly surface: number;
  readonly bundle: string;
  readonly servedUs: number;
  /** Of the request, in the order of the service's request keys, as text. */
  readonly keys: readonly (string | null)[];
  readonly status: number;
  readonly source: number;
  readonly fetchedUs: number | null;
  readonly watermarkUs: number | null;
  readonly served: ServedTimes | null;
  /** Header and values, as they were stored. */
  readonly servedRow: Buffer | null;
  /** Whether values were taken out of it before it was logged, and the HMACs of those that were hashed. */
  readonly masked: boolean;
  readonly hmacs: readonly Buffer[];
  /** The secret of the record's HMACs; empty: it has none. */
  readonly hmacKeyId: string;
  readonly trained: ReplayedRow | null;
  readonly available: ReplayedRow | null;
  readonly oldestMissedUs: number | null;
  readonly inHistory: boolean;
}

export interface ReplayedRow {
  readonly times: ReplayedTimes;
  readonly outsideTtl: boolean;
  /** A tombstone: the entity has no row, since this one says so. */
  readonly deleted: boolean;
  /** In the order of the view's features; nulls when it is outside its TTL, or a tombstone. */
  readonly values: readonly Value[];
}

/** What a view is replayed from, and by which rules. */
export interface Replay {
  readonly used: ServiceView;
  /** Of the bundle in force. */
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly history: ServedHistory;
  /** The view as a bundle has it that vectors of the day name: their delay, TTL and history are that one's. */
  served(bundle: string): DefinedView;
}

/**
 * Runs the joins of one view in its role; `replayedVectors` then reads what came of them.
 *
 * @throws DuckDB's error when the history cannot be read
 */
export async function prepareReplay(
  duck: DuckDb,
  day: DayOfService,
  { used, view, entity, history, served }: Replay,
): Promise<void> {
  const keys = entity.joinKeys.map((key, i) => ({
    label: `key_${day.service.requestKeys.findIndex((request) => request.name === used.requestKeys[i])}`,
    row: key.name,
  }));
  const bundles = await bundlesOf(duck, day, served);
  const { nanos } = await layHistory(duck, day, history, bundles, keys);
  const readings = readingsOf(day, bundles);
  for (const mode of ['trained', 'available'] as const) {
    const parts: string[] = [];
    for (const [i, { labels, definition, delayUs, ttlUs }] of readings.entries()) {
      const join = {
        labels,
        rid: 'vid',
        time: 'served_us',
        history: [`SELECT * FROM replay_history WHERE ${DEFINITION} = ${definition}`],
        nanos,
        tombstones: view.kind === 'aggregated',
        keys,
        features: view.features,
        outputs: view.features.map(({ name }) => ({ feature: name, as: `${mode}_${name}` })),
        mode,
        delayUs,
        ttlUs,
      };
      await joinAsOf(duck, join, `replay_${mode}_${i}`);
      parts.push(`SELECT * FROM replay_${mode}_${i}`);
    }
    await duck.run(`CREATE OR REPLACE TEMP TABLE replay_${mode} AS ${parts.join(' UNION ALL ')};
      ${readings.map((_, i) => `DROP TABLE replay_${mode}_${i}`).join('; ')}`);
  }
  const definition = definitionSql(bundles);
  await duck.run(missedSql(day, used, keys, definition));
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE replay_pairs AS ${pairsSql(day, used, view, keys, definition)}`,
  );
}

interface Reading extends Pick<FeatureView, 'delayUs' | 'ttlUs'> {
  /** FROM item of the vectors that were served by it. */
  readonly labels: string;
  /** Whose rows of the history they are replayed over. */
  readonly definition: number;
}

/** Of a row of the history: under which definition it counts. No join key and no feature has such a name. */
const DEFINITION = quoteName('~definition');

/** @returns the bundles that vectors of the day name, with the view as each has it */
async function bundlesOf(
  duck: DuckDb,
  { vectorTable }: DayOfService,
  served: Replay['served'],
): Promise<Map<string, DefinedView>> {
  const rows = await duck.rows(`SELECT DISTINCT bundle FROM ${vectorTable} ORDER BY bundle`);
  return new Map(rows.map(({ bundle }) => [bundle as string, served(bundle as string)]));
}

/** Makes the table `replay_history`: the rows of the day's entities under each definition that served. */
async function layHistory(
  duck: DuckDb,
  { vectorTable }: DayOfService,
  history: ServedHistory,
  bundles: ReadonlyMap<string, DefinedView>,
  keys: Keys,
): Promise<Pick<ViewHistory, 'nanos'>> {
  const same = keys.map((key) => `v.${key.label} = h.${quoteName(key.row)}`).join(' AND ');
  const today = await history.ofToday();
  const rowsOf = (sql: string, definition: number): string =>
    `SELECT *, ${definition}::UINTEGER AS ${DEFINITION} FROM (${sql}) h
     WHERE EXISTS (SELECT 1 FROM ${vectorTable} v WHERE ${same})`;
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE replay_history AS SELECT * FROM (${rowsOf(today.sql, 0)}) WHERE false`,
  );
  const definitions = new Map([...bundles.values()].map((one) => [one.view.definitionId, one]));
  for (const [definition, defined] of definitions) {
    const sql = await history.of(defined);
    if (sql !== null) await duck.run(`INSERT INTO replay_history BY NAME ${rowsOf(sql, definition)}`);
  }
  return today;
}

/** The vectors of the day in groups of one definition, delay and TTL: two as a rule where it changed within the day, else one. */
function readingsOf({ vectorTable }: DayOfService, bundles: ReadonlyMap<string, DefinedView>): Reading[] {
  const groups = Map.groupBy([...bundles], ([, { view }]) =>
    [view.definitionId, view.delayUs, view.ttlUs].join(' '),
  );
  return [...groups.values()].map((own) => {
    const { definitionId: definition, delayUs, ttlUs } = own[0]![1].view;
    const named = own.map(([bundle]) => quoteText(bundle)).join(', ');
    const labels =
      groups.size === 1 ? vectorTable : `(SELECT * FROM ${vectorTable} WHERE bundle IN (${named}))`;
    return { labels, definition, delayUs, ttlUs };
  });
}

/** @returns SQL of the definition by which the vector `v` was served */
function definitionSql(bundles: ReadonlyMap<string, DefinedView>): string {
  const cases = [...bundles].map(
    ([bundle, { view }]) => `WHEN ${quoteText(bundle)} THEN ${view.definitionId}`,
  );
  return cases.length === 0 ? 'NULL' : `CASE v.bundle ${cases.join(' ')} END`;
}

const PAGE_VECTORS = 20_480;

/**
 * One item for each vector that has a row of the role that was prepared last, in the order of the log. In pages and
 * not as one stream, which other statements on the connection would end.
 */
export async function* replayedVectors(
  duck: DuckDb,
  day: DayOfService,
  view: FeatureView,
): AsyncGenerator<ReplayedVector> {
  for (let vid = 0; vid < day.vectors; vid += PAGE_VECTORS) {
    const rows = await duck.rows(
      `SELECT * FROM replay_pairs WHERE vid >= ${vid} AND vid < ${vid + PAGE_VECTORS} ORDER BY vid`,
    );
    for (const row of rows) yield vectorOf(row, day, view);
  }
}

type Keys = readonly { readonly label: string; readonly row: string }[];

/** For each vector whose replayed row is newer than the served one: the first row of the entity after the served. */
function missedSql(day: DayOfService, used: ServiceView, keys: Keys, definition: string): string {
  const rowKeys = keys.map((key) => quoteName(key.row));
  const same = keys.map((key) => `l.${key.label} = e.${quoteName(key.row)}`);
  const on = [...same, `l.definition = e.${DEFINITION}`].join(' AND ');
  return `CREATE OR REPLACE TEMP TABLE replay_missed AS
    WITH l AS (SELECT v.vid, ${keys.map((key) => `v.${key.label}`).join(', ')}, coalesce(r.event_us, -1) AS event_us,
        ${definition} AS definition FROM ${day.vectorTable} v JOIN ${day.rowTable} r ON r.vid = v.vid AND r.role = ${quoteText(used.role)}
      JOIN replay_trained t ON t.rid = v.vid WHERE t.asof_event_us > coalesce(r.event_us, -1)),
    e AS (SELECT DISTINCT ${rowKeys.join(', ')}, ${DEFINITION}, epoch_us(event_time) AS event_us FROM replay_history
      WHERE event_time IS NOT NULL)
    SELECT l.vid, e.event_us FROM l ASOF JOIN e ON ${on} AND l.event_us < e.event_us`;
}

function pairsSql(
  day: DayOfService,
  used: ServiceView,
  view: FeatureView,
  keys: Keys,
  definition: string,
): string {
  const columns = [
    us('v.vid', 'vid'),
    'v.request_id, v.row_index, v.surface, v.bundle, v.hmac_key',
    us('v.served_us', 'served_us'),
    ...day.service.requestKeys.map(
      (_, i) => `coalesce(v.shown_${i}, CAST(v.key_${i} AS VARCHAR)) AS key_${i}`,
    ),
    'r.status, r.source, r.definition_id, r.row, r.masked, r.hmacs',
    us('r.fetched_us', 'fetched_us'),
    us('r.watermark_us', 'watermark_us'),
    us('r.event_us', 'event_us'),
    us('r.created_us', 'created_us'),
    us('r.written_ms', 'written_ms'),
    ...replayedColumns('trained', view),
    ...replayedColumns('available', view),
    us('m.event_us', 'missed_us'),
    'known.found AS in_history',
  ];
  const rowKeys = keys.map((key) => quoteName(key.row));
  const same = keys.map((key) => `known.${quoteName(key.row)} = v.${key.label}`);
  const known = [...same, `known.${DEFINITION} = ${definition}`].join(' AND ');
  return `SELECT ${columns.join(', ')} FROM ${day.vectorTable} v
    JOIN ${day.rowTable} r ON r.vid = v.vid AND r.role = ${quoteText(used.role)}
    JOIN replay_trained trained ON trained.rid = v.vid
    JOIN replay_available available ON available.rid = v.vid
    LEFT JOIN replay_missed m ON m.vid = v.vid
    LEFT JOIN (SELECT DISTINCT ${rowKeys.join(', ')}, ${DEFINITION}, true AS found FROM replay_history) known ON ${known}`;
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

/** Times leave as doubles, which hold microseconds exactly up to the year 2255 and are plain numbers here. */
function us(sql: string, as: string): string {
  return `CAST(${sql} AS DOUBLE) AS ${as}`;
}

function vectorOf(row: SqlRow, day: DayOfService, view: FeatureView): ReplayedVector {
  const number = (name: string): number | null => row[name] as number | null;
  const eventUs = number('event_us');
  return {
    vid: number('vid')!,
    requestId: row['request_id'] as string,
    rowIndex: number('row_index')!,
    surface: number('surface')!,
    bundle: row['bundle'] as string,
    servedUs: number('served_us')!,
    keys: day.service.requestKeys.map((_, i) => row[`key_${i}`] as string | null),
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
    servedRow: bytesOf(row['row']!),
    masked: row['masked'] as boolean,
    hmacs: hmacsOf(bytesOf(row['hmacs']!)),
    hmacKeyId: row['hmac_key'] as string,
    trained: replayedOf(row, 'trained', view),
    available: replayedOf(row, 'available', view),
    oldestMissedUs: number('missed_us'),
    inHistory: row['in_history'] === true,
  };
}

function bytesOf(value: SqlRow[string]): Buffer | null {
  if (value === null) return null;
  const { bytes } = value as unknown as { readonly bytes: Uint8Array };
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

const NO_HMACS: readonly Buffer[] = [];
const HMAC_BYTES = 32;

function hmacsOf(bytes: Buffer | null): readonly Buffer[] {
  if (bytes === null) return NO_HMACS;
  const count = bytes.length / HMAC_BYTES;
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * HMAC_BYTES, (i + 1) * HMAC_BYTES));
}

function replayedOf(row: SqlRow, mode: AsOfRule['mode'], view: FeatureView): ReplayedRow | null {
  const state = row[`${mode}_state`] as number;
  const deleted = row[`${mode}_deleted`] === true;
  if (state !== ROW_FOUND && state !== ROW_OUTSIDE_TTL && !deleted) return null;
  return {
    times: {
      eventUs: row[`${mode}_event_us`] as number,
      createdUs: row[`${mode}_created_us`] as number | null,
      // A stored view's history is its source, read as the definition of today says.
      definitionId: (row[`${mode}_definition_id`] as number | null) ?? view.definitionId,
      runId: row[`${mode}_run_id`] as string | null,
      ...(deleted ? { deleted } : {}),
    },
    deleted,
    outsideTtl: state === ROW_OUTSIDE_TTL,
    values: view.features.map((f) => valueFromDuck(f.type, row[`${mode}_${f.name}`]!)),
  };
}
