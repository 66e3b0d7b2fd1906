/**
 * Compiles one feature service: its features in order, the views they come from, those that its on-demand views use,
 * and the keys and inputs that a request gives.
 */
import type {
  Entity,
  FeatureService,
  FeatureView,
  JoinKey,
  OnDemandView,
  RequestInput,
  ServiceFeature,
  ServiceOnDemand,
  ServiceView,
} from '../../contract/model.ts';
import { CalledFeature } from '../../contract/definitions/draft.ts';
import type { ServiceDraft, ViewSelection } from '../../contract/definitions/draft.ts';
import { inputsText } from '../../contract/definitions/definition-meaning.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { faultOfName } from '../../contract/definitions/name.ts';
import { checkOptions, SERVICE_OPTIONS } from '../../contract/definitions/option-schemas.ts';
import { formatType } from '../../contract/value-type.ts';
import { KeyMapping } from './key-mapping.ts';

interface ServiceContext {
  readonly entities: ReadonlyMap<string, Entity | null>;
  /** The views by id; null for a view that has mistakes, which are reported at the view. */
  readonly views: ReadonlyMap<string, FeatureView | null>;
  readonly onDemand: ReadonlyMap<string, OnDemandView | null>;
  readonly mistakes: Mistakes;
}

/** What a service may not call a feature: its other outputs as tensors have these names. */
const TAKEN_NAMES = new Set(['features', 'status']);

/** @returns the service with version 0 (apply assigns it); null when it has mistakes, which are added to the others */
export function compileService(draft: ServiceDraft, context: ServiceContext): FeatureService | null {
  const what = `service "${draft.name}"`;
  const options = checkOptions(SERVICE_OPTIONS, what, draft, context.mistakes);
  const check = new ServiceCheck(draft, what, context);
  draft.items.forEach((item, i) => check.add(item, ['features', String(i)]));
  check.addUsed();
  if (draft.items.length === 0) check.fault(['features'], 'has no features');
  if (options === null || check.faults > 0) return null;
  const { deprecated, ...rest } = options;
  const service = { name: draft.name, version: 0, ...check.result(), ...rest };
  return deprecated === null ? service : { ...service, deprecated };
}

class ServiceCheck {
  readonly #draft: ServiceDraft;
  readonly #what: string;
  readonly #context: ServiceContext;
  readonly #features = new Map<string, ServiceFeature>();
  readonly #views = new Map<string, ServiceView>();
  readonly #onDemand = new Map<string, ServiceOnDemand>();
  readonly #keys = new Map<string, JoinKey>();
  /** The on-demand views of which it lists features. */
  readonly #computed: { readonly view: OnDemandView; readonly path: readonly string[] }[] = [];
  /** With the view that asks for it first. */
  readonly #inputs = new Map<string, { readonly input: RequestInput; readonly of: string }>();
  faults = 0;

  constructor(draft: ServiceDraft, what: string, context: ServiceContext) {
    this.#draft = draft;
    this.#what = what;
    this.#context = context;
  }

  result(): Pick<FeatureService, 'features' | 'views' | 'onDemand' | 'requestKeys' | 'inputs'> {
    return {
      features: [...this.#features.values()],
      views: [...this.#views.values()],
      onDemand: [...this.#onDemand.values()],
      requestKeys: [...this.#keys.values()],
      inputs: [...this.#inputs.values()].flatMap(({ input }) => (this.#keys.has(input.name) ? [] : [input])),
    };
  }

  add(item: ViewSelection, path: readonly string[]): void {
    const { views, onDemand } = this.#context;
    const computed = onDemand.get(item.viewId);
    const view = views.get(item.viewId) ?? computed;
    if (view === undefined && computed === undefined && views.get(item.viewId) === undefined) {
      const known = [...views.keys(), ...onDemand.keys()];
      const message = `${this.#what}: there is no view "${item.viewId}"${didYouMean(item.viewId, known)}`;
      this.#context.mistakes.addUnknownName(this.#draft.place, path, message);
    }
    if (view === undefined || view === null) {
      this.faults += 1;
      return;
    }
    if ('code' in view) {
      this.#addListedOnDemand(item, view, path);
      return;
    }
    if (item instanceof CalledFeature) {
      const features = `its features are ${item.role ?? view.name}__...`;
      this.fault(
        path,
        `only a feature computed on demand is called otherwise; "${view.id}" is not: ${features}`,
      );
      return;
    }
    const role = item.role ?? view.name;
    const fault = item.role === null ? null : faultOfName('role', item.role);
    if (fault !== null) this.fault(path, fault);
    const mapping = new KeyMapping(this.#context.entities.get(view.entity)!, item.joinKeys ?? {});
    for (const wrong of mapping.faults) this.fault(path, wrong);
    this.#addView({ role, view: view.id, requestKeys: mapping.requestKeys }, path);
    for (const feature of item.features ?? view.features.map((f) => f.name))
      this.#addFeature(view, { role, feature, fullName: `${role}__${feature}` }, path);
  }

  #addListedOnDemand(item: ViewSelection, view: OnDemandView, path: readonly string[]): void {
    if (item.role !== null) {
      const call = `{ feature: ${view.id}:..., as: ... } calls a feature otherwise`;
      this.fault(path, `"${view.id}" is computed once for a request and takes no role; ${call}`);
      return;
    }
    this.#computed.push({ view, path });
    for (const feature of item.features ?? view.features.map((f) => f.name)) {
      const called = item instanceof CalledFeature ? item.called : null;
      const fault = called === null ? null : this.#callFault(called);
      const fullName = called ?? `${view.name}__${feature}`;
      if (fault !== null) this.fault(path, fault);
      else this.#addFeature(view, { role: view.name, feature, fullName }, path);
    }
  }

  #callFault(called: string): string | null {
    if (TAKEN_NAMES.has(called.toLowerCase()))
      return `cannot call a feature "${called}": a tensor of the answer has this name`;
    return faultOfName('feature', called);
  }

  /** Adds an on-demand view behind what it uses, under the roles that the service knows these by. */
  #addOnDemand(view: OnDemandView, path: readonly string[]): void {
    const before = this.#onDemand.get(view.name);
    if (before !== undefined || this.#views.has(view.name)) {
      const other = before?.view ?? this.#views.get(view.name)!.view;
      if (other === view.id) return;
      const both = `"${view.name}" names both ${other} and ${view.id}`;
      const why =
        'what is computed on demand takes no role: let a service have one of them, and another service the other';
      this.fault(path, before === undefined ? both : `${both}; ${why}`);
      return;
    }
    const uses = view.uses.map((used) => {
      const computed = this.#context.onDemand.get(used.view);
      if (computed !== undefined && computed !== null) {
        this.#addOnDemand(computed, path);
        return computed.name;
      }
      const { role, view: id, requestKeys } = used;
      const same = [...this.#views.values()].find(
        (one) => one.view === id && one.requestKeys.join() === requestKeys.join(),
      );
      if (same !== undefined) return same.role;
      this.#addView({ role, view: id, requestKeys }, path);
      return role;
    });
    this.#onDemand.set(view.name, { role: view.name, view: view.id, uses });
    for (const input of view.inputs) this.#addInput(input, view, path);
  }

  #addInput(input: RequestInput, view: OnDemandView, path: readonly string[]): void {
    const lower = input.name.toLowerCase();
    const before = [...this.#inputs.values()].find((one) => one.input.name.toLowerCase() === lower);
    if (before === undefined) {
      this.#inputs.set(input.name, { input, of: view.name });
      return;
    }
    const text = (one: RequestInput): string => `${inputsText([one])[0]}, log ${one.log}`;
    if (text(before.input) !== text(input)) {
      const both = `${text(before.input)} for ${before.of} and ${text(input)} for ${view.name}`;
      this.fault(path, `one input has one meaning: it is ${both}`);
    }
  }

  /**
   * Adds what its on-demand views use. Called once all that it lists is known, so that a row which it lists and uses is
   * read and logged once.
   */
  addUsed(): void {
    for (const { view, path } of this.#computed) this.#addOnDemand(view, path);
    this.#checkInputs();
  }

  /** An input with the name of a key is the key, and needs its type. */
  #checkInputs(): void {
    for (const { input, of } of this.#inputs.values()) {
      const key = [...this.#keys.values()].find((one) => one.name.toLowerCase() === input.name.toLowerCase());
      if (key === undefined || (key.name === input.name && key.type === input.type.kind && !input.optional))
        continue;
      const wrong = `input "${input.name}" of ${of} (${formatType(input.type)}${input.optional ? ', optional' : ''})`;
      this.fault(
        [],
        `${wrong} is the key "${key.name}" (${key.type}) of a request: it needs its name and type`,
      );
    }
  }

  #addView(used: ServiceView, path: readonly string[]): void {
    const { role, view: id, requestKeys } = used;
    const before = this.#views.get(role);
    const other = before?.view ?? this.#onDemand.get(role)?.view;
    if (other !== undefined && other !== id) {
      this.fault(
        path,
        `"${role}" names both ${other} and ${id}; use one of them in a role: as("...", {...})`,
      );
      return;
    }
    if (before !== undefined && before.requestKeys.join() !== requestKeys.join()) {
      const keys = `${before.requestKeys.join(', ')} and by ${requestKeys.join(', ')}`;
      this.fault(path, `"${role}" is taken by ${keys}; use one of them in a role: as("...", {...})`);
      return;
    }
    const entity = this.#context.entities.get(this.#context.views.get(id)!.entity)!;
    requestKeys.forEach((name, i) => this.#addKey({ name, type: entity.joinKeys[i]!.type }, path));
    this.#views.set(role, { role, view: id, requestKeys });
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

  #addFeature(
    view: FeatureView | OnDemandView,
    { role, feature, fullName }: Omit<ServiceFeature, 'view'>,
    path: readonly string[],
  ): void {
    if (!view.features.some(({ name }) => name === feature)) {
      const known = view.features.map(({ name }) => name);
      this.fault(path, `view "${view.id}" has no feature "${feature}"${didYouMean(feature, known)}`);
      return;
    }
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
