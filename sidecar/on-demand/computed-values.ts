/**
 * What the on-demand views of a request computed: a value for each row and column of its plan (on-demand-plan.ts),
 * before fallbacks, and a status for each row and view. Filled view by view by compute.ts; read by surfaces, counters
 * and the vector log.
 */
import { UNAVAILABLE } from '../../contract/status.ts';
import type { Value } from '../../contract/value-type.ts';
import type { Plan } from '../plan/plan.ts';

export class ComputedValues {
  /** How many values a row has. */
  readonly columns: number;
  /** How many statuses a row has. */
  readonly views: number;
  /**
   * Row by row; where the status is UNAVAILABLE they mean nothing. While all are numbers, V8 keeps an array that begins
   * with NaN as doubles and makes no object of each.
   */
  readonly values: Value[];
  /** Row by row: PRESENT or UNAVAILABLE. */
  readonly statuses: number[];
  /** How long its views held the thread so far. */
  heldMs = 0;
  /** What they took of processor time since that was looked at. */
  heldCpuUs = 0;

  constructor({ columnCount, onDemand }: Pick<Plan, 'columnCount' | 'onDemand'>, rows: number) {
    this.columns = columnCount;
    this.views = onDemand.length;
    this.values = filled<Value>(rows * this.columns, Number.NaN);
    this.statuses = filled(rows * this.views, UNAVAILABLE);
  }
}

function filled<Item>(count: number, item: Item): Item[] {
  // oxlint-disable-next-line unicorn/no-new-array -- Array.from calls a function for each of 500 values of a request
  return new Array<Item>(count).fill(item);
}
