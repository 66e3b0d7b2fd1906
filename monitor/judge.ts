/**
 * Judges one view of a service over a day: turns each replayed vector into the facts of its values, hands them to the
 * features' tallies, and keeps the judged values for the Parquet history.
 *
 * Of an aggregated view a value is unjudged where the edge that was due at the served time lies past the history's
 * watermark: the history cannot say yet what the model should have got, and an equal value would prove nothing.
 */
import type { DuckDb } from '../registry/duckdb.ts';
import type { Feature, FeatureService, FeatureView, ServiceView } from '../registry/model.ts';
import { MISSING, NULL, OUTSIDE_TTL, PRESENT, UNAVAILABLE } from '../registry/status.ts';
import { formatType, isNumeric } from '../registry/value-type.ts';
import type { Value, ValueType } from '../registry/value-type.ts';
import { SURFACES } from '../registry/wire/served-record.ts';
import type { BundleBook } from './bundle-book.ts';
import type { FeatureTally } from './compare.ts';
import type { RowFacts, ValueFacts } from './facts.ts';
import type { JudgedValues } from './judged-values.ts';
import type { ReplayedRow, ReplayedVector } from './replay.ts';
import type { RunIndex } from './run-index.ts';
import type { State } from './snapshot.ts';

export interface JudgedView {
  readonly service: FeatureService;
  readonly used: ServiceView;
  /** Of the bundle in force. */
  readonly view: FeatureView;
  /** One for each feature of the service that this role gives, by the feature's name. */
  readonly tallies: ReadonlyMap<string, FeatureTally>;
  readonly runs: RunIndex;
  /** Up to where the history is complete; null: nowhere yet. Not asked of a stored view. */
  readonly historyWatermarkUs: number | null;
}

/** @returns the largest multiple of the hop, e, with e + delay <= served */
export function dueEdgeUs(view: Pick<FeatureView, 'hopUs' | 'delayUs'>, servedUs: number): number {
  return Math.floor((servedUs - view.delayUs) / view.hopUs) * view.hopUs;
}

export class ViewJudge {
  readonly #judged: JudgedView;
  readonly #book: BundleBook;
  readonly #values: JudgedValues;
  readonly #hasCreatedTimes: boolean;
  readonly #features: readonly {
    readonly feature: Feature;
    readonly index: number;
    readonly fullName: string;
  }[];

  constructor(judged: JudgedView, book: BundleBook, values: JudgedValues) {
    const { service, used, view } = judged;
    this.#judged = judged;
    this.#book = book;
    this.#values = values;
    this.#hasCreatedTimes = view.kind === 'aggregated' || view.source.createdTime !== null;
    this.#features = service.features
      .filter((feature) => feature.role === used.role && judged.tallies.has(feature.feature))
      .map(({ feature: name, fullName }) => {
        const index = view.features.findIndex((feature) => feature.name === name);
        return { feature: view.features[index]!, index, fullName };
      });
  }

  /** @returns whether the vector has a judged value here */
  add(vector: ReplayedVector): boolean {
    const { view, tallies } = this.#judged;
    if (this.#isUnjudged(vector.servedUs)) {
      for (const { feature } of this.#features) tallies.get(feature.name)!.addUnjudged();
      return false;
    }
    const row = this.#rowFacts(vector);
    const bundle = this.#book.bundle(vector.bundle);
    // What the model received follows from the definition that served it.
    const servedView = bundle.views.get(view.id) ?? view;
    const servedValues =
      vector.served === null || vector.status !== PRESENT
        ? null
        : this.#book.rowValues(bundle, servedView, vector.servedRow!);
    const name = { requestId: vector.requestId, entities: this.#entities(vector) };
    let judged = false;
    for (const { feature, index, fullName } of this.#features) {
      const at = servedView === view ? index : sameFeature(servedView, feature);
      // What was masked when it was served is not there to be compared, whatever the mark is today.
      if (at === -1 || servedView.features[at]!.log !== 'raw') continue;
      const fallback = servedView.features[at]!.missing;
      const facts = this.#valueFacts(row, vector, feature, index, fallback, servedValues?.[at]);
      const judgement = tallies.get(feature.name)!.add(facts, name);
      this.#values.add(fullName, vector, facts, judgement);
      if (facts.servedState !== 'unavailable') judged = true;
    }
    return judged;
  }

  #isUnjudged(servedUs: number): boolean {
    const { view, historyWatermarkUs } = this.#judged;
    if (view.kind !== 'aggregated') return false;
    return historyWatermarkUs === null || dueEdgeUs(view, servedUs) > historyWatermarkUs;
  }

  #rowFacts(vector: ReplayedVector): RowFacts {
    const { view, runs } = this.#judged;
    const { trained } = vector;
    return {
      view,
      servedUs: vector.servedUs,
      status: vector.status,
      source: vector.source,
      fetchedUs: vector.fetchedUs,
      watermarkUs: vector.watermarkUs,
      served: vector.served,
      replayed: trained?.times ?? null,
      replayedOutsideTtl: trained?.outsideTtl ?? false,
      available: vector.available?.times ?? null,
      oldestMissedUs: vector.oldestMissedUs,
      inHistory: vector.inHistory,
      run: trained === null ? null : runs.bringing(view, trained.times),
      nextRun: runs.nextToEnd(vector.servedUs),
    };
  }

  #valueFacts(
    row: RowFacts,
    vector: ReplayedVector,
    feature: Feature,
    index: number,
    fallback: Value,
    servedValue: Value | undefined,
  ): ValueFacts {
    const { type } = feature;
    const status = vector.status !== PRESENT ? vector.status : servedValue === undefined ? MISSING : PRESENT;
    const replayedStatus = statusOf(vector.trained);
    const received = (value: Value): Value =>
      asReceived(type, value, vector.surface, this.#judged.service.tensor);
    const replayed = replayedStatus === PRESENT ? vector.trained!.values[index]! : fallback;
    const served = status === PRESENT ? servedValue! : fallback;
    return {
      row,
      feature: feature.name,
      type,
      fallback,
      served: received(served),
      replayed: received(replayed),
      servedState: stateOf(status, served),
      replayedState: stateOf(replayedStatus, replayed),
      available: !this.#hasCreatedTimes
        ? undefined
        : received(statusOf(vector.available) === PRESENT ? vector.available!.values[index]! : fallback),
    };
  }

  #entities(vector: ReplayedVector): Record<string, string | null> {
    return Object.fromEntries(
      this.#judged.service.requestKeys.map((key, i) => [key.name, vector.keys[i] ?? null]),
    );
  }
}

/** A feature that has another type by now is another feature: nothing to compare it with. */
function sameFeature(view: FeatureView, feature: Feature): number {
  return view.features.findIndex(
    (f) => f.name === feature.name && formatType(f.type) === formatType(feature.type),
  );
}

function statusOf(row: ReplayedRow | null): number {
  if (row === null) return MISSING;
  return row.outsideTtl ? OUTSIDE_TTL : PRESENT;
}

const ABSENT_STATES: Readonly<Record<number, State>> = {
  [MISSING]: 'missing',
  [OUTSIDE_TTL]: 'outside TTL',
  [UNAVAILABLE]: 'unavailable',
  [NULL]: 'null',
};

/** @param value  before it took its surface's type */
export function stateOf(status: number, value: Value): State {
  if (status !== PRESENT) return ABSENT_STATES[status]!;
  if (value === null) return 'null';
  if (typeof value === 'number' && Number.isNaN(value)) return 'NaN';
  return value === 0 || value === 0n ? 'zero' : 'value';
}

/**
 * A value as a model gets it. The JSON surfaces carry each value whole; the tensor of the Open Inference Protocol
 * makes every number a double, or a float32 where the service says so, with NaN where there is none.
 */
export function asReceived(
  type: ValueType,
  value: Value,
  surface: number,
  tensor: FeatureService['tensor'],
): Value {
  if (SURFACES[surface] !== 'oip' || !isNumeric(type)) return value;
  if (value === null) return Number.NaN;
  return tensor === 'float32' ? Math.fround(Number(value)) : Number(value);
}

/** @param judgedVectors  takes the ids of the vectors that have a judged value */
export async function judgeView(
  judge: ViewJudge,
  vectors: AsyncIterable<ReplayedVector>,
  judgedVectors: Set<number>,
  values: JudgedValues,
  duck: DuckDb,
): Promise<void> {
  for await (const vector of vectors) {
    if (judge.add(vector)) judgedVectors.add(vector.vid);
    if (values.isFull) await values.flush(duck);
  }
}
