/**
 * The features of an online gift shop: what a customer bought, how a product sells, and the service that a model of
 * the basket's value consumes. `prepare.ts` in the folder above makes these columns from the raw invoices.
 */
import { agg, entity, featureService, featureView, onDemandView, source, t } from 'plumbline';

export const customer = entity('customer', { joinKeys: { customer_id: t.int64() }, owner: 'shop' });
export const product = entity('product', { joinKeys: { stock_code: t.string() }, owner: 'shop' });

/** Invoice lines of known customers; guests have no features of a customer. */
export const customerLines = source.parquet('customer_lines', {
  path: 'data/customer_lines/*.parquet',
  eventTime: 'invoice_date',
  createdTime: 'loaded_at',
});

/** All invoice lines of goods, those of guests too. */
export const productLines = source.parquet('product_lines', {
  path: 'data/product_lines/*.parquet',
  eventTime: 'invoice_date',
  createdTime: 'loaded_at',
});

/**
 * The times of both views. A run starts three minutes past each full hour and takes two: a row is visible at five past.
 * The shop sells nothing at night, on Saturdays and over the holidays, so a source may be silent for two weeks.
 * `as const` keeps the texts as they are for the compiler, which checks durations.
 */
const hourly = {
  hop: '1h',
  delay: '5m',
  schedule: '1h',
  freshness: '90m',
  sourceFreshness: '14d',
  lateness: '2d',
} as const;

export const purchases = featureView('user_purchase_features', {
  entity: customer,
  source: customerLines,
  owner: 'ml-platform',
  description: 'What a customer bought. Cancellations reduce the spend and count as no purchase.',
  ...hourly,
  features: {
    purchase_count_7d: agg
      .countDistinct('purchase_no')
      .over('7d', { description: 'invoices in the last 7 days' }),
    purchase_count_30d: agg
      .countDistinct('purchase_no')
      .over('30d', { description: 'invoices in the last 30 days' }),
    avg_order_value_30d: agg
      .avg('order_value')
      .over('30d', { description: 'mean value of an invoice, GBP; null without one', tolerance: 0.01 }),
    total_spend_lifetime: agg
      .sum('line_total')
      .lifetime({ description: 'all purchases less all cancellations, GBP', tolerance: 0.01 }),
    favorite_category: agg
      .mostFrequent('category')
      .lifetime({ description: 'category of most purchased lines' }),
    last_purchase_at: agg.max('purchased_at').lifetime({ description: 'time of the last purchase' }),
  },
});

export const sales = featureView('product_sales_features', {
  entity: product,
  source: productLines,
  owner: 'pricing',
  description: 'How a product sells. Cancellations reduce units and revenue.',
  ...hourly,
  features: {
    units_sold_7d: agg.sum('quantity').over('7d', { description: 'units sold less units returned' }),
    revenue_30d: agg.sum('line_total').over('30d', { description: 'GBP, less returns', tolerance: 0.01 }),
    buyers_30d: agg.countDistinct('buyer_id').over('30d', { description: 'known customers who bought it' }),
    min_price_30d: agg
      .min('sold_price')
      .over('30d', { description: 'lowest unit price, GBP; null without a sale' }),
    last_price: agg.last('sold_price').lifetime({ description: 'unit price of the last sale, GBP' }),
  },
});

/** Computed when the checkout asks, by the same code wherever it is computed. */
export const basketNow = onDemandView('basket_now', {
  inputs: { basket_value: t.float64(), now: t.requestTime() },
  uses: [purchases.pick('avg_order_value_30d', 'last_purchase_at')],
  owner: 'team-checkout',
  description: "The basket beside the customer's own habit.",
  features: {
    basket_to_average: t.float64({ description: 'over the mean invoice of 30 days; null without one' }),
    days_since_last_purchase: t.int64({ description: 'whole days; null before the first purchase' }),
  },
  samples: [
    { basket_value: 30, avg_order_value_30d: 20, last_purchase_at: '2011-12-01T10:00:00Z' },
    { basket_value: 30, avg_order_value_30d: null, last_purchase_at: null },
  ],
  compute: ({ basket_value, now, avg_order_value_30d, last_purchase_at }) => ({
    basket_to_average: avg_order_value_30d > 0 ? basket_value / avg_order_value_30d : null,
    days_since_last_purchase:
      last_purchase_at === null ? null : Math.floor((now - last_purchase_at) / 86_400_000_000),
  }),
});

export const basketV1 = featureService('basket_v1', [purchases, sales], {
  description: 'One row for each product in a basket.',
  owner: 'team-checkout',
  consumers: [{ model: 'basket-value', owner: 'team-checkout' }],
});

export const cartV1 = featureService(
  'cart_v1',
  [purchases.pick('purchase_count_30d', 'avg_order_value_30d', 'last_purchase_at'), basketNow],
  {
    description: 'One row for a basket that is about to be paid.',
    owner: 'team-checkout',
    consumers: [{ model: 'cart-risk', owner: 'team-checkout' }],
  },
);
