import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commit } from '../../../../project/delta/commit.ts';
import type { AddAction, DeltaAction } from '../../../../project/delta/delta-action.ts';
import {
  entryFile,
  keepState,
  logFolder,
  readTable,
  writeEntry,
} from '../../../../project/delta/delta-log.ts';
import type { Folder } from '../../../../project/storage/folder.ts';
import { FOLDER_DISK, localFolder } from '../../../../project/storage/local-folder.ts';
import type { FolderDisk } from '../../../../project/storage/local-folder.ts';
import { schemaText } from '../../../../project/delta/table-schema.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const schemaString = schemaText([{ name: 'k', type: { kind: 'int64' } }]);
const FIRST: readonly DeltaAction[] = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  {
    metaData: {
      id: 'x',
      format: { provider: 'parquet', options: {} },
      schemaString,
      partitionColumns: [],
      configuration: {},
      createdTime: 0,
    },
  },
];

function added(path: string): DeltaAction {
  const add: AddAction = { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true };
  return { add };
}

function removed(path: string): DeltaAction {
  const more = { dataChange: false, extendedFileMetadata: true, partitionValues: {}, size: 1 };
  return { remove: { path, deletionTimestamp: 5, ...more } };
}

async function tableOf(...entries: readonly (readonly DeltaAction[])[]): Promise<Folder> {
  const table = localFolder(scratchFolder());
  for (const [version, actions] of [FIRST, ...entries].entries())
    expect(await writeEntry(table, version, actions)).toBe(true);
  return table;
}

async function paths(table: Folder, upTo: number | null = null): Promise<string[]> {
  return [...(await readTable(table, upTo))!.files.keys()].toSorted();
}

test('the files of a table are those that entries added and none has removed, at each of its entries', async () => {
  const table = await tableOf([added('a'), added('b')], [removed('a'), added('c')]);
  expect(await paths(table)).toEqual(['b', 'c']);
  expect(await paths(table, 1)).toEqual(['a', 'b']);
  expect(await paths(table, 0)).toEqual([]);
  expect((await readTable(table))!.version).toBe(2);
  expect([...(await readTable(table))!.removed.keys()]).toEqual(['a']);
  expect(await readTable(localFolder(scratchFolder()))).toBeNull();
  expect(readdirSync(logFolder(table).path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('of two writers of one number one has it, and the other is told', async () => {
  const table = await tableOf();
  expect(await writeEntry(table, 1, [added('mine')])).toBe(true);
  const before = readFileSync(entryFile(table, 1));
  expect(await writeEntry(table, 1, [added('yours')])).toBe(false);
  expect(readFileSync(entryFile(table, 1))).toEqual(before);
});

test('a link that was made though its answer was lost is the writer’s own', async () => {
  const table = await tableOf();
  const disk: FolderDisk = {
    ...FOLDER_DISK,
    link(from, to) {
      linkSync(from, to);
      linkSync(from, to);
    },
  };
  expect(await writeEntry(localFolder(table.path, disk), 1, [added('mine')])).toBe(true);
  expect(await paths(table)).toEqual(['mine']);
});

test('an entry stands where its link was made, whatever the disk says of it', async () => {
  const table = await tableOf();
  const fails = (code: string, makes: boolean): FolderDisk => ({
    ...FOLDER_DISK,
    link(from, to) {
      if (makes) linkSync(from, to);
      throw Object.assign(new Error(code), { code });
    },
  });
  await expect(writeEntry(localFolder(table.path, fails('EIO', false)), 1, [added('lost')])).rejects.toThrow(
    'EIO',
  );
  expect(await paths(table)).toEqual([]);
  expect(await writeEntry(localFolder(table.path, fails('EIO', true)), 1, [added('mine')])).toBe(true);
  expect(await writeEntry(localFolder(table.path, fails('ETIMEDOUT', true)), 2, [added('more')])).toBe(true);
  expect(await paths(table)).toEqual(['mine', 'more']);
  expect(readdirSync(logFolder(table).path).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('a writer that comes second reads what came and goes on at the next number', async () => {
  const table = await tableOf();
  const seen = await readTable(table);
  await writeEntry(table, 1, [added('theirs')]);
  const versions: number[] = [];
  const actions = async (state: typeof seen): Promise<DeltaAction[]> => {
    versions.push(state!.version);
    return [added('mine')];
  };
  const state = await commit({ table, seen, actions });
  expect(versions).toEqual([0, 1]);
  expect(state.version).toBe(2);
  expect([...state.files.keys()]).toEqual(['theirs', 'mine']);
  expect(await readTable(table)).toEqual(state);
});

test('a writer that stops between any two calls has committed all or nothing, and the next one goes on', async () => {
  const calls = ['write', 'link', 'syncFolder', 'remove'] as const;
  for (const [i, call] of calls.entries()) {
    const table = await tableOf();
    const disk: FolderDisk = {
      ...FOLDER_DISK,
      [call]: () => {
        throw new Error('power cut');
      },
    };
    await expect(writeEntry(localFolder(table.path, disk), 1, [added('mine')])).rejects.toThrow('power cut');
    const isThere = i > calls.indexOf('link');
    expect(await paths(table), call).toEqual(isThere ? ['mine'] : []);
    expect(await writeEntry(table, isThere ? 2 : 1, [added('next')])).toBe(true);
    expect(await paths(table)).toEqual(isThere ? ['mine', 'next'] : ['next']);
  }
});

test('a kept state stands for the entries up to it, and only where it is whole and its entry is there', async () => {
  const table = await tableOf([added('a')], [added('b'), removed('a')]);
  const state = (await readTable(table))!;
  await keepState(table, state, 0);
  for (const version of [0, 1]) rmSync(entryFile(table, version));
  expect(await readTable(table)).toEqual(state);
  await writeEntry(table, 3, [added('c')]);
  expect(await paths(table)).toEqual(['b', 'c']);
  const [name, ...more] = readdirSync(join(logFolder(table).path, '_plumb'));
  expect(more).toEqual([]);
  const kept = join(logFolder(table).path, '_plumb', name!);
  writeFileSync(kept, '{"version":2');
  await expect(readTable(table)).rejects.toThrow(expect.objectContaining({ code: 'REG_STORE' }));
});

test('a state that was kept of a log tells nothing of one that was put back from an older copy since', async () => {
  const table = await tableOf([added('a')], [added('b')]);
  await keepState(table, (await readTable(table))!, 0);
  for (const version of [1, 2]) rmSync(entryFile(table, version));
  await writeEntry(table, 1, [added('c')]);
  await writeEntry(table, 2, [added('d')]);
  expect(await paths(table)).toEqual(['c', 'd']);
  await keepState(table, (await readTable(table))!, 0);
  expect(readdirSync(join(logFolder(table).path, '_plumb'))).toHaveLength(1);
  expect(await paths(table)).toEqual(['c', 'd']);
});

test('of kept states the newest three stay', async () => {
  const table = await tableOf(...Array.from({ length: 6 }, (_, i) => [added(`f${i}`)]));
  for (let version = 0; version <= 6; version++)
    await keepState(table, (await readTable(table, version))!, 0);
  const names = readdirSync(join(logFolder(table).path, '_plumb')).map((name) => name.split('.')[0]);
  expect(names.toSorted()).toEqual(['4', '5', '6']);
});

test('an entry that is missing, damaged or of another protocol is refused with its file', async () => {
  const damaged = [
    '{"add":',
    '7',
    '[]',
    '{}',
    '{"add":7}',
    '{"add":{}}',
    '{"metaData":{}}',
    '{"protocol":{}}',
    '{"protocol":{"minReaderVersion":3,"minWriterVersion":7}}',
    '{"add":{"path":"a","deletionVector":{}}}',
  ];
  for (const text of damaged) {
    const table = await tableOf();
    writeFileSync(entryFile(table, 1), `${text}\n`);
    await expect(readTable(table), text).rejects.toThrow(
      expect.objectContaining({ code: 'REG_STORE', message: expect.stringContaining(entryFile(table, 1)) }),
    );
  }
  const table = await tableOf([added('a')], [added('b')]);
  rmSync(entryFile(table, 1));
  await expect(readTable(table)).rejects.toThrow(
    /00000000000000000001\.json is missing, while later entries are there/,
  );
  expect(await paths(table, 0)).toEqual([]);
});

test('a log that makes no table is refused, by readers and by writers', async () => {
  const table = localFolder(scratchFolder());
  await writeEntry(table, 0, [added('a')]);
  await expect(readTable(table)).rejects.toThrow(/0{20}\.json makes no table/);
  const actions = (): Promise<DeltaAction[]> => Promise.resolve([...FIRST, added('b')]);
  await expect(commit({ table, seen: null, actions })).rejects.toMatchObject({ code: 'REG_STORE' });
});

test('fields and actions of other makers that say nothing of the rows are passed over', async () => {
  const table = await tableOf();
  const lines = [
    '{"domainMetadata":{"domain":"x"}}',
    '{"commitInfo":{"timestamp":1,"who":"spark"}}',
    '',
    '{"cdc":{}}',
  ];
  writeFileSync(entryFile(table, 1), lines.join('\n'));
  expect((await readTable(table))!.version).toBe(1);
  mkdirSync(join(logFolder(table).path, '_sidecars'));
  expect(await paths(table)).toEqual([]);
});
