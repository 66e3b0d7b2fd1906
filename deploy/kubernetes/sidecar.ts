/**
 * The sidecar in a pod: a container with probes, its volumes, and what the pod's template needs. The chart
 * `deploy/helm/plumbline-sidecar` makes the same; a test holds both against each other in each mode.
 */
import type { Manifest, PodSpec, SidecarValues } from './manifest.ts';
import { ADMIN_PORT_NAME, environmentOf, HARDENED, pulledWith, SIDECAR_LABEL } from './pod.ts';

/**
 * A model server's manifest with the sidecar in its pods.
 *
 * @param manifest  has a pod template at `spec.template`: a Deployment, a StatefulSet, a Knative Service; not modified
 */
export function withSidecar(manifest: Manifest, values: SidecarValues): Manifest {
  const { template } = manifest.spec as { template: { metadata?: Labelled; spec: PodSpec } };
  const pod = template.spec;
  const container = sidecarContainer(values);
  const place = values.mode === 'native' ? 'initContainers' : 'containers';
  const grace =
    values.mode === 'knative' || pod.terminationGracePeriodSeconds !== undefined
      ? {}
      : { terminationGracePeriodSeconds: values.graceSeconds };
  return {
    ...manifest,
    spec: {
      ...manifest.spec,
      template: {
        ...template,
        metadata: {
          ...template.metadata,
          labels: { ...template.metadata?.labels, [SIDECAR_LABEL]: 'true' },
        },
        spec: {
          ...pod,
          ...grace,
          ...pulledWith(values.imagePullSecrets, pod.imagePullSecrets),
          [place]: [...(pod[place] ?? []), container],
          volumes: [...(pod.volumes ?? []), ...sidecarVolumes(values)],
        },
      },
    },
  };
}

interface Labelled {
  readonly labels?: Readonly<Record<string, string>>;
}

function sidecarContainer(values: SidecarValues): object {
  const { mode, image, imagePullPolicy, secrets, adminPort, graceSeconds, resources } = values;
  const env = {
    ...values.env,
    PLUMB_SERVE_ADMIN_PORT: String(adminPort),
    PLUMB_SERVE_GRACE_MS: String(graceSeconds * 1_000),
    // A native sidecar gets its signal when all others have ended.
    ...(mode === 'native' ? { PLUMB_SERVE_DRAIN_MS: '0' } : {}),
  };
  // Knative takes ports, probes and fields of the pod from one container alone: the model server's.
  const isOwnContainer = mode !== 'knative';
  const podUid = { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };
  return {
    name: 'plumbline',
    image,
    imagePullPolicy,
    args: ['serve'],
    ...(mode === 'native' ? { restartPolicy: 'Always' } : {}),
    env: [...environmentOf(env), ...(isOwnContainer ? [podUid] : [])],
    ...(secrets.length === 0 ? {} : { envFrom: secrets.map((name) => ({ secretRef: { name } })) }),
    ...(isOwnContainer ? watched(adminPort) : {}),
    resources,
    securityContext: HARDENED,
    volumeMounts: [
      { name: 'plumbline-settings', mountPath: '/project', readOnly: true },
      { name: 'plumbline-spool', mountPath: '/spool' },
      { name: 'plumbline-tmp', mountPath: '/tmp' },
      ...values.volumeMounts,
    ],
  };
}

/** Started is what was ready once: the store was read, or away for 30 s; what waiting does not mend never starts. */
function watched(port: number): object {
  const probe = (path: string, periodSeconds: number, failureThreshold: number): object => ({
    httpGet: { path, port },
    periodSeconds,
    timeoutSeconds: 2,
    failureThreshold,
  });
  return {
    ports: [{ name: ADMIN_PORT_NAME, containerPort: port }],
    startupProbe: probe('/readyz', 1, 90),
    livenessProbe: probe('/livez', 10, 3),
    readinessProbe: probe('/readyz', 2, 2),
  };
}

function sidecarVolumes({ configMap, spool, volumes }: SidecarValues): object[] {
  const kept =
    spool.claim === ''
      ? { emptyDir: { sizeLimit: spool.size } }
      : { persistentVolumeClaim: { claimName: spool.claim } };
  return [
    { name: 'plumbline-settings', configMap: { name: configMap } },
    { name: 'plumbline-spool', ...kept },
    { name: 'plumbline-tmp', emptyDir: {} },
    ...volumes,
  ];
}
