/**
 * Several processes that share a view's rows: `--shard i/n` writes those whose cluster slot lies in the i-th of n equal
 * parts of the slots, whether the store is a cluster or not.
 *
 *   view held    plan, and bring the history up to date: the first of a set does it, the others find it done
 *   part held    choose, write; side by side with the others
 *   last one     moves the markers, when all n records of the set are complete
 *
 * A set is what runs of one n, cut-off and definition belong to. It is open until each part is complete, or until a run
 * of the whole view, or of another set, was. A part that was killed is run again and joins the set that waits for it:
 * within an hour, or with the cut-off of the set as `--to`.
 */
import { join } from 'node:path';
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord, Shard, ShardOfSet } from '../../contract/run-record.ts';
import { completeParts } from '../../contract/run-set.ts';
import { CLUSTER_SLOTS, clusterSlot } from '../../contract/wire/online/online-layout.ts';
import { materializerError } from '../errors.ts';
import type { RangeOptions } from './run-range.ts';

const MOST = 128;
/** A set waits so long for its other parts; with its own cut-off as `--to` always. */
const JOIN_WITHIN_US = 3_600_000_000;

/** @returns `1/2` as a part. @throws MAT_SHARD */
export function parseShard(text: string): Shard {
  const found = /^(\d{1,3})\/(\d{1,3})$/.exec(text);
  const [index, count] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  if (index >= 1 && index <= count && count <= MOST) return { index, count };
  const message = `--shard: expected i/n with i from 1 to n, and n at most ${MOST}, such as 1/2, got ${text}`;
  throw materializerError('MAT_SHARD', message, { field: 'shard' });
}

export function isInShard(key: string, { index, count }: Shard): boolean {
  return Math.floor((clusterSlot(key) * count) / CLUSTER_SLOTS) === index - 1;
}

/** Where a part stages rows: its view's folder belongs to whoever holds the view. */
export function shardFolder(historyRoot: string, { index, count }: Shard): string {
  return join(historyRoot, '_shards', `${index}of${count}`);
}

interface Joining {
  readonly view: FeatureView;
  readonly runId: string;
  readonly startedUs: number;
  readonly options: RangeOptions;
}

/**
 * @param runs  of the view, oldest first, parts for themselves
 * @returns     the set that waits for the run's part, with its cut-off, or a new one; null: the run is of all rows
 */
export function joinSet(
  runs: readonly RunRecord[],
  { view, runId, startedUs, options }: Joining,
): { readonly shard: ShardOfSet | null; readonly toUs: number | null } {
  const { shard, toUs, full } = options;
  if (shard === null) return { shard: null, toUs };
  const { index, count } = shard;
  const newest = runs.findLast((run) => run.shard !== undefined || run.state === 'complete');
  const parts = newest?.shard === undefined ? [] : runs.filter((run) => run.shard?.set === newest.shard!.set);
  const [first] = parts;
  const waits =
    first?.shard?.count === count &&
    first.definitionId === view.definitionId &&
    (toUs === null ? startedUs - first.shard.startedUs < JOIN_WITHIN_US : toUs === first.toUs) &&
    (!full || first.shard.full) &&
    !completeParts(parts).has(index);
  if (!waits) return { shard: { index, count, set: runId, startedUs, full }, toUs };
  const { set, startedUs: begunUs, full: isFull } = first.shard;
  return { shard: { index, count, set, startedUs: begunUs, full: isFull }, toUs: first.toUs };
}
