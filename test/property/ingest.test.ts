/**
 * The ingest against a list: records of several sidecars lie in the partitions of a topic, in parts, twice and out of
 * order; it is ended at any step of any commit, again and again, and started again. Whatever happened, what it has
 * committed at the end is every record once, and its account of what is missing is the model's.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ARCHIVE_DISK } from '../../monitor/archive/archive-disk.ts';
import type { ArchiveDisk } from '../../monitor/archive/archive-disk.ts';
import { archivedFiles } from '../../project/archive/archive-files.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import { lockFolder, takeShare } from '../../monitor/ingest/folder-share.ts';
import { IngestAccount } from '../../project/archive/ingest-account.ts';
import { holds, shareOfTag, shareTag } from '../../project/archive/ingest-share.ts';
import type { IngestShare } from '../../project/archive/ingest-share.ts';
import { BATCH, ingestLog } from '../../monitor/ingest/ingest-log.ts';
import { IngestLedger } from '../../project/archive/ledger.ts';
import type { LogSource, SourceOptions } from '../../monitor/ingest/log-source.ts';
import { SpoolSource } from '../../monitor/ingest/spool-source.ts';
import { TopicSource } from '../../monitor/ingest/topic-source.ts';
import type { TopicMessage, TopicPartition, TopicReader } from '../../monitor/ingest/topic-source.ts';
import { systemClock } from '../../project/clock.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { PASSED_FILE, passedMarkText } from '../../contract/wire/log/passed-mark.ts';
import { FRAME_HEADER_BYTES } from '../../contract/wire/log/spool-frame.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import { listSegments } from '../../contract/wire/log/spool-segment.ts';
import { passedSegments } from '../../sidecar/spool/passed-segments.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { archiveOptions } from '../support/fixtures/archive-options.ts';
import { archivedRows } from '../support/fixtures/archived-rows.ts';
import { ingestedRequests } from '../support/fixtures/ingested-requests.ts';
import { SERVED_US, servedRequest } from '../support/fixtures/served-requests.ts';
import { rounds } from '../support/long-run.ts';

const HOUR_US = 3_600_000_000;

class Killed extends Error {}

/** A disk whose process dies after so many more steps; each action has a step before and one behind it. */
function mortalDisk(stepsLeft: number): ArchiveDisk {
  let left = stepsLeft;
  const step = (): void => {
    if (left-- <= 0) throw new Killed();
  };
  const around = async <T>(act: () => Promise<T>): Promise<T> => {
    step();
    const result = await act();
    step();
    return result;
  };
  return {
    ...ARCHIVE_DISK,
    emptyFolder: (folder) => around(() => ARCHIVE_DISK.emptyFolder(folder)),
    keep: (file) => around(() => ARCHIVE_DISK.keep(file)),
    move: (from, to) => around(() => ARCHIVE_DISK.move(from, to)),
    remove: (path) => around(() => ARCHIVE_DISK.remove(path)),
    writeState: (file, text) => around(() => ARCHIVE_DISK.writeState(file, text)),
  };
}

/** A topic in memory; it grows while it is read, and its reader may die with the ingest. */
class ListedTopic implements TopicReader {
  readonly topic = 'served';
  readonly #partitions: readonly (readonly Buffer[])[];
  readonly #visible: number[];

  constructor(partitions: readonly (readonly Buffer[])[], shares: readonly number[]) {
    this.#partitions = partitions;
    this.#visible = partitions.map((messages, i) => Math.ceil(messages.length * (shares[i] ?? 1)));
  }

  async partitions(): Promise<TopicPartition[]> {
    return this.#visible.map((end, partition) => ({ partition, earliest: 0, end }));
  }

  async *messages(from: ReadonlyMap<number, number>): AsyncGenerator<TopicMessage | null> {
    const at = new Map(from);
    for (let turn = 0; ; turn++) {
      const partition = turn % this.#partitions.length;
      const offset = at.get(partition)!;
      if (offset < this.#visible[partition]!) {
        at.set(partition, offset + 1);
        yield { partition, offset, value: this.#partitions[partition]![offset]! };
      } else yield null;
    }
  }

  async tellOffsets(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Payloads of one epoch's records in order; one of several parts is several payloads. */
interface Sent {
  readonly sequence: number;
  readonly kind: 'served' | 'heartbeat' | 'last';
  readonly payloads: readonly Buffer[];
}

function epochOf(
  pod: string,
  epoch: bigint,
  kinds: readonly ('small' | 'large' | 'beat' | 'shed')[],
  last: boolean,
): Sent[] {
  const encoder = new RecordEncoder(pod, epoch);
  const sent: Sent[] = [];
  let shedFrom = 0;
  let sequence = 0;
  const beat = (end: boolean): void => {
    const ranges = shedFrom === 0 ? [] : [{ fromSequence: shedFrom, toSequence: sequence, reason: 1 }];
    shedFrom = 0;
    sequence += 1;
    const heartbeat = {
      atUs: SERVED_US + sequence,
      highestSequence: sequence,
      served: 0,
      shed: 0,
      clockOffsetUs: 0,
      bundle: '',
      version: '',
      engine: '',
      ranges,
    };
    encoder.appendHeartbeat(heartbeat, sequence, end);
    sent.push({ sequence, kind: end ? 'last' : 'heartbeat', payloads: payloadsOf(encoder) });
  };
  for (const kind of kinds) {
    if (kind === 'shed') {
      sequence += 1;
      if (shedFrom === 0) shedFrom = sequence;
      continue;
    }
    if (shedFrom !== 0 || kind === 'beat') {
      beat(false);
      continue;
    }
    sequence += 1;
    // Hours apart, so that a batch has several files.
    const request = { ...servedRequest(`${epoch}-${sequence}`, kind === 'large' ? 600_000 : 60) };
    request.servedUs += (sequence % 3) * 3_600_000_000;
    encoder.appendServed(request, sequence);
    sent.push({ sequence, kind: 'served', payloads: payloadsOf(encoder) });
  }
  if (last) beat(true);
  return sent;
}

function payloadsOf(encoder: RecordEncoder): Buffer[] {
  const frames = Buffer.from(encoder.frames());
  encoder.clear();
  const payloads: Buffer[] = [];
  for (let at = 0; at < frames.length;) {
    const length = frames.readUInt32LE(at + 4);
    payloads.push(frames.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length));
    at += FRAME_HEADER_BYTES + length;
  }
  return payloads;
}

const kind = fc.oneof(
  { weight: 12, arbitrary: fc.constant('small' as const) },
  { weight: 1, arbitrary: fc.constantFrom('large' as const, 'beat' as const, 'shed' as const) },
);

const program = fc.record({
  epochs: fc.array(
    fc.record({ kinds: fc.array(kind, { minLength: 1, maxLength: 30 }), last: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  partitions: fc.integer({ min: 1, max: 3 }),
  /** For each message where it goes, whether it is lost, and how many of those before are sent once more behind it. */
  fates: fc.infiniteStream(
    fc.record({
      moves: fc.boolean(),
      lost: fc.integer({ min: 0, max: 24 }).map((n) => n === 0),
      resent: fc.oneof(
        { weight: 8, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
      ),
    }),
  ),
  runs: fc.array(
    fc.record({
      batchRecords: fc.integer({ min: 3, max: 40 }),
      steps: fc.integer({ min: 0, max: 80 }),
      /** When it runs: some of the hours of the records may not be over yet. */
      hours: fc.integer({ min: 0, max: 4 }),
      more: fc.array(fc.constantFrom(0, 0.1, 0.3, 0.9), { minLength: 3, maxLength: 3 }),
    }),
    { maxLength: 5 },
  ),
});

test('exactly once, whatever comes twice, out of order, in parts, and wherever it is ended', async () => {
  await fc.assert(
    fc.asyncProperty(program, async ({ epochs, partitions: count, fates, runs }) => {
      const partitions: Buffer[][] = Array.from({ length: count }, () => []);
      const arrived = new Map<string, { pod: string; came: Sent[] }>();
      const lost = new Map<string, number[]>();
      const shed = new Map<string, number>();
      for (const [i, { kinds, last }] of epochs.entries()) {
        const epoch = BigInt(i + 1);
        const name = epoch.toString(16).padStart(16, '0');
        const sent = epochOf(`pod-${i % 2}`, epoch, kinds, last);
        const came: Sent[] = [];
        const gone: number[] = [];
        for (const one of sent) {
          const { sequence, payloads } = one;
          const fate = fates.next().value!;
          const home = partitions[i % count]!;
          // All parts of a record stay in one partition: they have one key and one producer.
          const to = fate.moves ? partitions[(i + 1) % count]! : home;
          const from = to.length;
          const isLost = fate.lost && !payloads.some((p) => p.length > 100_000);
          if (isLost) gone.push(sequence);
          else {
            to.push(...payloads);
            came.push(one);
          }
          if (fate.resent > 0) to.push(...to.slice(Math.max(0, from - fate.resent)));
        }
        arrived.set(name, { pod: `pod-${i % 2}`, came });
        lost.set(
          name,
          gone.filter((sequence) => sequence < (came.at(-1)?.sequence ?? 0)),
        );
        if (came.length > 0) shed.set(name, kinds.filter((one) => one === 'shed').length);
      }
      const served = mkdtempSync(join(tmpdir(), 'plumb-'));
      try {
        // A topic only grows.
        const shares = [0, 0, 0];
        let seen: string[] = [];
        for (const { batchRecords, steps, more, hours } of runs) {
          for (const [i, share] of more.entries()) shares[i] = Math.min(1, shares[i]! + share);
          await run(
            served,
            topicSource(new ListedTopic(partitions, shares)),
            mortalDisk(steps),
            batchRecords,
            SERVED_US + hours * HOUR_US,
          );
          // Whoever takes all files of the folder meets no row twice, and each that was there before.
          const plain = await plainNames(served);
          expect(new Set(plain).size).toBe(plain.length);
          expect(plain).toEqual(expect.arrayContaining(seen));
          seen = plain;
        }
        /** Of the requests that came, those that are committed. */
        const committed = async (): Promise<string[]> => {
          const before = await IngestLedger.read(localFolder(served));
          return [...arrived].flatMap(([epoch, { pod, came }]) =>
            came.flatMap(({ kind: is, sequence }) =>
              is === 'served' && before.has(pod, epoch, sequence) ? [`${epoch}/${sequence}`] : [],
            ),
          );
        };
        // Whoever asks for what counts gets all that was committed, wherever the process was killed.
        expect(await archivedNames(served)).toEqual((await committed()).toSorted());
        await run(served, topicSource(new ListedTopic(partitions, [])), ARCHIVE_DISK, 25);
        const ledger = await IngestLedger.read(localFolder(served));
        const names = (await committed()).toSorted();
        expect(await archivedNames(served)).toEqual(names);
        expect(await plainNames(served)).toEqual(names);
        for (const [epoch, { pod, came }] of arrived) {
          for (const { sequence } of came) expect(ledger.has(pod, epoch, sequence)).toBe(true);
        }
        for (const account of ledger.epochs()) {
          const missing = account
            .gaps()
            .flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
          const gone = lost.get(account.epoch)!;
          // What was shed stands in a heartbeat; where that one is lost, it is missing.
          expect(missing.filter((sequence) => gone.includes(sequence))).toEqual(gone);
          expect(missing.length - gone.length + account.shedRecords).toBeLessThanOrEqual(
            shed.get(account.epoch)!,
          );
          expect(account.closed).toBe(arrived.get(account.epoch)!.came.some(({ kind: is }) => is === 'last'));
        }
        const hours = [...ledger.archive.hours.values()].reduce((sum, { vectors }) => sum + vectors, 0);
        expect(hours).toBe(names.length);
        expect(ledger.counts.records).toBe([...arrived.values()].flatMap(({ came }) => came).length);
        expect(ledger.counts.read).toBeLessThanOrEqual(partitions.flat().length);
      } finally {
        rmSync(served, { recursive: true, force: true });
      }
    }),
    { numRuns: rounds(10, 60) },
  );
});

const shares = fc.record({
  epochs: fc.array(
    fc.record({ kinds: fc.array(kind, { minLength: 1, maxLength: 20 }), last: fc.boolean() }),
    { minLength: 2, maxLength: 5 },
  ),
  partitions: fc.integer({ min: 1, max: 5 }),
  resent: fc.infiniteStream(fc.constantFrom(0, 0, 0, 0, 3)),
  runs: fc.array(
    fc.record({
      of: fc.integer({ min: 1, max: 3 }),
      index: fc.nat(2),
      batchRecords: fc.integer({ min: 3, max: 20 }),
      steps: fc.integer({ min: 0, max: 90 }),
      hours: fc.integer({ min: 0, max: 4 }),
      more: fc.constantFrom(0, 0.2, 0.5),
    }),
    { maxLength: 7 },
  ),
});

test('exactly once, whichever shares of the topic are read by whom, wherever they are ended', async () => {
  await fc.assert(
    fc.asyncProperty(shares, async ({ epochs, partitions: count, resent, runs }) => {
      const partitions: Buffer[][] = Array.from({ length: count }, () => []);
      const names: string[] = [];
      let records = 0;
      for (const [i, { kinds, last }] of epochs.entries()) {
        const to = partitions[i % count]!;
        for (const { sequence, kind: is, payloads } of epochOf(`pod-${i}`, BigInt(i + 1), kinds, last)) {
          const again = resent.next().value!;
          to.push(...payloads, ...(again > 0 ? to.slice(-again) : []));
          records += 1;
          if (is === 'served') names.push(`${(i + 1).toString(16).padStart(16, '0')}/${sequence}`);
        }
      }
      const served = mkdtempSync(join(tmpdir(), 'plumb-'));
      try {
        let share = 0;
        for (const { of, index, batchRecords, steps, hours, more } of runs) {
          share = Math.min(1, share + more);
          const topic = new ListedTopic(
            partitions,
            Array.from({ length: count }, () => share),
          );
          const own = { index: (index % of) + 1, of };
          const nowUs = SERVED_US + hours * HOUR_US;
          await runShare(served, own, topic, { disk: mortalDisk(steps), batchRecords, nowUs });
          const plain = await plainNames(served);
          expect(new Set(plain).size).toBe(plain.length);
          const all = await accountedNames(served);
          expect(new Set(all).size).toBe(all.length);
        }
        const whole = new ListedTopic(partitions, []);
        for (const own of [1, 2, 3].map((index) => ({ index, of: 3 })))
          await runShare(served, own, whole, { disk: ARCHIVE_DISK, batchRecords: 25 });
        expect(await accountedNames(served)).toEqual(names.toSorted());
        // One that has all partitions brings to an end what any other has left, and finds nothing new.
        await runShare(served, { index: 1, of: 1 }, whole, { disk: ARCHIVE_DISK, batchRecords: 25 });
        expect(await plainNames(served)).toEqual(names.toSorted());
        const tags = readdirSync(served).flatMap((name) => /^ingest(.*)\.json$/.exec(name)?.[1] ?? []);
        const ledgers = await Promise.all(
          tags.map((tag) => IngestLedger.read(localFolder(served), shareOfTag(tag)!)),
        );
        expect(ledgers.reduce((sum, { counts }) => sum + counts.records, 0)).toBe(records);
        const account = await IngestAccount.read(localFolder(served));
        for (const epoch of account.epochs()) {
          const missing = epoch.gaps().reduce((sum, { from, to }) => sum + to - from + 1, 0);
          const shed = epochs[Number.parseInt(epoch.epoch, 16) - 1]!.kinds.filter((one) => one === 'shed');
          expect(missing + epoch.shedRecords).toBeLessThanOrEqual(shed.length);
        }
      } finally {
        rmSync(served, { recursive: true, force: true });
      }
    }),
    { numRuns: rounds(6, 30) },
  );
});

/** One process of those that share a topic; it takes its share, ingests, and ends, maybe in the middle. */
async function runShare(
  served: string,
  share: IngestShare,
  topic: TopicReader,
  {
    disk,
    batchRecords,
    nowUs = Date.UTC(2199, 0) * 1_000,
  }: { disk: ArchiveDisk; batchRecords: number; nowUs?: number },
): Promise<void> {
  const tag = shareTag(share);
  const lock = lockFolder(served, tag)!;
  try {
    const archive = { ...archiveOptions({ disk, nowUs: () => nowUs }), share: tag };
    const options = { served: localFolder(served), logger: silentLogger, archive, ...BATCH, batchRecords };
    const ledger = await takeShare(share, options);
    const until = { ...OPTIONS, holds: (partition: number) => holds(share, partition) };
    const source = new TopicSource(topic, (...record) => ledger.has(...record), until);
    await ingestLog(source, ledger, options);
  } catch (error) {
    if (!((error as Error).cause instanceof Killed)) throw error;
  } finally {
    lock.release();
  }
}

/** Of all rows that count by the states of all shares. */
async function accountedNames(served: string): Promise<string[]> {
  const { archives } = await IngestAccount.read(localFolder(served));
  const { files } = await archivedFiles(localFolder(served), archives, () => true);
  return namesIn(files.map(({ file }) => file));
}

/** What a spool goes through, step by step. */
const spoolStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), n: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('append' as const), n: fc.constant(0) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('ingest' as const), n: fc.integer({ min: 0, max: 25 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'sweep' as const), n: fc.constant(0) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('swap' as const), n: fc.constant(0) }) },
);

test('exactly once from spools that grow, rotate, are started anew, shrink behind the ingest and change places', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spoolStep, { maxLength: 25 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
      // Two pods' volumes, of which one at a time stands where the ingest looks.
      const spools = ['a', 'b'].map((name) => join(folder, name));
      const served = join(folder, 'served');
      const ids: string[] = [];
      let at = 0;
      const openLog = (pod: number): Promise<VectorLog> => {
        const log = {
          folder: spools[pod]!,
          pod: `pod-${pod}`,
          clock: systemClock(),
          logger: silentLogger,
          consumers: ['ingest'],
        };
        return VectorLog.open({ ...log, durability: 'written', maxBytes: 20_000_000, onFull: 'shed-log' });
      };
      const source = (ledger: IngestLedger): SpoolSource =>
        new SpoolSource(
          spools[at]!,
          'spool:spool',
          { has: (...record) => ledger.hasOfEpoch(...record), epochsOf: () => [] },
          OPTIONS,
        );
      const logs = [await openLog(0), await openLog(1)];
      try {
        for (const { do: what, n } of steps) {
          const [log, spool] = [logs[at]!, spools[at]!];
          if (what === 'append') {
            // None: one that is split into parts.
            for (let i = 0; i < Math.max(1, n); i++) {
              log.append(servedRequest(`r${ids.length}`, n === 0 ? 600_000 : 24 + ((n * 977) % 3_000)));
              ids.push(`r${ids.length}`);
            }
            log.commit();
          } else if (what === 'restart') {
            await log.close();
            logs[at] = await openLog(at);
          } else if (what === 'swap') at = 1 - at;
          else if (what === 'sweep') {
            // The last one may be the one that is written.
            const passed = passedSegments(spool, ['ingest'], listSegments(spool).at(-1)!.file);
            if (passed.length > 0) writeDurably(join(spool, PASSED_FILE), passedMarkText(passed.at(-1)!));
            for (const file of passed) rmSync(join(spool, file));
          } else await run(served, source, mortalDisk(n), 3 + n);
        }
        for (at = 0; at < 2; at++) {
          await logs[at]!.close();
          expect(logs[at]!.stats().shedRecords).toBe(0);
          await run(served, source, ARCHIVE_DISK, 50);
        }
        const kept = await ingestedRequests(served);
        expect(kept.map(({ requestId }) => requestId).toSorted(byNumber)).toEqual(ids);
        const ledger = await IngestLedger.read(localFolder(served));
        expect(
          ledger
            .epochs()
            .flatMap((epoch) => [...epoch.gaps(), epoch.openTail()])
            .filter((it) => it !== null),
        ).toEqual([]);
        const seen = ledger.epochs().flatMap((epoch) => epoch.text().seen);
        const records = seen.reduce((sum, [from, to]) => sum + to - from + 1, 0);
        expect(ledger.counts).toMatchObject({ records, unreadable: 0, leftOut: 0 });
        // Killed before it advanced the cursor of a spool that is gone when it comes back, it reads some again.
        if (!steps.some(({ do: what }) => what === 'swap')) expect(ledger.counts.duplicates).toBe(0);
      } finally {
        for (const log of logs) await log.close();
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: rounds(7, 40) },
  );
});

/** The epoch and number of each row, in order. */
async function namesIn(files: readonly string[]): Promise<string[]> {
  const rows = await archivedRows(files, "concat(_epoch, '/', _sequence) AS name, _epoch, _sequence, _row");
  return rows.map((row) => row['name'] as string).toSorted();
}

/** Of all rows that count. */
async function archivedNames(served: string): Promise<string[]> {
  const { archive } = await IngestLedger.read(localFolder(served));
  const { files } = await archivedFiles(localFolder(served), [archive], () => true);
  return namesIn(files.map(({ file }) => file));
}

/** Of all rows of the service's folder, as a reader sees it who knows nothing of states. */
function plainNames(served: string): Promise<string[]> {
  const folder = join(served, 'churn_v1');
  const files = readdirSync(served).includes('churn_v1')
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
    : [];
  return namesIn(files.filter((file) => file.endsWith('.parquet')).map((file) => join(folder, file)));
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(1)) - Number(b.slice(1));
}

const OPTIONS: SourceOptions = {
  follow: false,
  signal: new AbortController().signal,
  nowUs: () => SERVED_US,
  warn: () => {},
};

const topicSource =
  (topic: TopicReader) =>
  (ledger: IngestLedger): TopicSource =>
    new TopicSource(topic, (...record) => ledger.has(...record), OPTIONS);

/** One process: it reads the state, ingests, and ends, maybe in the middle. */
async function run(
  served: string,
  sourceOf: (ledger: IngestLedger) => LogSource,
  disk: ArchiveDisk,
  batchRecords: number,
  nowUs = Date.UTC(2199, 0) * 1_000,
): Promise<void> {
  const ledger = await IngestLedger.read(localFolder(served));
  try {
    const options = {
      archive: archiveOptions({ disk, nowUs: () => nowUs }),
      ...BATCH,
      batchRecords,
    };
    await ingestLog(sourceOf(ledger), ledger, {
      served: localFolder(served),
      logger: silentLogger,
      ...options,
    });
  } catch (error) {
    if (!((error as Error).cause instanceof Killed)) throw error;
  }
}
