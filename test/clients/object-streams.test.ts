/** Streams whose archive and histories lie in object storage, where calls are lost, busy and cut off. */
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ArchiveTable } from '../../materializer/stream/archive/archive-table.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { openFolder } from '../../project/storage/open-folder.ts';
import { clickView, HOP_US } from '../support/fixtures/streamed-project.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import { downloadedExtensions } from '../support/s3/duckdb-extensions.ts';
import { startFakeS3 } from '../support/s3/fake-s3.ts';
import type { FakeS3 } from '../support/s3/fake-s3.ts';
import { startFaultProxy } from '../support/s3/fault-proxy.ts';
import type { FaultProxy, ObjectFault } from '../support/s3/fault-proxy.ts';
import { scratchFolder } from '../support/scratch.ts';

const LIMIT_MS = 600_000;
/** What becomes of a call that brings something. */
const SPOILED: readonly ObjectFault[] = ['lost', 'cut', 'half', 'slow'];
let s3: FakeS3;
let proxy: FaultProxy;
let extensions: string;
beforeAll(async () => {
  s3 = await startFakeS3();
  proxy = await startFaultProxy(s3.endpoint);
  extensions = await downloadedExtensions(['httpfs']);
}, LIMIT_MS);
afterAll(async () => {
  await proxy.close();
  await s3.close();
});
beforeEach(() => {
  proxy.fault = () => null;
});

function definitions(archive: string): string {
  return `entity: user
joinKeys: { user_id: int64 }
---
source: clicks
stream: { folder: data/incoming, format: json, id: id, keyedBy: user_id, archive: "${archive}" }
fields: { user_id: int64, price: float64, at: { type: timestamp, unit: ms }, id: string }
eventTime: at
---
featureView: user_clicks
entity: user
source: clicks
hop: 10s
freshness: 9000d
lateness: 1h
features: { clicks_1m: { agg: count, window: 1m }, spent_5m: { agg: sum, column: price, window: 5m } }
---
featureService: clicking
features: [user_clicks]
`;
}

const FIRST_S = 1_700_000_000;
const FILES = 4;
const PER_FILE = 60;

function layFile(folder: string, file: number): void {
  const lines = Array.from({ length: PER_FILE }, (_, i) => {
    const n = file * PER_FILE + i;
    return JSON.stringify({ user_id: n % 7, price: n / 8, at: (FIRST_S + n * 3) * 1_000, id: `c${n}` });
  });
  const name = join(folder, 'data/incoming', `${file}.jsonl`);
  writeFileSync(name, `${lines.join('\n')}\n`);
  const appendedS = FIRST_S + (file + 1) * PER_FILE * 3;
  utimesSync(name, appendedS, appendedS);
}

/** @returns what a project serves training with whose stream keeps its events and rows there */
async function streamed(place: string | null): Promise<string> {
  const at = (name: string, local: string): string => (place === null ? local : `${place}/${name}`);
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\nhistory: ${at('history', '.plumb/history')}\nduckdb: { extensions: "${extensions}" }\n`,
    'definitions/shop.yaml': definitions(at('clicks', 'data/clicks')),
    'labels.csv': `user_id,event_timestamp\n${Array.from({ length: 40 }, (_, i) => `${i % 7},${new Date((FIRST_S + i * 17) * 1_000).toISOString()}`).join('\n')}\n`,
  });
  mkdirSync(join(folder, 'data/incoming'), { recursive: true });
  const env = { ...s3.variables, AWS_ENDPOINT_URL: proxy.endpoint };
  const run = async (...args: string[]): Promise<void> => {
    const done = await plumb(['-C', folder, ...args], { env });
    expect(done, done.stderr).toMatchObject({ code: 0 });
  };
  await run('apply');
  for (let file = 0; file < FILES; file++) {
    layFile(folder, file);
    // The third drain finds no state: it makes the tiles of the archive.
    if (file === 2) rmSync(join(folder, '.plumb/stream'), { recursive: true });
    await run('stream', '--drain');
  }
  const out = join(folder, 'set.csv');
  await run('train', '--service', 'clicking', '--labels', join(folder, 'labels.csv'), '--out', out);
  return readFileSync(out, 'utf8');
}

test(
  'of two that write one partition of an archive there one has it, and the other has changed nothing',
  async () => {
    const login = { accessKeyId: 'test', secretAccessKey: 'not-shown', sessionToken: null };
    const { endpoint } = proxy;
    const reached = { endpoint, region: 'us-east-1', pathStyle: true, login, aside: scratchFolder() };
    const folder = openFolder('s3://lake/two writers/clicks', reached);
    const { source } = clickView(HOP_US).view;
    const logger = { info() {}, warn() {}, progress() {} };
    const writers = await Promise.all(
      [0, 1].map(async (n) => {
        const duck = await DuckDb.open({ elsewhere: { extensions, s3: reached } });
        const place = { folder, source, partition: 0, partitions: 1, sourceId: 'folder' };
        const archive = await ArchiveTable.open({ ...place, hold: async () => {}, duck, logger });
        await archive.begin();
        const values = [`writer ${n}`, 1n, 'p', 1, '1'];
        archive.add({ values, eventUs: 1, id: '1', op: 1, offset: 0, appendedUs: 1 });
        return { archive, duck };
      }),
    );
    const position = { offset: 1, file: null, line: 1 };
    const done = await Promise.allSettled(writers.map(({ archive }) => archive.commit(position, 1, 2)));
    expect(done.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const lost = done.find((one) => one.status === 'rejected')!;
    expect(lost.reason).toMatchObject({ code: 'MAT_LEASE' });
    const won = done.findIndex(({ status }) => status === 'fulfilled');
    const place = { folder, source, partition: 0, partitions: 1, sourceId: 'folder', hold: async () => {} };
    const read = await ArchiveTable.open({ ...place, duck: writers[0]!.duck, logger });
    const who: unknown[] = [];
    for await (const events of read.read(0)) who.push(...events.map(({ values }) => values[0]));
    expect(who).toEqual([`writer ${won}`]);
    for (const { duck } of writers) duck.close();
  },
  LIMIT_MS,
);

test(
  'an archive and a history in object storage give what those in folders do, whatever becomes of every ninth call',
  async () => {
    const local = await streamed(null);
    expect(local.split('\n').filter((line) => /,\d+,[\d.]+$/.test(line)).length).toBeGreaterThan(30);
    let calls = 0;
    proxy.fault = (method) => {
      calls += 1;
      if (calls % 9 !== 0) return null;
      return method === 'PUT' ? SPOILED[calls % SPOILED.length]! : 'busy';
    };
    expect(await streamed('s3://lake/streams')).toBe(local);
    expect(calls).toBeGreaterThan(50);
  },
  LIMIT_MS,
);
