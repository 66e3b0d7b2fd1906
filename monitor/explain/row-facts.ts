/**
 * The facts of one served row beside the history of its entity, which the rules of causes/ ask about: found by the
 * as-of rule itself (contract/as-of.ts) over the entity's rows. The monitor's run finds the same facts of a whole day
 * by SQL; a test holds both against each other. Pure.
 */
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import type { FeatureView } from '../../contract/model.ts';
import { MISSING } from '../../contract/status.ts';
import type { AskedRow, ClockReading, ReplayedTimes, RowFacts } from '../causes/facts.ts';
import { oldestMissed } from '../causes/missed-row.ts';
import { isAfter } from '../causes/row-order.ts';
import { correctionsOf } from '../judge/pod-clocks.ts';
import type { RunIndex } from '../judge/run-index.ts';
import type { EntityRow } from './entity-rows.ts';
import type { LoggedRequest } from './logged-requests.ts';
import type { ArchivedVector, ServedView } from './logged-vectors.ts';
import type { ServedFidelity } from './served-fidelity.ts';

/** A row that the as-of rule finds; null: it finds none, or a tombstone. */
export interface FoundRow {
  readonly row: EntityRow;
  readonly outsideTtl: boolean;
}

export interface ReplayedRows {
  readonly trained: FoundRow | null;
  readonly available: FoundRow | null;
}

/**
 * @param view   as the bundle that served had it: its delay and TTL decide
 * @param types  the view whose features the rows' values are of
 */
export function replayedRows(
  rows: readonly EntityRow[],
  atUs: number,
  view: Pick<FeatureView, 'delayUs' | 'ttlUs'>,
  { features }: Pick<FeatureView, 'features'>,
): ReplayedRows {
  const types = features.map(({ type }) => type);
  const find = (mode: AsOfRule['mode']): FoundRow | null => {
    // A tombstone decides as a row does; it is told from no row at all by what it is.
    const alive = rows.map((row) => ({ ...row, deleted: false, of: row }));
    const found = asOf(alive, atUs, { mode, delayUs: view.delayUs, ttlUs: view.ttlUs }, types);
    return found === null ? null : { row: found.row.of, outsideTtl: found.outsideTtl };
  };
  return { trained: find('trained'), available: find('available') };
}

/**
 * What training sees at the times that the pod's clock would have shown without the steps before the answer, or with
 * those after it.
 *
 * @param logged     null: nobody was served
 * @param trainedAt  by the as-of rule
 */
export function clockReadings(
  logged: { readonly request: LoggedRequest; readonly vector: ArchivedVector } | null,
  trainedAt: (us: number) => FoundRow | null,
): ClockReading[] {
  if (logged === null) return [];
  const { request, vector } = logged;
  const { servedUs, clockOffsetsUs } = request;
  const own = correctionsOf(clockOffsetsUs).filter(({ offsetUs }) => offsetUs === vector.clockOffsetUs);
  return own
    .toSorted((a, b) => Math.abs(a.correctionUs) - Math.abs(b.correctionUs))
    .map(({ correctionUs, stands }) => {
      const row = trainedAt(servedUs + correctionUs)?.row ?? null;
      return { correctionUs, stands, row: row === null || row.deleted ? null : timesOf(row) };
    });
}

interface Explained {
  readonly view: FeatureView;
  readonly runs: RunIndex;
  /** The row as it was served; null: nobody was served, and the question is what training sees. */
  readonly logged: ServedView | null;
  readonly servedUs: number;
  /** null: it was not asked. */
  readonly fidelity: ServedFidelity | null;
  /** The entity's rows under the definition that wrote the served row. */
  readonly ofServed: readonly EntityRow[];
  readonly clocks: readonly ClockReading[];
}

/** @param rows  the entity's rows under the definition that served it */
export function rowFacts(
  { view, runs, logged, servedUs, fidelity: asked, ofServed, clocks }: Explained,
  rows: readonly EntityRow[],
  { trained }: ReplayedRows,
): RowFacts {
  const served = logged?.served ?? null;
  const fidelity = asked?.fidelity ?? null;
  const times = fidelity?.answer === 'restamped' ? fidelity.row : served;
  const replayed = trained === null ? null : timesOf(trained.row);
  const fetchedUs = logged?.fetchedUs ?? null;
  const askedRow = (row: EntityRow | null): AskedRow | null =>
    row === null ? null : runs.asked(view, timesOf(row), servedUs);
  const isMissed =
    replayed !== null && (times === null ? replayed.deleted !== true : isAfter(replayed, times));
  const isForeign = fidelity?.answer === 'foreign' || fidelity?.answer === 'unknown';
  return {
    view,
    servedUs,
    status: logged?.status ?? MISSING,
    source: logged?.source ?? 0,
    fetchedUs,
    watermarkUs: logged?.watermarkUs ?? null,
    served,
    writer: served === null ? null : runs.workingAt(served.writtenUs),
    fidelity,
    alteration: asked?.alteration ?? null,
    replayed,
    replayedOutsideTtl: trained?.outsideTtl ?? false,
    missed: askedRow(oldestMissed(rows, times, servedUs, view)),
    missedReplayed: isMissed ? askedRow(trained!.row) : null,
    honest: isForeign && fetchedUs !== null ? askedRow(honestRow(rows, fetchedUs)) : null,
    ofServedDefinition:
      view.kind === 'stored'
        ? replayed
        : (asOf(ofServed, servedUs, { mode: 'trained', ...view }, [])?.row ?? null),
    clocks,
    nextRun: runs.nextToEnd(servedUs),
  };
}

/** The newest row that was created by the fetch: what an honest store had. */
function honestRow(rows: readonly EntityRow[], fetchedUs: number): EntityRow | null {
  const had = rows.filter(
    ({ eventUs, createdUs, deleted }) =>
      !deleted && createdUs !== null && Math.max(eventUs, createdUs) <= fetchedUs,
  );
  return had.reduce<EntityRow | null>(
    (newest, row) => (newest === null || isAfter(row, newest) ? row : newest),
    null,
  );
}

function timesOf({ eventUs, createdUs, definitionId, runId, deleted }: EntityRow): ReplayedTimes {
  return { eventUs, createdUs, definitionId, runId, ...(deleted ? { deleted } : {}) };
}
