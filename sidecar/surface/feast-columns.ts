/**
 * The columns of an answer in Feast's form, for any number of rows in any state:
 *
 *   ,{"values":[v,v,..],"statuses":["PRESENT",..],"event_timestamps":["..",..]}
 *              ^ pieces  ^ the tail: that of the column before, copied whole while the statuses stay the same
 *
 * The pieces of a row stand in the order of its view, and so do the features of nearly every service: a cursor a row
 * walks over them. Lost: a string a column, of which an answer of 50 rows x 50 features (134 KB) took 265 us, where it
 * now takes 100, in one process on a busy machine; `npm run bench` has the figure of the whole path.
 */
import { PRESENT } from '../../registry/status.ts';
import type { AnswerBuffer } from '../answer-buffer.ts';
import { pieceAfter } from '../feast-pieces.ts';
import type { FeastRun } from '../feast-plan.ts';
import { FEAST_STATUS_TEXTS } from '../value-text.ts';
import type { Work } from '../work.ts';

/** Writes the columns of a run of features, each with a comma before it. */
export function writeColumns(work: Work, { role, features }: FeastRun, out: AnswerBuffer): void {
  const { plan, count } = work.asked;
  const roles = plan.roleViews.length;
  const { absentFeast } = plan.roleViews[role]!;
  const rows: DataView[] = [];
  const times: DataView[] = [];
  const cursors: number[] = [];
  const statuses: number[] = [];
  for (let r = 0; r < count; r++) {
    const at = r * roles + role;
    const row = work.rows[at]!;
    const status = work.statuses[at]!;
    const pieces = status === PRESENT ? row!.feastPieces : absentFeast[status]!;
    rows.push(pieces);
    // A row that is too old to be shown still has its time.
    times.push(row === null || row.raw === null ? pieces : row.feastPieces);
    cursors.push(pieceAfter(pieces, 0));
    statuses.push(status);
  }
  let stoodAt = 0;
  let tailFrom = 0;
  let tailTo = 0;
  for (let f = 0; f < features.length; f++) {
    walk(rows, cursors, stoodAt, features[f]!);
    stoodAt = features[f]! + 1;
    out.text(',{"values":');
    const isSame = out.list(rows, cursors, statuses);
    if (isSame && f > 0) {
      out.again(tailFrom, tailTo);
      continue;
    }
    tailFrom = out.length;
    writeTail(times, statuses, out);
    tailTo = out.length;
  }
}

/** Moves the cursors from the piece of one feature to that of another. */
function walk(rows: readonly DataView[], cursors: number[], from: number, to: number): void {
  let stoodAt = from;
  if (to < from) {
    for (let r = 0; r < rows.length; r++) cursors[r] = pieceAfter(rows[r]!, 0);
    stoodAt = 0;
  }
  for (; stoodAt < to; stoodAt++) {
    for (let r = 0; r < rows.length; r++) cursors[r] = pieceAfter(rows[r]!, cursors[r]!);
  }
}

/** @param times  pieces that begin with the time of their row */
function writeTail(times: readonly DataView[], statuses: readonly number[], out: AnswerBuffer): void {
  let names = FEAST_STATUS_TEXTS[statuses[0]!]!;
  for (let r = 1; r < statuses.length; r++) names += `,${FEAST_STATUS_TEXTS[statuses[r]!]!}`;
  out.text(`],"statuses":[${names}],"event_timestamps":`);
  const zeros = times.map(() => 0);
  out.list(times, zeros, zeros.slice());
  out.text(']}');
}
