import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archivedFiles } from '../../../../project/archive/archive-files.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';
import { ArchiveState, NO_ARCHIVE } from '../../../../project/archive/archive-state.ts';

let served: string;
beforeEach(() => {
  served = mkdtempSync(join(tmpdir(), 'archive-files-'));
});
afterEach(() => rmSync(served, { recursive: true }));

function put(path: string): string {
  const file = join(served, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  return file;
}

test('a file that gets its place while the list is made is in it', async () => {
  const [from, to] = ['_batches/00000001-0.parquet', 'churn/v1.0/date=2026-01-02/hour=10/00000001.parquet'];
  const hours = { '2026-01-02T10': { files: 1, vectors: 3 } };
  const state = new ArchiveState({ ...NO_ARCHIVE, hours, moving: { [from]: to } });
  const before = put(from);
  let hasMoved = false;
  const { files, lost } = await archivedFiles(localFolder(served), [state], () => {
    // The folders have been listed by now.
    if (!hasMoved) renameSync(before, put(to));
    hasMoved = true;
    return true;
  });
  expect(lost).toEqual([]);
  const file = join(served, to);
  expect(files).toEqual([{ folder: 'churn/v1.0', hour: '2026-01-02T10', file, path: file, isInPlace: true }]);
});
