/** The Croissant file beside a training set; `test/clients` reads one with the reference implementation. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runTrain } from '../../../training/train.ts';
import { driverStats, feature } from '../../support/fixtures/materialized-project.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';

let day: MonitoredDay;
beforeEach(async () => {
  day = await MonitoredDay.make();
});
afterEach(() => day.remove());

const path = (name: string): string => join(day.project.settings.folder, name);

interface Croissant {
  readonly conformsTo: string;
  readonly description: string;
  readonly distribution: readonly {
    readonly contentUrl: string;
    readonly sha256: string;
    readonly encodingFormat: string;
  }[];
  readonly recordSet: readonly {
    readonly field: readonly {
      readonly '@id': string;
      readonly name: string;
      readonly dataType: string;
      readonly source: { readonly extract: { readonly column: string } };
    }[];
  }[];
}

async function croissantOf(out: string): Promise<Croissant> {
  await day.writeDrivers([{ driver: 1, event: '08:00', created: '08:00', convRate: 0.5 }]);
  writeFileSync(
    path('labels.csv'),
    'customer_id,driver_id,event_timestamp,ok,day\nc-1,1,2026-01-02 10:00,true,2026-01-01\n',
  );
  await runTrain(day.project, { labels: path('labels.csv'), service: 'churn', out: path(out) });
  return JSON.parse(readFileSync(path(`${out}.croissant.json`), 'utf8')) as Croissant;
}

const typesOf = ({ recordSet: [rows] }: Croissant): Record<string, string> =>
  Object.fromEntries(rows!.field.map(({ name, dataType }) => [name, dataType]));

test('says which file it is, by its hash, and what its columns are', async () => {
  const described = { ...feature('conv_rate', 'float64'), description: 'trips that led to an order' };
  const [, ...others] = driverStats().features;
  day.publishDrivers(driverStats({ features: [described, ...others] }));
  const croissant = await croissantOf('set.parquet');
  expect(croissant.conformsTo).toBe('http://mlcommons.org/croissant/1.0');
  expect(croissant.description).toContain('1 labels of labels.csv with the features of churn v1');
  const sha256 = createHash('sha256')
    .update(readFileSync(path('set.parquet')))
    .digest('hex');
  expect(croissant.distribution).toMatchObject([
    { contentUrl: 'set.parquet', sha256, encodingFormat: 'application/x-parquet' },
  ]);
  expect(typesOf(croissant)).toEqual({
    customer_id: 'sc:Text',
    driver_id: 'sc:Integer',
    event_timestamp: 'sc:DateTime',
    ok: 'sc:Boolean',
    day: 'sc:Date',
    orders__orders_1d: 'sc:Integer',
    orders__spent_1d: 'sc:Float',
    driver_stats__conv_rate: 'sc:Float',
  });
  expect(croissant.recordSet[0]!.field[7]).toMatchObject({ description: 'trips that led to an order' });
});

test('of a set in CSV has texts for the labels’ columns', async () => {
  expect(typesOf(await croissantOf('set.csv'))).toMatchObject({
    ok: 'sc:Text',
    event_timestamp: 'sc:DateTime',
    orders__orders_1d: 'sc:Integer',
  });
});

test('gives each column an id of its own that is part of a URL, whatever its name is', async () => {
  const odd = [
    'basket total', 'a/b', '..', '100%', 'a%20b', '~3', 'q"q', "it's", 'preis €', '{x}', '#1', 'b\\c', '@id', 'rows',
  ]; // prettier-ignore
  const quoted = odd.map((name) => `"${name.replaceAll('"', '""')}"`);
  await day.writeDrivers([{ driver: 1, event: '08:00', created: '08:00', convRate: 0.5 }]);
  const names = ['customer_id', 'driver_id', 'event_timestamp', ...quoted];
  writeFileSync(path('labels.csv'), `${names.join()}\nc-1,1,2026-01-02 10:00,${odd.map(() => '1').join()}\n`);
  await runTrain(day.project, { labels: path('labels.csv'), service: 'churn', out: path('my set.parquet') });
  const croissant = JSON.parse(readFileSync(path('my set.parquet.croissant.json'), 'utf8')) as Croissant;
  const fields = croissant.recordSet[0]!.field;
  expect(fields.slice(3, 3 + odd.length).map(({ name }) => name)).toEqual(odd);
  for (const { name, source } of fields) expect(source.extract.column).toBe(name);
  const ids = fields.map((field) => field['@id']);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^rows\/[A-Za-z0-9_~][A-Za-z0-9_.~-]*$/);
  expect(ids[0]).toBe('rows/customer_id');
});

test('that cannot be written is an error that names it', async () => {
  mkdirSync(path('set.parquet.croissant.json'));
  await expect(croissantOf('set.parquet')).rejects.toMatchObject({
    code: 'TRAIN_OUT',
    message: expect.stringContaining('set.parquet.croissant.json cannot be written'),
  });
});
