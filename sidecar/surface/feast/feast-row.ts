/**
 * A row's columns in an answer of one row, one for each feature of a run. Copied from the ready ring where the row has
 * them there; else made of the row's values, and kept once the row is asked for again.
 */
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import type { CachedRow } from '../../cache/cached-row.ts';
import type { FeastRun } from './feast-plan.ts';
import { FEAST_NOT_FOUND, FEAST_NULL, FEAST_PRESENT, feastEventTime, feastText } from './feast-text.ts';

const FIRST_COLUMN = Buffer.from('{"values":[');

/** Writes the columns of a run, comma-separated. @param row  is PRESENT */
export function writeRowColumns(row: CachedRow, run: FeastRun, out: AnswerBuffer): void {
  if (row.writeReady(run.kind, out)) return;
  const from = out.length;
  makeColumns(row, run.features, out);
  row.keep(run.kind, out.since(from));
}

function makeColumns(row: CachedRow, run: readonly number[], out: AnswerBuffer): void {
  const { values } = row;
  const { features } = row.view.view;
  const tail = `],"event_timestamps":[${feastEventTime(row.eventUs)}]}`;
  const present = Buffer.from(`],"statuses":[${FEAST_PRESENT}${tail},{"values":[`, 'latin1');
  out.bytes(FIRST_COLUMN);
  const last = run.length - 1;
  for (let i = 0; i <= last; i++) {
    const index = run[i]!;
    const value = values[index];
    const { type, missing } = features[index]!;
    const text = feastText(type, value === undefined ? missing : value);
    if (type.kind === 'float64') out.latin1(text);
    else out.text(text);
    if (i < last && value !== undefined && value !== null) {
      out.bytes(present);
      continue;
    }
    const status = value === undefined ? FEAST_NOT_FOUND : value === null ? FEAST_NULL : FEAST_PRESENT;
    out.text(`],"statuses":[${status}${tail}${i === last ? '' : ',{"values":['}`);
  }
}
