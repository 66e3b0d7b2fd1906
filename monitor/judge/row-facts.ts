/** What the causes may use of one vector's row: its times as served and as replayed, and the runs behind them. */
import type { FeatureView } from '../../contract/model.ts';
import type { AskedRow, ReplayedTimes, RowFacts } from '../causes/facts.ts';
import { isAfter } from '../causes/row-order.ts';
import type { AskedFidelity } from '../as-served/as-served.ts';
import type { GivenRow } from '../as-served/given-row.ts';
import type { RunIndex } from './run-index.ts';

/** @param asked  undefined: no row was given out, or it cannot be read */
export function rowFacts(
  { vector, view }: GivenRow,
  asked: AskedFidelity | undefined,
  runs: RunIndex,
): RowFacts {
  const { served, trained, servedUs } = vector;
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
    source: vector.source,
    fetchedUs: vector.fetchedUs,
    watermarkUs: vector.watermarkUs,
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

/** The history of a stored view is its source, which the vector's own definition reads. */
function ownTimes(view: FeatureView, times: ReplayedTimes): ReplayedTimes {
  return view.kind === 'stored' ? { ...times, definitionId: view.definitionId } : times;
}
