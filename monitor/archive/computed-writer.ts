/**
 * Writes what a vector has of on-demand views into the columns of a table: a status each view, and the values of its
 * two arrays, inputs and outputs, each straight into the column of its type. An array that cannot be read keeps its
 * bytes.
 */
import type { RecordWalk, Span } from '../../contract/wire/log/record-walk.ts';
import type { Column } from '../../project/engine/duckdb/column.ts';
import type { ComputedColumns, ValueColumns } from './archive-table.ts';
import type { ShapeComputed, ShapeValue } from './computed-shape.ts';
import type { ValueReader } from './value-column.ts';

const HMAC_BYTES = 32;

export class ComputedWriter {
  readonly #columns: ComputedColumns;
  readonly #shape: ShapeComputed;
  /** The columns of HMACs, in the order in which the log has them. */
  readonly #inputHmacs: readonly Column[];
  readonly #outputHmacs: readonly Column[];

  constructor(columns: ComputedColumns, shape: ShapeComputed) {
    this.#columns = columns;
    this.#shape = shape;
    this.#inputHmacs = columns.inputs.flatMap(({ hmacs }) => hmacs ?? []);
    this.#outputHmacs = columns.outputs.flatMap(({ hmacs }) => hmacs ?? []);
  }

  /**
   * Fills in row `next`.
   *
   * @param reader  of the record's bytes
   * @param walk    has gone over the vector
   */
  write(reader: ValueReader, walk: RecordWalk, next: number): void {
    const { statuses, inputs, outputs, undecodedInputs, undecodedOutputs } = this.#columns;
    for (let v = 0; v < statuses.length; v++) statuses[v]!.bytes[next] = walk.statuses[v]!;
    if (read(reader, walk.inputs, { types: this.#shape.inputs, columns: inputs }, next))
      undecodedInputs.setNull(next);
    else undecodedInputs.setText(next, walk.record, walk.inputs.from, walk.inputs.to);
    if (read(reader, walk.outputs, { types: this.#shape.outputs, columns: outputs }, next))
      undecodedOutputs.setNull(next);
    else undecodedOutputs.setText(next, walk.record, walk.outputs.from, walk.outputs.to);
    writeHmacs(walk.record, walk.inputHmacs, this.#inputHmacs, next);
    writeHmacs(walk.record, walk.outputHmacs, this.#outputHmacs, next);
  }
}

interface ReadValues {
  /** null: not all types are known. */
  readonly types: readonly ShapeValue[] | null;
  readonly columns: readonly ValueColumns[];
}

/** @returns false, with all columns null, where there are bytes that are no such values */
function read(
  reader: ValueReader,
  { from, to }: Span,
  { types, columns }: ReadValues,
  next: number,
): boolean {
  const isThere = from !== -1;
  if (isThere && types !== null && reader.begin(from, to) === types.length) {
    let i = 0;
    while (i < types.length && reader.value(types[i]!.type, columns[i]!.values, next)) i += 1;
    if (i === types.length && reader.isAtEnd) return true;
  }
  for (const { values } of columns) values.setNull(next);
  return !isThere;
}

function writeHmacs(bytes: Buffer, at: readonly number[], columns: readonly Column[], next: number): void {
  const areAll = at.length === columns.length;
  for (let i = 0; i < columns.length; i++) {
    if (areAll) columns[i]!.setText(next, bytes, at[i]!, at[i]! + HMAC_BYTES);
    else columns[i]!.setNull(next);
  }
}
