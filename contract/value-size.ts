/** About how much memory a value takes, as it counts for bounds. */
import type { Value } from './value-type.ts';

/** @returns bytes; 8 for a number, 1 for each character of a text, and for lists, maps and structs what they hold */
export function sizeOfValue(value: Value): number {
  if (value === null || typeof value !== 'object') return typeof value === 'string' ? value.length : 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 0;
  if (value instanceof Map) for (const [key, item] of value) bytes += key.length + sizeOfValue(item);
  else if (Array.isArray(value)) for (const item of value) bytes += sizeOfValue(item as Value);
  else for (const item of Object.values(value as Readonly<Record<string, Value>>)) bytes += sizeOfValue(item);
  return bytes;
}
