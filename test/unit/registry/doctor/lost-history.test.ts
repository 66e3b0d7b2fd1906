/** `plumb doctor` where a run has written a history, and the folder has none. */
import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadCurrentBundle } from '../../../../contract/definitions/bundle-folder.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { RegistryDatabase } from '../../../../project/database/registry-database.ts';
import { historyFolder } from '../../../../project/history/history-folder.ts';
import { openProject } from '../../../../project/project.ts';
import { openFolder } from '../../../../project/storage/open-folder.ts';
import { apply } from '../../../../registry/commands.ts';
import { registryFindings } from '../../../../registry/doctor/applied.ts';
import { commandContext } from '../../../support/processes/command-context.ts';
import { shopProject } from '../../../support/fixtures/shop-project.ts';
import { NOW_US, PLAIN_RUN } from '../../../support/registry/filled-registry.ts';

test('a history that is lost is told, one that was never written is none', async () => {
  const folder = await shopProject();
  expect(await apply(commandContext(folder), undefined, {})).toBe(0);
  const project = openProject(folder, silentLogger, {});
  const bundle = loadCurrentBundle(project.settings.bundles);
  const view = [...bundle.views.values()].find(({ kind }) => kind === 'aggregated')!;
  const lost = async () => (await registryFindings(project, true)).filter(({ check }) => check === 'history');
  expect(await lost()).toEqual([]);
  await RegistryDatabase.using(project.settings.registry, (database) =>
    database.startRun({
      ...PLAIN_RUN,
      runId: 'run-1',
      view: view.id,
      definitionId: view.definitionId,
      bundle: bundle.hash,
      toUs: NOW_US,
      watermarkUs: NOW_US,
      startedUs: NOW_US,
    }),
  );
  expect(await lost()).toEqual([
    {
      check: 'history',
      state: 'wrong',
      found: expect.stringMatching(`^run run-1 of ${view.id} has written rows, and there is no history in`),
      help: expect.stringContaining('plumb materialize'),
    },
  ]);
  // Rows without the log that says which of them count.
  const { path } = historyFolder(
    openFolder(project.settings.history.path, project.settings.elsewhere.s3),
    view,
  );
  mkdirSync(`${path}/day=2026-01-01`, { recursive: true });
  expect(await lost()).toMatchObject([{ state: 'wrong', found: expect.stringContaining('is missing') }]);
});
