/** Manifests of Kubernetes, and the values that they are rendered from: those of the charts in `deploy/helm`. */
import { z } from 'zod';
import { isCron } from './cron.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [more: string]: unknown };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}

export interface PodSpec {
  readonly containers?: readonly { readonly name: string }[];
  readonly initContainers?: readonly { readonly name: string }[];
  readonly volumes?: readonly { readonly name: string }[];
  readonly imagePullSecrets?: readonly object[];
  readonly terminationGracePeriodSeconds?: number;
  readonly [more: string]: unknown;
}

/** Labels, names of Services, and names of pods that a controller makes of them hold 63 letters. */
const NAME = z
  .string()
  .max(63, 'a name of Kubernetes has at most 63 letters')
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'a name of Kubernetes is a-z, 0-9 and -');
/** What objects are called from: a CronJob's name has at most 52 letters, the longest ending is `-materializer`. */
const BASE_NAME = NAME.max(39, 'at most 39 letters, since objects are called NAME-materializer');
const PULL_POLICY = z.enum(['Always', 'IfNotPresent', 'Never']);
const QUANTITY = z
  .string()
  .regex(/^[0-9.]+([EPTGMk]i?|m)?$/, 'a quantity of Kubernetes, such as 512Mi or 250m');
const AMOUNTS = z.record(z.string(), z.union([QUANTITY, z.number()]));
const RESOURCES = z.strictObject({ requests: AMOUNTS.optional(), limits: AMOUNTS.optional() });
const ENVIRONMENT = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().nullable());
const SECRETS = z.array(NAME);
const VOLUMES = {
  volumes: z.array(z.looseObject({ name: NAME })),
  volumeMounts: z.array(
    z.looseObject({ name: NAME, mountPath: z.string().regex(/^[/]/, 'a path from the root') }),
  ),
  imagePullSecrets: z.array(NAME),
};
const FIVE_FIELDS = 'five fields of cron, such as 3 * * * *';
const CRON = z
  .string()
  .regex(/^(@[a-z]+|[^ ]+( [^ ]+){4})$/, FIVE_FIELDS)
  .refine(isCron, FIVE_FIELDS);
const DURATION = z.string().regex(/^([0-9]+(ms|[smhd]))+$/, 'a duration of Prometheus, such as 15s');
const LABELS = z.record(z.string(), z.string());
const COUNT = z.int().min(1);
const OPTIONAL_NAME = z.union([NAME, z.literal('')]);

/** Values of `deploy/helm/plumbline-sidecar`. */
export const SIDECAR_VALUES = z.strictObject({
  mode: z.enum(['native', 'container', 'knative']),
  image: z.string().min(1),
  imagePullPolicy: PULL_POLICY,
  configMap: NAME,
  secrets: SECRETS,
  env: ENVIRONMENT,
  graceSeconds: COUNT,
  adminPort: z.int().min(1_024).max(65_535),
  ...VOLUMES,
  spool: z.strictObject({ claim: OPTIONAL_NAME, size: QUANTITY }),
  resources: RESOURCES,
});
export type SidecarValues = z.infer<typeof SIDECAR_VALUES>;

/** The key under which the sidecar's values stand beside the others: the name of its chart. */
export const SIDECAR_CHART = 'plumbline-sidecar';

/** Values of `deploy/helm/plumbline`, those of the sidecar's chart among them. */
export const DEPLOY_VALUES = z.strictObject({
  name: BASE_NAME,
  image: z.string().min(1),
  imagePullPolicy: PULL_POLICY,
  serviceAccount: z.strictObject({ annotations: z.record(z.string(), z.string()) }),
  ...VOLUMES,
  settings: z.string(),
  secrets: SECRETS,
  env: ENVIRONMENT,
  data: z.strictObject({
    claim: OPTIONAL_NAME,
    size: QUANTITY,
    storageClass: z.string(),
    accessMode: z.enum(['ReadWriteMany', 'ReadWriteOnce']),
  }),
  materializer: z.strictObject({
    enabled: z.boolean(),
    daemon: z.boolean(),
    schedule: CRON,
    resources: RESOURCES,
  }),
  stream: z.strictObject({
    enabled: z.boolean(),
    replicas: COUNT,
    stateSize: QUANTITY,
    storageClass: z.string(),
    resources: RESOURCES,
  }),
  ingest: z.strictObject({ enabled: z.boolean(), resources: RESOURCES }),
  monitor: z.strictObject({ enabled: z.boolean(), schedule: CRON, resources: RESOURCES }),
  catalogue: z.strictObject({
    enabled: z.boolean(),
    replicas: COUNT,
    allowedHosts: z.string(),
    resources: RESOURCES,
  }),
  networkPolicy: z.strictObject({ enabled: z.boolean(), namespaces: LABELS }),
  podMonitor: z.strictObject({ enabled: z.boolean(), interval: DURATION, labels: LABELS }),
  prometheusRules: z.strictObject({ enabled: z.boolean(), labels: LABELS }),
  [SIDECAR_CHART]: SIDECAR_VALUES,
});
export type DeployValues = z.infer<typeof DEPLOY_VALUES>;
