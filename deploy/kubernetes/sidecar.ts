/**
 * The sidecar in a pod: a container with probes, its volumes, and what the pod's template needs. The chart
 * `deploy/helm/plumbline-sidecar` makes the same; a test holds both against each other in each mode.
 */
import { deployError } from './errors.ts';
import type { Manifest, PodSpec, SidecarValues } from './manifest.ts';
import { ADMIN_PORT_NAME, environmentOf, HARDENED, pulledWith, SIDECAR_LABEL } from './pod.ts';

const CONTAINER = 'plumbline';
const OWN_VOLUMES = new Set(['plumbline-settings', 'plumbline-spool', 'plumbline-tmp']);

/**
 * A model server's manifest with the sidecar in its pods.
 *
 * @param manifest  has a pod template at `spec.template`: a Deployment, a StatefulSet, a Knative Service; not modified
 * @throws DEP_MANIFEST where the mode is not for that kind, or the pods have the sidecar already
 */
export function withSidecar(manifest: Manifest, values: SidecarValues): Manifest {
  const { template } = manifest.spec as { template: { metadata?: Labelled; spec: PodSpec } };
  const pod = template.spec;
  refuseUnfit(manifest, values.mode);
  const place = values.mode === 'native' ? 'initContainers' : 'containers';
  const graceSeconds =
    values.mode === 'knative'
      ? values.graceSeconds
      : (pod.terminationGracePeriodSeconds ?? values.graceSeconds);
  const grace =
    values.mode === 'knative' || pod.terminationGracePeriodSeconds !== undefined
      ? {}
      : { terminationGracePeriodSeconds: values.graceSeconds };
  const container = sidecarContainer({ ...values, graceSeconds });
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

function refuseUnfit({ apiVersion, kind, metadata, spec }: Manifest, mode: SidecarValues['mode']): void {
  const { spec: pod } = (spec as { template: { spec: PodSpec } }).template;
  const what = `${kind} ${metadata?.name ?? ''}`.trim();
  const refuse = (text: string): never => {
    throw deployError('DEP_MANIFEST', `${what}: ${text}`, { field: 'into' });
  };
  const isKnative = (apiVersion ?? '').startsWith('serving.knative.dev/');
  if (isKnative && mode !== 'knative')
    refuse(`mode is ${mode}, and Knative takes the sidecar by mode: knative alone`);
  if (!isKnative && mode === 'knative')
    refuse(
      'mode knative is for a Service of serving.knative.dev: its pods would have neither probes nor POD_UID',
    );
  if (kind === 'Job' && mode !== 'native')
    refuse(`mode is ${mode}, with which the job would never end: the sidecar goes on. Set mode: native`);
  const containers = [...(pod.containers ?? []), ...(pod.initContainers ?? [])];
  if (containers.some(({ name }) => name === CONTAINER))
    refuse(
      `it has a container ${CONTAINER} already: give the manifest as it is without the sidecar, or call yours otherwise`,
    );
  const volume = (pod.volumes ?? []).find(({ name }) => OWN_VOLUMES.has(name));
  if (volume !== undefined)
    refuse(`it has a volume ${volume.name}, which is the name of one of the sidecar's`);
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
    name: CONTAINER,
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
