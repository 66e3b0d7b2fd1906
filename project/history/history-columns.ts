/**
 * The columns of a history, in their order.
 *
 *   the entity's join keys | event_time, created_time | run_id | definition_id | deleted | one a feature
 *
 * A row that is `deleted` is a tombstone: from its event time on the entity has no row. Its features are null.
 */
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { TableColumn } from '../delta/table-schema.ts';

const OWN: readonly TableColumn[] = [
  { name: 'event_time', type: { kind: 'timestamp' } },
  { name: 'created_time', type: { kind: 'timestamp' } },
  { name: 'run_id', type: { kind: 'string' } },
  { name: 'definition_id', type: { kind: 'int64' } },
  { name: 'deleted', type: { kind: 'bool' } },
];

export function historyColumns(view: FeatureView, entity: Entity): TableColumn[] {
  const keys = entity.joinKeys.map(({ name, type }): TableColumn => ({ name, type: { kind: type } }));
  return [...keys, ...OWN, ...view.features.map(({ name, type }) => ({ name, type }))];
}
