/** `plumb stream` of a folder: what a lost state costs, what is kept of what does not count, what is refused. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readTable } from '../../../project/delta/delta-log.ts';
import { readHistory } from '../../../project/history/history-snapshot.ts';
import { decodeRowValues } from '../../../contract/wire/online/row-codec.ts';
import { readHeader, WRITTEN_AT } from '../../../contract/wire/online/row-header.ts';
import { bundleOf, orders, START_US } from '../../support/fixtures/materialized-project.ts';
import { clickView, HOP_US, makeStreamed } from '../../support/fixtures/streamed-project.ts';
import type { Click, StreamedProject } from '../../support/fixtures/streamed-project.ts';
import { runStreams } from '../../../materializer/stream/stream.ts';
import { holdView } from '../../../materializer/run/view-hold.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';

let project: StreamedProject;
beforeEach(async () => {
  project = await makeStreamed();
});
afterEach(() => project.remove());

const NOW_US = START_US + 100 * HOP_US;

function click(id: number, change: Partial<Click> = {}): string {
  const at = NOW_US - (20 - id) * HOP_US;
  return JSON.stringify({ user_id: `u${id % 3}`, at, page: 'p', price: id, id: String(id), ...change });
}

test('a state that was lost costs no row, and what is online is what the history has last', async () => {
  const { view, bundle } = clickView(8 * HOP_US);
  project.setClock(NOW_US);
  const lines = Array.from({ length: 15 }, (_, id) => click(id));
  project.writeMessages('0.jsonl', lines, NOW_US);
  const [first] = await project.drain(bundle);
  expect(first).toMatchObject({ kind: 'stream', state: 'complete', read: 15, counted: 15, rejected: 0 });
  expect(first!.historyRows).toBeGreaterThan(15);
  rmSync(project.settings.stream.state, { recursive: true });
  const [again] = await project.drain(bundle);
  expect(again).toMatchObject({ historyRows: 0, watermarkUs: first!.watermarkUs });
  const online = new DatabaseSync(project.settings.online.url, { readOnly: true });
  const rows = online.prepare('SELECT key, row FROM entity_row ORDER BY key').all() as {
    key: string;
    row: Uint8Array;
  }[];
  online.close();
  expect(rows.map(({ key }) => key)).toEqual(['fstore:thing:u0', 'fstore:thing:u1', 'fstore:thing:u2']);
  const u2 = Buffer.from(rows[2]!.row);
  expect(readHeader(u2)).toMatchObject({ definitionId: view.definitionId });
  expect(decodeRowValues(view, u2).slice(0, 3)).toEqual([1n, 14 + 11 + 8, 1n]);
});

test('rows that the online store has lost are written again from the history', async () => {
  const { bundle } = clickView(8 * HOP_US);
  project.setClock(NOW_US);
  const lines = Array.from({ length: 15 }, (_, id) => click(id));
  project.writeMessages('0.jsonl', lines, NOW_US);
  await project.drain(bundle);
  const { url } = project.settings.online;
  const rows = (): unknown[] => {
    const online = new DatabaseSync(url, { readOnly: true });
    const found = online.prepare('SELECT key, row FROM entity_row ORDER BY key').all() as {
      row: Uint8Array;
    }[];
    online.close();
    // All but the time at which it was written.
    return found.map((one) => ({ ...one, row: Buffer.from(one.row).fill(0, WRITTEN_AT, WRITTEN_AT + 6) }));
  };
  const before = rows();
  for (const end of ['', '-wal', '-shm']) rmSync(`${url}${end}`, { force: true });
  const [again] = await project.drain(bundle);
  expect(again).toMatchObject({ state: 'complete', historyRows: 0, written: 3 });
  expect(rows()).toEqual(before);
  const [third] = await project.drain(bundle);
  expect(third).toMatchObject({ written: 0, equal: 0 });
});

test('each entry of the log names its range of offsets', async () => {
  const { view, bundle } = clickView(8 * HOP_US);
  for (const [i, nowUs] of [NOW_US, NOW_US + HOP_US].entries()) {
    project.setClock(nowUs);
    project.writeMessages(`${i}.jsonl`, [click(2 * i), click(2 * i + 1)], nowUs);
    await project.drain(bundle);
  }
  const archive = (await readTable(localFolder(join(project.settings.folder, 'data/clicks'))))!;
  expect(archive.commits.get('partition-0')!.commit).toMatchObject({
    sourceId: 'folder',
    partition: 0,
    from: 2,
    position: { offset: 4, file: '1.jsonl', line: 2 },
  });
  const history = (await readHistory(project.settings.history, view))!;
  const [newest] = [...history.state.commits.values()].map(({ commit }) => commit);
  expect(newest).toMatchObject({ partition: 0, from: 2, to: 4 });
});

test('what does not count is kept with its place and the reason', async () => {
  const { bundle } = clickView(2 * HOP_US);
  project.setClock(NOW_US);
  project.writeMessages('0.jsonl', [click(0)], NOW_US);
  await project.drain(bundle);
  project.setClock(NOW_US + HOP_US);
  const lines = [
    '{"user_id": 7}',
    click(1, { user_id: null }),
    click(2),
    click(18, { price: 1e300 }),
    click(19),
  ];
  project.writeMessages('1.jsonl', lines, NOW_US + HOP_US);
  const [record] = await project.drain(bundle);
  expect(record).toMatchObject({ read: 4, counted: 1, rejected: 2, lateEvents: 1 });
  expect(record!.rejectReasons).toEqual({
    'user_id is null': 1,
    'price is too large to be summed with 6 decimal places': 1,
  });
  const file = join(project.settings.stream.state, 'clicks/rejected.jsonl');
  const kept = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(kept.map(({ offset, reason }) => [offset, reason])).toEqual([
    [1, expect.stringContaining('user_id')],
    [2, 'user_id is null'],
    [3, expect.stringMatching(/too late$/)],
    [4, 'price is too large to be summed with 6 decimal places'],
  ]);
});

test('its metrics tell how far each partition is', async () => {
  await project.remove();
  project = await makeStreamed({ 'materialize.metrics': 'plumbline.prom' });
  const { bundle } = clickView(2 * HOP_US);
  project.setClock(NOW_US);
  project.writeMessages('0.jsonl', [click(18), click(0), click(19, { user_id: null })], NOW_US);
  const [record] = await project.drain(bundle);
  const [note] = await project.database.streamPartitions.of('user_clicks');
  expect(note).toMatchObject({
    runId: record!.runId,
    partition: 0,
    offset: 3,
    behind: null,
    edgesDue: 0,
    leftOut: 1,
  });
  expect(note!.watermarkUs).toBe(record!.watermarkUs);
  const text = readFileSync(project.settings.materialize.metrics!, 'utf8');
  const name = 'plumbline_stream_partition_watermark_timestamp_seconds';
  expect(text).toContain(`${name}{view="user_clicks",partition="0"} ${record!.watermarkUs / 1e6}\n`);
  expect(text).not.toContain('behind_messages');
});

test('too many unreadable messages stop the stream before it has committed', async () => {
  const { bundle } = clickView(2 * HOP_US);
  project.setClock(NOW_US);
  project.writeMessages(
    '0.jsonl',
    Array.from({ length: 1_001 }, () => '{'),
    NOW_US,
  );
  await expect(project.drain(bundle)).rejects.toMatchObject({ code: 'MAT_STREAM_REJECTED' });
  expect(existsSync(join(project.settings.folder, 'data/clicks'))).toBe(false);
  expect(await project.database.runs()).toMatchObject([{ state: 'failed', kind: 'stream' }]);
});

test('what cannot be streamed is refused with a sentence', async () => {
  const { view, bundle } = clickView(2 * HOP_US);
  project.setClock(NOW_US);
  await expect(project.drain(bundleOf(orders()))).rejects.toMatchObject({ code: 'MAT_STREAM_NONE' });
  const options = { drain: true, signal: new AbortController().signal, sources: ['clix'] };
  await expect(runStreams({ project, bundle, database: project.database, options })).rejects.toMatchObject({
    message: 'no view is over a stream clix; applied are: clicks',
  });
  const hold = await holdView(project.settings.work, project.database, view);
  await expect(project.drain(bundle)).rejects.toMatchObject({ code: 'MAT_BUSY' });
  await hold.release();
});
