/**
 * What an on-demand view gave of each vector of the day, for those that use it. Laid while it is judged.
 *
 *   computed_rows_{n}   vid | state (asked-state.ts), unjudged | differs: whether anything replayed may be another
 *                       cause, causes, run, within_promise: of its values, null where none differs
 *                       is_served, is_trained, is_available: whether it has values | s0, t0, a0 ...: of each feature
 */
import type { Feature } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { EXACT_FLOATS, duckTypeOf } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import type { KeptTable } from '../kept/kept-roles.ts';
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

interface RowsParts {
  readonly duck: DuckDb;
  readonly n: number;
  readonly features: readonly Feature[];
}

export class ComputedRows {
  readonly table: string;
  /** Of the view, in the bundle in force. */
  readonly features: readonly Feature[];
  /** null: it is whole. */
  #filling: RowFilling | null;
  /** By bundle why its vectors are not there. */
  readonly #why: Map<string, string>;

  private constructor(
    { n, features }: Omit<RowsParts, 'duck'>,
    filling: RowFilling | null,
    why: Map<string, string>,
  ) {
    this.table = tableOf(n);
    this.features = features;
    this.#filling = filling;
    this.#why = why;
  }

  /** @param n  of the view among those of the service */
  static async open(duck: DuckDb, n: number, features: readonly Feature[]): Promise<ComputedRows> {
    const filling = await RowFilling.open(duck, tableOf(n), columnsOf(features));
    return new ComputedRows({ n, features }, filling, new Map());
  }

  /** Those of a run that was killed, once its table is restored. @param why  `left` of then */
  static taken(parts: Omit<RowsParts, 'duck'>, why: ReadonlyMap<string, string>): ComputedRows {
    return new ComputedRows(parts, null, new Map(why));
  }

  /** By bundle why its vectors are not there. */
  get left(): ReadonlyMap<string, string> {
    return this.#why;
  }

  add({ vid, state, unjudged, differs, decided, served, trained, available }: ComputedRow): void {
    const { cause = null, also = [], run = null, withinPromise = null } = decided ?? {};
    const sides = [served, trained, available];
    this.#filling!.add([
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
    this.#filling?.end();
    this.#filling = null;
  }

  /** The table of a view that has ended, for a run that is killed. */
  static tableToKeep({ duck, n, features }: RowsParts): KeptTable {
    const table = tableOf(n);
    const columns = columnsOf(features).map(({ name, type }) => `${name} ${duckTypeOf(type)}`);
    return {
      keep: async (file) =>
        await duck.run(`COPY ${table} TO ${quoteTarget(file)} (FORMAT parquet, ${EXACT_FLOATS})`),
      restore: async (file) => {
        await duck.run(`CREATE OR REPLACE TABLE ${table} (${columns.join(', ')})`);
        await duck.run(`INSERT INTO ${table} SELECT * FROM read_parquet(${quotePaths([file])})`);
      },
      forget: async () => await duck.run(`DROP TABLE IF EXISTS ${table}`),
    };
  }
}

function tableOf(n: number): string {
  return `computed_rows_${n}`;
}

function columnsOf(features: readonly Feature[]): { readonly name: string; readonly type: ValueType }[] {
  return [
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
  ];
}
