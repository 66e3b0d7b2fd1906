/** A start of the sidecar that fails, wherever it does: all that was open by then is closed. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import type { Project } from '../../../project/project.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { ServingFixture } from '../../support/fixtures/serving-fixture.ts';
import { rounds } from '../../support/long-run.ts';

let fixture: ServingFixture;
let adminPort: number;
beforeAll(async () => {
  fixture = new ServingFixture(systemClock());
  adminPort = await freePort();
});
afterAll(() => fixture.close());

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function project(transport: string, host = `unix:${join(fixture.folder, 'run.sock')}`): Project {
  const opened = fixture.project({
    'serve.transport': transport,
    'serve.adminHost': '127.0.0.1',
    'serve.adminPort': String(adminPort),
  });
  const { settings } = opened;
  return { ...opened, settings: { ...settings, serve: { ...settings.serve, host } } };
}

/** The project, of which one look at its parts, settings or logger throws: each step of a start looks at some. */
function broken(of: Project, at: number): { readonly project: Project; readonly looks: number } {
  let looks = 0;
  const handler: ProxyHandler<object> = {
    get(target, key) {
      looks += 1;
      if (looks === at) throw new Error(`no ${String(key)}`);
      return Reflect.get(target, key) as unknown;
    },
  };
  const counted = <Part extends object>(part: Part): Part => new Proxy(part, handler) as Part;
  const { settings, logger } = of;
  return {
    project: counted({ ...of, settings: counted(settings), logger: counted(logger) }),
    get looks() {
      return looks;
    },
  };
}

const SOCKETS = '/proc/net/unix';
const PASSING = new Set(['Timeout', 'Immediate', 'FSReqCallback']);

/** What keeps a process from ending. Node does not know the sockets of uWebSockets.js; Linux does. */
function held(): number {
  const sockets = existsSync(SOCKETS) ? readFileSync(SOCKETS, 'utf8').split('\n') : [];
  if (sockets.some((line) => line.includes(fixture.folder))) return Infinity;
  return process.getActiveResourcesInfo().filter((kind) => !PASSING.has(kind)).length;
}

/** Admin port, socket and the lock of the spool are free. */
async function expectNothingOpen(transport: string, before: number): Promise<void> {
  await vi.waitUntil(() => held() <= before, { timeout: 60_000 });
  const inFolder = readdirSync(fixture.folder).filter((name) => name.startsWith('.') && name !== '.plumb');
  expect(inFolder).toEqual([]);
  const served = await runServe(project(transport));
  await served.stop();
}

test('a start that fails at any of its steps leaves nothing open', async () => {
  const transport = 'auto';
  const whole = broken(project(transport), Infinity);
  const served = await runServe(whole.project);
  const steps = whole.looks;
  await served.stop();
  expect(steps).toBeGreaterThan(20);
  const before = held();
  let failed = 0;
  for (let at = 1; at <= steps; at += rounds(2, 1)) {
    const started = await runServe(broken(project(transport), at).project).catch((error: Error) => error);
    if (started instanceof Error) failed += 1;
    else await (started as RunningSidecar).stop();
    if (started instanceof Error) expect(started.message, `look ${at}`).toMatch(/\bno \w+$/);
    await vi.waitUntil(() => held() <= before, { timeout: 60_000 });
  }
  // What is caught on purpose, such as a warm-up that fails, is no failure of the start.
  expect(failed).toBeGreaterThan(steps / rounds(4, 2));
  await expectNothingOpen(transport, before);
});

test.each(['uws', 'node'])(
  'a start on %s whose socket cannot be put at the path, though it listens, leaves nothing open',
  async (transport) => {
    const before = held();
    const host = `unix:${fixture.folder}/gone/`;
    await expect(runServe(project(transport, host))).rejects.toMatchObject({
      code: 'SRV_PORT',
      message: expect.stringContaining('its folder has just been removed'),
    });
    await expectNothingOpen(transport, before);
  },
);
