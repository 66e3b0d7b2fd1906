/** What Prometheus' operator takes: where the sidecars' metrics are, and the rules that judge them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { OWN_PACKAGE } from '../../project/own-package.ts';
import { metadataOf } from './labels.ts';
import type { DeployValues, Manifest } from './manifest.ts';
import { ADMIN_PORT_NAME, SIDECAR_LABEL } from './pod.ts';

const API = 'monitoring.coreos.com/v1';

export function sidecarMonitor(values: DeployValues): Manifest {
  const { interval, labels } = values.podMonitor;
  return {
    apiVersion: API,
    kind: 'PodMonitor',
    metadata: metadataOf(values, 'sidecar', labels),
    spec: {
      selector: { matchLabels: { [SIDECAR_LABEL]: 'true' } },
      podMetricsEndpoints: [{ port: ADMIN_PORT_NAME, interval }],
    },
  };
}

/** All groups of the chart's rule files, in the order of the files' names. */
export function prometheusRule(values: DeployValues): Manifest {
  const folder = join(OWN_PACKAGE.folder, 'deploy', 'helm', 'plumbline', 'alerts');
  const groups = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .toSorted()
    .flatMap((file) => (parse(readRegularText(join(folder, file))) as { groups: object[] }).groups);
  return {
    apiVersion: API,
    kind: 'PrometheusRule',
    metadata: metadataOf(values, 'rules', values.prometheusRules.labels),
    spec: { groups },
  };
}
