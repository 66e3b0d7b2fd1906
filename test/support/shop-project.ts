/** A small project of a shop on the embedded defaults: definitions in TypeScript and a Parquet file of invoices. */
import { join } from 'node:path';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { scratchFolder } from './scratch.ts';

export const SHOP_DEFINITIONS = `
import { agg, entity, featureService, featureView, source, t } from 'plumbline';

export const customer = entity('customer', { joinKeys: { customer_id: t.int64() } });
export const invoices = source.parquet('invoices', {
  path: 'data/invoices.parquet', eventTime: 'invoice_date', createdTime: 'loaded_at',
});
export const purchases = featureView('purchases', {
  entity: customer, source: invoices, owner: 'ml-platform',
  hop: '1h', delay: '5m', schedule: '1h', freshness: '2h', lateness: '2d',
  features: {
    count_7d: agg.countDistinct('invoice_no').over('7d'),
    average_30d: agg.avg('line_total').over('30d', { tolerance: 0.01 }),
    favorite: agg.mostFrequent('category').lifetime(),
  },
});
export const churn = featureService('churn_v1', [purchases], { consumers: [{ model: 'churn', owner: 'team-crm' }] });
`;

/** @returns the project's folder */
export async function shopProject(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = scratchFolder({
    'plumbline.yaml': 'project: shop\n',
    'definitions/shop.ts': SHOP_DEFINITIONS,
    'data/.keep': '',
    ...files,
  });
  const duck = await DuckDb.open();
  const rows = `
    SELECT customer_id::BIGINT customer_id, 'i' || (n % 40) invoice_no, n * 1.25 line_total, n::INTEGER quantity,
      'c' || (n % 3) category, make_timestamp(1700000000000000 + n * 600000000) invoice_date,
      make_timestamp(1700000060000000 + n * 600000000) loaded_at
    FROM (SELECT n, n % 5 customer_id FROM range(200) t(n))`;
  await duck.run(`COPY (${rows}) TO '${join(folder, 'data/invoices.parquet')}' (FORMAT parquet)`);
  duck.close();
  return folder;
}
