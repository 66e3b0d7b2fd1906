/** Where the history does not say yet which row was the right one, it says which row was served. */
import { afterEach, expect, test } from 'vitest';
import type { FeatureService } from '../../../contract/model.ts';
import { judgedRowsFile } from '../../../monitor/verdict/snapshot-folder.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../../project/engine/duckdb/file-sql.ts';
import { DAY } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';

const TIMES = { event: '11:00:00', created: '11:01:00' };
const ORDERS: FeatureService = {
  ...SERVICE,
  features: SERVICE.features.filter(({ role }) => role === 'orders'),
  views: [SERVICE.views[0]!],
  requestKeys: [SERVICE.requestKeys[0]!],
};

let day: MonitoredDay;
afterEach(() => day.remove());

type Values = readonly [bigint, number];

async function makeDay(): Promise<void> {
  day = await MonitoredDay.make();
  day.publish(day.orders, ORDERS);
  const rows: Readonly<Record<string, Values>> = { a: [1n, 10], b: [2n, 20] };
  const own = Object.entries(rows).map(([customer, values]) => ({ customer, ...TIMES, run: 'r-11', values }));
  await day.appendOrders(own);
  // The edge of twelve was due when the vectors were served.
  await day.setWatermark('11:00:00');
}

function serve(values: Values, answer: Buffer | null = null): string {
  const row = servedRow(day.orders, '12:30:00', { row: { ...TIMES, values }, watermark: '11:00:00' });
  return day.append('12:30:00', { customer_id: 'a' }, [row], 0, { answer });
}

test('a wrong row is an incident, though no rate has its values', async () => {
  await makeDay();
  serve([1n, 10]);
  const foreign = serve([2n, 20]);
  const altered = serve([1n, 99]);
  const { incidents, features, views, slices } = await day.judge('13:00:00');
  const of = (cause: string) => incidents.find((incident) => incident.cause === cause)!;
  expect(incidents.map(({ cause }) => cause).toSorted()).toEqual(['foreign row', 'unexplained']);
  expect(of('foreign row')).toMatchObject({ rows: 1, values: 2, beyondPromise: 2 });
  expect(of('foreign row').examples[0]).toMatchObject({ requestId: foreign, causes: ['foreign row'] });
  expect(of('unexplained')).toMatchObject({ rows: 1, values: 1 });
  expect(of('unexplained').examples[0]).toMatchObject({ requestId: altered, causes: ['unexplained'] });
  for (const feature of features)
    expect(feature).toMatchObject({ rows: 3, unjudged: 3, present: 0, causes: {} });
  expect(views[0]!.fidelity).toMatchObject({ true: 1, foreign: 1, altered: 1 });
  expect(slices.every(({ mismatches }) => mismatches === 0)).toBe(true);
});

test('an answer that says what the row does not is seen', async () => {
  await makeDay();
  const said = '"orders__orders_1d":1,"orders__spent_1d":11';
  const answer = Buffer.from(`{"results":[{"entities":{},"features":{${said}}}],"metadata":{}}`);
  const altered = serve([1n, 10], answer);
  const snapshot = await day.judge('13:00:00');
  expect(snapshot.views[0]).toMatchObject({ alteredAnswers: 1, fidelity: { true: 1 } });
  expect(snapshot.incidents).toMatchObject([
    { cause: 'answer altered', values: 1, examples: [{ requestId: altered }] },
  ]);
  expect(snapshot.verdict).toBe('alarm');
  // Beside the page it is whole, and says so.
  const file = judgedRowsFile(day.project.settings.reports, ORDERS.name, DAY);
  const duck = await DuckDb.open();
  const rows = await duck.rows(`SELECT _outcome, _fidelity, _cause, _mismatches, _weight
    FROM read_parquet(${quotePath(file)})`);
  duck.close();
  const whole = { _outcome: 'unjudged', _fidelity: 'true', _mismatches: 0, _weight: 1 };
  expect(rows).toEqual([{ ...whole, _cause: 'answer altered' }]);
  // No value is present in a rate.
  expect(snapshot.sentence).toMatch(/ than it was logged for 1 value since 12:30/);
});

test('where the history has nothing under the definition that served, it says nothing', async () => {
  day = await MonitoredDay.make();
  day.publish(day.orders, ORDERS);
  serve([1n, 10]);
  const { incidents, features } = await day.judge('13:00:00');
  expect(incidents).toEqual([]);
  expect(features[0]).toMatchObject({ unjudged: 1 });
});
