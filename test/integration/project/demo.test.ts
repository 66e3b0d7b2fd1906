/**
 * The demo as a newcomer runs it, and its report held against what really happened: which values were served, which
 * ones training sees, and why some differ is worked out a second time here, from the raw invoices, the times of the
 * runs and the demo's own story, and every count of the report must agree.
 */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { trainCarts } from '../../../examples/retail/cart-sets.ts';
import type { ServedCart } from '../../../examples/retail/model-servers.ts';
import type { FeatureSnapshot, Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { formatTimestamp, parseTimestamp } from '../../../contract/std/timestamp.ts';
import { openProject } from '../../../project/project.ts';
import { customerFeatures, productFeatures, splitOrders } from '../../oracle/retail-features.ts';
import { plumb, QUIET_NODE, run } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';

const RETAIL = join(import.meta.dirname, '../../../examples/retail');
const PAGE = join(import.meta.dirname, '../../..', 'docs/monitor.md');
const RAW = join(RETAIL, 'data/online_retail.parquet');
const DATA_DAY_US = Date.UTC(2011, 11, 9) * 1_000;
const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;
const HOUR_US = 60 * MINUTE_US;
const NEVER_US = DATA_DAY_US + 240 * HOUR_US;

const DEMO = [process.execPath, QUIET_NODE, join(RETAIL, 'demo.ts')];
/** Runs a command and writes what it and its children took of the processor to the file `$0`. */
const AND_ITS_TIMES = '"$@"; code=$?; times >"$0"; exit $code';

/** The demo's story, as it is told in its own words: two late branches, one script that fills nulls. */
const LATE = [
  { country: 'Norway', fromUs: DATA_DAY_US, byUs: 4 * HOUR_US },
  { country: 'Germany', fromUs: DATA_DAY_US, byUs: 3 * HOUR_US },
];
const FILLED = 'user_purchase_features__avg_order_value_30d';
const FILLED_AT_US = 9 * HOUR_US + 20 * MINUTE_US;
const DELAY_US = 5 * MINUTE_US;
const VIEWS = { user_purchase_features: 'customer_id', product_sales_features: 'stock_code' } as const;
type ViewName = keyof typeof VIEWS;

/** One line of `log cat`, as far as it is looked at here. */
interface ServedRequest {
  readonly requestId: string;
  readonly service: string;
  readonly servedAt: string;
  readonly vectors: readonly {
    readonly entities: Readonly<Record<string, string | null>>;
    readonly features: Readonly<Record<string, unknown>>;
    readonly statuses: Readonly<Record<string, string>>;
    readonly inputs?: Readonly<Record<string, unknown>>;
    readonly views: Readonly<Record<string, { readonly status: string; readonly watermark: string }>>;
  }[];
}

/** A run as `show --json` has it. */
interface ShownRun {
  readonly view: string;
  readonly watermark: string;
  readonly to: string;
  readonly finishedAt: string;
}

/** A click of the evening, as its message says it. */
interface Click {
  readonly customer_id: number;
  readonly at: number;
  readonly page: string | null;
  readonly query: string | null;
  readonly basket_change: number | null;
}

const GAP_US = 30 * MINUTE_US;

/** @returns the features of a visitor's session at an edge, from the clicks before it in their order */
function visitOf(clicks: readonly Click[], edgeUs: number): Record<string, unknown> {
  const session: Click[] = [];
  for (const click of clicks.toReversed()) {
    if ((session[0]?.at ?? edgeUs) - click.at >= GAP_US) break;
    session.unshift(click);
  }
  const pence = session.map(({ basket_change: change }) => Math.round((change ?? 0) * 100));
  const isOver = session.length === 0;
  const values = {
    pages_viewed: String(session.filter(({ page }) => page !== null).length),
    basket_value: pence.reduce((sum, change) => sum + change, 0) / 100,
    time_on_site: isOver ? null : String(session.at(-1)!.at - session[0]!.at),
    last_search: session.findLast(({ query }) => query !== null)?.query ?? null,
  };
  const never = clicks.length === 0;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`user_session_features__${name}`, never ? null : value]),
  );
}

const usOf = (time: string): number => Number(parseTimestamp(time));

let folder: string;
let demo: Finished;
let snapshot: Snapshot;
let dayUs: number;
let requests: ServedRequest[];
let carts: ServedRequest[];
let lunches: ServedRequest[];
let visits: ServedRequest[];
let runs: ShownRun[];
let duck: DuckDb;

beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'plumb-')), 'demo');
  demo = await run('/bin/sh', ['-c', AND_ITS_TIMES, join(folder, '../times'), ...DEMO, '--dir', folder]);
  expect(demo.code, demo.stderr).toBe(0);
  const [file] = globSync(join(folder, '.plumb/reports/basket_v1/*.json'));
  snapshot = JSON.parse(readFileSync(file!, 'utf8')) as Snapshot;
  dayUs = Number(parseTimestamp(`${snapshot.date}T00:00:00Z`));
  const cat = await plumb(['-C', folder, 'log', 'cat']);
  const all = cat.stdout.trimEnd().split('\n');
  const served = all.map((line) => JSON.parse(line) as ServedRequest);
  requests = served.filter(({ service }) => service === 'basket_v1');
  carts = served.filter(({ service }) => service === 'cart_v1');
  lunches = served.filter(({ service }) => service === 'restaurant_ranking_v1');
  visits = served.filter(({ service }) => service === 'next_page_v1');
  const shown = await Promise.all(
    Object.keys(VIEWS).map((view) => plumb(['-C', folder, 'show', view, '--json'])),
  );
  expect(shown.map(({ code }) => code)).toEqual([0, 0]);
  runs = shown.flatMap(({ stdout }) => (JSON.parse(stdout) as { runs: ShownRun[] }).runs);
  duck = await DuckDb.open();
});
afterAll(() => {
  duck?.close();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

/** @param times  what `times` prints: of the shell, then of its children, each the user's and the system's `0m1.25s` */
function processorSeconds(times: string): number {
  const [, children] = times.trim().split('\n');
  const parts = [...children!.matchAll(/(\d+)m([\d.]+)s/g)];
  expect(parts).toHaveLength(2);
  return parts.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
}

describe('the demo', () => {
  test('takes less than a minute of two processors and ends with a table and a report', () => {
    expect(processorSeconds(readFileSync(join(folder, '../times'), 'utf8'))).toBeLessThan(2 * 60);
    expect(demo.stdout).toMatch(/^basket_v1 {2}\d{4}-\d\d-\d\d {2}(ALERT|ALARM)/m);
    const report = /^Report: (.+)$/m.exec(demo.stdout)![1]!;
    expect(readFileSync(report, 'utf8')).toMatch(/^<!doctype html>/i);
    expect(demo.stderr).not.toMatch(/error|Warning/);
  });

  test('computes on demand for each cart, of its value and of what is served beside it', async () => {
    const known = requests.filter(({ vectors }) => vectors[0]!.entities['customer_id'] !== null);
    expect(carts.map(({ servedAt, vectors }) => [servedAt, vectors[0]!.entities['customer_id']])).toEqual(
      known.map(({ servedAt, vectors }) => [servedAt, vectors[0]!.entities['customer_id']]),
    );
    const ratios = new Set<number | null>();
    for (const { servedAt, vectors } of carts) {
      const { features, inputs } = vectors[0]!;
      const last = features['user_purchase_features__last_purchase_at'] as string | null;
      const days = last === null ? null : String(Math.floor((usOf(servedAt) - usOf(last)) / (24 * HOUR_US)));
      expect(features['basket_now__days_since_last_purchase']).toBe(days);
      const mean = features['user_purchase_features__avg_order_value_30d'] as number | null;
      const ratio = mean === null || mean === 0 ? null : (inputs!['basket_value'] as number) / mean;
      expect(features['basket_now__basket_to_average']).toBe(ratio);
      ratios.add(ratio);
    }
    expect(ratios.size).toBeGreaterThan(10);
    const { features, inputs, entities } = carts.findLast(
      ({ vectors }) => vectors[0]!.features['basket_now__basket_to_average'] !== null,
    )!.vectors[0]!;
    const ratio = (features['basket_now__basket_to_average'] as number).toFixed(2);
    expect(demo.stderr).toContain(
      `on demand: ${String(inputs!['basket_value'])} GBP are ${ratio} of customer ${entities['customer_id']}'s mean order, ` +
        `${String(features['basket_now__days_since_last_purchase'])} days after the last\n`,
    );
  });

  test('asks where to eat, as JSON and as tensors, and says which restaurants are near', () => {
    const [asJson, asTensors, ...others] = lunches as [ServedRequest, ServedRequest, ...ServedRequest[]];
    expect(others).toEqual([]);
    expect(asTensors.vectors.map(({ features }) => features)).toEqual(
      asJson.vectors.map(({ features }) => features),
    );
    const nearest = asJson.vectors
      .toSorted((a, b) => Number(a.features['distance_km']) - Number(b.features['distance_km']))
      .slice(0, 3)
      .map(({ entities, features }) => {
        return `${entities['restaurant_id']} ${(features['distance_km'] as number).toFixed(2)} km`;
      });
    expect(demo.stderr).toContain(
      `on demand: the nearest of 24 restaurants are ${nearest.join(', ')} away\n`,
    );
    expect(demo.stderr).toContain(
      'as tensors: features FP64 [24, 3], status UINT8 [24, 4], reviews__embedding FP32 [24, 8]\n',
    );
  });

  test('reads and judges every vector that was served', () => {
    const served = requests.reduce((sum, { vectors }) => sum + vectors.length, 0);
    expect(served).toBeGreaterThan(1_000);
    expect(snapshot.vectors).toMatchObject({ read: served, judged: served, unjudged: 0, unavailable: 0 });
    expect(snapshot.vectors).toMatchObject({ duplicates: 0, gaps: 0, openTails: 0 });
    expect(snapshot.provisional).toBe(true);
  });

  test('serves of the evening what all clicks up to the watermark give, and judges it within its promise', () => {
    const files = globSync(join(folder, 'data/clicks/*.jsonl'));
    const lines = files.flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'));
    const clicks = lines.map((line) => JSON.parse(line) as Click).toSorted((a, b) => a.at - b.at);
    const filled = new Set<string>();
    for (const { servedAt, vectors } of visits) {
      const { entities, features, views } = vectors[0]!;
      const watermarkUs = usOf(views['user_session_features']!.watermark);
      expect(usOf(servedAt) - watermarkUs).toBeLessThanOrEqual(5 * SECOND_US);
      const own = clicks.filter(
        ({ customer_id: id, at }) => String(id) === entities['customer_id'] && at < watermarkUs,
      );
      const expected = visitOf(own, watermarkUs);
      expect({ servedAt, features }).toEqual({ servedAt, features: expected });
      for (const [name, value] of Object.entries(expected)) if (value !== null) filled.add(name);
    }
    expect(visits.length).toBeGreaterThan(100);
    expect(filled.size).toBe(4);
    // A value may be some seconds behind what training sees: within its promise of a minute.
    const [streamed] = demo.stdout.split(/^basket_v1/m);
    expect(streamed).toMatch(new RegExp(`${visits.length} vectors read, ${visits.length} judged`));
    expect(streamed).toMatch(/^next_page_v1 {2}\d{4}-\d\d-\d\d {2}(OK|ALERT)/m);
    expect(streamed).not.toMatch(/incident|beyond the promise/);
  });

  test('tells three incidents in the order of their harm: the zeros, the late run, the late uploads', () => {
    const beyond = snapshot.incidents.filter(({ beyondPromise }) => beyondPromise > 0);
    expect(beyond.map(({ view, cause }) => [view, cause])).toEqual([
      ['user_purchase_features', 'null or default substituted'],
      ['product_sales_features', 'materialization lag'],
      ['product_sales_features', 'late arrival'],
    ]);
    for (const { harm, rows, examples, command } of beyond) {
      expect(harm).toBeGreaterThan(0);
      expect(rows).toBeGreaterThan(0);
      expect(examples).not.toEqual([]);
      expect(demo.stdout).toContain(command);
    }
    expect(beyond.map(({ harm }) => harm)).toEqual(beyond.map(({ harm }) => harm).toSorted((a, b) => b - a));
  });

  test('has answers to the questions that docs/monitor.md asks of the judged rows', async () => {
    const [file] = globSync(join(folder, '.plumb/reports/basket_v1/*.parquet'));
    const page = readFileSync(PAGE, 'utf8').split('## The Parquet')[1]!;
    const questions = /^```sql\n([^]*?)```/m
      .exec(page)![1]!
      .split(';')
      .filter((sql) => sql.trim() !== '');
    expect(questions).toHaveLength(5);
    for (const sql of questions) {
      const rows = await duck.rows(sql.replaceAll("'2026-01-02.parquet'", `read_parquet('${file}')`));
      expect(rows, sql).not.toEqual([]);
    }
    const [counts] = await duck.rows(
      `SELECT sum(_mismatches)::INTEGER AS wrong, sum(_beyond_promise)::INTEGER AS beyond FROM read_parquet('${file}')`,
    );
    const sum = (of: (feature: FeatureSnapshot) => number): number =>
      snapshot.features.reduce((all, feature) => all + of(feature), 0);
    expect(counts).toEqual({
      wrong: sum(({ present, exact }) => present - exact),
      beyond: sum(({ beyondPromise }) => beyondPromise),
    });
  });

  test('finds what happened, all of it and nothing else', async () => {
    const expected = await judgeByHand();
    const reported = snapshot.features.map(({ name, causes }) => [name, valuesOf(causes)]);
    expect(Object.fromEntries(reported)).toEqual(expected.causes);
    for (const { name, rows, present, bothAbsent, exactMatch } of snapshot.features) {
      const mismatches = Object.values(expected.causes[name]!).reduce((sum, count) => sum + count, 0);
      expect([rows, present + bothAbsent]).toEqual([expected.rows, expected.rows]);
      expect(present).toBe(expected.present[name]);
      expect(exactMatch, name).toBeCloseTo(1 - mismatches / present, 12);
    }
    const total = Object.values(expected.causes).flatMap((causes) => Object.keys(causes));
    expect(new Set(total)).toEqual(
      new Set(['materialization lag', 'late arrival', 'null or default substituted']),
    );
    const filled = Object.entries(expected.causes).filter(
      ([, causes]) => 'null or default substituted' in causes,
    );
    expect(filled.map(([name]) => name)).toEqual([FILLED]);
  });

  test('blames the late run only while it was late, the late branches only for what they sold', async () => {
    const late = await duck.rows(`
      SELECT DISTINCT stock_code, customer_id::BIGINT::VARCHAR AS customer_id FROM read_parquet('${RAW}')
      WHERE country IN ('Norway', 'Germany') AND epoch_us(invoice_date) >= ${DATA_DAY_US}`);
    const keys = new Set(late.flatMap((row) => [row['stock_code'], row['customer_id']]));
    for (const { view, examples } of snapshot.features) {
      for (const {
        causes: [cause],
        servedAt,
        entities,
        evidence,
      } of examples) {
        const sinceMidnightUs = Number(parseTimestamp(servedAt)) - dayUs;
        if (cause === 'materialization lag') {
          expect(sinceMidnightUs).toBeGreaterThanOrEqual(10 * HOUR_US + DELAY_US);
          expect(sinceMidnightUs).toBeLessThan(12 * HOUR_US + DELAY_US);
          expect(evidence).toContain('complete online only up to 09:00');
        }
        if (cause === 'late arrival') expect(keys).toContain(entities[VIEWS[view as ViewName]]);
        if (cause === 'null or default substituted') expect(sinceMidnightUs).toBeGreaterThan(FILLED_AT_US);
      }
    }
  });

  test('leaves a project to look into', async () => {
    const verified = await plumb(['-C', folder, 'log', 'verify', '--json']);
    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      records: requests.length + carts.length + lunches.length + visits.length,
      gaps: [],
      tornBytes: 0,
    });
    const { stock_code: product, customer_id: customer } = requests.at(-1)!.vectors[0]!.entities;
    const keys = ['--entity', `customer_id=${customer}`, '--entity', `stock_code=${product}`];
    const got = await plumb(['-C', folder, 'get', '--service', 'basket_v1', ...keys]);
    expect(got.stdout).toMatch(/product_sales_features__last_price +[\d.]+ +PRESENT/);
    expect(got.stderr, 'a rehearsed clock is announced').toContain('REHEARSAL');
    const catalogue = await plumb(['-C', folder, 'show']);
    expect(catalogue.stdout).toContain('basket-value (team-checkout)');
    expect((await plumb(['-C', folder, 'plan', '--exit-code'])).code).toBe(0);
  });

  test('trains the model of carts as available and from the log, and the second is what was served', async () => {
    const sets = ['carts-as-available', 'carts-from-log'].map((name) => join(folder, `${name}.parquet`));
    const differing: Record<string, number>[] = [];
    for (const file of sets) {
      const rows = await duck.rows(`SELECT * FROM read_parquet('${file}')`);
      expect(rows.length).toBe(carts.length);
      const byRequest = new Map(rows.map((row) => [row['request_id'], row]));
      const wrong: Record<string, number> = {};
      for (const { requestId, vectors } of carts)
        for (const [name, value] of Object.entries(vectors[0]!.features))
          if (asText(byRequest.get(requestId)![name]) !== asText(value)) wrong[name] = (wrong[name] ?? 0) + 1;
      differing.push(wrong);
    }
    const zeros = carts.filter(({ vectors }) => vectors[0]!.features[FILLED] === 0).length;
    expect(zeros).toBeGreaterThan(0);
    expect(differing).toEqual([{ [FILLED]: zeros }, {}]);
    const [count, values] = [carts.length, 5 * carts.length];
    expect(demo.stderr).toContain(
      `plumb train --as available: ${count} carts; ${zeros} of ${values} values were served otherwise (avg_order_value_30d)\n`,
    );
    expect(demo.stderr).toContain(
      `plumb train --from-log: ${count} carts; all ${values} values are what was served\n`,
    );
  });

  test('what its carts computed is judged as training computes it, by the causes of the rows', async () => {
    const labels = carts.map(({ servedAt, vectors }, n) => {
      const { entities, inputs } = vectors[0]!;
      return [n, entities['customer_id'], servedAt, inputs!['basket_value']].join(',');
    });
    const [file, out] = [join(folder, 'cart-labels.csv'), join(folder, 'carts-as-trained.parquet')];
    writeFileSync(file, `n,customer_id,event_timestamp,basket_value\n${labels.join('\n')}\n`);
    const service = ['--service', 'cart_v1'];
    const trained = await plumb(['-C', folder, 'train', '--labels', file, ...service, '--out', out]);
    expect(trained.code, trained.stderr).toBe(0);
    const rows = await duck.rows(`SELECT * FROM read_parquet('${out}') ORDER BY n`);
    const again = ['-C', folder, 'monitor', 'run', '--date', snapshot.date, ...service, '--json'];
    const [judged] = JSON.parse((await plumb(again)).stdout) as [Snapshot];
    expect(judged.computed).toMatchObject([{ view: 'basket_now', asked: carts.length, differing: 0 }]);
    const wrongRows: (keyof FeatureSnapshot['causes'])[] = Object.keys(
      judged.features.find(({ name }) => name === FILLED)!.causes,
    ) as (keyof FeatureSnapshot['causes'])[];
    for (const name of ['basket_now__basket_to_average', 'basket_now__days_since_last_purchase']) {
      const own = judged.features.find((one) => one.name === name)!;
      const same = carts.filter(({ vectors }, n) => {
        const value = vectors[0]!.features[name];
        return value !== null && asText(value) === asText(rows[n]![name]!);
      });
      expect([own.rows, own.exact, own.unjudged]).toEqual([carts.length, same.length, 0]);
      if (name.endsWith('average'))
        expect(wrongRows).toEqual(expect.arrayContaining(Object.keys(own.causes)));
    }
  });

  test('ends with an error where a set of the log is not what a model server was answered', async () => {
    const { requestId, servedAt, vectors } = carts[0]!;
    const { entities, features, inputs } = vectors[0]!;
    const basket = {
      invoice: '',
      atUs: usOf(servedAt),
      customerId: BigInt(entities['customer_id']!),
      stockCodes: [],
      value: inputs!['basket_value'] as number,
    };
    const project = openProject(folder, silentLogger, {});
    const answered = (value: unknown): ServedCart => ({ requestId, basket, features: { [FILLED]: value } });
    await expect(trainCarts(project, [answered(features[FILLED])])).resolves.toMatchObject({
      fromLog: { labels: 1, values: 1, differing: {} },
    });
    await expect(trainCarts(project, [answered(1.5)])).rejects.toThrow(
      `the training set of the log is not what was served: ${FILLED} of request ${requestId} was 1.5, and the set has ${String(features[FILLED])}`,
    );
  });

  test('trains on what was served, where the report says that they match', async () => {
    const rows = requests.flatMap(({ servedAt, vectors }) =>
      vectors.map((vector) => ({ servedAt, ...vector })),
    );
    const labels = rows.map(({ servedAt, entities }, n) =>
      [n, entities['customer_id'] ?? '', entities['stock_code'], servedAt].join(','),
    );
    const file = join(folder, 'labels.csv');
    writeFileSync(file, `n,customer_id,stock_code,event_timestamp\n${labels.join('\n')}\n`);
    const out = join(folder, 'training.parquet');
    const made = await plumb([
      '-C',
      folder,
      'train',
      '--labels',
      file,
      '--service',
      'basket_v1',
      '--out',
      out,
    ]);
    expect(made.code, made.stderr).toBe(0);
    const trained = await duck.rows(`SELECT * FROM read_parquet('${out}') ORDER BY n`);
    expect(trained.length).toBe(rows.length);
    const differing = Object.fromEntries(
      snapshot.features.map(({ name }) => [
        name,
        trained.filter((row, i) => asText(row[name]) !== asText(rows[i]!.features[name])).length,
      ]),
    );
    const reported = Object.fromEntries(
      snapshot.features.map(({ name, present, exact }) => [name, present - exact]),
    );
    expect(differing).toEqual(reported);
  });
});

/** Numbers by value, times by microsecond: what a training set and the log write down in different ways. */
function asText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'micros' in value)
    return formatTimestamp(Number(value.micros as bigint));
  return String(value);
}

/** The truth of one view at one moment, by entity key; features by full name, as the log writes values. */
type Truth = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/**
 * @param edgeUs   what came before counts; of the demo's day, as `knownUs`
 * @param knownUs  what was loaded by then is known; null: everything that ever came
 */
async function truthOf(view: ViewName, edgeUs: number, knownUs: number | null): Promise<Truth> {
  const shift = DATA_DAY_US - dayUs;
  const moment = {
    raw: RAW,
    edgeUs: edgeUs + shift,
    knownUs: knownUs === null ? NEVER_US : knownUs + shift,
    late: LATE,
  };
  expect(await splitOrders(duck, moment)).toEqual([]);
  const rows = await (view === 'user_purchase_features' ? customerFeatures : productFeatures)(duck, moment);
  const key = VIEWS[view];
  return new Map(rows.map((row) => [String(row[key]), logged(view, key, row)]));
}

function logged(view: ViewName, key: string, row: SqlRow): Record<string, unknown> {
  const values = Object.entries(row).filter(([name]) => name !== key);
  return Object.fromEntries(
    values.map(([name, value]) => {
      const isTime = name === 'last_purchase_at' && value !== null;
      const text = isTime ? formatTimestamp(Number(value as bigint) - DATA_DAY_US + dayUs) : null;
      return [`${view}__${name}`, text ?? (typeof value === 'bigint' ? value.toString() : value)];
    }),
  );
}

type Causes = Record<string, Record<string, number>>;

function valuesOf(causes: FeatureSnapshot['causes']): Record<string, number> {
  return Object.fromEntries(Object.entries(causes).map(([cause, { values }]) => [cause, values]));
}

/** Replays the day: checks each served value, then counts for each feature why served and trained differ. */
async function judgeByHand(): Promise<{ causes: Causes; present: Record<string, number>; rows: number }> {
  const truths = new Map<string, Promise<Truth>>();
  const truth = (view: ViewName, edgeUs: number, knownUs: number | null): Promise<Truth> => {
    const name = `${view} ${edgeUs} ${knownUs}`;
    truths.set(name, truths.get(name) ?? truthOf(view, edgeUs, knownUs));
    return truths.get(name)!;
  };
  const causes: Causes = Object.fromEntries(snapshot.features.map(({ name }) => [name, {}]));
  const present: Record<string, number> = {};
  let rows = 0;
  for (const { servedAt, vectors } of requests) {
    const servedUs = Number(parseTimestamp(servedAt));
    rows += vectors.length;
    for (const view of Object.keys(VIEWS) as ViewName[]) {
      const online = runOnline(view, servedUs);
      const filler = runOnline(view, dayUs + FILLED_AT_US);
      const dueUs = Math.floor((servedUs - DELAY_US) / HOUR_US) * HOUR_US;
      const now = await truth(view, usOf(online.watermark), usOf(online.to));
      const atFilling = await truth(view, usOf(filler.watermark), usOf(filler.to));
      const settled = await truth(view, dueUs, null);
      const settledThen = await truth(view, usOf(online.watermark), null);
      for (const { entities, features } of vectors) {
        const key = entities[VIEWS[view]] ?? 'a guest';
        const filled = servedUs > dayUs + FILLED_AT_US && isSame(now.get(key), atFilling.get(key));
        for (const name of Object.keys(features).filter((full) => full.startsWith(`${view}__`))) {
          const wasNull = now.has(key) && now.get(key)![name] === null;
          const nulled = name === FILLED && filled && wasNull;
          const served = nulled ? 0 : (now.get(key)?.[name] ?? null);
          expect(isClose(features[name], served), `${name} of ${key} at ${servedAt}`).toBe(true);
          const trained = settled.get(key)?.[name] ?? null;
          if (served !== null || trained !== null) present[name] = (present[name] ?? 0) + 1;
          if (served === trained) continue;
          const cause =
            nulled && trained === null
              ? 'null or default substituted'
              : // The oldest row that was missed decides: one that came late lies before one that was not due yet.
                isSame(now.get(key), settledThen.get(key))
                ? 'materialization lag'
                : 'late arrival';
          causes[name]![cause] = (causes[name]![cause] ?? 0) + 1;
        }
      }
    }
  }
  return { causes, present, rows };
}

/** The last run of a view that had finished by then. */
function runOnline(view: string, us: number): ShownRun {
  return runs
    .filter((record) => record.view === view && usOf(record.finishedAt) <= us)
    .toSorted((a, b) => usOf(a.finishedAt) - usOf(b.finishedAt))
    .at(-1)!;
}

function isSame(a: object | undefined, b: object | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Averages and sums of two engines may part in the last bit. */
function isClose(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-9 * Math.abs(b);
  return a === b;
}
