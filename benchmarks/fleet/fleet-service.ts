/** What the pods of a simulated fleet serve: of a customer and a store a view of ten doubles each. */
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import { definitionIdOf, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { Bundle, Entity, FeatureService, FeatureView } from '../../contract/model.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import type { SimulatedRows } from './simulated-reader.ts';

export const FLEET_SERVICE = 'fleet_v1';
const FEATURES = 10;
const HOUR_US = 3_600_000_000;

const ENTITIES: readonly Entity[] = ['customer', 'store'].map((name) => ({
  name,
  joinKeys: [{ name: `${name}_id`, type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
}));

export function fleetBundle(): Bundle {
  const views = ENTITIES.map(fleetView);
  const service: FeatureService = {
    name: FLEET_SERVICE,
    version: 1,
    features: views.flatMap(({ id, features }) =>
      features.map(({ name }) => ({ fullName: `${id}__${name}`, view: id, role: id, feature: name })),
    ),
    views: views.map(({ id, entity }) => ({ role: id, view: id, requestKeys: [`${entity}_id`] })),
    requestKeys: ENTITIES.flatMap(({ joinKeys }) => joinKeys),
    onDemand: [],
    inputs: [],
    consumers: [],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
  return {
    project: 'fleet',
    hash: '0'.repeat(16),
    entities: new Map(ENTITIES.map((entity) => [entity.name, entity])),
    views: new Map(views.map((view) => [view.id, view])),
    onDemand: new Map(),
    services: new Map([[service.name, service]]),
    schemas: new Map(views.map((view, v) => [view.id, [rowSchemaOf(view, ENTITIES[v]!)]])),
  };
}

/** @param nowUs  all rows were written an hour before */
export function fleetRows({ views }: Bundle, nowUs: number): SimulatedRows {
  const atUs = nowUs - HOUR_US;
  const rowOf = (view: FeatureView): Buffer =>
    new RowEncoder(view).encode(
      atUs,
      atUs,
      Math.floor(atUs / 1_000),
      view.features.map((_, f) => f + 0.25),
    );
  return {
    rows: new Map([...views.values()].map((view) => [fieldOf(view.id).toString('hex'), rowOf(view)])),
    markers: Object.fromEntries([...views.keys()].map((id) => [id, String(nowUs)])),
  };
}

function fleetView(entity: Entity): FeatureView {
  const name = `${entity.name}_features`;
  const plain: Omit<FeatureView, 'definitionId'> = {
    ...PLAIN_VIEW,
    id: name,
    name,
    kind: 'stored',
    entity: entity.name,
    source: { name, path: `${name}.parquet`, eventTime: 'at', createdTime: null, maxAheadUs: null },
    features: Array.from({ length: FEATURES }, (_, f) => ({
      ...PLAIN_FEATURE,
      name: `value_${f + 1}`,
      type: { kind: 'float64' as const },
    })),
    hopUs: 0,
    freshnessUs: HOUR_US,
    freshnessAlertUs: 2 * HOUR_US,
    sourceFreshnessUs: 2 * HOUR_US,
  };
  return { ...plain, definitionId: definitionIdOf(plain, entity.joinKeys) };
}
