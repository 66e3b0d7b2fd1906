/**
 * What on-demand views give for an entity and a time that nobody asked for: today's functions over the inputs that the
 * command line brings, and over the rows that training sees and that an honest store had. Called by explain.ts.
 */
import type { FeatureService, OnDemandView, ServiceOnDemand } from '../../../contract/model.ts';
import { usedFeature } from '../../../contract/on-demand/arguments.ts';
import { openCaller } from '../../../contract/on-demand/function-caller.ts';
import { OnDemandFault } from '../../../contract/on-demand/on-demand-function.ts';
import type { OnDemandOutcome } from '../../../contract/on-demand/on-demand-function.ts';
import { PRESENT, UNAVAILABLE } from '../../../contract/status.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { Value } from '../../../contract/value-type.ts';
import { valueToJson } from '../../../contract/wire/online/json-value.ts';
import { stateOf } from '../../causes/value-state.ts';
import type { BundleBook } from '../../judge/bundle-book.ts';
import { outputOf } from '../../on-demand/compared-output.ts';
import { takenFeature } from '../explained-feature.ts';
import type { ExplainedComputed, ExplainedFeature } from '../explanation.ts';
import type { AskedVector, ViewExplainer } from '../view-explainer.ts';

const SIDES = ['trained', 'available'] as const;
const NOT_COMPARED = { same: null, cause: null, evidence: null, withinPromise: null };
const HIDDEN = { state: 'withheld', value: null };

/** What is taken of a role, by the feature's name. */
interface Taken {
  readonly values: ReadonlyMap<string, Readonly<Record<(typeof SIDES)[number], Value>>>;
  readonly hasAvailable: boolean;
  /** Why nothing can be computed of it; null: it can. */
  readonly why: string | null;
}

export class AskedComputed {
  readonly #views: ViewExplainer;
  readonly #book: BundleBook;

  constructor(views: ViewExplainer, book: BundleBook) {
    this.#views = views;
    this.#book = book;
  }

  /** @param inputs  by name, from `givenInputs`; a view that needs another one is not computed */
  async explain(
    asked: AskedVector,
    features: FeatureService['features'],
    inputs: ReadonlyMap<string, Value>,
  ): Promise<ExplainedComputed[]> {
    const explained: ExplainedComputed[] = [];
    const before = new Map<string, Taken>();
    for (const computed of asked.service.onDemand) {
      const { told, taken } = await this.#explainOne(asked, computed, { before, inputs });
      before.set(computed.role, taken);
      const own = told.features.filter(({ name }) => features.some(({ fullName }) => fullName === name));
      if (own.length > 0) explained.push({ ...told, features: own });
    }
    return explained;
  }

  async #explainOne(
    asked: AskedVector,
    computed: ServiceOnDemand,
    given: { readonly before: ReadonlyMap<string, Taken>; readonly inputs: ReadonlyMap<string, Value> },
  ): Promise<{ readonly told: ExplainedComputed; readonly taken: Taken }> {
    const view = this.#book.current.onDemand.get(computed.view)!;
    const sources: Taken[] = [];
    for (const [i, role] of computed.uses.entries())
      sources.push(given.before.get(role) ?? (await this.#rowsOf(asked, role, view.uses[i]!.features)));
    const brought = view.inputs.filter(({ name, log }) => log === 'raw' && given.inputs.has(name));
    const shared = {
      role: computed.role,
      view: view.id,
      status: null,
      inputs: Object.fromEntries(
        brought.map(({ name, type }) => [name, valueToJson(type, given.inputs.get(name)!)]),
      ),
      uses: computed.uses,
    };
    const listed = asked.service.features.filter(({ role }) => role === computed.role);
    const missing = view.inputs.find((one) => {
      return !one.optional && !one.requestTime && !isKey(asked, one.name) && !given.inputs.has(one.name);
    });
    const lacking =
      missing === undefined ? null : `without the input ${missing.name}: give --input ${missing.name}=VALUE`;
    const why = lacking ?? sources.find((one) => one.why !== null)?.why ?? null;
    if (why !== null) {
      const features = listed.map((one) => withheldFeature(view, one, why));
      const taken = {
        values: new Map(),
        hasAvailable: true,
        why: `computed of ${computed.role}, which is ${why}`,
      };
      return { told: { ...shared, again: `It was not computed: it is ${why}.`, features }, taken };
    }
    const outcomes = await this.#call(asked, view, sources, given.inputs);
    const hasAvailable = sources.every((one) => one.hasAvailable);
    const features = listed.map((one) => toldFeature(view, one, outcomes, hasAvailable));
    const values = view.features.map(({ name, missing: fallback }, place) => {
      const side = (outcome: OnDemandOutcome): Value => {
        const value = outputOf({ feature: view.features[place]!, place }, outcome);
        return value === undefined ? fallback : value;
      };
      return [name, { trained: side(outcomes[0]), available: side(outcomes[1]) }] as const;
    });
    const [trained] = outcomes;
    const again =
      trained instanceof OnDemandFault
        ? `Its function gives no values over the row that training sees: ${trained.message}.`
        : `Its function (${view.code.file}) was called over the rows that training sees and an honest store had.`;
    return {
      told: { ...shared, again, features },
      taken: { values: new Map(values), hasAvailable, why: null },
    };
  }

  async #rowsOf(
    asked: AskedVector,
    role: string,
    wanted: readonly { readonly feature: string }[],
  ): Promise<Taken> {
    const used = asked.service.views.find((one) => one.role === role)!;
    const sides = await this.#views.sides(asked, used);
    const found = wanted.map(({ feature }) =>
      takenFeature(sides, { feature, fullName: `${role}__${feature}` }),
    );
    return {
      values: new Map(found.flatMap((one) => (one === null ? [] : [[one.name, one]]))),
      hasAvailable: sides.hasCreatedTimes,
      why: found.includes(null) ? 'computed of features that are marked' : null,
    };
  }

  /** @returns over what training sees, and over what an honest store had */
  async #call(
    asked: AskedVector,
    view: OnDemandView,
    sources: readonly Taken[],
    inputs: ReadonlyMap<string, Value>,
  ): Promise<readonly [OnDemandOutcome, OnDemandOutcome]> {
    const brought = view.inputs.map(({ name, requestTime }): Value => {
      if (requestTime) return BigInt(asked.atUs);
      const key = asked.service.requestKeys.findIndex((one) => one.name === name);
      return (key === -1 ? inputs.get(name) : asked.ids[key]) ?? null;
    });
    const rows = SIDES.map((side) => [
      ...brought,
      ...view.uses.flatMap((used, i) =>
        used.features.map(({ feature }): Value => {
          const value = sources[i]!.values.get(feature);
          return value === undefined ? usedFeature(used, feature, this.#book.current).missing : value[side];
        }),
      ),
    ]);
    const caller = await openCaller(view, this.#book.current);
    try {
      const [trained, available] = await caller.call(rows);
      return [trained!, available!];
    } finally {
      await caller.close();
    }
  }
}

function isKey({ service }: AskedVector, name: string): boolean {
  return service.requestKeys.some((one) => one.name === name);
}

function toldFeature(
  view: OnDemandView,
  { fullName, feature: name }: FeatureService['features'][number],
  [trained, available]: readonly [OnDemandOutcome, OnDemandOutcome],
  hasAvailable: boolean,
): ExplainedFeature {
  const place = view.features.findIndex((one) => one.name === name);
  const feature = view.features[place]!;
  if (feature.log !== 'raw')
    return withheldFeature(view, { fullName, feature: name }, `its definition says log: ${feature.log}`);
  const side = (outcome: OnDemandOutcome) => {
    const value = outputOf({ feature, place }, outcome);
    const state = value === undefined ? stateOf(UNAVAILABLE, null) : stateOf(PRESENT, value);
    // null is a value.
    return { state, value: valueToJson(feature.type, value === undefined ? feature.missing : value) };
  };
  return {
    name: fullName,
    type: formatType(feature.type),
    withheld: null,
    served: null,
    trained: side(trained),
    available: hasAvailable ? side(available) : null,
    ...NOT_COMPARED,
  };
}

function withheldFeature(
  view: OnDemandView,
  { fullName, feature }: Pick<FeatureService['features'][number], 'fullName' | 'feature'>,
  why: string,
): ExplainedFeature {
  const type = formatType(view.features.find(({ name }) => name === feature)!.type);
  return {
    name: fullName,
    type,
    withheld: why,
    served: null,
    trained: HIDDEN,
    available: null,
    ...NOT_COMPARED,
  };
}
