/**
 * Batch over a stream's archive: the history is that of the events which a naive look finds to count, one by one,
 * written as plain Parquet and computed by the same SQL. Random events in several partitions and files; some come
 * twice, some are taken back, some are late, old files lack a field.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { definitionIdOf } from '../../contract/definitions/definition-json.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { StreamSource } from '../../contract/stream-source.ts';
import { prepareHistory } from '../../materializer/history/compute.ts';
import { checkLeftOut } from '../../materializer/run/left-out.ts';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { readHistory } from '../../project/history/history-snapshot.ts';
import { committedSql } from '../../project/engine/duckdb/committed-rows.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import { historyRun } from '../support/fixtures/history-run.ts';
import { appendArchive } from '../support/fixtures/written-archive.ts';
import { localFolder } from '../../project/storage/local-folder.ts';

const RUNS = Number(process.env['PLUMB_RUNS'] ?? 12);
const HOP_US = 10_000_000;
const START_US = 1_767_225_600_000_000;
const END_US = START_US + 60 * HOP_US;
const LATENESS_US = 20_000_000;
/** Events appended up to it count however late they are. */
const HORIZON_US = START_US + 20 * HOP_US;

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
});
afterAll(() => duck.close());

interface ArchivedEvent {
  readonly user: number | null;
  readonly id: string | null;
  readonly t: number;
  /** How long after its time it was appended. */
  readonly late: number;
  readonly price: number | null;
  readonly op: 'insert' | 'delete';
  readonly partition: number;
  readonly file: number;
}

const event = fc.record({
  user: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 20 }),
  id: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 1 }),
  t: fc.integer({ min: 0, max: 3 }).map((n) => START_US + n * 7_000_000),
  late: fc.constantFrom(0, 1_000_000, 19_000_000, 21_000_000, 400_000_000),
  price: fc.option(fc.constantFrom(1, 2.5, -3), { freq: 5 }),
  op: fc.constantFrom('insert' as const, 'insert' as const, 'delete' as const),
  partition: fc.integer({ min: 0, max: 2 }),
  file: fc.integer({ min: 0, max: 1 }),
});

const STREAM: StreamSource = {
  topic: 'clicks',
  folder: null,
  format: { kind: 'json' },
  fields: [
    { name: 'user', type: { kind: 'int64' }, unit: null },
    { name: 'id', type: { kind: 'string' }, unit: null },
    { name: 'at', type: { kind: 'timestamp' }, unit: 'us' },
    { name: 'price', type: { kind: 'float64' }, unit: null },
    { name: 'day', type: { kind: 'string' }, unit: null },
  ],
  id: 'id',
  keyedBy: null,
  op: null,
};

function viewOf(path: string, stream?: StreamSource): { view: FeatureView; entity: Entity } {
  const price = { column: 'price', columnType: { kind: 'float64' } as const };
  const { view: plain, entity } = aggregatedView({
    joinKeys: [{ name: 'user', type: 'int64' }],
    path,
    eventTime: 'at',
    createdTime: '_appended',
    hopUs: HOP_US,
    latenessUs: LATENESS_US,
    features: [
      { name: 'n', function: 'count', windowUs: null },
      { name: 'n_30s', function: 'count', windowUs: 3 * HOP_US },
      { name: 'total', function: 'sum', windowUs: 3 * HOP_US, ...price },
      { name: 'most', function: 'max', windowUs: 3 * HOP_US, ...price },
      { name: 'newest', function: 'last', windowUs: null, ...price },
      { name: 'days', function: 'max', column: 'day', columnType: { kind: 'string' }, windowUs: null },
    ],
  });
  const view = stream === undefined ? plain : { ...plain, source: { ...plain.source, stream } };
  return { view: { ...view, definitionId: definitionIdOf(view, entity.joinKeys) }, entity };
}

const literal = (value: number | string | null): string => (value === null ? 'NULL' : `'${value}'`);
const offsetOf = (e: ArchivedEvent, all: readonly ArchivedEvent[]): number => all.indexOf(e);

/** @param day  whether the file has the field `day` */
function rowsSql(events: readonly ArchivedEvent[], all: readonly ArchivedEvent[], day: boolean): string {
  const rows = events.map((e) => {
    const appended = e.t + e.late;
    return `(${literal(e.user)}::BIGINT, ${literal(e.id)}::VARCHAR, make_timestamptz(${e.t}), ${literal(e.price)}::DOUBLE,
      ${e.partition}::BIGINT, ${offsetOf(e, all)}::BIGINT, make_timestamptz(${appended}), make_timestamptz(${appended}), '${e.op}')`;
  });
  const names = 'u, i, t, p, pa, o, a, r, op';
  return `SELECT u AS "user", i AS id, t AS "at", p AS price, ${day ? `coalesce(i, 'x') AS day,` : ''} pa AS _partition,
    o AS _offset, a AS _appended, r AS _archived, op AS _op FROM (VALUES ${rows.join(', ')}) v(${names})`;
}

/** The rule, one event at a time. */
function countingEvents(all: readonly ArchivedEvent[], takesBack: boolean): ArchivedEvent[] {
  const counts = all.filter(
    ({ user, t, late }) => user !== null && (late <= LATENESS_US || t + late <= HORIZON_US),
  );
  const first = counts.toSorted((a, b) => a.partition - b.partition || offsetOf(a, all) - offsetOf(b, all));
  const op = (e: ArchivedEvent): string => (takesBack ? e.op : 'insert');
  const kept: ArchivedEvent[] = [];
  for (const e of first) {
    const twice = kept.some((k) => k.user === e.user && k.id === e.id && k.t === e.t && k.op === e.op);
    if (e.id === null || !twice) kept.push(e);
  }
  const left = kept.filter((e) => op(e) === 'insert');
  const dayOf = (e: ArchivedEvent): boolean => e.file === 1;
  for (const gone of kept.filter((e) => op(e) === 'delete')) {
    const at = left.findIndex(
      (e) =>
        e.user === gone.user &&
        e.t === gone.t &&
        e.id === gone.id &&
        (gone.id !== null || (e.price === gone.price && dayOf(e) === dayOf(gone))),
    );
    if (at !== -1) left.splice(at, 1);
  }
  return left;
}

async function historyOf(folder: string, view: FeatureView, entity: Entity): Promise<unknown> {
  const run = historyRun({ duck, view, entity, folder }, { cutoffUs: END_US, horizonUs: HORIZON_US });
  await (await prepareHistory(run)).publish(END_US + 1);
  const files = (await readHistory(localFolder(folder), view))!.files([view.definitionId]);
  const columns = ['"user"', 'epoch_us(event_time) AS t', ...view.features.map(({ name }) => name)];
  return duck.rows(`SELECT ${columns.join(', ')} FROM (${committedSql(view, entity, files)}) ORDER BY ALL`);
}

test.each([false, true])('an archive counts each event once; taken back: %s', async (takesBack) => {
  const op = takesBack ? { column: 'day', insert: ['i'], delete: ['d'] } : null;
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 24 }), async (drawn) => {
      const all = drawn.map((e) => (takesBack ? e : { ...e, op: 'insert' as const }));
      const [archived, plain] = ['archive-', 'plain-'].map((name) => mkdtempSync(join(tmpdir(), name)));
      for (const partition of [0, 1, 2]) {
        for (const file of [0, 1]) {
          const own = all.filter((e) => e.partition === partition && e.file === file);
          if (own.length === 0) continue;
          const sql = rowsSql(own, all, file === 1);
          await appendArchive(duck, join(archived!, 'a'), { partition, sql, seenUs: END_US });
        }
      }
      const left = countingEvents(all, takesBack);
      const none = `SELECT * FROM (${rowsSql(all, all, true)}) WHERE false`;
      const parts = [0, 1].flatMap((file) => {
        const own = left.filter((e) => e.file === file);
        return own.length === 0 ? [] : [rowsSql(own, all, file === 1)];
      });
      await duck.run(
        `COPY (${[none, ...parts].join(' UNION ALL BY NAME ')}) TO ${quoteTarget(join(plain!, 'e.parquet'))} (FORMAT parquet)`,
      );
      const stream = viewOf('a', { ...STREAM, op });
      const files = viewOf('e.parquet');
      expect(await historyOf(archived!, stream.view, stream.entity)).toEqual(
        await historyOf(plain!, files.view, files.entity),
      );
    }),
    { numRuns: RUNS },
  );
});

test('deletions that take back nothing are rejects, and fail no run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'archive-'));
  const deletion = {
    user: 1,
    id: 'a',
    t: START_US,
    late: 0,
    price: 1,
    op: 'delete',
    partition: 0,
    file: 1,
  } as const;
  const all: ArchivedEvent[] = [
    deletion,
    { ...deletion, op: 'insert' },
    { ...deletion, id: 'b' },
    { ...deletion, id: null },
    { ...deletion, id: null },
    { ...deletion, id: null, op: 'insert' },
  ];
  await appendArchive(duck, join(folder, 'a'), {
    partition: 0,
    sql: rowsSql(all, all, true),
    seenUs: END_US,
  });
  const { view, entity } = viewOf('a', { ...STREAM, op: { column: 'day', insert: ['i'], delete: ['d'] } });
  const run = historyRun({ duck, view, entity, folder }, { cutoffUs: END_US, horizonUs: HORIZON_US });
  // A backfill of everything accounts for each row.
  const prepared = await prepareHistory({ ...run, range: { ...run.range, kind: 'backfill' } });
  const { read, rejected, reasons, rejectFile } = prepared.counts;
  expect({ read, rejected }).toEqual({ read: 6, rejected: 2 });
  expect([...reasons]).toEqual([['it takes back an event that was never counted', 2]]);
  const kept = await duck.rows(`SELECT "~id" AS id FROM read_parquet(${quoteText(rejectFile!)}) ORDER BY id`);
  expect(kept.map((row) => row['id'])).toEqual(['b', null]);
  checkLeftOut(
    { view, settings: { materialize: { maxRejectedShare: 0, maxLateShare: 0 } } },
    prepared.counts,
  );
  await prepared.discard();
});
