/**
 * What an on-demand view gave of each vector of the day, for those that use it. Laid while it is judged.
 *
 *   computed_rows_{n}   vid | state (asked-state.ts), unjudged | differs: whether anything replayed may be another
 *                       cause, causes, run, within_promise: of its values, null where none differs
 *                       is_served, is_trained, is_available: whether it has values | s0, t0, a0 ...: of each feature
 */
import type { Feature } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { BETWEEN_CAUSES } from './inherited.ts';
import type { InputDecision } from './inherited.ts';
import { RowFilling } from '../judged-rows/row-filling.ts';

/** What is told of one vector. */
export interface ComputedRow {
  readonly vid: number;
  readonly state: number;
  readonly unjudged: boolean;
  readonly differs: boolean;
  /** null: none of its values differs. */
  readonly decided: Omit<InputDecision, 'role'> | null;
  /** By the features of the view; null: it gave none. */
  readonly served: readonly Value[] | null;
  readonly trained: readonly Value[] | null;
  readonly available: readonly Value[] | null;
}

const TEXT: ValueType = { kind: 'string' };
const FLAG: ValueType = { kind: 'bool' };

export class ComputedRows {
  readonly table: string;
  /** Of the view, in the bundle in force. */
  readonly features: readonly Feature[];
  readonly #filling: RowFilling;
  /** By bundle why its vectors are not there. */
  readonly #why = new Map<string, string>();

  private constructor(table: string, features: readonly Feature[], filling: RowFilling) {
    this.table = table;
    this.features = features;
    this.#filling = filling;
  }

  /** @param n  of the view among those of the service */
  static async open(duck: DuckDb, n: number, features: readonly Feature[]): Promise<ComputedRows> {
    const table = `computed_rows_${n}`;
    const filling = await RowFilling.open(duck, table, [
      { name: 'vid', type: { kind: 'float64' } },
      { name: 'state', type: { kind: 'int32' } },
      { name: 'unjudged', type: FLAG },
      { name: 'differs', type: FLAG },
      { name: 'cause', type: TEXT },
      { name: 'causes', type: TEXT },
      { name: 'run', type: TEXT },
      { name: 'within_promise', type: FLAG },
      ...['is_served', 'is_trained', 'is_available'].map((name) => ({ name, type: FLAG })),
      ...features.flatMap(({ type }, i) => ['s', 't', 'a'].map((side) => ({ name: `${side}${i}`, type }))),
    ]);
    return new ComputedRows(table, features, filling);
  }

  add({ vid, state, unjudged, differs, decided, served, trained, available }: ComputedRow): void {
    const { cause = null, also = [], run = null, withinPromise = null } = decided ?? {};
    const sides = [served, trained, available];
    this.#filling.add([
      vid,
      state,
      unjudged,
      differs,
      cause,
      also.join(BETWEEN_CAUSES),
      run,
      withinPromise,
      ...sides.map((side) => side !== null),
      ...this.features.flatMap((_, i) => sides.map((side) => side?.[i] ?? null)),
    ]);
  }

  /** No vector of a bundle will be there. */
  leaveOut(bundle: string, why: string): void {
    this.#why.set(bundle, why);
  }

  /** @returns why the vectors of a bundle are not there; null: they are */
  whyNot(bundle: string): string | null {
    return this.#why.get(bundle) ?? null;
  }

  /** The table is whole. */
  end(): void {
    this.#filling.end();
  }
}
