/**
 * Explains what on-demand views computed of one vector: the function of the bundle that answered runs again, over what
 * was logged and over what is replayed, as in the verdict (on-demand/), for one vector alone.
 */
import type { Feature, FeatureService, OnDemandView, ServiceOnDemand } from '../../../contract/model.ts';
import { usedFeature } from '../../../contract/on-demand/arguments.ts';
import { openCaller } from '../../../contract/on-demand/function-caller.ts';
import { OnDemandFault } from '../../../contract/on-demand/on-demand-function.ts';
import { PRESENT, STATUSES, UNAVAILABLE } from '../../../contract/status.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { Value } from '../../../contract/value-type.ts';
import { valueToJson } from '../../../contract/wire/online/json-value.ts';
import type { FidelityCause } from '../../../contract/cause.ts';
import { isSame } from '../../causes/value-equality.ts';
import { isAbsent } from '../../causes/value-state.ts';
import type { BundleBook } from '../../judge/bundle-book.ts';
import { comparedOutput, endedCall, gives, outputOf } from '../../on-demand/compared-output.ts';
import type { Recomputed } from '../../on-demand/computed-chunk.ts';
import { computedEvidence } from '../../on-demand/computed-evidence.ts';
import { inheritedDecision, worstOf } from '../../on-demand/inherited.ts';
import type { InputDecision } from '../../on-demand/inherited.ts';
import { whyNotAsked } from '../../on-demand/asked/why-not-asked.ts';
import { isUnjudged, takenFeature } from '../explained-feature.ts';
import type { TakenFeature } from '../explained-feature.ts';
import type { ExplainedComputed, ExplainedFeature } from '../explanation.ts';
import type { ArchivedVector } from '../logged-vectors.ts';
import type { LoggedComputed } from './logged-computed.ts';
import type { AskedVector, ViewExplainer } from '../view-explainer.ts';

type TakenValues = Pick<TakenFeature, 'served' | 'trained' | 'available'>;

/** What an on-demand view takes of a role: the rows of one, or another on-demand view. */
interface Taken {
  /** By the feature's name. */
  readonly features: ReadonlyMap<string, TakenValues>;
  readonly unjudged: boolean;
  readonly hasAvailable: boolean;
  /** null: nothing of it differs. */
  readonly decided: InputDecision | null;
  /** Why the function cannot be asked over it; null: it can. */
  readonly why: string | null;
}

/** A vector that was served, with its service as the bundle that answered has it. */
interface ComputedVector {
  readonly asked: AskedVector;
  readonly vector: ArchivedVector;
  readonly logged: LoggedComputed;
  readonly service: FeatureService;
}

const NOT_COMPARED = { same: null, cause: null, evidence: null, withinPromise: null };
const HIDDEN = { state: 'withheld', value: null };

export class ComputedExplainer {
  readonly #views: ViewExplainer;
  readonly #book: BundleBook;

  constructor(views: ViewExplainer, book: BundleBook) {
    this.#views = views;
    this.#book = book;
  }

  /** @param features  those of the service that are wanted */
  async explain(asked: AskedVector, features: FeatureService['features']): Promise<ExplainedComputed[]> {
    const vector = asked.logged?.vector;
    if (vector === undefined || vector.computed === null) return [];
    const service = this.#book.servedService(asked.bundle, asked.service);
    const of: ComputedVector = { asked, vector, logged: vector.computed, service };
    const explained: ExplainedComputed[] = [];
    const before = new Map<string, Taken>();
    for (const computed of service.onDemand) {
      const { told, taken } = await this.#explainOne(of, computed, before);
      before.set(computed.role, taken);
      const own = told.features.filter(({ name }) => features.some(({ fullName }) => fullName === name));
      if (own.length > 0) explained.push({ ...told, features: own });
    }
    return explained;
  }

  async #explainOne(
    of: ComputedVector,
    computed: ServiceOnDemand,
    before: ReadonlyMap<string, Taken>,
  ): Promise<{ readonly told: ExplainedComputed; readonly taken: Taken }> {
    const { asked, logged, service } = of;
    const bundle = this.#book.bundle(asked.bundle);
    const view = bundle.onDemand.get(computed.view)!;
    const sources = new Map<string, Taken>();
    for (const [i, role] of computed.uses.entries())
      sources.set(role, before.get(role) ?? (await this.#rowsOf(of, role, view.uses[i]!.features)));
    const status = logged.statuses.get(computed.role) ?? null;
    const why = this.#whyNot(of, { computed, view, status }, sources);
    const today = this.#book.current.onDemand.get(view.id);
    const inputs = view.inputs.flatMap(({ name, type, log }) => {
      const isMarked = log !== 'raw' || today?.inputs.find((one) => one.name === name)?.log !== 'raw';
      const value = isMarked ? undefined : logged.inputs.get(name);
      return value === undefined ? [] : [[name, valueToJson(type, value)] as const];
    });
    const listed = service.features.filter(({ role }) => role === computed.role);
    const shared = {
      role: computed.role,
      view: view.id,
      status,
      inputs: Object.fromEntries(inputs),
      uses: [...sources.keys()],
    };
    if (why !== null) {
      const features = listed.map((one) => withheldFeature(view, one, why));
      return {
        told: { ...shared, again: `It was not run again: it is ${why}.`, features },
        taken: lacking(why),
      };
    }
    const given = await this.#run(of, view, computed, sources);
    const compared = compareView({ ...of, view, computed, listed, status, given }, sources);
    // What is marked today is not shown, whatever the log has.
    const features = compared.told.features.map((feature, i) => {
      const mark = today?.features.find(({ name }) => name === listed[i]!.feature)?.log ?? 'raw';
      return mark === 'raw' ? feature : withheldFeature(view, listed[i]!, `its definition says log: ${mark}`);
    });
    return { told: { ...shared, again: compared.told.again, features }, taken: compared.taken };
  }

  /** @returns the end of a sentence such as `it is ...`; null: the function can run again */
  #whyNot(
    { asked, logged, service }: ComputedVector,
    { computed, view, status }: { computed: ServiceOnDemand; view: OnDemandView; status: string | null },
    sources: ReadonlyMap<string, Taken>,
  ): string | null {
    const { current } = this.#book;
    const bundle = this.#book.bundle(asked.bundle);
    if (!this.#book.isKept(asked.bundle)) return `served under the bundle ${asked.bundle}, which is lost`;
    const listed = service.features.filter(({ role }) => role === computed.role);
    const outputs = listed.map(({ fullName, feature }) => ({ fullName, feature: featureOf(view, feature) }));
    const featuresOf = (role: string): readonly Feature[] => {
      const used = service.views.find((one) => one.role === role);
      return current.views.get(used?.view ?? '')?.features ?? [];
    };
    const others = new Map(
      service.onDemand.map(({ role, view: id }) => {
        const features = current.onDemand.get(id)?.features ?? [];
        return [role, { features, whyNot: () => sources.get(role)?.why ?? null }] as const;
      }),
    );
    const keys = asked.service.requestKeys;
    const of = { bundle, service, computed, view, outputs, keys, used: { featuresOf }, others };
    const why = whyNotAsked(of);
    if (why !== null) return why;
    if (status === null)
      return 'not in the archive, which was written by an ingest that knew no on-demand views';
    if (logged.isUndecoded) return 'logged in bytes that cannot be read';
    return [...sources.values()].find((taken) => taken.why !== null)?.why ?? null;
  }

  /** What is taken of the rows of a role. */
  async #rowsOf(
    { asked, service }: ComputedVector,
    role: string,
    wanted: readonly { readonly feature: string }[],
  ): Promise<Taken> {
    const used = asked.service.views.find((one) => one.role === role);
    const then = service.views.find((one) => one.role === role);
    if (used === undefined || then === undefined || used.view !== then.view)
      return lacking('computed of features that are defined otherwise today');
    const sides = await this.#views.sides(asked, used);
    const { facts, view, isUndecoded, watermarkUs, atUs, hasCreatedTimes, isKnown } = sides;
    if (isUndecoded) return lacking('computed of rows that cannot be read');
    if (facts.status === PRESENT && facts.served?.definitionId !== view.definitionId)
      return lacking('computed of rows that another definition wrote');
    const features = wanted.map(({ feature }) =>
      takenFeature(
        { ...sides, lacks: new Set(), answer: null },
        { feature, fullName: `${role}__${feature}` },
      ),
    );
    if (features.includes(null))
      return lacking('computed of features that are marked or defined otherwise today');
    const decisions = features.flatMap((one): InputDecision[] => {
      const { same, cause, withinPromise } = one!.explained;
      if (same !== false) return [];
      return [{ role, cause: cause!, also: [], withinPromise: withinPromise === true, run: null }];
    });
    return {
      features: new Map(features.map((one) => [one!.name, one!])),
      unjudged: !isKnown || isUnjudged(view, atUs, watermarkUs),
      hasAvailable: hasCreatedTimes,
      decided: worstOf(decisions) ?? null,
      why: null,
    };
  }

  async #run(
    { asked, logged, service }: ComputedVector,
    view: OnDemandView,
    computed: ServiceOnDemand,
    sources: ReadonlyMap<string, Taken>,
  ): Promise<Recomputed> {
    const bundle = this.#book.bundle(asked.bundle);
    const inputs = view.inputs.map(({ name, requestTime }): Value => {
      if (requestTime) return BigInt(asked.atUs);
      const key = asked.service.requestKeys.findIndex((one) => one.name === name);
      const isKey = service.requestKeys.some((one) => one.name === name);
      return (isKey ? asked.ids[key] : logged.inputs.get(name)) ?? null;
    });
    const rowOf = (side: 'served' | 'trained' | 'available'): Value[] => [
      ...inputs,
      ...view.uses.flatMap((used, i) =>
        used.features.map(({ feature }) => {
          const value = sources.get(computed.uses[i]!)!.features.get(feature)?.[side];
          return value === undefined ? usedFeature(used, feature, bundle).missing : value;
        }),
      ),
    ];
    const caller = await openCaller(view, bundle);
    try {
      const [served, trained, available] = await caller.call(
        (['served', 'trained', 'available'] as const).map(rowOf),
      );
      return { served: served!, trained: trained!, available: available! };
    } finally {
      await caller.close();
    }
  }
}

interface ComparedView extends ComputedVector {
  readonly view: OnDemandView;
  readonly computed: ServiceOnDemand;
  /** What the service lists of it. */
  readonly listed: FeatureService['features'];
  readonly status: string | null;
  readonly given: Recomputed;
}

function compareView(
  of: ComparedView,
  sources: ReadonlyMap<string, Taken>,
): { readonly told: Pick<ExplainedComputed, 'again' | 'features'>; readonly taken: Taken } {
  const { view, computed, listed, logged, status, given } = of;
  const isThere = status === STATUSES[PRESENT];
  const all = [...sources.values()];
  const inputs = all.flatMap(({ decided }) => decided ?? []);
  const unjudged = all.some((taken) => taken.unjudged);
  const hasAvailable = all.every((taken) => taken.hasAvailable);
  const isOther = listed.some(({ fullName, feature }) => {
    return isThere && !gives(outputFor(view, feature), given.served, logged.outputs.get(fullName) ?? null);
  });
  const features = listed.map((one) => explainedOutput(of, one, { inputs, unjudged, hasAvailable }));
  const values = view.features.map(({ name, missing }, place): [string, TakenValues] => {
    const own = listed.find(({ feature }) => feature === name);
    const side = (outcome: Recomputed['served']): Value => {
      const value = outputOf({ feature: view.features[place]!, place }, outcome);
      return value === undefined ? missing : value;
    };
    const known = own === undefined ? side(given.served) : (logged.outputs.get(own.fullName) ?? null);
    return [
      name,
      { served: isThere ? known : missing, trained: side(given.trained), available: side(given.available) },
    ];
  });
  const isDecided = isOther || inputs.length > 0;
  const decision = isDecided ? inheritedDecision(isOther ? ['on-demand differs'] : [], inputs) : null;
  return {
    told: { again: againText(of, isOther), features },
    taken: {
      features: new Map(values),
      unjudged,
      hasAvailable,
      decided: decision === null ? null : { ...decision, role: computed.role, run: null },
      why: endedCall(given) === null ? null : 'computed of what another on-demand view does not give again',
    },
  };
}

function explainedOutput(
  { vector, service, asked, view, logged, status, given }: ComparedView,
  { fullName, feature: name }: FeatureService['features'][number],
  known: {
    readonly inputs: readonly InputDecision[];
    readonly unjudged: boolean;
    readonly hasAvailable: boolean;
  },
): ExplainedFeature {
  const output = outputFor(view, name);
  const { type, missing } = output.feature;
  const { inputs, unjudged, hasAvailable } = known;
  const isThere = status === STATUSES[PRESENT];
  const value = logged.outputs.get(fullName) ?? null;
  const { surface } = vector;
  const compared = comparedOutput(output, value, given, { surface, tensor: service.tensor, hasAvailable });
  const isAnswerAltered =
    isThere && vector.answer?.says(vector.row, { name: fullName, type }, value) === false;
  const side = (state: string, own: Value) => ({ state, value: valueToJson(type, own) });
  const { served, replayed, available, replayedState, servedState } = compared;
  const told = {
    name: fullName,
    type: formatType(type),
    withheld: null,
    served: isThere ? side(servedState, served) : side('unavailable', missing),
    trained: side(replayedState, replayed),
    available: available === undefined ? null : side('value', available),
  };
  if (!isThere || endedCall(given) !== null) return { ...told, ...NOT_COMPARED };
  const own: FidelityCause[] = isAnswerAltered ? ['answer altered'] : [];
  if (!gives(output, given.served, value)) own.push('on-demand differs');
  const isEqual =
    !isAnswerAltered &&
    (isSame(type, served, replayed) || (isAbsent(servedState) && isAbsent(replayedState)));
  if (unjudged ? own.length === 0 : isEqual)
    return { ...told, ...NOT_COMPARED, same: unjudged ? null : true };
  const decision = inheritedDecision(own, unjudged ? [] : inputs);
  const facts = { servedUs: asked.atUs, logged: value, again: outputOf(output, given.served), inputs };
  const { cause, withinPromise } = decision;
  return { ...told, same: false, cause, evidence: computedEvidence(type, facts, cause), withinPromise };
}

function againText({ view, status, given }: ComparedView, isOther: boolean): string {
  const where = `${view.code.file}, definition ${view.definitionId.toString(16).padStart(8, '0')}`;
  if (status === STATUSES[UNAVAILABLE]) {
    const why =
      given.served instanceof OnDemandFault ? ` The function says now: ${given.served.message}.` : '';
    return `It was not available when it was served.${why}`;
  }
  const ended = endedCall(given);
  if (ended !== null) return `It was not computed again: ${ended}.`;
  if (given.served instanceof OnDemandFault)
    return `Its function (${where}) gives no values over what was logged: ${given.served.message}.`;
  return isOther
    ? `Its function (${where}) gives other values over the very inputs and rows that were logged.`
    : `Its function (${where}) gives the same over the inputs and rows as they were logged.`;
}

function outputFor(view: OnDemandView, name: string): { readonly feature: Feature; readonly place: number } {
  const place = view.features.findIndex((one) => one.name === name);
  return { feature: view.features[place]!, place };
}

function featureOf(view: OnDemandView, name: string): Feature {
  return outputFor(view, name).feature;
}

function withheldFeature(
  view: OnDemandView,
  { fullName, feature }: FeatureService['features'][number],
  why: string,
): ExplainedFeature {
  const type = formatType(featureOf(view, feature).type);
  return {
    name: fullName,
    type,
    withheld: why,
    served: HIDDEN,
    trained: HIDDEN,
    available: null,
    ...NOT_COMPARED,
  };
}

function lacking(why: string): Taken {
  return { features: new Map(), unjudged: false, hasAvailable: true, decided: null, why };
}
