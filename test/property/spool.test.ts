/**
 * The spool against an array: requests are appended, ticks committed, the disk fills up and recovers, the process is
 * killed; then the files are torn, flipped and deleted. Whatever happened, what a reader gets is exactly what was
 * written and is still whole, and each number that is not there stands in a gap or was told of as shed.
 */
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { readServedLog } from '../../contract/wire/log/served-log.ts';
import { walkSpool } from '../../contract/wire/log/spool-walk.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { FaultyFiles } from '../support/faults/faulty-files.ts';
import { SERVED_US, servedRequest } from '../support/fixtures/served-requests.ts';

/** Eight segments' worth, so that runs rotate often. */
const MAX_BYTES = 40_000;

type Step =
  | { readonly do: 'append'; readonly bytes: number }
  | { readonly do: 'commit' | 'beat' | 'restart' | 'wait' }
  | { readonly do: 'room'; readonly bytes: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.integer({ min: 24, max: 900 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.constant(300_000) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom('commit' as const, 'commit' as const, 'wait' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('beat' as const, 'restart' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('room' as const), bytes: fc.nat(2_000) }) },
  ),
  { maxLength: 60 },
);

/** `epoch:sequence` -> request id of every request that the log says it has written, in order. */
type Kept = Map<string, string>;

const policy = fc.constantFrom('shed-log' as const, 'reject' as const);

interface Run {
  readonly kept: Kept;
  /** Requests shed by starts that could say so at their end, and by those that could not. */
  readonly shed: number;
  readonly untold: number;
}

/** Runs the steps; the log tells by its count of records whether a flush has written what was pending. */
async function run(
  folder: string,
  program: readonly Step[],
  maxBytes: number,
  onFull: 'shed-log' | 'reject' = 'shed-log',
): Promise<Run> {
  const kept: Kept = new Map();
  const files = new FaultyFiles();
  let pending: [string, string][] = [];
  let written = 0;
  let shed = 0;
  let untold = 0;
  let log = await openLog(folder, files, maxBytes, onFull);
  const settle = (): void => {
    const { records } = log.stats();
    if (records > written) for (const [key, requestId] of pending) kept.set(key, requestId);
    written = records;
    pending = [];
  };
  for (const [i, step] of program.entries()) {
    if (step.do === 'append') {
      const before = log.stats().shedRecords;
      const taken = log.append(servedRequest(`r${i}`, step.bytes));
      expect(taken || onFull === 'reject').toBe(true);
      const { epoch, sequence, shedRecords } = log.stats();
      if (taken && shedRecords === before) pending.push([`${epoch}:${sequence}`, `r${i}`]);
    } else if (step.do === 'commit') {
      log.commit();
      settle();
    } else if (step.do === 'wait') vi.advanceTimersByTime(150);
    else if (step.do === 'room') files.room = step.bytes > 1_000 ? Infinity : step.bytes;
    else if (step.do === 'beat') {
      // In the middle of a tick it writes nothing: what was appended waits for its commit.
      vi.advanceTimersByTime(10_000);
      expect(log.stats().records).toBe(written);
    } else {
      const full = files.room !== Infinity;
      await log.close();
      settle();
      // A disk that is full at the end cannot take the last record either.
      if (!full) shed += log.stats().shedRecords;
      else untold += log.stats().shedRecords;
      log = await openLog(folder, files, maxBytes, onFull);
      written = 0;
    }
  }
  files.room = Infinity;
  await log.close();
  settle();
  return { kept, shed: shed + log.stats().shedRecords, untold };
}

function openLog(
  folder: string,
  files: FaultyFiles,
  maxBytes: number,
  onFull: 'shed-log' | 'reject',
): Promise<VectorLog> {
  return VectorLog.open({
    folder,
    pod: 'pod-1',
    clock: { nowUs: () => SERVED_US, offsetUs: () => 0 },
    durability: 'written',
    maxBytes,
    onFull,
    logger: { info() {}, warn() {}, progress() {} },
    files,
  });
}

interface Read {
  readonly records: Kept;
  /** Numbers that a gap or a heartbeat accounts for. */
  readonly accounted: Set<string>;
  readonly gaps: number;
  readonly shed: number;
}

function read(folder: string): Read {
  const records: Kept = new Map();
  const accounted = new Set<string>();
  let gaps = 0;
  let shed = 0;
  const account = (epoch: string, from: number | null, to: number | null): void => {
    if (from !== null) for (let n = from; n <= to!; n++) accounted.add(`${epoch}:${n}`);
  };
  for (const item of readServedLog(folder)) {
    if (item.kind === 'served') {
      const { epoch, sequence, requestId, vectors } = item.record;
      const { length } = vectors[0]!.rows[0]!.row!;
      expect(vectors[0]!.rows[0]!.row!.equals(Buffer.alloc(length, requestId))).toBe(true);
      records.set(`${epoch}:${sequence}`, requestId);
    } else if (item.kind === 'gap') {
      gaps += 1;
      account(item.epoch, item.gap.fromSequence, item.gap.toSequence);
    } else if (item.kind !== 'torn') {
      const { epoch, sequence } = item.origin;
      account(epoch, sequence, sequence);
      for (const range of item.heartbeat.ranges) account(epoch, range.fromSequence, range.toSequence);
      if (item.kind === 'last') shed += item.heartbeat.shed;
    }
  }
  return { records, accounted, gaps, shed };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    await body(folder);
  } finally {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  }
}

describe('a spool', () => {
  test('gives back exactly what was written, and tells of every number that was not', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(MAX_BYTES, 2 ** 40), policy, (program, maxBytes, onFull) =>
        inFolder(async (folder) => {
          const { kept, shed, untold } = await run(folder, program, maxBytes, onFull);
          const { records, gaps, shed: toldShed } = read(folder);
          expect([...records]).toEqual([...kept]);
          expect(gaps).toBe(0);
          expect(toldShed).toBeGreaterThanOrEqual(shed);
          expect(toldShed).toBeLessThanOrEqual(shed + untold);
        }),
      ),
      { numRuns: 150 },
    );
  });

  const damage = fc.record({
    kind: fc.constantFrom('flip', 'truncate', 'zero', 'delete', 'garbage'),
    segment: fc.nat(),
    at: fc.nat(),
    bytes: fc.integer({ min: 1, max: 3_000 }),
  });

  test('that is damaged gives back every record that is whole, nothing else, and counts the rest', async () => {
    const fine = steps.map((program) => program.filter((step) => step.do !== 'room'));
    await fc.assert(
      fc.asyncProperty(fine, fc.array(damage, { minLength: 1, maxLength: 4 }), (program, damages) =>
        inFolder(async (folder) => {
          const { kept } = await run(folder, program, MAX_BYTES * 8);
          const spans = framesOf(folder);
          const untouched = new Set(spans.map(({ key }) => key));
          for (const hit of damages) for (const key of strike(folder, spans, hit)) untouched.delete(key);
          const { records, accounted } = read(folder);
          for (const [key, requestId] of records) expect(kept.get(key)).toBe(requestId);
          for (const [key, requestId] of kept)
            if (untouched.has(key)) expect(records.get(key)).toBe(requestId);
          // Up to the last record of an epoch that came out, every number is somewhere.
          const last = new Map<string, number>();
          for (const key of records.keys()) last.set(key.slice(0, 16), Number(key.slice(17)));
          for (const [epoch, highest] of last) {
            for (let n = 1; n <= highest; n++) {
              const key = `${epoch}:${n}`;
              expect(records.has(key) || accounted.has(key), key).toBe(true);
            }
          }
        }),
      ),
      { numRuns: 200 },
    );
  });
});

interface Span {
  readonly key: string;
  readonly segment: string;
  readonly from: number;
  readonly to: number;
}

/** Where each record lies; one in parts reaches from its first to its last, over segments too. */
function framesOf(folder: string): Span[] {
  const spans: Span[] = [];
  let behind = { segment: '', offset: 0 };
  for (const item of walkSpool(folder)) {
    if (item.kind === 'segment') behind = { segment: item.segment, offset: 0 };
    if (item.kind !== 'record') continue;
    const { epoch, sequence, segment, nextOffset } = item;
    const from = behind.segment === segment ? behind.offset : 0;
    spans.push({ key: `${epoch}:${sequence}`, segment, from, to: nextOffset });
    behind = { segment, offset: nextOffset };
  }
  return spans;
}

interface Damage {
  readonly kind: string;
  readonly segment: number;
  readonly at: number;
  readonly bytes: number;
}

/** @returns the records that lay where the damage was done */
function strike(folder: string, spans: readonly Span[], damage: Damage): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.seg'));
  const file = files[damage.segment % Math.max(1, files.length)];
  if (file === undefined) return [];
  const path = join(folder, file);
  const content = readFileSync(path);
  const at = damage.at % Math.max(1, content.length);
  let to = Math.min(content.length, at + damage.bytes);
  if (damage.kind === 'delete') unlinkSync(path);
  else if (damage.kind === 'truncate') truncateSync(path, at);
  else {
    if (damage.kind === 'flip') to = at + 1;
    if (damage.kind === 'flip') content[at]! ^= 1 << (damage.bytes & 7);
    else if (damage.kind === 'zero') content.fill(0, at, to);
    else content.fill('PLf1', at, to);
    writeFileSync(path, content);
  }
  const from = damage.kind === 'delete' ? 0 : at;
  const end = damage.kind === 'delete' || damage.kind === 'truncate' ? Infinity : to;
  return spans
    .filter((span) => span.segment === file && span.from < end && span.to > from)
    .map(({ key }) => key);
}
