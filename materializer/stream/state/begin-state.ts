/**
 * Where a view's stream goes on in a partition: what its state says, held against what the history has.
 *
 *   no state, or of other messages      the tiles are made again of the archive, and no rows up to the history's offset
 *   the history's rows are the state's  it goes on; rows that the history has are forgotten
 *   the history's rows are of another   another process had the partition meanwhile. Tiles count messages, whoever made
 *                                       rows of them, so that they stay where they lie before the history's offset and
 *                                       edge; the rows that wait do not, since the other one made its own
 *   it is rewound to a time             the tiles are made again, and rows from that time on where the history's differ
 *   it is given tiles                   those that come again change nothing; without a state all rows are held against
 *                                       the history's
 */
import { randomInt } from 'node:crypto';
import { edgeAt } from '../../../contract/windows.ts';
import type { CommittedRows } from '../output/history-output.ts';
import type { Progress, ViewState } from './view-state.ts';

interface Beginning {
  readonly sourceId: string;
  readonly horizonUs: number;
  readonly hopUs: number;
  /** Rows of later edges are made again; null: none is. */
  readonly fromUs: number | null;
  /** Of tiles, up to where the view's history is complete, whoever has made it; null: it takes events. */
  readonly standsToUs: number | null;
}

const LINEAGES = 2 ** 48 - 1;

interface BegunState {
  readonly progress: Progress;
  /** Rows that were created after this time, and are not history, are made again by another state; null: none are. */
  readonly remadeAfterUs: number | null;
  /** Up to this edge rows stand in the history that those of the tiles are held against; -1: up to none. */
  readonly standsTo: number;
}

/** @returns where it goes on; the state holds what belongs to that, and nothing else */
export function beginState(state: ViewState, committed: CommittedRows, beginning: Beginning): BegunState {
  const { fromUs, standsToUs, hopUs } = beginning;
  const begun = begunState(state, committed, beginning);
  const { progress } = begun;
  if (fromUs !== null) {
    const edge = Math.min(progress.edge, edgeAt(fromUs, hopUs));
    return { ...begun, progress: { ...progress, edge }, standsTo: progress.edge > edge ? progress.edge : -1 };
  }
  if (standsToUs === null) return { ...begun, standsTo: -1 };
  // A topic of tiles keeps the newest of each: nothing tells which of them gave the rows that there are.
  const { offset } = progress;
  const edge = offset === 0 ? -1 : progress.edge;
  const stands = edgeAt(standsToUs, hopUs);
  return {
    ...begun,
    progress: { ...progress, rowOffset: offset, edge },
    standsTo: stands > edge ? stands : -1,
  };
}

function begunState(
  state: ViewState,
  committed: CommittedRows,
  beginning: Beginning,
): Omit<BegunState, 'standsTo'> {
  return state.transaction(() => {
    const begun = state.progress();
    const isKept = begun !== null && beginning.fromUs === null;
    const kept = isKept ? keptState(begun, committed, beginning) : null;
    if (kept === null) state.clear();
    else state.dropRows(isOwn(begun!, committed) ? committed.rowNumber : Infinity);
    const progress = kept ?? anew(committed, beginning, begun?.createdUs ?? 0);
    state.setProgress(progress);
    const goesOn = begun !== null && progress.lineage === begun.lineage;
    return { progress, remadeAfterUs: goesOn ? null : committed.ownCreatedUs };
  });
}

/** Whether the rows of the history, if there are any, are the state's own. */
function isOwn(begun: Progress, { lineage }: CommittedRows): boolean {
  return lineage === null || lineage === begun.lineage;
}

/** @returns null where its tiles are of no use */
function keptState(
  begun: Progress,
  committed: CommittedRows,
  { sourceId, horizonUs, hopUs }: Beginning,
): Progress | null {
  if (begun.sourceId !== sourceId || begun.horizonUs !== horizonUs) return null;
  const historyEdge = edgeAt(committed.watermarkUs ?? -1, hopUs);
  const createdUs = Math.max(begun.createdUs, committed.createdUs);
  if (isOwn(begun, committed))
    return {
      ...begun,
      rowOffset: Math.max(begun.rowOffset, committed.offset),
      edge: committed.offset > begun.rowOffset ? Math.max(begun.edge, historyEdge) : begun.edge,
      rowNumber: Math.max(begun.rowNumber, committed.rowNumber),
      createdUs,
      lineage: begun.lineage ?? randomInt(LINEAGES),
    };
  if (begun.offset > committed.offset || begun.edge > historyEdge) return null;
  const { offset: rowOffset, rowNumber } = committed;
  return { ...begun, rowOffset, edge: historyEdge, rowNumber, createdUs, lineage: randomInt(LINEAGES) };
}

function anew(
  committed: CommittedRows,
  { sourceId, horizonUs, hopUs }: Beginning,
  createdUs: number,
): Progress {
  return {
    sourceId,
    horizonUs,
    offset: 0,
    rowOffset: committed.offset,
    edge: edgeAt(committed.watermarkUs ?? -1, hopUs),
    rowNumber: committed.rowNumber,
    createdUs: Math.max(createdUs, committed.createdUs),
    lineage: randomInt(LINEAGES),
  };
}
