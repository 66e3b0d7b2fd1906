/**
 * What is committed while another thread writes: who waits for it is told once, in order, and told the truth. Random
 * ticks over a disk that fails now and then, with a sync in flight all the while.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { systemClock } from '../../../project/clock.ts';
import { verifyLog } from '../../../sidecar/vector-log/log-commands.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { servedRequest } from '../../support/fixtures/served-requests.ts';
import { StallingFiles } from '../../support/faults/stalling-files.ts';
import { until } from '../../support/until.ts';

let folder: string;
let files: StallingFiles;
let log: VectorLog;
/** The ids of each tick that was held, with the number that it ended at. */
let held: { readonly to: number; readonly ids: readonly string[] }[];
let taken: string[];
let refused: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function open(): Promise<void> {
  rmSync(folder, { recursive: true });
  files = new StallingFiles();
  [held, taken, refused] = [[], [], []];
  log = await VectorLog.open({
    folder,
    pod: 'pod-1',
    clock: systemClock(),
    durability: 'written',
    maxBytes: 2 ** 30,
    onFull: 'reject',
    logger: { info() {}, warn() {}, progress() {} },
    files,
  });
  log.onSettled = settle;
  tick(['first']);
  files.syncForever();
  void log.whenSynced();
  await until(() => files.isSyncing, 'a sync is in flight');
}

function settle(to: number, committed: string): void {
  while (held.length > 0 && held[0]!.to <= to) {
    (committed === 'taken' ? taken : refused).push(...held.shift()!.ids);
  }
}

function tick(ids: readonly string[]): string {
  const logged = ids.filter((id) => log.append(servedRequest(id, 300)));
  refused.push(...ids.filter((id) => !logged.includes(id)));
  const { sequence } = log;
  held.push({ to: sequence, ids: logged });
  const committed = log.commit();
  if (committed !== 'held') settle(sequence, committed);
  return committed;
}

async function end(): Promise<void> {
  files.fails = false;
  files.goOn();
  await log.close();
}

const logged = (): string[] =>
  [...readServedLog(folder)].flatMap((item) => (item.kind === 'served' ? [item.record.requestId] : []));

describe('while a sync is in flight', () => {
  test('a tick is held until it is written, and the next ones go together', async () => {
    await open();
    expect(tick(['a', 'b'])).toBe('held');
    tick(['c']);
    tick(['d']);
    expect(taken).not.toContain('d');
    await until(() => held.length === 0, 'all are told');
    expect(taken).toEqual(['first', 'a', 'b', 'c', 'd']);
    expect(logged()).toEqual(taken);
    await end();
  });

  test('a write that fails refuses what it held, and what came meanwhile has its own try', async () => {
    await open();
    let tries = 0;
    // Where the processor is short, the answer has left at level queued before the other thread has failed.
    await until(async () => {
      files.fails = true;
      tries += 1;
      tick([`a${tries}`]);
      await until(() => held.length === 0, 'it is told');
      files.fails = false;
      await until(() => log.stats().spool.ringBytes === 0, 'what is queued is written');
      return refused.length > 0;
    }, 'a write fails while it is awaited');
    expect(refused).toEqual([`a${tries}`]);
    await until(
      () => tick([`b${refused.length}`]) !== 'refused' && taken.length > tries,
      'it is tried again',
    );
    await end();
    expect(logged()).toEqual(taken);
    expect(verifyLog(folder).gaps).toEqual([]);
  });

  test('a stop tells all that is held', async () => {
    await open();
    tick(['a']);
    tick(['b']);
    await end();
    expect(held).toEqual([]);
    expect(taken).toEqual(['first', 'a', 'b']);
    expect(logged()).toEqual(taken);
  });

  test('each is told once, in order, and the log has what was taken and nothing that was refused', async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ do: fc.constant('tick' as const), n: fc.nat(3) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('pause' as const), n: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), n: fc.nat(1) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (program) => {
        await open();
        const all: string[] = ['first'];
        for (const { do: what, n } of program) {
          if (what === 'fail') files.fails = n === 1;
          else if (what === 'pause') {
            for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
          } else {
            const ids = Array.from({ length: n }, (_, i) => `r${all.length + i}`);
            all.push(...ids);
            tick(ids);
          }
        }
        await end();
        expect(held).toEqual([]);
        expect([...taken, ...refused].toSorted()).toEqual(all.toSorted());
        expect(logged()).toEqual(taken);
        expect(verifyLog(folder)).toMatchObject({ gaps: [], tornBytes: 0 });
        expect(log.stats().records).toBe(taken.length);
      }),
      { numRuns: 40 },
    );
  });
});
