/**
 * Snapshots as the monitor writes them, for tests of the report: a good day, a bad one, an empty one, a large one.
 * Values come from a generator of fixed seed, so that every run draws the same page.
 */
import type { Cause } from '../../monitor/causes/cause.ts';
import type {
  Distributions,
  Example,
  FeatureSnapshot,
  RunSnapshot,
  Snapshot,
  TrendPoint,
  ViewSnapshot,
} from '../../monitor/verdict/snapshot.ts';
import { compareCategories, compareNumeric } from '../../monitor/statistics/distribution.ts';

export const SAMPLE_DATE = '2026-11-20';
const DAY_START_MS = Date.parse(SAMPLE_DATE);
const HOUR_US = 3_600_000_000;
const MINUTE_MS = 60_000;

type Random = () => number;

function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function clock(minutes: number): string {
  return new Date(DAY_START_MS + Math.round(minutes * MINUTE_MS)).toISOString().replace('Z', '000Z');
}

export interface FeatureSample {
  readonly name: string;
  readonly type?: string;
  readonly rows?: number;
  readonly description?: string | null;
  readonly unjudged?: number;
  readonly causes?: Partial<Record<Cause, number>>;
  readonly promised?: Partial<Record<Cause, number>>;
  readonly distributions?: Distributions | null;
  readonly examples?: readonly Example[];
  readonly states?: FeatureSnapshot['states'];
}

const total = (causes: Partial<Record<Cause, number>>): number =>
  Object.values(causes).reduce((sum, count) => sum + count, 0);

export function featureSample(sample: FeatureSample): FeatureSnapshot {
  const { name, rows = 8_412, causes = {}, promised = {} } = sample;
  const wrong = total(causes);
  const numeric = sample.distributions?.kind === 'numeric';
  return {
    name,
    view: name.split('__')[0]!,
    type: sample.type ?? 'float64',
    description: sample.description ?? null,
    rows,
    unjudged: sample.unjudged ?? 0,
    unavailable: causes.unavailable ?? 0,
    exactMatch: rows === 0 ? null : 1 - wrong / rows,
    exactMatchWithinPromise: rows === 0 ? null : 1 - (wrong - total(promised)) / rows,
    toleranceMatch: rows === 0 ? null : 1 - (wrong - (causes['precision / type'] ?? 0)) / rows,
    exactMatchAsAvailable: rows === 0 ? null : 1 - (wrong - (causes['late arrival'] ?? 0)) / rows,
    states: sample.states ?? [
      { served: 'value', replayed: 'value', rows: rows - 391 },
      { served: 'zero', replayed: 'zero', rows: 331 },
      { served: 'null', replayed: 'null', rows: 60 },
    ],
    meanDifference: numeric ? (wrong === 0 ? 0 : -1.2345) : null,
    p99OfServedMinusReplayed: numeric ? (wrong === 0 ? 0 : -14.2) : null,
    p99OfAbsoluteDifference: numeric ? (wrong === 0 ? 0 : 38.5) : null,
    causes,
    promisedCauses: promised,
    distributions: sample.distributions ?? null,
    examples: sample.examples ?? [],
  };
}

/** Example rows of one cause, through the day. */
export function exampleSamples(
  cause: Cause,
  count: number,
  values: (
    i: number,
  ) => readonly [served: Example['served']['value'], replayed: Example['replayed']['value']],
  evidence: (i: number) => string,
  promised = false,
): Example[] {
  return Array.from({ length: count }, (_, i) => {
    const [served, replayed] = values(i);
    const minutes = 610 + i * 7.31;
    return {
      requestId: `0192f4c1-7b1e-7c3a-9d2e-${(0x5a3b9c1d2e00 + i * 7919).toString(16)}`,
      entities: { customer_id: String(12_346 + ((i * 137) % 5_900)) },
      servedAt: clock(minutes),
      served: { state: stateOf(served), value: served, eventTime: clock(480), createdTime: clock(482.5) },
      replayed: {
        state: stateOf(replayed),
        value: replayed,
        eventTime: clock(600),
        createdTime: clock(722.4),
      },
      cause,
      withinPromise: promised,
      evidence: evidence(i),
    };
  });
}

function stateOf(value: Example['served']['value']): Example['served']['state'] {
  if (value === null) return 'null';
  if (value === 'NaN') return 'NaN';
  return value === 0 || value === '0' ? 'zero' : 'value';
}

/** A count with a heavy tail, as purchases in a week are. */
function counts(random: Random, rows: number, mean: number): Float64Array {
  return Float64Array.from({ length: rows }, () => Math.floor(-mean * Math.log(1 - random())));
}

/** An amount with a heavy tail. */
function amounts(random: Random, rows: number, middle: number): Float64Array {
  return Float64Array.from({ length: rows }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.round(middle * Math.exp(1.1 * normal) * 100) / 100;
  });
}

function trendOf(
  names: readonly string[],
  days: number,
  rate: (name: string, ago: number) => number,
): TrendPoint[] {
  return Array.from({ length: days }, (_, i) => {
    const ago = days - i;
    const within = Object.fromEntries(names.map((name) => [name, rate(name, ago)]));
    return {
      date: new Date(DAY_START_MS - ago * 86_400_000).toISOString().slice(0, 10),
      verdict: Object.values(within).some((share) => share < 0.99) ? 'alert' : 'pass',
      provisional: ago <= 2,
      exactMatchWithinPromise: within,
      exactMatch: Object.fromEntries(
        names.map((name) => [name, within[name]! - 0.003 - 0.002 * ((ago * 7) % 5)]),
      ),
    };
  });
}

const VIEWS: readonly ViewSnapshot[] = [
  {
    view: 'user_purchase_features',
    owner: 'ml-platform',
    historyWatermark: '2026-11-21T00:00:00.000000Z',
    newestSourceRow: null,
    freshnessUs: 2 * HOUR_US,
    delayUs: 0,
    proposedDelayUs: HOUR_US / 6,
    proposedDelayWhy: 'the slowest ordinary run made its edge visible 9 min 40 s after it',
  },
  {
    view: 'product_features',
    owner: null,
    historyWatermark: '2026-11-20T23:12:40.000000Z',
    newestSourceRow: '2026-11-20T23:12:40.000000Z',
    freshnessUs: 6 * HOUR_US,
    delayUs: 0,
    proposedDelayUs: null,
    proposedDelayWhy: null,
  },
];

/** Hourly runs of one view and four-hourly ones of the other; where `late`, the one of 10:00 comes two hours late. */
function runsOf(late: boolean): RunSnapshot[] {
  const runs: RunSnapshot[] = [];
  const add = (
    view: string,
    edgeMinutes: number,
    start: number,
    minutes: number,
    state = 'complete',
  ): void => {
    runs.push({
      runId: `run-${view}-${edgeMinutes}`,
      view,
      kind: 'ordinary',
      startedAt: clock(start),
      finishedAt: state === 'running' ? null : clock(start + minutes),
      watermark: clock(edgeMinutes),
      state,
    });
  };
  for (let hour = -1; hour < 24; hour++) {
    if (late && hour === 11) continue;
    const start = late && hour === 10 ? 12 * 60 + 1 : hour * 60 + 2;
    if (late && hour === 10) add('user_purchase_features', 600, 602, 3, 'failed');
    if (late && hour === 12) add('user_purchase_features', 720, 12 * 60 + 14, 4);
    else add('user_purchase_features', hour * 60, start, 2 + ((hour + 5) % 4));
  }
  for (let hour = -4; hour < 24; hour += 4) add('product_features', hour * 60 + 5, hour * 60 + 5, 9);
  return runs.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

function snapshotOf(features: readonly FeatureSnapshot[], rest: Partial<Snapshot>): Snapshot {
  return {
    version: 1,
    project: 'retail',
    date: SAMPLE_DATE,
    service: 'churn_v1',
    verdict: 'pass',
    reasons: [],
    provisional: false,
    settlesAt: null,
    judgedAt: '2026-11-21T02:10:44.120000Z',
    bundle: '9f86d081884c7d65',
    vectors: {
      read: 8_412,
      judged: 8_412,
      unjudged: 0,
      unavailable: 0,
      duplicates: 0,
      gaps: 0,
      openTails: 0,
    },
    views: VIEWS,
    features,
    runs: runsOf(false),
    trend: trendOf(
      features.map((feature) => feature.name),
      30,
      () => 1,
    ),
    ...rest,
  };
}

const CATEGORIES = [
  'BAG',
  'CARD',
  'CHRISTMAS',
  'CANDLE',
  'CAKE & BAKING',
  'LIGHT',
  'T-LIGHT HOLDER, GLASS',
  'TIN',
];

function categoryCounts(random: Random, rows: number): Map<string, number> {
  const tally = new Map<string, number>();
  for (let i = 0; i < rows; i++) {
    const category = CATEGORIES[Math.floor(CATEGORIES.length * random() ** 2)]!;
    tally.set(category, (tally.get(category) ?? 0) + 1);
  }
  return tally;
}

export function goodDay(): Snapshot {
  const week = counts(randomOf(1), 8_412, 3);
  const spend = amounts(randomOf(2), 8_412, 300);
  const categories = categoryCounts(randomOf(3), 8_412);
  return snapshotOf(
    [
      featureSample({
        name: 'user_purchase_features__purchase_count_7d',
        type: 'int64',
        description: 'Invoices in the last seven days, without cancellations.',
        distributions: compareNumeric(week, week),
      }),
      featureSample({
        name: 'user_purchase_features__total_spend_lifetime',
        distributions: compareNumeric(spend, spend),
        causes: { 'cache age': 11 },
        promised: { 'cache age': 11 },
        examples: exampleSamples(
          'cache age',
          11,
          (i) => [310.5 + i, 325.45 + i],
          (i) =>
            `read from the cache at 10:1${i % 10}:02.114; the newer row was written at 10:1${i % 10}:04.870`,
          true,
        ),
      }),
      featureSample({
        name: 'user_purchase_features__favorite_category',
        type: 'string',
        distributions: compareCategories(categories, categories),
      }),
    ],
    {},
  );
}

const lag = (i: number): string =>
  'edge 10:00:00 was due; the run that wrote its row finished at 12:04:40, ' +
  `served at ${clock(610 + i * 7.31).slice(11, 19)} from watermark 09:00:00`;

export function badDay(): Snapshot {
  const week = counts(randomOf(1), 8_412, 3);
  const staleWeek = week.map((count, i) => (i % 9 === 0 ? Math.max(0, count - 1) : count));
  const order = amounts(randomOf(2), 7_900, 18);
  const zeroed = order.map((value, i) => (i % 6 === 0 ? 0 : value));
  const spend = amounts(randomOf(4), 8_412, 300);
  const purchased = Float64Array.from(
    { length: 8_000 },
    (_, i) => (DAY_START_MS - ((i * 7_919) % 40_000) * 60_000) * 1_000,
  );
  const features = [
    featureSample({
      name: 'user_purchase_features__purchase_count_7d',
      type: 'int64',
      description: 'Invoices in the last seven days, without cancellations.',
      causes: { 'materialization lag': 702, 'late arrival': 218, 'cache age': 14 },
      promised: { 'materialization lag': 262, 'cache age': 14 },
      distributions: compareNumeric(staleWeek, week),
      examples: [
        ...exampleSamples('materialization lag', 20, (i) => [String(i % 4), String((i % 4) + 1)], lag),
        ...exampleSamples(
          'late arrival',
          20,
          (i) => [String(i % 3), String((i % 3) + 1)],
          () =>
            'row of 08:00:00 was created at 16:02:31 by an ordinary run, after serving; its events came 7 h late',
        ),
        ...exampleSamples(
          'cache age',
          14,
          () => ['2', '3'],
          () => 'read from the cache at 09:04:01.201; the newer row was written at 09:04:03.008',
          true,
        ),
      ],
    }),
    featureSample({
      name: 'user_purchase_features__avg_order_value_30d',
      description: 'Mean value of an order line over thirty days',
      causes: { 'null or default substituted': 1_317, 'materialization lag': 120, 'precision / type': 8 },
      promised: { 'materialization lag': 41 },
      distributions: compareNumeric(zeroed, order),
      states: [
        { served: 'value', replayed: 'value', rows: 6_583 },
        { served: 'zero', replayed: 'null', rows: 1_317 },
        { served: 'null', replayed: 'null', rows: 500 },
        { served: 'missing', replayed: 'missing', rows: 12 },
      ],
      examples: [
        ...exampleSamples(
          'null or default substituted',
          20,
          () => [0, null],
          () => 'same row of 08:00:00: served 0, history has null',
        ),
        ...exampleSamples('materialization lag', 20, (i) => [17.384210526315787 + i, 18.2 + i], lag),
        ...exampleSamples(
          'precision / type',
          8,
          (i) => [17.25 + i * 0.1, Math.fround(17.25 + i * 0.1)],
          () => 'same row of 08:00:00: equal after rounding to float32',
        ),
      ],
    }),
    featureSample({
      name: 'user_purchase_features__total_spend_lifetime',
      causes: { unexplained: 3, 'materialization lag': 380 },
      promised: { 'materialization lag': 380 },
      distributions: compareNumeric(spend, spend),
      examples: [
        ...exampleSamples(
          'unexplained',
          3,
          (i) => [1_204.5 + i, 1_311 + i],
          () => 'same row (event 08:00:00, created 08:02:30, definition 1f0c22aa), yet another value',
        ),
        ...exampleSamples('materialization lag', 20, (i) => [310.5 + i, 325.45 + i], lag, true),
      ],
    }),
    featureSample({
      name: 'user_purchase_features__favorite_category',
      type: 'string',
      causes: { 'late arrival': 31 },
      distributions: compareCategories(
        categoryCounts(randomOf(5), 8_412),
        categoryCounts(randomOf(6), 8_412),
      ),
      examples: exampleSamples(
        'late arrival',
        20,
        () => ['T-LIGHT HOLDER, GLASS', 'BAG'],
        () => 'row of 08:00:00 was created at 16:02:31 by an ordinary run, after serving',
      ),
    }),
    featureSample({
      name: 'user_purchase_features__last_purchase_at',
      type: 'timestamp',
      distributions: compareNumeric(purchased, purchased),
      unjudged: 37,
    }),
    featureSample({
      name: 'product_features__units_sold_30d',
      type: 'int64',
      distributions: compareNumeric(week, week),
    }),
    featureSample({
      name: 'product_features__main_country',
      type: 'string',
      rows: 0,
      states: [],
      unjudged: 8_412,
    }),
  ];
  return snapshotOf(features, {
    verdict: 'alarm',
    reasons: [
      'user_purchase_features__avg_order_value_30d matches exactly within the promise for 83.30%, below 90%.',
      'user_purchase_features__purchase_count_7d matches exactly within the promise for 92.17%, below 99%.',
      '8,449 values could not be judged: the history of product_features ends at 23:12:40.',
    ],
    provisional: true,
    settlesAt: '2026-11-23T00:00:00.000000Z',
    vectors: {
      read: 8_412,
      judged: 8_405,
      unjudged: 8_449,
      unavailable: 12,
      duplicates: 5,
      gaps: 2,
      openTails: 1,
    },
    runs: runsOf(true),
    trend: trendOf(
      features.map((feature) => feature.name),
      30,
      (name, ago) => {
        if (name.endsWith('avg_order_value_30d')) return ago < 4 ? 0.994 : 0.999;
        return 1 - (((ago * 13) % 7) / 7) * (ago === 17 ? 0.03 : 0.003);
      },
    ),
  });
}

/** Nothing was served: no vector, no feature judged. */
export function emptyDay(): Snapshot {
  return snapshotOf([], {
    verdict: 'not-enough-data',
    reasons: ['No vector of this service is in the log of that day.'],
    vectors: { read: 0, judged: 0, unjudged: 0, unavailable: 0, duplicates: 0, gaps: 0, openTails: 0 },
    views: [],
    runs: [],
    trend: [],
  });
}

/** As full as a snapshot gets: every feature with distributions, five causes and twenty examples of each. */
export function largeDay(featureCount = 200): Snapshot {
  const causes: Partial<Record<Cause, number>> = {
    'materialization lag': 402,
    'late arrival': 118,
    'cache age': 90,
    'null or default substituted': 44,
    'served ahead': 21,
  };
  const features = Array.from({ length: featureCount }, (_, f) => {
    const served = amounts(randomOf(100 + f), 4_000, 20 + f);
    return featureSample({
      name: `some_rather_long_view_name_${f % 8}__feature_with_a_long_name_${f}_30d`,
      description:
        'A description of usual length, which says in one sentence what the feature means to its model.',
      causes,
      promised: { 'cache age': 90 },
      distributions: compareNumeric(served, amounts(randomOf(900 + f), 4_000, 21 + f)),
      examples: (Object.keys(causes) as Cause[]).flatMap((cause) =>
        exampleSamples(
          cause,
          20,
          (i) => [17.384210526315787 * (i + 1), 18.2 + i],
          () =>
            'edge 10:00:00 was due; the run that wrote its row finished at 12:04:40, served from watermark 09:00:00',
        ),
      ),
    });
  });
  return snapshotOf(features, {
    verdict: 'alert',
    reasons: ['200 features match exactly within the promise for less than 99% of their values.'],
    trend: trendOf(
      features.map((feature) => feature.name),
      30,
      (name, ago) => 1 - ((ago * name.length) % 11) / 1_500,
    ),
  });
}
