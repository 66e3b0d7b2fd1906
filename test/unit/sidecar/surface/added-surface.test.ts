/** A surface that is added from outside: no type of a plan, a row or a request knows its form. */
import { expect, test } from 'vitest';
import { PRESENT } from '../../../../contract/status.ts';
import { Outbox } from '../../../../sidecar/answer/outbox.ts';
import { HotKeys } from '../../../../sidecar/cache/hot-keys.ts';
import { newReadyKind } from '../../../../sidecar/cache/ready-ring.ts';
import { RowCache } from '../../../../sidecar/cache/row-cache.ts';
import { RowLoader } from '../../../../sidecar/cache/row-loader.ts';
import { Metrics } from '../../../../sidecar/metrics/metrics.ts';
import { BundlePlans, ViewSlots } from '../../../../sidecar/plan/bundle-plans.ts';
import { encoderPlan } from '../../../../sidecar/plan/encoder-plan.ts';
import type { Plan } from '../../../../sidecar/plan/plan.ts';
import type { Surface } from '../../../../sidecar/request/surface.ts';
import { Serving } from '../../../../sidecar/serve.ts';
import { Exchange } from '../../../../sidecar/transport/transport.ts';
import { HeldReader } from '../../../support/faults/held-reader.ts';
import {
  NOON_US,
  bundleContent,
  encodeRow,
  manualClock,
  spend,
} from '../../../support/fixtures/serving-fixture.ts';

/** What the surface has ready for a service, and how often it was made. */
const made = { plans: 0, rows: 0 };
const linePlan = encoderPlan((plan: Plan) => {
  made.plans += 1;
  return { head: plan.fullNames.join(' '), kind: newReadyKind() };
});

/** `id mark` -> names, then `mark value value`. */
const lineSurface: Surface<string> = {
  code: 0,
  route: '/lines',
  path: '/lines',
  takes: (path) => path === '/lines',
  owns: (path) => path === '/lines',
  parse(body, plans) {
    const [id, mark] = body.toString().split(' ') as [string, string];
    const none = { texts: [], inputs: [], passedOver: 0 };
    return { plan: plans.service('profile_only'), count: 1, parts: [[id]], ...none, form: mark };
  },
  answer({ request, rows, statuses }, _latencyMs, out) {
    const { head, kind } = linePlan(request.plan);
    out.text(`${head}\n${request.form} `);
    const row = rows[0]!;
    if (statuses[0] !== PRESENT) out.text('none');
    else if (row !== null && !row.writeReady(kind, out)) {
      made.rows += 1;
      const from = out.length;
      out.text(row.values.join(' '));
      row.keep(kind, out.since(from));
    }
    return [];
  },
  errorBody: ({ message }) => message,
  examples: () => [],
};

class KeptExchange extends Exchange {
  override requestId = 'id';
  answer = '';
  override reply(_status: number, body: string | Buffer): void {
    this.answer = body.toString();
  }
}

test('it has its own plan, its own bytes of a row and its own state of a request', () => {
  const clock = manualClock();
  const metrics = new Metrics();
  const cache = new RowCache({ entries: 10, bytes: 2 ** 20, freshUs: 5e6, staleUs: 6e7 });
  const reader = new HeldReader();
  const loader = new RowLoader(reader, cache, { onStoreFailure() {}, onUnreadableRow() {} });
  const outbox = new Outbox(null, { durability: 'written', onFull: 'shed-log' }, metrics, () => {});
  const plans = new BundlePlans({ ...bundleContent([spend]), hash: 'b' }, '', new ViewSlots());
  const faults: unknown[] = [];
  const serving = new Serving({
    clock,
    cache,
    loader,
    outbox,
    metrics,
    hotKeys: new HotKeys(() => 'node'),
    plans,
    refuse: (_, fault) => void faults.push(fault),
  });
  const ask = (text: string): string => {
    const exchange = new KeptExchange();
    serving.serve(exchange, lineSurface, Buffer.from(text), 60_000);
    return exchange.answer;
  };
  reader.atOnce = { rows: [encodeRow(spend, [12.5, 3n])], watermarks: [NOON_US] };
  const names = spend.features.map(({ name }) => `spend__${name}`).join(' ');
  expect(ask('7 first')).toBe(`${names}\nfirst 12.5 3`);
  expect(ask('7 second')).toBe(`${names}\nsecond 12.5 3`);
  expect(ask('7 third')).toBe(`${names}\nthird 12.5 3`);
  expect(made).toEqual({ plans: 1, rows: 2 });
  reader.atOnce = { rows: [null], watermarks: [NOON_US] };
  expect(ask('8 absent')).toBe(`${names}\nabsent none`);
  expect(faults).toEqual([]);
});
