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
  /** Row by row; null where the status is UNAVAILABLE. */
  readonly values: Value[] = [];
  /** Row by row: PRESENT or UNAVAILABLE. */
  readonly statuses: number[] = [];

  constructor({ columnCount, onDemand }: Pick<Plan, 'columnCount' | 'onDemand'>, rows: number) {
    this.columns = columnCount;
    this.views = onDemand.length;
    for (let i = rows * this.columns; i > 0; i--) this.values.push(null);
    for (let i = rows * this.views; i > 0; i--) this.statuses.push(UNAVAILABLE);
  }
}
