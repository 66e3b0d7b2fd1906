/**
 * Definitions that do not compile, mistake by mistake, each with words of what `tsc` says of it. `npm run check:types`
 * sees that none compiles; `definition-types.test.ts` that it says no more, and that a plan refuses the same.
 */
import { agg, entity, featureService, featureView, onDemandView, session, source, t } from 'plumbline';

const customer = entity('customer', { joinKeys: { customer_id: t.int64() } });
const events = source.parquet('events', { path: 'data/events.parquet', eventTime: 'at' });
const common = { entity: customer, source: events } as const;
const prices = featureView('prices', { ...common, features: { price: t.float64(), word: t.string() } });

export const names = [
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  entity('my customer', { joinKeys: { id: t.int64() } }),
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  source.parquet('s-1', { path: 'data/events.parquet', eventTime: 'at' }),
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  featureView('7days', { ...common, features: { price: t.float64() } }),
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  featureService('a__b', [prices]),
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  featureView('v1', { ...common, features: { 'unit.price': t.float64({ column: 'price' }) } }),
  // @ts-expect-error -- Refused<"the history has a column of this name">
  featureView('v2', { ...common, features: { Event_Time: t.float64({ column: 'price' }) } }),
  // @ts-expect-error -- Refused<"a join key has this name">
  featureView('v3', { ...common, features: { Customer_ID: t.int64() } }),
];

export const entities = [
  // @ts-expect-error -- Type 'StoredFeature<FloatValue, "float64">' is not assignable to type
  entity('e1', { joinKeys: { id: t.float64() } }),
  // @ts-expect-error -- Refused<"the history has a column of this name">
  entity('e2', { joinKeys: { run_id: t.int64() } }),
  // @ts-expect-error -- Refused<"at least one is needed">
  entity('e3', { joinKeys: {} }),
  // @ts-expect-error -- Type '"hash"' is not assignable to type 'LogPolicy | undefined'.
  entity('e4', { joinKeys: { id: t.int64() }, log: 'hash' }),
  // @ts-expect-error -- Object literal may only specify known properties, but 'owners' does not exist in type
  entity('e5', { joinKeys: { id: t.int64() }, owners: 'me' }),
];

export const times = [
  // @ts-expect-error -- Type '"7 days"' is not assignable to type 'Duration | undefined'.
  featureView('v4', { ...common, ttl: '7 days', features: { price: t.float64() } }),
  // @ts-expect-error -- Type '"1.5h"' is not assignable to type 'Duration | undefined'.
  featureView('v5', { ...common, delay: '1.5h', features: { price: t.float64() } }),
  // @ts-expect-error -- Type '"3600"' is not assignable to type 'Freshness | undefined'.
  featureView('v6', { ...common, freshness: '3600', features: { price: t.float64() } }),
  // @ts-expect-error -- Type '"2 h"' is not assignable to type 'Duration | undefined'.
  featureView('v7', { ...common, freshness: { target: '2 h' }, features: { price: t.float64() } }),
  // @ts-expect-error -- Type '"31.01.2026"' is not assignable to type 'Date | TimeText | undefined'.
  featureView('v8', { ...common, start: '31.01.2026', features: { price: t.float64() } }),
  // @ts-expect-error -- Type '"10min"' is not assignable to type 'Duration | undefined'.
  source.parquet('s2', { path: 'data/events.parquet', eventTime: 'at', maxAhead: '10min' }),
  // @ts-expect-error -- Type '"drop"' is not assignable to type
  source.parquet('s3', { path: 'data/events.parquet', eventTime: 'at', absent: 'drop' }),
  // @ts-expect-error -- Argument of type '"30 days"' is not assignable to parameter of type 'Session | Duration'.
  featureView('v9', { ...common, features: { n: agg.count().over('30 days') } }),
];

export const kinds = [
  // @ts-expect-error -- Type 'string' is not assignable to type 'Refused<"a stored view has no hop">'.
  featureView('v10', { ...common, hop: '1h', features: { price: t.float64() } }),
  // @ts-expect-error -- Type 'string' is not assignable to type 'Refused<"an aggregated view has no ttl">'.
  featureView('v11', { ...common, ttl: '1d', features: { n: agg.count().lifetime() } }),
  // @ts-expect-error -- Refused<"a view has stored features or aggregates, not both">
  featureView('v12', { ...common, features: { n: agg.count().lifetime(), price: t.float64() } }),
  // @ts-expect-error -- Refused<"at least one is needed">
  featureView('v13', { ...common, features: {} }),
  // @ts-expect-error -- Type 'string' is not assignable to type 'Refused<"outOfOrder needs watermark: 'events'">'.
  featureView('v14', { ...common, outOfOrder: '5s', features: { n: agg.count().lifetime() } }),
  // @ts-expect-error -- Type '"edge"' is not assignable to type 'Watermark | undefined'.
  featureView('v15', { ...common, watermark: 'edge', features: { n: agg.count().lifetime() } }),
  // @ts-expect-error -- Type 'SourceDraft' is not assignable to type 'string | EntityDraft<string>'.
  featureView('v16', { entity: events, source: events, features: { price: t.float64() } }),
  // @ts-expect-error -- Type 'EntityDraft<"customer_id">' is not assignable to type 'string | SourceDraft'.
  featureView('v17', { entity: customer, source: customer, features: { price: t.float64() } }),
  // @ts-expect-error -- Property 'source' is missing in type '{ entity: EntityDraft<"customer_id">; features: {
  featureView('v18', { entity: customer, features: { price: t.float64() } }),
  // @ts-expect-error -- Object literal may only specify known properties, but 'ownr' does not exist in type
  featureView('v19', { ...common, ownr: 'me', features: { price: t.float64() } }),
];

export const values = [
  // @ts-expect-error -- Type '"none"' is not assignable to type 'FloatValue | null | undefined'.
  featureView('v20', { ...common, features: { price: t.float64({ missing: 'none' }) } }),
  // @ts-expect-error -- Type 'bigint' is not assignable to type 'FloatValue | null | undefined'.
  featureView('v21', { ...common, features: { price: t.float32({ missing: 1n }) } }),
  // @ts-expect-error -- Type '"one"' is not assignable to type 'Int64Value | null | undefined'.
  featureView('v22', { ...common, features: { quantity: t.int64({ missing: 'one' }) } }),
  // @ts-expect-error -- Type 'bigint' is not assignable to type 'number'.
  featureView('v23', { ...common, features: { quantity: t.int32({ missing: 1n }) } }),
  // @ts-expect-error -- Type 'number' is not assignable to type 'boolean | null | undefined'.
  featureView('v24', { ...common, features: { yes: t.bool({ missing: 0 }) } }),
  // @ts-expect-error -- Type 'number' is not assignable to type 'string'.
  featureView('v25', { ...common, features: { word: t.string({ examples: [1] }) } }),
  // @ts-expect-error -- Type '"yesterday"' is not assignable to type 'TimeText | null | undefined'.
  featureView('v26', { ...common, features: { moment: t.timestamp({ missing: 'yesterday' }) } }),
  // @ts-expect-error -- Type '"x"' is not assignable to type 'Item<Int64Value>'.
  featureView('v27', { ...common, features: { wholes: t.list(t.int64(), { missing: ['x'] }) } }),
  featureView('v28', {
    ...common,
    // @ts-expect-error -- Property 'name' is missing in type '{ lat: number; }' but required in type 'StructValue<{
    features: { place: t.struct({ lat: t.float64(), name: t.string() }, { missing: { lat: 1 } }) },
  }),
  // @ts-expect-error -- Type 'AggregatedFeature' is missing the following properties from type
  featureView('v29', { ...common, features: { wholes: t.list(agg.count().lifetime()) } }),
  // @ts-expect-error -- Refused<"an embedding has 1 to 65536 numbers">
  featureView('v30', { ...common, features: { vector: t.embedding(0) } }),
  // @ts-expect-error -- Object literal may only specify known properties, and 'tolerance' does not exist in type
  featureView('v31', { ...common, features: { word: t.string({ tolerance: 1 }) } }),
  // @ts-expect-error -- Type 'string' is not assignable to type 'AggregatedFeature | StoredFeature<unknown, string>'.
  featureView('v32', { ...common, features: { price: 'float64' } }),
];

export const aggregates = [
  // @ts-expect-error -- Argument of type 'Session' is not assignable to parameter of type
  featureView('v39', { ...common, features: { n: agg.countDistinct('word').over(session('2h')) } }),
  // @ts-expect-error -- Expected 2 arguments, but got 1.
  featureView('v40', { ...common, features: { last: agg.lastN('price').lifetime() } }),
  // @ts-expect-error -- Type 'Aggregate<NumberType, "int64", Session | Duration>' is not assignable to type
  featureView('v41', { ...common, features: { n: agg.count() } }),
  // @ts-expect-error -- Expected 1 arguments, but got 0.
  featureView('v42', { ...common, features: { spend: agg.sum().lifetime() } }),
  // @ts-expect-error -- Type '"string"' is not assignable to type 'NumberType | undefined'.
  featureView('v43', { ...common, features: { n: agg.count().lifetime({ type: 'string' }) } }),
  // @ts-expect-error -- Type '"none"' is not assignable to type 'Int64Value | null | undefined'.
  featureView('v44', { ...common, features: { n: agg.count().lifetime({ missing: 'none' }) } }),
  featureView('v45', {
    ...common,
    // @ts-expect-error -- Type '"half"' is not assignable to type 'FloatValue | null | undefined'.
    features: { price: agg.max('price').lifetime({ type: 'float64', missing: 'half' }) },
  }),
  featureView('v46', {
    ...common,
    // @ts-expect-error -- Type 'number' is not assignable to type 'Refused<"only numbers have a tolerance">'.
    features: { word: agg.last('word').lifetime({ type: 'string', tolerance: 1 }) },
  }),
  // @ts-expect-error -- Type '23' is not assignable to type 'Scale | undefined'.
  featureView('v47', { ...common, features: { spend: agg.sum('price').lifetime({ scale: 23 }) } }),
];

const y = t.bool();
const fields = { customer_id: t.int64(), page: t.string(), at: t.timestamp({ unit: 'ms' }) };
const stream = { format: 'json', archive: 'data/clicks', fields, eventTime: 'at' } as const;

export const streams = [
  // @ts-expect-error -- Type '"page"' is not assignable to type '"at"'.
  source.stream('s5', { ...stream, topic: 'clicks', eventTime: 'page' }),
  // @ts-expect-error -- Type '"at"' is not assignable to type 'FieldOf<NoInfer<{ customer_id:
  source.stream('s6', { ...stream, topic: 'clicks', keyedBy: 'at' }),
];

const trip = onDemandView('trip', { features: { y }, compute: () => ({ y: true }) });

export const onDemandViews = [
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  onDemandView('my trip', { features: { y }, compute: () => ({ y: true }) }),
  // @ts-expect-error -- Type '"text"' is not assignable to type '"bigint" | "number" | undefined'.
  onDemandView('o1', { int64: 'text', features: { y }, compute: () => ({ y: true }) }),
  // @ts-expect-error -- Property 'compute' is missing in type
  onDemandView('o2', { features: { y } }),
  // @ts-expect-error -- Argument of type '"near"' is not assignable to parameter of type '"y"'.
  onDemandView('o3', { uses: [trip.pick('near')], features: { y }, compute: () => ({ y: true }) }),
];

export const services = [
  // @ts-expect-error -- Argument of type '"nope"' is not assignable to parameter of type '"price" | "word"'.
  featureService('f1', [prices.pick('nope')]),
  // @ts-expect-error -- Object literal may only specify known properties, and 'id' does not exist in type
  featureService('f2', [prices.as('other', { id: 'other_id' })]),
  // @ts-expect-error -- Refused<"names are a letter, then letters, digits and single _">
  featureService('f3', [prices.as('the other', { customer_id: 'other_id' })]),
  // @ts-expect-error -- Type '"float16"' is not assignable to type '"float32" | "float64" | undefined'. Did you
  featureService('f5', [prices], { tensor: 'float16' }),
  // @ts-expect-error -- Property 'owner' is missing in type '{ model: string; }' but required in type '{ readonly
  featureService('f6', [prices], { consumers: [{ model: 'm' }] }),
];
