/** What the causes may use of one vector's row: its times as served and as replayed, and the runs behind them. */
import type { FeatureView } from '../../contract/model.ts';
import type { AskedRow, ReplayedTimes, RowFacts } from '../causes/facts.ts';
import { isAfter } from '../causes/row-order.ts';
import type { AskedFidelity } from '../as-served/as-served.ts';
import type { GivenRow } from '../as-served/given-row.ts';
import type { VectorColumns } from '../tally/served-place.ts';
import type { RunIndex } from './run-index.ts';

/**
 * @param given  the row of a group, as the first of its vectors was given it
 * @param asked  undefined: no row was given out, or it cannot be read
 * @param one    one of the group's vectors
 */
export function rowFacts(
  { vector, view }: GivenRow,
  asked: AskedFidelity | undefined,
  runs: RunIndex,
  { vectors, at }: { readonly vectors: VectorColumns; readonly at: number },
): RowFacts {
  const { served, trained } = vector;
  const servedUs = vectors.servedUs[at]!;
  const askedRow = (times: ReplayedTimes | null): AskedRow | null =>
    times === null ? null : runs.asked(view, times, servedUs);
  const replayed = trained === null ? null : ownTimes(view, trained.times);
  const missed = asked?.missed === undefined ? vector.missed : asked.missed;
  const times = asked?.fidelity.answer === 'restamped' ? asked.fidelity.row : served;
  const isMissed =
    replayed !== null && (times === null ? replayed.deleted !== true : isAfter(replayed, times));
  return {
    view,
    servedUs,
    status: vector.status,
    source: vectors.source[at]!,
    fetchedUs: orNull(vectors.fetchedUs[at]!),
    watermarkUs: orNull(vectors.watermarkUs[at]!),
    served,
    writer: served === null ? null : runs.workingAt(served.writtenUs),
    fidelity: asked?.fidelity ?? null,
    alteration: asked?.alteration ?? null,
    replayed,
    replayedOutsideTtl: trained?.outsideTtl ?? false,
    missed: askedRow(missed),
    missedReplayed: isMissed ? askedRow(replayed) : null,
    honest: askedRow(asked?.honest ?? null),
    // The rows of a stored view are those of its source, whatever the definition.
    ofServedDefinition: view.kind === 'stored' ? replayed : vector.ofServedDefinition,
    clocks: vector.clocks,
    nextRun: runs.nextToEnd(servedUs),
  };
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}

/** The history of a stored view is its source, which the vector's own definition reads. */
function ownTimes(view: FeatureView, times: ReplayedTimes): ReplayedTimes {
  return view.kind === 'stored' ? { ...times, definitionId: view.definitionId } : times;
}
