/**
 * An entity as the state of a stream names it: one text. An entity of one key is that key's text; of several, their
 * texts as a JSON array.
 */
import type { Entity } from '../../contract/model.ts';
import type { KeyValue } from '../../contract/value-type.ts';

export function entityText(keys: readonly KeyValue[]): string {
  return keys.length === 1 ? String(keys[0]) : JSON.stringify(keys.map(String));
}

/** @returns the values of the join keys, in the entity's order */
export function entityKeys({ joinKeys }: Entity, text: string): KeyValue[] {
  const parts = joinKeys.length === 1 ? [text] : (JSON.parse(text) as string[]);
  return joinKeys.map(({ type }, i) => {
    const part = parts[i]!;
    return type === 'string' ? part : type === 'int32' ? Number(part) : BigInt(part);
  });
}
