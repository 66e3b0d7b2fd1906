/** What is applied, as text: `plumb show` and `plumb show NAME`. */
import { errorBound } from '../contract/aggregation/error-bound.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { consumerText } from './guard.ts';
import { definitionName } from '../contract/wire/online/row-header.ts';
import { didYouMean } from '../contract/std/did-you-mean.ts';
import { registryError } from '../contract/errors.ts';
import type {
  Aggregation,
  Bundle,
  Deprecation,
  Entity,
  Feature,
  FeatureService,
  FeatureView,
  OnDemandView,
  Source,
} from '../contract/model.ts';
import { inputsText } from '../contract/definitions/definition-meaning.ts';
import { TABLE_NAMES } from '../contract/model.ts';
import type { KeptAllowance } from '../project/database/registry-database.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { renderTable } from '../contract/std/text-table.ts';
import { formatType } from '../contract/value-type.ts';
import { fullFromUs } from '../contract/windows.ts';
import { ageText, freshnessText } from '../project/overview/view-freshness.ts';
import type { ViewFreshness } from '../project/overview/view-freshness.ts';
import { deprecationText } from '../project/overview/deprecation-text.ts';
import { whereItRuns } from './where-it-runs.ts';

/** One table each of entities, views and services, and what was allowed although the guard refused it. */
export function renderCatalogue(
  bundle: Bundle,
  allowances: readonly KeptAllowance[],
  freshness: ReadonlyMap<string, ViewFreshness>,
): string {
  const entities = [...bundle.entities.values()].map((e) => [e.name, joinKeysText(e), e.owner ?? '']);
  const views = [...bundle.views.values()].map((v) => [
    v.id,
    v.kind,
    v.entity,
    String(v.features.length),
    formatDuration(v.freshnessUs),
    stateText(freshness.get(v.id)),
    v.owner ?? '',
  ]);
  const computed = [...bundle.onDemand.values()].map((v) => [
    v.id,
    String(v.features.length),
    inputsText(v.inputs).join('; '),
    v.uses.map(({ role }) => role).join(', '),
    v.isolated ? 'isolated' : '',
    v.owner ?? '',
  ]);
  const services = [...bundle.services.values()].map((s) => [
    s.name,
    `v${s.version}`,
    String(s.features.length),
    [...s.views, ...s.onDemand].map((v) => v.role).join(', '),
    s.consumers.map((c) => `${c.model} (${c.owner})`).join(', '),
  ]);
  return [
    `project ${bundle.project}, bundle ${bundle.hash}`,
    renderTable(['entity', 'join keys', 'owner'], entities),
    renderTable(['view', 'kind', 'entity', 'features', 'freshness', 'complete up to', 'owner'], views),
    ...(computed.length === 0
      ? []
      : [renderTable(['on-demand view', 'features', 'inputs', 'uses', 'runs', 'owner'], computed)]),
    renderTable(['service', 'version', 'features', 'views', 'consumers'], services),
    ...allowancesText(allowances),
    ...(views.length === 0
      ? []
      : ['`plumb show VIEW` lists the features of a view, `plumb show SERVICE` those of a service.']),
  ].join('\n\n');
}

/** @returns `12m ago`, `5h ago, stale`, `never` */
function stateText(freshness: ViewFreshness | undefined): string {
  if (freshness === undefined || freshness.ageUs === null) return 'never';
  const { ageUs, state } = freshness;
  return `${ageText(ageUs)} ago${state === 'fresh' ? '' : `, ${state}`}`;
}

/** What the registry stores of a definition apart from its text. */
interface KeptOfDefinition {
  readonly runs: readonly RunRecord[];
  /** Of a view that is stored or aggregated; null: it is none. */
  readonly freshness: ViewFreshness | null;
  readonly allowances: readonly KeptAllowance[];
}

const SHOWN_ALLOWANCES = 20;

function allowancesText(allowances: readonly KeptAllowance[]): string[] {
  if (allowances.length === 0) return [];
  const rows = allowances.slice(-SHOWN_ALLOWANCES).map(({ name, appliedUs, reason, services }) => {
    const whom = services.map(({ service, consumers }) => `${service} (${consumerText(consumers)})`);
    return [name, formatTimestamp(appliedUs).slice(0, 16), whom.join(', '), reason];
  });
  return [renderTable(['allowed', 'at', 'although consumed by', 'reason'], rows)];
}

/** @throws REG_UNKNOWN when no view, service, entity or feature has that name */
export function renderDefinition(bundle: Bundle, name: string, kept: KeptOfDefinition): string {
  return [definitionText(bundle, name, kept), ...allowancesText(kept.allowances)].join('\n\n');
}

function definitionText(bundle: Bundle, name: string, kept: KeptOfDefinition): string {
  const view = viewNamed(bundle, name);
  if (view !== null) return renderView(view, kept);
  const computed = onDemandNamed(bundle, name);
  if (computed !== null) return renderOnDemand(computed);
  const service = bundle.services.get(name);
  if (service !== undefined) return renderService(service, bundle);
  const entity = bundle.entities.get(name);
  if (entity !== undefined)
    return `entity ${entity.name}: ${joinKeysText(entity)}${entity.description ? `\n${entity.description}` : ''}`;
  throw registryError(
    'REG_UNKNOWN',
    `there is no view, service, entity or feature "${name}"${nearName(bundle, name)}`,
  );
}

/**
 * @param name  of a view (`drivers`, `drivers@v2`) or one of its features (`drivers:conv_rate`, `drivers__conv_rate`,
 *              or as a service lists it in a role)
 * @returns     null when no view and no feature has the name
 */
export function viewNamed(bundle: Bundle, name: string): FeatureView | null {
  const own = bundle.views.get(name);
  if (own !== undefined) return own;
  const views = [...bundle.views.values()].toReversed();
  for (const view of views) {
    const names = [`${view.id}:`, `${view.name}:`, `${view.id}__`, `${view.name}__`];
    if (view.features.some((feature) => names.some((of) => `${of}${feature.name}` === name))) return view;
  }
  for (const service of bundle.services.values()) {
    const listed = service.features.find((feature) => feature.fullName === name);
    if (listed !== undefined) return bundle.views.get(listed.view) ?? null;
  }
  return null;
}

/** @param name  as `viewNamed` takes it, of an on-demand view */
export function onDemandNamed(bundle: Bundle, name: string): OnDemandView | null {
  const own = bundle.onDemand.get(name);
  if (own !== undefined) return own;
  for (const view of bundle.onDemand.values()) {
    const names = [`${view.id}:`, `${view.id}__`, `${view.name}__`];
    if (view.features.some((feature) => names.some((of) => `${of}${feature.name}` === name))) return view;
  }
  for (const service of bundle.services.values()) {
    const listed = service.features.find((feature) => feature.fullName === name);
    if (listed !== undefined) return bundle.onDemand.get(listed.view) ?? null;
  }
  return null;
}

/** @returns what may have been meant: the views with a feature of this short name, else the nearest name */
function nearName(bundle: Bundle, name: string): string {
  const views = [...bundle.views.values(), ...bundle.onDemand.values()];
  const owners = views.filter((view) => view.features.some((feature) => feature.name === name));
  if (owners.length > 0) return `; features are named with their view: ${featureNames(owners, name)}`;
  const features = views.flatMap((view) => view.features.map((feature) => `${view.id}:${feature.name}`));
  return didYouMean(name, [
    ...bundle.views.keys(),
    ...bundle.onDemand.keys(),
    ...bundle.services.keys(),
    ...bundle.entities.keys(),
    ...features,
  ]);
}

function featureNames(views: readonly (FeatureView | OnDemandView)[], feature: string): string {
  return views.map((view) => `${view.id}:${feature}`).join(', ');
}

function renderView(view: FeatureView, { runs, freshness }: KeptOfDefinition): string {
  const facts = [
    `view ${view.id} (${view.kind}, definition ${definitionName(view.definitionId)})`,
    view.description,
    deprecatedText(view.deprecated),
    `entity ${view.entity}, source ${sourceText(view.source)}`,
    view.kind === 'aggregated'
      ? `hop ${formatDuration(view.hopUs)}, delay ${formatDuration(view.delayUs)}`
      : null,
    view.ttlUs === null ? null : `ttl ${formatDuration(view.ttlUs)}`,
    view.watermark === 'events'
      ? `complete up to the newest event of its source less ${formatDuration(view.outOfOrderUs)}`
      : null,
    view.startUs === null ? null : `its source is complete from ${formatTimestamp(view.startUs)}`,
    `freshness ${formatDuration(view.freshnessUs)} (alert at ${formatDuration(view.freshnessAlertUs)}), of its source ${formatDuration(view.sourceFreshnessUs)}, ` +
      `lateness ${formatDuration(view.latenessUs)}, owner ${view.owner ?? 'nobody'}`,
  ];
  const hasStart = view.startUs !== null;
  const features = view.features.map((f) => [
    f.name,
    formatType(f.type),
    aggregationText(f.aggregation),
    missingText(f),
    ...(hasStart ? [formatTimestamp(fullFromUs(view, f)!).slice(0, 16)] : []),
    descriptionText(f),
  ]);
  const last = runs.at(-1);
  const run =
    last === undefined
      ? 'never materialized'
      : [
          ...(freshness === null ? [] : [freshnessText(view, freshness)]),
          `last run ${last.runId}: ${last.state}, up to ${formatTimestamp(last.watermarkUs)}, ${last.written} rows written`,
          `newest event of the source ${timeText(last.newestEventUs)}, newest created ${timeText(last.newestCreatedUs)}`,
          `read ${last.read}: ${last.counted} counted, ${last.rejected} rejected, ${last.lateEvents} too late, ${last.waiting} waiting; ${last.excluded} excluded by where`,
        ].join('\n');
  return [
    facts.filter((fact) => fact !== null).join('\n'),
    renderTable(
      ['feature', 'type', 'computed', 'missing', ...(hasStart ? ['full from'] : []), 'description'],
      features,
    ),
    run,
  ].join('\n\n');
}

function renderOnDemand(view: OnDemandView): string {
  const uses = view.uses.map(({ role, view: of, features }) => {
    const as = role === of ? '' : ` as ${role}`;
    return `${of}${as}: ${features.map(({ argument }) => argument).join(', ')}`;
  });
  const facts = [
    `view ${view.id} (on demand, definition ${definitionName(view.definitionId)})`,
    view.description,
    deprecatedText(view.deprecated),
    `inputs ${inputsText(view.inputs).join('; ') || 'none'}`,
    `uses ${uses.join('; ') || 'nothing'}`,
    `code ${view.code.file}, ${view.code.hash.slice(0, 12)}; ${whereItRuns(view)}`,
    view.int64 === 'bigint' ? 'int64 and timestamps are bigints' : null,
    `owner ${view.owner ?? 'nobody'}`,
  ];
  const features = view.features.map((f) => [
    f.name,
    formatType(f.type),
    missingText(f),
    f.log,
    descriptionText(f),
  ]);
  return [
    facts.filter((fact) => fact !== null).join('\n'),
    renderTable(['feature', 'type', 'missing', 'log', 'description'], features),
  ].join('\n\n');
}

function sourceText({ name, path, stream, table }: Source): string {
  if (stream === undefined) return table === undefined ? path : `${path}, ${TABLE_NAMES[table]}`;
  const { topic, folder, format, id, keyedBy } = stream;
  const facts = [
    `stream ${name} of ${topic === null ? `folder ${folder!}` : `topic ${topic}`} (${format.kind})`,
    `archive ${path}`,
    ...(id === null ? [] : [`told apart by ${id}`]),
    ...(keyedBy === null ? [] : [`keyed by ${keyedBy}`]),
  ];
  return facts.join(', ');
}

function timeText(us: number | null): string {
  return us === null ? 'unknown' : formatTimestamp(us);
}

function renderService(service: FeatureService, bundle: Bundle): string {
  const rows = service.features.map((f, i) => {
    const view = bundle.views.get(f.view) ?? bundle.onDemand.get(f.view)!;
    const feature = view.features.find((g) => g.name === f.feature)!;
    return [String(i), f.fullName, formatType(feature.type), f.view, goesText(feature, view)];
  });
  const asked = [
    ...service.requestKeys.map((key) => `${key.name} ${key.type}`),
    ...inputsText(service.inputs.filter((input) => !input.requestTime)),
  ].join(', ');
  const consumers = service.consumers.map((c) => `${c.model} (${c.owner})`).join(', ') || 'nobody';
  const deprecated = deprecatedText(service.deprecated ?? null);
  return [
    `service ${service.name} v${service.version}, asked with ${asked}, consumed by ${consumers}`,
    ...(deprecated === null ? [] : [deprecated]),
    rows.every((row) => row.at(-1) === '')
      ? renderTable(
          ['#', 'feature', 'type', 'view'],
          rows.map((row) => row.slice(0, -1)),
        )
      : renderTable(['#', 'feature', 'type', 'view', 'will go'], rows),
  ].join('\n\n');
}

function deprecatedText(deprecated: Deprecation | null): string | null {
  return deprecated === null ? null : deprecationText(deprecated);
}

/** Of a feature as a service lists it: its own date, else that of its view; empty: it stays. */
function goesText(feature: Feature, view: FeatureView | OnDemandView): string {
  return deprecatedText(feature.deprecated ?? view.deprecated) ?? '';
}

/** What is said of a feature, first that it will go. */
function descriptionText({ description, deprecated }: Feature): string {
  const parts = [deprecated === undefined ? null : deprecationText(deprecated), description];
  return parts.filter((part) => part !== null).join('; ');
}

function joinKeysText(entity: Entity): string {
  return entity.joinKeys.map((key) => `${key.name} ${key.type}`).join(', ');
}

function aggregationText(a: Aggregation | null): string {
  if (a === null) return 'stored';
  const parameter = a.function === 'lastN' ? a.n : a.function === 'approxPercentile' ? a.percentile : null;
  const taken = [a.column, parameter].filter((part) => part !== null).join(', ');
  const session = a.sessionUs === null ? 'lifetime' : `over a session of ${formatDuration(a.sessionUs)}`;
  const window = a.windowUs === null ? session : `over ${formatDuration(a.windowUs)}`;
  const bound = errorBound(a.function);
  return `${a.function}(${taken}) ${window}${bound === null ? '' : `, ${bound.text}`}`;
}

function missingText(feature: Feature): string {
  return feature.missing === null ? 'null' : String(feature.missing);
}
