/** A sidecar gets twice the requests that it can answer: how the tests run it and what they hold it to. */
import { rmSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { sidecarContender, startServer } from '../../../benchmarks/harness/contender.ts';
import { contenderOn, onCores, splitCores } from '../../../benchmarks/harness/cores.ts';
import { makeOverloadProject, overloadedServer } from '../../../benchmarks/harness/overload-run.ts';
import type { OverloadTimes } from '../../../benchmarks/harness/overload-run.ts';
import { BENCH_KEY, BENCH_SERVICE } from '../../../benchmarks/harness/project.ts';
import { IS_LONG_RUN } from '../long-run.ts';
import { until } from '../until.ts';

/**
 * In any run it refuses with 503 what it cannot do, is alive throughout and answers again behind it. How much it
 * answers, and how soon, decides in the long run only, which has the machine for itself: a core for the server, one for
 * the load.
 */
export async function overloadSidecar(transport: string, times: OverloadTimes): Promise<void> {
  const project = await makeOverloadProject();
  onTestFinished(() => rmSync(project, { recursive: true, force: true }));
  const settings = [`serve.transport=${transport}`];
  const cores = IS_LONG_RUN ? splitCores() : null;
  const server = await startServer(contenderOn(cores, sidecarContender(transport, project, { settings })));
  onTestFinished(() => server.stop());
  const launcher = cores === null ? [] : onCores(cores.load);
  const found = await overloadedServer(server, { ...times, launcher });
  const told = `${JSON.stringify(found)}\nthe sidecar said:\n${server.said()}`;
  if (IS_LONG_RUN) process.stderr.write(`${told}\n`);
  expect(found.livezMsMax, told).toBeLessThan(Infinity);
  const text = await (await fetch(`http://127.0.0.1:${server.adminPort}/metrics`)).text();
  const shed = [...text.matchAll(/^plumbline_shed_requests_total\{.*\} (\d+)$/gm)].map(([, n]) => Number(n));
  expect(Math.max(...shed), `${told}\n${text}`).toBeGreaterThan(0);
  const body = JSON.stringify({ feature_service: BENCH_SERVICE, entities: { [BENCH_KEY]: [1] } });
  const url = `http://127.0.0.1:${server.port}/feature-service/get-online-features`;
  await until(async () => (await fetch(url, { method: 'POST', body })).status === 200, 'an answer behind it');
  if (!IS_LONG_RUN || transport !== 'uws') return;
  expect(found.goodput / found.capacity, told).toBeGreaterThanOrEqual(0.8);
  expect(found.told, told).toBeGreaterThanOrEqual(0.99);
  expect(found.livezMsMax, told).toBeLessThanOrEqual(100);
  expect(found.recovered / found.calm, told).toBeGreaterThanOrEqual(0.995);
}
