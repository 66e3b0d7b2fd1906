import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IngestAccount } from '../../../../project/archive/ingest-account.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';
import { takeShare } from '../../../../monitor/ingest/folder-share.ts';
import { WHOLE } from '../../../../project/archive/ingest-share.ts';
import { IngestLedger } from '../../../../project/archive/ledger.ts';
import { ARCHIVE_DISK } from '../../../../monitor/archive/archive-disk.ts';
import { stateName } from '../../../../project/archive/state-file.ts';

let served: string;
beforeEach(() => {
  served = mkdtempSync(join(tmpdir(), 'ingest-account-'));
});
afterEach(() => rmSync(served, { recursive: true }));

function putFile(name: string): void {
  const file = join(served, 'churn/v1.0/date=2026-01-02/hour=10', name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
}

async function putState(tag: string, batch: number): Promise<void> {
  const ledger = await IngestLedger.read(localFolder(served));
  ledger.setPosition('topic:t', { [batch]: { offset: 1, seen: 1 } });
  ledger.batch = batch;
  ledger.caughtUpUs = 7;
  writeFileSync(join(served, stateName(localFolder(served), tag)), ledger.text());
}

const LOST = {
  code: 'MON_SERVED',
  message: expect.stringContaining('ingest-1of2.json, which says') as string,
};
type Options = Parameters<typeof takeShare>[1];
function options(): Options {
  return { served: localFolder(served), archive: { disk: ARCHIVE_DISK } } as unknown as Options;
}

function take(index: number, of: number): ReturnType<typeof takeShare> {
  return takeShare({ index, of }, options());
}

test('one of several states that is lost is told by its lock, by its files where all are gone', async () => {
  await putState('-2of2', 3);
  putFile('00000003-2of2.parquet');
  expect((await IngestAccount.read(localFolder(served))).archives).toHaveLength(1);
  putFile('00000002-1of2-joined.parquet');
  await expect(take(2, 2)).rejects.toMatchObject(LOST);
  await expect(takeShare(WHOLE, options())).rejects.toMatchObject(LOST);
  writeFileSync(join(served, 'lock-1of2.db'), '');
  await expect(IngestAccount.read(localFolder(served))).rejects.toMatchObject(LOST);
  for (const name of ['lock-1of2.db', 'ingest-2of2.json']) rmSync(join(served, name));
  await expect(IngestAccount.read(localFolder(served))).rejects.toMatchObject(LOST);
});

test('a share that was locked and has never committed anything is passed over', async () => {
  await putState('-2of2', 3);
  writeFileSync(join(served, 'lock-3of4.db'), '');
  expect((await IngestAccount.read(localFolder(served))).archives).toHaveLength(1);
  expect((await IngestAccount.read(localFolder(served))).caughtUpUs).toBe(7);
  expect((await take(1, 4)).hasCommitted).toBe(false);
});

test('no share goes on from a state that is older than its files', async () => {
  await putState('-2of2', 3);
  putFile('00000004-2of2-1.parquet');
  for (const index of [1, 2])
    await expect(take(index, 2)).rejects.toMatchObject({ message: /older than the archive/ });
  await putState('-2of2', 4);
  expect((await take(2, 2)).batch).toBe(4);
});
