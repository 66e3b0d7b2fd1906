/**
 * What an apply would change, sorted by what it means for data and for models.
 *
 *   created, deleted   a definition comes or goes
 *   deprecated         it, or a feature of it, is said to go; no data is touched
 *   metadata           owner, description, the path of a source, ...: no data is touched
 *   additive           new features after the old ones
 *   logic              same schema, new meaning: row logic or reading logic
 *   breaking           schema: a feature goes, or changes its type; join keys change
 */
import { definitionName } from '../contract/wire/online/row-header.ts';
import {
  entityDetails,
  isSameView,
  onDemandDetails,
  serviceDetails,
  viewDetails,
} from './definition-diff.ts';
import type { Detail } from './definition-diff.ts';
import { Guard, refusalToJson } from './guard.ts';
import type { Bundle, Definitions, FeatureService, FeatureView } from '../contract/model.ts';
import type { ChangeRefusal, RemovedConsumer } from '../contract/refusal.ts';

type ChangeKind = 'created' | 'deleted' | 'deprecated' | 'metadata' | 'additive' | 'logic' | 'breaking';

export interface Change {
  readonly kind: ChangeKind;
  readonly what: 'entity' | 'view' | 'service';
  readonly name: string;
  /** Of a view that is computed on demand: it has no rows. Absent otherwise. */
  readonly onDemand?: true;
  /** Of a definition that comes or goes none, but for one that seems to have been renamed. */
  readonly details: readonly Detail[];
  /** What the guard refuses of the change unless it is allowed by name. Empty: nothing. */
  readonly refusals: readonly ChangeRefusal[];
  /** Services that the change affects and that name no model as a consumer: nothing is refused for them. */
  readonly unguarded: readonly string[];
}

/**
 * @param applied  the bundle in force; null when nothing was ever applied
 * @param next     with the definition ids that the views would be applied under
 * @param removed  consumers removed by the applies of the last seven days
 */
export function changesBetween(
  applied: Bundle | null,
  next: Definitions,
  removed: readonly RemovedConsumer[] = [],
): Change[] {
  const none = { entities: new Map(), views: new Map(), onDemand: new Map(), services: new Map() };
  const old: Definitions = applied ?? none;
  const guard = new Guard(old, next, removed);
  return [
    ...entityChanges(old, next, guard),
    ...viewChanges(old, next, guard),
    ...onDemandChanges(old, next, guard),
    ...serviceChanges(old, next, guard),
  ];
}

function entityChanges(old: Definitions, next: Definitions, guard: Guard): Change[] {
  const changes: Change[] = [];
  for (const [name, entity] of next.entities) {
    const before = old.entities.get(name);
    const details = before === undefined ? [] : entityDetails(before, entity);
    if (before === undefined) changes.push(plain('created', 'entity', name));
    else if (details.length > 0)
      changes.push({
        kind: kindOf(details),
        what: 'entity',
        name,
        details,
        ...guard.ofEntity(name, details),
      });
  }
  return [...changes, ...gone('entity', old.entities, next.entities)];
}

function viewChanges(old: Definitions, next: Definitions, guard: Guard): Change[] {
  const changes: Change[] = [];
  for (const [name, view] of next.views) {
    const before = old.views.get(name);
    const details = before === undefined ? [] : viewDetails(before, view);
    // A change of the entity's join keys is shown and refused at the entity; it also makes the view's rows be written
    // again.
    if (before !== undefined && details.length === 0 && before.definitionId !== view.definitionId) {
      const follows = { ...plain('breaking', 'view', name), details: [anotherDefinition(before, view)] };
      changes.push(follows);
    } else if (before === undefined) changes.push(plain('created', 'view', name));
    else if (details.length > 0)
      changes.push({ kind: kindOf(details), what: 'view', name, details, ...guard.ofView(name, details) });
  }
  const deleted = gone('view', old.views, next.views).map((change) => withRename(change, old, next));
  return [...changes, ...deleted];
}

/** A view that goes while the same one comes under another name was renamed, most likely. */
function withRename(change: Change, old: Definitions, next: Definitions): Change {
  const before = old.views.get(change.name)!;
  const renamed = [...next.views.values()].find(
    (view) => !old.views.has(view.id) && isSameView(before, view),
  );
  if (renamed === undefined) return change;
  const sentence = `${renamed.id} is the same under another name: its rows are made anew`;
  const detail: Detail = {
    option: 'name',
    meaning: 'metadata',
    before: before.id,
    after: renamed.id,
    feature: null,
    sentence,
  };
  return { ...change, details: [detail] };
}

function onDemandChanges(old: Definitions, next: Definitions, guard: Guard): Change[] {
  const changes: Change[] = [];
  for (const [name, view] of next.onDemand) {
    const before = old.onDemand.get(name);
    const details = before === undefined ? [] : onDemandDetails(before, view);
    const guarded = guard.ofView(name, details);
    if (before === undefined) changes.push(plain('created', 'view', name));
    else if (details.length > 0)
      changes.push({ kind: kindOf(details), what: 'view', name, onDemand: true, details, ...guarded });
  }
  return [...changes, ...gone('view', old.onDemand, next.onDemand)];
}

function anotherDefinition(before: FeatureView, after: FeatureView): Detail {
  return {
    option: 'definition',
    meaning: 'schema',
    before: definitionName(before.definitionId),
    after: definitionName(after.definitionId),
    feature: null,
    sentence: 'its entity has other join keys: its rows are MISSING until the next run writes them anew',
  };
}

function serviceChanges(old: Definitions, next: Definitions, guard: Guard): Change[] {
  const changes: Change[] = [];
  for (const [name, service] of next.services) {
    const before = old.services.get(name);
    if (before === undefined) {
      changes.push(plain('created', 'service', name));
      continue;
    }
    const entityKeysChange = before.views.some(({ view }) => {
      const entity = old.views.get(view)!.entity;
      const [was, is] = [old.entities.get(entity)!, next.entities.get(entity)];
      return is !== undefined && entityDetails(was, is).some(({ option }) => option === 'joinKeys');
    });
    const details = serviceDetails(before, service, entityKeysChange);
    if (details.length === 0) continue;
    // Refused there where it is written.
    const follows = [
      ...(entityKeysChange ? ['keys'] : []),
      ...(inputsOfViewsChange(before, old, next) ? ['inputs'] : []),
    ];
    const guarded = guard.ofService(before, details, follows);
    changes.push({ kind: kindOf(details), what: 'service', name, details, ...guarded });
  }
  const deleted = gone('service', old.services, next.services).map((change) => {
    return { ...change, refusals: guard.ofDeletedService(old.services.get(change.name)!) };
  });
  return [...changes, ...deleted];
}

function inputsOfViewsChange(service: FeatureService, old: Definitions, next: Definitions): boolean {
  return service.onDemand.some(({ view }) => {
    const [before, after] = [old.onDemand.get(view)!, next.onDemand.get(view)];
    return after !== undefined && onDemandDetails(before, after).some(({ option }) => option === 'inputs');
  });
}

function plain(kind: ChangeKind, what: Change['what'], name: string): Change {
  return { kind, what, name, details: [], refusals: [], unguarded: [] };
}

function gone(
  what: Change['what'],
  old: ReadonlyMap<string, unknown>,
  next: ReadonlyMap<string, unknown>,
): Change[] {
  return [...old.keys()].filter((name) => !next.has(name)).map((name) => plain('deleted', what, name));
}

function kindOf(details: readonly Detail[]): ChangeKind {
  const has = (...meanings: Detail['meaning'][]): boolean =>
    details.some(({ meaning }) => meanings.includes(meaning));
  if (has('schema')) return 'breaking';
  if (has('row', 'reading')) return 'logic';
  if (has('additive')) return 'additive';
  return details.some(isDeprecation) ? 'deprecated' : 'metadata';
}

/** One that is taken back is metadata. */
function isDeprecation({ option, after }: Detail): boolean {
  return after !== null && (option === 'deprecated' || option.endsWith('.deprecated'));
}

/** A change as the commands print it in JSON: times in RFC 3339. */
export function changeToJson(change: Change): object {
  return { ...change, refusals: change.refusals.map(refusalToJson) };
}
