import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SpoolLock } from '../../../../sidecar/spool/lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const HOLDER = `
  const { SpoolLock } = await import(process.argv[1]);
  globalThis.lock = SpoolLock.take(process.argv[2]);
  process.stdout.write('held');
  setInterval(() => {}, 1_000);
`;

test('a lock is another process’s until it releases it or dies', async () => {
  const module = join(import.meta.dirname, '../../../../sidecar/spool/lock.ts');
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', HOLDER];
  const child = spawn(process.execPath, [...flags, module, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  expect(() => SpoolLock.take(folder)).toThrow(/another sidecar already writes the spool/);
  child.kill('SIGKILL');
  await once(child, 'close');
  SpoolLock.take(folder).release();
});

test('a failed attempt in the same process does not drop the lock', () => {
  const lock = SpoolLock.take(folder);
  for (let i = 0; i < 3; i++) expect(() => SpoolLock.take(folder)).toThrow(/already writes/);
  lock.release();
  SpoolLock.take(folder).release();
});
