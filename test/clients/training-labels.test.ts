/** Labels that Arrow wrote keep their types in a training set, also those that Parquet alone cannot tell. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';

const DEFINITIONS = `entity: driver
joinKeys: { driver_id: int64 }
---
featureView: stats
entity: driver
source: { parquet: h.parquet, eventTime: at, createdTime: created }
features: { a: bool, b: int32, c: int64, d: float32, e: float64, f: string, g: bytes, h: timestamp, i: "list<string>",
  j: "embedding(2)", k: "map<int64>", l: "struct<x: int32, y: list<float64>>" }
freshness: 3h
---
featureService: svc
features: [stats]
`;

test(
  'pyarrow reads the same types, values and metadata of all columns of the labels, and the features beside them',
  async () => {
    const folder = scratchFolder({ 'plumbline.yaml': 'project: types\n', 'definitions/d.yaml': DEFINITIONS });
    const duck = await DuckDb.open();
    await duck.run(`COPY (SELECT i AS driver_id, TIMESTAMP '2026-01-01' AS "at", "at" AS created, true AS a, 1::INTEGER AS b,
      i * 10 AS c, 0.5::FLOAT AS d, 0.5::DOUBLE AS e, 't' AS f, 'q'::BLOB AS g, "at" AS h, ['a', NULL] AS i,
      [1, 2]::FLOAT[] AS j, MAP {'k': 1::BIGINT} AS k, {'x': 1::INTEGER, 'y': [1::DOUBLE]} AS l FROM range(5) t(i))
      TO '${join(folder, 'h.parquet')}' (FORMAT parquet)`);
    duck.close();
    expect((await plumb(['-C', folder, 'apply'])).code).toBe(0);
    const python = await pythonEnvironment();
    const run = async (job: unknown): Promise<string> =>
      await python.run('test/clients/training_labels.py', { input: JSON.stringify(job) });
    const [labels, out] = [join(folder, 'labels.parquet'), join(folder, 'out.parquet')];
    await run({ write: labels });
    const train = ['-C', folder, 'train', '--labels', labels, '--service', 'svc', '--out', out];
    expect(await plumb(train)).toMatchObject({ code: 0 });
    expect(JSON.parse(await run({ compare: labels, with: out }))).toEqual({
      stats__a: 'bool',
      stats__b: 'int32',
      stats__c: 'int64',
      stats__d: 'float',
      stats__e: 'double',
      stats__f: 'string',
      stats__g: 'binary',
      stats__h: 'timestamp[us, tz=UTC]',
      stats__i: 'list<element: string>',
      stats__j: 'list<element: float>',
      stats__k: "map<string, int64 ('stats__k')>",
      stats__l: 'struct<x: int32, y: list<element: double>>',
    });
  },
  PYTHON_LIMIT_MS,
);
