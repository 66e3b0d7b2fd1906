/**
 * The archive as other programs read it: a row with every type of value, their borders, nulls and rows that are not
 * there, bit for bit. Spark in `npm run test:long` alone.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { xxHash64Bytes } from '../../contract/wire/online/xxhash.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { runIngest } from '../../monitor/ingest/main.ts';
import { openProject } from '../../project/project.ts';
import { VectorLog } from '../../sidecar/vector-log/vector-log.ts';
import { SERVED_US } from '../support/fixtures/served-requests.ts';
import { bundleContent, customer, feature, service, view } from '../support/fixtures/serving-fixture.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';

const FEATURES = [
  feature('flag', 'bool'),
  feature('small', 'int32'),
  feature('large', 'int64'),
  feature('single', 'float32'),
  feature('double', 'float64'),
  feature('name', 'string'),
  feature('bytes', 'bytes'),
  feature('at', 'timestamp'),
  feature('items', 'list<int64>'),
  feature('vector', 'embedding(3)'),
  feature('shares', 'map<float64>'),
  feature('both', 'struct<a: int64, b: string>'),
];
const NOTHING: readonly Value[] = FEATURES.map(() => null);
const ROWS: readonly (readonly Value[] | null)[] = [
  [
    true,
    -(2 ** 31),
    2n ** 53n + 1n,
    Math.fround(0.1),
    -0,
    'Zoë \u{1F600} of more than twelve bytes',
    Buffer.from([0, 255]),
    1_767_225_600_000_001n,
    [1n, null, -(2n ** 63n)],
    Float32Array.from([-0, 1.5, 2 ** -149]),
    new Map<string, Value>([
      ['a', NaN],
      ['b', null],
    ]),
    { a: 2n ** 63n - 1n, b: '' },
  ],
  [
    false,
    7,
    -(2n ** 63n),
    -0,
    NaN,
    '',
    Buffer.alloc(0),
    0n,
    [],
    Float32Array.from([0, 0, 0]),
    new Map(),
    null,
  ],
  NOTHING,
  null,
];

test(
  'pyarrow, pandas, polars and DuckDB read every value as it was served',
  async () => {
    const folder = scratchFolder({ 'plumbline.yaml': 'project: test\n' });
    const project = openProject(folder, silentLogger, {});
    const { settings } = project;
    const of = view('v', customer, FEATURES);
    const services = new Map([['all', service('all', [{ view: of, of: customer }])]]);
    const bundle = publishBundle(settings.bundles, { ...bundleContent([of]), services });
    const log = await VectorLog.open({
      folder: settings.log.spool,
      pod: 'pod-1',
      clock: project.clock,
      logger: silentLogger,
      durability: 'written',
      maxBytes: 2 ** 30,
      onFull: 'shed-log',
    });
    const stored = ROWS.map((values) =>
      values === null ? null : new RowEncoder(of).encode(SERVED_US, 0, 1, values),
    );
    for (const [i, row] of stored.entries()) {
      const times = { fetchedUs: SERVED_US, watermarkUs: 0 };
      log.append({
        requestId: `r${i}`,
        servedUs: SERVED_US + i,
        surface: 0,
        service: 'all',
        serviceVersion: 3,
        bundle: bundle.hash,
        keyNames: ['customer_id'],
        features: [],
        vectors: [
          {
            keys: [String(2n ** 53n + BigInt(i))],
            rows: [{ role: 'v', view: 'v', status: row === null ? 2 : 0, source: 2, row, ...times }],
          },
        ],
        answer: null,
      });
    }
    await log.close();
    await runIngest({ ...project, clock: { ...project.clock, nowUs: () => SERVED_US + 86_400_000_000 } });

    const expected = ROWS.map((values, i) => [
      String(i + 1),
      String(SERVED_US + i),
      values === null ? 'MISSING' : 'PRESENT',
      stored[i] === null ? null : String(BigInt.asIntN(64, xxHash64Bytes(stored[i]!))),
      String(2n ** 53n + BigInt(i)),
      ...FEATURES.map(({ type }, f) => textOf(type, values?.[f] ?? null)),
    ]);
    const readers = ['pyarrow', 'pandas', 'polars', 'duckdb', ...(IS_LONG_RUN ? ['spark'] : [])];
    const input = JSON.stringify({ folder: join(settings.served, 'all', 'v3.0'), readers });
    const python = await pythonEnvironment();
    const read: unknown = JSON.parse(await python.run('test/clients/read_archive.py', { input }));
    expect(read).toEqual(Object.fromEntries(readers.map((name) => [name, expected])));
  },
  PYTHON_LIMIT_MS,
);

/** As read_archive.py prints a value. */
function textOf(type: ValueType, value: Value): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return hexOf(value as number);
    case 'bytes':
      return Buffer.from(value as Uint8Array).toString('hex');
    case 'embedding':
      return [...(value as Float32Array)].map(hexOf);
    case 'list':
      return (value as readonly Value[]).map((item) => textOf(type.of, item));
    case 'map':
      return [...(value as ReadonlyMap<string, Value>)].map(([key, item]) => [key, textOf(type.of, item)]);
    case 'struct':
      return type.fields.map((field) => textOf(field.type, (value as Record<string, Value>)[field.name]!));
    default:
      return String(value);
  }
}

function hexOf(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
}
