/** What is deployed in tests: values that differ in each switch, and a model server in each kind of pod. */
import type { Manifest } from '../../../deploy/kubernetes/manifest.ts';
import { SIDECAR_CHART } from '../../../deploy/kubernetes/manifest.ts';
import type { GivenValues } from '../../../deploy/kubernetes/project-values.ts';

const FILES = {
  volumes: [{ name: 'shop-tls', secret: { secretName: 'shop-tls', defaultMode: 0o440 } }],
  volumeMounts: [{ name: 'shop-tls', mountPath: '/secrets', readOnly: true }],
  imagePullSecrets: ['shop-images'],
};

/** Each is given over the charts' own. */
export const VALUE_SETS: Readonly<Record<string, GivenValues>> = {
  'as the charts have them': {},
  'streams, a daemon, monitored': {
    name: 'shop',
    settings: 'project: shop\nonline: redis://redis:6379/0 # "quoted", ${vars} and {{ braces }}\n',
    secrets: ['shop-registry', 'shop-redis'],
    env: { PLUMB_VARS_DATA: '/mnt/data', PLUMB_MONITOR_SCRATCH: null },
    serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/shop' } },
    ...FILES,
    data: { claim: 'shop-lake' },
    materializer: { daemon: true },
    stream: { enabled: true, replicas: 3, storageClass: 'fast' },
    catalogue: { replicas: 1, allowedHosts: 'plumb.example.com' },
    networkPolicy: { namespaces: { team: 'sre', 'kubernetes.io/metadata.name': 'watch' } },
    podMonitor: { enabled: true, interval: '30s', labels: { release: 'prometheus' } },
    prometheusRules: { enabled: true, labels: { release: 'prometheus', tier: '1' } },
    [SIDECAR_CHART]: {
      configMap: 'shop',
      secrets: ['shop-redis'],
      ...FILES,
      spool: { claim: 'spool' },
      adminPort: 7567,
    },
  },
  'as little as can be': {
    data: { storageClass: 'nfs', accessMode: 'ReadWriteOnce' },
    materializer: { enabled: false },
    ingest: { enabled: false },
    monitor: { enabled: false },
    catalogue: { enabled: false },
    networkPolicy: { enabled: false },
    [SIDECAR_CHART]: { env: { PLUMB_SERVE_TRANSPORT: 'auto' }, graceSeconds: 90 },
  },
};

export const MODES = ['native', 'container', 'knative'] as const;

const SERVER = { name: 'model', image: 'ranker:3', ports: [{ containerPort: 8080 }] };

/** @returns a model server as somebody deploys it in that mode, before it has a sidecar */
export function modelServer(mode: (typeof MODES)[number]): Manifest {
  if (mode === 'knative')
    return {
      apiVersion: 'serving.knative.dev/v1',
      kind: 'Service',
      metadata: { name: 'ranker' },
      spec: { template: { spec: { containers: [SERVER] } } },
    };
  const labels = { app: 'ranker' };
  const migrate = { name: 'fetch-model', image: 'ranker:3', args: ['fetch'] };
  const volumes = [{ name: 'model', emptyDir: {} }];
  const more =
    mode === 'native' ? { initContainers: [migrate], volumes } : { terminationGracePeriodSeconds: 45 };
  return {
    apiVersion: 'apps/v1',
    kind: mode === 'native' ? 'Deployment' : 'StatefulSet',
    metadata: { name: 'ranker' },
    spec: {
      ...(mode === 'native' ? { replicas: 2 } : { serviceName: 'ranker' }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [SERVER], ...more } },
    },
  };
}
