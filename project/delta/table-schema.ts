/**
 * The columns of a Delta table: names and types as its metaData says them.
 *
 *   bool boolean | int32 integer | int64 long | float32 float | float64 double | string string | bytes binary
 *   timestamp timestamp (microseconds, UTC) | list, embedding array | map map | struct struct
 *
 * Delta has no type without a sign and none of a float of two bytes; names count without case, as in every engine.
 */
import type { ValueType } from '../../contract/value-type.ts';

type DeltaType =
  | string
  | { readonly type: 'array'; readonly elementType: DeltaType; readonly containsNull: boolean }
  | {
      readonly type: 'map';
      readonly keyType: DeltaType;
      readonly valueType: DeltaType;
      readonly valueContainsNull: boolean;
    }
  | DeltaStruct;

interface DeltaStruct {
  readonly type: 'struct';
  readonly fields: readonly DeltaField[];
}

interface DeltaField {
  readonly name: string;
  readonly type: DeltaType;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, never>>;
}

/** A column of a table by the model's type. */
export interface TableColumn {
  readonly name: string;
  readonly type: ValueType;
}

const SCALAR_NAMES: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int32: 'integer',
  int64: 'long',
  float32: 'float',
  float64: 'double',
  string: 'string',
  bytes: 'binary',
  timestamp: 'timestamp',
};

export function deltaTypeOf(type: ValueType): DeltaType {
  switch (type.kind) {
    case 'list':
      return { type: 'array', elementType: deltaTypeOf(type.of), containsNull: true };
    case 'embedding':
      return { type: 'array', elementType: 'float', containsNull: true };
    case 'map':
      return { type: 'map', keyType: 'string', valueType: deltaTypeOf(type.of), valueContainsNull: true };
    case 'struct':
      return { type: 'struct', fields: type.fields.map(({ name, type: of }) => fieldOf(name, of)) };
    default:
      return SCALAR_NAMES[type.kind]!;
  }
}

function fieldOf(name: string, type: ValueType): DeltaField {
  return { name, type: deltaTypeOf(type), nullable: true, metadata: {} };
}

/** @returns the schemaString of metaData */
export function schemaText(columns: readonly TableColumn[]): string {
  const struct: DeltaStruct = {
    type: 'struct',
    fields: columns.map(({ name, type }) => fieldOf(name, type)),
  };
  return JSON.stringify(struct);
}

/**
 * The schema of a table after rows of these columns come to it.
 *
 * @param schema  the table's now
 * @returns       `schema` with the columns that it lacks behind its own; null: a column of that name has another type
 * or
 *                another spelling, so that no one schema says both
 */
export function grownSchema(schema: string, columns: readonly TableColumn[]): string | null {
  const { fields } = JSON.parse(schema) as DeltaStruct;
  const known = new Map(fields.map((field) => [field.name.toLowerCase(), field]));
  const more: DeltaField[] = [];
  for (const { name, type } of columns) {
    const field = fieldOf(name, type);
    const old = known.get(name.toLowerCase());
    if (old === undefined) more.push(field);
    else if (old.name !== name || JSON.stringify(old.type) !== JSON.stringify(field.type)) return null;
  }
  if (more.length === 0) return schema;
  return JSON.stringify({ type: 'struct', fields: [...fields, ...more] });
}
