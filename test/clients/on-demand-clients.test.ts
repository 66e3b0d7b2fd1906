/** Triton's own client and Feast's send the inputs of on-demand views, and get what their functions compute. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runServe } from '../../sidecar/main.ts';
import type { RunningSidecar } from '../../sidecar/main.ts';
import { onDemandContent } from '../support/fixtures/on-demand-bundle.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  manualClock,
  profile,
  spend,
} from '../support/fixtures/serving-fixture.ts';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import { makeFeastRepo } from './feast-repo.ts';

interface Report {
  readonly triton: Readonly<Record<'features' | 'status', number[][]>>;
  readonly feast: Readonly<Record<string, unknown[]>>;
}

let fixture: ServingFixture;
let served: RunningSidecar;
let report: Report;

beforeAll(async () => {
  const python = await pythonEnvironment();
  fixture = new ServingFixture(manualClock(), { 'serve.deadlineMs': '5000' }, onDemandContent());
  fixture.put(spend, 1n, [25, 3n]);
  fixture.put(profile, 1n, PROFILE_VALUES);
  for (const id of ['spend', 'profile']) fixture.mark(id, NOON_US);
  served = await runServe(fixture.project());
  const host = `127.0.0.1:${served.port}`;
  const folder = makeFeastRepo(join(fixture.folder, 'feast'), ['type: remote', `path: http://${host}`]);
  const job = { host, folder, model: 'ordered' };
  report = JSON.parse(
    await python.run('test/clients/on_demand_clients.py', { input: JSON.stringify(job) }),
  ) as Report;
});

afterAll(async () => {
  await served?.stop();
  fixture?.close();
});

test('tritonclient sends inputs as tensors, in bytes and in JSON', () => {
  const { features, status } = report.triton;
  const score = Math.fround(0.1);
  // ratio, total, points, price, hour.
  expect(features).toEqual([
    [2, 25, 7, Math.fround(2 + score), 12],
    [-0.5, 25, 9_007_199_254_740_003, score, 12],
  ]);
  expect(status).toEqual([
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0],
  ]);
});

test("Feast's remote online store sends them as entity columns", () => {
  expect(report.feast).toEqual({
    ratio: [2, -0.5],
    points: [7, 9_007_199_254_740_003],
    label: ['Paris!', 'é!'],
  });
});
