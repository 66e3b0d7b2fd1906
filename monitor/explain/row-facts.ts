/**
 * The facts of one served row beside the history of its entity, which the rules of causes/ ask about: found by the
 * as-of rule itself (contract/as-of.ts) over the entity's rows. The monitor's run finds the same facts of a whole day
 * by SQL; a test holds both against each other. Pure.
 */
import { asOf } from '../../contract/as-of.ts';
import type { AsOfRule } from '../../contract/as-of.ts';
import type { FeatureView } from '../../contract/model.ts';
import { MISSING } from '../../contract/status.ts';
import type { LoggedRow } from '../../contract/wire/log/served-record.ts';
import { readHeader } from '../../contract/wire/online/row-header.ts';
import { isMissed } from '../causes/cause-rules.ts';
import type { ReplayedTimes, RowFacts, ServedTimes } from '../causes/facts.ts';
import type { RunIndex } from '../judge/run-index.ts';
import type { EntityRow } from './entity-rows.ts';

/** A row that the as-of rule finds; null: it finds none, or a tombstone. */
export interface FoundRow {
  readonly row: EntityRow;
  readonly outsideTtl: boolean;
}

export interface ReplayedRows {
  readonly trained: FoundRow | null;
  readonly available: FoundRow | null;
  /** How many rows count as trained. */
  readonly visible: number;
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
  const visible = rows.filter(({ eventUs }) => eventUs + view.delayUs <= atUs).length;
  return { trained: find('trained'), available: find('available'), visible };
}

/** @param logged  the row as it was served; null: nobody was served, and the question is what training sees */
export function rowFacts(
  { view, runs }: { readonly view: FeatureView; readonly runs: RunIndex },
  rows: readonly EntityRow[],
  { trained, available }: ReplayedRows,
  { logged, servedUs }: { readonly logged: LoggedRow | null; readonly servedUs: number },
): RowFacts {
  const served = logged === null ? null : servedTimes(logged);
  const replayed = trained === null ? null : timesOf(trained.row);
  const facts: RowFacts = {
    view,
    servedUs,
    status: logged?.status ?? MISSING,
    source: logged?.source ?? 0,
    fetchedUs: logged === null || logged.fetchedUs === 0 ? null : logged.fetchedUs,
    watermarkUs: logged === null || logged.watermarkUs === 0 ? null : logged.watermarkUs,
    served,
    replayed,
    replayedOutsideTtl: trained?.outsideTtl ?? false,
    available: available === null ? null : timesOf(available.row),
    oldestMissedUs: null,
    inHistory: rows.length > 0,
    run: replayed === null ? null : runs.bringing(view, replayed),
    nextRun: runs.nextToEnd(servedUs),
  };
  const isNewer =
    replayed !== null && replayed.eventUs > (served?.eventUs ?? -1) && isMissed(facts, replayed);
  if (!isNewer) return facts;
  const oldest = rows.find(({ eventUs }) => eventUs > (served?.eventUs ?? -1));
  return { ...facts, oldestMissedUs: oldest?.eventUs ?? null };
}

function servedTimes({ row }: LoggedRow): ServedTimes | null {
  const header = row === null ? null : readHeader(row);
  if (header === null) return null;
  const { eventUs, createdUs, definitionId, writtenMs } = header;
  return {
    eventUs,
    createdUs: createdUs === 0 ? null : createdUs,
    definitionId,
    writtenUs: writtenMs * 1_000,
  };
}

function timesOf({ eventUs, createdUs, definitionId, runId, deleted }: EntityRow): ReplayedTimes {
  return { eventUs, createdUs, definitionId, runId, ...(deleted ? { deleted } : {}) };
}
