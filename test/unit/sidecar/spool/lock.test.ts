import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockForShipping, lockForWriting } from '../../../../sidecar/spool/lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a spool has one writer and one shipper, who do not keep each other out', () => {
  const writer = lockForWriting(folder);
  const shipper = lockForShipping(folder);
  expect(() => lockForWriting(folder)).toThrow(/another sidecar already writes the spool/);
  expect(() => lockForShipping(folder)).toThrow(/another process already ships the spool/);
  writer.release();
  shipper.release();
  lockForWriting(folder).release();
});

test('its files are for their owner alone, and a folder that is none cannot be locked', () => {
  lockForWriting(folder).release();
  expect(statSync(join(folder, 'lock.db')).mode & 0o777).toBe(0o600);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => lockForWriting(file)).toThrow(expect.objectContaining({ code: 'LOG_FOLDER' }));
});
