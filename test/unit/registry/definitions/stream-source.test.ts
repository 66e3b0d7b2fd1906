import { expect, test } from 'vitest';
import { bundleFromJson, bundleToJson } from '../../../../contract/definitions/definition-json.ts';
import { canonicalJson } from '../../../../contract/std/canonical-json.ts';
import type { Json } from '../../../../contract/std/canonical-json.ts';
import { compileProject } from '../../../../registry/definitions/compile.ts';
import type { Definitions } from '../../../../contract/model.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const ENTITY = 'entity: user\njoinKeys: { user_id: int64 }\n';

const YAML = `
source: clicks
stream: { topic: shop.clicks, format: json, id: id, keyedBy: user_id, archive: data/clicks }
fields: { user_id: int64, page: string, price: float64, at: { type: timestamp, unit: ms }, id: string }
eventTime: at
---
featureView: user_clicks
entity: user
source: clicks
features: { clicks_1h: { agg: count, window: 1h }, last_page: { agg: last, column: page } }
`;

const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'user_id', type: 'long' },
    { name: 'page', type: 'string' },
    { name: 'price', type: 'double' },
    { name: 'at', type: 'long' },
    { name: 'id', type: 'string' },
  ],
});

const TYPESCRIPT = `
import { agg, featureView, source, t } from 'plumbline';
export const clicks = source.stream('clicks', {
  topic: 'shop.clicks', format: 'json',
  fields: { user_id: t.int64(), page: t.string(), price: t.float64(), at: t.timestamp({ unit: 'ms' }), id: t.string() },
  eventTime: 'at', id: 'id', keyedBy: 'user_id', archive: 'data/clicks',
});
export const view = featureView('user_clicks', {
  entity: 'user', source: clicks,
  features: { clicks_1h: agg.count().over('1h'), last_page: agg.last('page').lifetime() },
});
`;

const compile = (files: Readonly<Record<string, string>>, vars = {}): Promise<Definitions> =>
  compileProject({
    folder: scratchFolder({ 'entity.yaml': ENTITY, ...files }),
    definitions: ['*.yaml', '*.ts'],
    vars,
  });
const text = (d: Definitions): string =>
  canonicalJson(bundleToJson({ project: 'p', ...d, schemas: new Map() }));

async function mistakes(yaml: string, vars = {}): Promise<string[]> {
  const error = await compile({ 'clicks.yaml': yaml }, vars).then(
    () => new Error(''),
    (e: Error) => e,
  );
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

test('a stream has one meaning in TypeScript and in YAML, and defaults of its own', async () => {
  const [yaml, typescript] = await Promise.all([
    compile({ 'clicks.yaml': YAML }),
    compile({ 'clicks.ts': TYPESCRIPT }),
  ]);
  expect(text(typescript)).toBe(text(yaml));
  const view = yaml.views.get('user_clicks')!;
  expect(view.source).toMatchObject({ path: 'data/clicks', eventTime: 'at', createdTime: '_appended' });
  expect(view.source.stream).toMatchObject({ topic: 'shop.clicks', folder: null, format: { kind: 'json' } });
  expect(view).toMatchObject({
    hopUs: 10_000_000,
    delayUs: 15_000_000,
    outOfOrderUs: 5_000_000,
    watermark: 'events',
    freshnessUs: 35_000_000,
  });
  expect(view.features.map(({ type }) => type.kind)).toEqual(['int64', 'string']);
});

test('a bundle with a stream reads back as it was written, in a format of its own', async () => {
  const definitions = await compile({ 'clicks.yaml': YAML });
  const json = JSON.parse(text(definitions)) as Json;
  expect(json).toMatchObject({ format: 5 });
  const read = bundleFromJson(json);
  expect(read.views).toEqual(definitions.views);
  const broken = text(definitions).replace('"keyedBy":"user_id"', '"keyedBy":"nobody"');
  expect(() => bundleFromJson(JSON.parse(broken) as Json)).toThrow('there is no field "nobody"');
});

const changed = (from: string, to: string): string => {
  expect(YAML).toContain(from);
  return YAML.replace(from, to);
};

test.each([
  [
    'topic: shop.clicks, ',
    '',
    'clicks.yaml:3  source "clicks": comes from a topic or from a folder, say one of them; got neither',
  ],
  [
    'topic: shop.clicks',
    'topic: a, folder: b',
    'clicks.yaml:3  source "clicks": comes from a topic or from a folder, say one of them; got both',
  ],
  [
    'format: json',
    'format: jason',
    'clicks.yaml:3  source "clicks": format: expected one of json, debezium, parquet, protobuf, avro, got "jason", did you mean "json"?',
  ],
  [
    'format: json',
    'format: parquet',
    'clicks.yaml:3  source "clicks": format parquet goes with folder: messages of a topic are no files',
  ],
  [
    'format: json, ',
    '',
    'clicks.yaml:3  source "clicks": needs a format, one of json, debezium, parquet, protobuf, avro',
  ],
  [', archive: data/clicks', '', 'clicks.yaml:3  source "clicks": stream.archive: is missing'],
  [
    'id: id',
    'id: ida',
    'clicks.yaml:3  source "clicks": id names the field "ida", which there is not, did you mean "id"?',
  ],
  [
    'keyedBy: user_id',
    'keyedBy: price',
    'clicks.yaml:3  source "clicks": keyedBy "price" should be one of string, int32, int64, but is float64',
  ],
  [
    'eventTime: at',
    'eventTime: page',
    'clicks.yaml:5  source "clicks": eventTime "page" should be a timestamp, but is string',
  ],
  [
    ', unit: ms',
    '',
    'clicks.yaml:4  source "clicks": field "at": a timestamp needs a unit, what its numbers count since 1970: one of s, ms, us, rfc3339',
  ],
  [
    'unit: ms',
    'unit: min',
    'clicks.yaml:4  source "clicks": field "at": unit: expected one of s, ms, us, rfc3339, got "min", did you mean "ms"?',
  ],
  [
    'price: float64',
    'price: flaot64',
    'clicks.yaml:4  source "clicks": field "price": "flaot64" is no type, did you mean "float64"?',
  ],
  [
    'price: float64',
    'Page: float64',
    'clicks.yaml:4  source "clicks": fields "page" and "Page" differ only in case',
  ],
  [
    'price: float64',
    '_offset: int64',
    'clicks.yaml:4  source "clicks": field "_offset": the archive has a column of this name',
  ],
  [
    'price: float64',
    'a b: int64',
    'clicks.yaml:4  source "clicks": field "a b": names of fields are columns of the archive, which hold no space and none of , ; { } ( ) =',
  ],
  [
    'id: id,',
    'id: id, op: { column: page, insert: [a], delete: [a] },',
    'clicks.yaml:3  source "clicks": op: "a" cannot both insert and delete',
  ],
  [
    'format: json',
    'format: debezium',
    'clicks.yaml:3  source "clicks": id: a row keeps its fields when it changes, so none of them tells a change that comes twice; leave it out',
  ],
  [
    'column: page }',
    'column: pages }',
    'clicks.yaml:10  feature "last_page" of view "user_clicks": source clicks has no column "pages", did you mean "page"?',
  ],
  [
    '{ user_id: int64, ',
    '{ ',
    'clicks.yaml:3  source "clicks": keyedBy names the field "user_id", which there is not',
  ],
  [
    'source: clicks\nfeatures',
    'source: clicks\nhop: 100ms\nfeatures',
    'clicks.yaml:10  view "user_clicks": hop 100ms: over a stream it is at least 1s',
  ],
  [
    'source: clicks\nfeatures',
    'source: clicks\nwatermark: cutoff\nfeatures',
    'clicks.yaml:10  view "user_clicks": the watermark of a stream follows its events; leave it out',
  ],
  [
    'source: clicks\nfeatures',
    'source: clicks\nfreshness: 20s\nfeatures',
    'clicks.yaml:10  view "user_clicks": freshness 20s cannot be kept: hop and delay together take 25s, the smallest value allowed',
  ],
  [
    '{ agg: count, window: 1h }',
    '{ agg: count, session: 15s }',
    'session 15s is no whole number of hops of 10s; 20s is',
  ],
  [
    'eventTime: at',
    'eventTime: at\ncreatedTime: at',
    'clicks.yaml:6  source "clicks" has no option "createdTime"',
  ],
  [
    'clicks_1h: { agg: count, window: 1h }, last_page: { agg: last, column: page }',
    'page: string',
    'clicks.yaml:10  view "user_clicks": a view over a stream is aggregated: agg.last(\'page\').lifetime() keeps the newest value',
  ],
])('%s made %s is a mistake, told with its line', async (from, to, sentence) => {
  expect(await mistakes(changed(from, to))).toEqual(
    expect.arrayContaining([expect.stringContaining(sentence)]),
  );
});

test('variables stand where a stream lies, and nowhere else in it', async () => {
  const yaml = changed('topic: shop.clicks', 'topic: "${env}.clicks"').replace(
    'archive: data/clicks',
    'archive: "${data}/clicks"',
  );
  const { views } = await compile({ 'clicks.yaml': yaml }, { env: 'test', data: 'x' });
  expect(views.get('user_clicks')!.source.stream!.topic).toBe('${env}.clicks');
  expect(await mistakes(yaml, { env: 'test' })).toEqual([
    'clicks.yaml:3  source "clicks": there is no variable "data"; there are env',
  ]);
  expect((await mistakes(changed('id: id', 'id: "${env}"'), { env: 'id' }))[0]).toContain(
    'variables stand only where a source lies',
  );
});

test('a field that no view reads changes none of its rows; what one reads does, and where a stream lies does not', async () => {
  const idOf = async (yaml: string): Promise<number> =>
    (await compile({ 'clicks.yaml': yaml })).views.get('user_clicks')!.definitionId;
  const own = await idOf(YAML);
  expect(await idOf(changed('fields: {', 'fields: { more: string,'))).toBe(own);
  expect(await idOf(changed('price: float64', 'price: int64'))).toBe(own);
  expect(await idOf(changed('topic: shop.clicks', 'topic: other'))).toBe(own);
  expect(await idOf(changed('data/clicks', 'data/other'))).toBe(own);
  const filtered = changed('source: clicks\nfeatures', 'source: clicks\nwhere: price > 1\nfeatures');
  expect(await idOf(filtered)).not.toBe(await idOf(filtered.replace('price: float64', 'price: int64')));
  for (const [from, to] of [
    ['unit: ms', 'unit: s'],
    ['page: string', 'page: int64'],
    ['format: json', 'format: { avro: { file: a.avsc } }'],
    ['id: id, ', ''],
  ] as const) {
    const files = { 'clicks.yaml': changed(from, to), 'a.avsc': SCHEMA };
    expect((await compile(files)).views.get('user_clicks')!.definitionId).not.toBe(own);
  }
});
