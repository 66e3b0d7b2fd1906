/**
 * Whether a column of the labels has the parts of an on-demand input, as strictly as a request is read: structs with
 * exactly the input's fields, maps with each key once, truth values that are none but true and false, int32s that are
 * no text. By the rule for sources a field that lacks would be null, of a key that stands twice the last value would
 * count, and 1 would be true: the model would learn from what serving refuses.
 */
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { SourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import type { ValueType } from '../../contract/value-type.ts';

/** @returns which field is at fault, as `lacks the field lon`; null: none. Names are compared without case */
export function fieldFault(from: SourceType, wanted: ValueType): string | null {
  return wanted.kind === 'bool' ? null : partFault(from, wanted, '');
}

function partFault(from: SourceType, wanted: ValueType, path: string): string | null {
  if (wanted.kind === 'bool' && from.kind === 'scalar' && from.name !== 'BOOLEAN' && from.name !== 'NULL')
    return 'is neither true nor false';
  // A request has text for a number only where no double holds all of its type.
  if (wanted.kind === 'int32' && from.kind === 'scalar' && from.name === 'VARCHAR') return 'is text';
  if ((wanted.kind === 'list' && from.kind === 'list') || (wanted.kind === 'map' && from.kind === 'map'))
    return partFault(from.of, wanted.of, path);
  if (wanted.kind !== 'struct' || from.kind !== 'struct') return null;
  for (const { name, type } of wanted.fields) {
    const own = fieldOf(from, name);
    if (own === undefined) return `lacks the field ${path}${name}`;
    const fault = partFault(own.type, type, `${path}${name}.`);
    if (fault !== null) return fault;
  }
  const known = new Set(wanted.fields.map(({ name }) => name.toLowerCase()));
  const other = from.fields.find(({ name }) => !known.has(name.toLowerCase()));
  return other === undefined ? null : `has the field ${path}${other.name} besides`;
}

/**
 * @param sql  an expression of the type `from`
 * @returns    SQL of whether all maps within have each key once; null: there are no maps
 */
export function keysOnceSql(from: SourceType, wanted: ValueType, sql: string, depth = 0): string | null {
  if (wanted.kind === 'struct' && from.kind === 'struct') {
    const parts = wanted.fields.flatMap(({ name, type }) => {
      const own = fieldOf(from, name);
      if (own === undefined) return [];
      return keysOnceSql(own.type, type, `struct_extract(${sql}, ${quoteText(own.name)})`, depth) ?? [];
    });
    return parts.length === 0 ? null : parts.join(' AND ');
  }
  if (wanted.kind === 'list' && from.kind === 'list') return itemsOnceSql(from.of, wanted.of, sql, depth);
  if (wanted.kind !== 'map' || from.kind !== 'map') return null;
  const keys = `map_keys(${sql})`;
  const inner = itemsOnceSql(from.of, wanted.of, `map_values(${sql})`, depth);
  const own = `coalesce(len(${keys}) = len(list_distinct(${keys})), true)`;
  return inner === null ? own : `${own} AND ${inner}`;
}

function itemsOnceSql(from: SourceType, wanted: ValueType, list: string, depth: number): string | null {
  const item = `m${depth}`;
  const once = keysOnceSql(from, wanted, item, depth + 1);
  return once === null
    ? null
    : `coalesce(len(list_filter(${list}, lambda ${item}: NOT (${once}))) = 0, true)`;
}

function fieldOf({ fields }: SourceType & { kind: 'struct' }, name: string) {
  return fields.find((field) => field.name.toLowerCase() === name.toLowerCase());
}
