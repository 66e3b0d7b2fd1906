/**
 * Brings the newest rows of a view from its history to the online store: choose and check, wait until the run has
 * lasted, encode and write, then the markers that vouch for what was written. In this order, so that nothing is written
 * online before it is known that not too much was rejected.
 *
 * Called by materialize.ts.
 */
import { rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { MISFIT } from '../../contract/run-record.ts';
import { quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { warnLeftOut } from '../run/left-out.ts';
import { addReasons, recordedCounts } from '../run/row-counts.ts';
import type { PublishedRows } from '../run/run-record.ts';
import type { ViewRun } from '../run/view-run.ts';
import { chooseRows } from './choose-rows.ts';
import type { ChosenRows } from './choose-rows.ts';
import { addWrites, noWrites } from './guard-outcome.ts';
import type { WriteCounts } from './guard-outcome.ts';
import type { OnlineRow, OnlineWriter } from './online-writer.ts';
import { ownRows } from './shard-rows.ts';
import { RunCheckpoint } from './run-checkpoint.ts';
import { RowMaker } from './row-maker.ts';
import { findLoss } from './store-loss.ts';
import type { StoreLoss } from './store-loss.ts';

// One pipeline: large enough that waiting for the answer does not count, small enough to hold in memory many times.
const BATCH_ROWS = 2_000;

/** @returns the counts, and what the run ends with though its work is done: see `StoreLoss` */
export async function publishRows(
  run: ViewRun,
  writer: OnlineWriter,
): Promise<PublishedRows & Pick<StoreLoss, 'complaint'>> {
  const { view, entity, bundle, clock, logger } = run;
  const loss = await findLoss(run, writer);
  if (loss.warning !== null) logger.warn(loss.warning);
  const isLost = (key: string): boolean => loss.groups.length > 0 && loss.groups[writer.markerGroupOf(key)]!;
  const found = await ownRows(run, await chooseRows(run, 'new_rows'));
  const whole = { ...run, range: { ...run.range, full: true } };
  const all = loss.groups.includes(true) ? await ownRows(run, await chooseRows(whole, 'all_rows')) : null;
  // A stored view has nothing else to wait for; an aggregated one has waited before it appended its history.
  await clock.runLasted(run.startedUs);
  await writer.publishSchemas(bundle.schemas.get(view.id) ?? [rowSchemaOf(view, entity)]);
  // Of a view before this one whose run ended early.
  writer.blocked();
  const checkpoint = new RunCheckpoint(run, writer);
  // Of rows that a lost group lacks a checkpoint would say that they are there.
  const chosen = all === null ? await checkpoint.begin(found) : found;
  const written = [await writeChosen(run, writer, { chosen, checkpoint, wants: (key) => !isLost(key) })];
  if (all !== null)
    written.push(await writeChosen(run, writer, { chosen: all, checkpoint: null, wants: isLost }));
  warnLeftOut(run, chosen.counts);
  // Markers would vouch for rows that could not be written: the run has failed, though the others are there.
  const blocked = writer.blocked();
  if (blocked !== null) throw blocked;
  // The last of those that share the rows does.
  if (run.shard === null) await vouch(run, writer, loss);
  checkpoint.end();
  return { ...totalOf(chosen, written), resumed: checkpoint.online, complaint: loss.complaint };
}

/** Writes what says that the view is complete online, and tells of rows that cost the store too much. */
async function vouch({ view, range, logger }: ViewRun, writer: OnlineWriter, loss: StoreLoss): Promise<void> {
  if (range.moves) {
    await writer.writeMarkers(view.id, range.watermarkUs);
    await writer.evictions?.keep(view.id, loss.marks);
  }
  const largest = writer.largestRow();
  const costly = range.full ? await writer.evictions?.listpackWarning(view.id, largest) : null;
  if (typeof costly === 'string') logger.warn(costly);
}

/** Rows by outcome, and those that could not be encoded, which are in the reject file. */
interface WrittenRows {
  readonly writes: WriteCounts;
  misfits: number;
}

/** A row that turned out not to fit was counted when it was chosen. */
function totalOf({ counts }: ChosenRows, written: readonly WrittenRows[]): PublishedRows {
  const total = { ...noWrites(), ...recordedCounts(counts) };
  let misfits = 0;
  for (const part of written) {
    addWrites(total, part.writes);
    misfits += part.misfits;
  }
  if (misfits === 0) return total;
  const rejectReasons = addReasons(total.rejectReasons, { [MISFIT]: misfits });
  return { ...total, rejected: total.rejected + misfits, counted: total.counted - misfits, rejectReasons };
}

interface Writing {
  readonly chosen: ChosenRows;
  /** Null: none is kept. */
  readonly checkpoint: RunCheckpoint | null;
  /** Which keys to write; the others are left as they are. */
  readonly wants: (key: string) => boolean;
}

/** Writes the chosen rows through the guard. */
async function writeChosen(
  run: ViewRun,
  writer: OnlineWriter,
  { chosen, checkpoint, wants }: Writing,
): Promise<WrittenRows> {
  const { duck, clock, progress, replace } = run;
  const online = checkpoint?.online ?? 0;
  const total: WrittenRows = { writes: noWrites(), misfits: 0 };
  const maker = new RowMaker(run);
  let done = online;
  let batch: OnlineRow[] = [];
  // The store writes one batch while the next is made.
  let underWay: Promise<WriteCounts> = Promise.resolve(noWrites());
  let sent = online;
  const flush = async (): Promise<void> => {
    const [before, written] = [underWay, sent];
    underWay = writer.write(batch, { replace });
    sent = done;
    // Of two that fail the first is told.
    underWay.catch(() => {});
    batch = [];
    addWrites(total.writes, await before);
    await checkpoint?.mark(written);
    progress.step('writing online', done, chosen.entities, 'rows');
  };
  for await (const chunk of duck.chunks(`SELECT * FROM ${quoteName(chosen.table)} OFFSET ${online}`)) {
    const writtenMs = Math.floor(clock.nowUs() / 1_000);
    for (const row of chunk) {
      done += 1;
      const made = maker.make(row, writtenMs);
      if (made === null) total.misfits += 1;
      else if (wants(made.key)) batch.push(made);
      if (batch.length >= BATCH_ROWS) await flush();
    }
  }
  await flush();
  addWrites(total.writes, await underWay);
  return total;
}
