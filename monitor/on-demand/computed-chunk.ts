/**
 * Some vectors of a bundle with what their function was given (computed-vectors.ts), and what it gives now: over the
 * logged values, and over the replayed ones where these may be others.
 */
import type { OnDemandArgument } from '../../contract/on-demand/arguments.ts';
import type { FunctionCaller } from '../../contract/on-demand/function-caller.ts';
import type { OnDemandOutcome } from '../../contract/on-demand/on-demand-function.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import type { Value } from '../../contract/value-type.ts';
import { passedValues } from '../../project/engine/duckdb/passed-values.ts';
import type { Cause } from '../../contract/cause.ts';
import { ASKED } from './asked/asked-state.ts';
import { VECTOR_COLUMNS } from './computed-vectors.ts';
import { BETWEEN_CAUSES } from './inherited.ts';
import type { InputDecision } from './inherited.ts';

/** As DuckDB yields them. */
type Columns = readonly Parameters<typeof passedValues>[1][];

/** What the function gives of one vector: over what was logged, as trained, as available. */
export interface Recomputed {
  readonly served: OnDemandOutcome;
  readonly trained: OnDemandOutcome;
  readonly available: OnDemandOutcome;
}

interface ChunkParts {
  readonly args: readonly OnDemandArgument[];
  /** The types of the outputs that the chunk has. */
  readonly outputs: readonly { readonly type: OnDemandArgument['type'] }[];
  /** What the view uses (`usedRoles`). */
  readonly roles: readonly string[];
}

const OF_ROLE = 4;
const NOT_COMPUTED = new OnDemandFault('threw', 'what it uses has no value');

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

  /**
   * @param forOthers  whether other views use what this one gives, also where it was not available when it was served
   * @returns          for each vector what the function gives; null where it cannot be asked
   */
  async recompute(caller: FunctionCaller, forOthers: boolean): Promise<(Recomputed | null)[]> {
    const [states, unavailable] = [this.column<number>('state'), this.column<boolean>('unavailable')];
    const differs = this.column<boolean>('differs');
    const fails = [[], this.column<boolean>('fails_trained'), this.column<boolean>('fails_available')];
    const { length } = this.#parts.args;
    const sides = [0, 1, 2].map((side) => this.#arguments(VECTOR_COLUMNS.length + side * length));
    const rows: (readonly Value[])[] = [];
    const called = (side: number, at: number): number =>
      fails[side]![at] === true ? -1 : rows.push(sides[side]!.map((values) => values[at]!)) - 1;
    const places = states.map((state, at) => {
      if (state !== ASKED) return null;
      const served = unavailable[at] === true ? -1 : called(0, at);
      const isReplayed = differs[at] === true && (served !== -1 || forOthers);
      if (!isReplayed) return { served, trained: served, available: served };
      return { served, trained: called(1, at), available: called(2, at) };
    });
    const outcomes = await caller.call(rows);
    const outcome = (place: number): OnDemandOutcome => (place === -1 ? NOT_COMPUTED : outcomes[place]!);
    return places.map((place) => {
      if (place === null) return null;
      const { served, trained, available } = place;
      return { served: outcome(served), trained: outcome(trained), available: outcome(available) };
    });
  }

  /** @returns by argument, by vector */
  #arguments(from: number): (readonly Value[])[] {
    return this.#parts.args.map(({ type }, i) => passedValues(type, this.#columns[from + i]!));
  }

  /** What was decided of what a vector was computed of, as far as it differs. */
  decisionsOf(at: number): InputDecision[] {
    return this.#parts.roles.flatMap((role, n) => {
      const [cause, causes, run, within] = Array.from(
        { length: OF_ROLE },
        (_, i) => this.#columns[this.#firstRole + n * OF_ROLE + i]![at] ?? null,
      );
      if (typeof cause !== 'string') return [];
      const all = (causes as string).split(BETWEEN_CAUSES);
      const also = all.filter((one) => one !== cause && one !== '') as Cause[];
      const decision = { cause: cause as Cause, also, withinPromise: within === true };
      return [{ role, ...decision, run: run as string | null }];
    });
  }
}
