/**
 * The sum of the squares of a column in fixed point, for standard deviations. It stops at 10^38, which means that it is
 * past what is held; no square is below 0, so that a sum which holds such a tile is past it, too. The row and the JSON
 * of a tile have NULL there.
 */
import type { ValueType } from '../../value-type.ts';
import { SQUARES_END, addWhole, addWholeAt, squareOf, subtractWhole } from '../fixed-point.ts';
import type { Whole } from '../fixed-point.ts';
import { TileFault } from '../tile-reader.ts';
import { wholeFromJson } from '../value-json.ts';
import type { TilePart } from './part.ts';
import { fixedReader } from './sum-part.ts';

export function squaresPart(column: number, type: ValueType, scale: number): TilePart<Whole> {
  const name = `squares${column}_${scale}`;
  const fixed = fixedReader(type, scale);
  return {
    key: { name: 'squares', column, scale },
    fields: [{ name, kind: 'sum' }],
    size: 0,
    empty: () => 0,
    add: (state, value) => ended(addWhole(state, squareOf(fixed(value)))),
    addAt: (cells, at, value) => addWholeAt(cells, at, squareOf(fixed(value))),
    retraction: (state, value) => {
      if (state === SQUARES_END) return 'again';
      return squareOf(fixed(value)) > state ? 'unknown' : 'counted';
    },
    take: (state, value) => subtractWhole(state, squareOf(fixed(value))),
    merge: (into, from) => ended(addWhole(into, from)),
    // A window goes past 10^38, so that it is exact again when what was past it has left.
    slide: { kind: 'slide', empty: () => 0, enter: addWhole, leave: subtractWhole },
    write: (to, state) => to.whole(state),
    read: (from) => squaresSum(from.whole()),
    toJson: (state) => [state === SQUARES_END ? null : state.toString()],
    fromJson: ([json]) => (json === null ? SQUARES_END : squaresSum(wholeFromJson(name, json))),
  };
}

function ended(state: Whole): Whole {
  return state > SQUARES_END ? SQUARES_END : state;
}

function squaresSum(state: Whole): Whole {
  if (state < 0 || state > SQUARES_END) throw new TileFault(`expected a sum of squares, got ${state}`);
  return state;
}
