/**
 * The vectors of one request as the archive has them: whose they are, how each view was served, what its row held, and
 * what the model was told where the answer was logged. Called by explain.ts.
 */
import { existsSync } from 'node:fs';
import { restColumn } from '../archive/archive-shape.ts';
import { LoggedAnswer, answeredFeatures } from '../answers/logged-answer.ts';
import { loadHmacKey } from '../../contract/log-privacy.ts';
import type { FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import { quoteText, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import type { Project } from '../../project/project.ts';
import type { ServedTimes } from '../causes/facts.ts';
import { whyLeftOut } from '../day/day-of-log.ts';
import { HashedIds } from '../day/hashed-ids.ts';
import { monitorError } from '../errors.ts';
import type { BundleBook } from '../judge/bundle-book.ts';
import { ServedFiles } from '../replay/served-files.ts';
import type { ServedFeature } from '../replay/served-files.ts';
import { loggedComputed } from './computed/logged-computed.ts';
import type { LoggedComputed } from './computed/logged-computed.ts';
import type { LoggedRequest } from './logged-requests.ts';

/** How a view was served in a vector. */
export interface ServedView {
  /** Codes of `contract/status.ts`. */
  readonly status: number;
  readonly source: number;
  readonly fetchedUs: number | null;
  readonly watermarkUs: number | null;
  /** Of the stored row; null: there was none. */
  readonly served: ServedTimes | null;
  /** False: no known definition reads its row. */
  readonly isDecoded: boolean;
  /** By the features of today's view; undefined where the archive has no such column. */
  readonly values: readonly (Value | undefined)[];
}

export interface ArchivedVector {
  /** Which of the request's, from 0. */
  readonly row: number;
  /** Index into SURFACES. */
  readonly surface: number;
  readonly serviceVersion: number;
  readonly bundle: string;
  /** How far the clock of its pod had moved by then since its start, beyond the time that passed. */
  readonly clockOffsetUs: number;
  /** In the order of the service's request keys; what is shown of each instead, null: the id itself. */
  readonly ids: readonly (KeyValue | null)[];
  readonly shown: readonly (string | null)[];
  /** By role. */
  readonly views: ReadonlyMap<string, ServedView>;
  /** null: the service has no on-demand view. */
  readonly computed: LoggedComputed | null;
  /** null: it was not logged, or the bundle that says how to read it is gone. */
  readonly answer: LoggedAnswer | null;
}

interface Reading {
  readonly project: Project;
  readonly duck: DuckDb;
  readonly book: BundleBook;
  readonly service: FeatureService;
  readonly request: LoggedRequest;
}

/**
 * @param rows  which vectors: from, and up to but without
 * @returns     in their order; or, as the end of a sentence such as `8 vectors of churn ...`, why they cannot be joined
 * @throws      MON_REQUEST when retention has removed them meanwhile
 */
export async function loggedVectors(
  reading: Reading,
  rows: readonly [from: number, to: number],
): Promise<ArchivedVector[] | string> {
  try {
    return await readVectors(reading, rows);
  } catch (error) {
    const { requestId, file } = reading.request;
    if (existsSync(file)) throw error;
    const message = `the file with request ${requestId} was removed while it was read: monitor.keepServedDays has come to its day`;
    throw monitorError('MON_REQUEST', message, { file }, error);
  }
}

async function readVectors(
  reading: Reading,
  [from, to]: readonly [from: number, to: number],
): Promise<ArchivedVector[] | string> {
  const { project, duck, book, service, request } = reading;
  const columns = await columnsOf(duck, request.file);
  const hmacKey = loadHmacKey(project.settings.log.hmacKey);
  const hashedIds = service.requestKeys.some(({ name }) => columns.has(`${name}__hmac`))
    ? await HashedIds.read(duck, project, book.current, hmacKey)
    : null;
  const read = await ServedFiles.read(duck, [[request.file]], service.requestKeys, hashedIds?.tables);
  const { whole: files, others } = read.byKeys();
  if (others !== null) return 'with other join keys';
  const { pod, epoch, sequence } = request;
  const place = `pod = ${quoteText(pod)} AND epoch = ${quoteText(epoch)} AND sequence = ${sequence}`;
  const where = `WHERE ${place} AND row_index >= ${from} AND row_index < ${to}`;
  const heads = await duck.rows(`SELECT * FROM (${files.vectors}) ${where} ORDER BY row_index`);
  const bundle = heads[0]?.['bundle'] as string;
  const scope = { bundle: (hash: string) => book.bundle(hash), hashedIds };
  const why = whyLeftOut(service, scope, bundle, heads[0]?.['hmac_key'] as string);
  if (why !== null) return why;
  const byRole = new Map<string, ReadonlyMap<number, ServedView>>();
  for (const used of service.views)
    byRole.set(used.role, await rowsOf(reading, used, { files, columns, where }));
  const then = book.servedService(bundle, service);
  const computed = await loggedComputed(duck, { files, where }, then, book.bundle(bundle));
  const [answered] = await duck.rows(`SELECT answer FROM (${files.answers}) WHERE ${place}`);
  const answer = answered === undefined ? null : answerOf(reading, heads[0]!, answered['answer']!);
  return heads.map((head) => {
    const row = head['row_index'] as number;
    return {
      row,
      surface: head['surface'] as number,
      serviceVersion: head['service_version'] as number,
      bundle,
      clockOffsetUs: Number(head['clock_offset']),
      ids: service.requestKeys.map((_, i) => head[`key_${i}`] as KeyValue | null),
      shown: service.requestKeys.map((_, i) => head[`shown_${i}`] as string | null),
      views: new Map([...byRole].flatMap(([role, own]) => (own.has(row) ? [[role, own.get(row)!]] : []))),
      computed: computed.get(row) ?? null,
      answer,
    };
  });
}

async function columnsOf(duck: DuckDb, file: string): Promise<ReadonlySet<string>> {
  const rows = await duck.rows(
    `DESCRIBE FROM read_parquet(${quotePaths([file])}, hive_partitioning = false)`,
  );
  return new Set(rows.map((row) => row['column_name'] as string));
}

/** @returns by the number of the vector; none where the request had no row of the role */
async function rowsOf(
  { duck, book }: Reading,
  { role, view: viewId }: ServiceView,
  { files, columns, where }: { files: ServedFiles; columns: ReadonlySet<string>; where: string },
): Promise<Map<number, ServedView>> {
  const view = book.current.views.get(viewId)!;
  // What the service took then stands under its full name.
  const features = view.features.map(({ name, type }) => ({
    name,
    type,
    columns: [`${role}__${name}`, restColumn(role, name)].filter((one) => columns.has(one)),
  }));
  const sql = files.rowsOf(role, features);
  if (sql === null) return new Map();
  const times = ['fetched_us', 'watermark_us', 'event_us', 'created_us', 'written_ms'];
  const rows =
    await duck.rows(`SELECT * REPLACE (${times.map((one) => `CAST(${one} AS DOUBLE) AS ${one}`).join(', ')})
    FROM (${sql}) ${where}`);
  return new Map(rows.map((row) => [row['row_index'] as number, servedView(row, view, features)]));
}

function servedView(row: SqlRow, view: FeatureView, features: readonly ServedFeature[]): ServedView {
  const number = (name: string): number | null => row[name] as number | null;
  const eventUs = number('event_us');
  return {
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
    values: view.features.map(({ type }, i) =>
      features[i]!.columns.length > 0 ? valueFromDuck(type, row[`s${i}`]!) : undefined,
    ),
  };
}

function answerOf({ book, service }: Reading, head: SqlRow, value: SqlRow[string]): LoggedAnswer | null {
  const hash = head['bundle'] as string;
  // How an answer lists its features, only its own bundle says.
  if (!book.isKept(hash)) return null;
  const { bytes } = value as unknown as { readonly bytes: Uint8Array };
  const surface = SURFACES[head['surface'] as number] ?? 'native';
  return new LoggedAnswer(Buffer.from(bytes), surface, answeredFeatures(book.bundle(hash), service));
}
