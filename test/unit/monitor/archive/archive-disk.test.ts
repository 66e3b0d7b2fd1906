import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ARCHIVE_DISK } from '../../../../monitor/archive/archive-disk.ts';
import { makeFolder } from '../../../../contract/std/files/folder.ts';

let served: string;
beforeEach(() => {
  served = mkdtempSync(join(tmpdir(), 'archive-disk-'));
  makeFolder(join(served, '_batches'));
});
afterEach(() => rmSync(served, { recursive: true }));

/**
 * Removes folders that are empty, the lowest first, as an ingest does whose hour is over; it pauses between two rounds,
 * as a mover that meets one at every try would never arrive.
 */
const REMOVER = `
  const { rmdirSync } = require('node:fs');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  process.stdout.write('runs');
  for (;;) {
    for (const folder of process.argv.slice(1)) try { rmdirSync(folder) } catch {}
    Atomics.wait(pause, 0, 0, Math.random());
  }
`;

test('a file gets its place though another ingest removes the empty folders on its way', async () => {
  const [from, to] = [
    join(served, '_batches', '1.parquet'),
    join(served, '_open/a/v1.0/date=1/hour=1/1.parquet'),
  ];
  const above = ['_open/a/v1.0/date=1/hour=1', '_open/a/v1.0/date=1', '_open/a/v1.0', '_open/a', '_open'];
  const remover = spawn(process.execPath, ['-e', REMOVER, ...above.map((folder) => join(served, folder))]);
  try {
    await once(remover.stdout, 'data');
    for (let i = 0; i < 300; i++) {
      writeFileSync(from, String(i));
      await ARCHIVE_DISK.move(from, to);
      expect(readFileSync(to, 'utf8')).toBe(String(i));
      rmSync(to);
    }
  } finally {
    remover.kill('SIGKILL');
    await once(remover, 'close');
  }
}, 60_000);

test('a file that was moved before stays where it is', async () => {
  const [from, to] = [join(served, '_batches', '1.parquet'), join(served, 'a/v1.0/date=1/hour=1/1.parquet')];
  writeFileSync(from, '1');
  await ARCHIVE_DISK.move(from, to);
  await ARCHIVE_DISK.move(from, to);
  expect(readFileSync(to, 'utf8')).toBe('1');
  rmSync(to);
  await ARCHIVE_DISK.move(from, to);
  expect(existsSync(to)).toBe(false);
});
