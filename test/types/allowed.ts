/**
 * Definitions that compile, form by form; `npm run check:types` sees to that, and `definition-types.test.ts` to it that
 * a plan takes them too.
 */
import { agg, entity, featureService, featureView, onDemandView, session, source, t, vars } from 'plumbline';
import type { Duration } from 'plumbline';

export const customer = entity('customer', {
  joinKeys: { customer_id: t.int64({ description: 'as in the shop' }) },
  log: 'hmac',
});
const line = entity('line', { joinKeys: { invoice_no: t.string(), number: t.int32() }, tags: ['shop'] });

const events = source.parquet('events', {
  path: `${vars['data']}/events.parquet`,
  eventTime: 'at',
  createdTime: 'loaded_at',
  maxAhead: '10m',
});

/** Every type, with what stands in for it. */
export const values = featureView('values', {
  entity: customer,
  source: events,
  ttl: '30d',
  delay: '1h30m',
  schedule: '1d',
  start: '2026-01-31',
  freshness: { target: '30d', alert: '60d' },
  deprecated: { date: '2027-01-01', successor: 'shared' },
  where: 'quantity > 0',
  select: { twice: 'quantity * 2' },
  features: {
    yes: t.bool({ missing: false }),
    small: t.int32({ missing: -1, tolerance: 1 }),
    whole: t.int64({ missing: 1, examples: [1n, '9007199254740993', 3, null] }),
    narrow: t.float32({
      deprecated: { date: '2027-01-01' },
      missing: 'NaN',
      normalization: { mean: 0, stddev: 1 },
    }),
    wide: t.float64({ missing: Infinity, column: 'price', checks: { min: 0, maxNullShare: 0.1 } }),
    word: t.string({ missing: '', log: 'drop' }),
    raw: t.bytes({ missing: 'AAE=' }),
    moment: t.timestamp({ missing: '2026-01-31T06:00:00Z', examples: ['2026-01-31'] }),
    wholes: t.list(t.int64(), { missing: [1, 2n, '3', null] }),
    vector: t.embedding(3, { missing: [0, 0.5, 1] }),
    counts: t.map(t.float64(), { missing: { a: 1, b: null } }),
    place: t.struct({ lat: t.float64(), name: t.string() }, { missing: { lat: 52.5, name: null } }),
    twice: t.int64(),
  },
});

/** Every aggregate that is computed. */
export const windows = featureView('windows', {
  entity: 'customer',
  source: 'events',
  hop: '1h',
  delay: '5m',
  watermark: 'events',
  outOfOrder: '10s',
  freshness: '3h',
  sourceFreshness: '1d',
  lateness: '2d',
  start: new Date('2026-01-31'),
  features: {
    events: agg.count().over('1d'),
    known: agg.count('price').over('1d12h', { type: 'float64', missing: 0.5 }),
    invoices: agg.countDistinct('word').over('7d', { missing: 0n, tolerance: 1 }),
    units: agg.sum('quantity').over('1w', { missing: 0 }),
    spend: agg.sum('price').over('30d', { scale: 8, type: 'float32', tolerance: 0.01 }),
    mean: agg.avg('price').over('30d', { missing: 'NaN', log: 'raw' }),
    spread: agg.stddev('price').lifetime(),
    least: agg.min('price').lifetime({ missing: 0.5 }),
    most: agg.max('at').lifetime({ type: 'timestamp', missing: '2026-01-31' }),
    first: agg.first('word').lifetime({ missing: 'none' }),
    last: agg.last('yes').lifetime({ missing: false }),
    about: agg.approxCountDistinct('word').over('7d', { missing: 0, tolerance: 5 }),
    median: agg.approxPercentile('price', 0.5).over('7d', { type: 'float32' }),
    visit: agg.duration().over(session('2h')),
    visited: agg.count().over(session('1d'), { missing: 0 }),
    newest: agg.lastN('word', 3).over('7d', { missing: ['a', null] }),
    favorite: agg.mostFrequent('word').over('2w1d6h', { examples: ['a'] }),
  },
});

/** Options that several views share keep their texts with `as const`; so do durations that are put together. */
const daily = { hop: '1d', freshness: '3d' } as const;
const days = [7, 30] as const;
const delay: Duration = `${days.length}m`;
export const shared = featureView('shared', {
  ...daily,
  delay,
  entity: customer,
  source: events,
  features: Object.fromEntries(days.map((n) => [`events_${n}d`, agg.count().over(`${n}d`)])),
});

export const lines = featureView('lines', { entity: line, source: events, features: { price: t.float64() } });

/** What the function gets of its inputs has their types; what it returns must have those of the features. */
export const trip = onDemandView('trip', {
  inputs: {
    lat: t.float64(),
    coupon: t.string({ optional: true, log: 'hmac' }),
    words: t.list(t.string()),
    now: t.requestTime({ log: 'raw' }),
  },
  uses: [values.pick('yes', 'whole'), windows.pick('spend').as('seller'), lines],
  features: { far: t.float64({ missing: -1 }), days: t.int64(), near: t.bool(), vector: t.embedding(2) },
  samples: [{ lat: 1, words: [], yes: true, whole: 1, seller__spend: 2, price: null }],
  compute: ({ lat, coupon, words, now, yes, seller__spend }) => ({
    far: coupon === null || coupon.length > 3 ? null : Math.abs(lat) * seller__spend,
    days: Math.floor(now / 86_400_000_000),
    near: yes && words.length > 0,
    vector: [lat, 0],
  }),
});
export const level = onDemandView('level', {
  uses: [trip.pick('far')],
  features: { high: t.bool() },
  int64: 'bigint',
  compute: ({ far }) => ({ high: far > 10 }),
});

export const service = featureService(
  'service_v1',
  [
    values.pick('yes', 'wide'),
    windows,
    shared.pick('events_7d'),
    lines.as('other', { number: 'other_number' }).pick('price'),
    lines.as('third', { invoice_no: 'third_no', number: 'third_number' }),
    trip.pick('far', 'days'),
    trip.feature('near').as('is_near'),
    level,
  ],
  { consumers: [{ model: 'm', owner: 'o' }], tensor: 'float32' },
);

const clicks = source.stream('clicks', {
  topic: `${vars['data']}.clicks`,
  format: 'json',
  fields: {
    customer_id: t.int64(),
    page: t.string(),
    price: t.float64(),
    at: t.timestamp({ unit: 'ms' }),
    id: t.string(),
    change: t.string(),
  },
  eventTime: 'at',
  id: 'id',
  keyedBy: 'customer_id',
  archive: `${vars['data']}/clicks`,
  op: { column: 'change', insert: ['c', 'r'], delete: ['d'] },
  maxAhead: '1h',
  outOfOrder: '30s',
});

/** Over a stream: hop, delay and watermark have defaults of their own. */
export const clicked = featureView('clicked', {
  entity: customer,
  source: clicks,
  where: 'price > 0',
  features: { clicks_1h: agg.count().over('1h'), last_page: agg.last('page').lifetime() },
});

/** A list that is put together. */
export const listed = featureService('listed_v1', [values, lines].slice(0, 1));

/** Exactly the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const sure = <_ extends true>(): void => {};
sure<Same<Parameters<typeof lines.pick>[number], 'price'>>();
sure<Same<Parameters<typeof shared.pick>[number], string>>();
type Keys = NonNullable<Parameters<typeof lines.as>[1]>;
sure<Same<Keys, { readonly invoice_no?: string; readonly number?: string }>>();
