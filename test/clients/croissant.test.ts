/** `mlcroissant` finds no fault in the Croissant file of a training set, and reads the set by it. */
import { writeFileSync } from 'node:fs';
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
features: { a: bool, c: int64, e: { type: float64, description: "share of trips" }, f: string, h: timestamp, i: "list<string>",
  j: "embedding(2)" }
freshness: 3h
---
featureService: svc
features: [stats]
`;

test.each(['parquet', 'csv'])(
  'a set in %s',
  async (format) => {
    const folder = scratchFolder({ 'plumbline.yaml': 'project: types\n', 'definitions/d.yaml': DEFINITIONS });
    const duck = await DuckDb.open();
    await duck.run(`COPY (SELECT i AS driver_id, TIMESTAMP '2026-01-01' AS "at", "at" AS created, true AS a, 2 * i AS c,
      i / 2 AS e, 't' AS f, "at" AS h, ['a', 'b'] AS i, [1, 2]::FLOAT[] AS j FROM range(5) t(i))
      TO '${join(folder, 'h.parquet')}' (FORMAT parquet)`);
    duck.close();
    writeFileSync(
      join(folder, 'labels.csv'),
      'driver_id,event_timestamp,y,basket total,a/b,..,100%,a%20b,"q""q",preis €\n' +
        '3,2026-01-02,1,10,11,12,13,14,15,16\n1,2026-01-03,0,,,,,,,\n',
    );
    expect((await plumb(['-C', folder, 'apply'])).code).toBe(0);
    const out = join(folder, `an out.${format}`);
    const args = [
      '-C',
      folder,
      'train',
      '--labels',
      join(folder, 'labels.csv'),
      '--service',
      'svc',
      '--out',
      out,
    ];
    expect(await plumb(args)).toMatchObject({ code: 0 });
    const python = await pythonEnvironment();
    const input = JSON.stringify({ file: `${out}.croissant.json` });
    const read = JSON.parse(await python.run('test/clients/read_croissant.py', { input })) as {
      name: string;
      records: Record<string, unknown>[];
    };
    expect(read.name).toBe(`an out.${format}`);
    expect(read.records.length).toBe(2);
    expect(read.records[0]).toMatchObject({ 'rows/stats__c': 6, 'rows/stats__e': 1.5, 'rows/stats__f': 't' });
    const odd = [3, 4, 5, 6, 7, 8, 9].map((i) => Number(read.records[0]![`rows/~${i}`]));
    expect(odd).toEqual([10, 11, 12, 13, 14, 15, 16]);
    if (format === 'parquet')
      expect(read.records[0]).toMatchObject({
        'rows/driver_id': 3,
        'rows/y': 1,
        'rows/stats__j': [1, 2],
      });
  },
  PYTHON_LIMIT_MS,
);
