/** Traces of requests, sent to a receiver over HTTP; profiles of the thread that answers; both off unless asked for. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  manualClock,
  profile,
} from '../../support/fixtures/serving-fixture.ts';
import { IS_LONG_RUN } from '../../support/long-run.ts';
import { startTraceReceiver } from '../../support/http/trace-receiver.ts';
import type { TraceReceiver } from '../../support/http/trace-receiver.ts';
import { until } from '../../support/until.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const ROUTE = '/feature-service/get-online-features';

let receiver: TraceReceiver;
let fixture: ServingFixture;
let traced: RunningSidecar;
let plain: RunningSidecar;

beforeAll(async () => {
  receiver = await startTraceReceiver();
  fixture = new ServingFixture(manualClock(), { 'serve.deadlineMs': '5000' });
  fixture.put(profile, 1n, PROFILE_VALUES);
  fixture.mark('profile', NOON_US);
  const flags = { 'serve.traces.url': receiver.url, 'serve.profiling': 'true', 'log.spool': 'traced' };
  traced = await runServe(fixture.project(flags));
  plain = await runServe(fixture.project({ 'log.spool': 'plain' }));
});
afterAll(async () => {
  await traced.stop();
  await plain.stop();
  await receiver.stop();
  fixture.close();
});

interface Answer {
  readonly metadata: { readonly request_id: string };
}

async function ask(
  { port }: RunningSidecar,
  headers: Readonly<Record<string, string>>,
  service = 'profile_only',
): Promise<Answer> {
  const body = JSON.stringify({ feature_service: service, entities: { customer_id: [1] } });
  const response = await fetch(`http://127.0.0.1:${port}${ROUTE}`, { method: 'POST', body, headers });
  return (await response.json()) as Answer;
}

test('a traced request is continued in spans, and known by its trace; others leave none', async () => {
  const { metadata } = await ask(traced, { traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(metadata.request_id).toBe(`${TRACE}-${CALLER}`);
  await until(() => receiver.spans().length >= 4, 'the spans of the request');
  // The caller does not record it, sends no trace, or what is none.
  await ask(traced, { traceparent: `00-${TRACE}-${CALLER}-00` });
  await ask(traced, {});
  const odd = ['', '00-zz-00-01', `ff-${TRACE}-${CALLER}-01`, `00-${'0'.repeat(32)}-${CALLER}-01`];
  for (const traceparent of odd) {
    const { metadata: own } = await ask(traced, { traceparent });
    expect(own.request_id).toMatch(/^[0-9a-f]{16}-\d+$/);
  }
  await ask(traced, { traceparent: `00-${TRACE}-${CALLER}-01`, 'x-request-id': 'mine' }, 'no_such_service');
  await until(() => receiver.spans().length >= 6, 'the spans of the request that is refused');
  const spans = receiver.spans();
  expect(spans.map(({ name }) => name).toSorted()).toEqual([
    ROUTE,
    ROUTE,
    'log and leave',
    'read the store',
    'wait for its turn',
    'wait for its turn',
  ]);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  const roots = spans.filter(({ parentSpanId }) => parentSpanId === CALLER);
  expect(roots.map(({ attributes }) => attributes)).toMatchObject([
    {
      'http.route': ROUTE,
      'http.response.status_code': 200,
      'plumbline.service': 'profile_only',
      'plumbline.rows': 1,
    },
    { 'http.response.status_code': 404, 'plumbline.request_id': 'mine' },
  ]);
  for (const { spanId, parentSpanId, fromNs, toNs } of spans) {
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(toNs >= fromNs).toBe(true);
    const root = roots.find((one) => one.spanId === parentSpanId);
    if (root !== undefined) expect([fromNs >= root.fromNs, toNs <= root.toNs]).toEqual([true, true]);
    else expect(parentSpanId).toBe(CALLER);
  }
  for (const one of receiver.resources()) expect(one).toMatchObject({ 'service.name': 'plumbline-sidecar' });
  const metrics = await (await fetch(`http://127.0.0.1:${traced.adminPort}/metrics`)).text();
  expect(metrics).toContain('plumbline_spans_total{outcome="sent"} 6');
});

test('without a receiver nothing is traced, and a trace is still what the request is called by', async () => {
  const { metadata } = await ask(plain, { traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(metadata.request_id).toBe(`${TRACE}-${CALLER}`);
  const metrics = await (await fetch(`http://127.0.0.1:${plain.adminPort}/metrics`)).text();
  expect(metrics).not.toContain('plumbline_spans_total');
});

test('profiles of the answering thread, where they are allowed', async () => {
  const debug = (sidecar: RunningSidecar, path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${sidecar.adminPort}/debug/${path}`);
  expect((await debug(plain, 'cpu-profile')).status).toBe(404);
  expect((await debug(traced, 'nothing')).status).toBe(404);
  for (const wrong of ['cpu-profile?seconds=0', 'cpu-profile?second=1', 'heap-snapshot?seconds=1'])
    expect((await debug(traced, wrong)).status).toBe(400);
  const given = new AbortController();
  const long = `http://127.0.0.1:${traced.adminPort}/debug/cpu-profile?seconds=60`;
  let gone: Promise<unknown> | null = null;
  await until(async () => {
    // One of the short ones below may be there first: then it is asked for again.
    gone ??= fetch(long, { signal: given.signal }).then(
      () => (gone = null),
      () => 'gone',
    );
    return (await debug(traced, 'cpu-profile?seconds=0.01')).status === 409;
  }, 'it is taken');
  given.abort();
  expect(await gone).toBe('gone');
  await until(async () => (await debug(traced, 'cpu-profile?seconds=0.01')).status === 200, 'it has ended');
  const [first, second] = await Promise.all([
    debug(traced, 'cpu-profile?seconds=0.3'),
    debug(traced, 'cpu-profile?seconds=0.3'),
  ]);
  expect([first.status, second.status].toSorted((a, b) => a - b)).toEqual([200, 409]);
  const taken = (await (first.status === 200 ? first : second).json()) as {
    nodes: unknown[];
    samples: unknown[];
  };
  expect(taken.nodes.length).toBeGreaterThan(0);
  // It holds whatever the tests' own process holds: too much to take in each run.
  if (!IS_LONG_RUN) return;
  const snapshot = await (await debug(traced, 'heap-snapshot')).text();
  expect(snapshot.length).toBeGreaterThan(1_000_000);
  expect(JSON.parse(snapshot)).toHaveProperty('snapshot.meta');
});
