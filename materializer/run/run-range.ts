/**
 * What a materialization run reads and what it may say afterwards, decided once and before anything is read. Pure.
 *
 *   ordinary   everything due up to the cut-off: what is new since the bookmark, or all of it
 *   partial    a backfill of a part of what ordinary runs have covered: it moves neither bookmark nor watermark, so
 *              its range ends at the bookmark at the latest; what is newer is an ordinary run's
 *
 * An edge is due as soon as its hop has ended. The view's delay holds nothing back: it says how long after an edge
 * joins show its rows, which is how long serving is expected to need for it. A run that is quicker serves ahead, a run
 * that is slower serves behind; the monitor names both and proposes the delay.
 */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { RunKind, RunRecord, Shard } from '../../contract/run-record.ts';
import { materializerError } from '../errors.ts';

export interface RangeOptions {
  /** Exclusive; null: from the beginning. */
  readonly fromUs: number | null;
  /** Inclusive; null: up to now. */
  readonly toUs: number | null;
  /** Ignores the bookmark. */
  readonly full: boolean;
  readonly kind: RunKind | null;
  /** Of an aggregated view: computes these alone and keeps the values of the others; null: all. */
  readonly features: readonly string[] | null;
  /** Which part of the rows is written online; null: all of them. */
  readonly shard: Shard | null;
  /** Goes past the guard: implies full, and may take the online store back to an earlier time. */
  readonly replace: boolean;
}

export interface RunRange {
  readonly kind: RunKind;
  /** Whether all rows are read, or only what is new since `previous`. */
  readonly full: boolean;
  /** Event times after this only; null: no such limit. */
  readonly fromUs: number | null;
  /** What was created up to and including this is read. */
  readonly cutoffUs: number;
  /** Event times up to and including this are due. */
  readonly dueUs: number;
  /** The watermark that the markers say afterwards. */
  readonly watermarkUs: number;
  /** What the run record says as its cut-off: the next bookmark, for an ordinary run. */
  readonly recordToUs: number;
  /** Whether the run moves markers and bookmark once it is complete: all but a partial backfill do. */
  readonly moves: boolean;
  /** The last complete run that moved them; null: there is none. */
  readonly previous: RunRecord | null;
}

/** A range, and what else earlier runs and the clock decide: see run-plan.ts. */
export interface RunPlan extends RunRange {
  /** How far any complete run has read the source of the history; null: none has. */
  readonly historyCutoffUs: number | null;
  /** Events created up to and including it count however late they were; null: lateness is not looked at. */
  readonly horizonUs: number | null;
  /**
   * What the source's `maxAhead` is counted from where a row has no created time: the time at which the run started.
   * Null where the clock lets sources run ahead and this one has no created times: then rows from after the start are
   * no mistakes, they count in later runs.
   */
  readonly futureUs: number | null;
  /** As in `RangeOptions`. */
  readonly features: readonly string[] | null;
}

/** Whether the next run may go on from where a run ended. */
export function movesBookmark(run: Pick<RunRecord, 'kind' | 'fromUs'>): boolean {
  return run.kind === 'ordinary' || (run.kind === 'backfill' && run.fromUs === null);
}

/**
 * @param previous  the last complete run of the view for which `movesBookmark` holds, or null
 * @param nowUs     the time at which the run starts
 * @throws MAT_RANGE when the range is empty or ends in the future
 */
export function planRange(
  view: Pick<FeatureView, 'id' | 'kind' | 'hopUs' | 'definitionId'>,
  options: RangeOptions,
  previous: RunRecord | null,
  nowUs: number,
): RunRange {
  const { fromUs } = options;
  const askedUs = options.toUs ?? nowUs;
  if (askedUs > nowUs) {
    throw materializerError(
      'MAT_RANGE',
      `--to ${formatTimestamp(askedUs)} lies in the future; it is ${formatTimestamp(nowUs)}`,
      { field: 'to' },
    );
  }
  if (fromUs !== null && fromUs >= askedUs) {
    throw materializerError(
      'MAT_RANGE',
      `--from ${formatTimestamp(fromUs)} is not before the end of the range, ${formatTimestamp(askedUs)}`,
      { field: 'from' },
    );
  }
  if (options.features !== null) return featuresRange(view, options, previous);
  // A first run with --from says where the view begins; a later one repeats a part.
  if (fromUs !== null && previous !== null) return backfillRange(view, previous, fromUs, askedUs);
  if (fromUs !== null && options.kind === 'backfill')
    throw materializerError(
      'MAT_RANGE',
      `${view.id} was never run to its end, so that there is no part of it to compute again`,
      { field: 'from', help: 'Run `plumb materialize`, which takes --from as the beginning of the view.' },
    );
  // Without `replace` a run never goes back behind what an earlier one has covered: the guard would keep it anyway.
  const cutoffUs = previous === null || options.replace ? askedUs : Math.max(askedUs, previous.toUs);
  const dueUs = dueUpTo(view, cutoffUs);
  return {
    kind: options.kind ?? 'ordinary',
    full:
      options.full ||
      options.replace ||
      options.kind === 'backfill' ||
      previous === null ||
      previous.definitionId !== view.definitionId,
    fromUs,
    cutoffUs,
    dueUs,
    watermarkUs: view.kind === 'aggregated' ? dueUs : cutoffUs,
    recordToUs: cutoffUs,
    moves: movesBookmark({ kind: options.kind ?? 'ordinary', fromUs }),
    previous,
  };
}

/**
 * Single features are computed up to where the others are known, which stay as they are: neither bookmark nor watermark
 * moves ahead.
 */
function featuresRange(
  view: Pick<FeatureView, 'id' | 'kind' | 'hopUs' | 'definitionId'>,
  { fromUs, toUs, features }: RangeOptions,
  previous: RunRecord | null,
): RunRange {
  const names = features!.join(', ');
  if (previous === null)
    throw materializerError(
      'MAT_FEATURE',
      `${view.id} was never run to its end: its first run computes ${names} with all its features`,
      { help: `Run \`plumb materialize --view ${view.id}\`.` },
    );
  const isNew = previous.definitionId !== view.definitionId;
  if (!isNew && fromUs !== null) return backfillRange(view, previous, fromUs, toUs ?? previous.toUs);
  if (fromUs !== null || toUs !== null)
    throw materializerError(
      'MAT_RANGE',
      `${names} of ${view.id} ${isNew ? 'is computed from the beginning and up to' : 'has no value after'} ` +
        `${formatTimestamp(previous.toUs)}, where the other features are known up to: ` +
        `leave out ${fromUs === null ? '--to' : '--from'}`,
      { field: fromUs === null ? 'to' : 'from' },
    );
  return {
    kind: 'backfill',
    full: true,
    fromUs: null,
    cutoffUs: previous.toUs,
    dueUs: dueUpTo(view, previous.toUs),
    watermarkUs: previous.watermarkUs,
    recordToUs: previous.toUs,
    moves: true,
    previous,
  };
}

function backfillRange(
  view: Pick<FeatureView, 'id' | 'kind' | 'hopUs'>,
  previous: RunRecord,
  fromUs: number,
  askedUs: number,
): RunRange {
  const endUs = Math.min(askedUs, previous.toUs);
  if (fromUs >= endUs) {
    throw materializerError(
      'MAT_RANGE',
      `--from ${formatTimestamp(fromUs)} lies past the last complete run of ${view.id}, which covers up to ` +
        `${formatTimestamp(previous.toUs)}`,
      { field: 'from', help: 'Run without --from: an ordinary run covers what is new.' },
    );
  }
  return {
    kind: 'backfill',
    full: true,
    fromUs,
    cutoffUs: previous.toUs,
    dueUs: Math.min(dueUpTo(view, previous.toUs), endUs),
    watermarkUs: previous.watermarkUs,
    recordToUs: endUs,
    moves: false,
    previous,
  };
}

/** @returns the greatest event time that can be complete at the cut-off; of an aggregated view an edge */
export function dueUpTo(view: Pick<FeatureView, 'kind' | 'hopUs'>, cutoffUs: number): number {
  return view.kind === 'aggregated' ? Math.floor(cutoffUs / view.hopUs) * view.hopUs : cutoffUs;
}
