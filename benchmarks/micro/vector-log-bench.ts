/**
 * What logging costs a request, and what reading costs: 50 features in 3 views, one row. Prints processor time a record
 * and ratios of one run, A and B alternating. Not a test: figures depend on the machine.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import protobuf from 'protobufjs';
import { idDigest } from '../../contract/log-privacy.ts';
import { readServedLog } from '../../contract/wire/log/served-log.ts';
import { systemClock } from '../../project/clock.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { servedProto } from '../../contract/wire/log/served-decoder.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import { encodeServedHead, encodeServedVector } from '../../contract/wire/log/served-image.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { walkSpool } from '../../contract/wire/log/spool-walk.ts';
import { DISK } from '../../sidecar/spool/spool-files.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { median } from '../harness/median.ts';
import { loggedRequest, plainRow } from './logged-request.ts';

const ROUNDS = 5;
const RECORDS = 50_000;
const EPOCH = 0x1234_5678_9abc_def0n;

const who = { requestId: '0123456789abcdef01234567', nth: 0, key: '123456' };
const request = loggedRequest(who, plainRow);

/** The same with the ids and one feature of one view hashed: what a request with marks puts into the log. */
const [vector] = request.vectors;
const [marked, ...others] = vector!.rows;
const masked: ServedRequest = {
  ...request,
  keyPolicies: [1],
  hmacKeyId: 'k1',
  vectors: [
    { keys: ['0'.repeat(64)], rows: [{ ...marked!, masked: true, hmacs: [Buffer.alloc(32)] }, ...others] },
  ],
};
/** As the sidecar logs a service's second request for rows that it has cached. */
const ready: ServedRequest = {
  ...request,
  head: encodeServedHead(request),
  vectors: [{ ...vector!, image: encodeServedVector(vector!) }],
};
/** Fifty rows of 900 bytes: what a large request puts into the log. */
const fiftyReady: ServedRequest = { ...ready, vectors: Array.from({ length: 50 }, () => ready.vectors[0]!) };
const fiftyPlain: ServedRequest = {
  ...fiftyReady,
  vectors: fiftyReady.vectors.map(({ keys, rows }) => ({ keys, rows })),
};
const hmacKey = { id: 'k1', secret: Buffer.alloc(32, 7) };

const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
const options = { folder, pod: 'pod-1', clock: systemClock(), logger: silentLogger, maxBytes: 2 ** 40 };
const log = await VectorLog.open({ ...options, durability: 'written', onFull: 'shed-log' });
// Its sync never ends, so every write is made by the thread and waited for.
const ringFolder = mkdtempSync(join(tmpdir(), 'plumb-'));
const never = { ...DISK, dataSync: (): Promise<void> => new Promise(() => {}) };
const ringOptions = { ...options, folder: ringFolder, files: never };
const ringLog = await VectorLog.open({ ...ringOptions, durability: 'synced', onFull: 'shed-log' });
ringLog.append(request);
ringLog.commit();
void ringLog.whenSynced();
const encoder = new RecordEncoder('pod-1', EPOCH);
const generic = genericEncoder();

const cases: Record<string, () => void> = {
  'encode and seal the frame': () => {
    for (let i = 1; i <= RECORDS; i++) {
      encoder.appendServed(request, i);
      if (i % 8 === 0) encoder.clear();
    }
  },
  'encode and seal from what is ready': () => {
    for (let i = 1; i <= RECORDS; i++) {
      encoder.appendServed(ready, i);
      if (i % 8 === 0) encoder.clear();
    }
  },
  'each of 50 rows, encode and seal': () => {
    for (let i = 1; i <= RECORDS / 50; i++) {
      encoder.appendServed(fiftyPlain, i);
      if (i % 8 === 0) encoder.clear();
    }
  },
  'each of 50 rows from what is ready': () => {
    for (let i = 1; i <= RECORDS / 50; i++) {
      encoder.appendServed(fiftyReady, i);
      if (i % 8 === 0) encoder.clear();
    }
  },
  'encode and seal with marks': () => {
    for (let i = 1; i <= RECORDS; i++) {
      encoder.appendServed(masked, i);
      if (i % 8 === 0) encoder.clear();
    }
  },
  'hash an id': () => {
    for (let i = 1; i <= RECORDS; i++) idDigest(hmacKey, '123456');
  },
  'encode with protobufjs': () => {
    for (let i = 1; i <= RECORDS; i++) generic(i);
  },
  'append, a write each': () => {
    for (let i = 0; i < RECORDS; i++) {
      log.append(request);
      log.commit();
    }
  },
  'append, a write each by the thread': () => {
    for (let i = 0; i < RECORDS; i++) {
      ringLog.append(request);
      ringLog.commit();
    }
  },
  'append, a write every eighth': () => {
    for (let i = 1; i <= RECORDS; i++) {
      log.append(request);
      if (i % 8 === 0) log.commit();
    }
    log.commit();
  },
};

console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`);
const timesUs = new Map<string, number[]>();
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, body] of Object.entries(cases)) {
    // A busy machine may have made a write slow; from then on the thread writes, which has a case of its own.
    while (log.stats().spool.isSlow) await new Promise((resolve) => setTimeout(resolve, 50));
    const us = timed(body) / RECORDS;
    // The first round warms up.
    if (round > 0) timesUs.set(name, [...(timesUs.get(name) ?? []), us]);
  }
}
for (const [name, all] of timesUs) print(name, all);
await log.close();
reading();
rmSync(folder, { recursive: true });
rmSync(ringFolder, { recursive: true });

function reading(): void {
  const files = readdirSync(folder).filter((file) => file.endsWith('.seg'));
  const segments = files.map((file) => readFileSync(join(folder, file)));
  const bytes = segments.reduce((sum, segment) => sum + segment.length, 0);
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const verifyUs = timed(() => {
      for (const item of walkSpool(folder)) if (item.kind === 'gap') throw new Error(item.gap.reason);
    });
    const plainUs = timed(() => segments.forEach((segment) => crc32(segment)));
    ratios.push(plainUs / verifyUs);
  }
  const raw = ratios.map((ratio) => `${(ratio * 100).toFixed(0)} %`).join(', ');
  console.log(
    `verify ${(bytes / 1e6).toFixed(0)} MB: ${(median(ratios) * 100).toFixed(0)} % of plain zlib.crc32 (${raw})`,
  );
  let records = 0;
  const decodeUs = timed(() => {
    for (const item of readServedLog(folder)) {
      records += 1;
      if (item.kind === 'gap' || records >= RECORDS) break;
    }
  });
  print('read and decode', [decodeUs / records]);
}

/** Processor time, user and system: what else the machine does counts less than it would by the clock. */
function timed(body: () => void): number {
  const before = process.cpuUsage();
  body();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function print(name: string, all: readonly number[]): void {
  console.log(
    `${name}: ${median(all).toFixed(2)} us a record (${all.map((us) => us.toFixed(2)).join(', ')})`,
  );
}

/** The same record through protobufjs, without frame and CRC. */
function genericEncoder(): (sequence: number) => void {
  const type = protobuf.parse(servedProto()).root.lookupType('plumbline.served.v1.Record');
  const { vectors } = request;
  return (sequence) => {
    const views = vectors[0]!.rows.map(({ role, view }) => ({ role, view }));
    const served = { ...request, answer: undefined, views };
    type.encode({ version: 1, pod: 'pod-1', epoch: 5, sequence, served }).finish();
  };
}
