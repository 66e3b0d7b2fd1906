/**
 * What a customer does in the shop right now: clicks come as a stream, and a visit is a session that ends after half an
 * hour without one. `clicks.ts` in the folder above makes them up.
 */
import { agg, featureService, featureView, session, source, t } from 'plumbline';
import { customer } from './retail.ts';

/** One message a click: a page that was looked at, a search, a change of the basket. */
export const clicks = source.stream('clicks', {
  folder: 'data/clicks',
  format: 'json',
  fields: {
    click_id: t.string(),
    customer_id: t.int64(),
    at: t.timestamp({ unit: 'us' }),
    page: t.string(),
    query: t.string(),
    basket_change: t.float64(),
  },
  eventTime: 'at',
  id: 'click_id',
  keyedBy: 'customer_id',
  archive: 'data/click_archive',
});

const visit = session('30m');

export const sessions = featureView('user_session_features', {
  entity: customer,
  source: clicks,
  owner: 'team-web',
  description: "A customer's visit to the shop, until half an hour has passed without a click.",
  hop: '1s',
  watermark: 'events',
  outOfOrder: '1s',
  delay: '1s',
  lateness: '1h',
  freshness: '1m',
  sourceFreshness: '14d',
  features: {
    pages_viewed: agg.count('page').over(visit, { description: 'pages looked at' }),
    basket_value: agg
      .sum('basket_change')
      .over(visit, { description: 'what was put into the basket less what was taken out, GBP', scale: 2 }),
    time_on_site: agg.duration().over(visit, { description: 'first click to last, microseconds' }),
    last_search: agg.last('query').over(visit, { description: 'null where nothing was searched for' }),
  },
});

export const nextPageV1 = featureService('next_page_v1', [sessions], {
  description: 'One row for a customer who has just clicked.',
  owner: 'team-web',
  consumers: [{ model: 'next-page', owner: 'team-web' }],
});
