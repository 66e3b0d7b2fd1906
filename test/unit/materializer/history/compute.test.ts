/** What the property test does not reach: bad rows, failures, times that do not fit, what stays behind on disk. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PreparedHistory } from '../../../../materializer/history/compute.ts';
import { prepareHistory } from '../../../../materializer/history/compute.ts';
import { DuckDb } from '../../../../project/engine/duckdb/duckdb.ts';
import { readHistory as readCommitted } from '../../../../project/history/history-snapshot.ts';
import { definitionName } from '../../../../contract/wire/online/row-header.ts';
import type { RawEvent } from '../../../oracle/naive-aggregates.ts';
import type { FeatureSketch } from '../../../support/fixtures/aggregated-view.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { historyRun } from '../../../support/fixtures/history-run.ts';
import type { RangeSketch } from '../../../support/fixtures/history-run.ts';
import { readHistory, writeEvents } from '../../../support/fixtures/raw-events.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';

const HOUR = 3_600_000_000;
const START = Date.UTC(2026, 0, 5) * 1_000;
const COLUMNS = { price: { kind: 'float64' }, pieces: { kind: 'int32' } } as const;

let duck: DuckDb;
let folder: string;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 1 });
});
afterAll(() => duck.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SUM: FeatureSketch = {
  name: 'spent',
  function: 'sum',
  column: 'price',
  columnType: { kind: 'float64' },
  windowUs: 2 * HOUR,
};
const COUNT: FeatureSketch = { name: 'n', function: 'count' };

function viewOf(features: readonly FeatureSketch[] = [COUNT, SUM], latenessUs = 3 * HOUR) {
  return aggregatedView({
    joinKeys: [{ name: 'shop', type: 'string' }],
    path: 'events.parquet',
    eventTime: 'at',
    createdTime: 'loaded',
    hopUs: HOUR,
    latenessUs,
    features,
  });
}

function event(shop: string | null, hour: number, price: number | null, lateUs = 0): RawEvent {
  const eventUs = START + hour * HOUR;
  return { keys: [shop], eventUs, createdUs: eventUs + lateUs, values: { price, pieces: 1 } };
}

async function prepare(
  { view, entity }: ReturnType<typeof viewOf>,
  events: readonly RawEvent[],
  range: Partial<RangeSketch> & { readonly runId?: string } = {},
): Promise<PreparedHistory> {
  await writeEvents(duck, join(folder, 'events.parquet'), view, entity, COLUMNS, events);
  const { runId = 'run-1', ...changed } = range;
  const run = historyRun({ duck, view, entity, folder, runId }, { cutoffUs: START + 5 * HOUR, ...changed });
  return prepareHistory(run);
}

test('rows appear one file a day, whole, when published and not before; then the watermark', async () => {
  const made = viewOf();
  const { view, entity } = made;
  const prepared = await prepare(made, [event('a', 1, 2.5), event('b', 23, 1)], {
    cutoffUs: START + 30 * HOUR,
  });
  const home = join(folder, 'counts', 'v1');
  expect(existsSync(home)).toBe(false);
  expect(readdirSync(join(folder, '_staged', 'counts', 'v1'))).toEqual(['run-1']);
  const result = await prepared.publish(START + 31 * HOUR);
  expect(readdirSync(home).toSorted()).toEqual(['_delta_log', 'day=2026-01-05', 'day=2026-01-06']);
  const id = definitionName(view.definitionId);
  expect(result.files.map(({ path }) => path)).toEqual([
    `day=2026-01-05/run-1.${id}.parquet`,
    `day=2026-01-06/run-1.${id}.parquet`,
  ]);
  expect(result).toMatchObject({ historyRows: 4, fromUs: null, watermarkUs: START + 30 * HOUR });
  expect((await readCommitted(localFolder(folder), view))!.lastMark()).toMatchObject({
    watermarkUs: START + 30 * HOUR,
    runId: 'run-1',
  });
  const rows = (await readHistory(duck, folder, view, entity)).get('["a"]')!;
  expect(rows.map(({ eventUs, values }) => [eventUs - START, values])).toEqual([
    [2 * HOUR, [1n, 2.5]],
    [4 * HOUR, [1n, 0]],
  ]);
  expect(rows[0]!.createdUs).toBe(START + 31 * HOUR);
});

test('no zero of a history has a sign: its files are written with dictionaries, which would give all of them one', async () => {
  const column = { column: 'price', columnType: { kind: 'float64' } } as const;
  const features = (['min', 'max', 'first', 'last', 'mostFrequent', 'sum', 'avg'] as const).flatMap((name) =>
    (['float32', 'float64'] as const).map((kind): FeatureSketch => {
      return { name: `${name}_${kind}`, function: name, ...column, type: { kind }, windowUs: 2 * HOUR };
    }),
  );
  const made = viewOf(features);
  // One price a history: among others that are above 0 its dictionary would hide a sign.
  for (const [i, price] of [-0, -1e-300].entries()) {
    const runId = `run-${i}`;
    const prepared = await prepare(made, [event(`s${i}`, 1, price)], { runId, full: true });
    await prepared.publish(START + 6 * HOUR);
    const rows = [...(await readHistory(duck, folder, made.view, made.entity)).values()].flat();
    // Those of the first edge: at the next one the window is empty.
    const zeros = rows[0]!.values.filter((value) => value === 0);
    expect(zeros.length).toBeGreaterThan(8);
    expect(zeros.filter((value) => Object.is(value, -0))).toEqual([]);
    rmSync(join(folder, 'counts'), { recursive: true });
  }
});

test('what a crashed run left aside goes when the next one starts; a discarded run leaves nothing', async () => {
  const left = join(folder, '_staged', 'counts', 'v1', 'run-dead');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'rows-0.parquet'), 'half a file');
  const prepared = await prepare(viewOf(), [event('a', 1, 1)]);
  expect(existsSync(left)).toBe(false);
  await prepared.discard();
  expect(existsSync(join(folder, 'counts', 'v1'))).toBe(false);
});

test('bad events are refused whole, counted by reason, and kept with it in a file', async () => {
  const events: RawEvent[] = [
    event('a', 1, 1),
    event(null, 1, 1),
    event('x'.repeat(513), 1, 1),
    event('a', 1, Number.NaN),
    event('a', 1, -Infinity),
    { ...event('a', 1, 1), eventUs: null },
    { ...event('a', 1, 1), eventUs: -1 },
    { ...event('a', 1, 1), createdUs: null },
    event('a', 2, 1, 3 * HOUR),
    event('a', 1, 1, 3 * HOUR + 1),
    event('a', 4, 1, 2 * HOUR),
  ];
  const { counts, discard } = await prepare(viewOf(), events);
  // The last one is created after the cut-off: it waits, and is nobody's business yet.
  expect(counts).toMatchObject({ read: 10, rejected: 7, lateEvents: 1 });
  expect(Object.fromEntries(counts.reasons)).toEqual({
    'shop is null': 1,
    'shop is too long for an id': 1,
    'price is NaN or infinite': 2,
    'at is null or infinite': 1,
    'at lies before 1970': 1,
    'loaded is null or infinite': 1,
  });
  await discard();
  const [kept] = await duck.rows(
    `SELECT count(*) AS n, count(DISTINCT reject_reason) AS reasons FROM '${counts.rejectFile!}'`,
  );
  expect(kept).toEqual({ n: 7n, reasons: 6n });
});

test('what stands at a limit of the rule counts, and what is a microsecond past it does not', async () => {
  const horizonUs = START + 4.5 * HOUR;
  const at = (hour: number, createdUs: number): RawEvent => ({ ...event('a', hour, 1), createdUs });
  const events: RawEvent[] = [
    // Created at the horizon, however late; a microsecond later only within the lateness.
    at(0.5, horizonUs),
    at(0.5, horizonUs + 1),
    { ...at(1.5, horizonUs + 1), eventUs: START + 1.5 * HOUR + 1 },
    // Known at the cut-off.
    at(4, START + 5 * HOUR),
    at(4, START + 5 * HOUR + 1),
    // At the last edge it waits, before it not.
    at(5, START + 5 * HOUR),
    { ...at(5, START + 5 * HOUR), eventUs: START + 5 * HOUR - 1 },
    { ...at(0, horizonUs), eventUs: 0 },
    { ...event('x'.repeat(512), 4, 1), createdUs: horizonUs },
  ];
  const { counts, discard } = await prepare(viewOf(), events, { horizonUs });
  expect(counts).toMatchObject({ read: 8, rejected: 0, lateEvents: 1, waiting: 1, oldestEventUs: 0 });
  expect(counts.latenessNeededUs).toBe(4 * HOUR + 1);
  await discard();
});

test('an increment judges only what is new to it', async () => {
  const made = viewOf();
  const events = [event(null, 1, 1), event('a', 1, 1), event(null, 5.5, 1), event('a', 2, 1, 9 * HOUR)];
  const early = await prepare(made, events);
  expect(early.counts).toMatchObject({ read: 2, rejected: 1 });
  const first = await early.publish(START + 6 * HOUR);
  expect(first).toMatchObject({ knownUs: START + 5 * HOUR });
  const request = { cutoffUs: START + 12 * HOUR, previousCutoffUs: first.knownUs, runId: 'run-2' };
  const second = await prepare(made, events, request);
  expect(second.counts).toMatchObject({ read: 2, rejected: 1, lateEvents: 1 });
  await second.discard();
});

test('what is lost to rounding is warned of, with the scale that would keep it', async () => {
  const made = viewOf();
  const tiny = await prepare(made, [event('a', 1, 1e-7), event('a', 1, 0), event('a', 1, 1)]);
  expect(tiny.counts.warnings).toEqual([
    '1 value of price that is not zero rounds to zero at 6 decimal places (spent): raise the scale of the feature',
  ]);
  await tiny.discard();
  const coins = Array.from({ length: 100 }, () => event('a', 1, 1.4e-6));
  const lossy = await prepare(made, coins);
  expect(lossy.counts.warnings).toEqual([
    'values of price lose 28.6 % of their sum to rounding at 6 decimal places (spent): scale: 9 would keep them',
  ]);
  await lossy.discard();
  for (const [price, loss] of [
    [
      1.0049e-4,
      [
        'values of price lose 0.5 % of their sum to rounding at 6 decimal places (spent): scale: 7 would keep them',
      ],
    ],
    [1.00049e-3, []],
  ] as const) {
    const prepared = await prepare(viewOf(), [event('a', 1, price)]);
    expect(prepared.counts.warnings).toEqual(loss);
    await prepared.discard();
  }
});

test('a value that is too large to be summed is a bad row; a sum that does not fit leaves its feature null', async () => {
  const made = viewOf();
  const huge = await prepare(made, [event('a', 1, 1e12), event('a', 1, 1.1e12), event('a', 1, -1e300)]);
  expect(Object.fromEntries(huge.counts.reasons)).toEqual({
    'price is too large to be summed with 6 decimal places': 2,
  });
  await huge.discard();
  expect(existsSync(join(folder, 'counts', 'v1'))).toBe(false);
  const narrow = viewOf([
    COUNT,
    { name: 's', function: 'sum', column: 'pieces', columnType: { kind: 'int32' }, type: { kind: 'int32' } },
    { name: 'sd', function: 'stddev', column: 'price', columnType: { kind: 'float64' }, windowUs: 2 * HOUR },
  ]);
  const values = { price: 1e12, pieces: 2_147_483_647 };
  const many = Array.from({ length: 200 }, (_, i) =>
    Object.assign(event('a', i < 199 ? 1 : 4, 1), { values }),
  );
  const prepared = await prepare(narrow, [...many, event('b', 1, 1)], { cutoffUs: START + 9 * HOUR });
  expect(prepared.lost).toEqual([
    { feature: 's', edges: 2, entity: 'shop=a' },
    { feature: 'sd', edges: 1, entity: 'shop=a' },
  ]);
  await prepared.publish(START + 10 * HOUR);
  const history = await readHistory(duck, folder, narrow.view, narrow.entity);
  // The squares of 199 values of 10^18 are past 10^38, those of one are not.
  expect(history.get('["a"]')!.map((row) => [(row.eventUs - START) / HOUR, row.values])).toEqual([
    [2, [199n, null, null]],
    [5, [200n, null, null]],
  ]);
  expect(history.get('["b"]')!.map((row) => row.values)).toEqual([[1n, 1, null]]);
});

test('of one time first and last have the smallest value; halfway between two steps rounds away from zero', async () => {
  const price = { column: 'price', columnType: { kind: 'float64' } } as const;
  const made = viewOf([
    { name: 'first', function: 'first', ...price },
    { name: 'last', function: 'last', ...price },
    { name: 'spent', function: 'sum', ...price },
  ]);
  const tied = [3, -2, 7].map((value) => event('tied', 1, value));
  const halves = [event('up', 1, 5e-7), event('down', 1, -5e-7), event('up', 1, 2.5e-6)];
  await (await prepare(made, [...tied, ...halves])).publish(START + 6 * HOUR);
  const history = await readHistory(duck, folder, made.view, made.entity);
  expect(history.get('["tied"]')![0]!.values).toEqual([-2, -2, 8]);
  expect(history.get('["up"]')![0]!.values).toEqual([5e-7, 5e-7, 4e-6]);
  expect(history.get('["down"]')![0]!.values).toEqual([-5e-7, -5e-7, -1e-6]);
});

test('a session ends at the edge at which its gap has passed, hour by hour, and a late event joins two', async () => {
  const over = { windowUs: null, sessionUs: 2 * HOUR };
  const made = viewOf([
    { name: 'n', function: 'count', ...over },
    { name: 'lasted', function: 'duration', ...over },
    { name: 'spent', function: 'sum', column: 'price', columnType: { kind: 'float64' }, ...over },
  ]);
  // The second one stands at an edge itself; the one at 4.5 comes two hours late and joins what 3 and 6 were apart.
  const events = [event('a', 1.5, 1), event('a', 3, 2), event('a', 4.5, 8, 2 * HOUR), event('a', 6, 4)];
  for (let hour = 2; hour <= 9; hour++) {
    const cutoffUs = START + hour * HOUR;
    const known = hour === 2 ? {} : { previousCutoffUs: cutoffUs - HOUR };
    const prepared = await prepare(made, events, { cutoffUs, ...known, runId: `run-${hour}` });
    await prepared.publish(START + (10 + hour) * HOUR);
  }
  const rows = (await readHistory(duck, folder, made.view, made.entity)).get('["a"]')!;
  const newest = new Map(rows.map(({ eventUs, values }) => [(eventUs - START) / HOUR, values]));
  expect([...newest].toSorted(([a], [b]) => a - b)).toEqual([
    [2, [1n, 0n, 1]],
    [4, [2n, BigInt(1.5 * HOUR), 3]],
    [5, [3n, BigInt(3 * HOUR), 11]],
    [7, [4n, BigInt(4.5 * HOUR), 15]],
    [8, [0n, null, 0]],
  ]);
  expect(rows.length).toBeGreaterThan(newest.size);
});

test('a correction that readers would not see is refused before anything is written', async () => {
  const made = viewOf();
  const events = [event('a', 1, 1), event('a', 1, 5, 2 * HOUR)];
  const early = { cutoffUs: START + 2 * HOUR };
  await (await prepare(made, events, early)).publish(START + 10 * HOUR);
  const late = { cutoffUs: START + 5 * HOUR, previousCutoffUs: START + 2 * HOUR, runId: 'run-2' };
  const corrected = await prepare(made, events, late);
  await expect(corrected.publish(START + 10 * HOUR)).rejects.toMatchObject({ code: 'MAT_CREATED_TIME' });
  expect((await readCommitted(localFolder(folder), made.view))!.lastMark()!.runId).toBe('run-1');
  const result = await corrected.publish(START + 10 * HOUR + 1);
  expect(result).toMatchObject({ historyRows: 2, watermarkUs: START + 5 * HOUR });
});

test('a first range begins with a row of every entity known by then', async () => {
  const made = viewOf();
  const events = [event('old', 0, 1), event('new', 3.5, 1)];
  const result = await (await prepare(made, events, { fromUs: START + 2 * HOUR })).publish(START + 6 * HOUR);
  expect(result).toMatchObject({ historyRows: 2, fromUs: START + 2 * HOUR });
  const history = await readHistory(duck, folder, made.view, made.entity);
  expect(history.get('["old"]')!.map((row) => [row.eventUs - START, row.values])).toEqual([
    [3 * HOUR, [1n, 0]],
  ]);
  expect(history.get('["new"]')![0]!.eventUs).toBe(START + 4 * HOUR);
});
