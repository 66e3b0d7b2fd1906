/**
 * What runs beside the sidecars: the materializer, streams, the ingest of the log, the monitor and the catalogue. The
 * chart `deploy/helm/plumbline` makes the same; a test holds both against each other.
 */
import { createHash } from 'node:crypto';
import { metadataOf, selectorOf } from './labels.ts';
import type { Selector } from './labels.ts';
import { SIDECAR_CHART } from './manifest.ts';
import type { DeployValues, Manifest } from './manifest.ts';
import { environmentOf, HARDENED, POD_SECURITY, pulledWith, SIDECAR_LABEL } from './pod.ts';
import { prometheusRule, sidecarMonitor } from './prometheus.ts';

const CATALOGUE_PORT = 6_570;
const LAST_PORT = 65_535;
/** A run that hangs ends after a day, so that it holds up no more than one other. */
const JOB_SECONDS = 86_400;
/** What is the same at the next try: a check that did not hold, a mistake, too little data. */
const NOT_TRIED_AGAIN = [1, 2, 3];

/** @returns all objects but pods with sidecars, in the order in which they need each other */
export function workloads(values: DeployValues): Manifest[] {
  const { materializer, stream, ingest, monitor, catalogue, data } = values;
  const { networkPolicy, podMonitor, prometheusRules } = values;
  const when = <T>(condition: boolean, things: () => readonly T[]): readonly T[] =>
    condition ? things() : [];
  return [
    serviceAccount(values),
    settingsMap(values),
    ...when(data.claim === '', () => [dataClaim(values)]),
    ...when(materializer.enabled, () => [
      materializer.daemon ? materializerDaemon(values) : materializeJob(values),
    ]),
    ...when(stream.enabled, () => [streamSet(values)]),
    ...when(ingest.enabled, () => [ingestDeployment(values)]),
    ...when(monitor.enabled, () => [monitorJob(values)]),
    ...when(catalogue.enabled, () => catalogueObjects(values)),
    ...when(networkPolicy.enabled, () => [
      sidecarPolicy(values),
      ...when(catalogue.enabled, () => [
        policy(values, 'catalogue', selectorOf(values, 'catalogue'), CATALOGUE_PORT),
      ]),
    ]),
    ...when(podMonitor.enabled, () => [sidecarMonitor(values)]),
    ...when(prometheusRules.enabled, () => [prometheusRule(values)]),
  ];
}

interface Program {
  readonly component: string;
  readonly args: readonly string[];
  readonly resources: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly more?: object;
  readonly mounts?: readonly object[];
}

/** A pod's template that runs one command. */
function templateOf(values: DeployValues, program: Program, pod: object = {}): object {
  const { component, args, resources, env, more, mounts = [] } = program;
  const { image, imagePullPolicy, secrets, name, data } = values;
  const claimName = data.claim === '' ? `${name}-data` : data.claim;
  return {
    metadata: {
      labels: selectorOf(values, component),
      // Programs read their settings when they start.
      annotations: { 'plumbline-settings': createHash('sha256').update(values.settings).digest('hex') },
    },
    spec: {
      ...pod,
      ...pulledWith(values.imagePullSecrets),
      automountServiceAccountToken: false,
      serviceAccountName: name,
      securityContext: POD_SECURITY,
      terminationGracePeriodSeconds: 60,
      containers: [
        {
          name: component,
          image,
          imagePullPolicy,
          args,
          env: environmentOf({ ...values.env, ...env }),
          ...(secrets.length === 0
            ? {}
            : { envFrom: secrets.map((secret) => ({ secretRef: { name: secret } })) }),
          ...more,
          resources,
          securityContext: HARDENED,
          volumeMounts: [
            {
              name: 'settings',
              mountPath: '/project/plumbline.yaml',
              subPath: 'plumbline.yaml',
              readOnly: true,
            },
            // Where settings have history, archive, reports and bundles unless they say otherwise.
            { name: 'data', mountPath: '/project/.plumb' },
            { name: 'tmp', mountPath: '/tmp' },
            ...mounts,
            ...values.volumeMounts,
          ],
        },
      ],
      volumes: [
        { name: 'settings', configMap: { name } },
        { name: 'data', persistentVolumeClaim: { claimName } },
        { name: 'tmp', emptyDir: {} },
        ...values.volumes,
      ],
    },
  };
}

function serviceAccount({ name, serviceAccount: { annotations } }: DeployValues): Manifest {
  const isAnnotated = Object.keys(annotations).length > 0;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: isAnnotated ? { name, annotations } : { name },
    automountServiceAccountToken: false,
  };
}

function settingsMap({ name, settings }: DeployValues): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { 'plumbline.yaml': settings } };
}

function dataClaim({ name, data }: DeployValues): Manifest {
  const { accessMode, size, storageClass } = data;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `${name}-data` },
    spec: {
      accessModes: [accessMode],
      resources: { requests: { storage: size } },
      ...(storageClass === '' ? {} : { storageClassName: storageClass }),
    },
  };
}

/** One process: another would wait for its lock. The old one ends before the new one starts. */
function single(values: DeployValues, program: Program): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(values, program.component),
    spec: {
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: selectorOf(values, program.component) },
      template: templateOf(values, program),
    },
  };
}

function cronJob(values: DeployValues, schedule: string, program: Program): Manifest {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metadataOf(values, program.component),
    spec: {
      schedule,
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3_600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 7,
      jobTemplate: {
        spec: {
          activeDeadlineSeconds: JOB_SECONDS,
          backoffLimit: 3,
          podFailurePolicy: {
            rules: [
              {
                action: 'FailJob',
                onExitCodes: {
                  containerName: program.component,
                  operator: 'In',
                  values: NOT_TRIED_AGAIN,
                },
              },
            ],
          },
          template: templateOf(values, program, { restartPolicy: 'Never' }),
        },
      },
    },
  };
}

function materializerDaemon(values: DeployValues): Manifest {
  const { resources } = values.materializer;
  return single(values, { component: 'materializer', args: ['materialize', '--daemon'], resources });
}

function materializeJob(values: DeployValues): Manifest {
  const { resources, schedule } = values.materializer;
  return cronJob(values, schedule, { component: 'materializer', args: ['materialize'], resources });
}

function ingestDeployment(values: DeployValues): Manifest {
  const args = ['monitor', 'ingest', '--follow', '--from', 'topic'];
  return single(values, { component: 'ingest', args, resources: values.ingest.resources });
}

function monitorJob(values: DeployValues): Manifest {
  const { resources, schedule } = values.monitor;
  return cronJob(values, schedule, { component: 'monitor', args: ['monitor', 'run'], resources });
}

function streamSet(values: DeployValues): Manifest {
  const { replicas, stateSize, storageClass, resources } = values.stream;
  const program = {
    component: 'stream',
    args: ['stream'],
    resources,
    env: { PLUMB_STREAM_STATE: '/state' },
    mounts: [{ name: 'state', mountPath: '/state' }],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadataOf(values, 'stream'),
    spec: {
      replicas,
      serviceName: `${values.name}-stream`,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: selectorOf(values, 'stream') },
      template: templateOf(values, program),
      volumeClaimTemplates: [
        {
          metadata: { name: 'state' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: stateSize } },
            ...(storageClass === '' ? {} : { storageClassName: storageClass }),
          },
        },
      ],
    },
  };
}

/** The pages are asked by anyone within the network policy, so that they listen on all interfaces. */
function catalogueObjects(values: DeployValues): Manifest[] {
  const { replicas, allowedHosts, resources } = values.catalogue;
  const metadata = metadataOf(values, 'catalogue');
  const matchLabels = selectorOf(values, 'catalogue');
  const hosts = [metadata.name, ...(allowedHosts === '' ? [] : [allowedHosts])].join(',');
  // Other Host headers than those are refused, the kubelet's too: it looks whether the port is open.
  const probe = (periodSeconds: number): object => ({ tcpSocket: { port: CATALOGUE_PORT }, periodSeconds });
  const program = {
    component: 'catalogue',
    args: ['ui'],
    resources,
    env: { PLUMB_UI_ALLOWED_HOSTS: hosts, PLUMB_UI_HOST: '0.0.0.0' },
    more: {
      ports: [{ name: 'http', containerPort: CATALOGUE_PORT }],
      livenessProbe: probe(20),
      readinessProbe: probe(5),
    },
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas, selector: { matchLabels }, template: templateOf(values, program) },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: matchLabels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
    ...(replicas > 1
      ? [
          {
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata,
            spec: { maxUnavailable: 1, selector: { matchLabels } },
          },
        ]
      : []),
  ];
}

function policy(values: DeployValues, component: string, matchLabels: Selector, port: number): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(values, component),
    spec: {
      podSelector: { matchLabels },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: values.networkPolicy.namespaces } }],
          ports: [{ protocol: 'TCP', port }],
        },
      ],
    },
  };
}

/** A policy shuts all ports of a pod but those that it names, and these are model servers' pods: theirs stay open. */
function sidecarPolicy(values: DeployValues): Manifest {
  const { adminPort } = values[SIDECAR_CHART];
  const shut = policy(values, 'sidecar', { [SIDECAR_LABEL]: 'true' }, adminPort);
  const others = [
    { protocol: 'TCP', port: 1, endPort: adminPort - 1 },
    ...(adminPort < LAST_PORT ? [{ protocol: 'TCP', port: adminPort + 1, endPort: LAST_PORT }] : []),
    { protocol: 'UDP', port: 1, endPort: LAST_PORT },
  ];
  const ingress = [...(shut.spec!['ingress'] as object[]), { ports: others }];
  return { ...shut, spec: { ...shut.spec, ingress } };
}
