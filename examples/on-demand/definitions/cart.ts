/** What a model wants to know of a customer and of the basket that a request brings. */
import { agg, entity, featureService, featureView, module, onDemandView, source, t } from 'plumbline';

export const customer = entity('customer', { joinKeys: { customer_id: t.int64() } });

const orders = source.parquet('orders', {
  path: 'data/orders.parquet',
  eventTime: 'ordered_at',
  createdTime: 'loaded_at',
});

export const purchases = featureView('purchases', {
  entity: customer,
  source: orders,
  owner: 'team-shop',
  hop: '1h',
  delay: '5m',
  schedule: '1h',
  freshness: '2h',
  lateness: '2d',
  features: { orders_7d: agg.count().over('7d'), average_14d: agg.avg('total').over('14d') },
});

// Computed when a request asks for it, of what the request brings and of stored features.
export const basket = onDemandView('basket', {
  owner: 'team-shop',
  inputs: { cart_value: t.float64(), coupon: t.string({ optional: true }) },
  uses: [purchases.pick('average_14d')],
  features: { cart_to_average: t.float64({ missing: -1 }), has_coupon: t.bool() },
  samples: [{ cart_value: 30, average_14d: 12.5 }],
  compute: module('../compute/basket.ts'),
});

export const cart = featureService('cart_v1', [purchases, basket], {
  consumers: [{ model: 'cart', owner: 'team-cart' }],
});
