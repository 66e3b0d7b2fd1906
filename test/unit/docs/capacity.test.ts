/** docs/capacity.md: what was measured of one core, and the sums that follow from it. */
import { expect, test } from 'vitest';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

/** What one of something takes: microseconds of one core, or bytes. */
const COSTS = {
  request: [
    17,
    'us',
    'a request of 50 doubles in five views, logged; 10,000 customers asked for evenly',
    '`--only workingset`',
  ],
  miss: [59, 'us', 'a request of which all five rows are read', '`--only miss`'],
  read: [
    10,
    'us',
    'a read of one row, of a Redis node: each in a write of its own',
    '`redis-benchmark -P 1 HMGET`',
  ],
  batched: [
    2.1,
    'us',
    'the same where a write has 16 of them: 0.21 of it',
    '`benchmarks/micro/redis-read-bench.ts`',
  ],
  entity: [200, 'bytes', 'an entity with one view of ten doubles in Redis', '`MEMORY USAGE`, docs/redis.md'],
  record: [
    1_060,
    'bytes',
    'a logged request of 50 doubles, in the spool and in Kafka',
    '`benchmarks/micro/ingest-bench.ts`',
  ],
  archived: [330, 'bytes', 'the same in the archive', 'the same'],
  ingested: [14, 'us', 'a logged request into the archive', 'the same'],
  judged: [
    35,
    'us',
    'a vector of 50 features in the verdict of a usual day',
    '`--only monitor --events 1000000 --days usual`',
  ],
  trained: [1.5, 'us', 'a value of a training set', '`--only train`: 200,000 labels x 10'],
  scanned: [
    0.3,
    'us',
    'a row of history of ten values that a training set looks through',
    '`--only train`: 2 labels',
  ],
  event: [14.5, 'us', 'an event in a first run, ten features', '`--only backfill --events 10000000`'],
  streamed: [23, 'us', 'an event of `plumb stream`, five windows', '`--only stream`'],
  written: [
    10,
    'us',
    'a row from the history to Redis, guarded',
    '`--only fill`: 203,000 a second on two cores',
  ],
} as const satisfies Record<string, readonly [number, 'us' | 'bytes', string, string]>;

type Costs = { readonly [name in keyof typeof COSTS]: number };

const DAY_S = 86_400;
const GIB = 2 ** 30;
const TIB = 2 ** 40;
const US = 1e6;
/** Of one Redis node's core, what is planned with. */
const NODE_SHARE = 0.5;
const VIEW_DAYS = 30;

/** What a size comes to. */
interface Sum {
  readonly size: string;
  /** In words, with the names of the costs. */
  readonly how: string;
  readonly result: (of: Costs) => string;
}

const SUMS: readonly Sum[] = [
  {
    size: '50,000 requests a second',
    how: '50,000 x request',
    result: ({ request }) => `${cores(50_000 * request)} of sidecars, one a pod`,
  },
  {
    size: 'the same, and no row cached',
    how: '50,000 x miss',
    result: ({ miss }) => cores(50_000 * miss),
  },
  {
    size: '20,000,000 rows a second, 90 % cached',
    how: '2,000,000 x read, nodes half busy',
    result: ({ read }) => nodes((2e6 * read) / NODE_SHARE),
  },
  {
    size: '130,000,000 HMGET a second, none cached',
    how: '130,000,000 x read, nodes half busy',
    result: ({ read }) => nodes((130e6 * read) / NODE_SHARE),
  },
  {
    size: 'the same, 16 in a write',
    how: '130,000,000 x batched, nodes half busy',
    result: ({ batched }) => nodes((130e6 * batched) / NODE_SHARE),
  },
  {
    size: '100,000,000 entities of five views',
    how: '100,000,000 x 5 x entity: less where views share a hash',
    result: ({ entity }) => `${((100e6 * 5 * entity) / GIB).toFixed(0)} GiB of Redis, and its replicas`,
  },
  {
    size: 'a day of 50,000 requests a second in Kafka / in the archive',
    how: '4,320,000,000 x record / archived',
    result: ({ record, archived }) =>
      `${((50_000 * DAY_S * record) / TIB).toFixed(1)} TiB / ${((50_000 * DAY_S * archived) / TIB).toFixed(1)} TiB`,
  },
  {
    size: 'its ingest',
    how: '50,000 x ingested',
    result: ({ ingested }) => `${cores(50_000 * ingested)}, by partition`,
  },
  {
    size: 'its verdict',
    how: '4,320,000,000 x judged',
    result: ({ judged }) => hours(50_000 * DAY_S * judged),
  },
  {
    size: '50,000,000 labels x 200 features, 20 views of 100,000,000 rows of history',
    how: '10,000,000,000 x trained + 2,000,000,000 x scanned',
    result: ({ trained, scanned }) => hours(50e6 * 200 * trained + 20 * 100e6 * scanned),
  },
  {
    size: 'a training set of a billion rows x 50 features',
    how: '50,000,000,000 x trained',
    result: ({ trained }) => hours(1e9 * 50 * trained),
  },
  {
    size: `a backfill of ${VIEW_DAYS} days at 20,000 events a second`,
    how: '51,840,000,000 x event',
    result: ({ event }) => hours(VIEW_DAYS * DAY_S * 20_000 * event),
  },
  {
    size: '200,000 events a second in streams',
    how: '200,000 x streamed',
    result: ({ streamed }) => cores(200_000 * streamed),
  },
  {
    size: '100,000,000 entities written anew',
    how: '100,000,000 x written',
    result: ({ written }) => hours(100e6 * written),
  },
];

function cores(usASecond: number): string {
  return `${(usASecond / US).toFixed(1)} cores`;
}

function nodes(usASecond: number): string {
  return `${Math.ceil(usASecond / US).toLocaleString('en')} nodes`;
}

function hours(us: number): string {
  return `${(us / US / 3_600).toFixed(1)} core hours`;
}

test('docs/capacity.md has what one of each costs, and the sums', () => {
  const costs = Object.entries(COSTS).map(([name, [value, unit, what, from]]) => [
    name,
    what,
    `${value.toLocaleString('en')} ${unit}`,
    from,
  ]);
  const of = Object.fromEntries(Object.entries(COSTS).map(([name, [value]]) => [name, value])) as Costs;
  const sums = SUMS.map(({ size, how, result }) => [size, how, result(of)]);
  const part = [
    markdownTable(['name', 'one', 'takes', 'measured by'], costs),
    markdownTable(['size', 'sum', 'comes to'], sums),
  ].join('\n\n');
  expectGeneratedPart('docs/capacity.md', 'test/unit/docs/capacity.test.ts', part);
});

test('each sum names the costs that it is made of', () => {
  for (const { how, result } of SUMS) {
    const used: string[] = [];
    const costs = Object.fromEntries(Object.entries(COSTS).map(([name, [value]]) => [name, value])) as Costs;
    result(
      new Proxy(costs, {
        get(target, name) {
          used.push(String(name));
          return target[name as keyof Costs];
        },
      }),
    );
    for (const name of used) expect(how).toContain(name);
    expect(used.length).toBeGreaterThan(0);
  }
});
