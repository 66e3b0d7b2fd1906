/** Which bases a history gets, when they are made anew, and who must not read them. */
import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { cleanHistory } from '../../../../materializer/upkeep/clean-history.ts';
import { compactHistory } from '../../../../materializer/upkeep/compact-history.ts';
import { forgetBases, makeBase, wantedBases } from '../../../../materializer/upkeep/make-base.ts';
import { logFolder } from '../../../../project/delta/delta-log.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../../project/engine/duckdb/history.ts';
import { readBases } from '../../../../project/history/history-base.ts';
import { baseFolder } from '../../../../project/history/history-folder.ts';
import { historyFolder } from '../../../../project/history/history-folder.ts';
import { HistoriesSeen } from '../../../../project/history/history-place.ts';
import { readHistory } from '../../../../project/history/history-snapshot.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { commitHistory } from '../../../support/fixtures/committed-history.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';

const DAY_MS = 86_400_000;
const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'thing', type: 'int64' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: 3_600_000_000,
  features: [{ name: 'n', function: 'count' }],
});

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

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const days = (midnights: readonly number[]): string[] => midnights.map((us) => day(us / 1_000));

/** A row of entity 1 on each of some days, in one commit. */
async function append(runId: string, from: string, count: number, watermark: string): Promise<void> {
  const first = Date.parse(from);
  const rows = Array.from({ length: count }, (_, i): [string, string] => {
    const us = (first + i * DAY_MS) * 1_000;
    const row = `SELECT 1::BIGINT AS thing, make_timestamptz(${us}) AS event_time,
      make_timestamptz(${us + 60_000_000}) AS created_time, '${runId}' AS run_id,
      ${view.definitionId}::BIGINT AS definition_id, false AS deleted, ${i}::BIGINT AS n`;
    return [day(first + i * DAY_MS), row];
  });
  const watermarkUs = Date.parse(watermark) * 1_000;
  await commitHistory(root, { view, entity, runId, watermarkUs, days: Object.fromEntries(rows) });
}

const work = async () => ({
  root: localFolder(root),
  view,
  entity,
  history: (await readHistory(localFolder(root), view))!,
});

async function makeAll(): Promise<string[]> {
  const wanted = await wantedBases(await work());
  for (const us of wanted) await makeBase(duck, await work(), us);
  await forgetBases(await work());
  return days(wanted);
}

test('quarters since the beginning, the month and the week, each where it stands for a fortnight', async () => {
  await append('first', '2026-02-20', 130, '2026-06-29T12:00:00Z');
  expect(await makeAll()).toEqual(['2026-04-01', '2026-06-01', '2026-06-29']);
  expect(await makeAll()).toEqual([]);
  await append('more', '2026-06-30', 30, '2026-07-29T12:00:00Z');
  expect(await makeAll()).toEqual(['2026-07-01', '2026-07-27']);
  const left = (await readBases(localFolder(root), view)).map(({ beforeUs }) => beforeUs);
  expect(days(left)).toEqual(['2026-04-01', '2026-07-01', '2026-07-27']);
});

test('a short history gets none, a base that many files came to is made anew', async () => {
  await append('short', '2026-03-25', 10, '2026-04-04T00:00:00Z');
  expect(await makeAll()).toEqual([]);
  await append('older', '2026-01-01', 84, '2026-04-04T00:00:00Z');
  expect(await makeAll()).toEqual(['2026-04-01']);
  await append('late', '2026-01-01', 64, '2026-04-04T00:00:00Z');
  expect(await makeAll()).toEqual([]);
  await append('later', '2026-01-01', 1, '2026-04-04T00:00:00Z');
  expect(await makeAll()).toEqual(['2026-04-01']);
  expect(await readBases(localFolder(root), view)).toMatchObject([{ version: 3 }]);
});

test('a base holds the newest row alone, and is read by those whose rows it has', async () => {
  await append('first', '2026-01-01', 90, '2026-04-04T00:00:00Z');
  const seen = new HistoriesSeen();
  seen.of(localFolder(root), view);
  await append('second', '2026-03-01', 1, '2026-04-04T00:00:00Z');
  await makeAll();
  const april = Date.parse('2026-04-02') * 1_000;
  const partsOf = async (of = view, more = {}): Promise<unknown[]> => {
    const { parts } = await openHistory(
      duck,
      { folder: '/', history: localFolder(root), ...more },
      of,
      entity,
    );
    const read = parts(april, april).map((sql) => duck.rows(`SELECT count(*)::INTEGER AS n FROM (${sql})`));
    return (await Promise.all(read)).map(([row]) => row!['n']);
  };
  expect(await partsOf()).toEqual([0, 1]);
  // Who began before the base's entry, or asks under another delay or check, reads the days.
  const all = [0, 7, 14, 28, 41];
  expect(await partsOf(view, { seen })).toEqual(all);
  expect(await partsOf({ ...view, delayUs: 1 })).toEqual([0, 7, 14, 29, 41]);
  const checks = { min: null, max: 5, maxNullShare: null };
  const features = view.features.map((feature) => ({ ...feature, checks }));
  expect((await partsOf({ ...view, features })).length).toBe(5);
  // A label before the midnight does not see what the base has left out.
  const { parts } = await openHistory(duck, { folder: '/', history: localFolder(root) }, view, entity);
  expect(parts(april - 2 * DAY_MS * 1_000, april)).toHaveLength(5);
});

test('a damaged list and a file that is gone are no bases; one that left the list goes a day later', async () => {
  await append('first', '2026-01-01', 90, '2026-04-04T00:00:00Z');
  await makeAll();
  const folder = baseFolder(localFolder(root), view).path;
  const diskMs = Date.now() + DAY_MS + 60_000;
  expect(await cleanHistory(localFolder(root), view, { nowMs: 0, diskMs }, untrained)).toBe(0);
  const list = readdirSync(folder).find((name) => name.endsWith('.json'))!;
  for (const damaged of ['{}', 'null', '{"bases":7}', '{"bases":[']) {
    writeFileSync(join(folder, list), damaged);
    expect(await readBases(localFolder(root), view)).toEqual([]);
  }
  expect(await makeAll()).toEqual(['2026-04-01']);
  expect(readdirSync(folder)).toHaveLength(3);
  expect(await cleanHistory(localFolder(root), view, { nowMs: 0, diskMs: Date.now() }, untrained)).toBe(0);
  expect(await cleanHistory(localFolder(root), view, { nowMs: 0, diskMs }, untrained)).toBe(1);
  expect(await readBases(localFolder(root), view)).toHaveLength(1);
});

test('a base of a history that was moved away says nothing of the one that came after it', async () => {
  await append('first', '2026-01-01', 90, '2026-04-04T00:00:00Z');
  await makeAll();
  const [before] = await readBases(localFolder(root), view);
  renameSync(historyFolder(localFolder(root), view).path, join(root, 'moved away'));
  await append('anew', '2026-01-01', 88, '2026-04-04T00:00:00Z');
  const april = Date.parse('2026-04-02') * 1_000;
  const newest = async (): Promise<unknown[]> => {
    const { parts } = await openHistory(duck, { folder: '/', history: localFolder(root) }, view, entity);
    return duck.rows(`SELECT max(n)::INTEGER AS n, any_value(run_id) AS run
      FROM (${parts(april, april).join(' UNION ALL ')})`);
  };
  expect(await newest()).toEqual([{ n: 87, run: 'anew' }]);
  expect(await makeAll()).toEqual(['2026-04-01']);
  expect(await newest()).toEqual([{ n: 87, run: 'anew' }]);
  // A reader that began before may still have the other in its list.
  const stays = {
    nowMs: 0,
    diskMs: statSync(join(baseFolder(localFolder(root), view).path, before!.name)).ctimeMs + DAY_MS,
  };
  expect(await cleanHistory(localFolder(root), view, stays, untrained)).toBe(0);
});

test('a base of a log that was put back from an older copy says nothing of the entries that came since', async () => {
  await append('first', '2026-01-01', 80, '2026-04-04T00:00:00Z');
  const log = logFolder(historyFolder(localFolder(root), view));
  cpSync(log.path, join(root, 'copy of the log'), { recursive: true });
  await append('lost', '2026-03-22', 5, '2026-04-04T00:00:00Z');
  await makeAll();
  rmSync(log.path, { recursive: true });
  renameSync(join(root, 'copy of the log'), log.path);
  await append('anew', '2026-03-22', 3, '2026-04-04T00:00:00Z');
  expect((await readHistory(localFolder(root), view))!.version).toBe(1);
  const april = Date.parse('2026-04-02') * 1_000;
  const newest = async (): Promise<unknown[]> => {
    const { parts } = await openHistory(duck, { folder: '/', history: localFolder(root) }, view, entity);
    return duck.rows(`SELECT strftime(event_time, '%m-%d') AS day, run_id AS run
      FROM (${parts(april, april).join(' UNION ALL ')}) ORDER BY event_time DESC LIMIT 1`);
  };
  expect(await newest()).toEqual([{ day: '03-24', run: 'anew' }]);
  expect(await makeAll()).toEqual(['2026-04-01']);
  expect(await newest()).toEqual([{ day: '03-24', run: 'anew' }]);
});

test('a base that is made anew beside joined files holds each row once', async () => {
  await append('first', '2026-01-01', 90, '2026-04-04T00:00:00Z');
  await makeAll();
  // The newest row that the base has, joined with one that came later.
  await append('late', '2026-03-31', 1, '2026-04-04T00:00:00Z');
  await append('later', '2026-03-31', 1, '2026-04-04T00:00:00Z');
  const rows = async (): Promise<unknown[]> => {
    const file = join(
      baseFolder(localFolder(root), view).path,
      (await readBases(localFolder(root), view))[0]!.name,
    );
    return duck.rows(`SELECT run_id AS run FROM read_parquet('${file}') ORDER BY ALL`);
  };
  const april = Date.parse('2026-04-01') * 1_000;
  await makeBase(duck, await work(), april);
  await append('last', '2026-03-31', 1, '2026-04-04T00:00:00Z');
  const lease = { number: 1, hold: (): Promise<void> => Promise.resolve() };
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
  await makeBase(duck, await work(), april);
  expect(await rows()).toEqual(['first', 'last', 'late', 'later'].map((run) => ({ run })));
});

test('where each run brings rows of many past days every base has its turn', async () => {
  const watermark = '2026-06-03T00:00:00Z';
  for (const from of ['2025-12-10', '2026-03-10', '2026-05-10']) await append(from, from, 15, watermark);
  expect(await makeAll()).toEqual(['2026-01-01', '2026-04-01', '2026-06-01']);
  const made: string[] = [];
  for (let run = 0; run < 3; run++) {
    // All bases have these days before them.
    await append(`late-${run}`, '2025-10-20', 65, watermark);
    const [next] = await wantedBases(await work());
    await makeBase(duck, await work(), next!);
    made.push(day(next! / 1_000));
  }
  expect(new Set(made)).toEqual(new Set(['2026-01-01', '2026-04-01', '2026-06-01']));
  expect(made[0]).toBe('2026-06-01');
});

test('bases of a definition that is replaced are forgotten a month after the last one was made', async () => {
  await append('first', '2026-01-01', 90, '2026-04-04T00:00:00Z');
  await makeAll();
  const former = { ...view, definitionId: 7 };
  const clean = (after: number): Promise<number> =>
    cleanHistory(localFolder(root), former, { nowMs: 0, diskMs: Date.now() + after * DAY_MS }, untrained);
  expect(await clean(29)).toBe(0);
  expect(await readBases(localFolder(root), view)).toHaveLength(1);
  await clean(31);
  expect(await readBases(localFolder(root), view)).toEqual([]);
  expect(readdirSync(baseFolder(localFolder(root), view).path)).toHaveLength(1);
  await clean(32.1);
  expect(readdirSync(baseFolder(localFolder(root), view).path)).toEqual([]);
});

test('a base of another delay leaves the list, and stays a day for those who have it', async () => {
  await append('first', '2026-01-01', 90, '2026-04-04T00:00:00Z');
  await makeAll();
  const file = join(
    baseFolder(localFolder(root), view).path,
    (await readBases(localFolder(root), view))[0]!.name,
  );
  const other = { ...(await work()), view: { ...view, delayUs: 1 } };
  for (const us of await wantedBases(other)) await makeBase(duck, other, us);
  const clean = (after: number): Promise<number> =>
    cleanHistory(localFolder(root), view, { nowMs: 0, diskMs: Date.now() + after * DAY_MS }, untrained);
  const gone = [await clean(9), await clean(9.9), existsSync(file), await clean(10.1), existsSync(file)];
  expect(gone).toEqual([0, 0, true, 1, false]);
});
