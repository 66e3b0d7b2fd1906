/**
 * What an event is to one view: the entity that it is of and the values of the columns that are aggregated, or why it
 * does not count. The rule is that of batch (../history/events.ts), so that a recomputation from the archive agrees.
 *
 *   refused   a join key that is null or longer than an id may be; an event time further ahead of the append time than
 *             the source's `maxAhead`; a value that cannot be summed or is no finite number
 *   excluded  the view's `where` is not true of it
 *   late      appended later after its event time than the view's lateness allows, and after the horizon
 */
import { MAX_ID_BYTES } from '../../contract/wire/online/entity-key.ts';
import { refusalOf } from '../../contract/aggregation/tile.ts';
import type { TileEvent } from '../../contract/aggregation/tile.ts';
import type { TileValue } from '../../contract/aggregation/canonical-order.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import { ARCHIVE_COLUMNS } from '../../contract/stream-source.ts';
import type { KeyValue } from '../../contract/value-type.ts';
import { aheadReason } from '../../project/engine/duckdb/sources/stored-rows.ts';
import type { ReceivedEvent } from './stream-event.ts';
import { entityRef, entityText } from './view-entity.ts';
import type { EntityRef } from './view-entity.ts';
import { viewExpressions } from './view-expressions.ts';

/** The next event that is judged overwrites it. */
export interface ViewEvent {
  readonly kind: 'counts';
  readonly entity: EntityRef;
  /** In the order of the plan's columns. */
  readonly values: TileEvent['values'];
}

export type EventOutcome =
  ViewEvent | { readonly kind: 'late' | 'excluded' } | { readonly kind: 'refused'; readonly reason: string };

const LATE = { kind: 'late' } as const;

/**
 * @param horizonUs  events appended up to and including it count however late they were
 * @returns          what tells the outcome of an event
 */
export function viewEvents(
  view: FeatureView,
  entity: Entity,
  plan: TilePlan,
  horizonUs: number,
): (event: ReceivedEvent) => EventOutcome {
  const expressions = viewExpressions(view);
  const names = expressions.names.map((name) => name.toLowerCase());
  const placeOf = (column: string): number => names.indexOf(column.toLowerCase());
  const keyPlaces = entity.joinKeys.map(({ name }) => placeOf(name));
  const valuePlaces = plan.columns.map(({ source }) => placeOf(source));
  const { maxAheadUs } = view.source;
  const isPlain = view.where === null && view.select.length === 0;
  // A plan has columns of single values only, but for those of which only the nulls matter.
  const columns = Array<TileValue | null>(valuePlaces.length).fill(null);
  const outcome: { -readonly [name in keyof ViewEvent]: ViewEvent[name] } = {
    kind: 'counts',
    entity: '',
    values: columns,
  };
  return (event) => {
    const { eventUs, appendedUs } = event;
    let { values } = event;
    if (!isPlain) {
      const computed = expressions.compute(values);
      if (computed.kind !== 'row') return computed;
      values = computed.values;
    }
    for (let i = 0; i < keyPlaces.length; i++) {
      const key = values[keyPlaces[i]!] as KeyValue | null;
      const { name, type } = entity.joinKeys[i]!;
      if (key === null) return { kind: 'refused', reason: `${name} is null` };
      if (type === 'string' && isTooLong(key as string))
        return { kind: 'refused', reason: `${name} is too long for an id` };
    }
    if (maxAheadUs !== null && eventUs - appendedUs > maxAheadUs)
      return { kind: 'refused', reason: aheadReason(maxAheadUs, ARCHIVE_COLUMNS.appended) };
    for (let i = 0; i < valuePlaces.length; i++) columns[i] = values[valuePlaces[i]!]! as TileValue | null;
    const reason = refusalOf(plan, columns);
    if (reason !== null) return { kind: 'refused', reason };
    if (appendedUs - eventUs > view.latenessUs && appendedUs > horizonUs) return LATE;
    outcome.entity =
      keyPlaces.length === 1
        ? entityRef(values[keyPlaces[0]!] as KeyValue)
        : entityText(keyPlaces.map((place) => values[place] as KeyValue));
    return outcome;
  };
}

function isTooLong(key: string): boolean {
  // A character has at most three bytes.
  return key.length * 3 > MAX_ID_BYTES && Buffer.byteLength(key) > MAX_ID_BYTES;
}
