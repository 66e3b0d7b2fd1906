/** What runs tell as events of OpenLineage, to a file and to a server; no run fails for it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { materialize } from '../../../materializer/commands.ts';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { emitLineage } from '../../../project/open-lineage/emit.ts';
import { verdictDatasets } from '../../../project/open-lineage/run-event.ts';
import { openProject } from '../../../project/project.ts';
import { apply } from '../../../registry/commands.ts';
import { train } from '../../../training/commands.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { shopProject } from '../../support/fixtures/shop-project.ts';

interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: { readonly columnLineage: { readonly fields: Readonly<Record<string, unknown>> } };
}
interface Event {
  readonly eventType: string;
  readonly job: { readonly namespace: string; readonly name: string };
  readonly run: {
    readonly runId: string;
    readonly facets: Readonly<Record<string, { readonly message: string }>>;
  };
  readonly inputs: readonly Dataset[];
  readonly outputs: readonly Dataset[];
}

test('materialize, train and monitor: to a file and by POST; what fails is told too, and warned of', async () => {
  const posted: string[] = [];
  const logins: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    logins.push(request.headers.authorization);
    request.setEncoding('utf8').on('data', (text: string) => posted.push(text));
    request.on('end', () => response.writeHead(201).end());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const folder = await shopProject();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/lineage`;
  writeFileSync(join(folder, 'token'), 'of the lineage\n');
  const flags = { 'lineage.url': url, 'lineage.file': 'out/events.jsonl', 'lineage.tokenFile': 'token' };
  const context = commandContext(folder, true, flags);
  await apply(context, undefined, {});
  await materialize(context, {});
  writeFileSync(join(folder, 'labels.csv'), 'customer_id,event_timestamp\n1,2023-11-15T00:00:00Z\n');
  const out = join(folder, 'set.parquet');
  await train(context, { labels: join(folder, 'labels.csv'), service: 'churn_v1', out });
  await expect(
    train(context, { labels: join(folder, 'labels.csv'), service: 'churn_v1', out, input: ['no=such'] }),
  ).rejects.toThrow();
  const project = openProject(folder, silentLogger, {}, flags);
  const bundle = loadCurrentBundle(project.settings.bundles);
  const service = bundle.services.get('churn_v1');
  const run = { job: 'monitor.churn_v1', runId: 'x', endedAt: '2026-01-01T00:00:00Z', error: 'no day' };
  await emitLineage(project, () => {
    return { ...run, ...verdictDatasets(project.settings, bundle, service, join(folder, 'snapshot.json')) };
  });

  const lines = readFileSync(join(folder, 'out/events.jsonl'), 'utf8').trim().split('\n');
  expect(posted).toEqual(lines);
  expect(new Set(logins)).toEqual(new Set(['Bearer of the lineage']));
  const events = lines.map((line) => JSON.parse(line) as Event);
  expect(events.map(({ eventType, job }) => `${eventType} ${job.namespace} ${job.name}`)).toEqual([
    'COMPLETE shop materialize.purchases',
    'COMPLETE shop train.set.parquet',
    'FAIL shop train.set.parquet',
    'FAIL shop monitor.churn_v1',
  ]);
  const [run1, run2, , run3] = events as [Event, Event, Event, Event];
  const source = { namespace: 'file', name: join(folder, 'data/invoices.parquet') };
  expect(run1.run.runId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(run1.inputs).toMatchObject([source]);
  const history = { namespace: 'file', name: join(folder, '.plumb/history/purchases/v1') };
  expect(run1.outputs).toMatchObject([history, { name: join(folder, '.plumb/online.db/purchases') }]);
  expect(run1.outputs[0]!.facets.columnLineage.fields).toMatchObject({
    average_30d: { inputFields: [{ ...source, field: 'line_total' }] },
  });
  expect(run2.inputs).toMatchObject([{ name: join(folder, 'labels.csv') }, history]);
  expect(run2.outputs[0]!.facets.columnLineage.fields).toMatchObject({
    purchases__count_7d: { inputFields: [{ ...history, field: 'count_7d' }] },
  });
  expect(run3.run.facets['errorMessage']!.message).toBe('no day');
  expect(run3.inputs).toMatchObject([{ name: join(folder, '.plumb/served') }, history]);

  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void warned.push(line) };
  const closed = { 'lineage.url': 'http://127.0.0.1:9/lineage' };
  await emitLineage(openProject(folder, logger, {}, closed), () => ({ ...run, inputs: [], outputs: [] }));
  expect(warned).toEqual([
    expect.stringMatching(/lineage was not told: http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/),
  ]);
});
