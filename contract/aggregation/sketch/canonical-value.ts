/**
 * The canonical bytes of a value: what is hashed where values are told apart by a hash. Every engine can make them, and
 * wider types of one value have the same: an int32 those of the int64, a float32 those of the float64.
 *
 *   string                    its UTF-8
 *   bool                      true, false
 *   int32, int64, timestamp   decimal text; of a timestamp the microseconds since 1970
 *   float32, float64          the 8 bytes of the double, big-endian; -0 as 0
 *   bytes                     as they are
 */
import type { Value, ValueType } from '../../value-type.ts';

/** @param value  a single value, not null: no list, map or struct */
export function canonicalBytes(type: ValueType, value: Value): Buffer {
  switch (type.kind) {
    case 'float32':
    case 'float64': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(value === 0 ? 0 : (value as number));
      return bytes;
    }
    case 'bytes':
      return Buffer.from(value as Uint8Array);
    default:
      return Buffer.from(String(value));
  }
}
