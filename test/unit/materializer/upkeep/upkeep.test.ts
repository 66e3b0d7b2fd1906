/** Joined files hold the rows that they held apart, for readers of every entry; what nobody reads goes, and no more. */
import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { FeatureView } from '../../../../contract/model.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { cleanHistory } from '../../../../materializer/upkeep/clean-history.ts';
import { compactHistory } from '../../../../materializer/upkeep/compact-history.ts';
import {
  entryHash,
  keepState,
  logFolder,
  readTable,
  writeEntry,
} from '../../../../project/delta/delta-log.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../../project/engine/duckdb/history.ts';
import { historyFolder } from '../../../../project/history/history-folder.ts';
import { HistoriesSeen } from '../../../../project/history/history-place.ts';
import { readHistory } from '../../../../project/history/history-snapshot.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { commitHistory } from '../../../support/fixtures/committed-history.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';

const HOUR = 3_600_000_000;
const START = Date.UTC(2026, 0, 5) * 1_000;
const DAY_MS = 86_400_000;
const LEASE = { number: 1, hold: (): Promise<void> => Promise.resolve() };

/** No training set was made. */
const untrained = (): Promise<[]> => Promise.resolve([]);

let duck: DuckDb;
let root: string;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());
beforeEach(() => {
  root = scratchFolder();
});

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'shop', type: 'string' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: HOUR,
  latenessUs: 0,
  features: [{ name: 'n', function: 'count' }],
});
/** The same feature with another type under another definition. */
const asFloat: FeatureView = {
  ...view,
  definitionId: 0x0000beef,
  features: view.features.map((feature) => ({ ...feature, type: { kind: 'float64' } })),
};

function rowSql(of: FeatureView, hour: number, created: number): string {
  const value = of === view ? `${hour}::BIGINT` : `${hour}.5::DOUBLE`;
  return `SELECT 'shop-${hour % 3}' AS shop, make_timestamptz(${START + hour * HOUR}) AS event_time,
    make_timestamptz(${START + created * HOUR}) AS created_time, 'run-${created}' AS run_id,
    ${of.definitionId}::BIGINT AS definition_id, false AS deleted, ${value} AS n`;
}

async function append(run: number, hours: readonly number[], of = view): Promise<void> {
  const days = Object.fromEntries(
    [...Map.groupBy(hours, (hour) => Math.floor(hour / 24))].map(([day, own]) => [
      `2026-01-0${5 + day}`,
      own.map((hour) => rowSql(of, hour, run)).join(' UNION ALL '),
    ]),
  );
  await commitHistory(root, { view: of, entity, runId: `run-${run}`, watermarkUs: START + run * HOUR, days });
}

async function rowsOf(seen?: HistoriesSeen, of = view): Promise<unknown[]> {
  const place = { folder: '/', history: localFolder(root), ...(seen === undefined ? {} : { seen }) };
  const { sql } = await openHistory(duck, place, of, entity);
  return duck.rows(`SELECT * FROM (${sql}) ORDER BY ALL`);
}

async function compact(nowMs = 0, fewest = 2): ReturnType<typeof compactHistory> {
  return compactHistory({
    root: localFolder(root),
    work: root,
    view,
    duck,
    lease: LEASE,
    logger: silentLogger,
    nowMs,
    fewest,
  });
}

function filesOnDisk(): string[] {
  const names = readdirSync(historyFolder(localFolder(root), view).path, {
    recursive: true,
    encoding: 'utf8',
  });
  return names.filter((name) => name.endsWith('.parquet'));
}

test('small files of a day become one with the same rows; a reader that began before sees its own files', async () => {
  await append(1, [1, 2, 25]);
  await append(2, [2, 3]);
  await append(3, [4, 26]);
  const before = await rowsOf();
  const seen = new HistoriesSeen();
  seen.of(localFolder(root), view);
  expect(await compact()).toEqual({ before: 5, after: 2 });
  expect(await rowsOf()).toEqual(before);
  expect(await rowsOf(seen)).toEqual(before);
  const history = (await readHistory(localFolder(root), view))!;
  expect(history.active().map(({ day, rows, version }) => [day, rows, version])).toEqual([
    ['2026-01-05', 5, 2],
    ['2026-01-06', 2, 2],
  ]);
  expect(history.lastMark()).toMatchObject({ runId: 'run-3', watermarkUs: START + 3 * HOUR });
  expect(filesOnDisk()).toHaveLength(7);
  expect(await compact()).toEqual({ before: 0, after: 0 });
  expect((await readHistory(localFolder(root), view))!.version).toBe(history.version);
});

test('files of different definitions are never joined', async () => {
  const other: FeatureView = { ...view, definitionId: 7 };
  await append(1, [1]);
  await append(2, [1], other);
  await append(3, [2]);
  await append(4, [2], other);
  const before = [await rowsOf(), await rowsOf(undefined, other)];
  expect(await compact()).toEqual({ before: 4, after: 2 });
  expect([await rowsOf(), await rowsOf(undefined, other)]).toEqual(before);
  expect(
    (await readHistory(localFolder(root), view))!
      .active()
      .map(({ definition }) => definition)
      .toSorted(),
  ).toEqual([...new Set(['00000007', view.definitionId.toString(16).padStart(8, '0')])].toSorted());
});

test('rows that are committed while files are joined are neither lost nor doubled', async () => {
  await append(1, [1]);
  await append(2, [2]);
  let between = append(3, [3]);
  const lease = { ...LEASE, hold: () => between };
  await compactHistory({
    root: localFolder(root),
    work: root,
    view,
    duck,
    lease,
    logger: silentLogger,
    nowMs: 0,
    fewest: 2,
  });
  between = Promise.resolve();
  expect(await rowsOf()).toHaveLength(3);
  expect((await readHistory(localFolder(root), view))!.active()).toHaveLength(2);
});

test('a compaction that dies before it commits has changed nothing', async () => {
  await append(1, [1]);
  await append(2, [2]);
  const before = await rowsOf();
  const lease = { ...LEASE, hold: () => Promise.reject(new Error('killed')) };
  await expect(
    compactHistory({
      root: localFolder(root),
      work: root,
      view,
      duck,
      lease,
      logger: silentLogger,
      nowMs: 0,
      fewest: 2,
    }),
  ).rejects.toThrow('killed');
  expect(await rowsOf()).toEqual(before);
  expect(filesOnDisk()).toHaveLength(3);
  expect(await compact()).toEqual({ before: 2, after: 1 });
  expect(await rowsOf()).toEqual(before);
});

test('joined files and those of no entry go after a day, others never', async () => {
  await append(1, [1]);
  await append(2, [2]);
  await compact(1_000);
  const folder = historyFolder(localFolder(root), view);
  const stray = join(folder.path, 'day=2026-01-05', 'run-9.00000001.parquet');
  const aside = join(folder.path, '_delta_log', '_aside-1.tmp');
  for (const file of [stray, aside]) writeFileSync(file, 'half a file');
  const before = await rowsOf();
  const diskMs = Date.now();
  expect(await cleanHistory(localFolder(root), view, { nowMs: 1_000 + DAY_MS, diskMs }, untrained)).toBe(0);
  expect(await cleanHistory(localFolder(root), view, { nowMs: 1_001 + DAY_MS, diskMs }, untrained)).toBe(2);
  expect([existsSync(stray), existsSync(aside)]).toEqual([true, true]);
  const dayLater = { nowMs: 0, diskMs: diskMs + DAY_MS + 60_000 };
  expect(await cleanHistory(localFolder(root), view, dayLater, untrained)).toBe(2);
  expect([existsSync(stray), existsSync(aside)]).toEqual([false, false]);
  expect(filesOnDisk()).toHaveLength(1);
  await cleanHistory(localFolder(root), view, dayLater, untrained);
  expect(existsSync(join(folder.path, '_unnamed.json'))).toBe(false);
  expect(await rowsOf()).toEqual(before);
});

test('who has put back a log that is too old has a day to see it: the rows of later entries are there till then', async () => {
  await append(1, [1]);
  const log = logFolder(historyFolder(localFolder(root), view));
  const [old, right] = [join(root, 'an old copy'), join(root, 'the right one')];
  cpSync(log.path, old, { recursive: true });
  await append(2, [2]);
  const before = await rowsOf();
  renameSync(log.path, right);
  renameSync(old, log.path);
  const diskMs = Date.now() + 30 * DAY_MS;
  const clean = (ms: number): Promise<number> =>
    cleanHistory(localFolder(root), view, { nowMs: 0, diskMs: ms }, untrained);
  expect(await clean(diskMs)).toBe(0);
  expect(await rowsOf()).toHaveLength(1);
  expect(await clean(Date.now() + DAY_MS - 60_000)).toBe(0);
  rmSync(log.path, { recursive: true });
  renameSync(right, log.path);
  expect(await clean(diskMs + DAY_MS + 1)).toBe(0);
  expect(await rowsOf()).toEqual(before);
});

test('a wrong copy of the log that is put back a second time has its day again', async () => {
  await append(1, [1]);
  const log = logFolder(historyFolder(localFolder(root), view));
  const [old, right] = [join(root, 'an old copy'), join(root, 'the right one')];
  cpSync(log.path, old, { recursive: true });
  await append(2, [2]);
  cpSync(log.path, right, { recursive: true });
  const putBack = (copy: string): void => {
    rmSync(log.path, { recursive: true });
    cpSync(copy, log.path, { recursive: true });
  };
  const clean = (days: number): Promise<number> =>
    cleanHistory(localFolder(root), view, { nowMs: 0, diskMs: Date.now() + days * DAY_MS }, untrained);
  const found: number[] = [];
  for (const [copy, day] of [
    [old, 10],
    [right, 10.5],
    [old, 30],
    [old, 30.9],
    [old, 31.1],
  ] as const) {
    putBack(copy);
    found.push(await clean(day));
  }
  expect(found).toEqual([0, 0, 0, 0, 1]);
});

test('files of other users go, too: what was found is noted, and not at the files', async () => {
  await append(1, [1]);
  const stray = join(historyFolder(localFolder(root), view).path, 'day=2026-01-05', 'run-9.00000001.parquet');
  writeFileSync(stray, 'half a file');
  const before = statSync(stray);
  const clean = (days: number): Promise<number> =>
    cleanHistory(localFolder(root), view, { nowMs: 0, diskMs: Date.now() + days * DAY_MS }, untrained);
  expect(await clean(2)).toBe(0);
  expect([statSync(stray).mtimeMs, statSync(stray).ctimeMs]).toEqual([before.mtimeMs, before.ctimeMs]);
  for (const damaged of ['', 'null', '{"counts/v1/day=2026-01-05/run-9.00000001.parquet":"x"}']) {
    writeFileSync(join(historyFolder(localFolder(root), view).path, '_unnamed.json'), damaged);
    expect(await clean(4)).toBe(0);
  }
  expect(await clean(5.1)).toBe(1);
});

test('joined files that a training set was made of stay as long as it does', async () => {
  await append(1, [1]);
  await append(2, [2]);
  await compact(0);
  await append(3, [3]);
  const later = { nowMs: 2 * DAY_MS, diskMs: Date.now() };
  const trainedAt =
    (...commits: number[]) =>
    () =>
      Promise.resolve(commits.map((commit) => ({ commit })));
  // Entry 2 has joined the files of entries 0 and 1.
  expect(await cleanHistory(localFolder(root), view, later, trainedAt(0, 1))).toBe(0);
  expect(await cleanHistory(localFolder(root), view, later, trainedAt(0))).toBe(1);
  expect(await cleanHistory(localFolder(root), view, later, trainedAt(2, 3))).toBe(1);
  expect(filesOnDisk()).toHaveLength(2);
});

test('a set that was made of a log that is lost frees none of the files it may have read', async () => {
  await append(1, [1]);
  await append(2, [2]);
  await compact(0);
  const folder = historyFolder(localFolder(root), view);
  const later = { nowMs: 2 * DAY_MS, diskMs: Date.now() };
  const trainedAt = (commit: number, entry: string | null) => () => Promise.resolve([{ commit, entry }]);
  // Entry 2 has joined the files of entries 0 and 1; the set's entry 2 was another one.
  expect(await cleanHistory(localFolder(root), view, later, trainedAt(2, 'lost'))).toBe(0);
  expect(await cleanHistory(localFolder(root), view, later, trainedAt(0, 'lost'))).toBe(1);
  expect(await cleanHistory(localFolder(root), view, later, trainedAt(2, await entryHash(folder, 2)))).toBe(
    1,
  );
});

test('a file that another program has written into the table is named, not read, and harms none once it is out', async () => {
  await append(1, [1]);
  const before = await rowsOf();
  const { folder, version } = (await readHistory(localFolder(root), view))!;
  const more = { partitionValues: {}, size: 1, modificationTime: 0, dataChange: true };
  await writeEntry(folder, version + 1, [{ add: { path: 'part-0001.parquet', ...more } }]);
  await expect(rowsOf()).rejects.toMatchObject({
    code: 'REG_STORE',
    message: expect.stringContaining('part-0001.parquet is no file of a history'),
  });
  const gone = { path: 'part-0001.parquet', ...more, deletionTimestamp: 0, extendedFileMetadata: true };
  await writeEntry(folder, version + 2, [{ remove: gone }]);
  expect(await rowsOf()).toEqual(before);
  expect((await readHistory(localFolder(root), view))!.removed([view.definitionId])).toEqual([]);
});

test('where a column gets another type, older files leave the table, and are still read under their definition', async () => {
  await append(1, [1, 2]);
  const before = await rowsOf();
  await append(2, [1, 2, 3], asFloat);
  expect(await rowsOf()).toEqual(before);
  expect(await rowsOf(undefined, asFloat)).toHaveLength(3);
  const history = (await readHistory(localFolder(root), view))!;
  expect(history.active().map(({ definition }) => definition)).toEqual(['0000beef']);
  expect(JSON.parse((await readTable(history.folder))!.metaData.schemaString)).toMatchObject({
    fields: expect.arrayContaining([expect.objectContaining({ name: 'n', type: 'double' })]),
  });
  expect(
    await cleanHistory(
      localFolder(root),
      view,
      { nowMs: 90 * DAY_MS, diskMs: Date.now() + 90 * DAY_MS },
      untrained,
    ),
  ).toBe(0);
  expect(history.mark([view.definitionId])).toMatchObject({ runId: 'run-1' });
});

test('what a training set was made of stays when the log is read from a kept state', async () => {
  await append(1, [1]);
  await append(2, [2]);
  await compact(0);
  await keepState(
    historyFolder(localFolder(root), view),
    (await readTable(historyFolder(localFolder(root), view)))!,
    400 * DAY_MS,
  );
  const later = { nowMs: 401 * DAY_MS, diskMs: Date.now() + 2 * DAY_MS };
  expect(
    await cleanHistory(localFolder(root), view, later, () => Promise.resolve([{ commit: 0 }, { commit: 1 }])),
  ).toBe(0);
  expect(filesOnDisk()).toHaveLength(3);
  expect(await cleanHistory(localFolder(root), view, later, untrained)).toBe(2);
});

test('a history whose log was lost is refused, and nothing of it removed', async () => {
  await append(1, [1]);
  await append(2, [2]);
  rmSync(logFolder(historyFolder(localFolder(root), view)).path, { recursive: true });
  const later = { nowMs: 400 * DAY_MS, diskMs: Date.now() + 400 * DAY_MS };
  expect(await cleanHistory(localFolder(root), view, later, untrained)).toBe(0);
  expect(filesOnDisk()).toHaveLength(2);
  await expect(readHistory(localFolder(root), view)).rejects.toThrow(
    /_delta_log is missing, while .* holds rows of a history/,
  );
});
