/** `plumb doctor` in the image of a sidecar: a pod has settings, a bundle and a spool, and no DuckDB. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apply } from '../../../../registry/commands.ts';
import { findingsOf } from '../../../../registry/doctor/doctor.ts';
import type { SetupFinding } from '../../../../registry/doctor/finding.ts';
import { shopProject } from '../../../support/fixtures/shop-project.ts';
import { commandContext } from '../../../support/processes/command-context.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('only what serving needs is looked at', async () => {
  const shop = await shopProject();
  expect(await apply(commandContext(shop), undefined, {})).toBe(0);
  const pod = scratchFolder();
  copyFileSync(join(shop, 'plumbline.yaml'), join(pod, 'plumbline.yaml'));
  const needless = { served: '/proc/plumb', 'stream.kafka.brokers': '127.0.0.1:1' };
  const found = async (flags: Readonly<Record<string, string>>): Promise<SetupFinding[]> =>
    findingsOf(commandContext(pod, false, { 'serve.port': '0', 'serve.adminPort': '0', ...flags }), true);
  const checks = (findings: readonly SetupFinding[], state: string): string[] =>
    findings.filter((one) => one.state === state).map(({ check }) => check);

  expect(checks(await found(needless), 'wrong')).toEqual(['bundle']);
  const mounted = await found({ ...needless, bundles: join(shop, '.plumb/bundles') });
  expect(checks(mounted, 'wrong')).toEqual([]);
  expect(checks(mounted, 'off')).toEqual(expect.arrayContaining(['duckdb', 'registry, definitions']));
  const taken = await found({ 'bundles.from': '["online"]', 'log.spool': '/proc/plumb' });
  expect(checks(taken, 'wrong')).toEqual(['log.spool']);
  expect(taken.find(({ check }) => check === 'bundle')).toMatchObject({
    state: 'note',
    help: expect.stringMatching(/plumb serve/),
  });
});
