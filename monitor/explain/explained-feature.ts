/**
 * One feature of an explained vector: what was served, what training sees, whether they are the same, and why not. The
 * values are those that the model received: after fallbacks, in the number type of the surface. Pure.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Feature, FeatureService, FeatureView } from '../../contract/model.ts';
import { MISSING, OUTSIDE_TTL, PRESENT } from '../../contract/status.ts';
import { formatType } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import { dueEdgeUs } from '../../contract/windows.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { explain } from '../causes/explain.ts';
import type { RowFacts, ValueFacts } from '../causes/facts.ts';
import { isSame } from '../causes/value-equality.ts';
import { stateOf } from '../causes/value-state.ts';
import { asReceived } from '../judge/received-value.ts';
import type { LoggedAnswer } from '../answers/logged-answer.ts';
import type { ExplainedFeature, Side } from './explanation.ts';
import type { FoundRow, ReplayedRows } from './row-facts.ts';
import type { ServedFidelity } from './served-fidelity.ts';

/** What both sides of a view's features are made of. */
export interface FeatureSides {
  /** As the bundle that served had it. */
  readonly service: Pick<FeatureService, 'tensor'>;
  /** Names of features that it did not take then. */
  readonly lacks: ReadonlySet<string>;
  readonly atUs: number;
  /** Index into SURFACES; null: nobody was served. */
  readonly surface: number | null;
  readonly today: FeatureView;
  /** The view as the bundle that served had it. */
  readonly view: FeatureView;
  readonly facts: RowFacts;
  /** null: which row of the history was served was not asked. */
  readonly fidelity: ServedFidelity | null;
  readonly replayed: ReplayedRows;
  /** By the features of `view`; null: no row was given out, or it cannot be read. */
  readonly served: readonly (Value | undefined)[] | null;
  /** Whether a row was given out that cannot be read. */
  readonly isUndecoded: boolean;
  /** What the model was told; null: that was not logged. And which of the request's vectors it is. */
  readonly answer: LoggedAnswer | null;
  readonly row: number;
  readonly hasCreatedTimes: boolean;
  readonly watermarkUs: number | null;
  /** Whether the history can be read with the keys that the view had then. */
  readonly isKnown: boolean;
}

interface OneSide {
  /** After fallbacks; `value` as the surface gives it. */
  readonly taken: Value;
  readonly state: ReturnType<typeof stateOf>;
  readonly value: Value;
}

const UNDECODED: Side = { state: 'undecoded', value: null };
const HIDDEN: Side = { state: 'withheld', value: null };
const UNKNOWN: Side = { state: 'unknown', value: null };

/** A feature as an on-demand view takes it, after fallbacks, and how it differs. */
export interface TakenFeature {
  readonly name: string;
  readonly served: Value;
  readonly trained: Value;
  readonly available: Value;
  readonly explained: ExplainedFeature;
}

export function explainedFeature(sides: FeatureSides, feature: AskedFeature): ExplainedFeature {
  const found = sidesOf(sides, feature);
  return 'explained' in found ? found.explained : found;
}

/** @returns null where its values are withheld, as what is private */
export function takenFeature(sides: FeatureSides, feature: AskedFeature): TakenFeature | null {
  const found = sidesOf(sides, feature);
  return 'explained' in found ? found : null;
}

type AskedFeature = Pick<FeatureService['features'][number], 'feature' | 'fullName'>;

function sidesOf(
  sides: FeatureSides,
  { feature: name, fullName }: AskedFeature,
): TakenFeature | ExplainedFeature {
  const { today, view, facts, surface } = sides;
  const index = today.features.findIndex((one) => one.name === name);
  const feature = today.features[index]!;
  const at = view.features.findIndex((one) => isSameFeature(one, feature));
  const then = view.features[at];
  const shared = { name: fullName, type: formatType(feature.type) };
  const withheld = whyWithheld(sides, feature, then);
  if (then === undefined || withheld !== null) {
    const served = surface === null ? null : HIDDEN;
    return { ...shared, withheld, served, trained: HIDDEN, available: null, ...NOT_COMPARED };
  }
  const sideOf = (status: number, value: Value): OneSide => {
    const taken = status === PRESENT ? value : then.missing;
    const received = asReceived(feature.type, taken, surface ?? 0, sides.service.tensor);
    return { taken, value: received, state: stateOf(status, taken) };
  };
  const replayedSide = (found: FoundRow | null): OneSide =>
    sideOf(statusOf(found), found?.row.values[index] ?? null);
  const own = sides.served?.[at];
  const status = facts.status !== PRESENT ? facts.status : own === undefined ? MISSING : PRESENT;
  const served = sideOf(status, own ?? null);
  const trained = replayedSide(sides.replayed.trained);
  const available = sides.hasCreatedTimes ? replayedSide(sides.replayed.available) : null;
  const json = ({ state, value }: OneSide): Side => ({ state, value: valueToJson(feature.type, value) });
  const ofHistory = (side: OneSide): Side => (sides.isKnown ? json(side) : UNKNOWN);
  const held = sides.fidelity?.fidelity;
  const values = {
    row: facts,
    feature: name,
    type: feature.type,
    fallback: then.missing,
    served: served.value,
    replayed: trained.value,
    servedState: served.state,
    replayedState: trained.state,
    available: available?.value,
    alteration: sides.fidelity?.alterations[index] ?? null,
    earlier: sides.fidelity?.earlier[index] ?? null,
    isAnswerAltered:
      sides.answer?.says(sides.row, { name: fullName, type: feature.type }, served.taken) === false,
    ...(held?.answer === 'altered' ? { held: held.row.values[index]! } : {}),
  };
  const explained: ExplainedFeature = {
    ...shared,
    withheld: null,
    served: surface === null ? null : sides.isUndecoded ? UNDECODED : json(served),
    trained: ofHistory(trained),
    available: available === null ? null : ofHistory(available),
    ...(isCompared(sides) ? comparison(values) : NOT_COMPARED),
  };
  const taken = { served: served.taken, trained: trained.taken, available: (available ?? trained).taken };
  return { name, ...taken, explained };
}

/** @param then  the feature as the definition that served has it; undefined: it has none of its type */
function whyWithheld({ lacks }: FeatureSides, feature: Feature, then: Feature | undefined): string | null {
  if (lacks.has(feature.name)) return 'the service did not take it then';
  if (then === undefined) return 'the definition that served has no such feature of this type';
  const mark = feature.log === 'raw' ? then.log : feature.log;
  return mark === 'raw' ? null : `its definition says log: ${mark}`;
}

const NOT_COMPARED = { same: null, cause: null, evidence: null, withinPromise: null };

function comparison(facts: ValueFacts): Pick<ExplainedFeature, keyof typeof NOT_COMPARED> {
  if (!facts.isAnswerAltered && isSame(facts.type, facts.served, facts.replayed))
    return { ...NOT_COMPARED, same: true };
  const { cause, evidence, withinPromise } = explain(facts);
  return { same: false, cause, evidence, withinPromise };
}

function isCompared({ surface, isUndecoded, isKnown, view, atUs, watermarkUs }: FeatureSides): boolean {
  return surface !== null && !isUndecoded && isKnown && !isUnjudged(view, atUs, watermarkUs);
}

function statusOf(found: FoundRow | null): number {
  if (found === null || found.row.deleted) return MISSING;
  return found.outsideTtl ? OUTSIDE_TTL : PRESENT;
}

/** Whether the view has no history yet, or that of an aggregated view does not reach the edge that was due. */
export function isUnjudged(view: FeatureView, atUs: number, watermarkUs: number | null): boolean {
  if (!hasHistory(view)) return false;
  return watermarkUs === null || (view.kind === 'aggregated' && dueEdgeUs(atUs, view) > watermarkUs);
}
