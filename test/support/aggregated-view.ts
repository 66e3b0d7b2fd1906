/** Aggregated views for tests, built by hand: what the compiler would make of a short definition. */
import { definitionIdOf } from '../../contract/definitions/definition-json.ts';
import type {
  Aggregation,
  AggregateFunction,
  Entity,
  Feature,
  FeatureView,
  JoinKey,
} from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';

export interface FeatureSketch {
  readonly name: string;
  readonly function: AggregateFunction;
  readonly column?: string;
  readonly columnType?: ValueType;
  readonly windowUs?: number | null;
  readonly scale?: number;
  readonly type?: ValueType;
}

export interface ViewSketch {
  readonly name?: string;
  readonly joinKeys: readonly JoinKey[];
  readonly path: string;
  readonly eventTime: string;
  readonly createdTime: string | null;
  readonly hopUs: number;
  readonly latenessUs?: number;
  readonly delayUs?: number;
  readonly features: readonly FeatureSketch[];
}

export function aggregatedView(sketch: ViewSketch): { view: FeatureView; entity: Entity } {
  const name = sketch.name ?? 'counts';
  const entity: Entity = {
    name: 'thing',
    joinKeys: sketch.joinKeys,
    description: null,
    owner: null,
    tags: [],
    log: 'raw',
  };
  const view = {
    id: name,
    name,
    version: 1,
    kind: 'aggregated' as const,
    entity: entity.name,
    source: {
      name: 'events',
      path: sketch.path,
      eventTime: sketch.eventTime,
      createdTime: sketch.createdTime,
      maxAheadUs: null,
    },
    features: sketch.features.map(featureOf),
    ttlUs: null,
    hopUs: sketch.hopUs,
    delayUs: sketch.delayUs ?? 0,
    scheduleUs: null,
    watermark: 'cutoff' as const,
    outOfOrderUs: 0,
    startUs: null,
    freshnessUs: 2 * sketch.hopUs,
    freshnessAlertUs: 4 * sketch.hopUs,
    sourceFreshnessUs: 4 * sketch.hopUs,
    latenessUs: sketch.latenessUs ?? 0,
    owner: null,
    team: null,
    description: null,
    tags: [],
    where: null,
    select: [],
    deprecated: null,
  };
  return { view: { ...view, definitionId: definitionIdOf(view, entity.joinKeys) }, entity };
}

function featureOf(sketch: FeatureSketch): Feature {
  const aggregation: Aggregation = {
    function: sketch.function,
    column: sketch.column ?? null,
    columnType: sketch.columnType ?? null,
    windowUs: sketch.windowUs ?? null,
    scale: sketch.scale ?? 6,
    n: 0,
    percentile: 0,
  };
  return {
    name: sketch.name,
    type: sketch.type ?? naturalType(aggregation),
    column: null,
    missing: null,
    tolerance: null,
    log: 'raw',
    checks: null,
    description: null,
    tags: [],
    examples: [],
    normalization: null,
    aggregation,
  };
}

function naturalType(a: Aggregation): ValueType {
  if (a.function === 'count' || a.function === 'countDistinct') return { kind: 'int64' };
  if (a.function === 'avg' || a.function === 'stddev') return { kind: 'float64' };
  if (a.function === 'sum') {
    const whole = a.columnType!.kind === 'int32' || a.columnType!.kind === 'int64';
    return { kind: whole ? 'int64' : 'float64' };
  }
  return a.columnType!;
}
