import { expect, test } from 'vitest';
import { planRun } from '../../../../materializer/run/run-plan.ts';
import type { RunJob } from '../../../../materializer/run/view-run.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { bundleOf, orders, START_US } from '../../../support/fixtures/materialized-project.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('a view that had more runs than a call takes arguments is planned like any other', async () => {
  const view = orders();
  const runs = Array.from({ length: 150_000 }, (_, i): Partial<RunRecord> => {
    return {
      kind: 'ordinary',
      state: 'complete',
      toUs: START_US + i,
      latenessUs: view.latenessUs,
      ttlUs: view.ttlUs,
    };
  });
  const options = {
    fromUs: null,
    toUs: null,
    full: true,
    kind: null,
    features: null,
    shard: null,
    replace: false,
  };
  const settings = { folder: '/', history: scratchFolder() };
  const project = { settings, clock: { nowUs: () => START_US + 200_000 } };
  const database = { runParts: () => Promise.resolve(runs) };
  const job = { project, bundle: bundleOf(view), database, options, signal: null } as unknown as RunJob;
  const planned = await planRun(job, view, false);
  expect(planned.range).toMatchObject({ historyCutoffUs: START_US + 149_999 });
});
