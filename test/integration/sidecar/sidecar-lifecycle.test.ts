/** How a sidecar begins and ends: its readiness, its probes while the loop is held up, draining, reloading. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../benchmarks/harness/contender.ts';
import { systemClock } from '../../../project/clock.ts';
import { runServe } from '../../../sidecar/main.ts';
import { readServedLog } from '../../../contract/wire/log/served-log.ts';
import { PLUMB, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { ServingFixture } from '../../support/fixtures/serving-fixture.ts';
import { GrpcCaller } from '../../support/grpc/grpc-caller.ts';
import { until } from '../../support/until.ts';

const BODY = JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: [1] } });

let fixture: ServingFixture;
beforeEach(() => {
  fixture = new ServingFixture(systemClock());
});
afterEach(() => fixture.close());

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
  said(): string;
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** `plumb serve` as a process of its own, once its ports are open. */
async function start(settings: readonly string[]): Promise<Running> {
  const sets = settings.flatMap((set) => ['--set', set]);
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', fixture.folder, ...sets, 'serve'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(() => void child.kill('SIGKILL'));
  const ready = /serves on http:\/\/127\.0\.0\.1:(\d+) .*admin on http:\/\/127\.0\.0\.1:(\d+)/;
  await until(() => ready.test(said), 'its ports are open');
  const [, port, adminPort] = ready.exec(said)!;
  return { child, port: Number(port), adminPort: Number(adminPort), said: () => said, ended };
}

async function page(port: number, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

async function ask(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/feature-service/get-online-features`, {
    method: 'POST',
    body: BODY,
  });
  await response.arrayBuffer();
  return response.status;
}

/** Runs a few lines in another process, during which the loop of this one stands still. */
function whileHeldUp(script: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

describe('readiness', () => {
  test('a password that the store refuses never becomes ready, and says why', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'right'] });
    onTestFinished(() => redis.stop());
    const wrong = redis.url.replace('redis://', 'redis://:wrong@');
    const running = await start([`online=${wrong}`]);
    await until(async () => /refuses/.test((await page(running.adminPort, '/readyz')).text), 'the refusal');
    const { status, text } = await page(running.adminPort, '/readyz');
    expect([status, text]).toEqual([
      503,
      expect.stringMatching(/not ready: .*refuses.*(WRONGPASS|password)/),
    ]);
    expect((await page(running.adminPort, '/livez')).status).toBe(200);
    expect(text).not.toContain(':wrong@');
    // Whoever asks in spite of it is answered, without values.
    expect(await ask(running.port)).toBe(200);
  });

  test('comes with the first answer of a store that was away at the start', async () => {
    const port = await freePort();
    const running = await start([`online=redis://127.0.0.1:${port}`]);
    expect((await page(running.adminPort, '/readyz')).status).toBe(503);
    const redis = await startRedis({ port });
    onTestFinished(() => redis.stop());
    await until(async () => (await page(running.adminPort, '/readyz')).status === 200, 'readiness');
    // An outage from then on takes the pod away no more.
    await redis.kill('SIGKILL');
    await until(async () => {
      await ask(running.port);
      return /plumbline_store_connected 0/.test((await page(running.adminPort, '/metrics')).text);
    }, 'the outage to be noticed');
    expect((await page(running.adminPort, '/readyz')).status).toBe(200);
  });
});

describe('while the loop is held up', () => {
  test('/livez and /readyz are answered all the same', async () => {
    const served = await runServe(fixture.project());
    onTestFinished(() => served.stop());
    await until(async () => (await page(served.adminPort, '/readyz')).status === 200, 'readiness');
    const told = whileHeldUp(`
      for (const path of ['livez', 'readyz']) {
        const response = await fetch('http://127.0.0.1:${served.adminPort}/' + path);
        console.log(response.status, (await response.text()).trim());
      }`);
    expect(told).toBe('200 alive\n200 ready\n');
  });

  test('for longer than serve.livezMs both are 503, and 200 again behind it', async () => {
    const served = await runServe(fixture.project({ 'serve.livezMs': '300' }));
    onTestFinished(() => served.stop());
    await until(async () => (await page(served.adminPort, '/readyz')).status === 200, 'readiness');
    const told = whileHeldUp(`
      for (const path of ['livez', 'readyz']) {
        let text = '';
        for (let status = 0; status !== 503; ) {
          const response = await fetch('http://127.0.0.1:${served.adminPort}/' + path);
          status = response.status;
          text = await response.text();
        }
        console.log(text.trim());
      }`);
    expect(told).toMatch(
      /^the thread that answers requests has not answered for [\d.]+ s\n.*has not answered/,
    );
    await until(async () => (await page(served.adminPort, '/livez')).status === 200, 'life');
  });

  test('/metrics is the last text with its age, and the truth again behind it', async () => {
    const served = await runServe(fixture.project());
    onTestFinished(() => served.stop());
    const ageOf = (text: string): number =>
      Number(/^plumbline_metrics_age_seconds ([\d.]+)$/m.exec(text)![1]);
    expect(ageOf((await page(served.adminPort, '/metrics')).text)).toBe(0);
    const told = whileHeldUp(`
      const response = await fetch('http://127.0.0.1:${served.adminPort}/metrics');
      console.log(await response.text());
      const other = await fetch('http://127.0.0.1:${served.adminPort}/cache-layers');
      console.log('cache-layers', other.status);`);
    expect(told).toContain('plumbline_build_info');
    expect(ageOf(told)).toBeGreaterThanOrEqual(1);
    expect(told).toContain('cache-layers 503');
    await until(async () => ageOf((await page(served.adminPort, '/metrics')).text) === 0, 'new figures');
  });
});

describe.each(['uws', 'node'])('SIGTERM on %s', (transport) => {
  test('is served on until nobody asks; all of it is answered and logged', async () => {
    const running = await start(['serve.drainMs=1000', `serve.transport=${transport}`]);
    let answered = 0;
    const load = (async () => {
      for (let sent = 0; sent < 60; sent++) {
        if (sent === 20) {
          running.child.kill('SIGTERM');
          await until(async () => (await page(running.adminPort, '/readyz')).status === 503, 'not ready');
        }
        expect(await ask(running.port)).toBe(200);
        answered += 1;
      }
    })();
    await load;
    expect(await running.ended).toBe(0);
    expect(running.said()).toContain('serving until nobody asks');
    const logged = [...readServedLog(fixture.project().settings.log.spool)].filter(
      ({ kind }) => kind === 'served',
    );
    expect(logged.length).toBe(answered);
  });

  test('is not cut short by a second one, but by SIGINT', async () => {
    const running = await start([
      'serve.drainMs=600000',
      'serve.graceMs=900000',
      `serve.transport=${transport}`,
    ]);
    running.child.kill('SIGTERM');
    await until(() => running.said().includes('serving until nobody asks'), 'the draining');
    running.child.kill('SIGTERM');
    expect((await page(running.adminPort, '/readyz')).status).toBe(503);
    expect(await ask(running.port)).toBe(200);
    running.child.kill('SIGINT');
    expect(await running.ended).toBe(0);
  });
});

test('SIGTERM is served on over gRPC, too: no call fails that comes while it drains, and all are logged', async () => {
  const running = await start(['serve.drainMs=1000', 'serve.grpcPort=0']);
  const grpcPort = Number(/gRPC on 127\.0\.0\.1:(\d+)/.exec(running.said())![1]);
  const infer = {
    model_name: 'profile_only',
    inputs: [{ name: 'customer_id', datatype: 'INT64', shape: [1], contents: { int64_contents: ['1'] } }],
  };
  const feast = {
    feature_service: 'profile_only',
    entities: { customer_id: { val: [{ int64_val: '1' }] } },
  };
  let answered = 0;
  let hasSignal = false;
  // Each on a connection of its own, which stays open until the sidecar ends.
  const callers = Array.from(
    { length: 4 },
    () => new GrpcCaller(grpcPort, { 'grpc.use_local_subchannel_pool': 1 }),
  );
  const load = callers.map(async (caller, c) => {
    for (let left = 40; left > 0; left -= hasSignal ? 1 : 0) {
      await (c % 2 === 0 ? caller.inference('ModelInfer', infer) : caller.feast('GetOnlineFeatures', feast));
      answered += 1;
    }
  });
  await until(() => answered > 40, 'calls are answered');
  running.child.kill('SIGTERM');
  await until(async () => (await page(running.adminPort, '/readyz')).status === 503, 'not ready');
  hasSignal = true;
  await Promise.all(load);
  expect(await running.ended).toBe(0);
  for (const caller of callers) caller.close();
  const logged = [...readServedLog(fixture.project().settings.log.spool)].filter(
    ({ kind }) => kind === 'served',
  );
  expect(logged.length).toBe(answered);
});

test('no longer than the grace period leaves time for', async () => {
  const running = await start(['serve.drainMs=600000', 'serve.graceMs=5000']);
  running.child.kill('SIGTERM');
  expect(await running.ended).toBe(0);
});

test('SIGHUP reads plumbline.yaml again and ends nothing', async () => {
  const running = await start(['serve.drainMs=0']);
  const file = join(fixture.folder, 'plumbline.yaml');
  writeFileSync(
    file,
    'project: test\nserve: { port: 0, adminPort: 0, deadlineMs: 2000, cacheLayers: { stale: false } }\n',
  );
  running.child.kill('SIGHUP');
  await until(() => running.said().includes('cache layers: stale off'), 'the layer to be off');
  expect(running.said()).toContain('reading plumbline.yaml again');
  expect(await ask(running.port)).toBe(200);
  running.child.kill('SIGTERM');
  expect(await running.ended).toBe(0);
});
