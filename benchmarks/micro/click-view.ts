/** The view of five windows over clicks that benchmarks of a stream's parts share, and a history that keeps nothing. */
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import type { AggregateFunction, Entity, Feature, FeatureView, Source } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import type { HistoryOutput } from '../../materializer/stream/output/history-output.ts';

export const clickEntity: Entity = {
  name: 'user',
  joinKeys: [{ name: 'user_id', type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};
export const clickSource: Source = {
  name: 'clicks',
  path: 'data/clicks',
  eventTime: 'at',
  createdTime: '_appended',
  maxAheadUs: null,
  stream: {
    topic: null,
    folder: 'data/incoming',
    format: { kind: 'json' },
    fields: [
      { name: 'user_id', type: { kind: 'int64' }, unit: null },
      { name: 'page', type: { kind: 'string' }, unit: null },
      { name: 'price', type: { kind: 'float64' }, unit: null },
      { name: 'at', type: { kind: 'timestamp' }, unit: 'ms' },
    ],
    id: null,
    keyedBy: 'user_id',
    op: null,
  },
};
export const clickView: FeatureView = {
  ...PLAIN_VIEW,
  id: 'user_clicks',
  name: 'user_clicks',
  kind: 'aggregated',
  entity: 'user',
  source: clickSource,
  definitionId: 1,
  freshnessUs: 60_000_000,
  freshnessAlertUs: 120_000_000,
  sourceFreshnessUs: 120_000_000,
  outOfOrderUs: 5_000_000,
  hopUs: 10_000_000,
  features: [
    feature('clicks_1m', 'count', null, 60),
    feature('spent_10m', 'sum', 'price', 600),
    feature('price_1h', 'avg', 'price', 3_600),
    feature('dearest_1d', 'max', 'price', 86_400),
    feature('pages_30m', 'countDistinct', 'page', 1_800),
  ],
};

function feature(name: string, of: AggregateFunction, column: string | null, seconds: number): Feature {
  const columnType: ValueType | null =
    column === null ? null : { kind: column === 'price' ? 'float64' : 'string' };
  const type: ValueType = { kind: of.startsWith('count') ? 'int64' : 'float64' };
  const [windowUs, sessionUs] = [seconds * 1_000_000, null];
  const aggregation = {
    function: of,
    column,
    columnType,
    windowUs,
    scale: 6,
    n: 0,
    percentile: 0,
    sessionUs,
  };
  return { ...PLAIN_FEATURE, name, type, aggregation };
}

type KeptRows = Pick<HistoryOutput, 'committed' | 'commit' | 'begin' | 'add' | 'addBatch' | 'waiting'>;

/** @param offset  up to which its rows go */
export function noHistory(offset = 0, watermarkUs: number | null = null): KeptRows {
  return {
    committed: { offset, rowNumber: 0, watermarkUs, createdUs: 0, ownCreatedUs: null, lineage: null },
    waiting: 0,
    async begin() {},
    add() {},
    addBatch() {},
    async commit() {},
  };
}
