/** The deployment's table of errors. Documented in docs/errors.md. */
import { errorsOf } from '../../contract/std/coded-error.ts';
import type { ErrorEntry } from '../../contract/std/coded-error.ts';

export const DEPLOY_ERRORS = {
  DEP_VALUES: {
    message: 'Values of the deployment are not as the charts take them.',
    help: 'See `plumb k8s values`, and values.yaml of the charts in deploy/helm, for what may be given.',
    kind: 'usage',
  },
  DEP_SECRET: {
    message:
      'The settings or the environment of the deployment hold secrets, which a ConfigMap or a manifest would show.',
    help: 'Put each into a Secret whose keys are the variables, and name it in `secrets`; or mount a file and name it.',
    kind: 'usage',
  },
  DEP_MANIFEST: {
    message: 'The manifests have no pods that the sidecar could come into, or are no YAML.',
    help: 'Give the file of a Deployment, a StatefulSet or a Knative Service.',
    kind: 'usage',
  },
  DEP_FILE: {
    message: 'A file of values or manifests cannot be read.',
    help: 'Name a file that is there, relative to the current folder.',
    kind: 'usage',
  },
} as const satisfies Record<string, ErrorEntry>;

export const deployError = errorsOf(DEPLOY_ERRORS);
