/** The sum of a column in fixed point: what comes in can be taken out again. */
import type { ValueType } from '../../value-type.ts';
import type { TileValue } from '../canonical-order.ts';
import { addWhole, addWholeAt, fixedOf, subtractWhole, wholeOf } from '../fixed-point.ts';
import type { Whole } from '../fixed-point.ts';
import { wholeFromJson } from '../value-json.ts';
import type { TilePart } from './part.ts';

/** @returns what turns a column's values into whole numbers with `scale` decimal places */
export function fixedReader({ kind }: ValueType, scale: number): (value: TileValue) => Whole {
  if (kind === 'int64') return (value) => wholeOf(value as bigint);
  if (kind === 'int32') return (value) => value as number;
  return (value) => fixedOf(value as number, scale);
}

export function sumPart(column: number, type: ValueType, scale: number): TilePart<Whole> {
  const name = `sum${column}_${scale}`;
  const fixed = fixedReader(type, scale);
  return {
    key: { name: 'sum', column, scale },
    fields: [{ name, kind: 'sum' }],
    size: 0,
    empty: () => 0,
    add: (state, value) => addWhole(state, fixed(value)),
    addAt: (cells, at, value) => addWholeAt(cells, at, fixed(value)),
    retraction: () => 'counted',
    take: (state, value) => subtractWhole(state, fixed(value)),
    merge: addWhole,
    slide: { kind: 'slide', empty: () => 0, enter: addWhole, leave: subtractWhole },
    write: (to, state) => to.whole(state),
    read: (from) => from.whole(),
    toJson: (state) => [state.toString()],
    fromJson: ([json]) => wholeFromJson(name, json),
  };
}
