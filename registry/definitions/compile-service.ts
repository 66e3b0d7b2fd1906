/** Compiles one feature service: its features in order, the views they come from, the keys that a request gives. */
import type {
  Entity,
  FeatureService,
  FeatureView,
  JoinKey,
  ServiceFeature,
  ServiceView,
} from '../../contract/model.ts';
import type { ServiceDraft, ViewSelection } from '../../contract/definitions/draft.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { faultOfName } from '../../contract/definitions/name.ts';
import { checkOptions, SERVICE_OPTIONS } from '../../contract/definitions/option-schemas.ts';

interface ServiceContext {
  readonly entities: ReadonlyMap<string, Entity | null>;
  /** The views by id; null for a view that has mistakes, which are reported at the view. */
  readonly views: ReadonlyMap<string, FeatureView | null>;
  readonly mistakes: Mistakes;
}

/** @returns the service with version 0 (apply assigns it); null when it has mistakes, which are added to the others */
export function compileService(draft: ServiceDraft, context: ServiceContext): FeatureService | null {
  const what = `service "${draft.name}"`;
  const options = checkOptions(SERVICE_OPTIONS, what, draft, context.mistakes);
  const check = new ServiceCheck(draft, what, context);
  draft.items.forEach((item, i) => check.add(item, ['features', String(i)]));
  if (draft.items.length === 0) check.fault(['features'], 'has no features');
  if (options === null || check.faults > 0) return null;
  return { name: draft.name, version: 0, ...check.result(), ...options };
}

class ServiceCheck {
  readonly #draft: ServiceDraft;
  readonly #what: string;
  readonly #context: ServiceContext;
  readonly #features = new Map<string, ServiceFeature>();
  readonly #views = new Map<string, ServiceView>();
  readonly #keys = new Map<string, JoinKey>();
  faults = 0;

  constructor(draft: ServiceDraft, what: string, context: ServiceContext) {
    this.#draft = draft;
    this.#what = what;
    this.#context = context;
  }

  result(): Pick<FeatureService, 'features' | 'views' | 'requestKeys'> {
    return {
      features: [...this.#features.values()],
      views: [...this.#views.values()],
      requestKeys: [...this.#keys.values()],
    };
  }

  add(item: ViewSelection, path: readonly string[]): void {
    const view = this.#context.views.get(item.viewId);
    if (view === undefined) {
      const known = [...this.#context.views.keys()];
      const message = `${this.#what}: there is no view "${item.viewId}"${didYouMean(item.viewId, known)}`;
      this.#context.mistakes.addUnknownName(this.#draft.place, path, message);
    }
    if (view === undefined || view === null) {
      this.faults += 1;
      return;
    }
    const role = item.role ?? view.name;
    const fault = item.role === null ? null : faultOfName('role', item.role);
    if (fault !== null) this.fault(path, fault);
    this.#addView(item, view, role, path);
    for (const feature of item.features ?? view.features.map((f) => f.name))
      this.#addFeature(view, role, feature, path);
  }

  #addView(item: ViewSelection, view: FeatureView, role: string, path: readonly string[]): void {
    const before = this.#views.get(role);
    if (before !== undefined && before.view !== view.id) {
      this.fault(
        path,
        `"${role}" names both ${before.view} and ${view.id}; use one of them in a role: as("...", {...})`,
      );
      return;
    }
    const entity = this.#context.entities.get(view.entity)!;
    const mapping = item.joinKeys ?? {};
    for (const [key, asked] of Object.entries<unknown>(mapping)) {
      const fault =
        typeof asked === 'string' ? faultOfName('join key', asked) : `${key} needs the name of a key`;
      if (fault !== null) this.fault(path, fault);
      if (entity.joinKeys.some(({ name }) => name === key)) continue;
      const known = entity.joinKeys.map(({ name }) => name);
      this.fault(path, `entity "${entity.name}" has no join key "${key}"${didYouMean(key, known)}`);
    }
    const requestKeys = entity.joinKeys.map(({ name }) =>
      Object.hasOwn(mapping, name) ? mapping[name]! : name,
    );
    requestKeys.forEach((name, i) => this.#addKey({ name, type: entity.joinKeys[i]!.type }, path));
    this.#views.set(role, { role, view: view.id, requestKeys });
  }

  #addKey(key: JoinKey, path: readonly string[]): void {
    const before = this.#keys.get(key.name);
    const other = [...this.#keys.keys()].find((name) => name.toLowerCase() === key.name.toLowerCase());
    if (before === undefined && other !== undefined)
      this.fault(path, `keys "${other}" and "${key.name}" differ only in case: one column of the labels`);
    else if (before === undefined) this.#keys.set(key.name, key);
    else if (before.type !== key.type) {
      this.fault(path, `key "${key.name}" is ${before.type} for one view and ${key.type} for another`);
    }
  }

  #addFeature(view: FeatureView, role: string, feature: string, path: readonly string[]): void {
    if (!view.features.some(({ name }) => name === feature)) {
      const known = view.features.map(({ name }) => name);
      this.fault(path, `view "${view.id}" has no feature "${feature}"${didYouMean(feature, known)}`);
      return;
    }
    const fullName = `${role}__${feature}`;
    const lower = fullName.toLowerCase();
    const before = [...this.#features.keys()].find((name) => name.toLowerCase() === lower);
    if (before === fullName) this.fault(path, `lists ${fullName} twice`);
    else if (before !== undefined)
      this.fault(path, `lists ${before} and ${fullName}, which differ only in case: one column to an engine`);
    this.#features.set(fullName, { fullName, view: view.id, role, feature });
  }

  fault(path: readonly string[], message: string): void {
    this.faults += 1;
    this.#context.mistakes.add(this.#draft.place, path, `${this.#what}: ${message}`);
  }
}
