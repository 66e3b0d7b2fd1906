import { definitionName } from '../../../../contract/wire/online/row-header.ts';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommandContext } from '../../../../project/command.ts';
import { readServedLog } from '../../../../contract/wire/log/served-log.ts';
import { writeDurably } from '../../../../contract/std/files/durable-file.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import type { ServedRequest } from '../../../../contract/wire/log/served-record.ts';
import { advanceCursor } from '../../../../contract/wire/log/spool-cursor.ts';
import { logCat, logStatus, logVerify } from '../../../../sidecar/vector-log/log-commands.ts';
import { statusOfLog } from '../../../../sidecar/vector-log/log-status.ts';
import { VectorLog } from '../../../../sidecar/vector-log/vector-log.ts';
import {
  NOON_US,
  ServingFixture,
  encodeRow,
  manualClock,
  spend,
} from '../../../support/fixtures/serving-fixture.ts';

let fixture: ServingFixture;
let spool: string;
let printed: string[];
let warned: string[];
let context: CommandContext;

beforeEach(async () => {
  fixture = new ServingFixture(manualClock());
  spool = fixture.project().settings.log.spool;
  printed = [];
  warned = [];
  context = {
    folder: fixture.folder,
    json: true,
    color: false,
    logger: { ...silentLogger, warn: (line) => void warned.push(line) },
    flags: {},
    tellErrors() {},
    print: async (text) => void printed.push(String(text)),
  };
  const options = {
    folder: spool,
    pod: 'pod-1',
    clock: fixture.clock,
    logger: silentLogger,
    durability: 'written' as const,
  };
  const log = await VectorLog.open({ ...options, maxBytes: 2 ** 30, onFull: 'shed-log' });
  for (const id of ['r1', 'r2', 'r3']) log.append(request(id));
  log.commit();
  await log.close();
});
afterEach(() => fixture.close());

function request(requestId: string): ServedRequest {
  const row = encodeRow(spend, [-0, 9_007_199_254_740_993n], { createdUs: NOON_US - 1 });
  const times = { fetchedUs: NOON_US - 2_000_000, watermarkUs: NOON_US - 60_000_000 };
  return {
    requestId,
    servedUs: NOON_US,
    surface: 0,
    service: 'twice',
    serviceVersion: 3,
    bundle: fixture.bundle.hash,
    keyNames: ['buyer_id', 'seller_id'],
    features: [],
    vectors: [
      {
        keys: ['-5', null],
        rows: [
          { role: 'buyer', view: 'spend', status: 0, source: 1, row, ...times },
          { role: 'seller', view: 'spend', status: 2, source: 0, row: null, fetchedUs: 0, watermarkUs: 0 },
        ],
      },
    ],
    answer: null,
  };
}

const segment = (): string => readdirSync(spool).find((file) => file.endsWith('.seg'))!;

describe('log cat', () => {
  test('prints one JSON object a served request, with the values that the model got', async () => {
    expect(await logCat(context)).toBe(0);
    expect(printed).toHaveLength(3);
    const [, epoch] = segment().split('-');
    expect(JSON.parse(printed[1]!)).toEqual({
      requestId: 'r2',
      pod: 'pod-1',
      epoch,
      sequence: 2,
      servedAt: '2026-11-21T12:00:00.000000Z',
      service: 'twice',
      serviceVersion: 3,
      bundle: fixture.bundle.hash,
      vectors: [
        {
          entities: { buyer_id: '-5', seller_id: null },
          features: {
            buyer__total: '-0',
            buyer__orders: '9007199254740993',
            seller__total: null,
            seller__orders: '0',
          },
          statuses: {
            buyer__total: 'PRESENT',
            buyer__orders: 'PRESENT',
            seller__total: 'MISSING',
            seller__orders: 'MISSING',
          },
          views: {
            buyer: {
              view: 'spend',
              status: 'PRESENT',
              source: 'cache',
              fetchedAt: '2026-11-21T11:59:58.000000Z',
              watermark: '2026-11-21T11:59:00.000000Z',
              eventTime: '2026-11-21T11:00:00.000000Z',
              createdTime: '2026-11-21T11:59:59.999999Z',
              writtenTime: '2026-11-21T12:00:00.000000Z',
              definitionId: definitionName(spend.definitionId),
            },
            seller: {
              view: 'spend',
              status: 'MISSING',
              source: 'none',
              fetchedAt: null,
              watermark: null,
              eventTime: null,
              createdTime: null,
              writtenTime: null,
              definitionId: null,
            },
          },
        },
      ],
    });
  });

  test('goes on past damage and without its bundle, and says so', async () => {
    const path = join(spool, segment());
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('r2')]! ^= 1;
    writeFileSync(path, bytes);
    rmSync(join(fixture.project().settings.bundles, `${fixture.bundle.hash}.json`));
    expect(await logCat(context)).toBe(0);
    expect(printed.map((line) => (JSON.parse(line) as { requestId: string }).requestId)).toEqual([
      'r1',
      'r3',
    ]);
    expect(printed[0]).toContain('"eventTime":"2026-11-21T11:00:00.000000Z"');
    expect(warned).toHaveLength(2);
    expect(warned.join()).toContain('record 2 is missing');
  });
});

describe('log verify', () => {
  test('is 0 for a whole spool', async () => {
    expect(await logVerify(context)).toBe(0);
    const size = readFileSync(join(spool, segment())).length;
    expect(JSON.parse(printed[0]!)).toMatchObject({
      segments: 1,
      records: 3,
      bytes: size,
      tornBytes: 0,
      gaps: [],
    });
  });

  test('is 0 for a torn tail and 1 for a gap, which it describes', async () => {
    const path = join(spool, segment());
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, -4));
    expect(await logVerify(context)).toBe(0);
    expect((JSON.parse(printed[0]!) as { tornBytes: number }).tornBytes).toBeGreaterThan(0);
    bytes[bytes.indexOf('r2')]! ^= 1;
    writeFileSync(path, bytes);
    expect(await logVerify(context)).toBe(1);
    const { gaps } = JSON.parse(printed[1]!) as { gaps: object[] };
    expect(gaps).toEqual([
      {
        segment: segment(),
        offset: bytes.indexOf('PLf1', bytes.indexOf('r1')),
        bytes: bytes.indexOf('PLf1', bytes.indexOf('r1') + 30) - bytes.indexOf('PLf1'),
        fromSequence: 2,
        toSequence: 2,
        reason: 'damaged',
      },
    ]);
    await logVerify({ ...context, json: false });
    expect(printed[2]).toContain('record 2 is missing');
  });

  test('of answers that were shed is 0, and says how many, which and why', async () => {
    const options = { folder: spool, pod: 'pod-2', clock: fixture.clock, logger: silentLogger };
    const log = await VectorLog.open({
      ...options,
      durability: 'written',
      maxBytes: 5_000,
      onFull: 'shed-log',
    });
    for (let i = 0; i < 100; i++) {
      log.append(request(`r${i}`));
      log.commit();
    }
    const { shedRecords } = log.stats();
    await log.close();
    expect(shedRecords).toBeGreaterThan(10);
    expect(await logVerify({ ...context, json: false })).toBe(0);
    expect(printed.join('\n')).toMatch(
      new RegExp(
        `of pod-2: ${shedRecords} answered requests not logged, of numbers \\d+ to 100, since the spool was full\n`,
      ),
    );
    expect(printed.join('\n')).toMatch(`whole but for ${shedRecords} answered requests not logged`);
  });

  test('of a project that never served is whole and empty', async () => {
    rmSync(spool, { recursive: true });
    expect(await logVerify(context)).toBe(0);
    expect(JSON.parse(printed[0]!)).toMatchObject({
      segments: 0,
      records: 0,
      bytes: 0,
      tornBytes: 0,
      gaps: [],
    });
    expect(await logCat(context)).toBe(0);
    expect(await logStatus(context)).toBe(0);
  });
});

describe('log status', () => {
  test('shows how far each consumer has come', async () => {
    const [first] = [...readServedLog(spool)];
    if (first?.kind !== 'served') throw new Error('no record');
    advanceCursor(spool, 'ingest', first.next);
    const { bytes, consumers, oldest } = await statusOfLog(spool);
    const lagBytes = bytes - first.next.offset;
    expect(consumers).toEqual([
      { consumer: 'ingest', position: first.next, lagBytes, oldest: '2026-11-21T12:00:00.000000Z' },
    ]);
    expect(oldest).toBe('2026-11-21T12:00:00.000000Z');
    expect(await logStatus({ ...context, json: false })).toBe(0);
    expect(printed[0]).toContain('ingest: at');
  });

  test('shows who is to read it and has not begun, and what Kafka refused', async () => {
    writeDurably(join(spool, 'rejected', '0000000000000001-3-500.json'), '{}\n');
    const { bytes, consumers, rejected, oldest } = await statusOfLog(spool, ['kafka']);
    expect(consumers).toEqual([{ consumer: 'kafka', position: null, lagBytes: bytes, oldest }]);
    expect(rejected).toBe(1);
    await logStatus({ ...context, json: false, flags: { 'log.kafka.brokers': 'k:1' } });
    expect(printed[0]).toContain(`kafka: at the beginning, ${bytes} bytes behind`);
    expect(printed[0]).toContain('refused by Kafka and kept in rejected/: 1');
  });

  test('says which cursor is damaged', async () => {
    writeFileSync(join(spool, 'ingest.cursor'), 'x');
    await expect(logStatus(context)).rejects.toMatchObject({ code: 'LOG_CURSOR' });
  });
});
