/**
 * The columns of an answer in Feast's form, for any number of rows in any state:
 *
 *   ,{"values":[v,v,..],"statuses":["PRESENT",..],"event_timestamps":["..",..]}
 *              ^ pieces  ^ the tail: that of the column before, copied whole while the statuses stay the same
 *
 * The pieces of a row stand in the order of its view, and so do the features of nearly every service: one cursor for
 * each row walks over them. Rejected: building each column as a string, with which an answer of 50 rows x 50 features
 * (134 KB) took 265 us, where it now takes 100, in one process on a busy machine; `npm run bench` has the figure of
 * the whole path.
 */
import { PRESENT } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { CachedRow } from '../../cache/cached-row.ts';
import { FEAST_PIECES, pieceAfter, piecesOf, piecesOfComputed } from './feast-pieces.ts';
import type { FeastRun } from './feast-plan.ts';
import { NO_PIECE } from '../../cache/ready-ring.ts';
import { FEAST_STATUS_TEXTS } from './feast-text.ts';
import { NO_VIEW } from '../../plan/feature-runs.ts';
import { statusOfRun } from '../../request/request-in-flight.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';

/** Writes the columns of a run of features, each with a comma before it. @param isFirst  the first has none */
export function writeColumns(
  inFlight: RequestInFlight,
  run: FeastRun,
  out: AnswerBuffer,
  isFirst: boolean,
): void {
  const { features } = run;
  const { rows, times, statuses, made } = new RunPieces(inFlight, run);
  const cursors = rows.firsts();
  let stoodAt = 0;
  let tailFrom = 0;
  let tailTo = 0;
  for (let f = 0; f < features.length; f++) {
    walk(rows, cursors, stoodAt, features[f]!);
    stoodAt = features[f]! + 1;
    out.text(isFirst && f === 0 ? '{"values":' : ',{"values":');
    const isSame = out.list(rows.views, cursors, statuses);
    if (isSame && f > 0) {
      out.again(tailFrom, tailTo);
      continue;
    }
    tailFrom = out.length;
    writeTail(times, statuses, out);
    tailTo = out.length;
  }
  for (let m = 0; m < made.length; m++) {
    const { row, pieces } = made[m]!;
    row.keep(FEAST_PIECES, new Uint8Array(pieces.buffer, pieces.byteOffset, pieces.byteLength));
  }
}

/** The pieces of rows: in which memory those of each row stand, and where they begin. */
class PiecesList {
  readonly views: DataView[] = [];
  readonly starts: number[] = [];

  add(view: DataView, start: number): void {
    this.views.push(view);
    this.starts.push(start);
  }

  /** @returns where the first feature of each row stands */
  firsts(): number[] {
    const firsts: number[] = [];
    for (let r = 0; r < this.views.length; r++) firsts.push(pieceAfter(this.views[r]!, this.starts[r]!));
    return firsts;
  }
}

/** What the columns of a run are made of, row by row. Pieces in the ready ring are valid until the next one is kept. */
class RunPieces {
  readonly rows = new PiecesList();
  /** Pieces that begin with the time of their row. */
  readonly times = new PiecesList();
  readonly statuses: number[] = [];
  /** Pieces that were not ready and had to be made. */
  readonly made: { readonly row: CachedRow; readonly pieces: DataView }[] = [];

  constructor(inFlight: RequestInFlight, run: FeastRun) {
    if (run.onDemand === NO_VIEW) this.#addRows(inFlight, run);
    else this.#addComputed(inFlight, run);
  }

  #addRows(inFlight: RequestInFlight, { role, absent }: FeastRun): void {
    const { plan, count } = inFlight.request;
    const roles = plan.roleViews.length;
    for (let r = 0; r < count; r++) {
      const row = inFlight.rows[r * roles + role]!;
      const status = inFlight.statuses[r * roles + role]!;
      this.statuses.push(status);
      // A row that is too old to be shown still has its time.
      if (row === null || row.raw === null) this.times.add(absent[status]!, 0);
      else this.#addRow(row);
      if (status === PRESENT) this.rows.add(this.times.views[r]!, this.times.starts[r]!);
      else this.rows.add(absent[status]!, 0);
    }
  }

  #addComputed(inFlight: RequestInFlight, run: FeastRun): void {
    const computed = inFlight.computed!;
    for (let r = 0; r < inFlight.request.count; r++) {
      const status = statusOfRun(inFlight, run, r);
      const pieces = status === PRESENT ? piecesOfComputed(computed, r, run) : run.absent[status]!;
      this.statuses.push(status);
      this.times.add(pieces, 0);
      this.rows.add(pieces, 0);
    }
  }

  #addRow(row: CachedRow): void {
    const start = row.findReady(FEAST_PIECES);
    if (start !== NO_PIECE) return this.times.add(row.ready!.view, start);
    const pieces = piecesOf(row);
    this.made.push({ row, pieces });
    this.times.add(pieces, 0);
  }
}

/** Moves the cursors from the piece of one feature to that of another. */
function walk({ views, starts }: PiecesList, cursors: number[], from: number, to: number): void {
  let stoodAt = from;
  if (to < from) {
    for (let r = 0; r < views.length; r++) cursors[r] = pieceAfter(views[r]!, starts[r]!);
    stoodAt = 0;
  }
  for (; stoodAt < to; stoodAt++) {
    for (let r = 0; r < views.length; r++) cursors[r] = pieceAfter(views[r]!, cursors[r]!);
  }
}

function writeTail(times: PiecesList, statuses: readonly number[], out: AnswerBuffer): void {
  let names = FEAST_STATUS_TEXTS[statuses[0]!]!;
  for (let r = 1; r < statuses.length; r++) names += `,${FEAST_STATUS_TEXTS[statuses[r]!]!}`;
  out.text(`],"statuses":[${names}],"event_timestamps":`);
  const zeros = times.views.map(() => 0);
  out.list(times.views, times.starts.slice(), zeros);
  out.text(']}');
}
