/** docs/sizing.md: what one of each costs, and what a set-up of a given size needs. */
import { expect, test } from 'vitest';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

type Unit = 'us' | 'bytes' | 'MiB' | 'a second' | '';

/** A view here has ten doubles: a row of it 115 bytes. */
const COSTS = {
  json: [15.5, 'us', 'a request of 1 row x 50 features as JSON, cached, logged', '`--only cached`'],
  jsonRow: [4.2, 'us', 'each further row of it', '`--only rows`: 50 rows take 221 us'],
  tensorRow: [2.1, 'us', 'each further row as a binary tensor', 'the same: 50 rows take 119 us'],
  missedRow: [8.7, 'us', 'a row of a view that has to be read', '`--only miss`: five take 59 us'],
  start: [105, 'MiB', 'a sidecar of the package at its start', '`--only memory`'],
  cachedRow: [800, 'bytes', 'a cached row of ten doubles, all that V8 needs around it included', 'the same'],
  record: [117, 'bytes', 'a record of the log without its rows', '`--only requestcosts`'],
  recordView: [48, 'bytes', 'each view of its request', 'the same'],
  recordEntity: [9, 'bytes', 'each entity in it', 'the same'],
  recordRow: [140, 'bytes', 'each row of each view in it', 'the same'],
} as const satisfies Record<string, readonly [number, Unit, string, string]>;

type Costs = { readonly [name in keyof typeof COSTS]: number };

const DAY_S = 86_400;
const HOUR_S = 3_600;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

interface Sum {
  readonly need: string;
  /** In words, with the names of the costs. */
  readonly how: string;
  readonly result: (of: Costs) => string;
}

const recordBytes = (of: Costs, rows: number, views: number): number =>
  of.record + views * of.recordView + rows * of.recordEntity + rows * views * of.recordRow;

/** 2,000 requests a second of 50 candidates x 50 features in five views, four pods, a tenth of the rows not cached. */
const SUMS: readonly Sum[] = [
  {
    need: 'cores of all sidecars, as JSON',
    how: '2,000 x (json + 49 x jsonRow + 25 x missedRow)',
    result: ({ json, jsonRow, missedRow }) => coresOf(2_000 * (json + 49 * jsonRow + 25 * missedRow)),
  },
  {
    need: 'the same as tensors',
    how: '2,000 x (json + 49 x tensorRow + 25 x missedRow)',
    result: ({ json, tensorRow, missedRow }) => coresOf(2_000 * (json + 49 * tensorRow + 25 * missedRow)),
  },
  {
    need: 'memory of a pod that keeps 100,000 rows',
    how: 'start + 100,000 x cachedRow',
    result: ({ start, cachedRow }) => `${(start + (100_000 * cachedRow) / MIB).toFixed(0)} MiB`,
  },
  {
    need: 'a record',
    how: 'record + 5 x recordView + 50 x recordEntity + 250 x recordRow',
    result: (of) => `${(recordBytes(of, 50, 5) / 1_024).toFixed(1)} KiB`,
  },
  {
    need: 'spool of a pod for each hour without Kafka (`log.maxBytes`)',
    how: '500 x 3,600 records',
    result: (of) => `${((500 * HOUR_S * recordBytes(of, 50, 5)) / GIB).toFixed(0)} GiB`,
  },
  {
    need: 'Kafka a day, before compression and replicas',
    how: '2,000 x 86,400 records',
    result: (of) => `${((2_000 * DAY_S * recordBytes(of, 50, 5)) / GIB / 1_024).toFixed(1)} TiB`,
  },
];

function coresOf(usASecond: number): string {
  return `${(usASecond / 1e6).toFixed(2)} cores`;
}

const PLAIN = Object.fromEntries(Object.entries(COSTS).map(([name, [value]]) => [name, value])) as Costs;

test('docs/sizing.md has what one of each costs, and the sums', () => {
  const costs = Object.entries(COSTS).map(([name, [value, unit, what, from]]) => [
    name,
    what,
    `${value.toLocaleString('en')} ${unit}`,
    from,
  ]);
  const sums = SUMS.map(({ need, how, result }) => [need, how, result(PLAIN)]);
  const part = [
    markdownTable(['name', 'one', 'takes', 'measured by'], costs),
    markdownTable(['what', 'sum', 'comes to'], sums),
  ].join('\n\n');
  expectGeneratedPart('docs/sizing.md', 'test/unit/docs/sizing.test.ts', part);
});

test('the costs of a record are those of the records that were measured', () => {
  // Bytes of a spool by rows and views, as `--only requestcosts` printed them: heartbeats are among them.
  const measured = [
    { rows: 1, views: 1, bytes: 314 },
    { rows: 1, views: 5, bytes: 1_066 },
    { rows: 1, views: 20, bytes: 3_889 },
    { rows: 10, views: 5, bytes: 7_435 },
    { rows: 50, views: 1, bytes: 7_614 },
  ];
  for (const { rows, views, bytes } of measured) {
    expect(Math.abs(recordBytes(PLAIN, rows, views) / bytes - 1)).toBeLessThan(0.01);
  }
});

test('each sum names the costs that it is made of', () => {
  for (const { how, result } of SUMS) {
    const used = new Set<string>();
    result(
      new Proxy(PLAIN, {
        get(target, name) {
          used.add(String(name));
          return target[name as keyof Costs];
        },
      }),
    );
    expect(used.size).toBeGreaterThan(0);
    if (!how.endsWith('records')) for (const name of used) expect(how).toContain(name);
  }
});
