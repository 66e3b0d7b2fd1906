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

test('a stream that another has taken over from writes neither rows nor the marker', async () => {
  const { view, entity } = aggregatedView({
    joinKeys: [{ name: 'id', type: 'int64' }],
    path: 'archive',
    eventTime: 'at',
    createdTime: null,
    hopUs: 10_000_000,
    features: [{ name: 'n', function: 'count' }],
  });
  const file = join(scratchFolder(), 'online.db');
  const writer = openSqliteWriter({ kind: 'sqlite', url: file, keyPrefix: '' });
  const bundle = { schemas: new Map() } as unknown as Bundle;
  let isLost = false;
  const lease = {
    async stillHeld() {
      if (isLost) throw leaseLost(view.id);
    },
  };
  const online = new OnlineOutput({ view, entity, bundle, keyPrefix: '', writer, lease, counts: noWrites() });
  const rowOf = (entityId: number) => {
    const batch = new RowBatch(entityId);
    batch.add(String(entityId), 10_000_000, new RowEncoder(view).encode(10_000_000, 11_000_000, 0, [1n]));
    return batch;
  };
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
