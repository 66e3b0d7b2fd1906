/** `plumb backfill`: of a view, of a part of it, and of single features beside others that stay as they are. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Feature, FeatureView } from '../../../contract/model.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { readHeader } from '../../../contract/wire/online/row-header.ts';
import { runMaterialize } from '../../../materializer/materialize.ts';
import type { MaterializeOptions } from '../../../materializer/materialize.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import {
  bundleOf,
  customer,
  driverStats,
  feature,
  HOUR_US,
  makeProject,
  orders,
  START_US,
} from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { shopProject } from '../../support/fixtures/shop-project.ts';
import { plumb } from '../../support/processes/plumb-process.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let project: TestProject;
beforeEach(async () => {
  project = await makeProject();
});
afterEach(() => project.remove());

const at = (hours: number): number => START_US + hours * HOUR_US;
const [count, spent] = orders().features as [Feature, Feature];
const largest = feature('largest', 'float64', {
  aggregation: { ...spent.aggregation!, function: 'max', windowUs: null },
});
const first = orders({ features: [count, spent] });
const wider = orders({ features: [count, spent, largest] });

async function run(view: FeatureView, options: MaterializeOptions = {}): Promise<RunRecord> {
  const bundle = bundleOf(view, view === wider ? [first] : []);
  const [record] = await runMaterialize(project, bundle, project.database, options);
  return record!;
}

const backfill = (view: FeatureView, options: MaterializeOptions = {}): Promise<RunRecord> =>
  run(view, { kind: 'backfill', ...options });

/** Orders of 'a' to 'e' at random times of some hours, each known an hour later at most; from a printed seed. */
async function writeOrders(
  name: string,
  [from, to]: readonly [number, number],
  total: string,
): Promise<void> {
  const random = seededRandom();
  const rows = Array.from({ length: 60 }, () => {
    const hour = from + random() * (to - from);
    return `SELECT '${'abcde'[Math.floor(random() * 5)]}' AS customer_id, make_timestamp(${at(hour).toFixed(0)}) AS ordered_at,
      make_timestamp(${at(Math.min(to, hour + random())).toFixed(0)}) AS loaded_at, (${total})::DOUBLE AS total`;
  });
  await project.writeParquet(name, rows.map((row, i) => row.replace('$i', String(i))).join(' UNION ALL '));
}

/** The newest values of each (customer, edge), carried forward to every hour: what training sees. */
async function carried(view: FeatureView, hours: number): Promise<unknown[]> {
  const duck = await DuckDb.open();
  const { folder, history } = project.settings;
  const { sql } = await openHistory(duck, { folder, history }, view, customer);
  const columns = view.features.map(({ name }) => name).join(', ');
  const rows = await duck.rows(
    `WITH newest AS (SELECT * FROM (${sql}) QUALIFY row_number() OVER (PARTITION BY customer_id, event_time ORDER BY created_time DESC) = 1),
       edges AS (SELECT DISTINCT customer_id, make_timestamp(${START_US} + h * ${HOUR_US}) AS edge FROM newest, range(${hours + 1}) t(h))
     SELECT e.customer_id, epoch_us(edge)::DOUBLE AS us, deleted, ${columns} FROM edges e
     ASOF JOIN newest n ON e.customer_id = n.customer_id AND e.edge >= n.event_time ORDER BY ALL`,
  );
  duck.close();
  return rows;
}

function onlineIds(): number[] {
  const store = new DatabaseSync(project.settings.online.url);
  const rows = store.prepare('SELECT row FROM entity_row').all() as { row: Uint8Array }[];
  store.close();
  return rows.map(({ row }) => readHeader(Buffer.from(row))!.definitionId);
}

const removeFile = (name: string): void => rmSync(join(project.settings.folder, 'data', `${name}.parquet`));

test('a feature that is new is computed, and the others keep values whose events are gone', async () => {
  await writeOrders('orders1', [0, 30], '$i * 1.5');
  project.setClock(at(30.5));
  await run(first);
  const before = await carried(first, 30);
  await expect(backfill(first, { features: ['spend_1d'] })).rejects.toMatchObject({
    code: 'MAT_FEATURE',
    message: 'orders has no feature spend_1d, did you mean "spent_1d"?',
  });
  // The events of the first days are no longer there in full; what is there gives other sums.
  await writeOrders('orders1', [10, 30], '1000 + $i');
  project.setClock(at(31.5));
  const made = await backfill(wider, { features: ['largest'] });
  expect(made).toMatchObject({
    kind: 'backfill',
    fromUs: null,
    toUs: at(30.5),
    watermarkUs: at(30),
    state: 'complete',
  });
  expect(made.read).toBe(made.counted + made.lateEvents + made.rejected + made.waiting);
  expect(await carried(first, 30)).toEqual(before);
  const after = (await carried(wider, 30)) as { largest: number | null }[];
  const beside = before as object[];
  expect(after).toEqual(beside.map((others, i) => ({ ...others, largest: after[i]!.largest })));
  expect(after.some(({ largest: value }) => value !== null && value >= 1000)).toBe(true);
  // One row an entity went online.
  expect(onlineIds()).toEqual(Array<number>(5).fill(wider.definitionId));
  // Again it changes nothing.
  expect(await backfill(wider, { features: ['largest'] })).toMatchObject({
    historyRows: 0,
    written: 0,
    equal: 5,
  });
  expect(await carried(wider, 30)).toEqual(after);
});

test('where all events are there it gives what computing everything gives, and ordinary runs go on from it', async () => {
  await writeOrders('orders1', [0, 30], '$i * 1.5');
  project.setClock(at(30.5));
  await run(first);
  project.setClock(at(31));
  await backfill(wider, { features: ['largest'] });
  await writeOrders('orders2', [30, 50], '$i * 2.5');
  project.setClock(at(50.5));
  const next = await run(wider);
  expect(next.fromUs).toBe(at(30));
  const own = await carried(wider, 50);
  const whole = await backfill(wider);
  expect(whole).toMatchObject({ historyRows: 0, horizonUs: at(50.5), written: 0 });
  expect(whole.read).toBe(120);
  expect(await carried(wider, 50)).toEqual(own);
});

test('a part of one feature is computed again, the rest stays', async () => {
  await writeOrders('orders1', [0, 30], '$i * 1.5');
  project.setClock(at(30.5));
  await run(first);
  const before = (await carried(first, 30)) as { us: number; orders_1d: bigint; spent_1d: number }[];
  await writeOrders('orders1', [0, 30], '1000 + $i * 1.5');
  project.setClock(at(31));
  const part = await backfill(first, { features: ['spent_1d'], fromUs: at(20) });
  expect(part).toMatchObject({ kind: 'backfill', fromUs: at(20) });
  const after = (await carried(first, 30)) as typeof before;
  expect(after.map(({ orders_1d }) => orders_1d)).toEqual(before.map(({ orders_1d }) => orders_1d));
  const early = <T extends { us: number }>(rows: readonly T[]): T[] => rows.filter(({ us }) => us <= at(20));
  expect(early(after)).toEqual(early(before));
  expect(after.filter(({ us }) => us > at(20)).every(({ spent_1d }) => spent_1d >= 1000)).toBe(true);
  expect((await backfill(first, { features: ['spent_1d'], fromUs: at(20) })).historyRows).toBe(0);
});

test('what does not fit is refused with a sentence, and nothing is written', async () => {
  await writeOrders('orders1', [0, 30], '$i * 1.5');
  const refused = async (view: FeatureView, options: MaterializeOptions, message: RegExp): Promise<void> => {
    await expect(backfill(view, options)).rejects.toThrow(message);
  };
  project.setClock(at(30.5));
  await refused(
    first,
    { features: ['spent_1d'] },
    /was never run to its end: its first run computes spent_1d/,
  );
  await refused(first, { fromUs: at(3) }, /was never run to its end, so that there is no part of it/);
  await run(first);
  project.setClock(at(31));
  await refused(
    wider,
    { features: ['largest'], fromUs: at(3) },
    /largest of orders is computed from the beginning/,
  );
  // The rows before have another meaning: no feature of them can be kept.
  const other = orders({ hopUs: 2 * HOUR_US, features: wider.features });
  await refused(
    other,
    { features: ['largest'] },
    /were computed by another definition than today's without largest/,
  );
  await refused(driverStats(), { features: ['trips'] }, /driver_stats is no aggregated view/);
  const shorter = orders({ features: wider.features, latenessUs: HOUR_US });
  await refused(shorter, { features: ['largest'] }, /lateness or the horizon of orders has changed/);
  expect(await carried(wider, 30)).toEqual([]);
  removeFile('orders1');
  await refused(wider, { features: ['largest'] }, /orders/);
});

test('a source that changes while it is read fails the backfill, and nothing is written', async () => {
  await writeOrders('orders1', [0, 30], '$i * 1.5');
  project.setClock(at(30.5));
  await run(first);
  const before = await carried(first, 30);
  await writeOrders('orders1', [0, 30], '7');
  // Fewer events than those that were checked.
  const other = join(project.settings.folder, 'other.parquet');
  await project.writeParquet(
    'orders9',
    "SELECT * FROM (VALUES ('a', TIMESTAMP '2026-01-01 01:00:00', TIMESTAMP '2026-01-01 01:00:00', 1.0::DOUBLE)) t(customer_id, ordered_at, loaded_at, total)",
  );
  copyFileSync(join(project.settings.folder, 'data/orders9.parquet'), other);
  removeFile('orders9');
  const progress = (doing: string): void => {
    if (doing.endsWith('reading the source'))
      copyFileSync(other, join(project.settings.folder, 'data/orders1.parquet'));
  };
  const watched = { ...project, logger: { ...project.logger, progress } };
  project.setClock(at(31));
  const running = runMaterialize(watched, bundleOf(first), project.database, { kind: 'backfill' });
  await expect(running).rejects.toMatchObject({
    code: 'MAT_ACCOUNT',
    message: expect.stringMatching(
      /^60 events of orders were read, and 1 counted, 0 too late, 0 rejected, 0 waiting/,
    ),
  });
  expect(await carried(first, 30)).toEqual(before);
});

test('plumb apply --backfill computes what is new, and of a view that gained a feature that one', async () => {
  const folder = await shopProject();
  const apply = async (): Promise<RunRecord[]> => {
    const { code, stdout, stderr } = await plumb(['-C', folder, 'apply', '--backfill', '--json']);
    expect(stderr).toContain('is in force');
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { runs: RunRecord[] }).runs;
  };
  const [created] = await apply();
  expect(created).toMatchObject({ view: 'purchases', kind: 'backfill', state: 'complete' });
  expect(created!.historyRows).toBeGreaterThan(20);
  const file = join(folder, 'definitions/shop.ts');
  const text = readFileSync(file, 'utf8');
  const last = "favorite: agg.mostFrequent('category').lifetime(),";
  writeFileSync(file, text.replace(last, `${last}\n    largest: agg.max('line_total').lifetime(),`));
  expect(await apply()).toMatchObject([
    { view: 'purchases', kind: 'backfill', from: null, state: 'complete' },
  ]);
  expect(await apply()).toEqual([]);
  const { code, stdout } = await plumb([
    '-C',
    folder,
    'backfill',
    '--view',
    'purchases',
    '--from',
    '2023-11-14T23:00:00Z',
  ]);
  expect(stdout).toMatch(/^view .*\n.*\npurchases /);
  expect(code).toBe(0);
});
