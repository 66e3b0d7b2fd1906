/** What a model wants to know of a customer: aggregations over orders, computed every hour. */
import { agg, entity, featureService, featureView, source, t } from 'plumbline';

export const customer = entity('customer', {
  joinKeys: { customer_id: t.int64() },
  description: 'somebody who orders',
});

const orders = source.parquet('orders', {
  path: 'data/orders.parquet',
  eventTime: 'ordered_at',
  createdTime: 'loaded_at',
});

// A row of each customer at the end of every hour in which a window changes. The newest is served; a training set gets
// the one that was in force at each label's time.
export const purchases = featureView('purchases', {
  entity: customer,
  source: orders,
  owner: 'team-shop',
  hop: '1h',
  delay: '5m',
  schedule: '1h',
  freshness: '2h',
  lateness: '2d',
  features: {
    orders_7d: agg.count().over('7d', { description: 'how many orders in a week' }),
    spent_7d: agg.sum('total').over('7d'),
    average_14d: agg.avg('total').over('14d', { missing: 0 }),
    last_category: agg.last('category').over('14d'),
  },
});

export const churn = featureService('churn_v1', [purchases], {
  consumers: [{ model: 'churn', owner: 'team-crm' }],
});
