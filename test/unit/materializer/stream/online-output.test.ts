/** Rows of a stream on their way online, into a real store of SQLite. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { Bundle } from '../../../../contract/model.ts';
import { RowEncoder } from '../../../../contract/wire/online/row-codec.ts';
import { openSqliteWriter } from '../../../../materializer/online/sqlite-writer.ts';
import { leaseLost } from '../../../../materializer/run/view-lease.ts';
import { noWrites } from '../../../../materializer/online/guard-outcome.ts';
import { OnlineOutput } from '../../../../materializer/stream/output/online-output.ts';
import { RowBatch } from '../../../../materializer/stream/state/row-batch.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'id', type: 'int64' }],
  path: 'archive',
  eventTime: 'at',
  createdTime: null,
  hopUs: 10_000_000,
  features: [{ name: 'n', function: 'count' }],
});
const NOTHING = { hasRows: false, async *newestRows() {}, warn() {} };
const bundle = { schemas: new Map() } as unknown as Bundle;
const bytesOf = (): Buffer => new RowEncoder(view).encode(10_000_000, 11_000_000, 0, [1n]);

function rowOf(entityId: number): RowBatch {
  const batch = new RowBatch(entityId);
  batch.add(String(entityId), 10_000_000, bytesOf());
  return batch;
}

test('a stream that another has taken over from writes neither rows nor the marker', async () => {
  const file = join(scratchFolder(), 'online.db');
  const writer = openSqliteWriter({ kind: 'sqlite', url: file, keyPrefix: '' });
  let isLost = false;
  const lease = {
    async stillHeld() {
      if (isLost) throw leaseLost(view.id);
    },
  };
  const given = { view, entity, bundle, keyPrefix: '', writer, lease, counts: noWrites(), ...NOTHING };
  const online = new OnlineOutput(given);
  await online.publishSchemas();
  await online.write(rowOf(1), 12_000_000);
  await online.mark(10_000_000);
  isLost = true;
  await expect(online.write(rowOf(2), 13_000_000)).rejects.toMatchObject({ code: 'MAT_LEASE' });
  await expect(online.mark(20_000_000)).rejects.toMatchObject({ code: 'MAT_LEASE' });
  await writer.close();
  const store = new DatabaseSync(file, { readOnly: true });
  expect(store.prepare('SELECT key FROM entity_row').all()).toMatchObject([{ key: 'fstore:thing:1' }]);
  store.close();
});

test('a store that has lost its rows gets no marker before they were written again', async () => {
  const file = join(scratchFolder(), 'online.db');
  const writer = openSqliteWriter({ kind: 'sqlite', url: file, keyPrefix: '' });
  const store = new DatabaseSync(file);
  const lease = { stillHeld: async () => {} };
  const row = {
    key: 'fstore:thing:1',
    view: view.id,
    row: bytesOf(),
    superseded: [],
    expiresInMs: null,
  };
  const warned: string[] = [];
  const online = new OnlineOutput({
    view,
    entity,
    bundle,
    keyPrefix: '',
    writer,
    lease,
    counts: noWrites(),
    hasRows: true,
    async *newestRows() {
      yield [row];
    },
    warn: (line) => warned.push(line),
  });
  const marker = async (): Promise<number | null> => (await writer.readMarkers(view.id)).watermarksUs[0]!;
  const keys = () => store.prepare('SELECT key FROM entity_row').all().length;
  // Rows of before, and a store without them.
  await online.mark(10_000_000);
  expect([await marker(), online.isLost, warned.length]).toEqual([null, true, 1]);
  await online.restore(true, 12_000_000);
  await online.mark(10_000_000);
  expect([await marker(), online.isLost, keys()]).toEqual([10_000_000, false, 1]);
  await online.mark(20_000_000);
  store.exec('DELETE FROM entity_row; DELETE FROM marker');
  await online.mark(30_000_000);
  expect([await marker(), online.isLost]).toEqual([null, true]);
  // Others have rows under way, which are history behind their next commit.
  await online.restore(false, 32_000_000);
  await online.mark(30_000_000);
  expect([await marker(), keys()]).toEqual([30_000_000, 1]);
  store.exec('DELETE FROM entity_row');
  await online.restore(false, 33_000_000);
  expect(keys()).toBe(0);
  await online.restore(false, 34_000_000);
  await online.restore(false, 35_000_000);
  expect(keys()).toBe(1);
  store.close();
  await writer.close();
});
