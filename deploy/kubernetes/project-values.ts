/**
 * The values of the charts for one project: what its settings and definitions say of the programs that it needs, of
 * memory, and of volumes. All else is as the charts' own values.yaml have it.
 */
import { join } from 'node:path';
import { parse } from 'yaml';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import type { Bundle } from '../../contract/model.ts';
import { OWN_PACKAGE } from '../../project/own-package.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { deployError } from './errors.ts';
import { DEPLOY_VALUES, SIDECAR_CHART } from './manifest.ts';
import type { DeployValues } from './manifest.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Of a sidecar beside cache and ring: at its start, and what isolated functions may take (docs/sizing.md). */
const SIDECAR_BYTES = 105 * MIB;
const ISOLATED_BYTES = 4 * 42 * MIB;
const HEADROOM_BYTES = 64 * MIB;

/** Values, or a part of them, as a file has them. */
export type GivenValues = Readonly<Record<string, unknown>>;

/** @returns what the charts have */
export function chartValues(): GivenValues {
  return { ...valuesOf('plumbline'), [SIDECAR_CHART]: valuesOf(SIDECAR_CHART) };
}

function valuesOf(chart: string): GivenValues {
  const file = join(OWN_PACKAGE.folder, 'deploy', 'helm', chart, 'values.yaml');
  return parse(readRegularText(file)) as GivenValues;
}

/**
 * @param settingsText  plumbline.yaml
 * @param bundle        null: nothing is applied yet, and no view is known
 */
export function projectValues(settings: Settings, settingsText: string, bundle: Bundle | null): GivenValues {
  const { log, serve, materialize } = settings;
  const views = bundle === null ? [] : [...bundle.views.values()];
  const sidecarBytes = SIDECAR_BYTES + serve.cacheBytes;
  return {
    settings: settingsText,
    materializer: {
      daemon: views.some(({ scheduleUs }) => scheduleUs !== null),
      resources: {
        requests: { memory: mebibytes(2 * materialize.memory) },
        limits: { memory: mebibytes(3 * materialize.memory) },
      },
    },
    stream: { enabled: views.some(({ source }) => source.stream !== undefined) },
    ingest: { enabled: log.kafka !== null },
    [SIDECAR_CHART]: {
      adminPort: serve.adminPort,
      graceSeconds: Math.ceil(serve.graceMs / 1_000),
      spool: { size: `${Math.ceil((1.5 * log.maxBytes) / GIB)}Gi` },
      resources: {
        requests: { memory: mebibytes(sidecarBytes) },
        limits: { memory: mebibytes(sidecarBytes + log.ringBytes + ISOLATED_BYTES + HEADROOM_BYTES) },
      },
    },
  };
}

/** Rounded up to whole 64 MiB. */
function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / (64 * MIB)) * 64}Mi`;
}

/**
 * Later values over earlier ones, as Helm merges files: objects name by name, null takes a name away, lists as a whole.
 *
 * @throws DEP_VALUES
 */
export function checkedValues(layers: readonly GivenValues[]): DeployValues {
  const merged = layers.reduce<GivenValues>((below, above) => merge(below, above), {});
  const parsed = DEPLOY_VALUES.safeParse(merged);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue!.path.map(String).join('.');
  const message = `the values of the deployment: ${field === '' ? '' : `${field}: `}${issue!.message}`;
  throw deployError('DEP_VALUES', message, { field });
}

function merge(below: GivenValues, above: GivenValues): GivenValues {
  const merged: Record<string, unknown> = { ...below };
  for (const [name, value] of Object.entries(above)) {
    const under = merged[name];
    if (value === null) delete merged[name];
    else merged[name] = isObject(value) ? merge(isObject(under) ? under : {}, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is GivenValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
