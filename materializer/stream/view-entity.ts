/**
 * An entity as the state of a stream names it: one text. An entity of one key is that key's text; of several, their
 * texts as a JSON array.
 */
import type { Entity } from '../../contract/model.ts';
import type { KeyValue } from '../../contract/value-type.ts';

export function entityText(keys: readonly KeyValue[]): string {
  return keys.length === 1 ? String(keys[0]) : JSON.stringify(keys.map(String));
}

const PLACES = 65_536;

/** The texts of entities of one key: one that was met of late has the same string again, whose hash is known. */
export class KeyTexts {
  readonly #numbers = new Float64Array(PLACES).fill(NaN);
  readonly #texts: string[] = Array<string>(PLACES).fill('');

  /** @returns what `entityText` says */
  of(key: KeyValue): string {
    if (typeof key === 'string') return key;
    const number = Number(key);
    if (!Number.isSafeInteger(number)) return String(key);
    const place = Math.abs(number) % PLACES;
    if (this.#numbers[place] === number) return this.#texts[place]!;
    this.#numbers[place] = number;
    return (this.#texts[place] = String(number));
  }
}

/** @returns the values of the join keys, in the entity's order */
export function entityKeys({ joinKeys }: Entity, text: string): KeyValue[] {
  const parts = joinKeys.length === 1 ? [text] : (JSON.parse(text) as string[]);
  return joinKeys.map(({ type }, i) => {
    const part = parts[i]!;
    return type === 'string' ? part : type === 'int32' ? Number(part) : BigInt(part);
  });
}
