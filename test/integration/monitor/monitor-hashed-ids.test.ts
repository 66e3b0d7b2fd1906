/** Ids that the log holds as HMACs are joined with the history all the same, and the report shows the HMACs. */
import { afterEach, describe, expect, test } from 'vitest';
import { judgedRowsFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { idDigest } from '../../../contract/log-privacy.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { DAY } from '../../support/day-time.ts';
import { LOG_KEY, MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';

const KEY = LOG_KEY;
const HMAC = 1;

let day: MonitoredDay;
afterEach(() => day.remove());

const judge = (keyId: string): Promise<Snapshot> => day.judge('2026-01-10T00:00:00', keyId);

async function serveHashed(): Promise<void> {
  day = await MonitoredDay.make();
  day.publish(day.orders, SERVICE, 'hmac');
  const event = '05:00:00';
  const rows = ['ada|x', 'bob'].map((customer, i) => ({
    customer,
    event,
    created: event,
    run: 'r-05',
    values: [BigInt(i + 1), i / 4] as const,
  }));
  await day.appendOrders(rows.map((row) => ({ ...row, values: [...row.values] })));
  await day.setWatermark('23:00:00');
  const driver = { event: '00:10:00', created: '00:15:00', values: [0.5, null, null] };
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  // The last one was served another value than the history has; nobody knows the stranger.
  const served = [
    ['ada%7Cx', [1n, 0]],
    ['bob', [2n, 0.75]],
    ['stranger', null],
  ] as const;
  for (const [part, values] of served) {
    const orders = values === null ? {} : { row: { event, created: event, values: [...values] } };
    const keys = { customer_id: idDigest(KEY, part), driver_id: idDigest(KEY, '1') };
    day.append(
      '05:30:00',
      keys,
      [
        servedRow(day.orders, '05:30:00', { ...orders, watermark: '05:00:00' }),
        servedRow(day.driverStats, '05:30:00', { row: driver, watermark: '00:30:00' }),
      ],
      0,
      { keyPolicies: [HMAC, HMAC], hmacKeyId: KEY.id },
    );
  }
}

describe('hashed ids', () => {
  test('find their rows in the history, and the report does not tell them', async () => {
    await serveHashed();
    const snapshot = await judge('k1');
    const feature = (name: string): Snapshot['features'][number] =>
      snapshot.features.find((f) => f.name === name)!;
    expect(snapshot.vectors).toMatchObject({ read: 3, judged: 3 });
    expect(feature('orders__orders_1d')).toMatchObject({ rows: 3, exactMatch: 1 });
    expect(feature('orders__spent_1d').exactMatch).toBeCloseTo(1 / 2);
    expect(feature('driver_stats__conv_rate')).toMatchObject({ rows: 3, exactMatch: 1 });
    expect(feature('orders__spent_1d').examples[0]!.entities).toEqual({
      customer_id: `hmac:${idDigest(KEY, 'bob')}`,
      driver_id: `hmac:${idDigest(KEY, '1')}`,
    });
    expect(JSON.stringify(snapshot)).not.toContain('bob');
    const duck = await DuckDb.open();
    const file = judgedRowsFile(day.project.settings.reports, SERVICE.name, DAY);
    const keys = await duck.rows(
      `SELECT customer_id, customer_id__hmac, driver_id, driver_id__hmac FROM read_parquet(${quotePath(file)}) WHERE _weight = 1`,
    );
    duck.close();
    expect(keys).toEqual([
      {
        customer_id: null,
        customer_id__hmac: `hmac:${idDigest(KEY, 'bob')}`,
        driver_id: null,
        driver_id__hmac: `hmac:${idDigest(KEY, '1')}`,
      },
    ]);
  });

  test('under another secret are left out, and it is said which one is needed', async () => {
    await serveHashed();
    await expect(judge('k2')).rejects.toMatchObject({ code: 'MON_NO_VECTORS' });
  });
});
