/**
 * Some vectors of a bundle with what their function was given (computed-vectors.ts), and what it gives now: over the
 * logged values, and over the replayed ones where a row that it uses is open.
 */
import type { OnDemandArgument } from '../../contract/on-demand/arguments.ts';
import type { FunctionCaller } from '../../contract/on-demand/function-caller.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/isolated-functions.ts';
import type { Value } from '../../contract/value-type.ts';
import { passedValues } from '../../project/engine/duckdb/passed-values.ts';
import type { Cause } from '../causes/cause.ts';
import type { Decision } from '../causes/explain.ts';
import { ASKED, VECTOR_COLUMNS } from './computed-vectors.ts';
import { BETWEEN_CAUSES } from './used-rows.ts';

/** As DuckDB yields them. */
type Columns = readonly Parameters<typeof passedValues>[1][];

/** What was decided of a row that a value was computed of, and the run behind it. */
export interface InputDecision extends Decision {
  readonly run: string | null;
}

/** What the function gives of one vector: over what was logged, as trained, as available. */
interface Recomputed {
  readonly served: OnDemandOutcome;
  readonly trained: OnDemandOutcome;
  readonly available: OnDemandOutcome;
}

interface ChunkParts {
  readonly args: readonly OnDemandArgument[];
  /** The types of the outputs that the chunk has. */
  readonly outputs: readonly { readonly type: OnDemandArgument['type'] }[];
  /** How many roles the view uses. */
  readonly roles: number;
}

const OF_ROLE = 4;

export class ComputedChunk {
  readonly #columns: Columns;
  readonly #parts: ChunkParts;
  /** By output, by vector. */
  readonly outputs: readonly (readonly Value[])[];
  readonly #firstRole: number;

  constructor(columns: Columns, parts: ChunkParts) {
    const { args, outputs } = parts;
    const firstOutput = VECTOR_COLUMNS.length + 3 * args.length;
    this.#columns = columns;
    this.#parts = parts;
    this.outputs = outputs.map(({ type }, i) => passedValues(type, columns[firstOutput + i]!));
    this.#firstRole = firstOutput + outputs.length;
  }

  get vectors(): number {
    return this.#columns[0]!.length;
  }

  /** A column of VECTOR_COLUMNS. */
  column<Item>(name: (typeof VECTOR_COLUMNS)[number]): readonly Item[] {
    return this.#columns[VECTOR_COLUMNS.indexOf(name)] as unknown as readonly Item[];
  }

  /** @returns for each vector what the function gives; null where it is not asked */
  async recompute(caller: FunctionCaller): Promise<(Recomputed | null)[]> {
    const states = this.column<number>('state');
    const differs = this.column<boolean>('differs');
    const { length } = this.#parts.args;
    const sides = [0, 1, 2].map((side) => this.#arguments(VECTOR_COLUMNS.length + side * length));
    const rows: (readonly Value[])[] = [];
    const places = states.map((state, at) => {
      if (state !== ASKED) return null;
      const count = differs[at] === true ? 3 : 1;
      for (let side = 0; side < count; side++) rows.push(sides[side]!.map((values) => values[at]!));
      return { from: rows.length - count, count };
    });
    const outcomes = await caller.call(rows);
    return places.map((place) => {
      if (place === null) return null;
      const served = outcomes[place.from]!;
      if (place.count === 1) return { served, trained: served, available: served };
      return { served, trained: outcomes[place.from + 1]!, available: outcomes[place.from + 2]! };
    });
  }

  /** @returns by argument, by vector */
  #arguments(from: number): (readonly Value[])[] {
    return this.#parts.args.map(({ type }, i) => passedValues(type, this.#columns[from + i]!));
  }

  /** What was decided of the rows that a vector was computed of, as far as they differ. */
  decisionsOf(at: number): InputDecision[] {
    const decisions: InputDecision[] = [];
    for (let role = 0; role < this.#parts.roles; role++) {
      const [cause, causes, run, within] = Array.from(
        { length: OF_ROLE },
        (_, i) => this.#columns[this.#firstRole + role * OF_ROLE + i]![at] ?? null,
      );
      if (typeof cause !== 'string') continue;
      const all = (causes as string).split(BETWEEN_CAUSES);
      const also = all.filter((one) => one !== cause && one !== '') as Cause[];
      decisions.push({
        cause: cause as Cause,
        also,
        withinPromise: within === true,
        run: run as string | null,
      });
    }
    return decisions;
  }
}
