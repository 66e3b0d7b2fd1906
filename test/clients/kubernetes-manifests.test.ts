/** Kubernetes' own schemas take what `plumb k8s render` prints, and refuse a field that is none. */
import { expect, test } from 'vitest';
import { SIDECAR_CHART } from '../../deploy/kubernetes/manifest.ts';
import type { Manifest } from '../../deploy/kubernetes/manifest.ts';
import { chartValues, checkedValues } from '../../deploy/kubernetes/project-values.ts';
import { withSidecar } from '../../deploy/kubernetes/sidecar.ts';
import { workloads } from '../../deploy/kubernetes/workloads.ts';
import { modelServer, MODES, VALUE_SETS } from '../support/deploy/deployments.ts';
import { pythonEnvironment, PYTHON_LIMIT_MS } from '../support/processes/python-environment.ts';

/** The oldest with native sidecars on, and the newest whose schemas the validator has. */
const VERSIONS = ['1.29', '1.35'];

function rendered(): Manifest[] {
  return Object.values(VALUE_SETS).flatMap((given) => {
    const values = checkedValues([chartValues(), given]);
    const sidecars = MODES.map((mode) => withSidecar(modelServer(mode), { ...values[SIDECAR_CHART], mode }));
    return [...workloads(values), ...sidecars];
  });
}

/** Kinds of operators have no schema in Kubernetes itself: Prometheus' PodMonitor, Knative's Service. */
const isOwnKind = ({ apiVersion }: Manifest): boolean => !/monitoring\.coreos|knative/.test(apiVersion);

test(
  'kubernetes-validate, strictly',
  async () => {
    const python = await pythonEnvironment();
    const validate = async (manifests: readonly Manifest[], version: string): Promise<string[]> => {
      const input = JSON.stringify({ version, manifests });
      return JSON.parse(await python.run('test/clients/validate_manifests.py', { input })) as string[];
    };
    const manifests = rendered().filter(isOwnKind);
    for (const version of VERSIONS) expect(await validate(manifests, version), version).toEqual([]);
    const service = manifests.find(({ kind }) => kind === 'Service');
    const wrong = { ...service!, spec: { ...service!.spec, slector: {} } };
    expect(await validate([wrong], VERSIONS[1]!)).toEqual([expect.stringContaining('slector')]);
  },
  PYTHON_LIMIT_MS,
);
