/**
 * Whatever a frame with a valid CRC or a message of the topic holds, every reader of the log goes on behind it: it is
 * a record, or it is counted as unreadable, and all readers say the same of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ingestLog, BATCH } from '../../monitor/ingest/ingest-log.ts';
import { runIngest } from '../../monitor/ingest/main.ts';
import { IngestLedger } from '../../project/archive/ledger.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import { TopicSource } from '../../monitor/ingest/topic-source.ts';
import type { TopicReader } from '../../monitor/ingest/topic-source.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { contentOf, originOf } from '../../contract/wire/log/record-content.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import { FRAME_HEADER_BYTES } from '../../contract/wire/log/spool-frame.ts';
import { listSegments, readSegmentHeader } from '../../contract/wire/log/spool-segment.ts';
import { walkSpool } from '../../contract/wire/log/spool-walk.ts';
import { verifyLog } from '../../sidecar/vector-log/log-commands.ts';
import { catLog } from '../../sidecar/vector-log/log-cat.ts';
import { statusOfLog } from '../../sidecar/vector-log/log-status.ts';
import { framesOf, mutation, payloadOf, treeOf } from '../support/faults/hostile-records.ts';
import { archiveOptions } from '../support/fixtures/archive-options.ts';
import { MonitoredDay } from '../support/fixtures/monitored-day.ts';
import { scratchFolder } from '../support/scratch.ts';
import { LAST_US, SERVED_US, anyRequest, servedRequest } from '../support/fixtures/served-requests.ts';

const bare = (encoder: RecordEncoder): Buffer => Buffer.from(encoder.frames().subarray(FRAME_HEADER_BYTES));

function served(request = servedRequest('r')): Buffer {
  const encoder = new RecordEncoder('pod-1', 7n);
  encoder.appendServed({ ...request, keyPolicies: request.keyNames.map(() => 1), hmacKeyId: 'k1' }, 1);
  return bare(encoder);
}

function heartbeat(): Buffer {
  const encoder = new RecordEncoder('pod-1', 7n);
  const ranges = [{ fromSequence: 3, toSequence: 5, reason: 1 }];
  encoder.appendHeartbeat(
    {
      atUs: SERVED_US,
      highestSequence: 9,
      served: 4,
      shed: 3,
      clockOffsetUs: -7,
      bundle: '0123456789abcdef',
      version: '1.0.0',
      engine: 'V8',
      ranges,
    },
    9,
    true,
  );
  return bare(encoder);
}

test('a record is read whole and makes sense, or it is refused as what it is', () => {
  const origins = [served(), heartbeat()];
  let refused = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        anyRequest.map((request) => served(request)),
        fc.constantFrom(...origins),
      ),
      mutation,
      (payload, mutate) => {
        const bytes = mutate(payload, 1);
        const content = contentOf(bytes, 0, bytes.length);
        if (content === null) {
          refused += 1;
          expect(() => decodeRecord(bytes)).toThrow(TypeError);
          return;
        }
        const record = decodeRecord(bytes);
        expect(record.kind).toBe(content);
        if (record.kind !== 'served') return;
        const { servedUs, vectors, keyNames, bundle } = record.record;
        expect(servedUs).toBeLessThanOrEqual(LAST_US);
        expect(bundle).toMatch(/^[0-9a-f]{16}$/);
        for (const vector of vectors) {
          expect(vector.keys).toHaveLength(keyNames.length);
          for (const { status, source, fetchedUs, watermarkUs } of vector.rows) {
            expect(status).toBeLessThanOrEqual(4);
            expect(source).toBeLessThanOrEqual(3);
            expect(Math.max(fetchedUs, watermarkUs)).toBeLessThanOrEqual(LAST_US);
          }
        }
      },
    ),
    { numRuns: 3_000 },
  );
  expect(refused).toBeGreaterThan(500);
});

/** One field of a record that a sidecar wrote, changed. */
const HOSTILE: readonly [string, (tree: any) => void][] = [
  ['a served time past 2200', (t) => (t.served.servedUs = '9223372036854775807')],
  ['a served time before 1970', (t) => (t.served.servedUs = '-1')],
  ['a request time past 2200', (t) => (t.served.requestUs = '7258118400000000')],
  ['a fetched time past 2200', (t) => (t.served.vectors[0].rows[0].fetchedUs = '9223372036854775807')],
  ['a watermark before 1970', (t) => (t.served.vectors[0].rows[0].watermarkUs = '-9223372036854775808')],
  ['an unknown status', (t) => (t.served.vectors[0].rows[0].status = 99)],
  ['an unknown source', (t) => (t.served.vectors[0].rows[0].source = 4)],
  ['a negative source', (t) => (t.served.vectors[0].rows[0].source = -1)],
  ['an unknown surface', (t) => (t.served.surface = 6)],
  ['an unknown log policy', (t) => (t.served.keyPolicies = [3])],
  ['more log policies than keys', (t) => (t.served.keyPolicies = [0, 0, 0, 0])],
  ['a null key past the keys', (t) => (t.served.vectors[0].nullKeys = [4_294_967_294])],
  ['more keys than names', (t) => t.served.vectors[0].keys.push('1')],
  ['fewer rows than views', (t) => t.served.vectors[0].rows.pop()],
  ['more views than rows', (t) => t.served.views.push({ role: 'r', view: 'v' })],
  ['a path for a bundle', (t) => (t.served.bundle = '../../secret')],
  ['no bundle', (t) => delete t.served.bundle],
  ['an HMAC of another length', (t) => (t.served.vectors[0].rows[0].hmacs = [Buffer.alloc(31)])],
  ['a service version past 2^31', (t) => (t.served.serviceVersion = 4_294_967_295)],
  ['another number than its frame', (t) => (t.sequence = '4')],
  ['another epoch than its frame', (t) => (t.epoch = '7')],
  ['more input policies than inputs', (t) => (t.served.inputPolicies = [1])],
  [
    'an unknown policy of an input',
    (t) => Object.assign(t.served, { inputNames: ['i'], inputPolicies: [3] }),
  ],
  [
    'an on-demand view that no vector has a status of',
    (t) => (t.served.onDemand = [{ role: 'r', view: 'r' }]),
  ],
  ['a status of no on-demand view', (t) => (t.served.vectors[0].outputStatuses = [0])],
  [
    'an unknown status of an on-demand view',
    (t) => {
      t.served.onDemand = [{ role: 'r', view: 'r' }];
      for (const vector of t.served.vectors) vector.outputStatuses = [5];
    },
  ],
  [
    'an unknown policy of an output',
    (t) => {
      t.served.onDemand = [{ role: 'r', view: 'r', outputPolicies: [3] }];
      for (const vector of t.served.vectors) vector.outputStatuses = [0];
    },
  ],
  ['an HMAC of an input of another length', (t) => (t.served.vectors[0].inputHmacs = [Buffer.alloc(33)])],
  ['an HMAC of an output of another length', (t) => (t.served.vectors[0].outputHmacs = [Buffer.alloc(0)])],
  ['a part of nothing', (t) => (t.parts = 2)],
];

describe('every reader goes on behind', () => {
  /** Three good records, the bad ones of the epoch behind them, and a good one at the end. */
  async function dayWith(hostile: (served: Buffer, sequence: number) => Buffer[]): Promise<{
    day: MonitoredDay;
    payloads: Buffer[];
    epoch: bigint;
  }> {
    const day = await MonitoredDay.make();
    await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
    for (let i = 0; i < 3; i++) {
      day.serve('05:30:00', 'ada', {}, 1, {
        row: { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] },
        watermark: '00:30:00',
      });
    }
    await day.closeLog();
    const { spool } = day.project.settings.log;
    const [segment] = listSegments(spool);
    const file = join(spool, segment!.file);
    const bytes = readFileSync(file);
    const good: Buffer[] = [];
    let end = 0;
    for (const item of walkSpool(spool)) {
      if (item.kind !== 'record' || item.content !== 'served') continue;
      good.push(Buffer.from(item.buffer.subarray(item.from, item.to)));
      end = item.nextOffset;
    }
    const bad = hostile(good[0]!, 4);
    const after = payloadOf({ ...treeOf(good[2]!), sequence: String(4 + bad.length) });
    const { epoch } = readSegmentHeader(bytes)!;
    writeFileSync(file, Buffer.concat([bytes.subarray(0, end), framesOf([...bad, after], epoch, 4)]));
    return { day, payloads: [...good, ...bad, after], epoch };
  }

  async function ingestTopic(payloads: readonly Buffer[]): Promise<IngestLedger> {
    const reader: TopicReader = {
      topic: 'served',
      partitions: async () => [{ partition: 0, earliest: 0, end: payloads.length }],
      async *messages() {
        for (const [offset, value] of payloads.entries()) yield { partition: 0, offset, value };
      },
      async tellOffsets() {},
      async close() {},
    };
    const folder = scratchFolder();
    const ledger = await IngestLedger.read(localFolder(folder));
    const options = { follow: false, signal: new AbortController().signal, nowUs: () => 0, warn() {} };
    const source = new TopicSource(reader, (...record) => ledger.has(...record), options);
    await ingestLog(source, ledger, {
      served: localFolder(folder),
      logger: silentLogger,
      archive: archiveOptions(),
      ...BATCH,
    });
    return ledger;
  }

  async function readBy(day: MonitoredDay, payloads: readonly Buffer[], unreadable: number): Promise<void> {
    const { settings } = day.project;
    const { spool } = settings.log;
    const state = verifyLog(spool);
    expect(state.gaps.filter(({ reason }) => reason === 'unreadable')).toHaveLength(unreadable);
    expect(state.gaps).toHaveLength(unreadable);
    const warned: string[] = [];
    const lines: object[] = [];
    for await (const line of catLog({ spool, bundles: settings.bundles, warn: (w) => warned.push(w) }))
      lines.push(line);
    expect(warned.filter((line) => line.startsWith('gap'))).toHaveLength(unreadable);
    expect(lines).toHaveLength(state.records);
    expect(JSON.stringify(warned)).not.toContain('secret');
    const status = await statusOfLog(spool);
    expect(status.starts[0]!.lastSequence).toBe(payloads.length);
    const fromSpool = await day.judge('2026-01-10T00:00:00');
    expect(fromSpool.vectors.judged).toBeGreaterThanOrEqual(4);
    const ingested = await runIngest(day.project, { from: 'spool' });
    expect(ingested.counts.unreadable).toBe(unreadable);
    expect((await ingestTopic(payloads)).counts.unreadable).toBeLessThanOrEqual(unreadable);
    const fromServed = await day.judge('2026-01-10T00:00:00');
    const { read, judged } = fromSpool.vectors;
    expect(fromServed.vectors).toMatchObject({ read, judged });
  }

  test('what a hostile or later writer puts into one field', async () => {
    const { day, payloads, epoch } = await dayWith((record, sequence) =>
      HOSTILE.map(([, change], i) => {
        const tree = { ...treeOf(record), sequence: String(sequence + i) };
        change(tree);
        return payloadOf(tree);
      }),
    );
    try {
      for (const [i, [name]] of HOSTILE.entries()) {
        const payload = payloads[3 + i]!;
        expect([name, contentOf(payload, 0, payload.length, originOf(epoch, 4 + i))]).toEqual([name, null]);
      }
      await readBy(day, payloads, HOSTILE.length);
    } finally {
      await day.remove();
    }
  });

  test('three hundred records changed at random', async () => {
    const mutations = fc.sample(mutation, { numRuns: 300, seed: 20261121 });
    const { day, payloads, epoch } = await dayWith((record, sequence) =>
      mutations.map((mutate, i) => mutate(record, sequence + i)),
    );
    try {
      const unreadable = payloads.filter(
        (p, i) => contentOf(p, 0, p.length, originOf(epoch, i + 1)) === null,
      ).length;
      expect(unreadable).toBeGreaterThan(50);
      await readBy(day, payloads, unreadable);
    } finally {
      await day.remove();
    }
  });
});
