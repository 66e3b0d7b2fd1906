/** What a training set is asked for with, and which of it goes together. */
import type { AsOfRule } from '../contract/as-of.ts';
import { registryError } from '../contract/errors.ts';
import { parseDuration } from '../contract/std/duration.ts';
import type { WarmCap } from '../contract/training-manifest.ts';

export interface TrainOptions {
  /** Parquet or CSV, relative to the current folder or absolute. */
  readonly labels: string;
  readonly service: string;
  /** What joins the labels to the histories; DuckDB unless given. The set is the same. */
  readonly engine?: 'duckdb' | 'spark';
  /** Parquet or CSV; replaced when it exists, and only by a whole one. */
  readonly out: string;
  /** Under which name the registry keeps its manifest; the name of the file unless given. */
  readonly name?: string;
  /** trained (default): the whole history counts; available: only what was written by the label's time. */
  readonly as?: AsOfRule['mode'];
  /** The labels' column of times; `event_timestamp` unless given. */
  readonly timeColumn?: string;
  /** Whether unjudged labels are an error. */
  readonly strict?: boolean;
  /** Whether labels are left out that are from before a feature was warm online. */
  readonly capToWarm?: boolean;
  /** Of a set that is made again: the time before which labels were left out. */
  readonly cap?: WarmCap;
  /** `name=column` for inputs of on-demand views in columns of another name; `name=` leaves out an optional one. */
  readonly input?: readonly string[];
  /** Whether functions may run on another V8 or kind of processor than they were applied on. */
  readonly otherEngine?: boolean;
  /** Whether the values are those that were answered, from the archive. */
  readonly fromLog?: boolean;
  /** From the log: how long before its label a vector was answered at the earliest, such as `5s`. */
  readonly within?: string;
  /** From the log: whether each feature's status stands in a column of its own. */
  readonly statuses?: boolean;
  /** From the log: whether features that the log has not are left out; they are refused otherwise. */
  readonly withoutMasked?: boolean;
  /** From the log: whether days of which the log lacks some records are taken. */
  readonly allowGaps?: boolean;
}

const LABEL_TIME = 'event_timestamp';

const OF_THE_LOG = {
  within: '--within',
  statuses: '--statuses',
  withoutMasked: '--without-masked',
  allowGaps: '--allow-gaps',
} as const;

export function timeColumnOf({ timeColumn }: Pick<TrainOptions, 'timeColumn'>): string {
  return timeColumn ?? LABEL_TIME;
}

/** @throws REG_USAGE where an option says nothing of the way that is asked for */
export function refuseStrayOptions(options: TrainOptions): void {
  if (options.fromLog === true) {
    if (options.capToWarm === true)
      throw registryError('REG_USAGE', '--cap-to-warm belongs to training sets of the history', {
        field: 'capToWarm',
        help: 'Leave it out: what was answered is in the log from the first answer on.',
      });
    if (options.engine === 'spark')
      throw registryError('REG_USAGE', '--engine spark belongs to training sets of the history', {
        field: 'engine',
        help: 'Leave it out: DuckDB finds what was answered.',
      });
    if ((options.input ?? []).length === 0) return;
    throw registryError('REG_USAGE', '--input belongs to training sets of the history', {
      field: 'input',
      help: 'Leave it out: the log has the inputs of each request.',
    });
  }
  const stray = Object.entries(OF_THE_LOG).find(([name]) => options[name as keyof TrainOptions]);
  if (stray === undefined) return;
  const [field, flag] = stray;
  throw registryError('REG_USAGE', `${flag} belongs to training sets of the log`, {
    field,
    help: `Give --from-log with it, or leave ${flag} out.`,
  });
}

/** @returns microseconds; null: it is not given. @throws REG_USAGE unless it is a duration */
export function withinUsOf({ within }: Pick<TrainOptions, 'within'>): number | null {
  if (within === undefined) return null;
  const us = parseDuration(within);
  if (us !== null) return us;
  throw registryError('REG_USAGE', `--within should be a duration such as 5s or 30d, got ${within}`, {
    field: 'within',
    help: 'Say how long before its label a vector was answered at the earliest.',
  });
}
