/**
 * What befalls the disk of the vector log: it stands still, or is full. A full one needs the right to mount a tmpfs.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import type { Fault } from './fault.ts';
import { expectSteady } from './fault.ts';
import type { FaultReport } from './fault-report.ts';
import { FaultRun } from './fault-run.ts';
import { startRedis } from '../redis/redis.ts';
import type { RedisServer } from '../redis/redis.ts';

/** What the log may take until its writer is back, and a little more to see that it is. */
const AFTERWARDS_S = 2.5;
const BALLAST_BYTES = 64 * 1024;

async function start(): Promise<RedisServer> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return redis;
}

async function stalls(seconds: number): Promise<FaultReport> {
  const redis = await start();
  const disk = pathToFileURL(join(import.meta.dirname, 'stall-on-signal.ts')).href;
  const run = await FaultRun.start({ online: redis.url, flags: ['--import', disk] });
  await run.calm();
  run.breaks();
  process.kill(run.server.pid, 'SIGUSR2');
  await run.answers(seconds);
  const queued = await logged(run, 'queued');
  process.kill(run.server.pid, 'SIGUSR2');
  run.mended();
  await run.answers(AFTERWARDS_S);
  const report = await run.end();
  expectSteady(report, 'none');
  expect(queued, 'answers that left before they were written').toBeGreaterThan(50);
  return report;
}

/** @returns answers that left at a level */
async function logged(run: FaultRun, level: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${run.server.adminPort}/metrics`)).text();
  return Number(new RegExp(`level="${level}"\\} (\\d+)`).exec(text)?.[1]);
}

export function mountSmallVolume(): { readonly folder: string; readonly unmount: () => void } | null {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'plumb', folder]).status !== 0) {
    rmdirSync(folder);
    return null;
  }
  return {
    folder,
    unmount() {
      expect(spawnSync('umount', [folder]).status).toBe(0);
      rmdirSync(folder);
    },
  };
}

async function isFull(volume: string, onFull: 'shed-log' | 'reject', seconds: number): Promise<FaultReport> {
  const redis = await start();
  const settings = [`log.spool=${join(volume, onFull)}`, `log.onFull=${onFull}`];
  const run = await FaultRun.start({ online: redis.url, settings, onFull });
  await run.calm();
  run.breaks();
  const ballast = join(volume, 'ballast');
  fill(ballast);
  await run.answers(seconds);
  unlinkSync(ballast);
  run.mended();
  await run.answers(AFTERWARDS_S);
  const report = await run.end();
  expectSteady(report, 'none');
  expect(onFull === 'reject' ? report.refused : report.shed, 'what it cost').toBeGreaterThan(20);
  return report;
}

/** Writes until there is no space, down to the last bytes. */
function fill(path: string): void {
  const fd = openSync(path, 'w');
  for (let bytes = BALLAST_BYTES; bytes >= 1;) {
    try {
      writeSync(fd, Buffer.alloc(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      bytes = Math.floor(bytes / 2);
    }
  }
  closeSync(fd);
}

export const STALL: Fault<null> = { name: 'stands still', run: (_, seconds) => stalls(seconds) };

/** Of a small volume. */
export const FULL_DISK_FAULTS: readonly Fault<string>[] = [
  { name: 'is full, under shed-log', run: (volume, seconds) => isFull(volume, 'shed-log', seconds) },
  {
    name: 'is full, under reject',
    run: (volume, seconds) => isFull(volume, 'reject', seconds),
    isLong: true,
  },
];
