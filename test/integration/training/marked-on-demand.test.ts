/** Training sets of what a sidecar answered, where inputs and outputs of on-demand views are kept out of the log. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { LogPolicy } from '../../../contract/model.ts';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { runServe } from '../../../sidecar/main.ts';
import { runTrain } from '../../../training/train.ts';
import { fee, onDemandContent, trip } from '../../support/fixtures/on-demand-bundle.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  manualClock,
  profile,
  spend,
} from '../../support/fixtures/serving-fixture.ts';

const MARKS: Readonly<Record<string, LogPolicy>> = {
  city: 'hmac',
  cart: 'drop',
  label: 'hmac',
  ratio: 'drop',
};

test('what is marked is refused or left out, and all else is what was answered', async () => {
  const mark = <Of extends { readonly name: string }>(of: Of): Of => ({
    ...of,
    log: MARKS[of.name] ?? 'raw',
  });
  const views = [trip, fee].map((view) => ({
    ...view,
    inputs: view.inputs.map(mark),
    features: view.features.map(mark),
  }));
  const content = onDemandContent(views);
  const services = new Map([['ordered', content.services.get('ordered')!]]);
  const fixture = new ServingFixture(manualClock(), {}, { ...content, services });
  onTestFinished(() => fixture.close());
  writeFileSync(join(fixture.folder, 'hmac.key'), 'a secret of 20 bytes\n');
  writeFileSync(
    join(fixture.folder, 'plumbline.yaml'),
    'project: test\nserve: { port: 0, adminPort: 0 }\nlog: { hmacKey: { id: k1, file: hmac.key } }\n',
  );
  for (const [view, row] of [
    [spend, [25, 3n]],
    [profile, PROFILE_VALUES],
  ] as const) {
    fixture.mark(view.id, NOON_US);
    fixture.put(view, 1n, row);
  }
  const answered = await ask(fixture);
  await runIngest(fixture.project());
  const labels = join(fixture.folder, 'labels.csv');
  writeFileSync(labels, 'request_id,row,event_timestamp\nq-1,1,2026-11-21 13:00\nq-1,0,2026-11-21 13:00\n');
  const out = join(fixture.folder, 'set.parquet');
  const options = { service: 'ordered', labels, out, fromLog: true };
  await expect(runTrain(fixture.project(), options)).rejects.toMatchObject({
    code: 'TRAIN_MASKED',
    message: expect.stringMatching(
      /^trip__ratio, trip__label are features that definitions keep out/,
    ) as unknown,
  });
  const { features } = await runTrain(fixture.project(), { ...options, withoutMasked: true });
  const names = features.map(({ name }) => name);
  expect(names).toEqual(['spend__total', 'trip__points', 'price', 'fee__tags', 'trip__hour']);
  const rows = await rowsOf(out);
  expect(rows.map((row) => names.map((name) => shown(row[name])))).toEqual(
    [answered[1]!, answered[0]!].map((row) => names.map((name) => row[name])),
  );
});

async function ask(fixture: ServingFixture): Promise<Record<string, unknown>[]> {
  const served = await runServe(fixture.project());
  const response = await fetch(`http://127.0.0.1:${served.port}/feature-service/get-online-features`, {
    method: 'POST',
    headers: { 'x-request-id': 'q-1', 'x-deadline-ms': '20000' },
    body: JSON.stringify({
      feature_service: 'ordered',
      entities: { customer_id: [1, 404] },
      context: { cart: 50, city: ['Paris', null], big: [4, 5], tags: [['a'], ['b', null]] },
    }),
  });
  const text = await response.text();
  await served.stop();
  expect(response.status, text).toBe(200);
  const { results } = JSON.parse(text) as { results: { features: Record<string, unknown> }[] };
  return results.map(({ features }) => features);
}

async function rowsOf(file: string): Promise<SqlRow[]> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    return await duck.rows(`SELECT * FROM read_parquet(${quotePath(file)})`);
  } finally {
    duck.close();
  }
}

/** As the native surface prints it. */
function shown(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return (value as { items: unknown }).items;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' ? Number(value.toPrecision(7)) : value;
}
