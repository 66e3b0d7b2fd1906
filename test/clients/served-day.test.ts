/** `served(date)` of the Python client: what a model got on a day, with the status of each value, of a real archive. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runIngest } from '../../monitor/ingest/main.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { PRESENT, UNAVAILABLE } from '../../contract/status.ts';
import { parseType } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { ComputedFields } from '../../contract/wire/log/computed-fields.ts';
import type { ServedRequest } from '../../contract/wire/log/served-record.ts';
import { DAY, at } from '../support/day-time.ts';
import { archivedRecords, recordsOf } from '../support/fixtures/archived-requests.ts';
import { onDemandContent } from '../support/fixtures/on-demand-bundle.ts';
import { SERVED_US } from '../support/fixtures/served-requests.ts';
import { MonitoredDay, SERVICE } from '../support/fixtures/monitored-day.ts';
import { scratchFolder } from '../support/scratch.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';

const row = (count: bigint | null, spent: number | null) => ({
  event: '08:00',
  created: '08:00',
  values: [count, spent],
});

test(
  'has the values that models got, nulls with what they are, and says what it lacks',
  async () => {
    const day = await MonitoredDay.make();
    try {
      day.serve('09:00', 'c-1', { row: row(2n ** 60n, 1.5) });
      day.serve('09:01', 'c-2', { row: row(7n, null), status: 'OUTSIDE_TTL' });
      // From here on the service does not take what is spent.
      const features = SERVICE.features.filter(({ feature }) => feature !== 'spent_1d');
      day.publish(day.orders, { ...SERVICE, features });
      day.serve('10:00', null, { status: 'UNAVAILABLE', source: 'none' });
      day.serve('10:01', 'c-4', { row: row(null, 4.5) }, 1, {
        row: { event: '08:00', created: '08:00', values: [0.25, null, null] },
      });
      await day.closeLog();
      day.project.setClock(at('23:00'));
      await runIngest(day.project);
      const refused = [
        ['2026-01-03', 'churn', null],
        [DAY, 'chum', null],
        [DAY, 'churn', '9.0'],
        ['yesterday', 'churn', null],
      ];
      const folder = day.project.settings.served;
      const python = await pythonEnvironment();
      const input = JSON.stringify({ folder, service: 'churn', date: DAY, refused });
      const found = JSON.parse(await python.run('test/clients/read_served.py', { input })) as object;
      const common = { driver_id: 1, driver_stats__conv_rate: null };
      expect(found).toMatchObject({
        frame: [
          { ...common, customer_id: 'c-1', orders__orders_1d: 2 ** 60, orders__spent_1d: 1.5 },
          { ...common, customer_id: 'c-2', orders__orders_1d: null, orders__spent_1d: null },
          { ...common, customer_id: null, orders__orders_1d: null, orders__spent_1d: null },
          { driver_id: 1, driver_stats__conv_rate: 0.25, customer_id: 'c-4', orders__orders_1d: null },
        ],
        types: { orders__orders_1d: 'int64[pyarrow]', orders__spent_1d: 'double[pyarrow]' },
        requests: [1, 2, 3, 4].map((n) => [`q-${n}`, 0]),
        arrow: 4,
        polars: 4,
        length: 4,
        refused: [
          expect.stringContaining('has no vectors of 2026-01-03'),
          expect.stringContaining(
            'has nothing of chum; it has churn: was the log ingested (`plumb monitor ingest`)?',
          ),
          expect.stringContaining('has no version 9.0; it has 1.0'),
          expect.stringContaining('expected a date such as 2026-01-02'),
        ],
      });
      const { statuses } = found as { statuses: Record<string, string>[] };
      expect(statuses.map((one) => one['orders__orders_1d'])).toEqual([
        'PRESENT',
        'OUTSIDE_TTL',
        'UNAVAILABLE',
        'NULL',
      ]);
      expect(statuses.map((one) => one['driver_stats__conv_rate'])).toEqual([
        'MISSING',
        'MISSING',
        'MISSING',
        'PRESENT',
      ]);
      expect(JSON.stringify(found)).not.toContain('_row__');
    } finally {
      await day.remove();
    }
  },
  PYTHON_LIMIT_MS,
);

test(
  'tells a value that the archive has not from one that was null; rows of one time stand pod by pod',
  async () => {
    const folder = scratchFolder();
    const hour = join(folder, `churn/v1.0/date=${DAY}/hour=10`);
    mkdirSync(hour, { recursive: true });
    mkdirSync(join(folder, 'fresh'));
    const duck = await DuckDb.open();
    // Two pods at one time, in an order of which none is the numbers' own; the model got 1 in each row.
    await duck.run(`COPY (
      SELECT TIMESTAMPTZ '${DAY} 10:00:00Z' AS _served_time, pod AS _pod, 'e' AS _epoch, sequence AS _sequence,
        0 AS _row, format('{}-{}', pod, sequence) AS _request_id, 'c-1' AS customer, NULL::BLOB AS customer__hmac,
        {'status': 'PRESENT', 'undecoded': bytes} AS _view__orders,
        hashed AS orders__hmac, NULL::BIGINT AS orders__spent, spent_hmac AS orders__spent__hmac
      FROM (VALUES ('b', 1, NULL::BLOB, 1, 'h'::BLOB), ('a', 2, 'row'::BLOB, NULL, NULL), ('b', 3, NULL, 1, NULL),
        ('a', 4, NULL, NULL, NULL)) AS t(pod, sequence, bytes, hashed, spent_hmac)
    ) TO ${quoteTarget(join(hour, '00000001.parquet'))} (FORMAT parquet)`);
    duck.close();
    const python = await pythonEnvironment();
    const input = JSON.stringify({ folder, service: 'churn', date: DAY, refused: [[DAY, 'fresh', null]] });
    const found = JSON.parse(await python.run('test/clients/read_served.py', { input })) as object;
    expect(found).toMatchObject({
      requests: [
        ['a-2', 0],
        ['a-4', 0],
        ['b-1', 0],
        ['b-3', 0],
      ],
      statuses: [
        { orders__hmac: 'UNDECODED', orders__spent: 'UNDECODED' },
        { orders__hmac: 'NULL', orders__spent: 'NULL' },
        { orders__hmac: 'PRESENT', orders__spent: 'HMAC' },
        { orders__hmac: 'PRESENT', orders__spent: 'NULL' },
      ],
      refused: [expect.stringContaining('has no version of fresh')],
    });
    const { statuses } = found as { statuses: object[] };
    expect(Object.keys(statuses[0]!)).toEqual(['orders__hmac', 'orders__spent']);
  },
  PYTHON_LIMIT_MS,
);

test(
  'has what on-demand views took and gave, whatever the service calls it',
  async () => {
    const folder = scratchFolder();
    const { hash } = publishBundle(join(folder, 'bundles'), onDemandContent());
    const given: readonly Value[] = [2, 'Paris!', null, Math.fround(0.1), ['a', null], 12];
    const answered = [
      onDemandRequest(hash, { inputs: [50, null, 4n, ['a']], outputs: given, statuses: [PRESENT, PRESENT] }),
      onDemandRequest(hash, {
        inputs: [13, 'Oslo', 5n, []],
        outputs: given.map((value, i) => (i === 3 || i === 4 ? null : value)),
        statuses: [PRESENT, UNAVAILABLE],
      }),
      onDemandRequest(hash, { inputs: [1, null, 6n, []], outputs: [], statuses: [PRESENT, PRESENT] }),
    ];
    await archivedRecords(folder, recordsOf(answered));
    const python = await pythonEnvironment();
    const date = formatTimestamp(SERVED_US).slice(0, 10);
    const input = JSON.stringify({ folder, service: 'ordered', date, refused: [] });
    const found = JSON.parse(await python.run('test/clients/read_served.py', { input })) as {
      readonly frame: object[];
      readonly own: string[];
    };
    const none = { spend__total: 'MISSING' };
    expect(found).toMatchObject({
      frame: [
        { customer_id: 17, trip__ratio: 2, trip__label: 'Paris!', trip__points: null, trip__hour: 12 },
        { price: null, fee__tags: null, trip__ratio: 2 },
        { trip__ratio: null, price: null },
      ],
      statuses: [
        { ...none, trip__ratio: 'PRESENT', trip__points: 'NULL', price: 'PRESENT', fee__tags: 'PRESENT' },
        { ...none, trip__ratio: 'PRESENT', price: 'UNAVAILABLE', fee__tags: 'UNAVAILABLE' },
        { ...none, trip__ratio: 'UNDECODED', price: 'UNDECODED' },
      ],
      inputs: [
        { cart: 50, city: null, big: 4, tags: ['a'] },
        { cart: 13, city: 'Oslo', big: 5, tags: [] },
        { cart: 1, city: null, big: 6, tags: [] },
      ],
    });
    expect(found.frame[0]).not.toHaveProperty('_status__trip');
    expect(found.own.filter((name) => /__/.test(name))).toEqual([]);
  },
  PYTHON_LIMIT_MS,
);

const INPUTS = { cart: 'float64', city: 'string', big: 'int64', tags: 'list<string>' };
/** In the order of the service's features. */
const OUTPUTS = ['float64', 'string', 'int64', 'float32', 'list<string>', 'float64'];

function onDemandRequest(
  bundle: string,
  of: {
    readonly inputs: readonly Value[];
    readonly outputs: readonly Value[];
    readonly statuses: readonly number[];
  },
): ServedRequest {
  const fields = new ComputedFields();
  for (const [list, types] of [
    ['inputs', Object.values(INPUTS)],
    ['outputs', OUTPUTS],
  ] as const) {
    fields.open(list, of[list].length);
    for (const [i, value] of of[list].entries()) fields.add(parseType(types[i]!)!, value);
    fields.close();
  }
  fields.statuses(of.statuses, 0, of.statuses.length);
  const rows = ['spend', 'profile'].map((view) => {
    return { role: view, view, status: 2, source: 2, fetchedUs: 0, watermarkUs: 0, row: null };
  });
  const computed = { buffer: fields.written, from: 0, to: fields.length };
  return {
    requestId: 'r',
    servedUs: SERVED_US,
    surface: 0,
    service: 'ordered',
    serviceVersion: 3,
    bundle,
    keyNames: ['customer_id'],
    features: [],
    vectors: [{ keys: ['17'], rows, computed }],
    answer: null,
    inputNames: Object.keys(INPUTS),
    onDemand: ['trip', 'fee'].map((view) => ({ role: view, view, definitionId: 7, outputPolicies: [] })),
  };
}
