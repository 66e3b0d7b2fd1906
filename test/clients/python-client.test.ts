/** The Python client against a sidecar: as a wheel, typed and linted, in all forms of an answer, and its errors. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished, expect, test } from 'vitest';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { plumb, PLUMB, serve } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { freePort } from '../support/redis/redis.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startServer } from './server-process.ts';

const execute = promisify(execFile);
const CLIENT = join(import.meta.dirname, '../../clients/python');
const SCHEMA = {
  feature_service: 'cart_v1',
  service_version: 7,
  bundle: 'b',
  join_keys: [],
  context: [],
  features: [],
  tensor: 'float64',
};
const SCHEMA_TEXT = JSON.stringify(SCHEMA);
const HEAD = `HTTP/1.1 200 OK\r\ncontent-length: ${SCHEMA_TEXT.length}\r\n\r\n`;

/** A server that does with each connection and each request on it what is told. */
async function server(onRequest: (socket: Socket, request: number) => void): Promise<string> {
  let requests = 0;
  const listening: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => onRequest(socket, requests++));
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void listening.close());
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

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

test(
  'gives vectors as dicts, frames, Arrow and tensors, and says what goes wrong in a sentence',
  async () => {
    const python = await pythonEnvironment();
    const folder = await project('on-demand');
    const installed = join(folder, 'site');
    const wheels = join(folder, 'wheels');
    // setuptools builds beside its sources.
    const sources = join(folder, 'sources');
    cpSync(CLIENT, sources, { recursive: true });
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet'];
    const made = [...pip, 'wheel', '--no-deps', '--no-build-isolation', '--wheel-dir', wheels, sources];
    await execute(python.program('python'), made, { env: python.variables });
    const wheel = join(wheels, 'plumbline_client-0.1.0-py3-none-any.whl');
    const install = [...pip, 'install', '--no-deps', '--no-index', '--target', installed, wheel];
    await execute(python.program('python'), install, { env: python.variables });
    const { url } = await serve(folder);
    const socket = join(folder, 'features.sock');
    const sets = [
      `serve.host=unix:${socket}`,
      'serve.adminPort=0',
      'log.spool=.plumb/other',
      'serve.deadlineMs=5000',
    ];
    const flags = sets.flatMap((one) => ['--set', one]);
    const onSocket = startServer('plumb serve', process.execPath, [PLUMB, '-C', folder, ...flags, 'serve']);
    onTestFinished(() => onSocket.stop());
    await onSocket.until(async (said) => (/serves on unix:/.test(said) ? true : null));
    const asked = {
      site: installed,
      url,
      socket,
      silent: await server(() => {}),
      half: await server((one) => one.end(`${HEAD}{`)),
      // It ends the first connection before it answers, and each later one behind one answer.
      closing: await server((one, request) =>
        request === 0 || request === 4 ? one.destroy() : one.end(HEAD + SCHEMA_TEXT),
      ),
    };
    const input = JSON.stringify(asked);
    const told = await python.run('test/clients/python_client.py', { input });
    const found = JSON.parse(told) as Record<string, unknown>;
    expect(found).toMatchObject({
      dict: { customer_id: [1001, 9], basket__has_coupon: [true, false] },
      status: {
        purchases__orders_7d: ['PRESENT', 'MISSING'],
        basket__has_coupon: ['PRESENT', 'PRESENT'],
      },
      requestId: 'python-1',
      hasAge: true,
      types: { customer_id: 'int64', purchases__average_14d: 'float64', basket__has_coupon: 'bool' },
      arrow: { customer_id: 'int64', purchases__average_14d: 'double', basket__has_coupon: 'bool' },
      polars: [2, 5],
      sameNumbers: true,
      matrix: [[2, 3], 'float64'],
      tensorStatus: { purchases__orders_7d: ['PRESENT', 'MISSING'] },
      many: 5,
      after: 2,
      threads: [400, true],
      router: {
        movedOfOthers: 0,
        evenly: true,
        inAnyOrder: true,
        ofNumpy: true,
        first: 'pod-7',
        refused: [
          'ValueError: a router needs at least one server, got none',
          'ValueError: pick needs the join keys of an entity, got none',
        ],
      },
      late: 'DeadlineExceeded: URL did not answer within 0.1 s',
      lateAfter: true,
      closing: [7, 7, 7],
      socket: true,
      asynchronous: [true, true, 'URL did not answer within 0.1 s', [7, 7, 7]],
    });
    expect(found['refused']).toEqual([
      expect.stringMatching(/^FeatureError: there is no feature service "cart".* \(SRV_UNKNOWN_SERVICE\)/),
      expect.stringMatching(/^FeatureError: there is no feature service "cart".* \(SRV_UNKNOWN_SERVICE\)/),
      expect.stringMatching(/^FeatureError: join key customer_id should be of type int64.*\(SRV_KEY_TYPE\)/),
      expect.stringMatching(/^FeatureError: all join keys of row 1 are null \(SRV_KEY_MISSING\)/),
      expect.stringMatching(/^FeatureError: .*cart_value/),
      'ValueError: each join key needs one value a row: customer_id has 2, other has 1',
      'ValueError: a deadline is a number of seconds above 0, got 0',
      "ValueError: x-request-id takes printable ASCII, got 'ä'",
      'NoSidecar: nothing answers at http://127.0.0.1:1 (Connection refused): is `plumb serve` running there?',
      expect.stringMatching(/^NoSidecar: nothing answers at unix:.* \(No such file or directory\)/),
      "ValueError: expected http://HOST:PORT or unix:/PATH, got 'https://there'",
      'NoSidecar: URL ended in mid-answer',
    ]);
  },
  PYTHON_LIMIT_MS,
);

test(
  'the example of FastAPI answers with features of its sidecar',
  async () => {
    const python = await pythonEnvironment();
    const { url } = await serve(await project('quickstart'));
    const port = await freePort();
    const args = [
      '-m',
      'uvicorn',
      'fastapi_app:app',
      '--app-dir',
      join(CLIENT, 'examples'),
      '--port',
      `${port}`,
    ];
    const variables = { ...python.variables, PYTHONPATH: CLIENT, PLUMBLINE_URL: url };
    const app = startServer('uvicorn', python.program('python'), args, variables);
    onTestFinished(() => app.stop());
    const ask = async (driver: number): Promise<unknown> =>
      (await fetch(`http://127.0.0.1:${port}/rank/${driver}`)).json();
    await app.until(async (said) => (said.includes('running on') ? true : null));
    expect(await ask(1001)).toMatchObject({ score: (0.388 + 0.831) / 2, degraded: false });
    expect(await ask(9)).toMatchObject({ score: 0, degraded: true });
  },
  PYTHON_LIMIT_MS,
);

test(
  'the package is typed and linted',
  async () => {
    const python = await pythonEnvironment();
    const cache = join(scratchFolder(), 'mypy');
    mkdirSync(cache);
    const options = { cwd: CLIENT, env: python.variables };
    // The oldest that is supported, which knows the fewest names; each takes half a minute.
    for (const version of IS_LONG_RUN ? ['3.10', '3.13'] : ['3.10']) {
      const mypy = ['-m', 'mypy', '--cache-dir', cache, '--python-version', version, 'plumbline_client'];
      const { stdout } = await execute(python.program('python'), mypy, options);
      expect(stdout).toContain('no issues found');
    }
    for (const args of [
      ['check', '--no-cache'],
      ['format', '--check', '--no-cache'],
    ])
      await execute(python.program('python'), ['-m', 'ruff', ...args, '.'], options);
  },
  PYTHON_LIMIT_MS,
);
