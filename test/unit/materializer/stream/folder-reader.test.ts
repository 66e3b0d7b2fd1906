import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LINES } from '../../../../materializer/stream/source/file-kind.ts';
import { FolderReader } from '../../../../materializer/stream/source/folder-reader.ts';
import { BEGINNING } from '../../../../materializer/stream/source/stream-reader.ts';
import type { Position } from '../../../../materializer/stream/source/stream-reader.ts';
import { scratchFolder } from '../../../support/scratch.ts';

async function read(folder: string, from: Position = BEGINNING) {
  const warned: string[] = [];
  const reader = new FolderReader({ folder, kind: LINES, waits: false, warn: (line) => warned.push(line) });
  await reader.start(new Map([[0, from]]));
  const more = async () => {
    const messages: [number, string][] = [];
    for (;;) {
      const [batch] = await reader.next();
      for (const { offset, value } of batch!.messages) messages.push([offset, value!.toString()]);
      if (batch!.atEnd) return { messages, position: batch!.position };
    }
  };
  return { reader, more, warned };
}

test('files by name, lines in their order; an empty line has an offset and is no message', async () => {
  const folder = scratchFolder({
    'b.jsonl': '3\r\n4',
    'a.jsonl': '0\n\n2\n',
    '_c.jsonl': 'x\n',
    'd.csv': 'x\n',
  });
  const { more, warned, reader } = await read(folder);
  expect(await more()).toEqual({
    messages: [
      [0, '0'],
      [2, '2'],
      [3, '3'],
      [4, '4'],
    ],
    position: { offset: 5, file: 'b.jsonl', line: 2 },
  });
  expect(warned).toEqual([expect.stringMatching(/d\.csv is passed over: expected \.jsonl/)]);
  await reader.close();
});

test('files that a run before has read are none that came late', async () => {
  const folder = scratchFolder({ 'a.jsonl': '0\n', 'b.jsonl': '1\n', 'c.jsonl': '2\n' });
  const { more, warned, reader } = await read(folder, { offset: 3, file: 'c.jsonl', line: 1 });
  expect((await more()).messages).toEqual([]);
  expect(warned).toEqual([]);
  await reader.close();
});

test('goes on at any line, also of a file that has ended', async () => {
  const folder = scratchFolder({ 'a.jsonl': '0\n1\n2', 'b.jsonl': '3\n' });
  for (let line = 0; line <= 3; line++) {
    const { more, reader } = await read(folder, { offset: line, file: 'a.jsonl', line });
    const left = [0, 1, 2, 3].slice(line).map((offset) => [offset, String(offset)]);
    expect((await more()).messages).toEqual(left);
    await reader.close();
  }
});

test('a new file is noticed, and one that sorts before what was read is warned of', async () => {
  const folder = scratchFolder({ 'b.jsonl': '0\n' });
  const { more, warned, reader } = await read(folder);
  await more();
  writeFileSync(join(folder, '_c'), '1\n');
  utimesSync(join(folder, '_c'), 1_700_000_000, 1_700_000_000);
  renameSync(join(folder, '_c'), join(folder, 'c.jsonl'));
  writeFileSync(join(folder, 'a.jsonl'), 'lost\n');
  expect((await more()).messages).toEqual([[1, '1']]);
  expect(warned).toEqual([expect.stringMatching(/a\.jsonl came after b\.jsonl was read/)]);
  await reader.close();
});

test('a folder that is not there is named', async () => {
  const { more } = await read(join(scratchFolder(), 'none'));
  await expect(more()).rejects.toMatchObject({
    code: 'MAT_STREAM_SOURCE',
    message: expect.stringContaining('none'),
  });
});
