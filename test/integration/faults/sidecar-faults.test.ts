/**
 * A sidecar's bundle swapped under load, and clients that go before they are answered. Other faults:
 * sidecar-faults-*.ts.
 */
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { REDIS_START_LIMIT_MS, startRedis } from '../../support/redis/redis.ts';
import {
  NOON_US,
  ServingFixture,
  bundleContent,
  encodeRow,
  feature,
  manualClock,
  productStats,
  profile,
  spend,
  view,
  customer,
} from '../../support/fixtures/serving-fixture.ts';
import { until } from '../../support/until.ts';

interface Row {
  readonly features: Readonly<Record<string, unknown>>;
  readonly statuses: Readonly<Record<string, string>>;
}

let undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.toReversed()) await step();
  undo = [];
});

async function serve(fixture: ServingFixture): Promise<RunningSidecar> {
  undo.push(() => fixture.close());
  const served = await runServe(fixture.project());
  undo.push(() => served.stop());
  return served;
}

async function ask(
  served: RunningSidecar,
  ids: readonly number[],
  deadlineMs = 2_000,
): Promise<{ code: number; rows: Row[] }> {
  const response = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
    method: 'POST',
    headers: { 'x-deadline-ms': String(deadlineMs) },
    body: JSON.stringify({ feature_service: 'twice', entities: { buyer_id: ids, seller_id: ids } }),
  });
  const { results } = (await response.json()) as { results: Row[] };
  return { code: response.status, rows: results };
}

describe('a bundle swapped under load', () => {
  test('fails no request and misreads no row, though rows of both definitions stand in the store', async () => {
    const fixture = new ServingFixture(manualClock());
    const wider = view(
      'spend',
      customer,
      [feature('orders', 'int64', 0n), feature('total', 'float64'), feature('returns', 'int32')],
      {
        kind: 'aggregated',
      },
    );
    const ids = Array.from({ length: 40 }, (_, i) => i + 1);
    for (const id of ids) {
      // Even ids were written by the newer definition, in which total and orders have changed places.
      const row =
        id % 2 === 0 ? encodeRow(wider, [BigInt(id), id * 1.5, 7]) : encodeRow(spend, [id * 1.5, BigInt(id)]);
      fixture.putRaw(spend, BigInt(id), row);
    }
    fixture.publishSchema(rowSchemaOf(spend, customer));
    fixture.publishSchema(rowSchemaOf(wider, customer));
    fixture.mark('spend', NOON_US);
    const served = await serve(fixture);
    const old = bundleContent();
    const schemas = new Map([
      ...old.schemas,
      ['spend', [rowSchemaOf(spend, customer), rowSchemaOf(wider, customer)]],
    ]);
    const next = { ...bundleContent([profile, wider, productStats]), schemas };
    const { bundles } = fixture.project().settings;
    const seen = new Set<number>();
    let asked = 0;
    const load = async (stopped: () => boolean): Promise<void> => {
      while (!stopped()) {
        const { code, rows } = await ask(served, ids);
        expect(code).toBe(200);
        asked += 1;
        for (const [i, row] of rows.entries()) {
          const id = ids[i]!;
          expect(row.features['buyer__total'], `total of ${id}`).toBe(id * 1.5);
          expect(row.features['buyer__orders'], `orders of ${id}`).toBe(id);
          if ('buyer__returns' in row.features) {
            expect(row.features['buyer__returns']).toBe(id % 2 === 0 ? 7 : null);
            expect(row.statuses['buyer__returns']).toBe(id % 2 === 0 ? 'PRESENT' : 'MISSING');
          }
        }
        seen.add(Object.keys(rows[0]!.features).length);
      }
    };
    let stop = false;
    const loads = [1, 2, 3, 4].map(() => load(() => stop));
    for (let swap = 0; swap < 3; swap++) {
      const hash = publishBundle(bundles, swap % 2 === 0 ? next : old).hash;
      await until(async () => {
        const schema = await fetch(`http://127.0.0.1:${served.port}/feature-service/twice`);
        return ((await schema.json()) as { bundle: string }).bundle === hash;
      }, 'the bundle is in force');
    }
    stop = true;
    await Promise.all(loads);
    expect([...seen].toSorted()).toEqual([4, 6]);
    expect(asked).toBeGreaterThan(20);
  });
});

describe('clients', () => {
  const request = (port: number, body: string): string =>
    `POST /feature-service/get-online-features HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const body = JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: [1] } });

  test.each(['uws', 'node'])(
    'that go in the middle of an answer hurt nobody else (%s)',
    async (transport) => {
      const redis = await startRedis();
      undo.push(() => redis.stop());
      const fixture = new ServingFixture(manualClock(), { online: redis.url, 'serve.transport': transport });
      const served = await serve(fixture);
      await redis.kill('SIGSTOP');
      const gone = Array.from({ length: 50 }, () => connect(served.port, '127.0.0.1'));
      await Promise.all(
        gone.map((socket) => new Promise((resolve) => socket.write(request(served.port, body), resolve))),
      );
      for (const socket of gone) socket.destroy();
      await redis.kill('SIGCONT');
      await until(async () => (await ask(served, [1])).code === 200, 'others are answered');
      const metrics = await (await fetch(`http://127.0.0.1:${served.adminPort}/metrics`)).text();
      expect(metrics).toContain('plumbline_in_flight_values 0');
    },
    REDIS_START_LIMIT_MS,
  );
});
