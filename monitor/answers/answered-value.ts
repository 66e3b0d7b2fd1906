/**
 * Whether an answer says of a value what the log's row says: the form of each surface read back, to the last digit.
 *
 *              native                          Feast's surface            tensors
 *   int64      every digit                     every digit                a double or float32
 *   float      the number; NaN, inf: null      "NaN", "Infinity"          the same; null: NaN
 *   timestamp  RFC 3339                        epoch seconds              none
 *   bytes      base64                          base64                     none
 */
import { timestampText } from '../../contract/std/timestamp.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

/** A number of a JSON text, with all its digits. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** JSON in which numbers are NumberText. */
export type AnswerJson =
  null | boolean | string | NumberText | readonly AnswerJson[] | { readonly [name: string]: AnswerJson };

export type AnswerForm = 'native' | 'feast';

/** @returns a JSON text, with all digits of its numbers @throws SyntaxError */
export function answerJson(text: string): AnswerJson {
  const withDigits = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? new NumberText(context!.source!) : value;
  return JSON.parse(text, withDigits as Parameters<typeof JSON.parse>[1]) as AnswerJson;
}

/** @param value  as the row has it, after fallbacks */
export function saysValue(form: AnswerForm, type: ValueType, value: Value, said: AnswerJson): boolean {
  if (value === null) return said === null;
  switch (type.kind) {
    case 'bool':
    case 'string':
      return said === value;
    case 'int32':
    case 'int64':
      return said instanceof NumberText && said.text === String(value);
    case 'float32':
    case 'float64':
      return saysFloat(form, type.kind, value as number, said);
    case 'timestamp':
      return saysTimestamp(form, value as bigint, said);
    case 'bytes':
      return said === Buffer.from(value as Uint8Array).toString('base64');
    case 'embedding':
      return saysItems(form, { kind: 'float32' }, [...(value as Float32Array)], said);
    case 'list':
      return saysItems(form, type.of, value as readonly Value[], said);
    case 'map': {
      const map = value as ReadonlyMap<string, Value>;
      if (!isObject(said) || Object.keys(said).length !== map.size) return false;
      return [...map].every(
        ([key, item]) => Object.hasOwn(said, key) && saysValue(form, type.of, item, said[key]!),
      );
    }
    case 'struct': {
      const struct = value as { readonly [field: string]: Value };
      if (!isObject(said) || Object.keys(said).length !== type.fields.length) return false;
      return type.fields.every(
        (f) => Object.hasOwn(said, f.name) && saysValue(form, f.type, struct[f.name] ?? null, said[f.name]!),
      );
    }
  }
}

function saysFloat(form: AnswerForm, kind: 'float32' | 'float64', value: number, said: AnswerJson): boolean {
  if (!Number.isFinite(value)) return form === 'native' ? said === null : said === String(value);
  if (!(said instanceof NumberText)) return false;
  const number = Number(said.text);
  return Object.is(kind === 'float32' ? Math.fround(number) : number, value);
}

function saysTimestamp(form: AnswerForm, us: bigint, said: AnswerJson): boolean {
  if (form === 'native') return said === timestampText(us);
  const seconds = (us - (((us % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n;
  return said instanceof NumberText && said.text === String(seconds);
}

function saysItems(form: AnswerForm, of: ValueType, items: readonly Value[], said: AnswerJson): boolean {
  if (!Array.isArray(said) || said.length !== items.length) return false;
  return items.every((item, i) => saysValue(form, of, item, (said as readonly AnswerJson[])[i]!));
}

function isObject(said: AnswerJson): said is { readonly [name: string]: AnswerJson } {
  return typeof said === 'object' && said !== null && !Array.isArray(said) && !(said instanceof NumberText);
}
