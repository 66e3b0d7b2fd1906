/** The Python client beside what stands around models: a transformer of KServe, a run of MLflow, pandas 3. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { plumb, PLUMB, serve } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { freePort } from '../support/redis/redis.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startServer } from './server-process.ts';

const execute = promisify(execFile);
const CLIENT = join(import.meta.dirname, '../../clients/python');
const EXAMPLES = join(CLIENT, 'examples');

/** A project of a template, its rows online. */
async function project(template: string): Promise<string> {
  const folder = join(scratchFolder(), template);
  for (const args of [
    ['init', folder, '--template', template],
    ['-C', folder, 'apply'],
    ['-C', folder, 'materialize'],
  ])
    expect(await plumb(args)).toMatchObject({ code: 0 });
  return folder;
}

interface Request {
  readonly id: string;
  readonly inputs: readonly {
    readonly shape: readonly number[];
    readonly data: readonly (number | null)[];
  }[];
}

/** A predictor that scores a row by its first number, and keeps what it was asked. */
async function predictor(asked: Request[]): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString('utf8')));
    request.on('end', () => {
      const { id, inputs } = JSON.parse(body) as Request;
      asked.push({ id, inputs });
      const [rows = 0, columns = 1] = inputs[0]!.shape;
      const data = Array.from({ length: rows }, (_, row) => inputs[0]!.data[row * columns] ?? 0);
      const outputs = [{ name: 'score', shape: [rows], datatype: 'FP64', data }];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ id, model_name: 'ranker', outputs }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test(
  'a transformer of KServe turns keys into features, and its request id finds the vectors',
  async () => {
    const python = await pythonEnvironment('models');
    const folder = await project('quickstart');
    const { url } = await serve(folder);
    const asked: Request[] = [];
    const [host, port] = [`127.0.0.1:${await predictor(asked)}`, await freePort()];
    const args = ['--model_name', 'ranker', '--predictor_host', host, '--predictor_protocol', 'v2'];
    const more = ['--http_port', String(port), '--enable_grpc', 'false'];
    const variables = { ...python.variables, PYTHONPATH: CLIENT, PLUMBLINE_URL: url };
    const file = join(EXAMPLES, 'kserve_transformer.py');
    const server = startServer('kserve', python.program('python'), [file, ...args, ...more], variables);
    onTestFinished(() => server.stop());
    await server.until(async (said) => (/startup complete|running on/i.test(said) ? true : null));
    const infer = async (body: object): Promise<{ status: number; text: string }> => {
      const answer = await fetch(`http://127.0.0.1:${port}/v2/models/ranker/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, text: await answer.text() };
    };
    const keys = (name: string): object => ({ name, shape: [2], datatype: 'INT64', data: [1001, 9] });
    const { status, text } = await infer({ id: 'kserve-1', inputs: [keys('driver_id')] });
    expect(status, text).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ id: 'kserve-1', outputs: [{ data: [Math.fround(0.388), 0] }] });
    // A driver who is not known has no rates, and -1 trips in their place.
    const numbers = [Math.fround(0.388), Math.fround(0.831), 20, null, null, -1];
    expect(asked).toMatchObject([{ id: 'kserve-1', inputs: [{ shape: [2, 3], data: numbers }] }]);
    const refused = await infer({ inputs: [keys('driver')] });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('join keys driver_id')]);
    const logged = await plumb(['-C', folder, 'log', 'cat']);
    expect(logged.stdout).toContain('"requestId":"kserve-1"');
  },
  PYTHON_LIMIT_MS,
);

test(
  'a run of MLflow keeps what its model was trained on',
  async () => {
    const python = await pythonEnvironment('models');
    const folder = await project('quickstart');
    const labels = join(folder, 'labels.csv');
    const rows = [
      '1001,2025-06-25T10:00:00Z,1',
      '1002,2025-06-25T11:00:00Z,0',
      '1003,2025-06-26T11:00:00Z,0.5',
    ];
    writeFileSync(labels, `driver_id,event_timestamp,label\n${rows.join('\n')}\n`);
    const env = {
      ...python.variables,
      PYTHONPATH: CLIENT,
      PLUMBLINE_PROJECT: folder,
      PLUMB: `${process.execPath} ${PLUMB}`,
      MLFLOW_TRACKING_URI: `file://${folder}/runs`,
      // Files are in maintenance there, and enough here: a database would need more packages.
      MLFLOW_ALLOW_FILE_STORE: 'true',
    };
    const done = await execute(python.program('python'), [join(EXAMPLES, 'mlflow_run.py'), labels], { env });
    const run = done.stdout.trim();
    const kept = (name: string): string => readFileSync(join(folder, 'runs/0', run, name), 'utf8');
    expect(kept('params/training_set')).toBe(`rank_v1-${run}`);
    const manifest = JSON.parse(kept('artifacts/training-set.json')) as object;
    expect(manifest).toMatchObject({ as: 'trained', bundle: expect.any(String) });
    const shown = await plumb(['-C', folder, '--json', 'training', 'show', `rank_v1-${run}`]);
    expect(manifest).toEqual(JSON.parse(shown.stdout));
    const { features } = JSON.parse(kept('artifacts/model.json')) as { features: string[] };
    expect(features).toHaveLength(3);
  },
  PYTHON_LIMIT_MS,
);

test(
  'frames and training sets under pandas 3',
  async () => {
    const python = await pythonEnvironment('pandas');
    const folder = await project('on-demand');
    const { url } = await serve(folder);
    const input = JSON.stringify({ client: CLIENT, url, project: folder, plumb: [process.execPath, PLUMB] });
    const found = JSON.parse(await python.run('test/clients/python_pandas.py', { input })) as object;
    expect(found).toEqual({
      pandas: '3',
      types: {
        customer_id: 'int64',
        // The second customer is not known.
        purchases__orders_7d: 'Int64',
        purchases__average_14d: 'float64',
        basket__cart_to_average: 'float64',
        basket__has_coupon: 'bool',
      },
      // pandas 2 calls it object.
      text: 'str',
      hasCoupon: [true, false],
      timesKept: true,
      sameAsArrow: true,
    });
  },
  PYTHON_LIMIT_MS,
);
