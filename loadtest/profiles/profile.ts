/** What a load profile is: which entities are asked for, how many a request, and what happens meanwhile. */
import type { Choice, Random } from '../generator/key-choice.ts';

interface Shard {
  readonly random: Random;
  readonly shard: number;
  readonly shards: number;
}

export interface Profile {
  readonly name: string;
  /** One line for `plumb load --help` and the report. */
  readonly description: string;
  /** Entities in a request. */
  readonly rows: number;
  /** At most so many entities of `--keys` are used; null: all. */
  readonly poolLimit: number | null;
  /** Whether the store is stopped and resumed meanwhile. */
  readonly stopsStore: boolean;
  /** @param pool  entities that there are, at least 1 */
  choose(pool: number, shard: Shard): Choice;
}
