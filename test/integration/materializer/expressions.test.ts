/** `where` and `select` from definition to training set, by the command line: aggregated and stored views. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import { plumb } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open();
});
afterAll(() => duck.close());

const ENTITY = 'entity: shop\njoinKeys: { shop_id: int64 }\n---\n';
const SERVICE = '---\nfeatureService: s\nfeatures: [v]\n';
const AGGREGATED = `featureView: v
entity: shop
source: { parquet: data/*.parquet, eventTime: at }
where: "quantity > 0 and not coalesce(cancelled, false)"
select: { line_total: "quantity * unit_price", "is_big": "quantity * 1000 > 2500" }
hop: 1h
lateness: 2d
freshness: 10000d
features:
  n: { agg: count }
  spent: { agg: sum, column: line_total }
  big: { agg: last, column: is_big }
`;
const STORED = `featureView: v
entity: shop
source: { parquet: data/*.parquet, eventTime: at }
where: "status <> 'test'"
select: { cents: "round(price * 100)", initial: "upper(substring(name, 1, 1))" }
features:
  cents: float64
  letter: { type: string, column: initial }
  price: float64
`;

async function projectOf(definitions: string, ...files: string[]): Promise<string> {
  const folder = scratchFolder({ 'plumbline.yaml': "project: t\ndefinitions: ['d.yaml']\n" });
  writeFileSync(join(folder, 'd.yaml'), ENTITY + definitions + SERVICE);
  mkdirSync(join(folder, 'data'));
  await write(folder, files);
  return folder;
}

async function write(folder: string, files: readonly string[]): Promise<void> {
  for (const [i, sql] of files.entries()) {
    await duck.run(`COPY (${sql}) TO ${quoteText(join(folder, `data/${i}.parquet`))} (FORMAT parquet)`);
  }
}

/** Rows of events: shop, hour, quantity, price, cancelled. */
function events(...rows: (readonly [number, number, string, string, string])[]): string {
  const selects = rows.map(
    ([shop, hour, quantity, price, cancelled]) =>
      `SELECT ${shop}::BIGINT AS shop_id, TIMESTAMP '2026-11-01' + INTERVAL ${hour} HOUR AS at,
         ${quantity} AS quantity, ${price} AS unit_price, ${cancelled} AS cancelled`,
  );
  return selects.join(' UNION ALL ');
}

async function must(folder: string, ...args: string[]): Promise<Finished> {
  const done = await plumb(['-C', folder, ...args]);
  expect(done.code, done.stdout + done.stderr).toBe(0);
  return done;
}

async function vectorOf(folder: string, shop: number): Promise<Record<string, string>> {
  const { stdout } = await must(folder, 'get', '--service', 's', '--entity', `shop_id=${shop}`);
  return Object.fromEntries(
    [...stdout.matchAll(/^v__(\w+) +(\S+) +(\w+)/gm)].map(([, name, value, status]) => [
      name!,
      status === 'PRESENT' ? value! : status!,
    ]),
  );
}

async function trained(folder: string, labels: string): Promise<string[]> {
  writeFileSync(join(folder, 'labels.csv'), labels);
  await must(
    folder,
    'train',
    '--labels',
    join(folder, 'labels.csv'),
    '--service',
    's',
    '--out',
    join(folder, 'out.csv'),
  );
  return readFileSync(join(folder, 'out.csv'), 'utf8').trim().split('\n').slice(1);
}

describe('an aggregated view', () => {
  test('counts the rows that where keeps, over the columns that select computes', async () => {
    const folder = await projectOf(
      AGGREGATED,
      events(
        [1, 0, '2', '1.5', 'false'],
        [1, 1, '3', '2.0', 'NULL'],
        [1, 2, '-3', '2.0', 'false'],
        [1, 3, '9', '9.0', 'true'],
        [2, 1, 'NULL', '1.0', 'false'],
      ),
    );
    await must(folder, 'apply');
    const run = await must(folder, 'materialize');
    expect(run.stderr).toContain('3 excluded by where');
    expect(await vectorOf(folder, 1)).toEqual({ n: '2', spent: '9', big: 'true' });
    // No row of it counts: it has none.
    expect(await vectorOf(folder, 2)).toEqual({ n: 'MISSING', spent: 'MISSING', big: 'MISSING' });
    expect(
      await trained(folder, 'shop_id,event_timestamp\n1,2026-11-01T01:00:00Z\n1,2026-11-01T09:00:00Z\n'),
    ).toEqual([expect.stringMatching(/^1,.*,1,3\.0,false$/), expect.stringMatching(/^1,.*,2,9\.0,true$/)]);
    const show = await must(folder, '--json', 'show', 'v');
    expect(JSON.parse(show.stdout)).toMatchObject({ where: expect.stringContaining('quantity > 0') });
  });

  test('rejects a row whose expression leaves 64 bits, with the reason, and not one that where excludes', async () => {
    const huge = '9223372036854775807::BIGINT';
    const folder = await projectOf(
      AGGREGATED,
      events([1, 0, '1::BIGINT', '1.0', 'false'], [1, 1, huge, '1.0', 'false'], [1, 2, huge, '1.0', 'true']),
    );
    writeFileSync(
      join(folder, 'plumbline.yaml'),
      "project: t\ndefinitions: ['d.yaml']\nmaterialize: { maxRejectedShare: 0.9 }\n",
    );
    await must(folder, 'apply');
    const run = await must(folder, 'materialize');
    expect(run.stderr).toContain('1 rejected: 1 is_big is past 64 bits');
    expect(run.stderr).toContain('1 excluded by where');
    expect(await vectorOf(folder, 1)).toEqual({ n: '1', spent: '1', big: 'false' });
  });

  test('an increment takes what is new by the same rule', async () => {
    const folder = await projectOf(AGGREGATED, events([1, 0, '2', '1.5', 'false']));
    await must(folder, 'apply');
    await must(folder, 'materialize', '--to', '2026-11-01T02:00:00Z');
    await duck.run(
      `COPY (${events([1, 3, '4', '1.0', 'false'], [1, 3, '5', '1.0', 'true'])}) TO ${quoteText(join(folder, 'data/1.parquet'))} (FORMAT parquet)`,
    );
    await must(folder, 'materialize', '--to', '2026-11-01T05:00:00Z');
    expect(await vectorOf(folder, 1)).toMatchObject({ n: '2', spent: '7' });
  });
});

describe('a stored view', () => {
  const row = (shop: number, price: string, name: string, status: string): string =>
    `SELECT ${shop}::BIGINT AS shop_id, TIMESTAMP '2026-11-01' AS at, ${price} AS price, ${name} AS name, ${status} AS status`;
  const rows = [
    row(1, '1.26::DOUBLE', "'éa'", "'live'"),
    row(2, '2.0::DOUBLE', "'b'", "'test'"),
    row(3, 'NULL::DOUBLE', 'NULL', "'live'"),
    row(4, '1.0::DOUBLE', "'x'", 'NULL'),
  ].join(' UNION ALL ');

  test('shows the same rows and columns online, in training and in what it rejects', async () => {
    const folder = await projectOf(STORED, rows, row(5, "'7'", "'q'", "'live'"));
    writeFileSync(
      join(folder, 'plumbline.yaml'),
      "project: t\ndefinitions: ['d.yaml']\nmaterialize: { maxRejectedShare: 0.9 }\n",
    );
    const first = join(folder, 'data/1.parquet');
    await duck.run(
      `COPY (${row(6, '3.5::DOUBLE', "'z'", "'live'")}) TO ${quoteText(first)} (FORMAT parquet)`,
    );
    await must(folder, 'apply');
    // A later file whose price is text: no number can be made of it, so its rows are bad ones.
    await duck.run(
      `COPY (${row(5, "'7'", "'q'", "'live'")}) TO ${quoteText(join(folder, 'data/2.parquet'))} (FORMAT parquet)`,
    );
    const run = await must(folder, 'materialize');
    expect(run.stderr).toContain('1 rejected: 1 select.cents in its file: "*" takes numbers');
    // The test's row, and the one without a status: of neither is the condition true.
    expect(run.stderr).toContain('2 excluded by where');
    const shown = JSON.parse((await must(folder, 'show', 'v', '--json')).stdout) as { runs: object[] };
    expect(shown.runs).toMatchObject([{ read: 4, counted: 3, rejected: 1, excluded: 2 }]);
    const again = await must(folder, 'materialize', '--full', '--dry-run', '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ dryRuns: [{ read: 4, excluded: 2 }] });
    expect(await vectorOf(folder, 1)).toEqual({ cents: '126', letter: '"é"', price: '1.26' });
    for (const absent of [2, 4, 5]) expect((await vectorOf(folder, absent))['price']).toBe('MISSING');
    expect(await vectorOf(folder, 3)).toEqual({ cents: 'NULL', letter: 'NULL', price: 'NULL' });
    const labels = [1, 2, 3, 4, 5, 6].map((shop) => `${shop},2026-11-02T00:00:00Z\n`).join('');
    const out = await trained(folder, `shop_id,event_timestamp\n${labels}`);
    expect(out.map((line) => line.split(',').slice(2).join())).toEqual([
      '126.0,é,1.26',
      ',,',
      ',,',
      ',,',
      ',,',
      '350.0,Z,3.5',
    ]);
  });
});

describe('mistakes and changes', () => {
  test.each([
    [
      'where: "quantity > 0 ',
      'where: "quantitty > 0 ',
      /d\.yaml:\d+ .*where: the source has no column quantitty, did you mean "quantity"\?/,
    ],
    ['where: "quantity > 0', 'where: "quantity', /where: expected true or false/],
    [
      'line_total: "quantity * unit_price"',
      'line_total: "quantity * cancelled"',
      /select\.line_total: "\*" takes numbers, got true or false/,
    ],
    [
      'line_total: "quantity * unit_price"',
      'unit_price: "quantity * 2"',
      /select\.unit_price: there is a column unit_price already/,
    ],
    [
      'line_total: "quantity * unit_price"',
      'event_time: "quantity * 2"',
      /has the name of a column of the history/,
    ],
    ['column: line_total', 'column: line_totl', /has no column "line_totl", did you mean "line_total"\?/],
    ['column: line_total', 'column: is_big', /sum takes numbers, but column "is_big" is BOOLEAN/],
  ])('%s -> %s is told at its line', async (from, to, message) => {
    const folder = await projectOf(AGGREGATED.replace(from, to), events([1, 0, '2', '1.5', 'false']));
    const planned = await plumb(['-C', folder, 'plan']);
    expect(planned.code).toBe(2);
    expect(planned.stderr).toMatch(message);
    expect(planned.stderr).not.toMatch(/REG_DEFECT|at .*\.ts:\d/);
  });

  test('another where is another meaning; another spelling of it is none', async () => {
    const folder = await projectOf(AGGREGATED, events([1, 0, '2', '1.5', 'false']));
    await must(folder, 'apply');
    const respelled = AGGREGATED.replace('quantity > 0 and not', '(quantity>0)  AND NOT');
    writeFileSync(join(folder, 'd.yaml'), ENTITY + respelled + SERVICE);
    const same = JSON.parse((await must(folder, '--json', 'plan')).stdout) as { changes: unknown[] };
    expect(same.changes).toEqual([]);
    writeFileSync(
      join(folder, 'd.yaml'),
      ENTITY + AGGREGATED.replace('quantity > 0', 'quantity > 1') + SERVICE,
    );
    const other = await must(folder, 'plan');
    expect(other.stdout).toMatch(/logic .*view v/);
    expect(other.stdout).toMatch(/where.*quantity > 0.*quantity > 1/);
  });
});
