/** Events of runs through openlineage-python: its classes take them, and give back the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { emitLineage } from '../../project/open-lineage/emit.ts';
import { trainingDatasets, verdictDatasets, viewDatasets } from '../../project/open-lineage/run-event.ts';
import { openProject } from '../../project/project.ts';
import { apply } from '../../registry/commands.ts';
import { shopProject } from '../support/fixtures/shop-project.ts';
import { commandContext } from '../support/processes/command-context.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';

let python: PythonEnvironment;
beforeAll(async () => {
  python = await pythonEnvironment();
}, PYTHON_LIMIT_MS);

/** As its serializer writes it: it adds what is empty. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .filter(
      ([name, one]) =>
        !(Array.isArray(one) && one.length === 0) && !['inputFacets', 'outputFacets'].includes(name),
    )
    .map(([name, one]) => [name, withoutEmpty(one)] as const);
  return Object.fromEntries(kept);
}

test('runs of a view, a training set, a verdict, and a failure', async () => {
  const folder = await shopProject();
  await apply(commandContext(folder), undefined, {});
  const flags = { 'lineage.file': 'events.jsonl' };
  const project = openProject(folder, silentLogger, {}, flags);
  const { settings } = project;
  const bundle = loadCurrentBundle(settings.bundles);
  const service = bundle.services.get('churn_v1')!;
  const run = { runId: 'x', endedAt: '2026-01-01T00:00:00.000000Z', error: null };
  const files = { labels: join(folder, 'labels.csv'), out: join(folder, 'set.parquet') };
  const view = bundle.views.get('purchases')!;
  await emitLineage(project, () => ({
    ...run,
    job: 'materialize.a',
    ...viewDatasets(settings, bundle, view),
  }));
  await emitLineage(project, () => ({
    ...run,
    job: 'train.a',
    ...trainingDatasets(settings, bundle, service, files),
  }));
  const failed = { ...run, job: 'monitor.a', error: 'no day' };
  await emitLineage(project, () => ({
    ...failed,
    ...verdictDatasets(settings, bundle, service, join(folder, 's.json')),
  }));

  const input = readFileSync(join(folder, 'events.jsonl'), 'utf8');
  const output = await python.run('test/clients/read_open_lineage.py', { input });
  const parsed = (text: string): unknown[] =>
    text
      .trim()
      .split('\n')
      .map((line) => withoutEmpty(JSON.parse(line)));
  expect(parsed(input)).toHaveLength(3);
  expect(parsed(output)).toEqual(parsed(input));
});
