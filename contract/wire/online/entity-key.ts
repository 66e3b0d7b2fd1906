/**
 * The key of an entity's hash online: `fstore:{entity}:{id}` without the braces, after an optional prefix.
 *
 *   id = part | part '|' part ...      parts in byte order of the join-key names
 *   part: an integer's shortest decimal text, or a string's UTF-8 with % { } | : and control bytes as %XX
 *
 * The escaping keeps an id from being read as a Redis Cluster hash tag (`{...}`) or as two parts.
 */
import type { Entity, JoinKey } from '../../model.ts';
import type { KeyValue } from '../../value-type.ts';

export const MAX_ID_BYTES = 512;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
// oxlint-disable-next-line no-control-regex -- control bytes are what is escaped
const ESCAPED = /[%{}|:\u0000-\u001f\u007f]/g;

/** What is wrong with a value as a join key; `parseKeyValue` returns it in place of a key. */
interface KeyFault {
  readonly fault: string;
}

/**
 * Takes a join-key value as a request or a file gives it.
 *
 * @param raw  JSON: a string, an integer, a bigint (an integer that the JSON reader kept exact), or decimal text
 * @returns    the canonical part of the id (integers in shortest text, strings escaped), or what is wrong with it.
 *             null is not taken here: the caller decides what a null key means
 */
export function parseKeyPart(key: JoinKey, raw: unknown): string | KeyFault {
  if (key.type === 'string') return typeof raw === 'string' ? stringPart(key, raw) : wrongType(key, raw);
  const integer = toInteger(raw);
  if (integer === null) return wrongType(key, raw);
  const [low, high] = key.type === 'int32' ? [-(2n ** 31n), 2n ** 31n - 1n] : [INT64_MIN, INT64_MAX];
  if (integer < low || integer > high)
    return { fault: `join key ${key.name} is outside ${key.type}: ${integer}` };
  return integer.toString();
}

function toInteger(raw: unknown): bigint | null {
  if (typeof raw === 'bigint') return raw;
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? BigInt(raw) : null;
  if (typeof raw === 'string' && /^-?\d{1,20}$/.test(raw)) return BigInt(raw);
  return null;
}

function stringPart(key: JoinKey, text: string): string | KeyFault {
  if (!text.isWellFormed())
    return { fault: `join key ${key.name} holds a lone surrogate, which has no UTF-8` };
  if (Buffer.byteLength(text) > MAX_ID_BYTES) {
    return {
      fault: `join key ${key.name} is ${Buffer.byteLength(text)} bytes long; at most ${MAX_ID_BYTES} are taken`,
    };
  }
  return text.replace(ESCAPED, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

function wrongType(key: JoinKey, raw: unknown): KeyFault {
  return { fault: `join key ${key.name} should be of type ${key.type}, got ${describeRaw(raw)}` };
}

/** Never calls what was sent: `String` of an object runs its own `toString`. */
function describeRaw(raw: unknown): string {
  if (raw === null || raw === undefined) return String(raw);
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'object') return 'an object';
  if (typeof raw === 'string') return `${JSON.stringify(raw.slice(0, 40))} (string)`;
  if (Number.isNaN(raw)) return 'a number that is not whole';
  return `${String(raw).slice(0, 40)} (${typeof raw})`;
}

/**
 * @returns the value that a part of an id stands for: the inverse of `parseKeyPart`; null when it is no part of this
 *          key, which a part that was logged under another definition, or by who knows whom, may be
 */
export function keyValueOf(key: JoinKey, part: string): KeyValue | null {
  if (key.type !== 'string') {
    if (parseKeyPart(key, part) !== part) return null;
    return key.type === 'int32' ? Number(part) : BigInt(part);
  }
  return part.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * @param parts  one canonical part for each join key of the entity, in its order
 * @returns      the key of the entity's hash
 */
export function entityKey(keyPrefix: string, entity: string, parts: readonly string[]): string {
  return `${keyPrefix}fstore:${entity}:${parts.length === 1 ? parts[0]! : parts.join('|')}`;
}

/** Makes the key from typed values that are known to fit, e.g. those of a history row. Throws if one does not. */
export function entityKeyOf(keyPrefix: string, entity: Entity, values: readonly KeyValue[]): string {
  const parts = entity.joinKeys.map((key, i) => {
    const part = parseKeyPart(key, values[i]);
    if (typeof part !== 'string') throw new TypeError(part.fault);
    return part;
  });
  return entityKey(keyPrefix, entity.name, parts);
}
