/** The folder of a history opens in other readers as it is: what is no history in it, they pass over. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { shopProject } from '../support/fixtures/shop-project.ts';

test(
  'pandas and pyarrow read the history of a view from its folder',
  async () => {
    const folder = await shopProject({
      'plumbline.yaml': 'project: shop\nmaterialize: { maxRejectedShare: 0.5 }\n',
    });
    const duck = await DuckDb.open();
    const file = join(folder, 'data/invoices.parquet');
    await duck.run(`CREATE TABLE t AS SELECT * FROM '${file}';
      INSERT INTO t SELECT * REPLACE (NULL AS customer_id) FROM t LIMIT 3; COPY t TO '${file}' (FORMAT parquet)`);
    expect((await plumb(['-C', folder, 'apply'])).code).toBe(0);
    const run = await plumb(['-C', folder, 'materialize', '--json']);
    expect(run.code).toBe(0);
    const { runs } = JSON.parse(run.stdout) as { runs: { historyRows: number; rejected: number }[] };
    expect(runs[0]).toMatchObject({ rejected: 3 });
    const history = join(folder, '.plumb/history/purchases/v1');
    const rows = runs[0]!.historyRows;
    const named = [
      'average_30d',
      'count_7d',
      'created_time',
      'customer_id',
      'day',
      'definition_id',
      'deleted',
      'event_time',
    ];
    const columns = [...named, 'favorite', 'run_id'];
    const python = await pythonEnvironment();
    const read: unknown = JSON.parse(await python.run('test/clients/read_history.py', { input: history }));
    expect(read).toEqual({ pandas: { rows, columns }, pyarrow: { rows, columns } });
    const [counted] = await duck.rows(`SELECT count(*)::INTEGER AS n FROM read_parquet('${history}')`);
    expect(counted).toEqual({ n: rows });
    duck.close();
  },
  PYTHON_LIMIT_MS,
);
