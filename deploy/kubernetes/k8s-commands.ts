/**
 * `plumb k8s values` and `plumb k8s render`: a project's values for the charts, and the manifests that the charts would
 * give, for people without Helm. Nothing is asked of a cluster.
 */
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { currentHash, loadBundle } from '../../contract/definitions/bundle-folder.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { deployError } from './errors.ts';
import { SIDECAR_CHART } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { chartValues, checkedValues, projectValues } from './project-values.ts';
import type { GivenValues } from './project-values.ts';
import { refuseSecrets } from './shown-secrets.ts';
import { withSidecar } from './sidecar.ts';
import { workloads } from './workloads.ts';

const YAML = { lineWidth: 0, aliasDuplicateObjects: false };
const SETTINGS_FILE = 'plumbline.yaml';

/** What this project's values are beside those that the charts have. */
export async function k8sValues(context: CommandContext): Promise<ExitCode> {
  const { settings } = projectOf(context);
  const values = ofProject(context, settings);
  refuseSecrets(String(values['settings']), {});
  await printResult(context, values, () => stringify(values, YAML).trimEnd());
  return 0;
}

interface RenderOptions {
  readonly values?: readonly string[];
  readonly mode?: string;
  readonly into?: string;
}

/** Manifests as YAML; with `--into` only the model server's, with the sidecar in its pods. */
export async function k8sRender(context: CommandContext, options: RenderOptions): Promise<ExitCode> {
  const { settings } = projectOf(context);
  const given = (options.values ?? []).map(readValues);
  const mode = options.mode === undefined ? [] : [{ [SIDECAR_CHART]: { mode: options.mode } }];
  const values = checkedValues([chartValues(), ofProject(context, settings), ...given, ...mode]);
  const sidecar = values[SIDECAR_CHART];
  refuseSecrets(values.settings, { env: values.env, [`${SIDECAR_CHART}.env`]: sidecar.env });
  const manifests =
    options.into === undefined
      ? workloads(values)
      : readManifests(options.into).map((one) => (hasPods(one) ? withSidecar(one, sidecar) : one));
  await printResult(context, manifests, () =>
    manifests
      .map((one) => stringify(one, YAML))
      .join('---\n')
      .trimEnd(),
  );
  return 0;
}

function ofProject({ folder, logger }: CommandContext, settings: Settings): GivenValues {
  const hash = currentHash(settings.bundles);
  if (hash === null)
    logger.warn('nothing is applied yet: whether there are streams and schedules is not known');
  if (settings.bundleTravel.from.length === 0)
    logger.warn(
      'bundles.from is not set: sidecars in other pods have no way to the definitions (docs/bundles.md)',
    );
  const { online, registry, log } = settings;
  const local = { online: online.kind, registry: registry.kind };
  for (const [name, kind] of Object.entries(local).filter(([, one]) => one === 'sqlite'))
    logger.warn(
      `${name} is a ${kind} file: pods of several nodes cannot share one, set ${name === 'online' ? 'a Redis' : 'a PostgreSQL'} (PLUMB_${name.toUpperCase()} of a Secret)`,
    );
  if (log.enabled && log.kafka === null && !log.ingest)
    logger.warn(
      'nothing takes the log from the sidecars, so that nothing is judged: set log.kafka (docs/vector-log.md)',
    );
  const bundle = hash === null ? null : loadBundle(settings.bundles, hash);
  return projectValues(settings, readRegularText(join(folder, SETTINGS_FILE)), bundle);
}

function readValues(file: string): GivenValues {
  const text = textOf(file);
  let values: unknown;
  try {
    values = parse(text);
  } catch (error) {
    throw deployError('DEP_VALUES', `${file}: ${(error as Error).message}`, { field: 'values' }, error);
  }
  if (values === null) return {};
  if (typeof values === 'object' && !Array.isArray(values)) return values as GivenValues;
  throw deployError('DEP_VALUES', `${file}: expected values by name, as in a chart's values.yaml`, {
    field: 'values',
  });
}

function readManifests(file: string): Manifest[] {
  const documents = parseAllDocuments(textOf(file));
  const mistake = documents.flatMap(({ errors }) => errors)[0];
  if (mistake !== undefined)
    throw deployError('DEP_MANIFEST', `${file}: ${mistake.message}`, { field: 'into' });
  const manifests = documents.map((one) => one.toJS() as Manifest | null).filter((one) => one !== null);
  if (!manifests.some(hasPods)) {
    const what = 'expected a Deployment, a StatefulSet or a Knative Service, with pods at spec.template.spec';
    throw deployError('DEP_MANIFEST', `${file}: ${what}`, { field: 'into' });
  }
  return manifests;
}

function textOf(file: string): string {
  try {
    return readRegularText(file);
  } catch (error) {
    throw deployError('DEP_FILE', (error as Error).message, {}, error);
  }
}

function hasPods(manifest: Manifest): boolean {
  const template = manifest.spec?.['template'] as { readonly spec?: object } | undefined;
  return typeof template?.spec === 'object' && template.spec !== null;
}
