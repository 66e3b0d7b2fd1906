/**
 * `plumb compute`: the function of an on-demand view over rows that another program pipes through, Spark above all. It
 * is the code of serving, so its bits are the same.
 *
 *   Arrow stream in: a column an argument -> the function, row by row -> Arrow stream out: a column a feature
 *
 * Each batch that came gives one that goes, with as many rows in their order; the next is read when it is taken. Called
 * by training/commands.ts.
 */
import type { Bundle, OnDemandView } from '../../contract/model.ts';
import { openCaller } from '../../contract/on-demand/function-caller.ts';
import type { FunctionCaller } from '../../contract/on-demand/function-caller.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import { countText } from '../../contract/std/count-text.ts';
import type { Value } from '../../contract/value-type.ts';
import { batchMessage } from '../arrow/arrow-batch.ts';
import type { ArrowField } from '../arrow/arrow-field.ts';
import { END, schemaMessage } from '../arrow/arrow-message.ts';
import { ArrowStream, StreamFault } from '../arrow/arrow-stream.ts';
import type { ArrowBatch } from '../arrow/arrow-stream.ts';
import { BadValue, openColumns } from '../arrow/arrow-values.ts';
import { trainingError } from '../errors.ts';
import { matchColumns } from './pipe-columns.ts';
import type { PipedView } from './piped-view.ts';

/** A thread of its own has 64 MiB for what it is sent at once. */
const ROWS_AT_ONCE = 1_024;
/** Of the times that go: they are moments. */
const ZONE = 'UTC';

export interface Piped {
  readonly rows: number;
  /** A sentence for each reason for which calls gave no values. */
  readonly notes: readonly string[];
}

interface PipeEnds {
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when the reader has taken it. */
  write(bytes: Uint8Array): Promise<void>;
}

/** The columns of a stream, as its schema has them. */
interface PipedColumns {
  readonly fields: readonly ArrowField[];
  /** For each argument its column. */
  readonly columns: readonly (number | null)[];
}

/** @throws TRAIN_STREAM; TRAIN_COLUMNS, also for a value that is none of its argument's type, with its row */
export async function runPipe(bundle: Bundle, piped: PipedView, { input, write }: PipeEnds): Promise<Piped> {
  const stream = new ArrowStream(input);
  const fields = await told(stream.schema());
  const columns = { fields, columns: matchColumns(piped, fields) };
  const caller = await openCaller(piped.view, bundle);
  const faults = new FaultCounts();
  let rows = 0;
  try {
    await write(schemaMessage(piped.gives, ZONE));
    const batches = stream.batches();
    for (;;) {
      const { done, value: batch } = await told(batches.next());
      if (done === true) break;
      const given = valuesOf(piped, columns, batch, rows);
      const outputs = await computed(caller, piped.view, given, (fault, i) =>
        faults.add(fault, rows + i + 1),
      );
      await write(messageOf(piped, outputs, batch.rows));
      rows += batch.rows;
    }
    await write(END);
  } finally {
    await caller.close();
  }
  return { rows, notes: faults.notes(piped.view.name) };
}

/** @throws TRAIN_STREAM in place of a StreamFault */
async function told<Of>(read: Promise<Of>): Promise<Of> {
  try {
    return await read;
  } catch (error) {
    throw error instanceof StreamFault ? streamError(error) : error;
  }
}

function streamError(fault: Error): Error {
  return trainingError('TRAIN_STREAM', `the Arrow stream on stdin: ${fault.message}`, {}, fault);
}

/**
 * @param before  how many rows came before this batch
 * @returns       by row, by argument
 */
function valuesOf(
  { takes }: PipedView,
  { fields, columns }: PipedColumns,
  batch: ArrowBatch,
  before: number,
): Value[][] {
  let at = { row: 0, name: '' };
  try {
    const types = fields.map((_, i) => takes[columns.indexOf(i)]!.type);
    const opened = openColumns(batch, fields, types);
    const reads = columns.map((column) => (column === null ? () => null : opened[column]!));
    return Array.from({ length: batch.rows }, (_, row) =>
      takes.map(({ name, isNeeded }, i) => {
        at = { row, name };
        const value = reads[i]!(row);
        if (value === null && isNeeded) throw new BadValue('it is null, and the input is not optional');
        return value;
      }),
    );
  } catch (error) {
    if (error instanceof StreamFault) throw streamError(error);
    if (!(error instanceof BadValue)) throw error;
    const message = `row ${before + at.row + 1}, ${at.name}: ${error.message}`;
    const details = { field: at.name, help: 'Mend the row, or leave it out.' };
    throw trainingError('TRAIN_COLUMNS', message, details, error);
  }
}

/**
 * @param onFault  gets each call that gave no values, with its row's index; fallbacks stand in
 * @returns        by feature, by row
 */
async function computed(
  caller: FunctionCaller,
  { features }: OnDemandView,
  rows: readonly (readonly Value[])[],
  onFault: (fault: OnDemandFault, row: number) => void,
): Promise<Value[][]> {
  const outputs: Value[][] = features.map(() => []);
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const outcomes = await caller.call(rows.slice(from, from + ROWS_AT_ONCE));
    for (const [i, outcome] of outcomes.entries()) {
      const isFault = outcome instanceof OnDemandFault;
      if (isFault) onFault(outcome, from + i);
      for (const [f, { missing }] of features.entries()) outputs[f]!.push(isFault ? missing : outcome[f]!);
    }
  }
  return outputs;
}

function messageOf({ gives }: PipedView, outputs: readonly Value[][], rows: number): Uint8Array {
  try {
    const types = gives.map(({ type }) => type);
    return Buffer.concat(batchMessage(types, outputs, rows));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `the features of ${countText(rows, 'row')}: ${error.message}`;
    throw trainingError('TRAIN_STREAM', message, { help: 'Pipe smaller batches.' }, error);
  }
}

/** Calls that gave no values, by their reason. */
class FaultCounts {
  readonly #by = new Map<string, { calls: number; readonly message: string; readonly row: number }>();

  add({ reason, message }: OnDemandFault, row: number): void {
    const before = this.#by.get(reason);
    if (before === undefined) this.#by.set(reason, { calls: 1, message, row });
    else before.calls += 1;
  }

  notes(view: string): string[] {
    return [...this.#by.values()].map(({ calls, message, row }) => {
      const which = calls === 1 ? `row ${row}` : `row ${row} is the first`;
      return `${countText(calls, 'row')} ${calls === 1 ? 'has' : 'have'} no ${view}: ${message} (${which}).`;
    });
  }
}
