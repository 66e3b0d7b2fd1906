/** Numbers the entities of a role, and their replayed rows, from 0 in the order in which they are first met. */
import type { ReplayedTimes } from '../causes/facts.ts';

export interface RowNumber {
  readonly entity: number;
  readonly row: number;
}

export class RowNumbers {
  readonly #entities = new Map<string, number>();
  readonly #rows = new Map<string, number>();

  /** @param replayed  null: training sees no row of the entity, which counts as one row */
  numberOf(keys: readonly (string | null)[], replayed: ReplayedTimes | null): RowNumber {
    const entity = numberIn(this.#entities, JSON.stringify(keys));
    const times = replayed === null ? '' : `${replayed.eventUs} ${replayed.createdUs ?? ''}`;
    return { entity, row: numberIn(this.#rows, `${entity} ${times}`) };
  }
}

function numberIn(numbers: Map<string, number>, key: string): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}
