/** What people get to read when a definition has a slip: one sentence a slip, in their words, at its line. */
import { describe, expect, test } from 'vitest';
import { compileProject } from '../../../../registry/definitions/compile.ts';
import type { Definitions } from '../../../../contract/model.ts';
import { SHOP_DEFINITIONS, shopProject } from '../../../support/fixtures/shop-project.ts';

const compile = (folder: string): Promise<Definitions> =>
  compileProject({ folder, definitions: ['definitions/*.ts', 'definitions/*.mts', 'definitions/*.yaml'] });

/** Mistakes of a project of these files beside the shop's data. */
async function mistakesOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = await shopProject({ 'definitions/shop.ts': '', ...files });
  const error = await compile(folder).then(
    () => null,
    (e: Error) => e,
  );
  return (error?.message ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

const ENTITY = 'entity: customer\njoinKeys: { customer_id: int64 }\n';
const VIEW = `featureView: lines
entity: customer
source: { parquet: data/invoices.parquet, eventTime: invoice_date }
features: { line_total: float64, quantity: int32 }
`;
const SERVICE = 'featureService: s\nfeatures: [lines]\n';
const yaml = (...documents: string[]): Record<string, string> => ({
  'definitions/a.yaml': documents.join('---\n'),
});

describe('a slip in YAML is one mistake', () => {
  // A table: one line a slip.
  // prettier-ignore
  test.each([
    ['a variable without quotes', VIEW.replace('data/invoices', '${data}/invoices'), 3, 'text with ${...} must stand in quotes within { } and [ ]'],
    ['a tab', VIEW.replace('features: { line_total: float64, quantity: int32 }', 'features:\n\tline_total: float64'), 5, 'cannot be read as YAML from column 1 on: Tabs are not allowed as indentation'],
    ['a bracket that stays open', VIEW.replace(' }\nfeatures', '\nfeatures'), 4, 'cannot be read as YAML'],
    ['a key twice', `${VIEW}entity: driver\n`, 5, 'Map keys must be unique'],
    ['an alias of nothing', VIEW.replace('lines', '*lines'), 1, 'an alias (*name) stands for no text before it'],
    ['an alias within itself', VIEW.replace('{ line_total', '&x { more: *x, line_total'), 4, 'an alias (*name) stands for no text before it'],
    ['a lost quote', VIEW.replace('lines', '"lines'), 1, 'cannot be read as YAML'],
  ])('%s', async (_, view, line, sentence) => {
    const found = await mistakesOf(yaml(view, ENTITY, SERVICE));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`definitions/a.yaml:${line}  `);
    expect(found[0]).toContain(sentence);
  });

  // prettier-ignore
  test.each([
    ['a list', `- ${ENTITY.replace('\n', '\n  ')}`, 1, 'got a list; write one document a definition, with a line of --- between two'],
    ['a plain value', 'entity\n', 1, 'onDemandView: or featureService:), got a plain value'],
    ['a source of CSV', VIEW.replace('parquet: data/invoices.parquet', 'csv: data/invoices.csv'), 3, 'expected one of parquet: PATH, delta: PATH, iceberg: PATH and stream: { topic: ... }, got "csv"; other files become Parquet by DuckDB: COPY'],
    ['a source of a slip', VIEW.replace('parquet:', 'parqet:'), 3, 'expected one of parquet: PATH, delta: PATH, iceberg: PATH and stream: { topic: ... }, got "parqet", did you mean "parquet"?'],
    ["another tool's name of an aggregation", VIEW.replace('line_total: float64', 'x: { agg: average, column: line_total }'), 4, 'sum, avg, min, max, first, last, lastN, stddev, mostFrequent, approxPercentile, duration, got "average", did you mean "avg"?'],
    ['a slip in an aggregation', VIEW.replace('line_total: float64', 'x: { agg: countDistnct, column: line_total }'), 4, 'got "countDistnct", did you mean "countDistinct"?'],
    ['no text as an aggregation', VIEW.replace('line_total: float64', 'x: { agg: 5, column: line_total }'), 4, 'duration, got 5'],
  ])('%s', async (_, document, line, sentence) => {
    const found = await mistakesOf(yaml(document, ENTITY.replace('customer', 'other')));
    expect(found.join('\n')).toContain(`definitions/a.yaml:${line}  `);
    expect(found.join('\n')).toContain(sentence);
  });

  test('every document of the project has its own', async () => {
    const files = { ...yaml(VIEW.replace('lines', '"lines'), ENTITY), 'definitions/b.yaml': 'entity: {\n' };
    expect((await mistakesOf(files)).map((text) => text.slice(0, 20))).toEqual([
      'definitions/a.yaml:1',
      'definitions/b.yaml:2',
    ]);
  });
});

// A table: one line a slip. prettier would make six of each.
// prettier-ignore
test.each([
  ['a consumer that is a text', SERVICE.replace('features', 'consumers: [ranker]\nfeatures'), 'consumers.0: expected options, { name: value }, got "ranker"'],
  ['consumers that are no list', SERVICE.replace('features', 'consumers: { model: a, owner: b }\nfeatures'), 'consumers: expected a list, got {"model":"a","owner":"b"}'],
  ['an unknown word in a consumer', SERVICE.replace('features', 'consumers: [{ model: a, ownr: b, owner: c }]\nfeatures'), 'service "s" has no option "ownr" in consumers.0, did you mean "owner"?'],
  ['an empty model', SERVICE.replace('features', 'consumers: [{ model: "", owner: b }]\nfeatures'), 'consumers.0.model: expected some text, got ""'],
  ['a tensor of another type', SERVICE.replace('features', 'tensor: float\nfeatures'), 'tensor: expected one of float32, float64, got "float"'],
  ['an option that is no more', SERVICE.replace('features', 'strict: true\nfeatures'), 'service "s" has no option "strict"'],
  ['a version that is none', VIEW.replace('entity', 'version: 0\nentity'), 'version: expected at least 1, got 0'],
  ['half a version', VIEW.replace('entity', 'version: 1.5\nentity'), 'version: expected a whole number, got 1.5'],
  ['a duration that is a list', VIEW.replace('entity', 'ttl: [1d]\nentity'), 'ttl: expected a duration such as 90s, 1h or 7d'],
  ['tags that are a text', VIEW.replace('entity', 'tags: gold\nentity'), 'tags: expected a list, got "gold"'],
  ['features that are a list', VIEW.replace('{ line_total: float64, quantity: int32 }', '[line_total]'), 'features: expected names with values, { name: value }, got ["line_total"]'],
  ['a feature of a number', VIEW.replace('quantity: int32', 'quantity: 32'), 'feature "quantity": expected a type or an aggregate, got 32'],
  ['a check out of its range', VIEW.replace('quantity: int32', 'quantity: { type: int32, checks: { maxNullShare: 2 } }'), 'checks.maxNullShare: expected at most 1, got 2'],
  ['a check by another name', VIEW.replace('quantity: int32', 'quantity: { type: int32, checks: { maximum: 2 } }'), 'has no option "maximum" in checks'],
  ['a feature called __proto__', VIEW.replace('quantity', '__proto__: int64, quantity'), 'nothing can be called "__proto__"'],
  ['a join key called __proto__', ENTITY.replace('customer_id', '__proto__: int64, customer_id'), 'nothing can be called "__proto__"'],
  ['a role by a number', SERVICE.replace('[lines]', '[{ view: lines, as: buyer, joinKeys: { customer_id: 7 } }]'), 'customer_id needs the name of a key'],
  ['a name with a space', VIEW.replace('lines', 'my lines'), 'view "my lines": names are a letter'],
])('%s', async (_, document, sentence) => {
  const others = [ENTITY, VIEW, SERVICE].filter((one) => one.slice(0, 8) !== document.slice(0, 8));
  const found = await mistakesOf(yaml(document, ...others));
  expect(found.join('\n')).toContain(sentence);
  expect(found.join('\n')).not.toMatch(/Invalid (input|option)|Too (small|big)|Unrecognized/);
});

// prettier-ignore
test.each([
  ['lastN without n', '{ agg: lastN, column: line_total }', 'lastN needs n, such as n: 10'],
  ['n of nothing', '{ agg: lastN, column: line_total, n: 0 }', 'n: expected at least 1, got 0'],
  ['n of a fraction', '{ agg: lastN, column: line_total, n: 2.5 }', 'n: expected a whole number, got 2.5'],
  ['n past the largest', '{ agg: lastN, column: line_total, n: 1001 }', 'n: expected at most 1000, got 1001'],
  ['n of another', '{ agg: last, column: line_total, n: 3 }', 'n is of lastN; last has none'],
  ['lastN without a column', '{ agg: lastN, n: 3 }', 'lastN needs a column'],
  ['a list as one number', '{ agg: lastN, column: line_total, n: 3, type: float64 }', 'lastN gives list<float64>, which cannot be held as float64'],
  ['a session and a window', '{ agg: count, session: 2h, window: 2h }', 'has a window and a session: one of them is enough'],
  ['a session that is no whole number of hops', '{ agg: count, session: 90m }', 'session 1h30m is no whole number of hops of 1h; 2h is'],
  ['a session of what has none', '{ agg: countDistinct, column: category, session: 2h }', 'countDistinct is not computed over sessions; count, sum, min, max, first, last, duration are'],
  ['a duration without a session', '{ agg: duration, window: 2h }', 'duration needs a session, such as session: 30m'],
  ['a duration of a column', '{ agg: duration, column: category, session: 2h }', 'duration is of the session, not of a column'],
  ['a percentile of 100', '{ agg: approxPercentile, column: line_total, percentile: 95 }', 'percentile: expected less than 1, got 95'],
  ['a percentile of 0', '{ agg: approxPercentile, column: line_total, percentile: 0 }', 'percentile: expected more than 0, got 0'],
  ['no percentile', '{ agg: approxPercentile, column: line_total }', 'approxPercentile needs percentile, such as percentile: 0.95'],
  ['a percentile of text', '{ agg: approxPercentile, column: category, percentile: 0.5 }', 'approxPercentile takes numbers, but column "category" is VARCHAR'],
  ['a percentile as a whole number', '{ agg: approxPercentile, column: quantity, percentile: 0.5, type: bool }', 'approxPercentile gives float64, which cannot be held as bool'],
])('%s is one mistake', async (_, feature, sentence) => {
  const view = `featureView: v
entity: customer
source: { parquet: data/invoices.parquet, eventTime: invoice_date }
features: { x: ${feature} }
`;
  const found = await mistakesOf(yaml(ENTITY, view));
  expect(found).toEqual([expect.stringContaining(sentence)]);
});

test('a path where nothing lies is told once, however many features need its types', async () => {
  const view = `featureView: v
entity: customer
source: { parquet: data/nothing.parquet, eventTime: invoice_date }
features: { n: { agg: count }, a: { agg: sum, column: line_total }, b: { agg: avg, column: line_total } }
`;
  const [found, ...more] = await mistakesOf(yaml(ENTITY, view));
  expect(found).toContain(
    'definitions/a.yaml:6  view "v": no file matches the source\'s path data/nothing.parquet',
  );
  expect(more).toEqual([]);
});

describe('two versions of a view stand side by side', () => {
  const second = VIEW.replace('entity', 'version: 2\nentity').replace('quantity: int32', 'quantity: int64');
  const moved = SERVICE.replace('featureService: s', 'featureService: s2').replace('[lines]', '["lines@v2"]');

  test('each with a source of its own, within it', async () => {
    const { views, services } = await compile(
      await shopProject({ 'definitions/shop.ts': '', ...yaml(ENTITY, VIEW, second, SERVICE, moved) }),
    );
    expect([...views.keys()]).toEqual(['lines', 'lines@v2']);
    expect(services.get('s2')!.features.map(({ view }) => view)).toEqual(['lines@v2', 'lines@v2']);
  });

  test('a source that is named like a view keeps its own name', async () => {
    const source = 'source: lines_source\nparquet: data/invoices.parquet\neventTime: invoice_date\n';
    const folder = await shopProject({ 'definitions/shop.ts': '', ...yaml(ENTITY, VIEW, source) });
    expect((await compile(folder)).views.size).toBe(1);
  });
});

test('names that every object has are names like others', async () => {
  const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty'];
  const entity = `entity: constructor\njoinKeys: { ${names.map((name) => `${name}: string`).join(', ')} }\n`;
  const { entities } = await compile(await shopProject({ 'definitions/shop.ts': '', ...yaml(entity) }));
  expect(entities.get('constructor')!.joinKeys.map(({ name }) => name)).toEqual(names.toSorted());
});

describe('TypeScript', () => {
  test('a definition that lost its export is missed, and one that is used is not', async () => {
    const text = SHOP_DEFINITIONS.replace('export const customer', 'const customer')
      .replace('export const churn', 'const churn')
      .replaceAll('_v1', '_lost');
    expect(await mistakesOf({ 'definitions/lost.mts': text })).toEqual([
      'definitions/lost.mts:17  service "churn_lost" is neither exported nor used by what is; write `export const ...`, or delete it',
    ]);
  });

  test('a file that ends the process, or throws what is no error, is one that cannot be read', async () => {
    expect(
      await mistakesOf({
        'definitions/ends.mts': 'export const x = 1;\nprocess.exit(0);\n',
        'definitions/null.mts': 'throw null;\n',
        'definitions/text.mts': "throw 'a text';\n",
      }),
    ).toEqual([
      'definitions/ends.mts:2  Error: process.exit was called, which would end plumb in the middle of its work',
      'definitions/null.mts:1  Error: it throws null, which is no error',
      "definitions/text.mts:1  Error: it throws 'a text', which is no error",
    ]);
  });

  test('an import without its ending is told which file it means', async () => {
    const files = {
      'definitions/uses.mts': "import { customer } from './shared';\nexport const x = customer;\n",
      'definitions/shared.ts':
        "import { entity, t } from 'plumbline';\nexport const customer = entity('customer', { joinKeys: { id: t.int64() } });\n",
    };
    expect(await mistakesOf(files)).toEqual([
      'definitions/uses.mts:1  Cannot find module "shared": an import names the whole file, did you mean "shared.ts"?',
    ]);
  });
});

test('a name that is taken twice names the other file from the project on', async () => {
  const [found] = await mistakesOf({ 'definitions/a.yaml': ENTITY, 'definitions/b.yaml': ENTITY });
  expect(found).toBe('definitions/b.yaml:1  entity "customer" is already defined at definitions/a.yaml:1');
});

describe('the times of a view', () => {
  const AGGREGATED = `featureView: totals
entity: customer
source: { parquet: data/invoices.parquet, eventTime: invoice_date, createdTime: loaded_at }
hop: 1h
features: { n: { agg: count, window: 7d } }
`;
  const SERVED = 'featureService: s\nfeatures: [totals]\n';
  const of = async (option: string): Promise<Definitions> =>
    compile(await shopProject({ 'definitions/shop.ts': '', ...yaml(AGGREGATED + option, ENTITY, SERVED) }));

  test('have their defaults', async () => {
    const view = async (option: string) => (await of(option)).views.get('totals')!;
    const HOUR = 3_600_000_000;
    expect(await view('')).toMatchObject({
      watermark: 'cutoff',
      outOfOrderUs: 0,
      freshnessUs: 2 * HOUR,
      freshnessAlertUs: 4 * HOUR,
      startUs: null,
      source: { maxAheadUs: null },
    });
    expect(await view('watermark: events\nstart: 2026-01-31\n')).toMatchObject({
      outOfOrderUs: 5_000_000,
      freshnessUs: 2 * HOUR + 5_000_000,
      startUs: Date.UTC(2026, 0, 31) * 1_000,
    });
    expect(await view('freshness: { alert: 9h }\n')).toMatchObject({
      freshnessUs: 2 * HOUR,
      freshnessAlertUs: 9 * HOUR,
    });
    expect(await view('freshness: { target: 3h }\n')).toMatchObject({ freshnessAlertUs: 6 * HOUR });
  });

  // A table: one line a slip.
  // prettier-ignore
  test.each([
    ['watermark: clock', 'watermark: '],
    ['outOfOrder: 1m', 'outOfOrder goes with watermark: events'],
    ['watermark: events\noutOfOrder: 3h\nfreshness: 2h', 'freshness 2h cannot be kept: hop and outOfOrder together take 4h, the smallest value allowed'],
    ['freshness: { target: 3h, alert: 2h }', 'freshness.alert 2h would alarm of rows that are as fresh as promised; it is at least the target, 3h'],
    ['freshness: { target: 3h, alarm: 2h }', 'freshness: expected a duration such as 90s, 1h or 7d, or { target: 2h, alert: 4h }, got {"target":"3h","alarm":"2h"}'],
    ['freshness: { target: soon }', 'got target: "soon"'],
    ['freshness: soon', 'got target: "soon"'],
    ['start: yesterday', 'start: expected a date or a time such as 2026-01-31 or 2026-01-31T06:00:00Z, got "yesterday"'],
    ['start: 1969-12-31', 'got "1969-12-31"'],
  ])('%s', async (option, sentence) => {
    const found = await mistakesOf(yaml(`${AGGREGATED}${option}\n`, ENTITY, SERVED));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });

  test('maxAhead is a duration', async () => {
    const text = AGGREGATED.replace('createdTime: loaded_at', 'createdTime: loaded_at, maxAhead: far');
    expect((await mistakesOf(yaml(text, ENTITY, SERVED))).join()).toContain('maxAhead: expected a duration');
  });

  test('a whole snapshot takes no event back', async () => {
    const absent = (what: string): string =>
      AGGREGATED.replace('createdTime: loaded_at', `createdTime: loaded_at, absent: ${what}`);
    const mistakes = async (text: string): Promise<string> =>
      (await mistakesOf(yaml(text, ENTITY, SERVED))).join();
    expect(await mistakes(absent('delete'))).toContain(
      'absent: delete, which says that it is a whole snapshot',
    );
    expect(await mistakes(absent('drop'))).toContain('absent');
    expect(await mistakes(absent('keep'))).toBe('');
  });
});

test('a successor that nothing defines', async () => {
  const going = (successor: string): string =>
    `deprecated: { date: 2027-01-31, successor: "${successor}" }\n`;
  const view = (name: string, successor: string): string =>
    VIEW.replace('lines', name).replace('float64,', `{ type: float64, ${going(successor).trim()} },`);
  const old = (
    successors: readonly [view: string, feature: string, service: string],
  ): Record<string, string> =>
    yaml(
      ENTITY,
      VIEW,
      `${view('old', successors[1])}${going(successors[0])}`,
      SERVICE,
      SERVICE.replace(': s', ': old_s') + going(successors[2]),
    );
  expect(await mistakesOf(old(['lines', 'lines:quantity', 's']))).toEqual([]);
  expect(await mistakesOf(old(['lynes', 'lines:quantty', 'lines']))).toEqual([
    'definitions/a.yaml:12  feature "old:line_total": deprecated.successor: there is no view or feature "lines:quantty", did you mean "lines:quantity"?',
    'definitions/a.yaml:13  view "old": deprecated.successor: there is no view or feature "lynes", did you mean "lines"?',
    'definitions/a.yaml:20  service "old_s": deprecated.successor: there is no service "lines"',
  ]);
});
