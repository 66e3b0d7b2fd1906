/**
 * Compiles the on-demand views, each after those that it uses: their inputs, what they use, their features. The code
 * was read before (registry/code/), so all of this is pure.
 */
import { onDemandIdOf } from '../../contract/definitions/definition-json.ts';
import {
  FeatureDraft,
  CalledFeature,
  REQUEST_TIME,
  ViewSelection,
} from '../../contract/definitions/draft.ts';
import type { OnDemandDraft } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { faultOfName, isReserved } from '../../contract/definitions/name.ts';
import {
  checkOptions,
  INPUT_OPTIONS,
  ON_DEMAND_FEATURE_OPTIONS,
  ON_DEMAND_OPTIONS,
} from '../../contract/definitions/option-schemas.ts';
import type { OnDemandOptionValues } from '../../contract/definitions/option-schemas.ts';
import type {
  Entity,
  Feature,
  FeatureView,
  LogPolicy,
  OnDemandView,
  RequestInput,
  UsedView,
} from '../../contract/model.ts';
import { argumentsOf, usedFeature } from '../../contract/on-demand/arguments.ts';
import type { OnDemandArgument } from '../../contract/on-demand/arguments.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { givenText } from '../../contract/std/given-text.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { ReadCode } from '../code/read-code.ts';
import { typeNamed, valuedOptions, writtenValue } from './feature-values.ts';
import { KeyMapping } from './key-mapping.ts';

/** Null in these stands for a definition that has mistakes, which are reported there. */
interface OnDemandContext {
  readonly entities: ReadonlyMap<string, Entity | null>;
  readonly views: ReadonlyMap<string, FeatureView | null>;
  readonly codes: ReadonlyMap<OnDemandDraft, ReadCode | null>;
  readonly mistakes: Mistakes;
  /** Reports what is not a mistake but may surprise. */
  readonly warn: (message: string) => void;
}

/** @returns each by its id, in an order in which each stands after those that it uses; null where it has mistakes */
export function compileOnDemandViews(
  drafts: readonly OnDemandDraft[],
  context: OnDemandContext,
): Map<string, OnDemandView | null> {
  const byId = new Map(drafts.map((draft) => [draft.id, draft]));
  const done = new Map<string, OnDemandView | null>();
  const way: string[] = [];
  const compile = (draft: OnDemandDraft): void => {
    if (done.has(draft.id)) return;
    const from = way.indexOf(draft.id);
    if (from !== -1) {
      const circle = [...way.slice(from), draft.id].join(' uses ');
      const message = `on-demand view "${draft.name}": ${circle}: a circle, in which none can be computed first`;
      context.mistakes.add(draft.place, ['uses'], message);
      done.set(draft.id, null);
      return;
    }
    way.push(draft.id);
    for (const item of usesOf(draft)) {
      const used = item instanceof ViewSelection ? byId.get(item.viewId) : undefined;
      if (used !== undefined) compile(used);
    }
    way.pop();
    if (done.has(draft.id)) return;
    const before = context.mistakes.count;
    const view = new OnDemandCheck(draft, done, context).compile();
    done.set(draft.id, context.mistakes.count > before ? null : view);
  };
  for (const draft of drafts) compile(draft);
  return done;
}

function usesOf(draft: OnDemandDraft): readonly unknown[] {
  const uses = draft.options['uses'];
  return Array.isArray(uses) ? (uses as unknown[]) : [];
}

type Views = ReadonlyMap<string, OnDemandView | null>;
const STRICTER: readonly LogPolicy[] = ['raw', 'hmac', 'drop'];

class OnDemandCheck {
  readonly #draft: OnDemandDraft;
  readonly #compiled: Views;
  readonly #context: OnDemandContext;
  readonly #what: string;

  /** @param compiled  the on-demand views that are known by now */
  constructor(draft: OnDemandDraft, compiled: Views, context: OnDemandContext) {
    this.#draft = draft;
    this.#compiled = compiled;
    this.#context = context;
    this.#what = `on-demand view "${draft.name}"`;
  }

  compile(): OnDemandView | null {
    const options = checkOptions(ON_DEMAND_OPTIONS, this.#what, this.#draft, this.#context.mistakes);
    if (options === null) return null;
    const inputs = this.#inputs(options.inputs);
    const uses = this.#uses(options.uses, inputs);
    const strictest = uses === null ? 'raw' : this.#strictest(inputs, uses);
    const features = this.#features(options.features, strictest);
    const read = this.#context.codes.get(this.#draft);
    if (uses === null || read === null || read === undefined) return null;
    const args = argumentsOf({ inputs, uses }, this.#definitions());
    const costly = read.costlyFor(args, options.int64);
    if (costly !== null && options.isolate === false)
      this.#context.warn(
        `${this.#what}: isolate: false lets it stop all answers, since it is not known to be cheap: it ${costly}`,
      );
    const samples = this.#samples(options, inputs, args);
    const { int64, version, owner, team, description, tags, deprecated } = options;
    const view = {
      id: this.#draft.id,
      name: this.#draft.name,
      version,
      inputs,
      uses,
      features,
      code: read.code,
      costly,
      isolated: costly !== null && options.isolate !== false,
      int64,
      samples,
      owner,
      team,
      description,
      tags,
      deprecated,
    };
    return { ...view, definitionId: onDemandIdOf(view) };
  }

  #definitions(): { views: Map<string, FeatureView>; onDemand: Map<string, OnDemandView> } {
    const whole = <Of>(all: ReadonlyMap<string, Of | null>): Map<string, Of> =>
      new Map([...all].filter((entry): entry is [string, Of] => entry[1] !== null));
    return { views: whole(this.#context.views), onDemand: whole(this.#compiled) };
  }

  #inputs(given: Readonly<Record<string, unknown>>): RequestInput[] {
    const inputs: RequestInput[] = [];
    for (const [name, draft] of Object.entries(given)) {
      const what = `input "${name}" of ${this.#what}`;
      const path = ['inputs', name];
      const fault = faultOfName('input', name) ?? this.#nameFault('inputs', name, Object.keys(given));
      if (fault !== null) this.#fault(path, fault);
      if (!(draft instanceof FeatureDraft)) {
        this.#fault(path, `input "${name}": expected a type, got ${givenText(draft)}`);
        continue;
      }
      const place = draft.place ?? this.#draft.place;
      const options = checkOptions(
        INPUT_OPTIONS,
        what,
        { options: draft.options, place },
        this.#context.mistakes,
      );
      if (options === null) continue;
      const { type: text, optional, log } = options;
      const requestTime = text === REQUEST_TIME;
      const type: ValueType | string = requestTime ? { kind: 'timestamp' } : typeNamed(text);
      if (typeof type === 'string') this.#context.mistakes.add(place, ['type'], `${what}: ${type}`);
      else if (requestTime && optional)
        this.#context.mistakes.add(place, ['optional'], `${what}: the request time is always there`);
      else inputs.push({ name, type, optional, requestTime, log });
    }
    return inputs;
  }

  #nameFault(option: 'inputs' | 'features', name: string, names: readonly string[]): string | null {
    if (isReserved(name)) return `"${name}" is the name of a column of every history; choose another`;
    const before = names.slice(0, names.indexOf(name));
    const other = before.find((one) => one.toLowerCase() === name.toLowerCase());
    return other === undefined ? null : `${option} "${other}" and "${name}" differ only in case`;
  }

  /** @returns null when something that it uses is not known or has mistakes */
  #uses(items: readonly unknown[], inputs: readonly RequestInput[]): UsedView[] | null {
    const used = new Map<string, UsedView>();
    const taken = new Set(inputs.map(({ name }) => name));
    let whole = true;
    for (const [i, item] of items.entries()) {
      const path = ['uses', String(i)];
      if (!(item instanceof ViewSelection) || item instanceof CalledFeature) {
        this.#fault(path, `expected views and features of them, got ${givenText(item)}`);
        whole = false;
        continue;
      }
      const added = this.#addUsed(item, path, used, taken);
      whole &&= added;
    }
    return whole ? [...used.values()] : null;
  }

  #addUsed(
    item: ViewSelection,
    path: readonly string[],
    used: Map<string, UsedView>,
    taken: Set<string>,
  ): boolean {
    const view = this.#viewOf(item, path);
    if (view === null) return false;
    const role = item.role ?? view.name;
    const fault = item.role === null ? null : faultOfName('role', item.role);
    if (fault !== null) return this.#fault(path, fault);
    const requestKeys = this.#requestKeys(item, view, path);
    const before = used.get(role);
    if (
      before !== undefined &&
      (before.view !== view.id || before.requestKeys.join() !== requestKeys?.join())
    ) {
      const message = `"${role}" names both ${before.view} and ${view.id}, or one by two keys; use one of them in a role: as("...")`;
      return this.#fault(path, message);
    }
    const features = [...(before?.features ?? [])];
    for (const feature of item.features ?? view.features.map(({ name }) => name)) {
      const known = view.features.map(({ name }) => name);
      if (!known.includes(feature))
        return this.#fault(
          path,
          `view "${view.id}" has no feature "${feature}"${didYouMean(feature, known)}`,
        );
      if (features.some((one) => one.feature === feature))
        return this.#fault(path, `uses ${role}:${feature} twice`);
      const argument = role !== view.name || taken.has(feature) ? `${role}__${feature}` : feature;
      taken.add(argument);
      features.push({ feature, argument });
    }
    used.set(role, { role, view: view.id, requestKeys: requestKeys ?? [], features });
    return requestKeys !== null;
  }

  #viewOf(item: ViewSelection, path: readonly string[]): FeatureView | OnDemandView | null {
    const { views, mistakes } = this.#context;
    const id = item.viewId;
    const found = views.get(id) ?? this.#compiled.get(id);
    if (found !== undefined) return found;
    if (!views.has(id) && !this.#compiled.has(id)) {
      const known = [...views.keys(), ...this.#compiled.keys()];
      const message = `${this.#what}: there is no view "${id}"${didYouMean(id, known)}`;
      mistakes.addUnknownName(this.#draft.place, path, message);
    }
    return null;
  }

  #requestKeys(
    item: ViewSelection,
    view: FeatureView | OnDemandView,
    path: readonly string[],
  ): readonly string[] | null {
    if ('code' in view) {
      if (item.role === null) return [];
      this.#fault(path, `"${view.id}" is computed on demand, once for a request, and takes no role`);
      return null;
    }
    const entity = this.#context.entities.get(view.entity);
    if (entity === undefined || entity === null) return null;
    const mapping = new KeyMapping(entity, item.joinKeys ?? {});
    for (const fault of mapping.faults) this.#fault(path, fault);
    return mapping.faults.length > 0 ? null : mapping.requestKeys;
  }

  #strictest(inputs: readonly RequestInput[], uses: readonly UsedView[]): LogPolicy {
    const definitions = this.#definitions();
    const marks = [
      ...inputs.map(({ log }) => log),
      ...uses.flatMap((used) =>
        used.features.map(({ feature }) => usedFeature(used, feature, definitions).log),
      ),
    ];
    return STRICTER[Math.max(0, ...marks.map((mark) => STRICTER.indexOf(mark)))]!;
  }

  #features(given: Readonly<Record<string, unknown>>, strictest: LogPolicy): Feature[] {
    const names = Object.keys(given);
    if (names.length === 0) this.#fault(['features'], 'has no features');
    const features: Feature[] = [];
    for (const [name, draft] of Object.entries(given)) {
      const what = `feature "${name}" of ${this.#what}`;
      const path = ['features', name];
      const fault = faultOfName('feature', name) ?? this.#nameFault('features', name, names);
      if (fault !== null) this.#fault(path, fault);
      if (!(draft instanceof FeatureDraft)) {
        this.#fault(path, `feature "${name}": expected a type, got ${givenText(draft)}`);
        continue;
      }
      const place = draft.place ?? this.#draft.place;
      const { mistakes } = this.#context;
      if (draft.options['agg'] !== undefined) {
        mistakes.add(place, ['agg'], `${what}: an aggregate needs events; expected a type`);
        continue;
      }
      const options = checkOptions(
        ON_DEMAND_FEATURE_OPTIONS,
        what,
        { options: draft.options, place },
        mistakes,
      );
      if (options === null) continue;
      const addFault = (option: string, message: string): void =>
        mistakes.add(place, [option], `${what}: ${message}`);
      const type =
        options.type === REQUEST_TIME
          ? 'the request time is an input, not a feature'
          : typeNamed(options.type);
      if (typeof type === 'string') addFault('type', type);
      else {
        const valued = valuedOptions(type, options, addFault);
        const log = options.log ?? strictest;
        if (STRICTER.indexOf(log) < STRICTER.indexOf(strictest))
          this.#context.warn(
            `${what} is logged ${log}, although something that it is made of is ${strictest}`,
          );
        features.push({ name, column: null, type, log, ...valued, aggregation: null });
      }
    }
    return features;
  }

  /** Each sample as values in the order of the arguments. */
  #samples(
    { samples }: OnDemandOptionValues,
    inputs: readonly RequestInput[],
    args: readonly OnDemandArgument[],
  ): Value[][] {
    const mayLack = new Set(inputs.filter((one) => one.optional || one.requestTime).map(({ name }) => name));
    const names = args.map(({ name }) => name);
    return samples.map((sample, i) => {
      const path = ['samples', String(i)];
      for (const name of Object.keys(sample).filter((one) => !names.includes(one)))
        this.#fault(path, `samples: it takes no "${name}"${didYouMean(name, names)}`);
      return args.map(({ name, type }) => {
        if (Object.hasOwn(sample, name))
          return writtenValue(name, type, sample[name], (_, message) =>
            this.#fault(path, `samples: ${message}`),
          );
        if (!mayLack.has(name))
          this.#fault(path, `samples: "${name}" is missing; null says that it is absent`);
        return inputs.some((one) => one.name === name && one.requestTime) ? SAMPLE_TIME_US : null;
      });
    });
  }

  #fault(path: readonly string[], message: string): false {
    this.#context.mistakes.add(this.#draft.place, path, `${this.#what}: ${message}`);
    return false;
  }
}

/** What `t.requestTime()` gives to a sample that does not say: noon of a leap day. */
const SAMPLE_TIME_US = 1_709_208_000_000_000n;
