/** Tables in object storage: entries are made once, whatever becomes of calls and answers, and commands read them. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { commit } from '../../project/delta/commit.ts';
import type { DeltaAction } from '../../project/delta/delta-action.ts';
import { keepState, readTable, writeEntry } from '../../project/delta/delta-log.ts';
import { schemaText } from '../../project/delta/table-schema.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openObjectStorage } from '../../project/engine/duckdb/object-storage.ts';
import { listSourceObjects } from '../../project/engine/duckdb/sources/object-listing.ts';
import type { S3Settings } from '../../project/settings/s3-settings.ts';
import type { Folder } from '../../project/storage/folder.ts';
import { openFolder } from '../../project/storage/open-folder.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import { downloadedExtensions } from '../support/s3/duckdb-extensions.ts';
import { startFakeS3 } from '../support/s3/fake-s3.ts';
import type { FakeS3 } from '../support/s3/fake-s3.ts';
import { startFaultProxy } from '../support/s3/fault-proxy.ts';
import type { FaultProxy } from '../support/s3/fault-proxy.ts';
import { scratchFolder } from '../support/scratch.ts';

const LIMIT_MS = 300_000;
let s3: FakeS3;
let proxy: FaultProxy;
beforeAll(async () => {
  s3 = await startFakeS3();
  proxy = await startFaultProxy(s3.endpoint);
}, LIMIT_MS);
afterAll(async () => {
  await proxy.close();
  await s3.close();
});
let tables = 0;
beforeEach(() => {
  proxy.fault = () => null;
  tables += 1;
});

function folderAt(path: string): Folder {
  const settings: S3Settings = {
    endpoint: proxy.endpoint,
    region: 'us-east-1',
    pathStyle: true,
    login: { accessKeyId: 'test', secretAccessKey: 'not-shown', sessionToken: null },
    aside: scratchFolder(),
  };
  return openFolder(path, settings);
}

const schemaString = schemaText([{ name: 'k', type: { kind: 'int64' } }]);
const more = { partitionColumns: [], configuration: {}, createdTime: 0 };
const FIRST: readonly DeltaAction[] = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  { metaData: { id: 'x', format: { provider: 'parquet', options: {} }, schemaString, ...more } },
];

function added(path: string): DeltaAction {
  return { add: { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true } };
}

async function newTable(): Promise<Folder> {
  const table = folderAt(`s3://lake/tables/table ${tables} +%`);
  expect(await writeEntry(table, 0, FIRST)).toBe(true);
  return table;
}

test('of two writers of one number one has it, and the other goes on at the next', async () => {
  const table = await newTable();
  const names = Array.from({ length: 6 }, (_, i) => `writer ${i}`);
  const seen = await readTable(table);
  await Promise.all(names.map((name) => commit({ table, seen, actions: async () => [added(name)] })));
  const state = (await readTable(table))!;
  expect([...state.files.keys()].toSorted()).toEqual(names);
  expect(state.version).toBe(6);
  await keepState(table, state, 0);
  expect(await readTable(table)).toEqual(state);
});

test.each(['busy', 'cut', 'half', 'slow', 'lost'] as const)(
  'an entry is there once where calls are %s',
  async (fault) => {
    const table = await newTable();
    let spoiled = 0;
    proxy.fault = (method) => (method === 'PUT' && (spoiled += 1) <= 2 ? fault : null);
    expect(await writeEntry(table, 1, [added('mine')])).toBe(true);
    // What is slow has its answer yet.
    expect(spoiled).toBeGreaterThan(fault === 'slow' ? 0 : 2);
    expect([...(await readTable(table))!.files.keys()]).toEqual(['mine']);
    expect(await writeEntry(table, 1, [added('yours')])).toBe(false);
  },
);

test('storage that overwrites is refused before an entry is written', async () => {
  proxy.fault = (method) => (method === 'PUT' ? 'overwrites' : null);
  const table = folderAt(`s3://lake/tables/${tables}`);
  await expect(writeEntry(table, 0, FIRST)).rejects.toMatchObject({
    code: 'REG_STORE',
    message: expect.stringMatching(/overwrites an object that is only to be made where there is none/),
  });
  expect(await readTable(table)).toBeNull();
});

test('a bucket that is not there is told with what to do', async () => {
  await expect(readTable(folderAt('s3://nowhere/table'))).rejects.toMatchObject({
    code: 'REG_STORE',
    message: expect.stringContaining('s3://nowhere/'),
  });
});

test('a path of one object names it alone, and none that is not there', async () => {
  const folder = folderAt(`s3://lake/tables/${tables}`);
  for (const name of ['a.parquet', 'a.parquet.old', 'b/a.parquet']) await folder.write(name, '');
  const login = { accessKeyId: 'test', secretAccessKey: 'not-shown', sessionToken: null };
  const { endpoint } = proxy;
  const reached = { endpoint, region: 'us-east-1', pathStyle: true, login, aside: scratchFolder() };
  const extensions = await downloadedExtensions(['httpfs']);
  const duck = await DuckDb.open({ elsewhere: { extensions, s3: reached } });
  await openObjectStorage(duck, 'a test');
  const one = folder.fileOf('a.parquet');
  expect(await listSourceObjects(duck, one)).toEqual([one]);
  expect(await listSourceObjects(duck, folder.fileOf('a.parque'))).toEqual([]);
  duck.close();
});

test('files are brought whole, in parts where they are large, and names come page by page', async () => {
  const folder = folderAt(`s3://lake/tables/${tables}`);
  const from = join(scratchFolder(), 'large');
  const bytes = Buffer.alloc((64 << 20) + 5, 'x');
  writeFileSync(from, bytes);
  await folder.bring([{ from, to: 'day=1/large' }]);
  expect((await folder.read('day=1/large'))!.length).toBe(bytes.length);
  await Promise.all(Array.from({ length: 1_100 }, (_, i) => folder.write(`n${i}`, '')));
  expect(await folder.names()).toHaveLength(1_101);
  await folder.remove('n0');
  expect(await folder.has('n0')).toBe(false);
});

const DEFINITIONS = `entity: customer
joinKeys: { customer_id: int64 }
---
featureView: purchases
entity: customer
source: { parquet: "data/*.parquet", eventTime: at, createdTime: loaded }
hop: 1h
freshness: 9000d
lateness: 2d
features:
  count_7d: { agg: count, window: 7d }
  average_1d: { agg: avg, column: price, window: 1d }
---
featureService: churn
features: [purchases]
`;

/** @returns the training set that a project makes with its history there */
async function trained(history: string, extensions: string): Promise<string> {
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\nhistory: ${history}\nduckdb: { extensions: "${extensions}" }\n`,
    'definitions/shop.yaml': DEFINITIONS,
    'labels.csv': 'customer_id,event_timestamp\n1,2023-11-16T10:00:00Z\n2,2023-11-22T10:00:00Z\n',
    'data/readme': '',
  });
  const duck = await DuckDb.open();
  await duck.run(`COPY (SELECT (n % 5)::BIGINT customer_id, n * 1.25 price,
      make_timestamptz(1700000000000000 + n * 600000000) AS at, make_timestamptz(1700000060000000 + n * 600000000) AS loaded
    FROM range(2000) t(n)) TO '${join(folder, 'data/all.parquet')}' (FORMAT parquet)`);
  duck.close();
  const env = { ...s3.variables, AWS_ENDPOINT_URL: proxy.endpoint };
  const run = async (...args: string[]): Promise<void> => {
    const done = await plumb(['-C', folder, ...args], { env });
    expect(done, done.stderr).toMatchObject({ code: 0 });
  };
  const out = join(folder, 'set.csv');
  const train = ['train', '--service', 'churn', '--labels', join(folder, 'labels.csv'), '--out', out];
  await run('apply');
  await run('materialize', '--to', '2023-11-20T00:00:00Z');
  await run('materialize', '--to', '2023-11-25T00:00:00Z');
  await run(...train);
  const before = readFileSync(out, 'utf8');
  await run('history', 'compact');
  rmSync(out);
  await run(...train);
  expect(readFileSync(out, 'utf8')).toBe(before);
  return before;
}

test(
  'a history in object storage trains what one in a folder does, also where every ninth call is spoiled',
  async () => {
    const extensions = await downloadedExtensions(['httpfs']);
    const local = await trained('.plumb/history', extensions);
    let calls = 0;
    proxy.fault = (method) => {
      calls += 1;
      return calls % 9 !== 0 ? null : method === 'PUT' ? 'lost' : 'busy';
    };
    expect(await trained(`s3://lake/history-${tables}`, extensions)).toBe(local);
    expect(calls).toBeGreaterThan(50);
  },
  LIMIT_MS,
);
