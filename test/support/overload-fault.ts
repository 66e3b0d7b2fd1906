/** A sidecar gets twice the requests that it can answer: how the tests run it and what they hold it to. */
import { rmSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { sidecarContender, startServer } from '../../loadtest/bench/contender.ts';
import { makeOverloadProject, overloadedServer } from '../../loadtest/bench/overload.ts';
import type { OverloadTimes } from '../../loadtest/bench/overload.ts';
import { IS_LONG_RUN } from './long-run.ts';

/**
 * In any run it refuses with 503 what it cannot do, answers the rest, is alive throughout and whole again behind it. How
 * much it answers, and how soon, decides in the long run only, which has the machine for itself.
 */
export async function overloadSidecar(transport: string, times: OverloadTimes): Promise<void> {
  const project = await makeOverloadProject();
  onTestFinished(() => rmSync(project, { recursive: true, force: true }));
  const settings = [`serve.transport=${transport}`];
  const server = await startServer(sidecarContender(transport, project, { settings }));
  onTestFinished(() => server.stop());
  const found = await overloadedServer(server, times);
  const told = `${JSON.stringify(found)}\nthe sidecar said:\n${server.said()}`;
  if (IS_LONG_RUN) process.stderr.write(`${told}\n`);
  const { 503: refused = 0 } = found.failures;
  expect(refused, told).toBeGreaterThan(0);
  expect(found.goodput, told).toBeGreaterThan(0);
  expect(found.livezMsMax, told).toBeLessThan(Infinity);
  expect(found.recovered, told).toBeGreaterThan(0);
  const text = await (await fetch(`http://127.0.0.1:${server.adminPort}/metrics`)).text();
  expect(Number(/plumbline_shed_requests_total\{reason="late"\} (\d+)/.exec(text)![1])).toBeGreaterThan(0);
  expect(text).toMatch(/^plumbline_waiting_requests 0$/m);
  if (!IS_LONG_RUN || transport !== 'uws') return;
  expect(found.goodput / found.capacity, told).toBeGreaterThanOrEqual(0.8);
  expect(found.told, told).toBeGreaterThanOrEqual(0.99);
  expect(found.livezMsMax, told).toBeLessThanOrEqual(100);
  expect(found.recovered / found.calm, told).toBeGreaterThanOrEqual(0.995);
}
