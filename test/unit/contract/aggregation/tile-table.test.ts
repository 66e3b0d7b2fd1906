/** The tables of tiles and their types are frozen: other engines write them. */
import { expect, test } from 'vitest';
import { tileIdColumns, tileSqlType, tileTables } from '../../../../contract/aggregation/tile-table.ts';
import { goldenPlan } from '../../../support/fixtures/golden-tiles.ts';

const plan = goldenPlan({
  features: [
    'stddev price',
    'min pieces',
    'max paid',
    'first label',
    'last at',
    'avg amount',
    'max weight',
  ].concat(['countDistinct label', 'lastN label 3', 'approxCountDistinct amount', 'approxPercentile price']),
  columns: {
    amount: 'int64',
    at: 'timestamp',
    label: 'string',
    paid: 'bool',
    pieces: 'int32',
    price: 'float64',
    weight: 'float32',
  },
});

test.each([
  {
    engine: 'duckdb',
    id: 'view VARCHAR, definition BIGINT, k0 VARCHAR, k1 BIGINT, edge BIGINT, origin BIGINT',
    text: 'VARCHAR',
    int: 'INTEGER',
  },
  {
    engine: 'flink',
    id: 'view STRING, definition BIGINT, k0 STRING, k1 BIGINT, edge BIGINT, origin BIGINT',
    text: 'STRING',
    int: 'INT',
  },
  {
    engine: 'spark',
    id: 'view STRING, definition BIGINT, k0 STRING, k1 BIGINT, edge BIGINT, origin BIGINT',
    text: 'STRING',
    int: 'INT',
  },
] as const)('columns and types in $engine', ({ engine, id, text, int }) => {
  const list = (columns: Readonly<ReturnType<typeof tileIdColumns>>): string =>
    columns.map((column) => `${column.name} ${tileSqlType(engine, column)}`).join(', ');
  expect(list(tileIdColumns(plan))).toBe(id);
  expect(Object.fromEntries(tileTables(plan).map(({ name, columns }) => [name, list(columns)]))).toEqual({
    tile:
      'n BIGINT, seen BIGINT, since BIGINT, nv0 BIGINT, sum0_0 DECIMAL(38, 0), last1_t BIGINT, last1 BIGINT, ' +
      `first2_t BIGINT, first2 ${text}, max3 BOOLEAN, min4 ${int}, nv5 BIGINT, sum5_6 DECIMAL(38, 0), ` +
      'squares5_6 DECIMAL(38, 0), max6 FLOAT',
    values2: `value ${text}, count BIGINT`,
    latest2: `rank BIGINT, t BIGINT, value ${text}`,
    registers0: 'register BIGINT, rank BIGINT',
    buckets5: 'bucket BIGINT, count BIGINT',
  });
});
