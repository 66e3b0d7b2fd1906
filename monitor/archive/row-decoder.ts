/**
 * Decodes the rows that one definition of a view wrote, straight into the columns of a table. Made once for each
 * definition id that a table meets. A row that is no such row leaves all of its columns null.
 */
import { matchFeatures } from '../../contract/feature-match.ts';
import { haveSameKeys, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import type { RowSchema } from '../../contract/model.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { HEADER_BYTES } from '../../contract/wire/online/row-header.ts';
import type { Column } from '../../project/engine/duckdb/column.ts';
import { featuresOfRow } from './archive-shape.ts';
import type { ArchiveShape } from './archive-shape.ts';
import type { ArchiveTable } from './archive-table.ts';
import { columnOf } from './value-column.ts';
import type { ValueReader } from './value-column.ts';
import type { WalkedRow } from '../../contract/wire/log/record-walk.ts';

const HMAC_BYTES = 32;
/** A spare column is written at its first place, again and again. */
const SPARE_ROWS = 8;

export class RowDecoder {
  /** In the order of the row's values: their types, and the columns that they go to. */
  readonly #types: readonly ValueType[];
  readonly #columns: readonly Column[];
  readonly #isSpare: readonly boolean[];
  /** Columns of values that the table does not have: read, since the whole row must be sound, and forgotten. */
  readonly #spare: readonly Column[];
  /** Columns of features that the definition does not have. */
  readonly #absent: readonly Column[];
  /** For each HMAC of a masked row the column that it goes to; null: the table has none. */
  readonly #hmacs: readonly (Column | null)[];

  /**
   * @param shape  one of the table's columns, by which its rows are found
   * @param role   index into the shape's roles; its view is known
   */
  constructor(table: ArchiveTable, shape: ArchiveShape, role: number, schema: RowSchema) {
    const { view, entity } = shape.roles[role]!;
    // A row that was written under other join keys stands under this entity's key by chance.
    const isAnothers = !haveSameKeys(schema, rowSchemaOf(view!, entity!));
    const own = featuresOfRow(shape, role, schema.features).map((f) => (isAnothers ? -1 : f));
    this.#types = schema.features.map(({ type }) => type);
    this.#columns = own.map((f, i) =>
      f === -1 ? columnOf(this.#types[i]!, SPARE_ROWS) : table.features[f]!.values,
    );
    this.#isSpare = own.map((f) => f === -1);
    this.#spare = this.#columns.filter((_, i) => this.#isSpare[i]);
    this.#absent = shape.features.flatMap((feature, f) => {
      if (feature.role !== role) return [];
      const { values, hmacs } = table.features[f]!;
      return own.includes(f) ? [] : hmacs === null ? [values] : [values, hmacs];
    });
    const hashed = new Set(view!.features.flatMap(({ name, log }) => (log === 'hmac' ? [name] : [])));
    const inRow = schema.features.filter(({ name }) => hashed.has(name));
    const features = shape.features.filter((feature) => feature.role === role);
    const places = matchFeatures(inRow, features).map((f) => (isAnothers || f === -1 ? null : features[f]!));
    this.#hmacs = places.map((feature) =>
      feature === null ? null : table.features[shape.features.indexOf(feature)]!.hmacs,
    );
  }

  /** @returns false when the bytes, where the reader is, are no row of the definition */
  decode(reader: ValueReader, row: WalkedRow, next: number): boolean {
    for (let i = 0; i < this.#spare.length; i++) this.#spare[i]!.clear();
    for (let i = 0; i < this.#absent.length; i++) this.#absent[i]!.setNull(next);
    if (this.#read(reader, row, next)) return true;
    for (let i = 0; i < this.#columns.length; i++) this.#columns[i]!.setNull(next);
    return false;
  }

  #read(reader: ValueReader, row: WalkedRow, next: number): boolean {
    const types = this.#types;
    const columns = this.#columns;
    if (reader.begin(row.from + HEADER_BYTES, row.to) !== types.length) return false;
    const isSpare = this.#isSpare;
    for (let i = 0; i < types.length; i++) {
      if (!reader.value(types[i]!, columns[i]!, isSpare[i] ? 0 : next)) return false;
    }
    return reader.isAtEnd;
  }

  /** Writes the HMACs of a masked row. @returns false when they are not one for each hashed feature */
  hash(buffer: Buffer, { hmacs }: WalkedRow, next: number): boolean {
    if (hmacs.length !== this.#hmacs.length) return false;
    for (let i = 0; i < hmacs.length; i++)
      this.#hmacs[i]?.setText(next, buffer, hmacs[i]!, hmacs[i]! + HMAC_BYTES);
    return true;
  }
}
