import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  readRegularFile,
  readRegularText,
  requireRegularFile,
  requireUtf8Name,
} from '../../../../../contract/std/files/regular-file.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

test('a FIFO, a socket and a device are told by what they are, also behind a link', async () => {
  const folder = scratchFolder();
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  symlinkSync('/dev/zero', join(folder, 'device'));
  symlinkSync('fifo', join(folder, 'link'));
  const told = { fifo: 'a FIFO', socket: 'a socket', device: 'a device', link: 'a FIFO' };
  for (const [name, kind] of Object.entries(told)) {
    const path = join(folder, name);
    for (const read of [requireRegularFile, readRegularFile, readRegularText])
      expect(() => read(path)).toThrow(`expected a regular file, got ${kind}, open '${path}'`);
  }
});

test('a file and a link to one are read; of what is not there, and of a folder, the file system says what it is', () => {
  const folder = scratchFolder({ file: 'text' });
  symlinkSync('file', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'gone'));
  expect(readRegularText(join(folder, 'file'))).toBe('text');
  expect(readRegularFile(join(folder, 'link'))).toEqual(Buffer.from('text'));
  expect(() => readRegularText(join(folder, 'gone'))).toThrow(/ENOENT.*open/);
  expect(() => readRegularText(folder)).toThrow('EISDIR');
});

test('a name that is no UTF-8 is told; one that only looks like it is not', () => {
  const folder = scratchFolder({ 'z\ufffd': '' });
  mkdirSync(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.of(0xff)]));
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/b`), Buffer.of(0xff)]), '');
  requireUtf8Name(join(folder, 'z\ufffd'));
  requireUtf8Name(join(folder, 'not there'));
  for (const name of ['a\ufffd', 'b\ufffd'])
    expect(() => requireUtf8Name(join(folder, name))).toThrow(/expected a name in UTF-8, got ".*: rename it/);
});
