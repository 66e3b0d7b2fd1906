/** An answer in Feast's form: a column for each join key and none for inputs, then one for each feature, then names. */
import { PRESENT } from '../../../contract/status.ts';
import type { AnswerBuffer } from '../../transport/answer-buffer.ts';
import { JSON_HEADERS } from '../../transport/transport.ts';
import type { RequestInFlight } from '../../request/request-in-flight.ts';
import type { ReplyHeaders } from '../../transport/transport.ts';
import { writeColumns } from './feast-columns.ts';
import { FEAST_NO_TIME } from './feast-pieces.ts';
import { feastPlan } from './feast-plan.ts';
import type { FeastNames } from './feast-plan.ts';
import { writeRowColumns } from './feast-row.ts';
import { FEAST_PRESENT } from './feast-text.ts';

const KEY_TAIL = keyTail(1);

export function answerFeast(
  inFlight: RequestInFlight<FeastNames>,
  _latencyMs: number,
  out: AnswerBuffer,
): ReplyHeaders {
  const { plan, count, texts, form } = inFlight.request;
  const { runs } = feastPlan(plan);
  writeKeys(inFlight, out);
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i]!;
    if (count === 1 && inFlight.statuses[run.role] === PRESENT) {
      // A cached row has the columns of one value each ready.
      if (i > 0 || texts.length > 0) out.comma();
      writeRowColumns(inFlight.rows[run.role]!, run, out);
    } else {
      writeColumns(inFlight, run, out, i === 0 && texts.length === 0);
    }
  }
  out.bytes(form.tail);
  return plan.deprecations === null ? JSON_HEADERS : plan.deprecations.jsonHeaders;
}

/** The join keys come back as columns of their own. */
function writeKeys(inFlight: RequestInFlight, out: AnswerBuffer): void {
  const { count, texts } = inFlight.request;
  const tail = count === 1 ? KEY_TAIL : keyTail(count);
  let head = '{"results":[';
  for (let k = 0; k < texts.length; k++) {
    const values = count === 1 ? texts[k]![0]! : texts[k]!.join(',');
    head += k === 0 ? `{"values":[${values}${tail}` : `,{"values":[${values}${tail}`;
  }
  out.text(head);
}

/** Statuses and times of the column of a join key. */
function keyTail(count: number): string {
  const statuses = `,${FEAST_PRESENT}`.repeat(count).slice(1);
  return `],"statuses":[${statuses}],"event_timestamps":[${`,${FEAST_NO_TIME}`.repeat(count).slice(1)}]}`;
}
