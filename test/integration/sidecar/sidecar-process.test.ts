/** The sidecar as a process: starting, refusing to start, new bundles, its log, stopping. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { definitionName } from '../../../contract/wire/online/row-header.ts';
import { publishBundle, readPointer, writePointer } from '../../../contract/definitions/bundle-folder.ts';
import { systemClock } from '../../../project/clock.ts';
import { RehearsalControl, rehearsalClock } from '../../../project/rehearsal-clock.ts';
import { readHeader } from '../../../contract/wire/online/row-header.ts';
import { catLog } from '../../../sidecar/vector-log/log-cat.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  HOUR_US,
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  customer,
  feature,
  manualClock,
  productStats,
  profile,
  spend,
  view,
} from '../../support/fixtures/serving-fixture.ts';
import { PLUMB } from '../../support/processes/plumb-process.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NATIVE = '/feature-service/get-online-features';

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

interface LogLine {
  requestId: string;
  sequence: number;
  servedAt: string;
  service: string;
  vectors: {
    entities: object;
    features: object;
    statuses: object;
    views: Record<string, Record<string, unknown>>;
  }[];
}

let fixture: ServingFixture;
beforeEach(() => {
  fixture = new ServingFixture(systemClock());
});
afterEach(() => fixture.close());

/** Runs `plumb serve`; `started` resolves with the port of its ready line. */
function plumbServe(nodeFlags: readonly string[], ...args: string[]) {
  const node = [
    ...nodeFlags,
    '--disable-warning=ExperimentalWarning',
    PLUMB,
    '-C',
    fixture.folder,
    ...args,
    'serve',
  ];
  const child = spawn(process.execPath, node, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  const started = new Promise<number>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const ready = /serves on http:\/\/127\.0\.0\.1:(\d+) /.exec(stderr);
      if (ready !== null) resolve(Number(ready[1]));
    });
  });
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, stderr }));
  return { child, started, ended };
}

async function ask(port: number, body: object, headers = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${NATIVE}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function logged(): Promise<LogLine[]> {
  const { settings } = fixture.project();
  const lines: LogLine[] = [];
  for await (const line of catLog({ spool: settings.log.spool, bundles: settings.bundles, warn: () => {} })) {
    lines.push(line as LogLine);
  }
  return lines;
}

const EVERYTHING = { feature_service: 'everything', entities: { customer_id: [1], product_code: ['A'] } };

describe('plumb serve', () => {
  test.each(['uws', 'node'])(
    'on %s: serves until SIGTERM, finishes what is under way, ends with 0',
    async (name) => {
      const process_ = plumbServe([], '--set', `serve.transport=${name}`);
      const port = await process_.started;
      const answers = Array.from({ length: 50 }, () => ask(port, EVERYTHING));
      await answers[0];
      process_.child.kill('SIGTERM');
      const settled = await Promise.allSettled(answers);
      const { code, stderr } = await process_.ended;
      expect(code, stderr).toBe(0);
      const answered = settled.filter((s) => s.status === 'fulfilled' && s.value.status === 200).length;
      expect(answered).toBeGreaterThan(0);
      expect(await logged()).toHaveLength(answered);
    },
  );

  test('killed with SIGKILL, it has logged whatever it answered', async () => {
    // Without a ring answers wait for a slow disk, whatever else this machine does at the moment.
    const process_ = plumbServe([], '--set', 'log.ringBytes=0');
    const port = await process_.started;
    for (let i = 0; i < 30; i++) expect((await ask(port, EVERYTHING)).status).toBe(200);
    process_.child.kill('SIGKILL');
    await process_.ended;
    expect(await logged()).toHaveLength(30);
  });

  test('a port in use is one sentence and exit code 4, for both ports and transports', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      for (const args of [
        ['--set', `serve.port=${port}`, '--set', 'serve.transport=uws'],
        ['--set', `serve.port=${port}`, '--set', 'serve.transport=node'],
      ]) {
        const { code, stderr } = await plumbServe([], ...args).ended;
        expect(code).toBe(4);
        expect(stderr).toMatch(new RegExp(`^error: cannot listen on 127.0.0.1:${port}: .*in use`, 'm'));
        expect(stderr).not.toMatch(/ at .*\.ts:/);
      }
    } finally {
      taken.close();
    }
  });

  test('two sidecars never share a port', async () => {
    const first = await runServe(fixture.project());
    try {
      const spool = join(fixture.folder, 'other-spool');
      const flags = { 'serve.port': String(first.port), 'log.spool': spool };
      for (const transport of ['uws', 'node']) {
        const again = runServe(fixture.project({ ...flags, 'serve.transport': transport }));
        await expect(again).rejects.toMatchObject({ code: 'SRV_PORT', kind: 'failed' });
      }
      const admin = runServe(
        fixture.project({ 'log.spool': spool, 'serve.adminPort': String(first.adminPort) }),
      );
      await expect(admin).rejects.toMatchObject({ code: 'SRV_PORT' });
    } finally {
      await first.stop();
    }
  });

  test('where native modules cannot be loaded, node:http serves and it says so', async () => {
    const process_ = plumbServe(['--no-addons']);
    const port = await process_.started;
    expect((await ask(port, EVERYTHING)).status).toBe(200);
    process_.child.kill('SIGTERM');
    const { code, stderr } = await process_.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/"level":"warn".*uWebSockets.js cannot be loaded/);
    expect(stderr).toMatch(/serves on .* \(node:http\)/);
    const demanded = await plumbServe(['--no-addons'], '--set', 'serve.transport=uws').ended;
    expect([demanded.code, demanded.stderr]).toEqual([4, expect.stringContaining('SRV_TRANSPORT')]);
  });

  test.each(['uws', 'node'])('serves on a unix socket with %s', async (name) => {
    const path = join(fixture.folder, 'plumb.sock');
    const served = await runServe(fixture.project({ 'serve.host': `unix:${path}`, 'serve.transport': name }));
    try {
      const status = await new Promise<number>((resolve, reject) => {
        const request = httpRequest({ socketPath: path, path: NATIVE, method: 'POST' }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        });
        request.on('error', reject);
        request.end(JSON.stringify(EVERYTHING));
      });
      expect(status).toBe(200);
      expect(fixture.said.join('\n')).toContain(`serves on unix:${path}`);
    } finally {
      await served.stop();
    }
  });

  test('without anything applied it does not start', async () => {
    rmSync(fixture.project().settings.bundles, { recursive: true });
    const { code, stderr } = await plumbServe([]).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('REG_NOT_APPLIED');
    expect(stderr).toContain('plumb apply');
  });
});

describe('a running sidecar', () => {
  let served: RunningSidecar | null = null;
  afterEach(async () => {
    await served?.stop();
    served = null;
  });

  test('takes a new bundle within seconds, refuses a bad one, and keeps its cached rows', async () => {
    fixture.put(profile, 1n, PROFILE_VALUES, { eventUs: fixture.clock.nowUs() });
    fixture.put(spend, 1n, [3, 5n], { eventUs: fixture.clock.nowUs() });
    for (const id of ['profile', 'spend', 'product']) fixture.mark(id, fixture.clock.nowUs());
    served = await runServe(fixture.project());
    const body = { feature_service: 'profile_only', entities: { customer_id: [1] } };
    const features = async (): Promise<Record<string, unknown>> => {
      const answer = (await (await ask(served!.port, body)).json()) as { results: { features: object }[] };
      return answer.results[0]!.features as Record<string, unknown>;
    };
    expect(await features()).toMatchObject({ profile__visits: 7 });
    const { bundles } = fixture.project().settings;
    const pointer = readPointer(bundles)!;
    writePointer(bundles, { ...pointer, name: 'ffffffffffffffff' });
    await until(() => fixture.warnings.some((w) => w.includes('ffffffffffffffff is refused')), 'the refusal');
    expect(await features()).toMatchObject({ profile__visits: 7 });

    const changed = view('profile', customer, [
      feature('visits', 'int32', -5),
      feature('fresh', 'string', 'none'),
    ]);
    const content = bundleContent([changed, spend, productStats]);
    const schemas = new Map(content.schemas);
    schemas.set('profile', [...fixture.bundle.schemas.get('profile')!, ...content.schemas.get('profile')!]);
    const next = publishBundle(bundles, { ...content, schemas });
    await until(() => fixture.said.includes(`serving bundle ${next.hash}`), 'the new bundle');
    // The row of the old definition, by name and type; what it lacks has its fallback.
    expect(await features()).toEqual({ profile__visits: 7, profile__fresh: 'none' });
    expect(fixture.warnings.filter((w) => w.includes('is refused'))).toHaveLength(1);
  });

  test('logs each vector with what it was answered from', async () => {
    const clock = manualClock();
    const dated = new ServingFixture(clock);
    fixture.close();
    fixture = dated;
    const bytes = fixture.put(spend, 1n, [3, null], { eventUs: NOON_US - HOUR_US, createdUs: NOON_US - 5 });
    fixture.mark('spend', NOON_US - 60_000_000);
    served = await runServe(fixture.project());
    const body = { feature_service: 'twice', entities: { buyer_id: [1, null], seller_id: [2, 1] } };
    await ask(served.port, body, { 'x-request-id': 'first' });
    clock.us += 1_000_000;
    await ask(served.port, body, { 'x-request-id': 'second' });
    await ask(served.port, { feature_service: 'nope', entities: {} });
    await served.stop();
    const [first, second, ...rest] = await logged();
    expect(rest).toEqual([]);
    expect(first).toMatchObject({
      requestId: 'first',
      service: 'twice',
      servedAt: '2026-11-21T12:00:00.000000Z',
    });
    expect(second).toMatchObject({ requestId: 'second', servedAt: '2026-11-21T12:00:01.000000Z' });
    const [vector, nullKey] = first!.vectors;
    expect(vector!.statuses).toMatchObject({
      buyer__total: 'PRESENT',
      buyer__orders: 'NULL',
      seller__total: 'MISSING',
    });
    expect(vector!.features).toMatchObject({ buyer__total: 3, buyer__orders: null, seller__orders: '0' });
    expect(vector!.views['buyer']).toMatchObject({
      view: 'spend',
      status: 'PRESENT',
      source: 'store',
      fetchedAt: '2026-11-21T12:00:00.000000Z',
      watermark: '2026-11-21T11:59:00.000000Z',
      eventTime: '2026-11-21T11:00:00.000000Z',
    });
    expect(vector!.views['buyer']!['definitionId']).toBe(definitionName(readHeader(bytes)!.definitionId));
    expect(vector!.views['seller']).toMatchObject({ status: 'MISSING', source: 'store' });
    expect(nullKey!.views['buyer']).toMatchObject({ status: 'MISSING', source: 'none' });
    expect(second!.vectors[0]!.views['buyer']).toMatchObject({
      source: 'cache',
      fetchedAt: '2026-11-21T12:00:00.000000Z',
    });
  });

  test('in a rehearsal takes every recorded time, and freshness, from the control file', async () => {
    const file = join(fixture.folder, 'clock');
    const control = new RehearsalControl(file, NOON_US);
    const clock = rehearsalClock(file, 0);
    fixture.mark('spend', NOON_US);
    fixture.put(spend, 1n, [1, 1n], { eventUs: NOON_US - HOUR_US });
    served = await runServe({ ...fixture.project(), clock });
    const body = { feature_service: 'twice', entities: { buyer_id: [1], seller_id: [1] } };
    await ask(served.port, body);
    fixture.put(spend, 1n, [2, 1n], { eventUs: NOON_US });
    await ask(served.port, body);
    // The clock stands still: the row is fresh however long the test takes. One step later it is not.
    control.set(NOON_US + 6_000_000);
    await ask(served.port, body);
    await served.stop();
    control.close();
    const seen = (await logged()).map(({ servedAt, vectors: [v] }) => [
      servedAt,
      v!.views['buyer']!['source'],
      (v!.features as { buyer__total?: number }).buyer__total,
    ]);
    expect(seen).toEqual([
      ['2026-11-21T12:00:00.000000Z', 'store', 1],
      ['2026-11-21T12:00:00.000000Z', 'cache', 1],
      ['2026-11-21T12:00:06.000000Z', 'store', 2],
    ]);
  });

  test.each(['uws', 'node'])(
    'with log.onFull reject on %s, what cannot be logged is not answered',
    async (name) => {
      const flags = { 'log.onFull': 'reject', 'log.maxBytes': '8KiB', 'serve.transport': name };
      served = await runServe(fixture.project(flags));
      let status = 200;
      for (let i = 0; i < 200 && status === 200; i++) status = (await ask(served.port, EVERYTHING)).status;
      const refused = await ask(served.port, EVERYTHING);
      expect([status, refused.status, refused.headers.get('retry-after')]).toEqual([503, 503, '1']);
      expect(await refused.json()).toMatchObject({ error: { code: 'SRV_LOG_FULL' } });
    },
  );

  test('with durability synced answers come all the same', async () => {
    served = await runServe(fixture.project({ 'log.durability': 'synced' }));
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(served!.port, EVERYTHING)));
    const texts = await Promise.all(answers.map((a) => a.text()));
    expect(
      answers.map(({ status }) => status),
      texts.join('\n'),
    ).toEqual(answers.map(() => 200));
    expect(new Set(texts.map((t) => (JSON.parse(t) as { results: object[] }).results.length))).toEqual(
      new Set([1]),
    );
  });
});
