/**
 * An entity as the state of a stream names it: one text. An entity of one key is that key's text; of several, their
 * texts as a JSON array.
 */
import type { Entity } from '../../contract/model.ts';
import type { KeyValue } from '../../contract/value-type.ts';

export function entityText(keys: readonly KeyValue[]): string {
  return keys.length === 1 ? String(keys[0]) : JSON.stringify(keys.map(String));
}

/**
 * An entity as it is looked up in memory: of one key that is a whole number which a double holds that number, which
 * costs no text; of all others their text. `String` of it is `entityText`.
 */
export type EntityRef = number | string;

export function entityRef(key: KeyValue): EntityRef {
  if (typeof key === 'string') return key;
  const number = Number(key);
  return Number.isSafeInteger(number) ? number : String(key);
}

/** @param text  of `entityText` */
export function refOfText({ joinKeys }: Entity, text: string): EntityRef {
  if (joinKeys.length > 1 || joinKeys[0]!.type === 'string') return text;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

/** @returns the values of the join keys, in the entity's order */
export function entityKeys({ joinKeys }: Entity, text: string): KeyValue[] {
  const parts = joinKeys.length === 1 ? [text] : (JSON.parse(text) as string[]);
  return joinKeys.map(({ type }, i) => {
    const part = parts[i]!;
    return type === 'string' ? part : type === 'int32' ? Number(part) : BigInt(part);
  });
}
