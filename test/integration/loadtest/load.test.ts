/** `plumb load` against a real sidecar: its figures, its verdicts, its exit codes, and what it refuses. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { load as loadCommand } from '../../../loadtest/commands.ts';
import type { LoadFlags } from '../../../loadtest/commands.ts';
import { LOAD_SURFACES } from '../../../loadtest/request/request-text.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { BENCH_SERVICE, makeBenchProject } from '../../../benchmarks/harness/project.ts';
import { plumb, serve } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';

const CUSTOMERS = 2_000;
// A busy machine may answer late: what is not about time-outs waits.
const SHORT = ['--duration', '1s', '--warmup', '200ms', '--rate', '200', '--timeout', '60s'];

/** As the command line has them. */
const DEFAULTS: LoadFlags = {
  profile: 'cached',
  rate: '1000',
  duration: '30s',
  warmup: '2s',
  timeout: '1s',
  surface: 'native',
  keys: '1..1000',
  connections: '64',
  processes: '1',
  seed: '1',
};

interface LoadJson {
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  readonly failures: Record<string, number>;
  readonly withMissing: number;
  readonly withUnavailable: number;
  readonly latencyMs: Record<'p50' | 'p90' | 'p99' | 'max', number>;
  readonly phases: readonly { name: string; requests: number; withUnavailable: number; failed: number }[];
  readonly seconds: readonly { requests: number }[];
  readonly holds: boolean;
  readonly slo: readonly { objective: string; holds: boolean; actual: number; limit: number }[];
}

let folder: string;
beforeAll(async () => {
  folder = await makeBenchProject({ views: [3, 2], customers: CUSTOMERS, online: 'sqlite:.plumb/online.db' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(url: string, ...args: string[]): Promise<Finished> {
  return plumb(['-C', folder, '--json', 'load', '--url', url, ...args]);
}

function read({ code, stdout, stderr }: Finished): LoadJson {
  expect(stderr).not.toContain('error');
  expect([0, 1]).toContain(code);
  return JSON.parse(stdout) as LoadJson;
}

describe('against a sidecar', () => {
  test('an objective that holds: exit 0, and every request is accounted for', async () => {
    const { url } = await serve(folder);
    const ran = await load(url, ...SHORT, '--keys', `1..${CUSTOMERS}`, '--slo', 'p99=60s,errors=0%');
    const result = read(ran);
    expect(ran.code).toBe(0);
    expect(result).toMatchObject({ requests: 200, answered: 200, failed: 0, withMissing: 0, holds: true });
    expect(result.seconds.map(({ requests }) => requests)).toEqual([200]);
    expect(result.latencyMs.p50).toBeGreaterThan(0);
    expect(result.latencyMs.p50).toBeLessThanOrEqual(result.latencyMs.p99);
    expect(result.latencyMs.p99).toBeLessThanOrEqual(result.latencyMs.max);
  });

  test('one that does not: exit 1, said in the report, with a picture', async () => {
    const { url } = await serve(folder);
    const html = join(folder, 'picture.html');
    // A busy machine may make the sidecar refuse some: the middle one is answered.
    const objectives = ['--slo', 'p50=60s', '--slo', 'p50=1us', '--html', html];
    const base = ['-C', folder, 'load', '--url', url, '--keys', '1..50'];
    const ran = await plumb([...base, ...SHORT, ...objectives]);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/holds +p50=60s: was/);
    expect(ran.stdout).toMatch(/BROKEN +p50=1us: was .*times the limit/);
    expect(ran.stdout).toContain('█');
    const page = readFileSync(html, 'utf8');
    expect(page).toContain('<svg');
    expect(page).not.toMatch(/<script|src=|href=/);
  });

  test('fifty rows a request on every surface', async () => {
    const { url } = await serve(folder);
    for (const surface of LOAD_SURFACES) {
      const fifty = ['--profile', 'fifty-rows', '--surface', surface, '--keys', '1..500'];
      const ran = await load(url, '--duration', '300ms', '--warmup', '0s', '--rate', '200', ...fifty);
      const { requests, answered, failed, failures } = read(ran);
      // A cold sidecar on a busy machine may be behind at this rate, and says so.
      const { 503: refused = 0, timeout = 0, ...others } = failures;
      expect([requests, answered + failed, others], JSON.stringify({ refused, timeout })).toEqual([
        60,
        60,
        {},
      ]);
      expect(answered).toBeGreaterThan(0);
    }
  });

  test('entities that are not there show as MISSING; two processes share the rate; keys come from a file', async () => {
    const { url } = await serve(folder);
    const keys = join(folder, 'keys.txt');
    writeFileSync(keys, '9000001\n9000002\n');
    const result = read(await load(url, ...SHORT, '--keys', keys, '--processes', '2'));
    expect(result).toMatchObject({ requests: 200, answered: 200, withMissing: 200 });
  });

  test('a closed loop sends as fast as it is answered', async () => {
    const { url } = await serve(folder);
    const result = read(await load(url, '--duration', '2s', '--warmup', '200ms', '--rate', 'max'));
    // A busy machine may refuse some, or answer them too late.
    const { 503: _, timeout: __, ...others } = result.failures;
    expect(others).toEqual({});
    // More than its 64 connections can have sent without waiting for an answer.
    expect(result.answered).toBeGreaterThan(64);
  });
});

test(
  'faults: the store is stopped and resumed, answers come all the same and say what they lack',
  { timeout: REDIS_START_LIMIT_MS },
  async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const served = await makeBenchProject({ views: [3, 2], customers: CUSTOMERS, online: redis.url });
    onTestFinished(() => rmSync(served, { recursive: true, force: true }));
    const { url } = await serve(served);
    const faults = ['--profile', 'faults', '--store-pid', String(redis.pid), '--keys', `1..${CUSTOMERS}`];
    const result = read(await load(url, ...faults, '--duration', '2s', '--rate', '300', '--timeout', '5s'));
    expect(result.phases.map(({ name, requests }) => [name, requests])).toEqual([
      ['before', 150],
      ['store stopped', 210],
      ['after', 240],
    ]);
    expect(result.failed).toBe(0);
    expect(result.phases[1]!.withUnavailable).toBeGreaterThan(10);
    // It answers again: a stopped process would not.
    const again = read(await load(url, ...SHORT, '--keys', '1500..1999', '--deadline-ms', '5000'));
    expect(again.withUnavailable).toBe(0);
  },
);

describe('what it measures', () => {
  /** A server whose answers all stand still for a while, once, from the hundredth request on. */
  async function stallingServer(stallMs: number): Promise<string> {
    let asked = 0;
    let stall: Promise<void> | null = null;
    const schema = {
      service_version: 1,
      bundle: 'x',
      features: [],
      join_keys: [{ name: 'id', type: 'int64' }],
    };
    const server = createServer((request, response) => {
      request.resume();
      const body = request.method === 'GET' ? JSON.stringify(schema) : '{}';
      const answer = (): void => void response.setHeader('content-length', body.length).end(body);
      asked += 1;
      if (asked === 100) {
        stall = new Promise((resolve) => {
          setTimeout(() => {
            stall = null;
            resolve();
          }, stallMs);
        });
      }
      if (stall === null) answer();
      else void stall.then(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('a stall is felt by every request that was meant to start in it, not by one a connection', async () => {
    const url = await stallingServer(500);
    const base = ['--service', BENCH_SERVICE, '--duration', '2s', '--warmup', '0s', '--connections', '4'];
    const result = read(await load(url, ...base, '--rate', '500', '--timeout', '10s'));
    expect(result).toMatchObject({ requests: 1_000, answered: 1_000, failed: 0 });
    // 250 of the 1,000 requests were meant to start within the half second; those of its first 200 ms waited 300 ms
    // or longer. A tester that waits for answers would have seen four.
    expect(result.latencyMs.p90).toBeGreaterThan(300);
    expect(result.latencyMs.max).toBeGreaterThan(450);
  });

  test('a request that is not answered in time has failed, and no objective holds over it', async () => {
    const url = await stallingServer(1_500);
    const base = ['--service', BENCH_SERVICE, '--duration', '1s', '--warmup', '0s', '--connections', '4'];
    const ran = await load(url, ...base, '--rate', '200', '--timeout', '300ms', '--slo', 'p99=10s');
    const result = read(ran);
    expect(ran.code).toBe(1);
    expect(result.requests).toBe(200);
    expect(result.failures['timeout']).toBeGreaterThan(0);
    expect(result.answered + result.failed).toBe(200);
  });
});

describe('refusals', () => {
  const cases: [string, Partial<LoadFlags>, string][] = [
    ['another machine by address', { url: 'http://192.0.2.7:6566' }, 'LOAD_TARGET'],
    ['another machine by name', { url: 'http://features.example.com' }, 'LOAD_TARGET'],
    ['all interfaces', { url: 'http://0.0.0.0:6566' }, 'LOAD_TARGET'],
    ['TLS', { url: 'https://127.0.0.1:6566' }, 'LOAD_USAGE'],
    ['an unknown profile', { profile: 'storm' }, 'LOAD_USAGE'],
    ['an unknown surface', { surface: 'grpc' }, 'LOAD_USAGE'],
    ['a rate of 0', { rate: '0' }, 'LOAD_USAGE'],
    ['a rate that is no number', { rate: '' }, 'LOAD_USAGE'],
    ['a duration without a unit', { duration: '30' }, 'LOAD_USAGE'],
    ['an objective without a unit', { slo: ['p99=10'] }, 'LOAD_USAGE'],
    ['half a connection', { connections: '0.5' }, 'LOAD_USAGE'],
    ['more requests than can be counted', { rate: '1000000', duration: '24h' }, 'LOAD_USAGE'],
    ['a store to stop without the profile', { storePid: '999999' }, 'LOAD_USAGE'],
    ['a store that is no process', { profile: 'faults', storePid: '4194304' }, 'LOAD_USAGE'],
    ['the first process', { profile: 'faults', storePid: '1' }, 'LOAD_USAGE'],
    ['a port where nothing listens', { url: 'http://127.0.0.1:9' }, 'LOAD_SERVICE'],
  ];

  test.each(cases)('%s', async (_, flags, code) => {
    const context = {
      folder,
      json: true,
      color: false,
      logger: silentLogger,
      flags: {},
      tellErrors() {},
      print: async () => {},
    };
    await expect(loadCommand(context, { ...DEFAULTS, ...flags })).rejects.toMatchObject({ code });
  });

  test('at the command line: exit 2, one sentence, the field', async () => {
    const ran = await load('http://192.0.2.7:6566');
    expect([ran.code, JSON.parse(ran.stdout)]).toMatchObject([
      2,
      { error: { code: 'LOAD_TARGET', field: 'url' } },
    ]);
  });

  test('a service and keys that the sidecar does not have', async () => {
    const { url } = await serve(folder);
    const unknown = await load(url, '--service', 'no_such');
    expect([unknown.code, unknown.stdout]).toEqual([4, expect.stringContaining('SRV_UNKNOWN_SERVICE')]);
    const keys = join(folder, 'bad-keys.txt');
    writeFileSync(keys, '17850\nabc\n');
    const bad = await load(url, '--keys', keys);
    expect(bad.code).toBe(2);
    expect(bad.stdout).toContain('bad-keys.txt:2: customer_id is an int64');
  });
});
