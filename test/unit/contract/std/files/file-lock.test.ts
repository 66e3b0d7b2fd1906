import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileLock } from '../../../../../contract/std/files/file-lock.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  file = join(folder, 'lock.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const HOLDER = `
  const { FileLock } = await import(process.argv[1]);
  globalThis.lock = FileLock.tryTake(process.argv[2]);
  process.stdout.write('held');
  setInterval(() => {}, 1_000);
`;

test('a lock is another process’s until it dies', async () => {
  const module = join(import.meta.dirname, '../../../../../contract/std/files/file-lock.ts');
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', HOLDER];
  const child = spawn(process.execPath, [...flags, module, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  expect(FileLock.tryTake(file)).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'close');
  FileLock.tryTake(file)!.release();
});

test('a failed attempt in the same process does not drop the lock', () => {
  const lock = FileLock.tryTake(file)!;
  for (let i = 0; i < 3; i++) expect(FileLock.tryTake(file)).toBeNull();
  lock.release();
  FileLock.tryTake(file)!.release();
});

test('a file that is no lock is an error, and nobody else’s lock', () => {
  expect(() => FileLock.tryTake(folder)).toThrow(/unable to open/);
});

test('any number share a lock that nobody has alone, and nobody has alone what is shared', () => {
  const [a, b] = [FileLock.tryShare(file)!, FileLock.tryShare(file)!];
  expect(FileLock.tryTake(file)).toBeNull();
  a.release();
  expect(FileLock.tryTake(file)).toBeNull();
  b.release();
  const alone = FileLock.tryTake(file)!;
  expect(FileLock.tryShare(file)).toBeNull();
  alone.release();
  FileLock.tryShare(file)!.release();
});
