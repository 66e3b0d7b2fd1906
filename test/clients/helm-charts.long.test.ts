/** `helm template` gives what `plumb k8s render` prints, for each set of values and in each mode. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { SIDECAR_CHART } from '../../deploy/kubernetes/manifest.ts';
import type { Manifest } from '../../deploy/kubernetes/manifest.ts';
import { chartValues, checkedValues } from '../../deploy/kubernetes/project-values.ts';
import { withSidecar } from '../../deploy/kubernetes/sidecar.ts';
import { workloads } from '../../deploy/kubernetes/workloads.ts';
import { modelServer, MODES, VALUE_SETS } from '../support/deploy/deployments.ts';
import { findHelm, HELM_LIMIT_MS } from '../support/deploy/helm.ts';
import { run } from '../support/processes/plumb-process.ts';
import type { Finished } from '../support/processes/plumb-process.ts';
import { scratchFolder } from '../support/scratch.ts';

const CHARTS = join(import.meta.dirname, '../../deploy/helm');
/** A Helm that Go built knows no cluster and takes it for 1.20, which the charts refuse. */
const KUBERNETES = ['--kube-version', '1.29.0'];
let helm: string;
beforeAll(async () => {
  helm = await findHelm();
}, HELM_LIMIT_MS);

async function template(chart: string, values: object): Promise<Finished> {
  const file = join(scratchFolder({ 'values.yaml': stringify(values) }), 'values.yaml');
  return run(helm, ['template', 'release', chart, '--values', file, ...KUBERNETES]);
}

/** @returns what the chart gives with these values, by kind and name */
async function templated(chart: string, values: object): Promise<Record<string, Manifest>> {
  const done = await template(chart, values);
  expect(done.code, done.stderr).toBe(0);
  return byName(parseAllDocuments(done.stdout).map((one) => one.toJS() as Manifest));
}

function byName(manifests: readonly (Manifest | null)[]): Record<string, Manifest> {
  const there = manifests.filter((one) => one !== null);
  return Object.fromEntries(there.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
}

/** A chart of a model server's owner: its manifest, with the sidecar put in by the library. */
function ownersChart(manifest: Manifest): string {
  const chart = scratchFolder({
    'Chart.yaml': stringify({
      apiVersion: 'v2',
      name: 'ranker',
      version: '1.0.0',
      dependencies: [{ name: SIDECAR_CHART, version: '0.1.0' }],
    }),
    'templates/server.yaml':
      '{{ include "plumbline.inject" (dict "values" (index .Values "plumbline-sidecar") "manifest" (.Files.Get "server.yaml" | fromYaml)) }}\n',
    'server.yaml': stringify(manifest),
  });
  mkdirSync(join(chart, 'charts'));
  cpSync(join(CHARTS, SIDECAR_CHART), join(chart, 'charts', SIDECAR_CHART), { recursive: true });
  return chart;
}

describe.each(Object.entries(VALUE_SETS))('%s', (_, given) => {
  test('the programs beside the sidecars', async () => {
    const values = checkedValues([chartValues(), given]);
    expect(await templated(join(CHARTS, 'plumbline'), given)).toEqual(byName(workloads(values)));
  });

  test.each(MODES)('a model server with its sidecar, %s', async (mode) => {
    const sidecar = { ...(given[SIDECAR_CHART] as object | undefined), mode };
    const values = checkedValues([chartValues(), given, { [SIDECAR_CHART]: { mode } }])[SIDECAR_CHART];
    const expected = withSidecar(modelServer(mode), values);
    const chart = ownersChart(modelServer(mode));
    expect(await templated(chart, { [SIDECAR_CHART]: sidecar })).toEqual(byName([expected]));
  });
});

test('Helm refuses what the schema does not know', async () => {
  const done = await template(join(CHARTS, 'plumbline'), { materializer: { deamon: true } });
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/materializer.*deamon/s);
});

test('helm lint finds nothing', async () => {
  const charts = [join(CHARTS, 'plumbline'), join(CHARTS, SIDECAR_CHART)];
  const done = await run(helm, ['lint', '--strict', ...charts, ...KUBERNETES]);
  expect(done, done.stdout).toMatchObject({ code: 0 });
  expect(done.stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
});
