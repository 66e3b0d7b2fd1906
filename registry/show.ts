/** What is applied, as text for people: `plumb show`, `plumb show NAME`, and the changes of a plan. */
import { formatDuration } from './std/duration.ts';
import { formatTimestamp } from './std/timestamp.ts';
import type { Change } from './changes.ts';
import { didYouMean } from './definitions/mistake.ts';
import { registryError } from './errors.ts';
import type { Aggregation, Bundle, Entity, Feature, FeatureService, FeatureView } from './model.ts';
import type { RunRecord } from './run-record.ts';
import { renderTable } from './std/text-table.ts';
import { formatType } from './value-type.ts';

const SIGN: Readonly<Record<Change['kind'], string>> = {
  created: '+',
  deleted: '-',
  metadata: '.',
  additive: '+',
  logic: '~',
  breaking: '!',
};

/** One line a change, its details below it, refusals in words. */
export function renderChanges(changes: readonly Change[]): string {
  if (changes.length === 0) return 'Nothing changes: what is applied is what the definitions say.';
  const lines: string[] = [];
  for (const change of changes) {
    lines.push(`${SIGN[change.kind]} ${change.kind.padEnd(8)} ${change.what} ${change.name}`);
    for (const detail of change.details) lines.push(`    ${detail}`);
    for (const refusal of change.refusals) lines.push(`    refused: ${refusal}`);
  }
  return lines.join('\n');
}

/** The whole catalogue in three tables. */
export function renderCatalogue(bundle: Bundle): string {
  const entities = [...bundle.entities.values()].map((e) => [e.name, joinKeysText(e), e.owner ?? '']);
  const views = [...bundle.views.values()].map((v) => [
    v.id,
    v.kind,
    v.entity,
    String(v.features.length),
    formatDuration(v.freshnessUs),
    v.owner ?? '',
  ]);
  const services = [...bundle.services.values()].map((s) => [
    s.name,
    `v${s.version}`,
    String(s.features.length),
    s.views.map((v) => v.role).join(', '),
    s.consumers.map((c) => `${c.model} (${c.owner})`).join(', '),
  ]);
  return [
    `project ${bundle.project}, bundle ${bundle.hash}`,
    renderTable(['entity', 'join keys', 'owner'], entities),
    renderTable(['view', 'kind', 'entity', 'features', 'freshness', 'owner'], views),
    renderTable(['service', 'version', 'features', 'views', 'consumers'], services),
  ].join('\n\n');
}

/** @throws REG_UNKNOWN when there is no view, service, entity or feature of that name */
export function renderDefinition(bundle: Bundle, name: string, runs: readonly RunRecord[]): string {
  const view =
    bundle.views.get(name) ??
    [...bundle.views.values()].find((v) => v.features.some((f) => `${v.name}__${f.name}` === name));
  if (view !== undefined) return renderView(view, runs);
  const service = bundle.services.get(name);
  if (service !== undefined) return renderService(service, bundle);
  const entity = bundle.entities.get(name);
  if (entity !== undefined)
    return `entity ${entity.name}: ${joinKeysText(entity)}${entity.description ? `\n${entity.description}` : ''}`;
  const known = [...bundle.views.keys(), ...bundle.services.keys(), ...bundle.entities.keys()];
  throw registryError(
    'REG_UNKNOWN',
    `there is no view, service, entity or feature "${name}"${didYouMean(name, known)}`,
  );
}

function renderView(view: FeatureView, runs: readonly RunRecord[]): string {
  const id = view.definitionId.toString(16).padStart(8, '0');
  const facts = [
    `view ${view.id} (${view.kind}, definition ${id})`,
    view.description,
    `entity ${view.entity}, source ${view.source.path}`,
    view.kind === 'aggregated'
      ? `hop ${formatDuration(view.hopUs)}, delay ${formatDuration(view.delayUs)}`
      : null,
    view.ttlUs === null ? null : `ttl ${formatDuration(view.ttlUs)}`,
    `freshness ${formatDuration(view.freshnessUs)}, lateness ${formatDuration(view.latenessUs)}, owner ${view.owner ?? 'nobody'}`,
  ];
  const features = view.features.map((f) => [
    f.name,
    formatType(f.type),
    aggregationText(f.aggregation),
    missingText(f),
    f.description ?? '',
  ]);
  const last = runs.at(-1);
  const run =
    last === undefined
      ? 'never materialized'
      : `last run ${last.runId}: ${last.state}, up to ${formatTimestamp(last.watermarkUs)}, ${last.written} rows written`;
  return [
    facts.filter((fact) => fact !== null).join('\n'),
    renderTable(['feature', 'type', 'computed', 'missing', 'description'], features),
    run,
  ].join('\n\n');
}

function renderService(service: FeatureService, bundle: Bundle): string {
  const rows = service.features.map((f, i) => {
    const feature = bundle.views.get(f.view)!.features.find((g) => g.name === f.feature)!;
    return [String(i), f.fullName, formatType(feature.type), f.view];
  });
  const keys = service.requestKeys.map((key) => `${key.name} ${key.type}`).join(', ');
  const consumers = service.consumers.map((c) => `${c.model} (${c.owner})`).join(', ') || 'nobody';
  return [
    `service ${service.name} v${service.version}, asked with ${keys}, consumed by ${consumers}`,
    renderTable(['#', 'feature', 'type', 'view'], rows),
  ].join('\n\n');
}

function joinKeysText(entity: Entity): string {
  return entity.joinKeys.map((key) => `${key.name} ${key.type}`).join(', ');
}

function aggregationText(a: Aggregation | null): string {
  if (a === null) return 'stored';
  const window = a.windowUs === null ? 'lifetime' : `over ${formatDuration(a.windowUs)}`;
  return `${a.function}(${a.column ?? ''}) ${window}`;
}

function missingText(feature: Feature): string {
  return feature.missing === null ? 'null' : String(feature.missing);
}
