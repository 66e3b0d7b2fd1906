/**
 * What an apply would change, sorted by what it means for data and for models.
 *
 *   created, deleted   a definition comes or goes
 *   metadata           owner, description, freshness, ...: no data is touched
 *   additive           new features behind the old ones
 *   logic              same schema, new meaning
 *   breaking           schema: a feature goes, or changes its type
 */
import { canonicalJson } from './std/canonical-json.ts';
import type { Json } from './std/canonical-json.ts';
import { viewLogicToJson, viewToJson } from './definition-json.ts';
import type { Bundle, Definitions, FeatureService, FeatureView } from './model.ts';
import { formatType } from './value-type.ts';

export type ChangeKind = 'created' | 'deleted' | 'metadata' | 'additive' | 'logic' | 'breaking';

export interface Change {
  readonly kind: ChangeKind;
  readonly what: 'entity' | 'view' | 'service';
  readonly name: string;
  /** One sentence a detail. */
  readonly details: readonly string[];
  /** Why the change is refused: who consumes what it changes. Empty: it is not. */
  readonly refusals: readonly string[];
}

/** @param applied  what is in force, or null when nothing was ever applied */
export function changesBetween(applied: Bundle | null, next: Definitions): Change[] {
  const changes: Change[] = [];
  const old: Definitions = applied ?? { entities: new Map(), views: new Map(), services: new Map() };
  changes.push(...entityChanges(old, next));
  for (const [id, view] of next.views) {
    const before = old.views.get(id);
    const change = before === undefined ? created('view', id) : viewChange(before, view, old, next);
    if (change !== null) changes.push(change);
  }
  for (const id of old.views.keys()) if (!next.views.has(id)) changes.push(deletedView(id, next));
  for (const [name, service] of next.services) {
    const before = old.services.get(name);
    const change = before === undefined ? created('service', name) : serviceChange(before, service);
    if (change !== null) changes.push(change);
  }
  for (const [name, service] of old.services) {
    if (next.services.has(name)) continue;
    const models = service.consumers.map((c) => `model ${c.model} (${c.owner})`);
    changes.push({ kind: 'deleted', what: 'service', name, details: models, refusals: [] });
  }
  return changes;
}

function created(what: Change['what'], name: string): Change {
  return { kind: 'created', what, name, details: [], refusals: [] };
}

function entityChanges(old: Definitions, next: Definitions): Change[] {
  const changes: Change[] = [];
  for (const [name, entity] of next.entities) {
    const before = old.entities.get(name);
    if (before === undefined) changes.push(created('entity', name));
    else if (
      canonicalJson(before.joinKeys as unknown as Json) !== canonicalJson(entity.joinKeys as unknown as Json)
    ) {
      const users = [...old.views.values()].filter((view) => view.entity === name);
      const refusals = users.map((view) => `view ${view.id} is stored by the old join keys`);
      changes.push({ kind: 'breaking', what: 'entity', name, details: ['its join keys change'], refusals });
    } else if (canonicalJson(before as unknown as Json) !== canonicalJson(entity as unknown as Json)) {
      changes.push({
        kind: 'metadata',
        what: 'entity',
        name,
        details: changedOptions(before, entity),
        refusals: [],
      });
    }
  }
  for (const name of old.entities.keys()) {
    if (!next.entities.has(name))
      changes.push({ kind: 'deleted', what: 'entity', name, details: [], refusals: [] });
  }
  return changes;
}

function viewChange(
  before: FeatureView,
  after: FeatureView,
  old: Definitions,
  next: Definitions,
): Change | null {
  if (canonicalJson(viewToJson(before)) === canonicalJson(viewToJson(after))) return null;
  if (before.definitionId === after.definitionId) {
    const details = changedOptions(viewToJson(before), viewToJson(after));
    return { kind: 'metadata', what: 'view', name: after.id, details, refusals: [] };
  }
  const { details, schema, touched } = featureChanges(before, after);
  const whole = wholeViewLogic(before) !== wholeViewLogic(after);
  if (whole) details.push(...wholeViewDetails(before, after));
  const names = whole ? before.features.map((f) => f.name) : touched;
  const kind = schema ? 'breaking' : whole || touched.length > 0 ? 'logic' : 'additive';
  return { kind, what: 'view', name: after.id, details, refusals: consumersOf(after.id, names, old, next) };
}

/** @returns the features whose schema or logic changes; new ones at the end touch nobody */
function featureChanges(before: FeatureView, after: FeatureView) {
  const details: string[] = [];
  const touched: string[] = [];
  let schema = false;
  for (const feature of before.features) {
    const now = after.features.find((f) => f.name === feature.name);
    if (now === undefined) details.push(`${feature.name} is removed`);
    else if (formatType(now.type) !== formatType(feature.type)) {
      details.push(
        `${feature.name} changes its type from ${formatType(feature.type)} to ${formatType(now.type)}`,
      );
    } else {
      if (logicOf(feature) === logicOf(now)) continue;
      details.push(`${feature.name} is computed in another way`);
      touched.push(feature.name);
      continue;
    }
    schema = true;
    touched.push(feature.name);
  }
  const added = after.features.filter((f) => !before.features.some((b) => b.name === f.name));
  for (const feature of added) details.push(`${feature.name} is new`);
  return { details, schema, touched };
}

function logicOf(feature: FeatureView['features'][number]): string {
  const { aggregation } = feature;
  if (aggregation === null) return 'stored';
  return canonicalJson({
    ...aggregation,
    columnType: aggregation.columnType === null ? null : formatType(aggregation.columnType),
  });
}

function wholeViewLogic(view: FeatureView): string {
  return canonicalJson({ ...viewLogicToJson(view), features: undefined });
}

function wholeViewDetails(before: FeatureView, after: FeatureView): string[] {
  const details: string[] = [];
  if (before.entity !== after.entity)
    details.push(`its entity changes from ${before.entity} to ${after.entity}`);
  if (before.kind !== after.kind) details.push(`it was ${before.kind} and becomes ${after.kind}`);
  if (before.hopUs !== after.hopUs) details.push('its hop changes');
  if (before.source.path !== after.source.path) details.push(`its source changes to ${after.source.path}`);
  if (
    before.source.eventTime !== after.source.eventTime ||
    before.source.createdTime !== after.source.createdTime
  ) {
    details.push("its source's time columns change");
  }
  return details;
}

/** Who consumes the touched features, in a service that stays: those are whom the change would break. */
function consumersOf(
  viewId: string,
  features: readonly string[],
  old: Definitions,
  next: Definitions,
): string[] {
  const refusals: string[] = [];
  for (const service of old.services.values()) {
    if (!next.services.has(service.name)) continue;
    const used = service.features.filter((f) => f.view === viewId && features.includes(f.feature));
    if (used.length === 0) continue;
    const models = service.consumers.map((c) => `model ${c.model} of ${c.owner}`);
    const whom =
      models.length === 0 ? 'no model is named as its consumer' : `consumed by ${models.join(', ')}`;
    refusals.push(`service ${service.name} serves ${used.map((f) => f.fullName).join(', ')} (${whom})`);
  }
  return refusals;
}

function deletedView(id: string, next: Definitions): Change {
  const details = [...next.services.values()].some((s) => s.views.some((v) => v.view === id))
    ? ['still served']
    : [];
  return { kind: 'deleted', what: 'view', name: id, details, refusals: [] };
}

function serviceChange(before: FeatureService, after: FeatureService): Change | null {
  if (servedOf(before) === servedOf(after)) {
    const details = changedOptions({ ...before, version: 0 }, { ...after, version: 0 });
    return details.length === 0
      ? null
      : { kind: 'metadata', what: 'service', name: after.name, details, refusals: [] };
  }
  const names = (service: FeatureService): string[] => service.features.map((f) => f.fullName);
  const removed = names(before).filter((name) => !names(after).includes(name));
  const added = names(after).filter((name) => !names(before).includes(name));
  const prefix = names(before).every((name, i) => names(after)[i] === name);
  const details = [
    ...removed.map((name) => `no longer serves ${name}`),
    ...added.map((name) => `also serves ${name}`),
  ];
  if (removed.length === 0 && !prefix) details.push('the order of its features changes');
  const kind = prefix && removed.length === 0 ? 'additive' : 'breaking';
  const models = before.consumers.map((c) => `model ${c.model} of ${c.owner} takes the old vector`);
  return { kind, what: 'service', name: after.name, details, refusals: kind === 'breaking' ? models : [] };
}

/** What a model sees of a service; a change of it makes a new version of the service. */
export function servedOf(service: FeatureService): string {
  const { features, views, requestKeys, tensor } = service;
  return canonicalJson({ features, views, requestKeys, tensor } as unknown as Json);
}

function changedOptions(before: object, after: object): string[] {
  const old = before as Record<string, Json>;
  const now = after as Record<string, Json>;
  const changed = Object.keys(now).filter(
    (key) => canonicalJson(old[key] ?? null) !== canonicalJson(now[key] ?? null),
  );
  return changed.map((key) => `${key} changes`);
}
