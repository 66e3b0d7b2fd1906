/**
 * Random lives of an aggregated view: events with ties, nulls, edges, bad rows and late arrivals; windows; runs of
 * every kind. Few distinct values, so that things collide.
 */
import fc from 'fast-check';
import type { AggregateFunction, JoinKey } from '../../contract/model.ts';
import type { KeyValue, Value, ValueType } from '../../contract/value-type.ts';
import type { RawEvent } from '../oracle/naive-aggregates.ts';
import type { FeatureSketch } from './aggregated-view.ts';

export const HOP_US = 3_600_000_000;
/** The first hop of all events: far enough from 1970 for the longest window. */
export const START_US = 400_000 * HOP_US;
export const HOPS = 16;
export const LATENESS_US = 3 * HOP_US + 7;

export const COLUMNS: Readonly<Record<string, ValueType>> = {
  price: { kind: 'float64' },
  weight: { kind: 'float32' },
  amount: { kind: 'int64' },
  pieces: { kind: 'int32' },
  label: { kind: 'string' },
  paid: { kind: 'bool' },
  at: { kind: 'timestamp' },
};

const VALUES: Readonly<Record<string, readonly Value[]>> = {
  price: [0, -0, 1.5, -2.25, 0.1, 0.2, 1e-7, 123456.789, -99999.999999, 3e9, 0.0000005],
  weight: [0, -0, Math.fround(0.1), 2.5, Math.fround(-1e-3), Math.fround(1e7)],
  amount: [0n, 1n, -1n, 7n, 9_007_199_254_740_993n, -9_007_199_254_740_995n],
  pieces: [0, 1, -1, 12, 2_147_483_647],
  label: ['', 'a', 'A', 'b', 'ﬀ', '😀', 'é', "it's"],
  paid: [true, false],
  at: [0n, 1n, 1_600_000_000_000_001n],
};

const NUMBERS = ['price', 'weight', 'amount', 'pieces'];
const FUNCTIONS: Readonly<Partial<Record<AggregateFunction, readonly string[]>>> = {
  count: Object.keys(COLUMNS),
  countDistinct: Object.keys(COLUMNS),
  sum: NUMBERS,
  avg: NUMBERS,
  stddev: NUMBERS,
  min: Object.keys(COLUMNS),
  max: Object.keys(COLUMNS),
  first: Object.keys(COLUMNS),
  last: Object.keys(COLUMNS),
  mostFrequent: Object.keys(COLUMNS),
};

const KEYS: readonly {
  readonly joinKeys: readonly JoinKey[];
  readonly ids: readonly (readonly KeyValue[])[];
}[] = [
  { joinKeys: [{ name: 'driver_id', type: 'int32' }], ids: [[1], [2], [-3]] },
  {
    joinKeys: [
      { name: 'city', type: 'string' },
      { name: 'number', type: 'int64' },
    ],
    ids: [
      ['', 1n],
      ['x|y', 1n],
      ['x|y', 9_007_199_254_740_993n],
    ],
  },
];

const feature = fc
  .constantFrom(...(Object.keys(FUNCTIONS) as AggregateFunction[]))
  .chain((name) =>
    fc.record({
      function: fc.constant(name),
      column: fc.constantFrom(...FUNCTIONS[name]!),
      hops: fc.constantFrom(null, 1, 3, 7, 16),
      bare: fc.boolean(),
    }),
  )
  .map(({ function: name, column, hops, bare }): Omit<FeatureSketch, 'name'> => {
    const windowUs = hops === null ? null : hops * HOP_US;
    if (name === 'count' && bare) return { function: name, windowUs };
    return { function: name, column, columnType: COLUMNS[column]!, windowUs };
  });

/** Where in time an event falls: on an edge, on one of few instants (ties), or anywhere. */
const instant = fc
  .tuple(fc.integer({ min: 0, max: HOPS - 1 }), fc.constantFrom(0, 0, 1, 1_800_000_000, HOP_US - 1))
  .map(([hop, us]) => START_US + hop * HOP_US + us);

/** How long after its event time an event becomes known; the last one is past the allowance. */
const arrival = fc.constantFrom(
  0,
  1,
  60_000_000,
  60_000_000,
  -30_000_000,
  HOP_US,
  LATENESS_US,
  LATENESS_US - 1,
  LATENESS_US + 1,
);

const event = fc.record({
  id: fc.integer({ min: 0, max: 2 }),
  eventUs: instant,
  delayUs: arrival,
  picks: fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 7, maxLength: 7 }),
  flaw: fc.constantFrom(...Array<null>(30).fill(null), 'key', 'time', 'early', 'created', 'nan'),
  /** How long after it arrived a source without created times no longer has it. */
  stayUs: fc.constantFrom(...Array<number>(4).fill(Infinity), 1, HOP_US, 2 * HOP_US + 5),
});

const runs = fc.array(
  fc.record({
    hops: fc.integer({ min: 0, max: 9 }),
    us: fc.constantFrom(0, 1, 300_000_000),
    kind: fc.constantFrom('ordinary', 'ordinary', 'ordinary', 'full', 'range', 'lost', 'crashed'),
    buckets: fc.constantFrom(1, 1, 3),
  }),
  { minLength: 1, maxLength: 4, size: 'max' },
);

export const scenarios = fc.record({
  keys: fc.constantFrom(...KEYS),
  created: fc.boolean(),
  features: fc.array(feature, { minLength: 1, maxLength: 7, size: 'max' }),
  events: fc.array(event, { minLength: 1, maxLength: 60, size: 'max' }),
  runs,
});
export type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never;

/** An event and from when and until when it stands in a source without created times. */
export type ArrivingEvent = RawEvent & { readonly arrivedUs: number; readonly goneUs: number };

/** @returns whether a source without created times holds the event when it is read at a time */
export function stands({ arrivedUs, goneUs }: ArrivingEvent, us: number): boolean {
  return arrivedUs <= us && us < goneUs;
}

export function eventsOf({ keys, events, created }: Scenario): ArrivingEvent[] {
  return events.map(({ id, eventUs, delayUs, picks, flaw, stayUs }) => {
    const values = Object.keys(COLUMNS).map((name, i) => {
      const choices = VALUES[name]!;
      return [name, choices[picks[i]! % (choices.length + 2)] ?? null] as const;
    });
    const record = Object.fromEntries(values) as Record<string, Value>;
    if (flaw === 'nan') record['price'] = [Number.NaN, Infinity, -Infinity][id]!;
    const tuple: (KeyValue | null)[] = [...keys.ids[id]!];
    if (flaw === 'key') tuple[tuple.length - 1] = null;
    // Without created times nothing tells that an event is too late: those are never made.
    const lateUs = created ? delayUs : Math.min(delayUs, LATENESS_US);
    // Nor that one was taken back, once it lies further back than the allowance.
    const goneUs = stayUs === Infinity ? Infinity : eventUs + Math.min(lateUs + stayUs, LATENESS_US);
    return {
      keys: tuple,
      eventUs: flaw === 'time' ? null : flaw === 'early' ? -1 : eventUs,
      createdUs: !created || flaw === 'created' ? null : eventUs + lateUs,
      arrivedUs: eventUs + lateUs,
      goneUs: created ? Infinity : goneUs,
      values: record,
    };
  });
}
